import {
  CipherState,
  type CryptoProvider,
  HandshakeState,
  NOISE_PLAINTEXT_LENGTH_MAX,
  type NoiseError,
  type Role,
  type Transport,
} from '@nexus-net/dsoftbus';
import { nobleCrypto } from '@nexus-net/dsoftbus/crypto-noble';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { type Entropy, fromHex, toHex } from '@nexus-net/sansio';
import { type CaseReport, reportOf } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';

/** Every vector is for each provider of cryptography. */
export const PROVIDERS: readonly (readonly [name: string, crypto: CryptoProvider])[] = [
  ['node', nodeCrypto],
  ['noble', nobleCrypto],
];

/** The same cases for each provider, with its name in the id. */
export function withProviders<T>(
  cases: readonly T[],
  id: (one: T) => string,
  check: (crypto: CryptoProvider, one: T) => string | undefined,
): CaseReport {
  return reportOf(
    PROVIDERS.flatMap(([name, crypto]) => cases.map((one) => [`${id(one)} (${name})`, check(crypto, one)] as const)),
  );
}

/** Gives out the ephemeral key of a vector. */
function fixedEntropy(octets: string): Entropy {
  return { u32: () => 0, fill: (bytes) => bytes.set(fromHex(octets)) };
}

interface CacophonyVector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks?: readonly string[];
  readonly init_static?: string;
  readonly init_ephemeral?: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_psks?: readonly string[];
  readonly resp_static?: string;
  readonly resp_ephemeral?: string;
  readonly resp_remote_static?: string;
  readonly handshake_hash: string;
  readonly messages: readonly {
    readonly payload: string;
    readonly ciphertext: string;
    readonly sender: 'init' | 'resp';
    readonly phase: 'handshake' | 'transport';
  }[];
}

/** Whole sessions: every message written as it stands there and read back, and the handshake hash. */
export function checkCacophony(file: VectorFile): CaseReport {
  const { vectors } = jsonOf<{ readonly vectors: readonly CacophonyVector[] }>(file);
  return withProviders(vectors, ({ protocol_name }) => protocol_name, checkSession);
}

function checkSession(crypto: CryptoProvider, vector: CacophonyVector): string | undefined {
  const ends = {
    init: stateOf(crypto, vector, 'initiator'),
    resp: stateOf(crypto, vector, 'responder'),
  };
  const transports: { init?: Transport; resp?: Transport } = {};
  for (const [i, { payload, ciphertext, sender, phase }] of vector.messages.entries()) {
    const receiver = sender === 'init' ? 'resp' : 'init';
    if (phase === 'transport') {
      transports.init ??= ends.init.split();
      transports.resp ??= ends.resp.split();
      // One-way patterns have one direction, and cacophony goes on in it.
      const sealed = (transports[sender] as Transport).send.encryptWithAd(new Uint8Array(0), fromHex(payload));
      if (!sealed.ok || toHex(sealed.value) !== ciphertext) return `message ${i} is another`;
      const opened = (transports[receiver] as Transport).receive.decryptWithAd(new Uint8Array(0), fromHex(ciphertext));
      if (!opened.ok || toHex(opened.value) !== payload) return `message ${i} is not read`;
      continue;
    }
    const written = ends[sender].writeMessage(fromHex(payload));
    if (!written.ok || toHex(written.value) !== ciphertext) return `message ${i} is another`;
    const read = ends[receiver].readMessage(fromHex(ciphertext));
    if (!read.ok) return `message ${i} is refused: ${read.error}`;
    if (toHex(read.value) !== payload) return `message ${i} has another payload`;
  }
  for (const [name, end] of Object.entries(ends))
    if (toHex(end.handshakeHash) !== vector.handshake_hash) return `${name} has another handshake hash`;
  return undefined;
}

function stateOf(crypto: CryptoProvider, vector: CacophonyVector, role: Role): HandshakeState {
  const side = role === 'initiator' ? 'init' : 'resp';
  const localStatic = vector[`${side}_static`];
  const remoteStatic = vector[`${side}_remote_static`];
  return new HandshakeState(crypto, {
    protocol: vector.protocol_name,
    role,
    entropy: fixedEntropy(vector[`${side}_ephemeral`] ?? ''),
    prologue: fromHex(vector[`${side}_prologue`]),
    psks: (vector[`${side}_psks`] ?? []).map(fromHex),
    ...(localStatic === undefined ? {} : { localStatic: crypto.x25519KeyPair(fromHex(localStatic)) }),
    ...(remoteStatic === undefined ? {} : { remoteStatic: crypto.x25519PublicKey(fromHex(remoteStatic)) }),
  });
}

const XK = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';

interface NegativeSession {
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly prologue: string;
  readonly payloads: readonly string[];
  readonly good: readonly string[];
  readonly handshake_hash: string;
  readonly cases: readonly {
    readonly name: string;
    readonly message: number;
    readonly receiver: 'init' | 'resp';
    readonly hex: string;
    readonly expect: 'accept' | 'reject';
    readonly reference_error?: string;
  }[];
}

interface Negative {
  readonly sessions: readonly NegativeSession[];
  readonly policy: readonly { readonly name: string; readonly expect: string }[];
  readonly transport: {
    readonly key_init_to_resp: string;
    readonly nonces: readonly { readonly nonce: string; readonly plaintext: string; readonly ciphertext: string }[];
    readonly rekeyed_key: string;
    readonly sequence_rules: readonly { readonly feed: readonly string[]; readonly expect: string }[];
    readonly max_plaintext: number;
  };
}

/** Which reasons the words of the reference implementation stand for. */
const REASONS: Readonly<Record<string, readonly NoiseError[]>> = {
  auth: ['bad-tag', 'wrong-identity-or-prologue', 'reflected-key'],
  short: ['short-message'],
  oversize: ['oversize-message'],
  'zero-dh': ['low-order-point'],
};

/** Hostile XK handshakes, the policy of a session, nonces, and rules for sequences of transport messages. */
export function checkXkNegative(file: VectorFile): CaseReport {
  const { sessions, policy, transport } = jsonOf<Negative>(file);
  const cases: [string, (crypto: CryptoProvider) => string | undefined][] = [];
  for (const [i, session] of sessions.entries()) {
    cases.push([`session ${i}`, (crypto) => checkGood(crypto, session)]);
    for (const one of session.cases) cases.push([`session ${i}: ${one.name}`, (crypto) => checkHostile(crypto, session, one)]);
  }
  const [first] = sessions as [NegativeSession];
  for (const { name } of policy) {
    const check = POLICY[name];
    cases.push([name, (crypto) => (check === undefined ? 'no outcome is known' : check(crypto, first))]);
  }
  for (const one of transport.nonces) cases.push([`nonce ${one.nonce}`, (crypto) => checkNonce(crypto, transport, one)]);
  cases.push(['nonce exhausted', (crypto) => checkExhausted(crypto, transport)]);
  cases.push(['rekey', (crypto) => checkRekey(crypto, fromHex(transport.key_init_to_resp), fromHex(transport.rekeyed_key))]);
  for (const { feed } of transport.sequence_rules)
    cases.push([`sequence ${feed.join(', ')}`, (crypto) => checkSequence(crypto, transport, feed)]);
  cases.push(['longest plaintext', () => (transport.max_plaintext === NOISE_PLAINTEXT_LENGTH_MAX ? undefined : 'another')]);
  return withProviders(
    cases,
    ([id]) => id,
    (crypto, [, check]) => check(crypto),
  );
}

type Changes = { readonly prologue?: string; readonly responderSeenAs?: string; readonly initiatorStatic?: string };

function pairOf(crypto: CryptoProvider, session: NegativeSession, changes: Changes = {}) {
  const { initiatorStatic = session.init_static, responderSeenAs, prologue = session.prologue } = changes;
  const responder = crypto.x25519KeyPair(fromHex(session.resp_static));
  return {
    init: new HandshakeState(crypto, {
      protocol: XK,
      role: 'initiator',
      entropy: fixedEntropy(session.init_ephemeral),
      prologue: fromHex(session.prologue),
      localStatic: crypto.x25519KeyPair(fromHex(initiatorStatic)),
      remoteStatic: crypto.x25519PublicKey(responderSeenAs === undefined ? responder.publicKey : fromHex(responderSeenAs)),
    }),
    resp: new HandshakeState(crypto, {
      protocol: XK,
      role: 'responder',
      entropy: fixedEntropy(session.resp_ephemeral),
      prologue: fromHex(prologue),
      localStatic: responder,
    }),
  };
}

/** Feeds the good messages before number `count`. */
function advance(session: NegativeSession, ends: ReturnType<typeof pairOf>, count: number): string | undefined {
  for (let i = 0; i < count; i++) {
    const [writer, reader] = i % 2 === 0 ? [ends.init, ends.resp] : [ends.resp, ends.init];
    const written = writer.writeMessage(fromHex(session.payloads[i] as string));
    if (!written.ok || toHex(written.value) !== session.good[i]) return `message ${i} is another`;
    const read = reader.readMessage(written.value);
    if (!read.ok) return `message ${i} is refused: ${read.error}`;
  }
  return undefined;
}

function checkGood(crypto: CryptoProvider, session: NegativeSession): string | undefined {
  const ends = pairOf(crypto, session);
  const problem = advance(session, ends, 3);
  if (problem !== undefined) return problem;
  return toHex(ends.init.handshakeHash) === session.handshake_hash ? undefined : 'another handshake hash';
}

function checkHostile(
  crypto: CryptoProvider,
  session: NegativeSession,
  { message, receiver, hex, expect, reference_error: reason }: NegativeSession['cases'][number],
): string | undefined {
  const ends = pairOf(crypto, session);
  const problem = advance(session, ends, message);
  if (problem !== undefined) return problem;
  if (receiver === 'init' && ends.init.step === 'write') return 'the receiver is not the one whose turn it is';
  const read = ends[receiver].readMessage(fromHex(hex));
  if (expect === 'accept') return read.ok ? undefined : `refused: ${read.error}`;
  if (read.ok) return 'accepted';
  // The reference reads part by part; here a message that is too short for all its parts is refused before any of them.
  if (read.error === 'short-message' && reason === 'auth' && hex.length / 2 < ends[receiver].overhead) return undefined;
  if (!(REASONS[reason ?? ''] ?? []).includes(read.error)) return `refused as ${read.error}, and not as ${reason}`;
  return ends[receiver].step === 'dead' ? undefined : 'the handshake goes on';
}

const POLICY: Readonly<Record<string, (crypto: CryptoProvider, session: NegativeSession) => string | undefined>> = {
  'initiator has the wrong responder static': (crypto, session) => {
    const other = toHex(crypto.x25519KeyPair(fromHex(session.resp_ephemeral)).publicKey);
    return refusedAtFirst(pairOf(crypto, session, { responderSeenAs: other }));
  },
  'prologue differs': (crypto, session) => refusedAtFirst(pairOf(crypto, session, { prologue: '00' })),
  'attacker plays responder without its static key': (crypto, session) => {
    // The attacker has a static key of its own, and so can't even read what is not for it.
    const known = toHex(crypto.x25519KeyPair(fromHex(session.resp_static)).publicKey);
    const victim = pairOf(crypto, session, { responderSeenAs: known }).init;
    const attacker = pairOf(crypto, { ...session, resp_static: session.resp_ephemeral }).resp;
    const sent = victim.writeMessage();
    return sent.ok && attacker.readMessage(sent.value).ok ? 'the attacker reads the first message' : undefined;
  },
  'initiator static in message 2 is not the one the announcement bound to the device id': (crypto, session) => {
    const ends = pairOf(crypto, session, { initiatorStatic: '09'.repeat(32) });
    for (const [writer, reader] of [
      [ends.init, ends.resp],
      [ends.resp, ends.init],
      [ends.init, ends.resp],
    ] as const) {
      const written = writer.writeMessage();
      if (!written.ok || !reader.readMessage(written.value).ok) return 'the handshake itself is refused';
    }
    // Noise has proven a key; whose it is, the session asks (fault/N07).
    const expected = toHex(crypto.x25519KeyPair(fromHex(session.init_static)).publicKey);
    const proven = ends.resp.remoteStatic;
    return proven !== undefined && toHex(proven) !== expected ? undefined : 'the session is not told which key was proven';
  },
  'self handshake: initiator static equals responder static': (crypto, session) => {
    const own = crypto.x25519KeyPair(fromHex(session.resp_static));
    const { init, resp } = pairOf(crypto, session, {
      initiatorStatic: session.resp_static,
      responderSeenAs: toHex(own.publicKey),
    });
    const written = init.writeMessage();
    if (written.ok || written.error !== 'reflected-key') return 'the initiator dials itself';
    return resp.step === 'read' ? undefined : 'the responder is not as it was';
  },
};

function refusedAtFirst({ init, resp }: ReturnType<typeof pairOf>): string | undefined {
  const sent = init.writeMessage();
  if (!sent.ok) return 'nothing was sent';
  const read = resp.readMessage(sent.value);
  if (read.ok) return 'accepted';
  return read.error === 'wrong-identity-or-prologue' ? undefined : `refused as ${read.error}`;
}

const EMPTY = new Uint8Array(0);

function checkNonce(
  crypto: CryptoProvider,
  { key_init_to_resp: key }: Negative['transport'],
  { nonce, plaintext, ciphertext }: Negative['transport']['nonces'][number],
): string | undefined {
  const send = new CipherState(crypto, 'ChaChaPoly', fromHex(key));
  const receive = new CipherState(crypto, 'ChaChaPoly', fromHex(key));
  send.setNonce(BigInt(nonce));
  receive.setNonce(BigInt(nonce));
  const sealed = send.encryptWithAd(EMPTY, fromHex(plaintext));
  if (!sealed.ok || toHex(sealed.value) !== ciphertext) return 'sealed as something else';
  const opened = receive.decryptWithAd(EMPTY, sealed.value);
  if (!opened.ok || toHex(opened.value) !== plaintext) return 'not opened';
  return send.nonce === BigInt(nonce) + 1n ? undefined : 'the next nonce is not one more';
}

function checkExhausted(crypto: CryptoProvider, { key_init_to_resp: key }: Negative['transport']): string | undefined {
  const state = new CipherState(crypto, 'ChaChaPoly', fromHex(key));
  state.setNonce(2n ** 64n - 1n);
  const sealed = state.encryptWithAd(EMPTY, EMPTY);
  const opened = state.decryptWithAd(EMPTY, new Uint8Array(16));
  if (sealed.ok || sealed.error !== 'nonce-exhausted') return 'seals with the reserved nonce';
  return opened.ok || opened.error !== 'nonce-exhausted' ? 'opens with the reserved nonce' : undefined;
}

function checkRekey(crypto: CryptoProvider, key: Uint8Array, rekeyed: Uint8Array): string | undefined {
  const state = new CipherState(crypto, 'ChaChaPoly', key);
  const expected = new CipherState(crypto, 'ChaChaPoly', rekeyed);
  state.setNonce(5n);
  expected.setNonce(5n);
  state.rekey();
  const text = Uint8Array.of(1, 2, 3);
  const [a, b] = [state.encryptWithAd(EMPTY, text), expected.encryptWithAd(EMPTY, text)];
  return a.ok && b.ok && toHex(a.value) === toHex(b.value) ? undefined : 'another key, or another nonce';
}

function checkSequence(
  crypto: CryptoProvider,
  { key_init_to_resp: key, nonces }: Negative['transport'],
  feed: readonly string[],
): string | undefined {
  const receive = new CipherState(crypto, 'ChaChaPoly', fromHex(key));
  const message = (name: string): Uint8Array => {
    const octets = /^(\d+) bytes$/.exec(name);
    if (octets !== null) return new Uint8Array(Number(octets[1]));
    if (name === 'garbage16') return new Uint8Array(16).fill(0xa5);
    return fromHex((nonces[Number(name.slice(1))] as { ciphertext: string }).ciphertext);
  };
  const outcomes = feed.map((name) => {
    const opened = receive.decryptWithAd(EMPTY, message(name));
    return opened.ok ? 'ok' : opened.error;
  });
  const expected = SEQUENCES[feed.join(', ')];
  if (expected === undefined) return 'no outcome is known';
  return outcomes.join(', ') === expected ? undefined : outcomes.join(', ');
}

/** A refused message moves nothing: what was due before it is due after it. */
const SEQUENCES: Readonly<Record<string, string>> = {
  'n0, n0': 'ok, bad-tag',
  'n0, n2': 'ok, bad-tag',
  n1: 'bad-tag',
  'garbage16, n0': 'bad-tag, ok',
  '15 bytes': 'short-message',
  '65536 bytes': 'oversize-message',
};

/** HKDF of Noise §4.3, with two outputs and with three. */
export function checkHkdf(file: VectorFile): CaseReport {
  const { tests } = jsonOf<{
    readonly tests: readonly { chaining_key: string; ikm: string; out1: string; out2: string; out3: string }[];
  }>(file);
  return withProviders(
    tests,
    ({ chaining_key: ck }) => ck.slice(0, 16),
    (crypto, { chaining_key: ck, ikm, out1, out2, out3 }) => {
      const three = crypto.hash('BLAKE2s').hkdf(fromHex(ck), fromHex(ikm), 3).map(toHex);
      const two = crypto.hash('BLAKE2s').hkdf(fromHex(ck), fromHex(ikm), 2).map(toHex);
      if (three.join() !== [out1, out2, out3].join()) return 'three outputs are others';
      return two.join() === [out1, out2].join() ? undefined : 'two outputs are others';
    },
  );
}

export function checkRekeys(file: VectorFile): CaseReport {
  const { tests } = jsonOf<{ readonly tests: readonly { k: string; rekey: string }[] }>(file);
  return withProviders(
    tests,
    ({ k }) => k.slice(0, 16),
    (crypto, { k, rekey }) => checkRekey(crypto, fromHex(k), fromHex(rekey)),
  );
}
