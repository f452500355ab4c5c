import { BUS_PROLOGUE, type CipherState, HandshakeState, TrustStore } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { ipv4, SeededEntropy, writeU32 } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { places } from '../../sansio/test/support/runs.js';
import { encodeBusIdentity } from '../src/bus/identity.js';
import { BUS_NOISE_PROTOCOL, handshakeFrame, RECORD } from '../src/bus/wire.js';
import { Pair, sessionOf } from './support/bus-pair.js';
import { BusWorld, keyOf } from './support/bus-world.js';

const NOTHING = new Uint8Array(0);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** An initiator that has the right keys and keeps no rule: it sends what the test says. */
class Rogue {
  readonly victim = sessionOf('b');
  #send: CipherState | undefined;
  readonly #handshake = new HandshakeState(nodeCrypto, {
    protocol: BUS_NOISE_PROTOCOL,
    role: 'initiator',
    entropy: new SeededEntropy('rogue'),
    prologue: BUS_PROLOGUE,
    localStatic: keyOf('a'),
    remoteStatic: nodeCrypto.x25519PublicKey(keyOf('b').publicKey),
  });

  /** Up to the keys; nothing is accepted yet. */
  shake(): this {
    this.victim.start(0);
    this.#handshakeMessage(1, NOTHING);
    const reply = this.victim.pollTransmit();
    if (reply?.type !== 'bytes') throw new Error('no message 2');
    if (!this.#handshake.readMessage(reply.bytes.subarray(6)).ok) throw new Error('message 2');
    const limits = { streamCountMax: 128, windowOctets: 65_536 };
    this.#handshakeMessage(3, encodeBusIdentity({ deviceId: 'a', keyId: 0, limits, keepaliveSeconds: 25 }));
    this.#send = this.#handshake.split().send;
    return this;
  }

  record(now: number, type: number, body: Uint8Array = NOTHING): this {
    const plaintext = new Uint8Array(1 + body.length);
    plaintext[0] = type;
    plaintext.set(body, 1);
    const sealed = (this.#send as CipherState).encryptWithAd(NOTHING, plaintext, 2);
    if (!sealed.ok) throw new Error(sealed.error);
    const length = sealed.value.length - 2;
    sealed.value[0] = length >>> 8;
    sealed.value[1] = length;
    this.victim.handleBytes(now, sealed.value);
    return this;
  }

  rekey(now: number, number: number): this {
    const body = new Uint8Array(4);
    writeU32(body, 0, number);
    this.record(now, RECORD.rekey, body);
    this.#send?.rekey();
    return this;
  }

  #handshakeMessage(number: 1 | 3, payload: Uint8Array): void {
    const message = this.#handshake.writeMessage(payload);
    if (!message.ok) throw new Error(message.error);
    this.victim.handleBytes(0, handshakeFrame(number, message.value));
  }
}

describe('a peer that has the keys and keeps no rule', () => {
  test('fault/N26 octets of the application before its ACCEPT are refused, and none is delivered', () => {
    const { victim } = new Rogue().shake().record(0, RECORD.mux, new Uint8Array(8));
    expect(victim.end).toEqual({ type: 'failed', label: 'unexpected-record' });
    expect(victim.pollEvent()).toMatchObject({ type: 'closed' });
    expect(victim.pollEvent()).toBeUndefined();
    const behind = new Rogue().shake().record(0, RECORD.accept).record(0, RECORD.accept);
    expect(behind.victim.end).toEqual({ type: 'failed', label: 'unexpected-record' });
  });

  test('new keys again and again are a flood, at a slow pace they are none', () => {
    const flood = new Rogue().shake().record(0, RECORD.accept);
    for (let i = 1; i <= 16; i++) flood.rekey(0, i);
    expect(flood.victim.isOpen).toBe(true);
    flood.rekey(0, 17);
    expect(flood.victim.end).toEqual({ type: 'failed', label: 'rekey-flood' });
    const slow = new Rogue().shake().record(0, RECORD.accept);
    for (let i = 1; i <= 3; i++) slow.rekey(i * 4_000, i);
    expect(slow.victim.isOpen).toBe(true);
  });
});

describe('pairing', () => {
  const pairing = { judge: () => 'pairing' as const };

  test('nobody confirms: after the time for it both sides end, and no stream was possible', () => {
    const pair = new Pair({ ...pairing, pairingTimeoutMs: 60_000 }, { ...pairing, pairingTimeoutMs: 60_000 }).start();
    expect(pair.a.openStream(0, { name: 'x', priority: 0 }).ok).toBe(false);
    expect(pair.a.nextTimeout()).toBe(60_000);
    pair.now = 59_999;
    pair.a.handleTimeout(pair.now);
    expect(pair.a.end).toBeUndefined();
    pair.now = 60_000;
    pair.a.handleTimeout(pair.now);
    pair.settle();
    expect(pair.ends).toEqual(['pairing-timeout', 'pairing-timeout']);
  });

  test('one user refuses: the other side is told so', () => {
    const pair = new Pair(pairing, pairing).start();
    pair.a.confirmPairing(0);
    pair.b.refusePairing(0);
    pair.settle();
    expect(pair.ends).toEqual(['goodbye 3 by peer', 'pairing-refused']);
  });

  test('a node whose trust store is full refuses instead of a session that nobody can take up again', () => {
    const world = new BusWorld('pairing, full');
    const trust = new TrustStore({ deviceCountMax: 1 });
    trust.pin('somebody', keyOf('somebody').publicKey);
    world.add('a', { trustAnnounced: false, pairing: true, trust });
    world.add('b', { trustAnnounced: false, pairing: true });
    world.run(10_000, () => world.events.some(({ who, event }) => who === 'a' && event.type === 'pairing'));
    world.do((now) => world.node('a').confirmPairing(now, 'b'));
    world.run(1_000);
    expect(world.node('a').sessions()).toEqual([]);
    expect(world.trace.some((line) => line.includes('pairing-refused') || line.includes('goodbye 3'))).toBe(true);
  });
});

describe('time and transport', () => {
  test('fault/L14 fourteen weeks there and back: timers beyond 2^31 ms hold', () => {
    const week = 7 * 86_400_000;
    const times = {
      handshakeTimeoutMs: 60 * week,
      rekeyMs: 400 * week,
      mux: { pingIntervalMs: 200 * week, stallTimeoutMs: 100 * week },
    };
    const pair = new Pair(times, times);
    pair.b.start(0);
    pair.a.start(0);
    const carry = (from: 'a' | 'b'): void => {
      pair.now += 7 * week;
      for (let out = pair[from].pollTransmit(); out !== undefined; out = pair[from].pollTransmit())
        if (out.type === 'bytes') pair[from === 'a' ? 'b' : 'a'].handleBytes(pair.now, out.bytes);
    };
    for (const from of ['a', 'b', 'a', 'b'] as const) carry(from);
    expect([pair.a.isOpen, pair.b.isOpen]).toEqual([true, true]);
    const stream = pair.a.openStream(pair.now, { name: 'x', priority: 0 });
    if (!stream.ok) throw new Error(stream.error);
    pair.a.write(pair.now, stream.value, text('late'));
    carry('a');
    expect(pair.b.read(pair.now, stream.value)).toEqual(text('late'));
    expect(pair.b.nextTimeout()).toBeGreaterThan(pair.now + 2 ** 31);
  });

  test('fault/L15 a clock that goes back changes nothing; ten years at once end what is due, each once', () => {
    const world = new BusWorld('clock', { delayMs: 2 });
    for (const name of ['a', 'b']) world.add(name);
    expect(world.run(10_000, () => world.areConnected('a', 'b'))).toBe(true);
    world.run(1_000);
    const next = world.node('a').nextTimeout();
    for (const back of [3_600_000, Number.MAX_SAFE_INTEGER / 2]) world.node('a').handleTimeout(world.now - back);
    expect(world.node('a').nextTimeout()).toBe(next);
    expect(world.node('a').pollTransmit()).toBeUndefined();
    const before = world.events.length;
    world.now += 10 * 365 * 86_400_000;
    world.run(120_000, () => world.areConnected('a', 'b') && world.events.length > before);
    expect(world.areConnected('a', 'b')).toBe(true);
    expect(world.events.length - before).toBeLessThan(40);
  });

  test('fault/L16 a clock that stands: nothing is sent and no timer is armed for what is over', () => {
    const world = new BusWorld('standing', { delayMs: 2 });
    for (const name of ['a', 'b']) world.add(name);
    expect(world.run(10_000, () => world.areConnected('a', 'b'))).toBe(true);
    world.run(1_000);
    const node = world.node('a');
    for (let i = 0; i < 5_000; i++) node.handleTimeout(world.now);
    expect(node.pollTransmit()).toBeUndefined();
    expect(node.pollEvent()).toBeUndefined();
    expect(node.nextTimeout()).toBeGreaterThan(world.now);
  });

  test('fault/L22 the transport ends at each octet of a session: truncated, once, and nothing more', () => {
    const whole = new Pair().start();
    const stream = whole.a.openStream(0, { name: 'x', priority: 0 });
    if (stream.ok) whole.a.write(0, stream.value, text('octets'));
    whole.settle();
    const sent = whole.sent.a.flatMap((bytes) => [...bytes]);
    expect(sent.length).toBeGreaterThan(150);
    for (const cut of places(sent.length + 1, 7)) {
      const victim = sessionOf('b');
      victim.start(0);
      victim.handleBytes(0, Uint8Array.from(sent.slice(0, cut)));
      victim.handleEnd(0);
      victim.handleEnd(0);
      victim.handleClosed(0);
      const types: string[] = [];
      for (let event = victim.pollEvent(); event !== undefined; event = victim.pollEvent()) types.push(event.type);
      expect([cut, victim.end, types.filter((type) => type === 'closed').length]).toEqual([
        cut,
        { type: 'failed', label: 'truncated' },
        1,
      ]);
      expect(victim.pollTransmit()).toBeUndefined();
      expect(victim.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    }
  });
});

describe('connections of a node', () => {
  test('fault/N20 no more than so many wait for their handshake, and of one address fewer; the others are reset and counted', () => {
    const world = new BusWorld('accepts');
    const node = world.add('a', { handshakeCountMax: 6, handshakesPerAddressMax: 4, acceptRate: { perSecond: 1, burst: 8 } });
    const local = { address: ipv4(10, 42, 0, 1), port: 34_567 };
    const open = (stream: number, last: number): void =>
      node.handleStreamOpened(world.now, { stream, local, remote: { address: ipv4(10, 42, 0, last), port: 50_000 } });
    for (let i = 0; i < 5; i++) open(1 + 2 * i, 7);
    for (let i = 0; i < 3; i++) open(101 + 2 * i, 8);
    expect(node.inspect().rejects).toEqual({ 'address-limit': 1, 'handshake-limit': 1 });
    for (let i = 0; i < 10; i++) open(201 + 2 * i, 7);
    expect(node.inspect().rejects['accept-rate']).toBeGreaterThan(0);
    const resets: number[] = [];
    for (let out = node.pollTransmit(); out !== undefined; out = node.pollTransmit())
      if (out.type === 'stream-reset') resets.push(out.stream);
    expect(resets).toHaveLength(12);
    world.now += 5_000;
    node.handleTimeout(world.now);
    expect(node.inspect().sessions).toEqual([]);
    world.now += 10_000;
    node.handleTimeout(world.now);
    expect(node.inspect().connections).toBe(0);
  });

  test('fault/N27 both dial at once: one session stays, that of the lower id, on both sides', () => {
    const world = new BusWorld('at once', { delayMs: 900 });
    for (const name of ['a', 'b']) world.add(name);
    world.run(30_000);
    expect(world.areConnected('a', 'b')).toBe(true);
    expect(world.node('a').inspect().sessions).toEqual([{ deviceId: 'b', role: 'initiator' }]);
    expect(world.node('b').inspect().sessions).toEqual([{ deviceId: 'a', role: 'responder' }]);
    const dialled = new Set(world.events.flatMap(({ who, event }) => (event.type === 'dialling' ? [who] : [])));
    expect([...dialled].sort()).toEqual(['a', 'b']);
  });

  test('a blocked stream keeps everything back, of this connection only, and lets it go when there is room', () => {
    const world = new BusWorld('blocked', { delayMs: 1 });
    for (const name of ['a', 'b', 'c']) world.add(name);
    expect(world.run(20_000, () => world.areConnected('a', 'b') && world.areConnected('a', 'c'))).toBe(true);
    const node = world.node('a');
    const opened = node.openStream(world.now, 'b', { name: 'x', priority: 0 });
    const first = node.pollTransmit();
    if (first?.type !== 'stream-bytes') throw new Error('no OPEN');
    const { stream } = first;
    node.handleStreamBlocked(world.now, stream);
    const other = node.openStream(world.now, 'c', { name: 'x', priority: 0 });
    if (!opened.ok || !other.ok) throw new Error('not open');
    let taken = 0;
    for (let i = 0; i < 40; i++) taken += node.write(world.now, 'b', opened.value, new Uint8Array(16_384));
    expect(taken).toBe(262_144);
    node.write(world.now, 'c', other.value, text('passes'));
    const sent: number[] = [];
    for (let out = node.pollTransmit(); out !== undefined; out = node.pollTransmit())
      if (out.type === 'stream-bytes') sent.push(out.stream);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent).not.toContain(stream);
    node.handleStreamWritable(world.now, stream);
    expect(node.pollTransmit()).toMatchObject({ type: 'stream-bytes', stream });
  });
});

describe('the trust store', () => {
  const day = 86_400_000;
  const [first, second, third] = ['1', '2', '3'].map((name) => keyOf(name).publicKey) as [Uint8Array, Uint8Array, Uint8Array];

  test('a new key with a higher id; the old one is good for its grace and then no more; a third one ends the grace of the first', () => {
    const trust = new TrustStore({ graceMs: 30 * day });
    trust.pin('a', first, 1);
    expect(trust.rotate(0, 'a', { key: second, keyId: 1 })).toBe(false);
    expect(trust.rotate(0, 'nobody', { key: second, keyId: 2 })).toBe(false);
    expect(trust.rotate(0, 'a', { key: second, keyId: 2 })).toBe(true);
    expect(trust.judge(30 * day - 1, 'a', { key: first, keyId: 1 })).toBe('trusted');
    expect(trust.judge(30 * day, 'a', { key: first, keyId: 1 })).toBe('key-revoked');
    expect(trust.judge(30 * day, 'a', { key: second, keyId: 2 })).toBe('trusted');
    expect(trust.judge(0, 'a', { key: second, keyId: 1 })).toBe('key-id-mismatch');
    expect(trust.rotate(day, 'a', { key: third, keyId: 3 })).toBe(true);
    expect(trust.judge(day, 'a', { key: first, keyId: 1 })).toBe('key-changed');
    expect(trust.keysOf(day, 'a').map(({ keyId }) => keyId)).toEqual([3, 2]);
  });

  test('a revoked key does not come back by rotation; pinning it is the owner’s word', () => {
    const trust = new TrustStore();
    trust.pin('a', first, 1);
    expect(trust.revoke('a', first)).toBe(true);
    expect(trust.judge(0, 'a', { key: first, keyId: 1 })).toBe('key-revoked');
    trust.pin('a', second, 2);
    expect(trust.rotate(0, 'a', { key: first, keyId: 3 })).toBe(false);
    trust.pin('a', first, 4);
    expect(trust.judge(0, 'a', { key: first, keyId: 4 })).toBe('trusted');
  });

  test('written down and taken up again it judges the same, with what is left of a grace', () => {
    const trust = new TrustStore({ graceMs: 10 * day });
    trust.pin('a', first, 1);
    trust.rotate(0, 'a', { key: second, keyId: 2 });
    trust.pair('b', third);
    trust.pin('c', first, 7);
    trust.revoke('c', first);
    const copy = new TrustStore({ graceMs: 10 * day });
    expect(copy.import(1_000_000, JSON.parse(JSON.stringify(trust.export(4 * day))))).toBe(true);
    expect(copy.judge(1_000_000 + 6 * day - 1, 'a', { key: first, keyId: 1 })).toBe('trusted');
    expect(copy.judge(1_000_000 + 6 * day, 'a', { key: first, keyId: 1 })).toBe('key-revoked');
    expect(copy.judge(0, 'b', { key: third, keyId: 0 })).toBe('trusted');
    expect(copy.judge(0, 'c', { key: first, keyId: 7 })).toBe('key-revoked');
    expect(copy.export(1_000_000)).toEqual(trust.export(4 * day));
  });

  test.each([
    ['no device id', { deviceId: '', keys: [], revoked: [] }],
    ['a key that is none', { deviceId: 'a', keys: [{ key: 'xy', keyId: 0, origin: 'pinned' as const }], revoked: [] }],
    [
      'a key id that is none',
      { deviceId: 'a', keys: [{ key: '00'.repeat(32), keyId: -1, origin: 'pinned' as const }], revoked: [] },
    ],
    ['a revoked key that is none', { deviceId: 'a', keys: [], revoked: ['00'] }],
  ])('a record with %s is not taken up', (_name, record) => {
    const trust = new TrustStore();
    expect(trust.import(0, [record])).toBe(false);
    expect(trust.size).toBe(0);
  });
});
