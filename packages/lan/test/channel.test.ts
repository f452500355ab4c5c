import { MAC_BROADCAST, NEVER, readU32, SeededEntropy, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { bothWays, Channel, type Impairment, Link, periodicOutages } from '../src/index.js';
import { drain, frameOf, MAC_A } from './support/frames.js';

function channelWith(impairment: Impairment, seed = 1): Channel {
  return new Channel({ entropy: new SeededEntropy(seed), impairment, lossEvents: true });
}

function tagged(tag: number, octets = 60): Uint8Array {
  return frameOf({ from: MAC_A, to: MAC_BROADCAST, tag, octets });
}

/** Sends frames 1..count, one each `everyMs` from 0, and lists `[arrival, tag]` of what comes out. */
function pass(channel: Channel, count: number, everyMs = 1): [number, number][] {
  const arrivals: [number, number][] = [];
  const collect = (now: number): void => {
    for (const frame of drain(() => channel.pollTransmit())) arrivals.push([now, readU32(frame, 14)]);
  };
  const run = (until: number): void => {
    for (let at = channel.nextTimeout(); at <= until && at !== NEVER; at = channel.nextTimeout()) {
      channel.handleTimeout(at);
      collect(at);
    }
  };
  for (let i = 1; i <= count; i++) {
    const now = (i - 1) * everyMs;
    run(now);
    channel.handleFrame(now, tagged(i));
    collect(now);
  }
  run(NEVER);
  return arrivals;
}

const tags = (arrivals: readonly [number, number][]): number[] => arrivals.map(([, tag]) => tag);

describe('a perfect wire', () => {
  test('passes everything at once, in order, unchanged, and needs no timer', () => {
    const channel = channelWith({});
    expect(pass(channel, 3, 10)).toEqual([
      [0, 1],
      [10, 2],
      [20, 3],
    ]);
    expect(channel.nextTimeout()).toBe(NEVER);
    expect(channel.transparent).toBe(true);
  });

  test('zeros are the same as nothing', () => {
    expect(channelWith({ loss: 0, delayMs: 0, outages: [], drop: [], cut: false }).transparent).toBe(true);
    expect(channelWith({ loss: 0.1 }).transparent).toBe(false);
  });

  test('a frame given away comes out itself; a borrowed one is copied', () => {
    const channel = channelWith({});
    const frame = tagged(1);
    channel.handleFrame(0, frame);
    channel.handleOwnedFrame(0, frame);
    const [copy, same] = drain(() => channel.pollTransmit());
    expect(copy).not.toBe(frame);
    expect(same).toBe(frame);
  });
});

describe('loss', () => {
  test.each([0.05, 0.3])('uniform loss %d loses about that share', (loss) => {
    const lost = 10_000 - pass(channelWith({ loss }), 10_000).length;
    expect(lost / 10_000).toBeGreaterThan(loss - 0.02);
    expect(lost / 10_000).toBeLessThan(loss + 0.02);
  });

  test('loss 1 loses all; each loss is an event with the frame', () => {
    const channel = channelWith({ loss: 1 });
    expect(pass(channel, 2)).toEqual([]);
    expect(drain(() => channel.pollEvent())).toEqual([
      { type: 'lost', at: 0, reason: 'loss', frame: tagged(1) },
      { type: 'lost', at: 1, reason: 'loss', frame: tagged(2) },
    ]);
  });

  test('scripted drops lose exactly those frames', () => {
    expect(tags(pass(channelWith({ drop: [1, 4] }), 5))).toEqual([2, 3, 5]);
  });

  test('bursts are as long as `leave` says, and rarer than their losses', () => {
    const arrived = new Set(tags(pass(channelWith({ burst: { enter: 0.02, leave: 0.25 } }), 20_000)));
    let bursts = 0;
    let lost = 0;
    for (let tag = 1; tag <= 20_000; tag++) {
      if (arrived.has(tag)) continue;
      lost++;
      if (arrived.has(tag - 1) || tag === 1) bursts++;
    }
    expect(lost / bursts).toBeGreaterThan(3.5); // 1 / 0.25 = 4 frames
    expect(lost / bursts).toBeLessThan(4.5);
    expect(lost / 20_000).toBeGreaterThan(0.06); // 0.02 / (0.02 + 0.25) = 0.074
    expect(lost / 20_000).toBeLessThan(0.09);
  });
});

describe('delay and order', () => {
  test('delay shifts, jitter keeps the order', () => {
    expect(pass(channelWith({ delayMs: 25 }), 2, 10)).toEqual([
      [25, 1],
      [35, 2],
    ]);
    const arrivals = pass(channelWith({ delayMs: 10, jitterMs: 50 }), 500);
    expect(tags(arrivals)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    for (const [at, tag] of arrivals) expect(at - (tag - 1)).toBeGreaterThanOrEqual(10);
    expect(new Set(arrivals.map(([at, tag]) => at - tag)).size).toBeGreaterThan(10);
  });

  test('reordered frames arrive later than their followers, and all arrive', () => {
    const channel = channelWith({ reorder: 0.2, reorderMeanMs: 30 });
    const order = tags(pass(channel, 1_000));
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    expect(channel.inspect().reordered).toBeGreaterThan(150);
  });

  test('frames held back wait for the mean that was asked', () => {
    const arrivals = pass(channelWith({ reorder: 1, reorderMeanMs: 100 }), 5_000);
    const mean = arrivals.reduce((sum, [at, tag]) => sum + at - (tag - 1), 0) / arrivals.length;
    expect(mean).toBeGreaterThan(95);
    expect(mean).toBeLessThan(106);
  });

  test('duplicates follow at once, or late', () => {
    expect(pass(channelWith({ duplicate: 1 }), 2, 10)).toEqual([
      [0, 1],
      [0, 1],
      [10, 2],
      [10, 2],
    ]);
    const late = pass(channelWith({ duplicate: 1, duplicateLagMs: 600_000 }), 200);
    expect(late).toHaveLength(400);
    expect(Math.max(...late.map(([at]) => at))).toBeGreaterThan(500_000);
  });

  test('a late call delivers all that is due, in the order of arrival', () => {
    const channel = channelWith({ delayMs: 5 });
    for (let tag = 1; tag <= 3; tag++) channel.handleFrame(tag, tagged(tag));
    channel.handleTimeout(10_000);
    channel.handleTimeout(10_000);
    expect(drain(() => channel.pollTransmit()).map((frame) => readU32(frame, 14))).toEqual([1, 2, 3]);
  });
});

describe('corruption', () => {
  const damage = (impairment: Impairment): number[][] => {
    const channel = channelWith({ corrupt: 1, ...impairment });
    const original = Uint8Array.from({ length: 60 }, (_, i) => i);
    channel.handleFrame(0, original);
    const frame = channel.pollTransmit() as Uint8Array;
    return [...frame].flatMap((octet, i) => (octet === i ? [] : [[i, octet ^ i]]));
  };

  test('bit: one bit of the payload', () => {
    for (let i = 0; i < 50; i++) {
      const changed = damage({});
      expect(changed).toHaveLength(1);
      const [[offset, difference]] = changed as [[number, number]];
      expect(offset).toBeGreaterThanOrEqual(14);
      expect(Math.log2(difference) % 1).toBe(0);
    }
  });

  test('octet: one octet from the offset on', () => {
    expect(damage({ corruptKind: 'octet', corruptFromOctet: 59 })).toEqual([[59, expect.any(Number)]]);
  });

  test('swap: two words, so the Internet checksum stays right', () => {
    const channel = channelWith({ corrupt: 1, corruptKind: 'swap' });
    const original = Uint8Array.from({ length: 60 }, (_, i) => i);
    channel.handleFrame(0, original);
    const frame = channel.pollTransmit() as Uint8Array;
    expect(frame).not.toEqual(original);
    expect([...frame].sort((a, b) => a - b)).toEqual([...original]);
    const sum = (bytes: Uint8Array): number => bytes.reduce((total, octet, i) => total + octet * (i % 2 === 0 ? 256 : 1), 0);
    expect(sum(frame)).toBe(sum(original));
  });

  test('never the caller’s own bytes, nor the other copy of a duplicate', () => {
    const channel = channelWith({ corrupt: 1, duplicate: 1 });
    const original = tagged(1);
    channel.handleFrame(0, original);
    expect(original).toEqual(tagged(1));
    const [one, two] = drain(() => channel.pollTransmit());
    one?.fill(0);
    expect(two).not.toEqual(one);
  });

  test('equal words cannot be swapped: the frame passes whole, uncounted', () => {
    const channel = channelWith({ corrupt: 1, corruptKind: 'swap' });
    channel.handleFrame(0, new Uint8Array(60));
    expect(channel.pollTransmit()).toEqual(new Uint8Array(60));
    expect(channel.inspect().corrupted).toBe(0);
  });
});

describe('rate and size', () => {
  test('frames queue behind each other at the rate', () => {
    const channel = channelWith({ rateBps: 48_000 }); // 60 octets take 10 ms
    expect(pass(channel, 3, 0)).toEqual([
      [10, 1],
      [20, 2],
      [30, 3],
    ]);
  });

  test('the queue has a bound, and drains', () => {
    const channel = channelWith({ rateBps: 48_000, queueCountMax: 2 });
    expect(tags(pass(channel, 5, 0))).toEqual([1, 2]);
    expect(channel.inspect().losses).toEqual({ 'rate-queue-full': 3 });
    channel.handleFrame(1_000, tagged(9));
    expect(channel.nextTimeout()).toBe(1_010);
  });

  test('a smaller MTU swallows what is longer', () => {
    const channel = channelWith({ frameOctetsMax: 100 });
    channel.handleFrame(0, tagged(1, 101));
    channel.handleFrame(0, tagged(2, 100));
    expect(drain(() => channel.pollTransmit()).map((frame) => readU32(frame, 14))).toEqual([2]);
    expect(channel.inspect().losses).toEqual({ oversize: 1 });
  });
});

describe('partitions', () => {
  test('an outage loses what enters during it and what is under way when it starts', () => {
    const channel = channelWith({ delayMs: 10, outages: [{ from: 20, until: 40 }] });
    // Every 5 ms from 0: 0 and 5 arrive before 20; 10 and 15 are met on the way; 20..35 enter the outage.
    expect(tags(pass(channel, 10, 5))).toEqual([1, 2, 9, 10]);
    expect(channel.inspect().losses).toEqual({ outage: 6 });
  });

  test('periodic outages', () => {
    expect(periodicOutages({ from: 5, everyMs: 7, forMs: 2, count: 2 })).toEqual([
      { from: 5, until: 7 },
      { from: 12, until: 14 },
    ]);
    const channel = channelWith({ outages: periodicOutages({ from: 1, everyMs: 3, forMs: 1, count: 3 }) });
    expect(tags(pass(channel, 9))).toEqual([1, 3, 4, 6, 7, 9]);
  });

  test('a cable pulled loses what is in it, and works again when plugged in', () => {
    const link = new Link({ entropy: new SeededEntropy(1), impairment: bothWays({ delayMs: 10 }) });
    link.handleFrame(0, 'station', tagged(1));
    link.setState(5, 'down');
    link.handleFrame(6, 'switch', tagged(2));
    link.setState(7, 'up');
    link.handleFrame(8, 'station', tagged(3));
    link.handleFrame(8, 'switch', tagged(4));
    link.handleTimeout(100);
    expect(drain(() => link.pollTransmit()).map(({ to, frame }) => [to, readU32(frame, 14)])).toEqual([
      ['switch', 3],
      ['station', 4],
    ]);
    expect(link.inspect()).toMatchObject({
      state: 'up',
      toSwitch: { losses: { outage: 1 } },
      toStation: { losses: { outage: 1 } },
    });
  });

  test('one direction alone can be cut', () => {
    const link = new Link({ entropy: new SeededEntropy(1), impairment: { toStation: { cut: true } } });
    link.handleFrame(0, 'station', tagged(1));
    link.handleFrame(0, 'switch', tagged(2));
    expect(drain(() => link.pollTransmit()).map(({ to }) => to)).toEqual(['switch']);
    link.impair(1, {});
    link.handleFrame(1, 'switch', tagged(3));
    expect(drain(() => link.pollTransmit()).map(({ to }) => to)).toEqual(['station']);
  });

  test('an impairment set while the cable is out counts from when it is plugged in', () => {
    const link = new Link({ entropy: new SeededEntropy(1) });
    link.setState(0, 'down');
    link.impair(0, bothWays({ delayMs: 3 }));
    link.handleFrame(0, 'station', tagged(1));
    expect(link.nextTimeout()).toBe(NEVER);
    link.setState(1, 'up');
    link.handleFrame(1, 'station', tagged(2));
    expect(link.nextTimeout()).toBe(4);
  });
});

describe('bounds and bad configuration', () => {
  test('frames under way and frames arrived are bounded and counted', () => {
    const channel = new Channel({ entropy: new SeededEntropy(1), impairment: { delayMs: 1 }, inFlightCountMax: 2 });
    for (let tag = 0; tag < 5; tag++) channel.handleFrame(0, tagged(tag));
    expect(channel.inspect()).toMatchObject({ inFlight: 2, losses: { 'in-flight-full': 3 } });
    const lazy = new Channel({ entropy: new SeededEntropy(1), transmitCountMax: 2 });
    for (let tag = 0; tag < 5; tag++) lazy.handleFrame(0, tagged(tag));
    expect(lazy.inspect()).toMatchObject({ delivered: 2, losses: { 'transmit-full': 3 } });
  });

  test.each<[string, Impairment]>([
    ['loss', { loss: 1.1 }],
    ['loss', { loss: Number.NaN }],
    ['burst.enter', { burst: { enter: -0.1, leave: 0.5 } }],
    ['burst.leave', { burst: { enter: 0.1, leave: 2 } }],
    ['delayMs', { delayMs: -1 }],
    ['delayMs', { delayMs: Number.POSITIVE_INFINITY }],
    ['jitterMs', { jitterMs: Number.NaN }],
    ['rateBps', { rateBps: 0 }],
    ['queueCountMax', { queueCountMax: 0 }],
    ['corruptFromOctet', { corruptFromOctet: -1 }],
    ['corruptFromOctet', { corruptKind: 'swap', corruptFromOctet: 15 }],
    ['outage', { outages: [{ from: 5, until: 5 }] }],
  ])('%s is checked: %o', (name, impairment) => {
    expect(() => channelWith(impairment)).toThrow(name);
    expect(() => channelWith(impairment)).toThrow(UsageError);
  });

  test('delays of months keep their order', () => {
    const channel = channelWith({ delayMs: 14 * 7 * 86_400_000 });
    expect(pass(channel, 2)).toEqual([
      [8_467_200_000, 1],
      [8_467_200_001, 2],
    ]);
  });
});
