import { MAC_BROADCAST, NEVER, readU32, SeededEntropy, UsageError } from '@nexus-net/sansio';
import { dissect, type ObservedFrame, type Witness } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { bothWays, Lan, type LanConfig, type LanEvent } from '../src/index.js';
import { drain, frameOf, MAC_A, MAC_B } from './support/frames.js';

function lanOf(config: Omit<LanConfig, 'entropy'> = {}): Lan {
  return new Lan({ entropy: new SeededEntropy(1), ports: ['a', 'b'], gateway: 'off', witnesses: [], ...config });
}

const tagged = (tag: number): Uint8Array => frameOf({ from: MAC_A, to: MAC_BROADCAST, tag });
const sent = (lan: Lan): [string, number][] =>
  drain(() => lan.pollTransmit()).map(({ port, frame }) => [port, readU32(frame, 14)]);
const seen = (lan: Lan): ObservedFrame[] =>
  drain(() => lan.pollEvent()).flatMap((event: LanEvent) => (event.type === 'frame' ? [event.observed] : []));

describe('the segment', () => {
  test('carries frames between ports at once', () => {
    const lan = lanOf();
    lan.handleFrame(0, 'a', tagged(1));
    expect(sent(lan)).toEqual([['b', 1]]);
    expect(lan.inspect().switch).toMatchObject({ flooded: 1 });
  });

  test('ports can be added; the gateway’s name is taken', () => {
    const lan = lanOf({ ports: [] });
    lan.addPort('x');
    lan.addPort('y', bothWays({ delayMs: 5 }));
    lan.handleFrame(0, 'x', tagged(1));
    expect(sent(lan)).toEqual([]);
    lan.handleTimeout(5);
    expect(sent(lan)).toEqual([['y', 1]]);
    expect(lan.ports).toEqual(['x', 'y']);
    for (const name of ['x', 'gateway']) expect(() => lan.addPort(name)).toThrow(UsageError);
    expect(() => lan.handleFrame(5, 'z', tagged(1))).toThrow(UsageError);
    expect(() => lan.setLink(5, 'z', 'up')).toThrow(UsageError);
    expect(() => lan.command(5, () => {})).toThrow(UsageError);
  });

  test('a port more changes nothing on the other links', () => {
    const passed = (ports: readonly string[]): [string, number][] => {
      const lan = lanOf({ ports });
      lan.setLink(0, 'a', bothWays({ loss: 0.5 }));
      for (let tag = 0; tag < 64; tag++) lan.handleFrame(tag, 'a', tagged(tag));
      return sent(lan).filter(([port]) => port === 'b');
    };
    expect(passed(['a', 'b'])).toEqual(passed(['x', 'a', 'y', 'b']));
  });

  test('a cable that is out passes nothing and the switch forgets the station', () => {
    const lan = lanOf();
    lan.handleFrame(0, 'b', frameOf({ from: MAC_B, to: MAC_BROADCAST }));
    lan.setLink(1, 'b', 'down');
    lan.handleFrame(2, 'a', frameOf({ from: MAC_A, to: MAC_B }));
    lan.handleFrame(2, 'b', frameOf({ from: MAC_B, to: MAC_A }));
    lan.setLink(3, 'b', 'up');
    drain(() => lan.pollTransmit());
    lan.handleFrame(4, 'a', frameOf({ from: MAC_A, to: MAC_B, tag: 9 }));
    expect(sent(lan)).toEqual([['b', 9]]);
    expect(lan.inspect().links['b']).toMatchObject({ state: 'up', toSwitch: { losses: { outage: 1 } } });
  });
});

describe('what is seen', () => {
  test('each frame once, where it enters the switch, after its own link', () => {
    const lan = lanOf();
    lan.setLink(0, 'a', { toSwitch: { drop: [2], delayMs: 10 }, toStation: {} });
    lan.setLink(0, 'b', { toStation: { loss: 1 } });
    for (let tag = 1; tag <= 3; tag++) lan.handleFrame(tag, 'a', tagged(tag));
    lan.handleTimeout(20);
    expect(seen(lan).map(({ number, at, port, bytes }) => [number, at, port, readU32(bytes, 14)])).toEqual([
      [1, 11, 'a', 1],
      [2, 13, 'a', 3],
    ]);
    expect(sent(lan)).toEqual([]);
  });

  test('the capture is not touched by what the receiver does with its frame', () => {
    const lan = lanOf();
    lan.handleOwnedFrame(0, 'a', tagged(1));
    lan.pollTransmit()?.frame.fill(0xff);
    expect(seen(lan)[0]?.bytes).toEqual(tagged(1));
  });

  test('witnesses see every frame, dissected, even where frame events are off', () => {
    const numbers: number[] = [];
    const witness: Witness = {
      handleFrame: (_, { number, layers, bytes }) => {
        expect(layers).toEqual(dissect(bytes));
        numbers.push(number);
      },
      handleTimeout: () => {},
      pollTransmit: () => undefined,
      pollEvent: () => undefined,
      nextTimeout: () => NEVER,
    };
    const lan = lanOf({ witnesses: [witness], frames: false });
    for (let tag = 0; tag < 3; tag++) lan.handleFrame(tag, 'a', tagged(tag));
    expect(numbers).toEqual([1, 2, 3]);
    expect(seen(lan)).toEqual([]);
  });

  test('a source that no station has is a violation; each station is a fact, once', () => {
    const lan = new Lan({ entropy: new SeededEntropy(1), ports: ['a'], gateway: 'off', frames: false });
    for (let i = 0; i < 2; i++) {
      lan.handleFrame(i, 'a', tagged(1));
      lan.handleFrame(i, 'a', frameOf({ from: MAC_BROADCAST, to: MAC_A }));
    }
    expect(drain(() => lan.pollEvent()).filter(({ type }) => type === 'fact' || type === 'violation')).toMatchObject([
      { type: 'fact', fact: { kind: 'ethernet.seen', at: 0, frames: [1], mac: MAC_A } },
      { type: 'violation', violation: { rule: 'ethernet.source', at: 0, frames: [2] } },
    ]);
  });

  test('events and frames that nobody takes are bounded and counted', () => {
    const lan = lanOf({ eventCountMax: 3, transmitCountMax: 2 });
    for (let tag = 0; tag < 10; tag++) lan.handleFrame(0, 'a', tagged(tag));
    expect(lan.inspect()).toMatchObject({ transmitsDropped: 8, eventsDropped: 8 }); // 10 frames, 1 address learned
  });
});

describe('late calls', () => {
  test('run each deadline at its own instant: a frame crosses two slow links during one long pause', () => {
    const lan = lanOf();
    lan.setLink(0, 'a', bothWays({ delayMs: 30 }));
    lan.setLink(0, 'b', bothWays({ delayMs: 50 }));
    lan.handleFrame(0, 'a', tagged(1));
    lan.handleTimeout(10_000);
    expect(sent(lan)).toEqual([['b', 1]]);
    expect(seen(lan).map(({ at }) => at)).toEqual([30]);
  });

  test('what comes in late is behind what was due before it', () => {
    const lan = lanOf();
    lan.setLink(0, 'b', { toSwitch: { delayMs: 30 } });
    lan.handleFrame(0, 'b', frameOf({ from: MAC_B, to: MAC_BROADCAST, tag: 1 }));
    lan.handleFrame(99, 'a', tagged(2));
    expect(seen(lan).map(({ at, port }) => [at, port])).toEqual([
      [30, 'b'],
      [99, 'a'],
    ]);
  });

  test('work in one call is bounded; the rest stays due', () => {
    const lan = lanOf({ stepCountMax: 10 });
    lan.setLink(0, 'a', { toSwitch: { delayMs: 1 } });
    for (let tag = 0; tag < 30; tag++) lan.handleFrame(tag / 100, 'a', tagged(tag));
    lan.handleTimeout(1_000);
    expect(sent(lan)).toHaveLength(10);
    expect(lan.nextTimeout()).toBeLessThanOrEqual(1_000);
    lan.handleTimeout(1_000);
    lan.handleTimeout(1_000);
    expect(sent(lan)).toHaveLength(20);
  });

  test('time that runs backwards changes nothing', () => {
    const lan = lanOf();
    lan.setLink(100, 'a', { toSwitch: { delayMs: 10 } });
    lan.handleFrame(50, 'a', tagged(1));
    expect(lan.nextTimeout()).toBe(110);
    lan.handleTimeout(20);
    expect(sent(lan)).toEqual([]);
  });
});
