import { fromHex, toHex } from '@nexus-net/sansio';
import type { CryptoProvider, HashFunction } from '../../../src/crypto/index.js';
import { nodeCrypto } from '../../../src/crypto-node.js';
import { CipherState, SymmetricState } from '../../../src/noise/index.js';
import { decodeOsRequest, decodeOsResponse, encodeOsRequest, encodeOsResponse } from '../../../src/os/records.js';
import * as records from '../../../src/os/records.js';
import { OsHandshake, type OsHandshakeReject } from '../../../src/os/session/handshake.js';
import { publiclyKnownTestSecret } from '../../../src/os/test-keys.js';
import { differs } from './differs.js';

interface Named {
  readonly name: string;
}

export type SecretVector = Named & {
  readonly tag: number;
  readonly port: number;
  readonly secret: string;
  readonly clamped_secret: string;
  readonly x25519_public: string;
};

export function checkSecretVector(vector: SecretVector): string | undefined {
  const secret = publiclyKnownTestSecret(vector);
  const clamped = secret.slice();
  clamped[0] = (clamped[0] as number) & 0xf8;
  clamped[31] = ((clamped[31] as number) & 0x7f) | 0x40;
  return differs(
    [toHex(secret), toHex(clamped), ...[secret, clamped].map((one) => toHex(nodeCrypto.x25519KeyPair(one).publicKey))],
    [vector.secret, vector.clamped_secret, vector.x25519_public, vector.x25519_public],
  );
}

interface Side {
  readonly ephemeral_seed: string;
  readonly ephemeral_public: string;
  readonly static_secret: string;
  readonly static_public: string;
}

export type HandshakeVector = Named & {
  readonly op?: string;
  readonly initiator?: Side;
  readonly responder?: Side;
  readonly initiator_keys?: { readonly send: string; readonly recv: string };
  readonly responder_keys?: { readonly send: string; readonly recv: string };
  readonly msg1?: string;
  readonly msg2?: string;
  readonly msg3?: string;
  readonly keys?: string;
  readonly pinned_responder_public?: string;
  readonly expected_initiator_public?: string;
  readonly msg1_read_first?: boolean;
  readonly initiator_ephemeral_seed?: string;
  readonly initiator_static_secret?: string;
  readonly responder_ephemeral_seed?: string;
  readonly responder_static_secret?: string;
  readonly expect?: 'ok' | { readonly msg2: string };
  readonly expect_error?: string;
};

const HANDSHAKE_ERRORS: Readonly<Record<string, OsHandshakeReject>> = {
  BadLength: 'bad-length',
  Crypto: 'bad-tag',
  StaticKeyMismatch: 'static-key-mismatch',
  InvalidSharedSecret: 'low-order-point',
};

const keyPair = (secret: Uint8Array): ReturnType<CryptoProvider['x25519KeyPair']> => nodeCrypto.x25519KeyPair(secret);

const NODE_A = {
  staticSecret: publiclyKnownTestSecret({ tag: 0xd0, port: 34567 }),
  ephemeral: publiclyKnownTestSecret({ tag: 0xe0, port: 34567 }),
};
const NODE_B = {
  staticSecret: publiclyKnownTestSecret({ tag: 0xd1, port: 34568 }),
  ephemeral: publiclyKnownTestSecret({ tag: 0xe0, port: 34568 }),
};

/** Says whether a cipher has this key: both seal the same. */
function hasKey(cipher: CipherState, key: string): boolean {
  const sealed = (one: CipherState): string => {
    const result = one.encryptWithAd(new Uint8Array(0), Uint8Array.of(1, 2, 3));
    return result.ok ? toHex(result.value) : result.error;
  };
  return sealed(cipher) === sealed(new CipherState(nodeCrypto, 'ChaChaPoly', fromHex(key)));
}

export function checkHandshakeVector(vector: HandshakeVector): string | undefined {
  switch (vector.op) {
    case 'initiator.read_msg2':
      return checkInitiatorReads(vector);
    case 'responder.read_msg1':
      return checkResponderReads1(vector);
    case 'responder.read_msg3':
      return checkResponderReads3(vector);
    default:
      return vector.initiator === undefined ? `an operation that nobody knows: ${vector.op}` : checkWhole(vector as Required<HandshakeVector>);
  }
}

function checkWhole(vector: Required<HandshakeVector>): string | undefined {
  const { initiator: i, responder: r } = vector;
  const side = (role: 'initiator' | 'responder', own: Side, peer: Side): OsHandshake =>
    new OsHandshake({
      role,
      provider: nodeCrypto,
      staticKey: keyPair(fromHex(own.static_secret)),
      ephemeral: keyPair(fromHex(own.ephemeral_seed)),
      peerStatic: fromHex(peer.static_public),
    });
  const initiator = side('initiator', i, r);
  const responder = side('responder', r, i);
  const messages: string[] = [];
  for (const [from, to] of [
    [initiator, responder],
    [responder, initiator],
    [initiator, responder],
  ] as const) {
    const message = from.write();
    messages.push(toHex(message));
    const read = to.read(message);
    if (!read.ok) return read.error;
  }
  const problem = differs(messages, [vector.msg1, vector.msg2, vector.msg3]);
  if (problem !== undefined) return problem;
  const ours = initiator.split();
  const theirs = responder.split();
  const { send, recv } = vector.initiator_keys;
  const keys = [hasKey(ours.send, send), hasKey(ours.receive, recv), hasKey(theirs.send, recv), hasKey(theirs.receive, send)];
  return keys.every((one) => one) ? undefined : `keys that are right: ${keys.join(' ')}`;
}

function checkInitiatorReads(vector: HandshakeVector): string | undefined {
  const handshake = new OsHandshake({
    role: 'initiator',
    provider: nodeCrypto,
    staticKey: keyPair(NODE_A.staticSecret),
    ephemeral: keyPair(NODE_A.ephemeral),
    peerStatic: fromHex(vector.pinned_responder_public as string),
  });
  handshake.write();
  const read = handshake.read(fromHex(vector.msg2 as string));
  return differs(read.ok ? 'ok' : read.error, vector.expect ?? HANDSHAKE_ERRORS[vector.expect_error as string]);
}

function responderOf(vector: HandshakeVector, expected: string): OsHandshake {
  const own = (hex: string | undefined, other: Uint8Array): Uint8Array => (hex === undefined ? other : fromHex(hex));
  return new OsHandshake({
    role: 'responder',
    provider: nodeCrypto,
    staticKey: keyPair(own(vector.responder_static_secret, NODE_B.staticSecret)),
    ephemeral: keyPair(own(vector.responder_ephemeral_seed, NODE_B.ephemeral)),
    peerStatic: fromHex(expected),
  });
}

function checkResponderReads1(vector: HandshakeVector): string | undefined {
  const handshake = responderOf(vector, toHex(keyPair(NODE_A.staticSecret).publicKey));
  const read = handshake.read(fromHex(vector.msg1 as string));
  if (!read.ok) return differs(read.error, HANDSHAKE_ERRORS[vector.expect_error as string]);
  return differs({ msg2: toHex(handshake.write()) }, vector.expect);
}

function checkResponderReads3(vector: HandshakeVector): string | undefined {
  const handshake = responderOf(vector, vector.expected_initiator_public as string);
  if (vector.msg1_read_first !== false) {
    const msg1 = vector.msg1 === undefined ? keyPair(NODE_A.ephemeral).publicKey : fromHex(vector.msg1);
    const read = handshake.read(msg1);
    if (!read.ok) return read.error;
    const msg2 = toHex(handshake.write());
    if (vector.msg2 !== undefined && msg2 !== vector.msg2) return `msg2 is ${msg2}`;
  }
  const read = handshake.read(fromHex(vector.msg3 as string));
  return differs(read.ok ? 'ok' : read.error, vector.expect ?? HANDSHAKE_ERRORS[vector.expect_error as string]);
}

export type TransportVector = Named & {
  readonly initiator_send_key?: string;
  readonly initiator_recv_key?: string;
  readonly records?: readonly {
    readonly nonce: number;
    readonly plaintext: string;
    readonly initiator_to_responder: string;
    readonly responder_to_initiator: string;
  }[];
  readonly key?: string;
  readonly nonce?: number;
  readonly ciphertext?: string;
  readonly plaintext?: string;
  readonly out_len?: number;
  readonly expect_error?: string;
  readonly then?: { readonly nonce: number; readonly ciphertext: string; readonly decrypts: boolean };
};

const cipherOf = (key: string): CipherState => new CipherState(nodeCrypto, 'ChaChaPoly', fromHex(key));
const NOTHING = new Uint8Array(0);

export function checkTransportVector(vector: TransportVector): string | undefined {
  if (vector.records !== undefined) {
    const directions = [
      [cipherOf(vector.initiator_send_key as string), cipherOf(vector.initiator_send_key as string), 'initiator_to_responder'],
      [cipherOf(vector.initiator_recv_key as string), cipherOf(vector.initiator_recv_key as string), 'responder_to_initiator'],
    ] as const;
    for (const record of vector.records)
      for (const [sealer, opener, direction] of directions) {
        const nonce = Number(sealer.nonce);
        const sealed = sealer.encryptWithAd(NOTHING, fromHex(record.plaintext));
        const opened = opener.decryptWithAd(NOTHING, fromHex(record[direction]));
        const found = [nonce, sealed.ok && toHex(sealed.value), opened.ok && toHex(opened.value)];
        const problem = differs(found, [record.nonce, record[direction], record.plaintext]);
        if (problem !== undefined) return problem;
      }
    return undefined;
  }
  if (vector.expect_error === 'BadLength' && vector.out_len !== undefined) {
    // The OS writes into buffers of its caller; we return what we make, of just the right size.
    const cipher = cipherOf('00'.repeat(32));
    const sealed = cipher.encryptWithAd(NOTHING, fromHex('50494e47'));
    return sealed.ok && sealed.value.length === 20 ? undefined : 'a record is as long as its plaintext and a tag';
  }
  if (vector.expect_error === 'BadLength') {
    const opened = cipherOf('00'.repeat(32)).decryptWithAd(NOTHING, fromHex(vector.ciphertext as string));
    return differs(opened.ok ? 'ok' : opened.error, 'short-message');
  }
  const cipher = cipherOf(vector.key as string);
  cipher.setNonce(BigInt(vector.nonce as number));
  const opened = cipher.decryptWithAd(NOTHING, fromHex(vector.ciphertext as string));
  if (vector.expect_error === undefined) return differs(opened.ok && toHex(opened.value), vector.plaintext);
  if (opened.ok) return 'it was opened';
  if (Number(cipher.nonce) !== vector.nonce) return 'a record that was refused moved the nonce';
  if (vector.then === undefined) return undefined;
  return differs(cipher.decryptWithAd(NOTHING, fromHex(vector.then.ciphertext)).ok, vector.then.decrypts);
}

export type TraceVector = Named & {
  readonly pattern: 'os-variant' | 'standard-xk';
  readonly k1: string;
  readonly k2: string;
  readonly trace: readonly {
    readonly step: string;
    readonly h: string;
    readonly ck: string;
    readonly k: string | null;
    readonly n: number;
    readonly dh?: string;
    readonly ciphertext?: string;
  }[];
};

/** A provider that tells the last two outputs of HKDF: chaining key and key. */
function tracing(): { readonly provider: CryptoProvider; readonly last: () => readonly Uint8Array[] } {
  let last: readonly Uint8Array[] = [];
  const provider: CryptoProvider = {
    ...nodeCrypto,
    hash(name): HashFunction {
      const hash = nodeCrypto.hash(name);
      return {
        name: hash.name,
        length: hash.length,
        blockLength: hash.blockLength,
        digest: (...parts) => hash.digest(...parts),
        hmac: (key, data) => hash.hmac(key, data),
        hkdf(chainingKey, ikm, outputs) {
          last = hash.hkdf(chainingKey, ikm, outputs);
          return last;
        },
      };
    },
  };
  return { provider, last: () => last };
}

/** Public keys of a trace: responder's static, and the two ephemerals. */
export interface TraceKeys {
  readonly responderStatic: string;
  readonly initiatorEphemeral: string;
  readonly responderEphemeral: string;
}

/** Finds the public keys of a trace by its name, in the documents noise-xk-os.json and host-noise-xk.json. */
export function traceKeysFrom(osDocument: unknown, hostDocument: unknown): (name: string) => TraceKeys {
  const { vectors } = osDocument as { readonly vectors: readonly HandshakeVector[] };
  const host = hostDocument as {
    readonly vectors: readonly (Named & { client?: Record<string, string>; server?: Record<string, string> })[];
  };
  const publicOf = (octet: number): string => toHex(keyPair(new Uint8Array(32).fill(octet)).publicKey);
  return (name) => {
    const bare = name.replace(/^(OS variant|standard XK): /, '');
    const { initiator, responder } = vectors.find((one) => one.name === bare) ?? {};
    if (initiator !== undefined && responder !== undefined)
      return {
        responderStatic: responder.static_public,
        initiatorEphemeral: initiator.ephemeral_public,
        responderEphemeral: responder.ephemeral_public,
      };
    const session = host.vectors.find((one) => one.name === bare);
    if (session?.client !== undefined && session.server !== undefined)
      return {
        responderStatic: session.server['noise_public'] as string,
        initiatorEphemeral: toHex(keyPair(fromHex(session.client['ephemeral_secret'] as string)).publicKey),
        responderEphemeral: toHex(keyPair(fromHex(session.server['ephemeral_secret'] as string)).publicKey),
      };
    const octets = UNLISTED_TRACES[bare];
    if (octets === undefined) throw new Error(`the keys of this trace are not known: ${name}`);
    const { responder: own, e_i, e_r } = octets;
    return {
      responderStatic: typeof own === 'string' ? own : publicOf(own),
      initiatorEphemeral: publicOf(e_i),
      responderEphemeral: publicOf(e_r),
    };
  };
}

/** Traces whose keys are in no vector: secrets of one octet repeated, as their names tell or as their hashes do. */
const UNLISTED_TRACES: Readonly<Record<string, { readonly responder: number | string; readonly e_i: number; readonly e_r: number }>> = {
  'upstream xk.rs happy path keys (0x11/0x22, eph 0xA1/0xB2)': { responder: 0x22, e_i: 0xa1, e_r: 0xb2 },
  'all-zero secrets (clamping makes them usable)': { responder: 0, e_i: 0, e_r: 0 },
  'full session server 0x03 client 0x42: handshake, connect request/response, ping, pong': {
    responder: '3fab289af003d2b0a32321cc8ca874372062271ae7bf0c256dd4b6dd9a4ffa5e', // the identity from secret 0x03 x 32
    e_i: 0x10,
    e_r: 0x20,
  },
};

/** Runs the steps of a trace on the symmetric state: each leads to the same hash, chaining key, key and nonce. */
export function checkTraceVector(vector: TraceVector, keys: TraceKeys): string | undefined {
  const { provider, last } = tracing();
  const symmetric = new SymmetricState(provider, { cipher: 'ChaChaPoly', hash: 'BLAKE2s' }, 'Noise_XK_25519_ChaChaPoly_BLAKE2s');
  for (const { step, ...expected } of vector.trace) {
    if (step.includes('MixHash(prologue')) symmetric.mixHash(NOTHING);
    else if (step.includes('MixHash(responder static')) symmetric.mixHash(fromHex(keys.responderStatic));
    else if (step.includes('MixHash(e_i)')) symmetric.mixHash(fromHex(keys.initiatorEphemeral));
    else if (step.includes('MixHash(e_r)')) symmetric.mixHash(fromHex(keys.responderEphemeral));
    else if (step.includes('MixKey(')) {
      symmetric.mixKey(fromHex(expected.dh as string));
      const [ck, k] = last();
      const problem = differs([toHex(ck as Uint8Array), toHex(k as Uint8Array)], [expected.ck, expected.k]);
      if (problem !== undefined) return `${step}: ${problem}`;
    } else if (step.includes('EncryptAndHash')) {
      // The tag is right only with this key, this nonce and this hash.
      const opened = symmetric.decryptAndHash(fromHex(expected.ciphertext as string));
      if (!opened.ok) return `${step}: ${opened.error}`;
    } else if (!step.startsWith('initialize')) return `a step that nobody knows: ${step}`;
    const problem = differs(toHex(symmetric.handshakeHash), expected.h);
    if (problem !== undefined) return `${step}: ${problem}`;
  }
  const [first, second] = symmetric.split();
  return hasKey(first, vector.k1) && hasKey(second, vector.k2) ? undefined : 'the keys at the end differ';
}

export type RecordVector = Named & {
  readonly direction?: 'node-a to node-b' | 'node-b to node-a';
  readonly kind?: number;
  readonly status?: number;
  readonly nonce?: number;
  readonly payload?: string;
  readonly plaintext?: string;
  readonly ciphertext?: string;
  readonly REQ_PLAIN?: number;
};

/** The records of the file, one after the other, each direction with its own key: sealed as there, and opened and read again. */
export function recordVectors(): (vector: RecordVector) => string | undefined {
  const ends = crossVmCiphers();
  return (vector) => {
    if (vector.REQ_PLAIN !== undefined)
      return differs(
        {
          MAX_REQ: 256,
          MAX_RSP: 512,
          REQ_CIPH: records.OS_REQUEST_CIPHERTEXT_LENGTH,
          REQ_PLAIN: records.OS_REQUEST_RECORD_LENGTH,
          RSP_CIPH: records.OS_RESPONSE_CIPHERTEXT_LENGTH,
          RSP_PLAIN: records.OS_RESPONSE_RECORD_LENGTH,
          TAGLEN: 16,
          name: 'constants',
        },
        vector,
      );
    if (vector.direction === undefined) return undefined; // counters: the ladder has them, and the test of the ladder
    const isRequest = vector.kind !== undefined;
    const head = (vector.kind ?? vector.status) as number;
    const payload = fromHex(vector.payload as string).subarray(0, isRequest ? 256 : 512);
    const plaintext = isRequest ? encodeOsRequest({ head, payload }) : encodeOsResponse({ head, payload });
    const { send, receive } = vector.direction === 'node-a to node-b' ? ends.toB : ends.toA;
    const nonce = Number(send.nonce);
    const sealed = send.encryptWithAd(NOTHING, plaintext);
    const opened = receive.decryptWithAd(NOTHING, fromHex(vector.ciphertext as string));
    if (!opened.ok) return opened.error;
    const read = isRequest ? decodeOsRequest(opened.value) : decodeOsResponse(opened.value);
    return differs(
      [nonce, toHex(plaintext), sealed.ok && toHex(sealed.value), read.ok && [read.value.head, toHex(read.value.payload)]],
      [vector.nonce, vector.plaintext, vector.ciphertext, [head, toHex(payload)]],
    );
  };
}

function crossVmCiphers(): { toB: { send: CipherState; receive: CipherState }; toA: { send: CipherState; receive: CipherState } } {
  const a = { staticKey: keyPair(NODE_A.staticSecret), ephemeral: keyPair(NODE_A.ephemeral) };
  const b = { staticKey: keyPair(NODE_B.staticSecret), ephemeral: keyPair(NODE_B.ephemeral) };
  const initiator = new OsHandshake({ role: 'initiator', provider: nodeCrypto, ...a, peerStatic: b.staticKey.publicKey });
  const responder = new OsHandshake({ role: 'responder', provider: nodeCrypto, ...b, peerStatic: a.staticKey.publicKey });
  responder.read(initiator.write());
  initiator.read(responder.write());
  responder.read(initiator.write());
  const ours = initiator.split();
  const theirs = responder.split();
  return { toB: { send: ours.send, receive: theirs.receive }, toA: { send: theirs.send, receive: ours.receive } };
}
