/**
 * BLAKE2s-256 (RFC 7693) for short inputs: what a handshake hashes has one or two blocks, and a call into OpenSSL costs three times
 * as much as hashing them here. Additions, rotations and exclusive ors on words of 32 bits; no branch and no index depends on a secret.
 */
export function blake2s(parts: readonly Uint8Array[]): Uint8Array {
  start(IV_KEYLESS);
  for (const part of parts) update(part);
  return finish();
}

/** The state after the first block of HMAC's two passes (RFC 2104 §2): a key that is used several times is padded once. */
export interface Blake2sHmacKey {
  readonly inner: Int32Array;
  readonly outer: Int32Array;
}

/** `key` has at most 64 octets. */
export function blake2sHmacKey(key: Uint8Array): Blake2sHmacKey {
  return { inner: padded(key, 0x36), outer: padded(key, 0x5c) };
}

/** HMAC with a key that is used once. */
export function blake2sHmacOnce(key: Uint8Array, data: Uint8Array): Uint8Array {
  startPadded(key, 0x36);
  update(data);
  const digest = finish();
  startPadded(key, 0x5c);
  update(digest);
  return finish();
}

/** HMAC of at least one octet: the padded key is never the last block. */
export function blake2sHmac({ inner, outer }: Blake2sHmacKey, parts: readonly Uint8Array[]): Uint8Array {
  start(inner);
  count = BLOCK;
  for (const part of parts) update(part);
  const digest = finish();
  start(outer);
  count = BLOCK;
  update(digest);
  return finish();
}

const BLOCK = 64;

/** RFC 7693 §2.6: the first words of the fractional parts of the square roots of the first eight primes, as SHA-256 has them. */
const IV = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);

/** With the parameter block of §2.5 in it: a digest of 32 octets, no key, one lane. */
const IV_KEYLESS: Int32Array = IV.map((word, i) => (i === 0 ? word ^ 0x01010020 : word));

/** §2.7: which word of the message goes where, ten rounds of sixteen. */
const SIGMA = Uint8Array.from(
  `0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15   14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3
  11 8 12 0 5 2 15 13 10 14 3 6 7 1 9 4   7 9 3 1 13 12 11 14 2 6 5 10 4 0 15 8
  9 0 5 7 2 4 10 15 14 1 11 12 6 8 3 13   2 12 6 10 0 11 8 3 4 13 7 5 15 14 1 9
  12 5 1 15 14 13 4 10 0 7 6 3 9 2 8 11   13 11 7 14 12 1 3 9 5 0 15 4 8 6 2 10
  6 15 14 9 11 3 0 8 12 2 13 7 1 4 10 5   10 2 8 4 7 6 1 5 15 11 9 14 3 12 13 0`
    .split(/\s+/)
    .map(Number),
);

// One computation at a time, from its start to its end within one call: the working memory is shared.
const h = new Int32Array(8);
const m = new Int32Array(16);
const block = new Uint8Array(BLOCK);
let filled = 0;
/** Octets that were compressed before the block in hand; inputs here are far below 2^32. */
let count = 0;

function start(state: Int32Array): void {
  h.set(state);
  filled = 0;
  count = 0;
}

function update(bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) {
    // The last block is compressed by `finish`, so a full one waits until more comes.
    if (filled === BLOCK) {
      compress(BLOCK, 0);
      filled = 0;
    }
    const take = Math.min(BLOCK - filled, bytes.length - offset);
    for (let i = 0; i < take; i++) block[filled + i] = bytes[offset + i] as number;
    filled += take;
    offset += take;
  }
}

function finish(): Uint8Array {
  block.fill(0, filled);
  compress(filled, -1);
  block.fill(0); // what was hashed may be a key
  m.fill(0);
  const digest = new Uint8Array(32);
  for (let i = 0; i < 8; i++) {
    const word = h[i] as number;
    digest[4 * i] = word;
    digest[4 * i + 1] = word >>> 8;
    digest[4 * i + 2] = word >>> 16;
    digest[4 * i + 3] = word >>> 24;
  }
  return digest;
}

/** Begins with one block: `key`, filled up with zeros, each octet with `pad`. */
function startPadded(key: Uint8Array, pad: number): void {
  start(IV_KEYLESS);
  for (let i = 0; i < key.length; i++) block[i] = (key[i] as number) ^ pad;
  block.fill(pad, key.length);
  filled = BLOCK;
}

function padded(key: Uint8Array, pad: number): Int32Array {
  startPadded(key, pad);
  compress(BLOCK, 0);
  block.fill(0);
  return h.slice();
}

/** The function F of §3.2 on `block`, `length` octets of it in use; `last` is all ones for the last block. */
function compress(length: number, last: 0 | -1): void {
  for (let i = 0, at = 0; i < 16; i++, at += 4) {
    m[i] =
      (block[at] as number) |
      ((block[at + 1] as number) << 8) |
      ((block[at + 2] as number) << 16) |
      ((block[at + 3] as number) << 24);
  }
  count += length;
  let v0 = h[0] as number;
  let v1 = h[1] as number;
  let v2 = h[2] as number;
  let v3 = h[3] as number;
  let v4 = h[4] as number;
  let v5 = h[5] as number;
  let v6 = h[6] as number;
  let v7 = h[7] as number;
  let v8 = IV[0] as number;
  let v9 = IV[1] as number;
  let v10 = IV[2] as number;
  let v11 = IV[3] as number;
  let v12 = (IV[4] as number) ^ count;
  let v13 = IV[5] as number;
  let v14 = (IV[6] as number) ^ last;
  let v15 = IV[7] as number;
  for (let s = 0; s < 160; s += 16) {
    // Columns, then diagonals: eight times the function G of §3.1, rotations by 16, 12, 8 and 7 to the right.
    v0 = (v0 + v4 + (m[SIGMA[s + 0] as number] as number)) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 16) | (v12 << 16);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 12) | (v4 << 20);
    v0 = (v0 + v4 + (m[SIGMA[s + 1] as number] as number)) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 8) | (v12 << 24);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 7) | (v4 << 25);
    v1 = (v1 + v5 + (m[SIGMA[s + 2] as number] as number)) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 16) | (v13 << 16);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 12) | (v5 << 20);
    v1 = (v1 + v5 + (m[SIGMA[s + 3] as number] as number)) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 8) | (v13 << 24);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 7) | (v5 << 25);
    v2 = (v2 + v6 + (m[SIGMA[s + 4] as number] as number)) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 16) | (v14 << 16);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 12) | (v6 << 20);
    v2 = (v2 + v6 + (m[SIGMA[s + 5] as number] as number)) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 8) | (v14 << 24);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 7) | (v6 << 25);
    v3 = (v3 + v7 + (m[SIGMA[s + 6] as number] as number)) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 16) | (v15 << 16);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 12) | (v7 << 20);
    v3 = (v3 + v7 + (m[SIGMA[s + 7] as number] as number)) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 8) | (v15 << 24);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 7) | (v7 << 25);
    v0 = (v0 + v5 + (m[SIGMA[s + 8] as number] as number)) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 16) | (v15 << 16);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 12) | (v5 << 20);
    v0 = (v0 + v5 + (m[SIGMA[s + 9] as number] as number)) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 8) | (v15 << 24);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 7) | (v5 << 25);
    v1 = (v1 + v6 + (m[SIGMA[s + 10] as number] as number)) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 16) | (v12 << 16);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 12) | (v6 << 20);
    v1 = (v1 + v6 + (m[SIGMA[s + 11] as number] as number)) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 8) | (v12 << 24);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 7) | (v6 << 25);
    v2 = (v2 + v7 + (m[SIGMA[s + 12] as number] as number)) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 16) | (v13 << 16);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 12) | (v7 << 20);
    v2 = (v2 + v7 + (m[SIGMA[s + 13] as number] as number)) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 8) | (v13 << 24);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 7) | (v7 << 25);
    v3 = (v3 + v4 + (m[SIGMA[s + 14] as number] as number)) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 16) | (v14 << 16);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 12) | (v4 << 20);
    v3 = (v3 + v4 + (m[SIGMA[s + 15] as number] as number)) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 8) | (v14 << 24);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 7) | (v4 << 25);
  }
  h[0] = (h[0] as number) ^ v0 ^ v8;
  h[1] = (h[1] as number) ^ v1 ^ v9;
  h[2] = (h[2] as number) ^ v2 ^ v10;
  h[3] = (h[3] as number) ^ v3 ^ v11;
  h[4] = (h[4] as number) ^ v4 ^ v12;
  h[5] = (h[5] as number) ^ v5 ^ v13;
  h[6] = (h[6] as number) ^ v6 ^ v14;
  h[7] = (h[7] as number) ^ v7 ^ v15;
}
