import { requireArgument } from '@nexus-net/sansio';
import type { DhcpOption, DhcpOptions } from '../option-list.js';
import { userClass } from '../options/sub-options.js';
import { OPTION, SERVER_OWN_OPTIONS } from './option-codes.js';
import type { RelayInformation } from './request.js';

/** Text is compared as ASCII, octet for octet. */
export type DhcpMatch = { readonly equals: string | Uint8Array } | { readonly startsWith: string | Uint8Array };

/** Clients that have something in common, and what is different for them. */
export interface DhcpClientClass {
  /** By which ranges of a pool name it. */
  readonly name: string;
  /** Everything that is given has to match; at least one is given. */
  readonly match: {
    /** Option 60. */
    readonly vendorClass?: DhcpMatch;
    /** Option 77: one of its classes (RFC 3004), or the whole value where a client sends bare text. */
    readonly userClass?: DhcpMatch;
    /** Option 82 of a relay, sub-option 1. */
    readonly circuitId?: DhcpMatch;
    /** Option 82 of a relay, sub-option 2. */
    readonly remoteId?: DhcpMatch;
  };
  /** These clients get no answer. Default false. */
  readonly deny?: boolean;
  /** Instead of the network's options with the same codes, or besides them. Of several classes the first one that has a code counts. */
  readonly options?: readonly DhcpOption[];
}

/** What a class may ask about. */
export interface ClassEvidence {
  readonly options: DhcpOptions;
  readonly relay: RelayInformation;
}

type Condition = (evidence: ClassEvidence) => boolean;

export interface ResolvedClass {
  readonly name: string;
  readonly deny: boolean;
  readonly options: ReadonlyMap<number, DhcpOption>;
  readonly conditions: readonly Condition[];
}

export const NO_CLASSES: readonly ResolvedClass[] = [];

export function resolveClasses(classes: readonly DhcpClientClass[]): readonly ResolvedClass[] {
  requireArgument(new Set(classes.map(({ name }) => name)).size === classes.length, 'each class has a name of its own');
  return classes.map(({ name, match, deny = false, options = [] }) => {
    const { vendorClass, userClass: ofUser, circuitId, remoteId } = match;
    const conditions: Condition[] = [];
    if (vendorClass !== undefined) {
      const test = matcher(vendorClass);
      conditions.push(({ options: sent }) => test(sent.get(OPTION.vendorClass)));
    }
    if (ofUser !== undefined) {
      const test = matcher(ofUser);
      conditions.push(({ options: sent }) => userClassesOf(sent.get(OPTION.userClass)).some(test));
    }
    if (circuitId !== undefined) {
      const test = matcher(circuitId);
      conditions.push(({ relay }) => test(relay.circuit));
    }
    if (remoteId !== undefined) {
      const test = matcher(remoteId);
      conditions.push(({ relay }) => test(relay.remote));
    }
    requireArgument(conditions.length > 0, `the class ${name} matches something`);
    for (const { code } of options)
      requireArgument(
        Number.isInteger(code) && code >= 1 && code <= 254 && !SERVER_OWN_OPTIONS.has(code),
        `option ${code} of the class ${name} is one that a configuration may set`,
      );
    const map = new Map(options.map(({ code, value }) => [code, { code, value: value.slice() }]));
    return { name, deny, options: map, conditions };
  });
}

/** The classes that the sender of a request belongs to, in the order of the configuration. */
export function classesOf(classes: readonly ResolvedClass[], evidence: ClassEvidence): readonly ResolvedClass[] {
  if (classes.length === 0) return NO_CLASSES;
  return classes.filter(({ conditions }) => conditions.every((condition) => condition(evidence)));
}

function matcher(match: DhcpMatch): (octets: Uint8Array | undefined) => boolean {
  const whole = 'equals' in match;
  const wanted = whole ? match.equals : match.startsWith;
  const octets = typeof wanted === 'string' ? Uint8Array.from(wanted, (character) => character.charCodeAt(0)) : wanted.slice();
  return (value) =>
    value !== undefined &&
    (whole ? value.length === octets.length : value.length >= octets.length) &&
    octets.every((octet, i) => octet === value[i]);
}

function userClassesOf(value: Uint8Array | undefined): readonly Uint8Array[] {
  if (value === undefined) return [];
  const decoded = userClass.decode(value);
  return decoded.ok && decoded.value.form === 'classes' ? [...decoded.value.classes, value] : [value];
}
