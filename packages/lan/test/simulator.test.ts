import { type FrameMachine, MAC_BROADCAST, type Millis, NEVER, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { bothWays, SimulationError } from '../src/index.js';
import { frameOf, MAC_A, MAC_B } from './support/frames.js';
import { GATEWAY, staticHost } from './support/host.js';
import { ladder, network } from './support/network.js';

/** A machine made of what a test gives it. */
function machineOf(parts: Partial<FrameMachine<{ type: string }>>): FrameMachine<{ type: string }> {
  return {
    handleFrame: () => {},
    handleTimeout: () => {},
    pollTransmit: () => undefined,
    pollEvent: () => undefined,
    nextTimeout: () => NEVER,
    ...parts,
  };
}

/** Calls `tick` at its own times 0, `everyMs`, 2 × `everyMs` …, `count` times. */
function ticker(everyMs: Millis, count: number, tick: (now: Millis) => void): FrameMachine<{ type: string }> {
  let next = 0;
  return machineOf({
    nextTimeout: () => (next < count ? next * everyMs : NEVER),
    handleTimeout: (now) => {
      for (; next < count && next * everyMs <= now; next++) tick(now);
    },
  });
}

const SILENT = { gateway: 'off', witnesses: [] } as const;

describe('time', () => {
  test('jumps from deadline to deadline and ends when idle', () => {
    const sim = network(1, SILENT);
    const ticks: Millis[] = [];
    sim.attach({ port: 'a', machine: ticker(86_400_000, 4, (now) => ticks.push(now)) });
    expect(sim.run()).toMatchObject({ reason: 'idle', now: 3 * 86_400_000 });
    expect(ticks).toEqual([0, 86_400_000, 172_800_000, 259_200_000]);
  });

  test('until is a limit that belongs to the run; the clock stands there', () => {
    const sim = network(1, SILENT);
    const ticks: Millis[] = [];
    sim.attach({ port: 'a', machine: ticker(10, 100, (now) => ticks.push(now)) });
    expect(sim.run({ until: 25 })).toMatchObject({ reason: 'until', now: 25 });
    expect(ticks).toEqual([0, 10, 20]);
    expect(sim.runFor(5).now).toBe(30);
    expect(ticks).toEqual([0, 10, 20, 30]);
    expect(() => sim.run({ until: 29 })).toThrow(UsageError);
  });

  test('a condition stops the run at once', () => {
    const sim = network(1, SILENT);
    let ticks = 0;
    sim.attach({ port: 'a', machine: ticker(10, 100, () => ticks++) });
    expect(sim.run({ stop: () => ticks === 3 })).toMatchObject({ reason: 'stopped', now: 20 });
  });

  test('commands come before machines, in the order of scheduling; a command may schedule another', () => {
    const sim = network(1, SILENT);
    const log: string[] = [];
    sim.attach({ port: 'a', machine: ticker(10, 2, (now) => log.push(`tick ${now}`)) });
    sim.at(10, () => {
      log.push('one');
      sim.at(10, () => log.push('three'));
    });
    sim.at(10, () => log.push('two'));
    sim.run();
    expect(log).toEqual(['tick 0', 'one', 'two', 'three', 'tick 10']);
    expect(() => sim.at(9, () => {})).toThrow(UsageError);
  });
});

describe('stations', () => {
  test('boot when told, with their own clock, and hear nothing before', () => {
    const sim = network(1, SILENT);
    const heard: [string, Millis][] = [];
    const booted: Millis[] = [];
    const listener = (name: string): FrameMachine<{ type: string }> =>
      machineOf({ handleFrame: (now) => heard.push([name, now]) });
    sim.attach({ port: 'a', machine: listener('a') });
    sim.attach({ port: 'b', machine: listener('b'), bootAt: 50, clockOffsetMs: 1_000, boot: (now) => booted.push(now) });
    const send = (): void => sim.lan.handleFrame(sim.now, 'a', frameOf({ from: MAC_A, to: MAC_BROADCAST }));
    sim.at(49, send);
    sim.at(51, send);
    sim.run();
    expect(booted).toEqual([1_050]);
    expect(heard).toEqual([['b', 1_051]]);
  });

  test('a clock that jumps ahead makes what is due happen; one that jumps back delays it', () => {
    const sim = network(1, SILENT);
    const ticks: [Millis, Millis][] = [];
    const station = sim.attach({ port: 'a', machine: ticker(100, 4, (now) => ticks.push([sim.now, now])) });
    sim.at(110, () => station.jumpClock(90));
    sim.at(120, () => station.jumpClock(-1_000));
    sim.run();
    expect(ticks).toEqual([
      [0, 0],
      [100, 100],
      [110, 200],
      [1_210, 300],
    ]);
  });

  test('a detached station is gone; another may take its port', () => {
    const sim = network(1, SILENT);
    const heard: string[] = [];
    const listener = (name: string): FrameMachine<{ type: string }> => machineOf({ handleFrame: () => heard.push(name) });
    sim.attach({ port: 'a', machine: listener('old') });
    expect(() => sim.attach({ port: 'a', machine: listener('new') })).toThrow(UsageError);
    const send = (): void => sim.lan.handleFrame(sim.now, 'b', frameOf({ from: MAC_B, to: MAC_BROADCAST }));
    sim.at(1, send);
    sim.at(2, () => sim.detach('a'));
    sim.at(3, send);
    sim.at(4, () => void sim.attach({ port: 'a', machine: listener('new') }));
    sim.at(5, send);
    sim.run();
    expect(heard).toEqual(['old', 'new']);
    expect(() => sim.detach('b')).toThrow(UsageError);
  });

  test('ports that do not exist are refused', () => {
    const sim = network(1);
    expect(() => sim.attach({ port: 'z', machine: machineOf({}) })).toThrow(UsageError);
    expect(() => sim.attach({ port: 'gateway', machine: machineOf({}) })).toThrow(UsageError);
  });
});

describe('simulations that would not end', () => {
  const failure = (run: () => void): SimulationError => {
    try {
      run();
    } catch (error) {
      if (error instanceof SimulationError) return error;
      throw error;
    }
    throw new Error('the simulation ended');
  };

  test('stuck: a machine whose timer is due for ever, named', () => {
    const sim = network(1, SILENT, { instantStepCountMax: 50 });
    sim.attach({ port: 'b', machine: machineOf({ nextTimeout: () => 5 }) });
    expect(failure(() => sim.run())).toMatchObject({ label: 'stuck', at: 5, busy: ['b'] });
  });

  test('stuck: two machines that answer each other without end', () => {
    const echo = (): FrameMachine<{ type: string }> => {
      const pending = [frameOf({ from: MAC_A, to: MAC_BROADCAST })];
      return machineOf({ handleFrame: (_, frame) => pending.push(frame), pollTransmit: () => pending.shift() });
    };
    const sim = network(1, SILENT, { instantStepCountMax: 50 });
    sim.attach({ port: 'a', machine: echo() });
    sim.attach({ port: 'b', machine: echo() });
    expect(failure(() => sim.run()).label).toBe('stuck');
  });

  test('step-limit: time passes, but there is no end', () => {
    const sim = network(1, SILENT, { stepCountMax: 100 });
    sim.attach({ port: 'a', machine: ticker(1, 1_000_000, () => {}) });
    expect(failure(() => sim.run())).toMatchObject({ label: 'step-limit', at: 99 });
  });
});

describe('the trace', () => {
  test('is a ladder of frames, facts and events', () => {
    const sim = network(1, { gateway: { host: { conflictTiming: { announceCount: 1 } } } });
    const { host, station } = staticHost(sim, { port: 'a', mac: MAC_A });
    sim.at(3_000, () => {
      sim.note('the guest asks');
      host.ping(station.localTime(sim.now), { destination: GATEWAY, identifier: 7, sequence: 1 });
    });
    sim.run({ until: 4_000 });
    expect(ladder(sim)).toMatchInlineSnapshot(`
      "
              0 gateway  | ARP announce 10.0.2.2
              0 wire     * ethernet.seen mac=52:55:0a:00:02:02
              0 gateway  | ARP announce 10.0.2.3
              0 a        | ARP announce 10.0.2.15
              0 wire     * ethernet.seen mac=52:54:00:00:00:0a
           2000 a        | ARP announce 10.0.2.15
           3000 test     # the guest asks
           3000 a        | ARP who has 10.0.2.2? tell 10.0.2.15
           3000 gateway  | ARP 10.0.2.2 is at 52:55:0a:00:02:02
           3000 wire     * arp.resolved askerMac=52:54:00:00:00:0a askerIp=10.0.2.15 ownerMac=52:55:0a:00:02:02 ownerIp=10.0.2.2
           3000 a        - arp-resolved address=10.0.2.2 mac=52:55:0a:00:02:02
           3000 a        | 10.0.2.15 > 10.0.2.2 ICMP echo-request id 0x0007 seq 1
           3000 gateway  | 10.0.2.2 > 10.0.2.15 ICMP echo-reply id 0x0007 seq 1
           3000 wire     * icmp.echo-answered asker=10.0.2.15 answerer=10.0.2.2 identifier=7 sequence=1 roundTripMs=0
           3000 a        - ping-reply id=1 from=10.0.2.2 roundTripMs=0"
    `);
  });

  test('shows what a link lost, and stops growing at its limit', () => {
    const lan = { ...SILENT, lossEvents: true };
    const sim = network(1, lan, { trace: { lineCountMax: 2 } });
    sim.lan.setLink(0, 'a', bothWays({ loss: 1 }));
    for (let i = 0; i < 4; i++) sim.at(i, () => sim.lan.handleFrame(sim.now, 'a', frameOf({ from: MAC_A, to: MAC_B })));
    sim.run();
    expect(ladder(sim)).toMatchInlineSnapshot(`
      "
              0 a        x loss on the way to the switch: 52:54:00:00:00:0a > 52:54:00:00:00:0b type 88b5
              1 a        x loss on the way to the switch: 52:54:00:00:00:0a > 52:54:00:00:00:0b type 88b5
      (2 more lines)"
    `);
  });
});
