import { MAC_BROADCAST, MAC_ZERO, type MacAddress, NEVER, parseMac, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { Switch, type SwitchConfig } from '../src/index.js';
import { drain, frameOf, MAC_A, MAC_B, MAC_C } from './support/frames.js';

function threePorts(config: SwitchConfig = {}): Switch {
  const bridge = new Switch(config);
  for (const port of ['a', 'b', 'c']) bridge.addPort(port);
  return bridge;
}

/** The ports that a frame leaves by, when it comes in at `port`. */
function route(bridge: Switch, port: string, frame: Uint8Array, now = 0): string[] {
  bridge.handleFrame(now, port, frame);
  return drain(() => bridge.pollTransmit()).map((transmit) => transmit.port);
}

describe('forwarding', () => {
  test('an unknown destination is flooded to every port but its own', () => {
    expect(route(threePorts(), 'b', frameOf({ from: MAC_B, to: MAC_A }))).toEqual(['a', 'c']);
  });

  test('a learned destination gets the frame alone', () => {
    const bridge = threePorts();
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }));
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }))).toEqual(['a']);
    expect(bridge.inspect()).toMatchObject({ forwarded: 1, flooded: 1 });
  });

  test('a frame for a station of its own port goes nowhere', () => {
    const bridge = threePorts();
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }));
    expect(route(bridge, 'a', frameOf({ from: MAC_B, to: MAC_A }))).toEqual([]);
    expect(bridge.inspect().rejects).toEqual({ filtered: 1 });
  });

  test('group destinations are flooded, except those that a bridge keeps', () => {
    const bridge = threePorts();
    expect(route(bridge, 'a', frameOf({ from: MAC_A, to: parseMac('01:00:5e:00:00:fb') }))).toEqual(['b', 'c']);
    expect(route(bridge, 'a', frameOf({ from: MAC_A, to: parseMac('01:80:c2:00:00:0e') }))).toEqual([]);
    expect(route(bridge, 'a', frameOf({ from: MAC_A, to: parseMac('01:80:c2:00:00:10') }))).toEqual(['b', 'c']);
    expect(bridge.inspect().rejects).toEqual({ 'reserved-group': 1 });
  });

  test('a station that moves is found at its new port', () => {
    const bridge = threePorts();
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }));
    route(bridge, 'c', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 7);
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }))).toEqual(['c']);
    expect(drain(() => bridge.pollEvent())).toContainEqual({ type: 'moved', at: 7, mac: MAC_A, from: 'a', to: 'c' });
  });
});

describe('what is refused', () => {
  test.each([
    ['truncated', new Uint8Array(13)],
    ['oversize', frameOf({ from: MAC_A, to: MAC_B, octets: 1_519 })],
    ['bad-source', frameOf({ from: MAC_BROADCAST, to: MAC_B })],
    ['bad-source', frameOf({ from: parseMac('01:00:5e:00:00:01'), to: MAC_B })],
    ['bad-source', frameOf({ from: MAC_ZERO, to: MAC_B })],
  ])('%s: dropped, counted, nothing learned', (label, frame) => {
    const bridge = threePorts();
    expect(route(bridge, 'a', frame)).toEqual([]);
    expect(bridge.inspect()).toMatchObject({ rejects: { [label]: 1 }, table: [] });
  });

  test('the longest and the shortest frame pass', () => {
    expect(route(threePorts(), 'a', frameOf({ from: MAC_A, to: MAC_B, octets: 1_518 }))).toEqual(['b', 'c']);
    expect(route(threePorts(), 'a', frameOf({ from: MAC_A, to: MAC_B, octets: 14 }))).toEqual(['b', 'c']);
  });

  test('a port that is down neither takes nor gives, and its stations are forgotten', () => {
    const bridge = threePorts();
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }));
    bridge.setPort(5, { name: 'a', up: false });
    expect(route(bridge, 'a', frameOf({ from: MAC_C, to: MAC_BROADCAST }))).toEqual([]);
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }))).toEqual(['c']);
    expect(bridge.inspect().rejects).toEqual({ 'port-down': 1 });
    bridge.setPort(6, { name: 'a', up: true });
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }))).toEqual(['a', 'c']);
  });

  test('wrong use is told at once', () => {
    const bridge = threePorts({ portCountMax: 3 });
    expect(() => bridge.addPort('a')).toThrow(UsageError);
    expect(() => bridge.addPort('d')).toThrow(UsageError);
    expect(() => bridge.handleFrame(0, 'nowhere', new Uint8Array(60))).toThrow(UsageError);
    for (const config of [{ macCountMax: 0 }, { ageMs: 0 }, { frameOctetsMax: 13 }, { portCountMax: 0 }, { transmitCountMax: 0 }])
      expect(() => new Switch(config)).toThrow(UsageError);
  });
});

describe('the address table', () => {
  test('an address unheard for ageMs is forgotten; hearing it again keeps it', () => {
    const bridge = threePorts({ ageMs: 1_000 });
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 0);
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 600);
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }), 1_599)).toEqual(['a']);
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }), 1_600)).toEqual(['a', 'c']);
  });

  test('the timer empties the table, then is idle', () => {
    const bridge = threePorts({ ageMs: 1_000 });
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 0);
    route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_BROADCAST }), 50);
    let wakes = 0;
    for (; bridge.nextTimeout() !== NEVER; wakes++) bridge.handleTimeout(bridge.nextTimeout());
    expect(wakes).toBe(2);
    expect(bridge.inspect().table).toEqual([]);
    expect(drain(() => bridge.pollEvent()).filter((event) => event.type === 'forgotten')).toEqual([
      { type: 'forgotten', at: 1_000, mac: MAC_A, port: 'a', reason: 'aged' },
      { type: 'forgotten', at: 1_125, mac: MAC_B, port: 'b', reason: 'aged' },
    ]);
  });

  test('a flood of addresses fills the table and evicts nobody', () => {
    const bridge = threePorts({ macCountMax: 8 });
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }));
    for (let i = 0; i < 10_000; i++)
      route(bridge, 'c', frameOf({ from: (0x020000000000 + i) as MacAddress, to: MAC_BROADCAST }), i / 1_000);
    expect(route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_A }), 11)).toEqual(['a']);
    expect(bridge.inspect().table).toHaveLength(8);
    expect(bridge.inspect().notLearned).toBe(10_000 - 7 + 1);
  });

  test('a full table takes new addresses once old ones have aged', () => {
    const bridge = threePorts({ macCountMax: 1, ageMs: 100 });
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 0);
    route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_BROADCAST }), 99);
    expect(bridge.inspect().table).toEqual([{ mac: MAC_A, port: 'a', seenAt: 0 }]);
    route(bridge, 'b', frameOf({ from: MAC_B, to: MAC_BROADCAST }), 100);
    expect(bridge.inspect().table).toEqual([{ mac: MAC_B, port: 'b', seenAt: 100 }]);
  });
});

describe('ownership, bounds and time', () => {
  test('each copy is an array of its own; a borrowed frame stays the caller’s', () => {
    const bridge = threePorts();
    const frame = frameOf({ from: MAC_A, to: MAC_BROADCAST, tag: 7 });
    bridge.handleFrame(0, 'a', frame);
    frame.fill(0);
    const [one, two] = drain(() => bridge.pollTransmit());
    one?.frame.fill(0xff);
    expect(two?.frame).toEqual(frameOf({ from: MAC_A, to: MAC_BROADCAST, tag: 7 }));
  });

  test('a frame that was given away leaves without a copy, and a flood still shares nothing', () => {
    const bridge = threePorts();
    const frame = frameOf({ from: MAC_A, to: MAC_BROADCAST });
    bridge.handleOwnedFrame(0, 'a', frame);
    const [one, two] = drain(() => bridge.pollTransmit());
    expect(one?.frame).toBe(frame);
    expect(two?.frame).not.toBe(frame);
    expect(two?.frame).toEqual(frame);
  });

  test('a Node Buffer goes in, plain arrays come out', () => {
    const bridge = threePorts();
    bridge.handleFrame(0, 'a', Buffer.from(frameOf({ from: MAC_A, to: MAC_BROADCAST })));
    expect(bridge.pollTransmit()?.frame.constructor).toBe(Uint8Array);
  });

  test('a driver that does not poll costs bounded memory', () => {
    const bridge = threePorts({ transmitCountMax: 3 });
    for (let i = 0; i < 3; i++) bridge.handleFrame(0, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST, tag: i }));
    expect(drain(() => bridge.pollTransmit())).toHaveLength(3);
    expect(bridge.inspect().rejects).toEqual({ 'transmit-full': 3 });
  });

  test('time that runs backwards ages nothing and moves nothing', () => {
    const bridge = threePorts({ ageMs: 1_000 });
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 5_000);
    route(bridge, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }), 10);
    expect(bridge.inspect().table).toEqual([{ mac: MAC_A, port: 'a', seenAt: 5_000 }]);
  });
});
