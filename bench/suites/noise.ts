import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from 'node:crypto';
import { type CipherState, type CryptoProvider, HandshakeState } from '@nexus-net/dsoftbus';
import { nobleCrypto } from '@nexus-net/dsoftbus/crypto-noble';
import { nodeCrypto, nodeCryptoShortAead, SHORT_AEAD_OCTETS } from '@nexus-net/dsoftbus/crypto-node';
import type { Case, GroupResult, RemoteCase } from '../harness.js';
import { measureGroup } from '../harness.js';
import { type NotMeasured, openPeer, type Peer, sortOut } from '../peer.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

const PROTOCOL = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';

const SHORT_AEAD = 'nexus-net, node:crypto, short AEAD in TypeScript';

const LIBRARIES: readonly (readonly [library: string, name: string])[] = [
  ['noise-c.wasm', 'noise-c.wasm 0.4.0 (the same suite)'],
  ['noise-handshake', 'noise-handshake 4.2.0 (BLAKE2b, libsodium)'],
];

export const NOISE: Suite = {
  name: 'noise',
  about: 'Noise XK handshakes and records, against the limit of node:crypto and other libraries',
  run: async (context) => {
    const { cases: peers, missing } = sortOut([openPeer(context.root, 'npm-noise')]);
    try {
      return await against(peers, missing, context);
    } finally {
      for (const peer of peers) peer.close();
    }
  },
};

async function against(peers: readonly Peer[], missing: string[], { progress }: BenchContext): Promise<SuiteResult> {
  const theirs = async (work: string, params: object = {}): Promise<readonly RemoteCase[]> => {
    const asked = LIBRARIES.flatMap(([library, name]) =>
      peers.map((peer): Promise<RemoteCase | NotMeasured> => peer.prepare(work, { library, ...params }, name)),
    );
    const found = sortOut(await Promise.all(asked));
    missing.push(...found.missing);
    return found.cases;
  };
  const groups: GroupResult[] = [];
  progress('handshakes');
  groups.push(
    await measureGroup({
      title: 'XK handshake, both sides',
      unit: 'handshake',
      ratios: true,
      cases: [
        limitOfHandshake(),
        handshake('nexus-net, node:crypto', nodeCrypto),
        handshake(SHORT_AEAD, nodeCryptoShortAead),
        ...(await theirs('handshake')),
        handshake('nexus-net, @noble', nobleCrypto),
      ],
    }),
  );
  for (const octets of [64, 1_024, 16_384]) {
    progress(`records of ${octets} octets`);
    groups.push(
      await measureGroup({
        title: `Seal ${octets} octets`,
        unit: 'octet',
        unitsPerRun: octets,
        ratios: true,
        cases: [
          rawSeal(octets),
          ...(octets >= 4_096 ? [seal('nexus-net, node:crypto, in two parts', nodeCrypto, octets, true)] : []),
          seal('nexus-net, node:crypto', nodeCrypto, octets, false),
          ...(octets <= SHORT_AEAD_OCTETS ? [seal(SHORT_AEAD, nodeCryptoShortAead, octets, false)] : []),
          ...(await theirs('seal', { octets })),
          seal('nexus-net, @noble', nobleCrypto, octets, false),
        ],
      }),
    );
    groups.push(
      await measureGroup({
        title: `Seal and open ${octets} octets`,
        unit: 'octet',
        unitsPerRun: octets,
        ratios: true,
        cases: [
          rawPair(octets),
          pair('nexus-net, node:crypto', nodeCrypto, octets),
          ...(octets <= SHORT_AEAD_OCTETS ? [pair(SHORT_AEAD, nodeCryptoShortAead, octets)] : []),
          ...(await theirs('pair', { octets })),
          pair('nexus-net, @noble', nobleCrypto, octets),
        ],
      }),
    );
  }
  return { groups, missing };
}

function repeat(name: string, once: () => number): Case {
  return {
    name,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += once();
      return sum;
    },
  };
}

/** All that X25519 does in an XK handshake, from octets to octets and nothing else: two key pairs, three public keys, six secrets. */
function limitOfHandshake(): Case {
  const [initiator, responder] = [makeKey(randomBytes(32)), makeKey(randomBytes(32))];
  const responderPublic = importPublic(responder.x);
  return repeat('the X25519 operations alone', () => {
    const ei = makeKey(randomBytes(32));
    const er = makeKey(randomBytes(32));
    const [eiPublic, erPublic, siPublic] = [importPublic(ei.x), importPublic(er.x), importPublic(initiator.x)];
    return (
      secret(ei.key, responderPublic) +
      secret(responder.key, eiPublic) +
      secret(er.key, eiPublic) +
      secret(ei.key, erPublic) +
      secret(initiator.key, erPublic) +
      secret(er.key, siPublic)
    );
  });
}

function makeKey(octets: Buffer): { readonly key: KeyObject; readonly x: string } {
  const jwk = { kty: 'OKP', crv: 'X25519', d: octets.toString('base64url'), x: 'A'.repeat(43) };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return { key, x: key.export({ format: 'jwk' }).x as string };
}

function importPublic(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

function secret(privateKey: KeyObject, publicKey: KeyObject): number {
  return diffieHellman({ privateKey, publicKey }).length;
}

function handshake(name: string, provider: CryptoProvider): Case {
  const run = handshaker(provider);
  return repeat(name, () => run().length);
}

/** Both sides of one handshake, to the ciphers of the session. */
function handshaker(provider: CryptoProvider): () => readonly [CipherState, CipherState] {
  const entropy = { u32: () => 0, fill: (bytes: Uint8Array) => void randomFillSync(bytes) };
  const [initiatorKey, responderKey] = [provider.x25519KeyPair(randomBytes(32)), provider.x25519KeyPair(randomBytes(32))];
  const remoteStatic = provider.x25519PublicKey(responderKey.publicKey);
  return () => {
    const common = { protocol: PROTOCOL, entropy } as const;
    const initiator = new HandshakeState(provider, { ...common, role: 'initiator', localStatic: initiatorKey, remoteStatic });
    const responder = new HandshakeState(provider, { ...common, role: 'responder', localStatic: responderKey });
    for (const [writer, reader] of [
      [initiator, responder],
      [responder, initiator],
      [initiator, responder],
    ] as const)
      reader.readMessage(must(writer.writeMessage()));
    return [initiator.split().send, responder.split().receive];
  };
}

const EMPTY = new Uint8Array(0);

function seal(name: string, provider: CryptoProvider, octets: number, inParts: boolean): Case {
  const [cipher] = handshaker(provider)();
  const plaintext = new Uint8Array(octets);
  return repeat(name, () =>
    inParts ? must(cipher.encryptToParts(EMPTY, plaintext))[0].length : must(cipher.encryptWithAd(EMPTY, plaintext)).length,
  );
}

function pair(name: string, provider: CryptoProvider, octets: number): Case {
  const [send, receive] = handshaker(provider)();
  const plaintext = new Uint8Array(octets);
  return repeat(name, () => must(receive.decryptWithAd(EMPTY, must(send.encryptWithAd(EMPTY, plaintext)))).length);
}

/** The calls that Node asks for, and no more: its ciphertext and its tag stay where they are. */
function rawSeal(octets: number): Case {
  const [key, nonce, plaintext] = [randomBytes(32), Buffer.alloc(12), Buffer.alloc(octets)];
  return repeat('node:crypto alone', () => {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return ciphertext.length + cipher.getAuthTag().length;
  });
}

function rawPair(octets: number): Case {
  const [key, nonce, plaintext] = [randomBytes(32), Buffer.alloc(12), Buffer.alloc(octets)];
  return repeat('node:crypto alone', () => {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    decipher.setAuthTag(cipher.getAuthTag());
    const opened = decipher.update(ciphertext);
    decipher.final();
    return opened.length;
  });
}

function must<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string }): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
