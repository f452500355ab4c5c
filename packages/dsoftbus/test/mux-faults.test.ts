import { BURST_MAX, DATA_OCTETS_MAX, Mux, type MuxOptions, RESET_CODE } from '@nexus-net/dsoftbus';
import { concatBytes, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  closeFrame,
  creditFrame,
  dataFrame,
  framesOf,
  goAwayFrame,
  KIND,
  openAckFrame,
  openFrame,
  pingFrame,
  pongFrame,
  raw,
  resetFrame,
  showFrame,
} from './support/mux-frames.js';
import { eventsOf, MuxPair, muxOf, SMALL, sentBy } from './support/mux-pair.js';

/** An initiator with one stream of its own, id 1, and one of the peer's, id 2; what they said is drained. */
function running(options: Partial<MuxOptions> = {}): Mux {
  const mux = muxOf('initiator', options);
  mux.open(0, { name: 'ours', priority: 0 });
  sentBy(mux);
  mux.handleRecord(0, concatBytes([openAckFrame(1), openFrame(2, 'theirs')]));
  sentBy(mux);
  eventsOf(mux);
  return mux;
}

function failureOn(frame: Uint8Array, options: Partial<MuxOptions> = {}): string | undefined {
  const mux = running(options);
  mux.handleRecord(0, frame);
  return mux.failure;
}

const lines = (mux: Mux): string[] => sentBy(mux).map(showFrame);
const octets = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

describe('credit', () => {
  test('fault/M01 one octet beyond the credit ends the session, and none of it is delivered', () => {
    const mux = running();
    mux.handleRecord(0, dataFrame(2, 1_024));
    expect(mux.failure).toBeUndefined();
    mux.handleRecord(0, dataFrame(2, 1));
    expect(mux.failure).toBe('credit-exceeded');
    expect(eventsOf(mux).map(({ type }) => type)).toEqual(['readable', 'failed']);
    expect(mux.inspect().streams).toEqual([]);
  });

  test('fault/M02 an OPEN with a body beyond a name registers nothing', () => {
    const mux = running();
    mux.handleRecord(0, raw(KIND.open, 4, 0, octets(2_000)));
    expect(mux.failure).toBe('bad-name');
    expect(eventsOf(mux)).toEqual([{ type: 'failed', label: 'bad-name' }]);
    // Data right behind its OPEN is held to the credit like any other.
    expect(failureOn(concatBytes([openFrame(4, 'x'), dataFrame(4, 1_025)]))).toBe('credit-exceeded');
  });

  test('fault/M03 credit above 2^32-1 in sum or 2^31-1 at once ends the session', () => {
    const most = 2 ** 31 - 1;
    expect(failureOn(creditFrame(1, 2 ** 31))).toBe('bad-credit');
    expect(failureOn(creditFrame(1, 2 ** 32 - 1))).toBe('bad-credit');
    expect(failureOn(concatBytes([creditFrame(1, most), creditFrame(1, most)]))).toBe('credit-overflow');
    const mux = running();
    mux.handleRecord(0, concatBytes([creditFrame(1, most), creditFrame(1, most - 1_023)]));
    expect(mux.failure).toBeUndefined();
    expect(mux.inspect().streams[0]?.sendCredit).toBe(2 ** 32 - 1);
  });

  test('fault/M04 a credit of 0 is an error, for an unknown stream too; for one that is gone it is ignored', () => {
    expect(failureOn(creditFrame(1, 0))).toBe('bad-credit');
    expect(failureOn(creditFrame(9, 5))).toBe('unknown-stream');
    const mux = running();
    mux.reset(0, 1);
    mux.handleRecord(0, creditFrame(1, 5));
    expect(mux.failure).toBeUndefined();
    expect(mux.inspect().ignored).toEqual({ 'late-frame': 1 });
  });

  test('what is read is given back at half of the window, or when nothing is left and a quarter was read', () => {
    const mux = running();
    mux.handleRecord(0, dataFrame(2, 1_000));
    expect(mux.read(0, 2, 511)).toHaveLength(511);
    expect(lines(mux)).toEqual([]);
    mux.read(0, 2, 1);
    expect(lines(mux)).toEqual(['credit 2 +512']);
    mux.read(0, 2);
    expect(lines(mux)).toEqual(['credit 2 +488']);
    // Nothing more can come of a stream that its opener has closed.
    mux.handleRecord(0, concatBytes([dataFrame(2, 1_000), closeFrame(2)]));
    mux.read(0, 2);
    expect(lines(mux)).toEqual([]);
  });
});

describe('limits and floods', () => {
  test('fault/M05 one stream above the limit is refused, the others live, and no id is used twice', () => {
    const mux = muxOf('initiator');
    mux.handleRecord(0, concatBytes([2, 4, 6, 8, 10].map((id) => openFrame(id, `s${id}`))));
    expect(lines(mux).filter((line) => line.startsWith('reset'))).toEqual([`reset 10 ${RESET_CODE.refused}`]);
    mux.handleRecord(0, dataFrame(8, octets(3)));
    expect(mux.read(0, 8)).toEqual(octets(3));
    mux.reset(0, 2);
    mux.handleRecord(0, openFrame(12, 's2'));
    expect(mux.inspect().streams.map(({ id }) => id)).toEqual([4, 6, 8, 12]);
    mux.handleRecord(0, openFrame(2, 'again'));
    expect(mux.failure).toBe('bad-stream-id');

    const own = muxOf('initiator');
    const ids = [0, 1, 2, 3, 4].map((i) => own.open(0, { name: `s${i}`, priority: 0 }));
    expect(ids.at(-1)).toEqual({ ok: false, error: 'too-many-streams' });
    own.reset(0, 1);
    expect(own.open(0, { name: 's0', priority: 0 })).toEqual({ ok: true, value: 9 });
  });

  test('fault/M06 rapid resets: a budget, then the end; work for each frame is the same', () => {
    const mux = muxOf('initiator', { resetRate: { burst: 5, perSecond: 1 } });
    let id = 2;
    const churn = (now: number): void => {
      mux.handleRecord(now, concatBytes([openFrame(id, 'x'), resetFrame(id, 0)]));
      id += 2;
    };
    for (let i = 0; i < 5; i++) churn(0);
    expect(mux.failure).toBeUndefined();
    churn(1_000); // one more a second
    expect(mux.failure).toBeUndefined();
    churn(1_000);
    expect(mux.failure).toBe('reset-flood');
    // Opens that are refused come from the same budget.
    const full = muxOf('initiator', { own: { streamCountMax: 1, windowOctets: 1_024 }, resetRate: { burst: 3, perSecond: 0 } });
    for (id = 2; full.failure === undefined && id < 100; id += 2) full.handleRecord(0, openFrame(id, `s${id}`));
    expect([full.failure, id]).toEqual(['reset-flood', 12]);
  });

  test('fault/M07 floods of empty data, pings, credit, extensions end the session; what waits to be sent is bounded', () => {
    expect(failureOn(dataFrame(2, 0))).toBe('bad-frame');
    const flood = (frame: Uint8Array, options: Partial<MuxOptions> = {}): readonly [string | undefined, number, number] => {
      const mux = running(options);
      let count = 0;
      let waiting = 0;
      while (mux.failure === undefined && count < 10_000) {
        mux.handleRecord(0, frame);
        count++;
        waiting = Math.max(waiting, mux.inspect().controlCount);
      }
      return [mux.failure, count, waiting];
    };
    expect(flood(pingFrame(1, 1))).toEqual(['ping-flood', 33, 32]);
    expect(flood(pongFrame(octets(8)))).toEqual(['ping-flood', 33, 0]);
    expect(flood(creditFrame(1, 1))).toEqual(['credit-flood', 257, 0]);
    expect(flood(raw(128, 0, 0))).toEqual(['extension-flood', 65, 0]);
    expect(flood(pingFrame(1, 1), { controlCountMax: 8 })).toEqual(['control-overflow', 9, 8]);
  });

  test('fault/M08 an application that never reads: its stream stops at the window, the others go on', () => {
    const pair = new MuxPair();
    const idle = pair.a.open(0, { name: 'idle', priority: 0 });
    const busy = pair.a.open(0, { name: 'busy', priority: 7 });
    if (!idle.ok || !busy.ok) throw new Error('not open');
    let moved = 0;
    for (let round = 0; round < 50; round++) {
      pair.a.write(0, idle.value, octets(1_000));
      pair.a.write(0, busy.value, octets(1_000));
      pair.settle();
      moved += pair.b.read(0, busy.value)?.length ?? 0;
      pair.settle();
    }
    expect(moved).toBe(50_000);
    const { streams } = pair.b.inspect();
    expect(streams.find(({ id }) => id === idle.value)).toMatchObject({ unread: 1_024, receiveCredit: 0 });
    // The writer is told by `write`, not by memory that grows.
    expect(pair.a.inspect().streams.find(({ id }) => id === idle.value)?.unsent).toBe(50_000 - 1_024);
    const full = new MuxPair({ sendBufferOctetsMax: 2_000 });
    const stream = full.a.open(0, { name: 'x', priority: 0 });
    if (!stream.ok) throw new Error('not open');
    expect(full.a.write(0, stream.value, octets(3_000))).toBe(2_000);
    full.settle();
    expect(full.seenByA).toContainEqual({ type: 'writable', stream: stream.value });
  });
});

describe('fair order', () => {
  const wide = { streamCountMax: 16, windowOctets: 16_777_216 };

  test('fault/M09 a stream of 100 octets waits for one frame of each other, not for all of it', () => {
    const mux = muxOf('initiator', { own: wide, peer: wide, sendBufferOctetsMax: 4_194_304 });
    mux.open(0, { name: 'big', priority: 3 });
    mux.write(0, 1, new Uint8Array(4_000_000));
    mux.open(0, { name: 'small', priority: 3 });
    mux.write(0, 3, octets(100));
    const frames = framesOf(mux.pollTransmit() as Uint8Array).filter(({ kind }) => kind === KIND.data);
    expect(frames.map(({ stream, body }) => [stream, body.length]).slice(0, 2)).toEqual([
      [1, DATA_OCTETS_MAX],
      [3, 100],
    ]);
  });

  test('the highest class goes first; after 8 frames in a row one goes to the lower classes, which take turns', () => {
    const mux = muxOf('initiator', { own: wide, peer: wide, sendBufferOctetsMax: 4_000_000, recordOctetsMax: 65_519 });
    for (const priority of [7, 4, 0]) {
      const stream = mux.open(0, { name: `p${priority}`, priority });
      if (stream.ok) mux.write(0, stream.value, new Uint8Array(1_500_000));
    }
    const served = sentBy(mux)
      .filter(({ kind }) => kind === KIND.data)
      .map(({ priority }) => priority);
    expect(served.slice(0, 4 * (BURST_MAX + 1)).join('')).toBe('000000004000000007000000004000000007');
  });

  test('a class waits for at most 9 x 7 frames while all others are busy', () => {
    const mux = muxOf('initiator', { own: wide, peer: wide, sendBufferOctetsMax: 4_000_000 });
    for (const each of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const stream = mux.open(0, { name: `p${each}`, priority: each });
      if (stream.ok) mux.write(0, stream.value, new Uint8Array(2_500_000));
    }
    const served = sentBy(mux)
      .filter(({ kind }) => kind === KIND.data)
      .map((frame) => frame.priority);
    for (const priority of [1, 2, 3, 4, 5, 6, 7]) {
      const places = served.flatMap((each, i) => (each === priority ? [i] : []));
      const gaps = places.slice(1, 4).map((place, i) => place - (places[i] as number));
      expect([priority, Math.max(places[0] as number, ...gaps) <= 9 * 7]).toEqual([priority, true]);
    }
  });
});

describe('keepalive', () => {
  const nonceOf = (mux: Mux): Uint8Array =>
    sentBy(mux)
      .find(({ kind }) => kind === KIND.ping)
      ?.body.slice() ?? new Uint8Array(0);

  test('fault/M10 a PING stands in front of all data, and is answered while every stream is out of credit', () => {
    const mux = running();
    mux.start(0);
    mux.write(0, 1, octets(2_000));
    sentBy(mux);
    mux.write(0, 1, octets(2_000)); // no credit is left
    mux.handleTimeout(15_000);
    mux.open(15_000, { name: 'more', priority: 0 });
    mux.handleRecord(15_000, pingFrame(7, 7));
    expect(lines(mux)).toEqual(['ping', 'pong', 'open 3 p0 more']);
  });

  test('fault/M17 no PONG ends the session; a foreign or unasked one is ignored and counted; the right one frees the timer', () => {
    const mux = running();
    mux.start(0);
    expect(mux.nextTimeout()).toBe(15_000);
    mux.handleTimeout(15_000);
    const nonce = nonceOf(mux);
    expect(nonce).toHaveLength(8);
    expect(mux.nextTimeout()).toBe(25_000);
    mux.handleRecord(16_000, pongFrame(octets(8)));
    expect(mux.inspect().ignored).toEqual({ 'unsolicited-pong': 1 });
    expect(mux.nextTimeout()).toBe(25_000);
    mux.handleRecord(16_000, pongFrame(nonce));
    expect(mux.nextTimeout()).toBe(30_000);
    mux.handleTimeout(30_000);
    sentBy(mux);
    mux.handleRecord(31_000, pongFrame(nonce)); // the old one is worth nothing
    // Whatever else the peer sends, only the PONG counts.
    mux.handleRecord(39_000, dataFrame(2, 10));
    mux.handleTimeout(40_000);
    expect(mux.failure).toBe('keepalive-timeout');
    expect(mux.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('fault/M18 a peer that answers pings and never gives credit: the stalled stream is reset, the session lives', () => {
    const mux = running();
    mux.start(0);
    mux.write(0, 1, octets(2_000));
    sentBy(mux);
    for (let now = 15_000; now < 60_000; now += 15_000) {
      mux.handleTimeout(now);
      mux.handleRecord(now, pongFrame(nonceOf(mux)));
    }
    eventsOf(mux);
    expect(mux.nextTimeout()).toBe(60_000);
    mux.handleTimeout(60_000);
    expect(eventsOf(mux)).toEqual([{ type: 'reset', stream: 1, code: RESET_CODE.stalled, by: 'stall' }]);
    expect(lines(mux)).toContain(`reset 1 ${RESET_CODE.stalled}`);
    expect(mux.failure).toBeUndefined();
    // Credit in time starts the wait anew.
    const fed = running();
    fed.write(0, 1, octets(2_000));
    sentBy(fed);
    fed.handleRecord(50_000, creditFrame(1, 10));
    sentBy(fed);
    fed.handleTimeout(60_000);
    expect(eventsOf(fed)).toEqual([]);
    expect(fed.nextTimeout()).toBe(110_000);
  });
});

describe('the end of streams', () => {
  test('fault/M11 data after a half close is an error; the other direction goes on', () => {
    expect(failureOn(concatBytes([closeFrame(2), dataFrame(2, 1)]))).toBe('bad-state');
    expect(failureOn(concatBytes([closeFrame(2), closeFrame(2)]))).toBe('bad-state');
    const mux = running();
    mux.handleRecord(0, closeFrame(2));
    mux.write(0, 2, octets(5));
    mux.finish(0, 2);
    expect(lines(mux)).toEqual(['data 2 [5]', 'close 2']);
    expect(eventsOf(mux).map(({ type }) => type)).toEqual(['ended', 'finished']);
    expect(() => running().finish(0, 9)).toThrow('no stream 9');
    const finished = running();
    finished.finish(0, 1);
    expect(() => finished.write(0, 1, octets(1))).toThrow('finished');
  });

  test('fault/M12 every race of close, reset and data: both ends agree that nothing is left', () => {
    const actions = ['finish', 'reset', 'write'] as const;
    const orders = [['a', 'b'], [], ['b', 'a'], ['a'], ['b']] as const;
    const deliveries = orders.slice(0, Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1') > 1 ? 5 : 2);
    const outcomes: string[] = [];
    for (const first of actions)
      for (const second of actions)
        for (const third of actions)
          for (const sides of SIDES)
            for (const between of deliveries) {
              const pair = new MuxPair();
              pair.a.open(0, { name: 'x', priority: 0 });
              pair.settle();
              const side = (i: number): Mux => (sides[i] === 'a' ? pair.a : pair.b);
              for (const [i, action] of [first, second, third].entries()) {
                act(side(i), action);
                for (const from of between) deliver(pair, from);
              }
              // Then both applications read what there is and close what they have not closed.
              for (let round = 0; round < 2; round++) {
                pair.settle();
                for (const mux of [pair.a, pair.b]) {
                  mux.read(0, 1);
                  act(mux, 'finish');
                }
              }
              pair.settle();
              const left = [pair.a, pair.b].map((mux) => [mux.failure, mux.inspect().streams.length].join());
              outcomes.push(left.join(' '));
            }
    expect(outcomes).toHaveLength(27 * 8 * deliveries.length);
    expect(new Set(outcomes)).toEqual(new Set([',0 ,0']));
  });

  test('fault/M13 late frames of a stream that is gone are ignored, as many as could be under way; a flood is not', () => {
    const mux = running();
    mux.handleRecord(0, dataFrame(2, 24));
    mux.reset(0, 2);
    mux.handleRecord(0, concatBytes([dataFrame(2, 1_000), creditFrame(2, 1), closeFrame(2), resetFrame(2, 0)]));
    expect(mux.failure).toBeUndefined();
    expect(mux.inspect().ignored).toEqual({ 'late-frame': 4 });
    mux.handleRecord(0, dataFrame(2, 14)); // 13 of the allowance are left
    expect(mux.failure).toBe('late-flood');
  });

  test('fault/M19 GOAWAY: new opens are refused, running streams end in peace, twice is legal while it does not rise', () => {
    const pair = new MuxPair();
    const stream = pair.a.open(0, { name: 'x', priority: 0 });
    pair.settle();
    if (!stream.ok) throw new Error('not open');
    const crossing = pair.a.open(0, { name: 'crossing', priority: 0 });
    pair.a.write(0, stream.value, octets(10));
    pair.b.goAway(0, 9);
    pair.b.goAway(0, 9);
    pair.settle();
    expect(pair.seenByA).toContainEqual({ type: 'going-away', code: 9 });
    expect(crossing.ok && pair.seenByA.some((event) => event.type === 'reset' && event.stream === crossing.value)).toBe(true);
    expect(pair.a.open(0, { name: 'new', priority: 0 })).toEqual({ ok: false, error: 'going-away' });
    expect(pair.b.open(0, { name: 'new', priority: 0 })).toEqual({ ok: false, error: 'going-away' });
    expect(pair.b.read(0, stream.value)).toEqual(octets(10));
    pair.a.finish(0, stream.value);
    pair.b.finish(0, stream.value);
    pair.settle();
    expect([pair.a.isIdle, pair.b.isIdle]).toEqual([true, true]);
    expect(failureOn(concatBytes([goAwayFrame(0, 0), goAwayFrame(1, 0)]))).toBe('bad-goaway');
    expect(failureOn(concatBytes([goAwayFrame(1, 0), goAwayFrame(1, 0), goAwayFrame(0, 0)]))).toBeUndefined();
    expect(failureOn(goAwayFrame(3, 0))).toBe('bad-goaway');
    expect(failureOn(goAwayFrame(2, 0))).toBe('bad-goaway');
  });

  test('a name is free again when its stream is gone, and the other side may have the same one', () => {
    const mux = running();
    expect(mux.open(0, { name: 'ours', priority: 0 })).toEqual({ ok: false, error: 'duplicate-name' });
    expect(mux.open(0, { name: 'theirs', priority: 0 }).ok).toBe(true);
    mux.reset(0, 1);
    expect(mux.open(0, { name: 'ours', priority: 0 })).toEqual({ ok: true, value: 5 });
    sentBy(mux);
    mux.handleRecord(0, openFrame(4, 'theirs'));
    expect(lines(mux)).toEqual([`reset 4 ${RESET_CODE.duplicateName}`]);
  });
});

describe('frames that are none', () => {
  test('fault/M14 ids: wrong parity, 0, not above the last one; when they run out, open says so', () => {
    expect(failureOn(openFrame(3, 'x'))).toBe('bad-stream-id');
    expect(failureOn(openFrame(0, 'x'))).toBe('bad-stream-id');
    expect(failureOn(openFrame(2, 'x'))).toBe('bad-stream-id');
    expect(failureOn(raw(KIND.ping, 1, 0, octets(8)))).toBe('bad-stream-id');
    expect(failureOn(dataFrame(3, 1))).toBe('unknown-stream');
    const last = muxOf('responder', { firstStreamId: 2 ** 32 - 2 });
    expect(last.open(0, { name: 'x', priority: 0 })).toEqual({ ok: true, value: 2 ** 32 - 2 });
    expect(last.open(0, { name: 'y', priority: 0 })).toEqual({ ok: false, error: 'ids-exhausted' });
  });

  test('fault/M15 unknown kinds: below 128 the end, above skipped and counted; priorities and bodies out of range', () => {
    expect(failureOn(raw(0, 1, 0))).toBe('unknown-kind');
    expect(failureOn(raw(10, 1, 0))).toBe('unknown-kind');
    const mux = running();
    mux.handleRecord(0, concatBytes([raw(255, 77, 9, octets(40)), dataFrame(2, octets(3))]));
    expect(mux.read(0, 2)).toEqual(octets(3));
    expect(mux.inspect().ignored).toEqual({ 'extension-frame': 1 });
    expect(failureOn(openFrame(4, 'x', 8))).toBe('bad-priority');
    expect(failureOn(dataFrame(2, 1, 3))).toBe('bad-priority');
    expect(failureOn(raw(KIND.ping, 0, 1, octets(8)))).toBe('bad-priority');
    for (const [kind, length] of [
      [KIND.openAck, 1],
      [KIND.credit, 3],
      [KIND.reset, 0],
      [KIND.close, 1],
    ] as const)
      expect(failureOn(raw(kind, 1, 0, octets(length)))).toBe('bad-frame');
    expect(failureOn(raw(KIND.ping, 0, 0, octets(7)))).toBe('bad-frame');
    expect(failureOn(raw(KIND.goAway, 0, 0, octets(4)))).toBe('bad-frame');
    expect(failureOn(openAckFrame(2))).toBe('bad-state');
    expect(failureOn(raw(KIND.open, 4, 0, Uint8Array.of(0xc0, 0x80)))).toBe('bad-name');
  });

  test('fault/M16 a length that lies: nothing is allocated for it, and a frame that is cut at any octet is an error', () => {
    const lying = dataFrame(2, 10);
    lying[6] = 0xff;
    lying[7] = 0xff;
    expect(failureOn(lying)).toBe('bad-frame');
    expect(failureOn(dataFrame(2, DATA_OCTETS_MAX + 1), { own: { streamCountMax: 4, windowOctets: 65_536 } })).toBe('bad-frame');
    const whole = concatBytes([dataFrame(2, 10), closeFrame(2)]);
    for (let end = 1; end < whole.length; end++)
      expect([end, failureOn(whole.subarray(0, end))]).toEqual([end, end === 18 ? undefined : 'bad-frame']);
  });
});

test('misuse by the caller throws before anything has changed', () => {
  const mux = running();
  expect(() => mux.open(0, { name: '', priority: 0 })).toThrow('1..=64 octets');
  expect(() => mux.open(0, { name: 'x', priority: 8 })).toThrow('priority');
  expect(() => mux.reset(0, 1, 256)).toThrow('code');
  expect(() => mux.write(0, 11, octets(1))).toThrow('no stream 11');
  for (const bad of [
    { own: { ...SMALL, windowOctets: 1_023 } },
    { peer: { ...SMALL, streamCountMax: 0 } },
    { recordOctetsMax: 65_520 },
    { pongTimeoutMs: 0 },
    { resetRate: { burst: 0, perSecond: 1 } },
    { firstStreamId: 2 },
  ])
    expect(() => muxOf('initiator', bad)).toThrow();
  expect(new Mux({ role: 'initiator', entropy: new SeededEntropy(1), peer: SMALL }).isIdle).toBe(true);
});

const SIDES = Array.from({ length: 8 }, (_, bits) => [0, 1, 2].map((i) => (((bits >> i) & 1) === 0 ? 'a' : 'b') as 'a' | 'b'));

function act(mux: Mux, action: 'finish' | 'reset' | 'write'): void {
  const stream = mux.inspect().streams.find(({ id }) => id === 1);
  if (stream === undefined) return;
  const isOpen = stream.state === 'open' || stream.state === 'half-closed-remote';
  if (action === 'reset') mux.reset(0, 1);
  else if (isOpen && action === 'finish') mux.finish(0, 1);
  else if (isOpen) mux.write(0, 1, octets(7));
}

function deliver(pair: MuxPair, from: 'a' | 'b'): void {
  const [source, target] = from === 'a' ? [pair.a, pair.b] : [pair.b, pair.a];
  for (let record = source.pollTransmit(); record !== undefined; record = source.pollTransmit()) target.handleRecord(0, record);
}
