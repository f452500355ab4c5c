/**
 * A sequence number (RFC 9293 §3.4) as a signed 32-bit integer: V8 keeps those without a heap object, and differences come out
 * right across the wrap. {@link toUnsigned} for the wire's own view.
 */
export type Seq = number;

/** How far `a` is after `b`, modulo 2^32: -2^31..2^31-1. */
export function seqDiff(a: Seq, b: Seq): number {
  return (a - b) | 0;
}

export function seqAdd(a: Seq, octets: number): Seq {
  return (a + octets) | 0;
}

export function seqLt(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) < 0;
}

export function seqLeq(a: Seq, b: Seq): boolean {
  return ((a - b) | 0) <= 0;
}

/** The later of two. */
export function seqMax(a: Seq, b: Seq): Seq {
  return ((a - b) | 0) > 0 ? a : b;
}

/** The earlier of two. */
export function seqMin(a: Seq, b: Seq): Seq {
  return ((a - b) | 0) < 0 ? a : b;
}

export function toUnsigned(a: Seq): number {
  return a >>> 0;
}
