import { BUS_PROLOGUE, GOODBYE, pairingPin } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { concatBytes, fromHex, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { Pair, sessionOf } from './support/bus-pair.js';
import { keyOf } from './support/bus-world.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('handshake and identity', () => {
  test('the prologue binds dialect and version; lengths are those of the document', () => {
    expect(toHex(BUS_PROLOGUE)).toBe(`${toHex(text('nexus-dsoftbus'))}00${toHex(text('bus'))}0001`);
    const pair = new Pair().start();
    expect([pair.a.isOpen, pair.b.isOpen]).toEqual([true, true]);
    expect(pair.sent.a[0]).toHaveLength(6 + 48);
    expect(toHex(pair.sent.a[0]?.subarray(0, 6) as Uint8Array)).toBe('4e4201010030');
    expect(pair.sent.b[0]).toHaveLength(6 + 48 + 18);
    expect(pair.sent.a[1]).toHaveLength(6 + 64 + 18);
    expect(pair.b.peer).toEqual({ deviceId: 'a', key: keyOf('a').publicKey, keyId: 0 });
  });

  test.each(['unknown-device', 'key-changed', 'key-revoked', 'key-id-mismatch'] as const)(
    'fault/N07 the identity is judged before any octet of the application: %s ends it on both sides',
    (judgement) => {
      const refused = new Pair({}, { judge: () => judgement }).start();
      expect(refused.ends).toEqual([`goodbye ${GOODBYE.identityRefused} by peer`, judgement]);
      expect(refused.seen.a.concat(refused.seen.b).map(({ type }) => type)).toEqual(['closed', 'closed']);
      const other = new Pair({ judge: () => judgement }).start();
      expect(other.ends).toEqual([judgement, `goodbye ${GOODBYE.identityRefused} by peer`]);
    },
  );

  test('a responder with another key, or under another name, is not who was dialled', () => {
    expect(new Pair({ remote: { deviceId: 'b', key: keyOf('x').publicKey } }).start().ends).toEqual([
      'truncated',
      'wrong-identity-or-prologue',
    ]);
    expect(new Pair({ remote: { deviceId: 'c', key: keyOf('b').publicKey } }).start().ends).toEqual([
      'responder-identity',
      'truncated',
    ]);
  });

  test.each([
    ['another magic', 0, 0x00, 'bad-magic'],
    ['another version', 2, 0x02, 'unsupported-version'],
    ['another message', 3, 0x02, 'bad-message-number'],
    ['a length that is too long', 4, 0xff, 'bad-handshake-length'],
    ['a changed message', 20, 0x55, 'wrong-identity-or-prologue'],
  ] as const)('message 1 with %s is refused without an answer', (_name, at, value, label) => {
    const pair = new Pair();
    pair.tamper = (from, bytes, index) => (from === 'a' && index === 0 ? bytes.with(at, value) : bytes);
    pair.start();
    expect(pair.ends[1]).toBe(label);
    expect(pair.sent.b).toEqual([]);
  });

  test('fault/N20 one octet at a time gives the same session; 5 s after the connection it is over, whatever trickles in', () => {
    const pair = new Pair();
    pair.b.start(0);
    pair.a.start(0);
    pair.settle(1);
    expect([pair.a.isOpen, pair.b.isOpen]).toEqual([true, true]);
    const slow = sessionOf('b');
    slow.start(0);
    for (let at = 0; at < 5; at++) slow.handleBytes(at * 900, fromHex('4e42010100').subarray(at, at + 1));
    expect(slow.nextTimeout()).toBe(5_000);
    slow.handleTimeout(5_000);
    expect(slow.end).toEqual({ type: 'failed', label: 'handshake-timeout' });
  });
});

describe('records', () => {
  test('keys change in the middle of traffic, each direction by itself, and nothing is lost', () => {
    const pair = new Pair({ rekeyRecords: 3 }, { rekeyOctets: 5_000 }).start();
    const stream = pair.a.openStream(0, { name: 'x', priority: 0 });
    if (!stream.ok) throw new Error('not open');
    let got = 0;
    for (let i = 0; i < 20; i++) {
      pair.a.write(0, stream.value, text('a').fill(i));
      pair.settle();
      const bytes = pair.b.read(0, stream.value);
      expect(bytes).toEqual(Uint8Array.of(i));
      got += bytes?.length ?? 0;
      pair.b.write(0, stream.value, new Uint8Array(900));
      pair.settle();
      expect(pair.a.read(0, stream.value)).toHaveLength(900);
    }
    expect(got).toBe(20);
    const changes = pair.seen.a.filter((event) => event.type === 'rekeyed').map((event) => event.direction);
    expect(changes.filter((direction) => direction === 'send').length).toBeGreaterThan(4);
    expect(changes.filter((direction) => direction === 'receive').length).toBeGreaterThan(2);
    expect(pair.ends).toEqual([undefined, undefined]);
  });

  test('before its nonces are used up a side says goodbye', () => {
    const pair = new Pair({ recordCountMax: 3 }).start();
    pair.a.openStream(0, { name: 'x', priority: 0 });
    pair.settle();
    pair.a.openStream(0, { name: 'y', priority: 0 });
    pair.settle();
    expect(pair.ends).toEqual([`goodbye ${GOODBYE.exhausted} by us`, `goodbye ${GOODBYE.exhausted} by peer`]);
  });

  test('fault/N19 an end without a goodbye is truncated; with one it is an end', () => {
    const cut = new Pair().start();
    cut.a.handleEnd(0);
    expect(cut.a.end).toEqual({ type: 'failed', label: 'truncated' });
    const clean = new Pair().start();
    const stream = clean.a.openStream(0, { name: 'x', priority: 0 });
    if (stream.ok) clean.a.write(0, stream.value, text('last words'));
    if (stream.ok) clean.a.finish(0, stream.value);
    clean.a.close(0);
    clean.settle();
    // The stream still runs: it may come to its end.
    expect(clean.ends).toEqual([undefined, undefined]);
    expect(clean.b.read(0, 1)).toEqual(text('last words'));
    clean.b.finish(0, 1);
    clean.settle();
    expect(clean.ends).toEqual(['goodbye 0 by us', 'goodbye 0 by peer']);
  });

  test.each([0, 1, 2, 10])('a record changed at octet %i ends the session', (at) => {
    const pair = new Pair().start();
    pair.tamper = (from, bytes) => (from === 'a' ? bytes.with(at, (bytes[at] as number) ^ 0x01) : bytes);
    pair.a.openStream(0, { name: 'x', priority: 0 });
    pair.settle();
    if (at === 0) {
      // The length is longer now: the rest never comes, and the end of the transport tells.
      pair.b.handleEnd(0);
      expect(pair.b.end).toEqual({ type: 'failed', label: 'truncated' });
    } else if (at === 1) expect(pair.b.end?.type === 'failed' || pair.b.inspect().recordsReceived === 1).toBe(true);
    else expect(pair.b.end).toEqual({ type: 'failed', label: 'decrypt-failed' });
  });

  test('a record that is repeated, left out or too short is fatal', () => {
    const repeated = new Pair().start();
    repeated.tamper = (from, bytes) => (from === 'a' ? concatBytes([bytes, bytes]) : bytes);
    repeated.a.openStream(0, { name: 'x', priority: 0 });
    repeated.settle();
    expect(repeated.b.end).toEqual({ type: 'failed', label: 'decrypt-failed' });
    const short = new Pair().start();
    short.b.handleBytes(0, fromHex('0010'));
    expect(short.b.end).toEqual({ type: 'failed', label: 'bad-record-length' });
  });

  test('what breaks a rule of the mux ends the session, and the peer hears why', () => {
    const pair = new Pair({ mux: { pingIntervalMs: 1_000, pongTimeoutMs: 1_000 } }).start();
    pair.tamper = (from, bytes) => (from === 'b' ? undefined : bytes);
    for (pair.now = 1_000; pair.now <= 2_000; pair.now += 1_000) {
      pair.a.handleTimeout(pair.now);
      pair.settle();
    }
    expect(pair.ends).toEqual(['keepalive-timeout', `goodbye ${GOODBYE.keepalive} by peer`]);
  });
});

test('the six digits: HMAC-BLAKE2s, six octets big-endian, modulo a million', () => {
  const hash = new Uint8Array(32).fill(7);
  const mac = nodeCrypto.hash('BLAKE2s').hmac(hash, text('Neuron-PIN-v1'));
  const number = BigInt(`0x${toHex(mac.subarray(0, 6))}`) % 1_000_000n;
  expect(pairingPin(nodeCrypto, hash)).toBe(String(number).padStart(6, '0'));
});
