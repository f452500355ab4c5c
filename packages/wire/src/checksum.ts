import type { Ipv4Address } from '@nexus-net/sansio';

/** The two addresses that the checksums of UDP and TCP cover besides their own octets (RFC 768, RFC 9293 §3.1). */
export interface PseudoHeader {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
}

/** Whether a decoder checks checksums. `verify` is the default everywhere. */
export interface ChecksumOptions {
  readonly checksum?: 'verify' | 'ignore';
}

/**
 * The Internet checksum of `bytes`, 0..0xffff: the ones' complement of the ones' complement sum of its big-endian 16-bit
 * words, a last odd octet padded with zero (RFC 1071). `initial` is a sum to start with, e.g. {@link pseudoHeaderSum}.
 *
 * Over octets that contain their own right checksum the outcome is 0.
 */
export function internetChecksum(bytes: Uint8Array, initial = 0): number {
  return finishChecksum(sumWords(bytes, { start: 0, end: bytes.length, initial }));
}

/** The checksum of a finished sum: carries folded in, complemented. */
export function finishChecksum(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/**
 * Adds the words of `bytes[start..end)` to `initial` and returns a partial sum, carries not folded in. The range lies inside
 * `bytes`. Ranges may be added one after another while all but the last have an even length.
 */
export function sumWords(
  bytes: Uint8Array,
  { start, end, initial }: { readonly start: number; readonly end: number; readonly initial: number },
): number {
  // Even and odd octets are summed apart: no carry has to be looked at before the end (RFC 1071 §2, deferred carries), and
  // both sums stay exact small integers for every length that a datagram can have.
  let high = 0;
  let low = 0;
  let i = start;
  for (const stop = end - 7; i < stop; i += 8) {
    high += (bytes[i] as number) + (bytes[i + 2] as number) + (bytes[i + 4] as number) + (bytes[i + 6] as number);
    low += (bytes[i + 1] as number) + (bytes[i + 3] as number) + (bytes[i + 5] as number) + (bytes[i + 7] as number);
  }
  for (const stop = end - 1; i < stop; i += 2) {
    high += bytes[i] as number;
    low += bytes[i + 1] as number;
  }
  if (i < end) high += bytes[i] as number;
  return initial + high * 256 + low;
}

/** The partial sum of the pseudo-header: addresses, protocol, and `length` of the transport header and its payload in octets. */
export function pseudoHeaderSum(
  pseudo: PseudoHeader,
  { protocol, length }: { readonly protocol: number; readonly length: number },
): number {
  const { source, destination } = pseudo;
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length;
}

/** Folds the carries of a partial sum back in until 16 bits are left. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}
