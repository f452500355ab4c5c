import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { bytesEqual, fromHex, parseIpv4, SeededEntropy, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { nobleCrypto } from '../../src/crypto-noble.js';
import { nodeCrypto } from '../../src/crypto-node.js';
import {
  CipherState,
  equalInConstantTime,
  HandshakeAdmission,
  HandshakeState,
  type NoiseError,
  survivingDial,
} from '../../src/index.js';
import { fixedEntropy } from '../support/entropy.js';
import {
  advance,
  flipBit,
  keyOf,
  must,
  receiverOf,
  secretOf,
  withTail,
  XK,
  xkPair,
  xkTransports,
} from '../support/noise-pair.js';

interface Vectors {
  readonly session: {
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
      readonly hex: string;
      readonly expect: string;
      readonly reference_error?: string;
    }[];
  };
  readonly transport: {
    readonly key_init_to_resp: string;
    readonly nonces: readonly { readonly nonce: string; readonly plaintext: string; readonly ciphertext: string }[];
    readonly rekeyed_key: string;
  };
  readonly hkdf: readonly { chaining_key: string; ikm: string; out1: string; out2: string; out3: string }[];
  readonly rekey: readonly { readonly k: string; readonly rekey: string }[];
}

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/noise.json'), 'utf8')) as Vectors;
const EMPTY = new Uint8Array(0);

/** The two ends of the vectors' session. */
function vectorPair() {
  const { session } = vectors;
  return xkPair({
    initiator: nodeCrypto.x25519KeyPair(fromHex(session.init_static)),
    responder: nodeCrypto.x25519KeyPair(fromHex(session.resp_static)),
    prologues: [session.prologue, session.prologue],
    entropies: [fixedEntropy(session.init_ephemeral), fixedEntropy(session.resp_ephemeral)],
  });
}

/** What the receiver says to message `i` of the vectors' session after the good ones before it. */
function outcomeOf(i: number, message: Uint8Array): NoiseError | 'accepted' {
  const pair = vectorPair();
  for (let n = 0; n < i; n++) {
    const [writer, reader] = n % 2 === 0 ? [pair.initiator, pair.responder] : [pair.responder, pair.initiator];
    must(writer.writeMessage(fromHex(vectors.session.payloads[n] as string)));
    must(reader.readMessage(fromHex(vectors.session.good[n] as string)));
  }
  if (i === 1) expect(pair.initiator.step).toBe('read');
  const receiver = receiverOf(pair, i);
  const read = receiver.readMessage(message);
  if (read.ok) return 'accepted';
  // A refused handshake is over: no answer comes of it, and the good message is too late.
  expect(receiver.step).toBe('dead');
  expect(receiver.readMessage(fromHex(vectors.session.good[i] as string)).ok).toBe(false);
  expect(receiver.writeMessage().ok).toBe(false);
  return read.error;
}

/** In the long suite all of it, otherwise places all over. */
const LONG = process.env['NEXUS_RUNS_FACTOR'] !== undefined;

describe('handshake messages', () => {
  test('fault/N01: a first message with a point of low order and a tag for the all-zero secret, in all 14 encodings', () => {
    const forged = vectors.session.cases.filter(({ name }) => name.startsWith('msg0 forged'));
    expect(forged.length).toBe(14);
    for (const { hex } of forged) expect(outcomeOf(0, fromHex(hex))).toBe('low-order-point');
  });

  test('fault/N02: cut anywhere or longer by one: refused, dead, no answer', () => {
    for (const [i, good] of vectors.session.good.entries()) {
      const message = fromHex(good);
      const step = LONG ? 1 : i === 0 ? 3 : 13;
      for (let length = 0; length < message.length; length += step)
        expect(['short-message', 'bad-tag', 'wrong-identity-or-prologue']).toContain(outcomeOf(i, message.subarray(0, length)));
      expect(['bad-tag', 'wrong-identity-or-prologue']).toContain(outcomeOf(i, withTail(message, 0)));
    }
  });

  test('fault/N03: one bit turned anywhere in the three messages', () => {
    for (const [i, good] of vectors.session.good.entries()) {
      const message = fromHex(good);
      // A step that is prime to 8 comes to every bit of an octet in turn.
      for (let bit = i; bit < 8 * message.length; bit += LONG ? 3 : 67) {
        expect(['bad-tag', 'wrong-identity-or-prologue']).toContain(outcomeOf(i, flipBit(message, bit)));
      }
    }
  });

  test('fault/N04: out of order, reflected, replayed, of another session', () => {
    const [first, second, third] = vectors.session.good.map((hex) => fromHex(hex)) as [Uint8Array, Uint8Array, Uint8Array];
    const other = advance(xkPair({ seed: 'another session' }), 3) as [Uint8Array, Uint8Array, Uint8Array];
    expect(outcomeOf(0, second)).toBe('wrong-identity-or-prologue');
    expect(outcomeOf(0, third)).toBe('wrong-identity-or-prologue');
    expect(outcomeOf(1, first)).toBe('reflected-key');
    expect(outcomeOf(1, third)).toBe('bad-tag');
    expect(outcomeOf(2, first)).toBe('short-message');
    expect(outcomeOf(2, second)).toMatch(/short-message|bad-tag/);
    expect(outcomeOf(1, other[1])).toBe('bad-tag');
    expect(outcomeOf(2, other[2])).toBe('bad-tag');
  });

  test('the hostile cases of the vectors are refused for their reasons', () => {
    const reasons: Readonly<Record<string, RegExp>> = {
      auth: /^(bad-tag|wrong-identity-or-prologue|reflected-key|short-message)$/,
      short: /^short-message$/,
      'zero-dh': /^low-order-point$/,
    };
    const cases = vectors.session.cases.filter((_, i) => i % 3 === 0);
    for (const { message, hex, expect: outcome, reference_error: reason = '' } of cases)
      expect(outcomeOf(message, fromHex(hex))).toMatch(outcome === 'accept' ? /^accepted$/ : (reasons[reason] as RegExp));
  });

  test('fault/N05: a replayed first message gets an answer and nothing else: no session, and at a bounded rate', () => {
    const key = keyOf('responder');
    const [first] = advance(xkPair({ seed: 'recorded' }), 1, fromHex('c0ffee')) as [Uint8Array];
    const admission = new HandshakeAdmission({ sourceRate: { perSecond: 1, burst: 3 } });
    const address = parseIpv4('10.42.0.66');
    let answers = 0;
    for (let now = 0; now < 1_000; now += 10) {
      if (admission.admit(now, address) !== 'admitted') continue;
      const responder = xkPair({ seed: now, responder: key }).responder;
      expect(responder.readMessage(first).ok).toBe(true);
      must(responder.writeMessage());
      answers++;
      // The recorded initiator's ephemeral secret is gone: whoever replays can't go on, and nobody is proven.
      expect(responder.remoteStatic).toBeUndefined();
      expect(responder.readMessage(new Uint8Array(64).fill(now)).ok).toBe(false);
      expect(() => responder.split()).toThrow('split');
      admission.release(address);
    }
    expect(answers).toBe(3);
    expect(admission.inspect().refusals).toEqual({ 'source-rate': 97 });
  });

  test('fault/N06: a stale key of the responder: refused at the first message, named after the identity', () => {
    const pair = xkPair({ responderSeenAs: keyOf('before the key was changed').publicKey });
    const read = pair.responder.readMessage(must(pair.initiator.writeMessage()));
    expect(read).toEqual({ ok: false, error: 'wrong-identity-or-prologue' });
    expect(pair.responder.step).toBe('dead'); // no fallback to another pattern
  });

  test('fault/N08: the peer has our static key, or sends our ephemeral one back', () => {
    const own = keyOf('responder');
    const self = xkPair({ initiator: own });
    expect(self.initiator.writeMessage()).toEqual({ ok: false, error: 'reflected-key' });
    // An attacker who has stolen it can write the messages, and set the bit that X25519 ignores; the owner refuses.
    const attacker = new HandshakeState(nodeCrypto, {
      protocol: XK,
      role: 'initiator',
      entropy: new SeededEntropy('attacker'),
      localStatic: {
        publicKey: own.publicKey.map((octet, i) => (i === 31 ? octet | 0x80 : octet)),
        agree: (peer) => own.agree(peer),
      },
      remoteStatic: nodeCrypto.x25519PublicKey(own.publicKey),
    });
    const { responder } = xkPair();
    must(responder.readMessage(must(attacker.writeMessage())));
    must(attacker.readMessage(must(responder.writeMessage())));
    expect(responder.readMessage(must(attacker.writeMessage()))).toEqual({ ok: false, error: 'reflected-key' });
  });

  test('fault/N09: with the responder’s stolen key nobody can pose as another initiator to it', () => {
    const stolen = keyOf('responder');
    const { responder } = xkPair();
    // The attacker knows the responder's secret and the victim's public key, but not the victim's secret.
    const victim = keyOf('initiator');
    const attacker = new HandshakeState(nodeCrypto, {
      protocol: XK,
      role: 'initiator',
      entropy: new SeededEntropy('attacker'),
      localStatic: { publicKey: victim.publicKey, agree: (peer) => stolen.agree(peer) },
      remoteStatic: nodeCrypto.x25519PublicKey(stolen.publicKey),
    });
    must(responder.readMessage(must(attacker.writeMessage())));
    must(attacker.readMessage(must(responder.writeMessage())));
    expect(responder.readMessage(must(attacker.writeMessage()))).toEqual({ ok: false, error: 'bad-tag' });
    expect(() => responder.split()).toThrow('dead');
  });

  test('fault/N11: another prologue is refused at the first message', () => {
    for (const other of ['', '01', '0001', '010000']) {
      const pair = xkPair({ prologues: ['0100', other] });
      const read = pair.responder.readMessage(must(pair.initiator.writeMessage()));
      expect(read).toEqual({ ok: false, error: 'wrong-identity-or-prologue' });
    }
    const same = xkPair({ prologues: ['0100', '0100'] });
    expect(same.responder.readMessage(must(same.initiator.writeMessage())).ok).toBe(true);
  });

  test.each([
    ['node', nodeCrypto],
    ['noble', nobleCrypto],
  ])('fault/N25: the library throws for a point of low order, the provider does not (%s)', (_name, provider) => {
    const ours = provider.x25519KeyPair(secretOf('ours'));
    const points = vectors.session.cases
      .filter(({ name }) => name.startsWith('msg0 forged'))
      .map(({ hex }) => fromHex(hex).subarray(0, 32));
    for (const point of points)
      expect(ours.agree(provider.x25519PublicKey(point))).toEqual({ ok: false, error: 'low-order-point' });
    const aead = provider.aead('ChaChaPoly', secretOf('key'));
    expect(aead.open(new Uint8Array(12), EMPTY, new Uint8Array(40))).toEqual({ ok: false, error: 'bad-tag' });
    const signed = { publicKey: new Uint8Array(32).fill(0xff), message: EMPTY, signature: new Uint8Array(64).fill(0xff) };
    expect(provider.ed25519Verify(signed)).toBe(false);
  });
});

describe('transport messages', () => {
  test('fault/N14: octets of nothing, then a good message: the nonce has not moved', () => {
    const { initiator, responder } = xkTransports();
    const good = must(initiator.send.encryptWithAd(EMPTY, fromHex('aa')));
    expect(responder.receive.decryptWithAd(EMPTY, new Uint8Array(17).fill(0xa5))).toEqual({ ok: false, error: 'bad-tag' });
    expect(responder.receive.nonce).toBe(0n);
    expect(toHex(must(responder.receive.decryptWithAd(EMPTY, good)))).toBe('aa');
    expect(responder.receive.nonce).toBe(1n);
  });

  test('fault/N15: replayed, left out, exchanged', () => {
    const messages = (): { readonly feed: (i: number) => string } => {
      const { initiator, responder } = xkTransports();
      const sealed = [0, 1, 2].map((i) => must(initiator.send.encryptWithAd(EMPTY, Uint8Array.of(i))));
      return {
        feed: (i) => {
          const opened = responder.receive.decryptWithAd(EMPTY, sealed[i] as Uint8Array);
          return opened.ok ? toHex(opened.value) : opened.error;
        },
      };
    };
    const outcome = (...order: number[]): string[] => {
      const { feed } = messages();
      return order.map(feed);
    };
    expect(outcome(0, 1, 2)).toEqual(['00', '01', '02']);
    expect(outcome(0, 0)).toEqual(['00', 'bad-tag']);
    expect(outcome(0, 2)).toEqual(['00', 'bad-tag']);
    expect(outcome(1, 0)).toEqual(['bad-tag', '00']);
  });

  test('fault/N16: 2^64 - 2 is the last nonce; the next is refused on both sides, and never wraps', () => {
    for (const cipher of ['ChaChaPoly', 'AESGCM'] as const) {
      const key = secretOf('key');
      const [send, receive] = [new CipherState(nodeCrypto, cipher, key), new CipherState(nodeCrypto, cipher, key)];
      send.setNonce(2n ** 64n - 2n);
      receive.setNonce(2n ** 64n - 2n);
      const last = must(send.encryptWithAd(EMPTY, fromHex('bb')));
      expect(toHex(must(receive.decryptWithAd(EMPTY, last)))).toBe('bb');
      for (let i = 0; i < 3; i++) {
        expect(send.encryptWithAd(EMPTY, EMPTY)).toEqual({ ok: false, error: 'nonce-exhausted' });
        expect(receive.decryptWithAd(EMPTY, last)).toEqual({ ok: false, error: 'nonce-exhausted' });
      }
      expect(send.nonce).toBe(2n ** 64n - 1n);
    }
  });

  test.each([
    ['node', nodeCrypto],
    ['noble', nobleCrypto],
  ])('fault/N17: nonces at 2^32, above 2^53 and up to the last, as OpenSSL seals them (%s)', (_name, provider) => {
    const key = fromHex(vectors.transport.key_init_to_resp);
    for (const { nonce, plaintext, ciphertext } of vectors.transport.nonces) {
      const state = new CipherState(provider, 'ChaChaPoly', key);
      state.setNonce(BigInt(nonce));
      expect(toHex(must(state.encryptWithAd(EMPTY, fromHex(plaintext))))).toBe(ciphertext);
      expect(state.nonce).toBe(BigInt(nonce) + 1n);
    }
    // Counted up, and not set: the carry goes through every octet.
    const counted = new CipherState(provider, 'AESGCM', key);
    for (const n of [0xffn, 0xffffn, 0xffff_ffffn, 2n ** 53n - 1n, 2n ** 56n - 1n]) {
      counted.setNonce(n);
      must(counted.encryptWithAd(EMPTY, EMPTY));
      expect(counted.nonce).toBe(n + 1n);
    }
  });

  test('fault/N18: every order of data and rekeying: equal orders agree, others fail at the tag; rekeying keeps n', () => {
    // D: a message; R: both sides rekey at once; S, T: only one side does.
    const orders = [...Array(4 ** 4).keys()].map((n) => [0, 1, 2, 3].map((i) => 'DRST'[(n >> (2 * i)) & 3]).join(''));
    for (const order of orders) {
      const [send, receive] = [0, 0].map(() => new CipherState(nodeCrypto, 'ChaChaPoly', secretOf('key'))) as [
        CipherState,
        CipherState,
      ];
      let [sent, received] = [0, 0];
      for (const step of order) {
        if (step === 'R' || step === 'S') {
          send.rekey();
          sent++;
        }
        if (step === 'R' || step === 'T') {
          receive.rekey();
          received++;
        }
        if (step !== 'D') continue;
        const before = send.nonce;
        const opened = receive.decryptWithAd(EMPTY, must(send.encryptWithAd(EMPTY, EMPTY)));
        expect(send.nonce).toBe(before + 1n);
        if (sent !== received) {
          expect(opened).toEqual({ ok: false, error: 'bad-tag' });
          break;
        }
        expect(opened.ok).toBe(true);
      }
    }
    for (const { k, rekey } of vectors.rekey) {
      const [state, expected] = [k, rekey].map((hex) => new CipherState(nodeCrypto, 'ChaChaPoly', fromHex(hex))) as [
        CipherState,
        CipherState,
      ];
      state.rekey();
      expect(must(state.encryptWithAd(EMPTY, EMPTY))).toEqual(must(expected.encryptWithAd(EMPTY, EMPTY)));
    }
  });
});

describe('keys', () => {
  test('fault/N22: the same random octets on both sides are found; each handshake draws its own', () => {
    const same = { u32: () => 0, fill: (bytes: Uint8Array) => bytes.fill(0x42) };
    const unlucky = xkPair({ entropies: [same, same] });
    must(unlucky.responder.readMessage(must(unlucky.initiator.writeMessage())));
    expect(unlucky.initiator.readMessage(must(unlucky.responder.writeMessage()))).toEqual({ ok: false, error: 'reflected-key' });

    const draws: string[] = [];
    const source = new SeededEntropy('one source for two handshakes');
    const watched = {
      u32: () => source.u32(),
      fill: (bytes: Uint8Array) => {
        source.fill(bytes);
        draws.push(toHex(bytes));
      },
    };
    for (let i = 0; i < 2; i++) advance(xkPair({ entropies: [watched, watched] }), 3);
    expect(new Set(draws).size).toBe(4);
  });

  test('fault/N23: no secret is in what is printed, serialised, or said in an error', () => {
    const secrets = ['initiator', 'responder', 'psk'].map((name) => secretOf(name));
    const pair = xkPair();
    const key = keyOf('initiator');
    const noble = nobleCrypto.x25519KeyPair(secretOf('initiator'));
    const signing = [nodeCrypto, nobleCrypto].map((provider) => provider.ed25519KeyPair(secretOf('initiator')));
    advance(pair, 2);
    const things: unknown[] = [
      pair.initiator,
      pair.responder,
      key,
      noble,
      ...signing,
      nodeCrypto.aead('ChaChaPoly', secretOf('psk')),
    ];
    advanceLast(pair);
    const transport = pair.initiator.split();
    things.push(pair.initiator, transport, new CipherState(nobleCrypto, 'ChaChaPoly', secretOf('psk')));
    try {
      new HandshakeState(nodeCrypto, {
        protocol: XK,
        role: 'initiator',
        entropy: new SeededEntropy(1),
        localStatic: key,
        psks: [secretOf('psk')],
      });
    } catch (error) {
      things.push(error, String(error), (error as Error).stack);
    }
    const output = things
      .flatMap((thing) => [
        inspect(thing, { depth: 10, showHidden: true, maxArrayLength: null }),
        JSON.stringify(thing, plain),
        String(thing),
      ])
      .join('\n')
      .replaceAll(/\s/g, '');
    expect(output).toContain('publicKey');
    for (const secret of secrets) {
      for (const form of [
        toHex(secret),
        [...secret].join(),
        Buffer.from(secret).toString('base64url'),
        Buffer.from(secret).toString('base64'),
      ])
        expect(output).not.toContain(form);
    }
  });

  test('fault/N24: keys, ids and tags are compared in constant time: every octet is looked at', () => {
    const reads: number[] = [];
    const watched = (bytes: Uint8Array): Uint8Array =>
      new Proxy(bytes, {
        get: (target, key) => {
          if (typeof key === 'string' && /^\d+$/.test(key)) reads.push(Number(key));
          return Reflect.get(target, key, target);
        },
      });
    for (const differs of [0, 15, 31, 32]) {
      const [a, b] = [new Uint8Array(32), new Uint8Array(32)];
      if (differs < 32) b[differs] = 1;
      reads.length = 0;
      expect(equalInConstantTime(watched(a), b)).toBe(bytesEqual(a, b));
      expect(reads).toEqual([...Array(32).keys()]);
    }
    expect(equalInConstantTime(new Uint8Array(3), new Uint8Array(4))).toBe(false);
  });
});

describe('many at once', () => {
  test('fault/N21: ten thousand half-open handshakes: a bounded table, and an honest peer still gets in', () => {
    const admission = new HandshakeAdmission({ pendingMax: 64, pendingPerAddressMax: 4 });
    let now = 0;
    for (let i = 0; i < 10_000; i++) admission.admit(now++, parseIpv4(`10.66.0.${1 + (i % 10)}`));
    // Ten addresses hold what one address may hold, and no more; none of it cost a multiplication.
    expect(admission.inspect()).toMatchObject({ pending: 40, addresses: 10 });
    expect(admission.admit(now, parseIpv4('10.42.0.10'))).toBe('admitted');
    // Many addresses can fill the table; their handshakes end at the deadline, and the places come back.
    for (let i = 0; i < 10_000; i++) admission.admit((now += 100), parseIpv4(`10.67.${i >> 8}.${i & 255}`));
    expect(admission.inspect()).toMatchObject({ pending: 64 });
    expect(admission.admit(now, parseIpv4('10.42.0.11'))).toBe('too-many-pending');
    admission.release(parseIpv4('10.66.0.1'));
    expect(admission.admit(now + 5_000, parseIpv4('10.42.0.11'))).toBe('admitted');
  });

  test('fault/N27: two dials at once: both sides keep the same one', () => {
    const ids = ['node-a', 'node-b', 'node', 'é', 'z', '\u{10000}', '\uffff'];
    for (const a of ids) {
      for (const b of ids) {
        if (a === b) expect(() => survivingDial(a, b)).toThrow('another id');
        else expect(survivingDial(a, b)).not.toBe(survivingDial(b, a));
      }
    }
    expect(survivingDial('node-a', 'node-b')).toBe('ours');
    expect(survivingDial('node', 'node-b')).toBe('ours');
    expect(survivingDial('\u{10000}', '\uffff')).toBe('theirs'); // by octets, not by code units
  });
});

function advanceLast({ initiator, responder }: ReturnType<typeof xkPair>): void {
  must(responder.readMessage(must(initiator.writeMessage())));
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

test('HKDF gives the outputs of the vectors', () => {
  for (const { chaining_key: ck, ikm, out1, out2, out3 } of vectors.hkdf)
    expect(nodeCrypto.hash('BLAKE2s').hkdf(fromHex(ck), fromHex(ikm), 3).map(toHex)).toEqual([out1, out2, out3]);
});
