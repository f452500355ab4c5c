/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) for short messages: a call into OpenSSL makes an object and costs as much as 300 octets here. No branch
 * and no index depends on a secret, but nobody has reviewed what engines make of it: a caller has to ask for it.
 */
export function sealShort(
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  plaintext: Uint8Array,
  headroom: number,
): Uint8Array {
  const sealed = new Uint8Array(headroom + plaintext.length + TAG);
  start(key, nonce);
  crypt(plaintext, sealed, headroom);
  const end = headroom + plaintext.length;
  tagOf(ad, sealed.subarray(headroom, end), sealed, end);
  wipe();
  return sealed;
}

/** The plaintext, or `undefined` where the tag is wrong. `sealed` has at least the 16 octets of a tag. */
export function openShort(key: Uint8Array, nonce: Uint8Array, ad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const ciphertext = sealed.subarray(0, sealed.length - TAG);
  start(key, nonce);
  tagOf(ad, ciphertext, expected, 0);
  let difference = 0;
  for (let i = 0; i < TAG; i++) difference |= (expected[i] as number) ^ (sealed[ciphertext.length + i] as number);
  let plaintext: Uint8Array | undefined;
  if (difference === 0) {
    plaintext = new Uint8Array(ciphertext.length);
    crypt(ciphertext, plaintext, 0);
  }
  wipe();
  return plaintext;
}

const TAG = 16;
const BLOCK = 64;

// One computation at a time, from its start to its end within one call: the working memory is shared.
/** Constants, key, block counter, nonce (RFC 8439 §2.3). */
const state = new Int32Array(16);
const block = new Uint8Array(BLOCK);
const words = new DataView(block.buffer);
const expected = new Uint8Array(TAG);

/** Numbers of Poly1305 in limbs of 13 bits: ten products of two of them, five times, are below 2^32. */
const LIMBS = 10;
const LIMB = 0x1fff;
const r = new Int32Array(LIMBS);
/** Five times `r`: what goes beyond 2^130 comes back so. */
const fold = new Int32Array(LIMBS);
/** Two more that stay zero, for reading across the end. */
const h = new Int32Array(LIMBS + 2);
const next = new Int32Array(LIMBS);
/** A block of 16 octets as words of 16 bits, and the bit behind it. */
const t = new Uint16Array(9);
const s = new Uint16Array(8);
const lengths = new Uint8Array(16);
const lengthWords = new DataView(lengths.buffer);

/** Block 0 is the key of Poly1305 (§2.6). */
function start(key: Uint8Array, nonce: Uint8Array): void {
  state[0] = 0x61707865;
  state[1] = 0x3320646e;
  state[2] = 0x79622d32;
  state[3] = 0x6b206574;
  for (let i = 0; i < 8; i++) state[4 + i] = wordAt(key, 4 * i);
  state[12] = 0;
  for (let i = 0; i < 3; i++) state[13 + i] = wordAt(nonce, 4 * i);
  chacha();
  for (let i = 0; i < 8; i++) t[i] = words.getUint16(2 * i, true) & (CLAMP[i] as number);
  t[8] = 0;
  for (let i = 0; i < LIMBS; i++) {
    r[i] = limbOf(i);
    fold[i] = 5 * limbOf(i);
  }
  for (let i = 0; i < 8; i++) s[i] = words.getUint16(16 + 2 * i, true);
  h.fill(0);
}

/** Octets 3, 7, 11 and 15 keep their low four bits, 4, 8 and 12 lose their low two (§2.5). */
const CLAMP: readonly number[] = [0xffff, 0x0fff, 0xfffc, 0x0fff, 0xfffc, 0x0fff, 0xfffc, 0x0fff];

function crypt(from: Uint8Array, to: Uint8Array, at: number): void {
  for (let offset = 0; offset < from.length; offset += BLOCK) {
    state[12] = 1 + offset / BLOCK;
    chacha();
    const end = Math.min(BLOCK, from.length - offset);
    for (let i = 0; i < end; i++) to[at + offset + i] = (from[offset + i] as number) ^ (block[i] as number);
  }
}

function tagOf(ad: Uint8Array, ciphertext: Uint8Array, to: Uint8Array, at: number): void {
  absorb(ad);
  absorb(ciphertext);
  lengthWords.setUint32(0, ad.length, true);
  lengthWords.setUint32(8, ciphertext.length, true);
  absorb(lengths);
  finish(to, at);
}

/** Blocks of 16 octets; the last one is filled up with zeros. */
function absorb(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 16) {
    for (let i = 0; i < 8; i++) t[i] = (bytes[at + 2 * i] ?? 0) | ((bytes[at + 2 * i + 1] ?? 0) << 8);
    t[8] = 1;
    for (let i = 0; i < LIMBS; i++) h[i] = (h[i] as number) + limbOf(i);
    multiply();
  }
}

/** h = h r modulo 2^130 - 5. Sums are below 2^32 and used as numbers without a sign. */
function multiply(): void {
  let carry = 0;
  for (let i = 0; i < LIMBS; i++) {
    let sum = carry;
    for (let j = 0; j <= i; j++) sum = (sum + Math.imul(h[j] as number, r[i - j] as number)) | 0;
    for (let j = i + 1; j < LIMBS; j++) sum = (sum + Math.imul(h[j] as number, fold[i + LIMBS - j] as number)) | 0;
    next[i] = sum & LIMB;
    carry = sum >>> 13;
  }
  for (let i = 0, rest = 5 * carry; i < LIMBS; i++) {
    const sum = (next[i] as number) + rest;
    h[i] = sum & LIMB;
    rest = sum >>> 13;
  }
}

/** Less than 2^130 - 5, then plus `s` modulo 2^128. */
function finish(to: Uint8Array, at: number): void {
  let carry = 5;
  for (let i = 0; i < LIMBS; i++) {
    const sum = (h[i] as number) + carry;
    next[i] = sum & LIMB;
    carry = sum >>> 13;
  }
  const mask = -carry; // all ones where h + 5 has reached 2^130
  for (let i = 0; i < LIMBS; i++) h[i] = ((h[i] as number) & ~mask) | ((next[i] as number) & mask);
  for (let i = 0, rest = 0; i < 8; i++) {
    const limb = Math.trunc((16 * i) / 13);
    const shift = 16 * i - 13 * limb;
    const word =
      ((h[limb] as number) >>> shift) | ((h[limb + 1] as number) << (13 - shift)) | ((h[limb + 2] as number) << (26 - shift));
    const sum = (word & 0xffff) + (s[i] as number) + rest;
    to[at + 2 * i] = sum;
    to[at + 2 * i + 1] = sum >>> 8;
    rest = sum >>> 16;
  }
}

function limbOf(i: number): number {
  const word = (13 * i) >> 4;
  const shift = (13 * i) & 15;
  return (((t[word] as number) >>> shift) | ((t[word + 1] as number) << (16 - shift))) & LIMB;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function wipe(): void {
  state.fill(0);
  block.fill(0);
  r.fill(0);
  fold.fill(0);
  s.fill(0);
  h.fill(0);
}

/** One block of key stream from `state` (§2.3): ten times columns and diagonals, rotations by 16, 12, 8 and 7 to the left. */
function chacha(): void {
  let x0 = state[0] as number;
  let x1 = state[1] as number;
  let x2 = state[2] as number;
  let x3 = state[3] as number;
  let x4 = state[4] as number;
  let x5 = state[5] as number;
  let x6 = state[6] as number;
  let x7 = state[7] as number;
  let x8 = state[8] as number;
  let x9 = state[9] as number;
  let x10 = state[10] as number;
  let x11 = state[11] as number;
  let x12 = state[12] as number;
  let x13 = state[13] as number;
  let x14 = state[14] as number;
  let x15 = state[15] as number;
  for (let i = 0; i < 10; i++) {
    x0 = (x0 + x4) | 0;
    x12 ^= x0;
    x12 = (x12 << 16) | (x12 >>> 16);
    x8 = (x8 + x12) | 0;
    x4 ^= x8;
    x4 = (x4 << 12) | (x4 >>> 20);
    x0 = (x0 + x4) | 0;
    x12 ^= x0;
    x12 = (x12 << 8) | (x12 >>> 24);
    x8 = (x8 + x12) | 0;
    x4 ^= x8;
    x4 = (x4 << 7) | (x4 >>> 25);
    x1 = (x1 + x5) | 0;
    x13 ^= x1;
    x13 = (x13 << 16) | (x13 >>> 16);
    x9 = (x9 + x13) | 0;
    x5 ^= x9;
    x5 = (x5 << 12) | (x5 >>> 20);
    x1 = (x1 + x5) | 0;
    x13 ^= x1;
    x13 = (x13 << 8) | (x13 >>> 24);
    x9 = (x9 + x13) | 0;
    x5 ^= x9;
    x5 = (x5 << 7) | (x5 >>> 25);
    x2 = (x2 + x6) | 0;
    x14 ^= x2;
    x14 = (x14 << 16) | (x14 >>> 16);
    x10 = (x10 + x14) | 0;
    x6 ^= x10;
    x6 = (x6 << 12) | (x6 >>> 20);
    x2 = (x2 + x6) | 0;
    x14 ^= x2;
    x14 = (x14 << 8) | (x14 >>> 24);
    x10 = (x10 + x14) | 0;
    x6 ^= x10;
    x6 = (x6 << 7) | (x6 >>> 25);
    x3 = (x3 + x7) | 0;
    x15 ^= x3;
    x15 = (x15 << 16) | (x15 >>> 16);
    x11 = (x11 + x15) | 0;
    x7 ^= x11;
    x7 = (x7 << 12) | (x7 >>> 20);
    x3 = (x3 + x7) | 0;
    x15 ^= x3;
    x15 = (x15 << 8) | (x15 >>> 24);
    x11 = (x11 + x15) | 0;
    x7 ^= x11;
    x7 = (x7 << 7) | (x7 >>> 25);
    x0 = (x0 + x5) | 0;
    x15 ^= x0;
    x15 = (x15 << 16) | (x15 >>> 16);
    x10 = (x10 + x15) | 0;
    x5 ^= x10;
    x5 = (x5 << 12) | (x5 >>> 20);
    x0 = (x0 + x5) | 0;
    x15 ^= x0;
    x15 = (x15 << 8) | (x15 >>> 24);
    x10 = (x10 + x15) | 0;
    x5 ^= x10;
    x5 = (x5 << 7) | (x5 >>> 25);
    x1 = (x1 + x6) | 0;
    x12 ^= x1;
    x12 = (x12 << 16) | (x12 >>> 16);
    x11 = (x11 + x12) | 0;
    x6 ^= x11;
    x6 = (x6 << 12) | (x6 >>> 20);
    x1 = (x1 + x6) | 0;
    x12 ^= x1;
    x12 = (x12 << 8) | (x12 >>> 24);
    x11 = (x11 + x12) | 0;
    x6 ^= x11;
    x6 = (x6 << 7) | (x6 >>> 25);
    x2 = (x2 + x7) | 0;
    x13 ^= x2;
    x13 = (x13 << 16) | (x13 >>> 16);
    x8 = (x8 + x13) | 0;
    x7 ^= x8;
    x7 = (x7 << 12) | (x7 >>> 20);
    x2 = (x2 + x7) | 0;
    x13 ^= x2;
    x13 = (x13 << 8) | (x13 >>> 24);
    x8 = (x8 + x13) | 0;
    x7 ^= x8;
    x7 = (x7 << 7) | (x7 >>> 25);
    x3 = (x3 + x4) | 0;
    x14 ^= x3;
    x14 = (x14 << 16) | (x14 >>> 16);
    x9 = (x9 + x14) | 0;
    x4 ^= x9;
    x4 = (x4 << 12) | (x4 >>> 20);
    x3 = (x3 + x4) | 0;
    x14 ^= x3;
    x14 = (x14 << 8) | (x14 >>> 24);
    x9 = (x9 + x14) | 0;
    x4 ^= x9;
    x4 = (x4 << 7) | (x4 >>> 25);
  }
  words.setInt32(0, x0 + (state[0] as number), true);
  words.setInt32(4, x1 + (state[1] as number), true);
  words.setInt32(8, x2 + (state[2] as number), true);
  words.setInt32(12, x3 + (state[3] as number), true);
  words.setInt32(16, x4 + (state[4] as number), true);
  words.setInt32(20, x5 + (state[5] as number), true);
  words.setInt32(24, x6 + (state[6] as number), true);
  words.setInt32(28, x7 + (state[7] as number), true);
  words.setInt32(32, x8 + (state[8] as number), true);
  words.setInt32(36, x9 + (state[9] as number), true);
  words.setInt32(40, x10 + (state[10] as number), true);
  words.setInt32(44, x11 + (state[11] as number), true);
  words.setInt32(48, x12 + (state[12] as number), true);
  words.setInt32(52, x13 + (state[13] as number), true);
  words.setInt32(56, x14 + (state[14] as number), true);
  words.setInt32(60, x15 + (state[15] as number), true);
}
