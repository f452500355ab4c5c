import { decodeBusIdentity } from '../bus/identity.js';
import { readU16le } from '../os/octets.js';

/**
 * What in a message that has to be ciphertext is recognised as plaintext, or `undefined`. No ciphertext looks like any of these by chance:
 * the likeliest is a run of 32 printable octets, once in 10^13 places.
 */
export function plaintextIn(bytes: Uint8Array): string | undefined {
  if (isCapnp(bytes)) return 'a Cap’n Proto message';
  if (isOsFrame(bytes)) return 'a frame of an OS service';
  if (isOsBatch(bytes)) return 'a batch of the OS’s mux';
  if (isBusIdentity(bytes)) return 'an identity of dialect bus';
  for (const [mark, name] of MARKS) if (contains(bytes, mark)) return name;
  return hasText(bytes) ? 'readable text' : undefined;
}

/** One segment, as long as it says. */
function isCapnp(bytes: Uint8Array): boolean {
  if (bytes.length < 16 || bytes.length % 8 !== 0) return false;
  const segments = readU16le(bytes, 0) | readU16le(bytes, 2);
  const words = readU16le(bytes, 4) + readU16le(bytes, 6) * 0x1_0000;
  return segments === 0 && 8 + 8 * words === bytes.length;
}

/** A record of the OS in clear: kind 1..=4, a length that fits, and SM, BN, PK or SF with its version; zeros to the end. */
function isOsFrame(bytes: Uint8Array): boolean {
  const length = readU16le(bytes, 1);
  const [kind, first, second, version] = [bytes[0] as number, bytes[3], bytes[4], bytes[5]];
  if (bytes.length < 16 || kind > 4 || length < 4 || 3 + length > bytes.length || version === undefined || version > 2)
    return false;
  if (!OS_MAGICS.some((magic) => magic.charCodeAt(0) === first && magic.charCodeAt(1) === second)) return false;
  return bytes.subarray(3 + length, bytes.length - TAG).every((octet) => octet === 0);
}

/** A step of the OS's ladder in clear: kind 0x31..=0x34, "MX", version 1, at most 8 events. */
function isOsBatch(bytes: Uint8Array): boolean {
  const [kind = 0, , , m, x, version, count = 255] = bytes;
  const length = readU16le(bytes, 1);
  return kind >= 0x31 && kind <= 0x34 && length < 256 && m === 0x4d && x === 0x58 && version === 1 && count <= 8;
}

/** Behind the ephemeral key of a message 2, with a tag or without. */
function isBusIdentity(bytes: Uint8Array): boolean {
  return bytes.length >= 50 && (decodeBusIdentity(bytes.subarray(32)).ok || decodeBusIdentity(bytes.subarray(32, -TAG)).ok);
}

function hasText(bytes: Uint8Array): boolean {
  let run = 0;
  for (let i = 0; i < bytes.length; i++) {
    const octet = bytes[i] as number;
    run = octet >= 0x20 && octet < 0x7f ? run + 1 : 0;
    if (run === TEXT_RUN) return true;
  }
  return false;
}

function contains(bytes: Uint8Array, mark: Uint8Array): boolean {
  const [first] = mark;
  for (
    let at = bytes.indexOf(first as number);
    at >= 0 && at + mark.length <= bytes.length;
    at = bytes.indexOf(first as number, at + 1)
  ) {
    let i = 1;
    while (i < mark.length && bytes[at + i] === mark[i]) i++;
    if (i === mark.length) return true;
  }
  return false;
}

const TAG = 16;
const TEXT_RUN = 32;
const OS_MAGICS: readonly string[] = ['SM', 'BN', 'PK', 'SF'];
const MARKS: readonly (readonly [Uint8Array, string])[] = [
  [new TextEncoder().encode('"verifying_key"'), 'a proof of identity'],
  [new TextEncoder().encode('gateway/1'), 'a gateway stream of dialect bus'],
];
