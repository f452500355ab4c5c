import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import type { OptionError, Shape } from './shape.js';

/**
 * Text for people and programs: UTF-8 without control characters. Trailing NULs, which some servers add for old clients,
 * are cut off (RFC 2132 §2). What comes from the network is data: escape it before a shell, a log or a page sees it.
 */
export const text: Shape<string> = {
  layout: 'UTF-8 without control characters; NULs at the end are cut off',
  decode: decodeText,
  encode: encodeText,
};

/**
 * A host or domain name, safe to pass on: letters, digits, hyphen and underscore in labels of 1..63, 255 octets in all. A dot
 * at the end is cut off. Anything else is refused, as dhclient and others ran what such an option said (CVE-2011-0997).
 */
export const hostName: Shape<string> = {
  layout: 'letters, digits, `-` and `_` in labels of 1..63 with dots between, at most 253',
  decode(octets) {
    const name = decodeText(octets);
    if (!name.ok) return name;
    const bare = name.value.endsWith('.') ? name.value.slice(0, -1) : name.value;
    return isHostName(bare) ? ok(bare) : err('bad-name');
  },
  encode(name) {
    requireArgument(isHostName(name), `not a host name: ${JSON.stringify(name)}`);
    return encodeText(name);
  },
};

/** Octets that mean something to one vendor only. */
export const opaque: Shape<Uint8Array> = {
  layout: 'octets, at least one',
  decode: (octets) => (octets.length === 0 ? err('empty') : ok(octets)),
  encode(octets) {
    requireArgument(octets.length > 0, 'there is at least one octet');
    return octets;
  },
};

export function isHostName(name: string): boolean {
  return (
    name.length <= 253 && /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i.test(name)
  );
}

export function decodeText(octets: Uint8Array): Result<string, OptionError> {
  let length = octets.length;
  while (length > 0 && octets[length - 1] === 0) length--;
  if (length === 0) return err('empty');
  let value = '';
  for (let i = 0; i < length; i++) {
    const octet = octets[i]!;
    if (octet >= 0x80) return decodeUtf8(octets.subarray(0, length));
    if (isControl(octet)) return err('bad-value');
    value += String.fromCharCode(octet);
  }
  return ok(value);
}

export function encodeText(value: string): Uint8Array {
  requireArgument(value !== '' && isPlain(value), 'text is not empty and has no control characters');
  return ENCODER.encode(value);
}

function decodeUtf8(octets: Uint8Array): Result<string, OptionError> {
  let value: string;
  try {
    value = DECODER.decode(octets);
  } catch {
    return err('bad-value'); // the only way that TextDecoder has to say "not UTF-8"
  }
  return isPlain(value) ? ok(value) : err('bad-value');
}

/** No C0, DEL or C1 control, and no half of a surrogate pair, which UTF-8 cannot carry. */
function isPlain(value: string): boolean {
  for (const character of value) {
    const point = character.codePointAt(0)!;
    if (isControl(point) || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

function isControl(point: number): boolean {
  return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
