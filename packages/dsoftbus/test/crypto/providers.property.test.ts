import { fromHex, toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64UrlOfKey, keyOfBase64Url } from '../../src/crypto/base64url.js';
import { nobleCrypto } from '../../src/crypto-noble.js';
import { nodeCrypto, nodeCryptoShortAead, SHORT_AEAD_OCTETS } from '../../src/crypto-node.js';
import type { CipherName, HashName } from '../../src/index.js';
import { secretOf } from '../support/noise-pair.js';

/** More in the long suite. */
const FACTOR = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1');
const octets = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const NOTHING = new Uint8Array(0);
const HASHES: readonly HashName[] = ['BLAKE2s', 'BLAKE2b', 'SHA256', 'SHA512'];
const CIPHERS: readonly CipherName[] = ['ChaChaPoly', 'AESGCM'];

describe('both providers say the same', () => {
  test.each(HASHES)('property: digest, HMAC and HKDF of %s', (name) => {
    const [node, noble] = [nodeCrypto.hash(name), nobleCrypto.hash(name)];
    expect([node.name, node.length, node.blockLength]).toEqual([noble.name, noble.length, noble.blockLength]);
    fc.assert(
      fc.property(octets(140), octets(140), octets(64), (a, b, key) => {
        expect(toHex(node.digest(a, b))).toBe(toHex(noble.digest(a, b)));
        expect(toHex(node.hmac(a, b))).toBe(toHex(noble.hmac(a, b)));
        expect(node.hkdf(key, b, 3).map(toHex)).toEqual(noble.hkdf(key, b, 3).map(toHex));
        expect(node.hkdf(key, b, 2)).toEqual(node.hkdf(key, b, 3).slice(0, 2));
      }),
      { numRuns: 6 * FACTOR },
    );
  });

  test('BLAKE2s at the edges of its blocks, and where OpenSSL takes over', () => {
    for (const length of [0, 1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1_000]) {
      const data = new Uint8Array(length).map((_, i) => i * 7);
      expect(toHex(nodeCrypto.hash('BLAKE2s').digest(data))).toBe(toHex(nobleCrypto.hash('BLAKE2s').digest(data)));
    }
    // RFC 7693 Appendix B.
    const abc = nodeCrypto.hash('BLAKE2s').digest(new TextEncoder().encode('abc'));
    expect(toHex(abc)).toBe('508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982');
  });

  test.each(CIPHERS)('property: %s seals the same, in one part or two, with headroom or without, and opens only that', (name) => {
    fc.assert(
      fc.property(octets(40), octets(200), fc.nat(), (ad, plaintext, at) => {
        const [node, noble] = [nodeCrypto, nobleCrypto].map((provider) => provider.aead(name, secretOf('key'))) as [
          ReturnType<typeof nodeCrypto.aead>,
          ReturnType<typeof nodeCrypto.aead>,
        ];
        const nonce = new Uint8Array(12).fill(at);
        const sealed = node.seal(nonce, ad, plaintext);
        expect(toHex(noble.seal(nonce, ad, plaintext))).toBe(toHex(sealed));
        for (const aead of [node, noble]) {
          expect(toHex(aead.seal(nonce, ad, plaintext, 4))).toBe(`00000000${toHex(sealed)}`);
          expect(aead.sealToParts(nonce, ad, plaintext).map(toHex).join('')).toBe(toHex(sealed));
          const opened = aead.open(nonce, ad, sealed);
          expect(opened.ok && toHex(opened.value)).toBe(toHex(plaintext));
          const spoiled = sealed.map((octet, i) => (i === at % sealed.length ? octet ^ 1 : octet));
          expect(aead.open(nonce, ad, spoiled)).toEqual({ ok: false, error: 'bad-tag' });
          expect(aead.open(nonce, ad, sealed.subarray(0, 15)).ok).toBe(false);
        }
      }),
      { numRuns: 6 * FACTOR },
    );
  });

  test('property: ChaCha20-Poly1305 of short messages in TypeScript is that of OpenSSL, on both sides of its limit', () => {
    for (let length = 0; length <= SHORT_AEAD_OCTETS + 2; length += length < 34 || length > 90 ? 1 : 5) {
      const [key, bytes] = [secretOf(`key ${length}`), secretOf(`${length}`)];
      const [node, short] = [nodeCrypto.aead('ChaChaPoly', key), nodeCryptoShortAead.aead('ChaChaPoly', key)];
      // All ones and all zeros bring the sums of Poly1305 to their edges.
      const plaintext = Uint8Array.from({ length }, (_, i) =>
        length % 3 === 0 ? 0xff : length % 3 === 1 ? 0 : (bytes[i % 32] as number),
      );
      const [ad, nonce] = [bytes.subarray(0, length % 33), bytes.subarray(20)];
      const sealed = node.seal(nonce, ad, plaintext);
      expect(toHex(short.seal(nonce, ad, plaintext, 2))).toBe(`0000${toHex(sealed)}`);
      expect(short.open(nonce, ad, sealed)).toEqual({ ok: true, value: plaintext });
      const spoiled = sealed.with(length % sealed.length, (sealed[length % sealed.length] as number) ^ 0x80);
      expect(short.open(nonce, ad, spoiled)).toEqual({ ok: false, error: 'bad-tag' });
    }
    // The other cipher stays with OpenSSL.
    expect(nodeCryptoShortAead.aead('AESGCM', secretOf('key')).seal(new Uint8Array(12), NOTHING, NOTHING)).toEqual(
      nodeCrypto.aead('AESGCM', secretOf('key')).seal(new Uint8Array(12), NOTHING, NOTHING),
    );
  });

  test('X25519 and Ed25519: public keys, secrets, signatures', () => {
    for (const name of ['a', 'b', 'c']) {
      const [node, noble] = [nodeCrypto, nobleCrypto].map((provider) => ({
        dh: provider.x25519KeyPair(secretOf(name)),
        peer: provider.x25519PublicKey(provider.x25519KeyPair(secretOf('peer')).publicKey),
        signing: provider.ed25519KeyPair(secretOf(name)),
      }));
      if (node === undefined || noble === undefined) throw new Error('two providers');
      expect(toHex(node.dh.publicKey)).toBe(toHex(noble.dh.publicKey));
      expect(node.dh.agree(node.peer)).toEqual(noble.dh.agree(noble.peer));
      expect(toHex(node.signing.publicKey)).toBe(toHex(noble.signing.publicKey));
      const message = fromHex('0102');
      const signature = node.signing.sign(message);
      expect(toHex(signature)).toBe(toHex(noble.signing.sign(message)));
      for (const provider of [nodeCrypto, nobleCrypto]) {
        const { publicKey } = node.signing;
        expect(provider.ed25519Verify({ publicKey, message, signature })).toBe(true);
        expect(provider.ed25519Verify({ publicKey, message: fromHex('0103'), signature })).toBe(false);
        expect(provider.ed25519Verify({ publicKey, message, signature: signature.subarray(1) })).toBe(false);
      }
    }
  });
});

test.each([
  ['node', nodeCrypto],
  ['noble', nobleCrypto],
])('a wrong length from the caller throws (%s)', (_name, provider) => {
  for (const length of [0, 31, 33]) {
    const wrong = new Uint8Array(length);
    for (const call of [
      () => provider.x25519KeyPair(wrong),
      () => provider.x25519PublicKey(wrong),
      () => provider.aead('ChaChaPoly', wrong),
      () => provider.ed25519KeyPair(wrong),
      () => provider.aead('ChaChaPoly', new Uint8Array(32)).seal(wrong, wrong, wrong),
    ])
      expect(call).toThrow('octets');
  }
});

test('property: a key survives base64url, which Node reads the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      const text = base64UrlOfKey(key);
      expect(text).toBe(Buffer.from(key).toString('base64url'));
      expect(toHex(keyOfBase64Url(text))).toBe(toHex(key));
    }),
    { numRuns: 15 * FACTOR },
  );
});
