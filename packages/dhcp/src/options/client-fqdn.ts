import { concatBytes, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { encodeNames, escapeLabel } from './domain-names.js';
import { lengthError, requireWhole } from './numbers.js';
import type { OptionError, Shape } from './shape.js';

/** Option 81 (RFC 4702): the name of the client, and who puts it into DNS. */
export interface ClientFqdn {
  /** S: the server does, or did, the A update. */
  readonly serverUpdates: boolean;
  /** O: the server overrode the client's S. */
  readonly overridden: boolean;
  /** N: the server shall do, or does, no update. Never together with S. */
  readonly noUpdates: boolean;
  /** E: `wire` is the RFC 1035 encoding, `ascii` the deprecated one (§2.3.1). A reply keeps that of the request. */
  readonly encoding: 'wire' | 'ascii';
  /** RCODE1 and RCODE2, of no meaning since RFC 4702: a client sends 0, a server 255. */
  readonly resultCodes: readonly [number, number];
  /** Without a dot at the end; empty where the client leaves the name to the server. In `wire` odd octets are `\DDD`. */
  readonly name: string;
  /** The name is fully qualified: it ends in the root (`wire`) or in a dot (`ascii`). */
  readonly qualified: boolean;
}

export const clientFqdn: Shape<ClientFqdn> = {
  layout: '1 octet flags (N, E, O, S), RCODE1, RCODE2, name',
  decode(octets) {
    if (octets.length < 3) return lengthError(octets);
    const flags = octets[0]!;
    if ((flags & (NO_UPDATES | SERVER_UPDATES)) === (NO_UPDATES | SERVER_UPDATES)) return err('bad-value');
    const encoding = (flags & WIRE) === 0 ? 'ascii' : 'wire';
    const name = encoding === 'wire' ? readWire(octets) : readAscii(octets);
    if (!name.ok) return name;
    return ok({
      serverUpdates: (flags & SERVER_UPDATES) !== 0,
      overridden: (flags & OVERRIDDEN) !== 0,
      noUpdates: (flags & NO_UPDATES) !== 0,
      encoding,
      resultCodes: [octets[1]!, octets[2]!],
      ...name.value,
    });
  },
  encode(value) {
    requireArgument(!(value.noUpdates && value.serverUpdates), 'N and S exclude each other (RFC 4702 §2.1)');
    for (const code of value.resultCodes) requireWhole(code, 0, 0xff);
    const flags =
      (value.noUpdates ? NO_UPDATES : 0) |
      (value.encoding === 'wire' ? WIRE : 0) |
      (value.overridden ? OVERRIDDEN : 0) |
      (value.serverUpdates ? SERVER_UPDATES : 0);
    return concatBytes([
      Uint8Array.of(flags, ...value.resultCodes),
      value.encoding === 'wire' ? wireName(value) : asciiName(value),
    ]);
  },
};

type Name = Pick<ClientFqdn, 'name' | 'qualified'>;

/** RFC 4702 §2.3: labels up to the root, or, for a partial name, up to the end of the option. */
function readWire(octets: Uint8Array): Result<Name, OptionError> {
  const labels: string[] = [];
  let at = 3;
  while (at < octets.length) {
    const length = octets[at]!;
    if (length === 0)
      return at + 1 === octets.length && labels.length > 0 ? ok({ name: labels.join('.'), qualified: true }) : err('bad-name');
    // A partial name has no root octet, and still the whole of it stays within 255.
    if (length > 63 || at + 1 + length > octets.length || at + 1 + length - 3 > 254) return err('bad-name');
    labels.push(escapeLabel(octets, at + 1, at + 1 + length));
    at += 1 + length;
  }
  return ok({ name: labels.join('.'), qualified: false });
}

function wireName({ name, qualified }: Name): Uint8Array {
  if (name === '') {
    requireArgument(!qualified, 'the root is not the name of a client');
    return new Uint8Array(0);
  }
  const octets = encodeNames([name], 'plain');
  return qualified ? octets : octets.subarray(0, -1);
}

function readAscii(octets: Uint8Array): Result<Name, OptionError> {
  let text = '';
  for (let at = 3; at < octets.length; at++) {
    if (octets[at] === 0 && at === octets.length - 1) break; // §2.3.1 has no NUL, old clients send one
    text += String.fromCharCode(octets[at]!);
  }
  const qualified = text.endsWith('.');
  const name = qualified ? text.slice(0, -1) : text;
  if (name === '' ? qualified : !isAsciiName(name)) return err('bad-name');
  return ok({ name, qualified });
}

function asciiName({ name, qualified }: Name): Uint8Array {
  requireArgument(name === '' ? !qualified : isAsciiName(name), `not a name in ASCII: ${JSON.stringify(name)}`);
  return Uint8Array.from(qualified ? `${name}.` : name, (character) => character.charCodeAt(0));
}

function isAsciiName(name: string): boolean {
  return name.length <= 253 && /^[!-[\]-~]+$/.test(name) && parseLabels(name);
}

function parseLabels(name: string): boolean {
  return name.split('.').every((label) => label.length > 0 && label.length <= 63);
}

const SERVER_UPDATES = 1;
const OVERRIDDEN = 2;
const WIRE = 4;
const NO_UPDATES = 8;
