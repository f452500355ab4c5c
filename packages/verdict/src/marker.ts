import { formatIpv4, type Ipv4Address, tryParseIpv4 } from '@nexus-net/sansio';
import type { ProofName } from './evidence.js';

/** What may stand behind a marker's claim. */
export type Backing =
  /** A fact seen on the segment. */
  | 'wire'
  /** A fact seen on the guest's own loopback interface, which it exports. */
  | 'loopback'
  /** Nothing outside of the guest can confirm it: counted as unbacked in the verdict. */
  | 'local';

/** The name of a marker: stable, and used instead of its string wherever a program speaks of it. */
export type MarkerId = string;

/** One marker of the contract between a guest and its harness. */
export interface Marker {
  /**
   * The line, byte for byte, with places for its values: `{address}` and `{gateway}` (dotted, the gateway may be `none`), `{prefix}`
   * (0..32) and `{peer}` (a name without blanks).
   */
  readonly form: string;
  /** `line` (default): the form is the whole line. `beginning`: anything may follow. */
  readonly match?: 'line' | 'beginning';
  /** What is true when a guest prints it. */
  readonly meaning: string;
  readonly backing: Backing;
  /** The check that looks for the evidence: a row of `PROOFS`. Absent where backing is `local`, and only there. */
  readonly proof?: ProofName;
  /** How many exchanges the proof wants to have seen, where it counts them. Default 1. */
  readonly times?: number;
  /** Milliseconds after the line in which the evidence may still come. Default 2 000: the skew of two channels. */
  readonly evidenceWithinMs?: number;
  /** Beginnings of lines that say the opposite: each is forbidden wherever this marker is demanded. */
  readonly failures?: readonly string[];
  /** How many nodes it takes for the marker to be true. Default 1. */
  readonly nodes?: number;
  /** A name inside the string that is history and no statement of ours. */
  readonly compatibility?: string;
}

/** The values that a marker line carries. */
export interface MarkerValues {
  readonly address?: Ipv4Address;
  readonly prefixLength?: number;
  /** `none` where the line says `gw=none`. */
  readonly gateway?: Ipv4Address | 'none';
  readonly peer?: string;
}

/** The part of the marker's form before its first value: what a harness that greps looks for. */
export function markerLiteral({ form }: Marker): string {
  const [literal] = form.split(/\s*\{/, 1);
  return literal as string;
}

/** The marker's line with these values; a place without a value keeps its name, as in a template. */
export function renderMarker({ form }: Marker, values: MarkerValues = {}): string {
  return form.replaceAll(/\{(\w+)\}/g, (place, name: string) => renderValue(name, values) ?? place);
}

/** The lines that a marker is: anchored at the beginning, and at the end unless the form is a beginning. */
export function markerPattern({ form, match = 'line' }: Marker): RegExp {
  const body = escapeRegExp(form).replaceAll(/\\\{(\w+)\\\}/g, (text, name: string) => PLACES[name] ?? text);
  return new RegExp(`^${body}${match === 'line' ? '$' : ''}`);
}

/** Values of named groups `address`, `prefix`, `gateway` and `peer`, or `undefined` where one isn't what its name says. */
export function readValues(groups: Readonly<Record<string, string | undefined>>): MarkerValues | undefined {
  const address = optional(groups['address'], tryParseIpv4);
  const gateway = optional(groups['gateway'], (text) => (text === 'none' ? 'none' : tryParseIpv4(text)));
  const prefixLength = optional(groups['prefix'], (text) => (Number(text) <= 32 ? Number(text) : undefined));
  if (address === 'invalid' || gateway === 'invalid' || prefixLength === 'invalid') return undefined;
  const peer = groups['peer'];
  return {
    ...(address !== undefined && { address }),
    ...(prefixLength !== undefined && { prefixLength }),
    ...(gateway !== undefined && { gateway }),
    ...(peer !== undefined && { peer }),
  };
}

/** The names of places that a form may have. */
export function placesOf({ form }: Marker): readonly string[] {
  return [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
}

export const PLACE_NAMES: readonly string[] = ['address', 'prefix', 'gateway', 'peer'];

function optional<T>(text: string | undefined, read: (text: string) => T | undefined): T | undefined | 'invalid' {
  return text === undefined ? undefined : (read(text) ?? 'invalid');
}

function renderValue(name: string, values: MarkerValues): string | undefined {
  switch (name) {
    case 'address':
      return values.address === undefined ? undefined : formatIpv4(values.address);
    case 'prefix':
      return values.prefixLength?.toString();
    case 'gateway': {
      const { gateway } = values;
      return gateway === undefined || gateway === 'none' ? gateway : formatIpv4(gateway);
    }
    default:
      return values.peer;
  }
}

const PLACES: Readonly<Record<string, string>> = {
  address: '(?<address>[\\d.]+)',
  prefix: '(?<prefix>\\d|[12]\\d|3[0-2])', // without leading zeros, which the form does not have
  gateway: '(?<gateway>none|[\\d.]+)',
  peer: '(?<peer>[\\w.-]{1,64})',
};

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
