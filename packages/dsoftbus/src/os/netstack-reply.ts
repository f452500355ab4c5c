import { readU16le, readU64le, startsWith } from './octets.js';

// Replies of netstackd to the bus daemon: 4e 53 01 op|80 status, what the op has, and the nonce of the request at the end. What is
// here is what the daemon checks of them.

/** Octets of a UDP payload that netstackd passes on. */
export const NETSTACK_UDP_LENGTH_MAX = 256;

/** The nonce of a reply: its last eight octets. */
export function netstackReplyNonce(reply: Uint8Array): bigint | undefined {
  if (reply.length < REPLY_LENGTH_MIN || !startsWith(reply, ...MAGIC)) return undefined;
  return readU64le(reply, reply.length - 8);
}

/** Is this the reply to the request with this op (its reply bit set) and nonce? */
export function isNetstackReply(reply: Uint8Array, { op, nonce }: { readonly op: number; readonly nonce: bigint }): boolean {
  return reply[3] === op && netstackReplyNonce(reply) === nonce;
}

/** Octets that a READ brought: 4e 53 01 84 00, length u16, octets. `undefined`: it brought none, or the frame is cut. */
export function netstackReadLength(reply: Uint8Array): number | undefined {
  if (reply.length < 7 || !startsWith(reply, ...MAGIC)) return undefined;
  const length = readU16le(reply, 5);
  return reply.length >= 7 + length ? length : undefined;
}

const MAGIC = [0x4e, 0x53, 0x01] as const;
const REPLY_LENGTH_MIN = 13;
