import { isMacGroup, MAC_BROADCAST, type MacAddress, type Millis, parseMac } from '@nexus-net/sansio';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectBroken } from '../../sansio/test/support/planted.js';
import { runs } from '../../sansio/test/support/runs.js';
import { Switch, type SwitchConfig, type SwitchTransmit } from '../src/index.js';
import { drain, frameOf } from './support/frames.js';

type Bridge = Pick<Switch, 'addPort' | 'handleFrame' | 'pollTransmit' | 'setPort' | 'inspect'>;

const PORTS = ['a', 'b', 'c', 'd'] as const;
const AGE_MS = 100;
const MAC_COUNT_MAX = 4;
const stations = Array.from({ length: 6 }, (_, i) => (0x020000000000 + i) as MacAddress);
const groups = [MAC_BROADCAST, parseMac('01:00:5e:00:00:01'), parseMac('01:80:c2:00:00:00')];

const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constant('frame' as const),
      port: fc.constantFrom(...PORTS),
      from: fc.constantFrom(...stations, MAC_BROADCAST),
      to: fc.constantFrom(...stations, ...groups),
      octets: fc.constantFrom(60, 60, 60, 14, 13, 1_519),
      wait: fc.nat({ max: 60 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('port' as const),
      name: fc.constantFrom(...PORTS),
      up: fc.boolean(),
      wait: fc.nat({ max: 60 }),
    }),
  },
);

/** The slow, plain switch that the real one must agree with. */
class Model {
  readonly down = new Set<string>();
  readonly heard = new Map<MacAddress, { port: string; at: Millis }>();

  route(now: Millis, { port, from, to, octets }: { port: string; from: MacAddress; to: MacAddress; octets: number }): string[] {
    if (this.down.has(port) || octets < 14 || octets > 1_518 || isMacGroup(from)) return [];
    this.heard.set(from, { port, at: now });
    if (to === groups[2]) return [];
    const known = this.heard.get(to);
    if (!isMacGroup(to) && known !== undefined && known.at + AGE_MS > now) return known.port === port ? [] : [known.port];
    return PORTS.filter((name) => name !== port && !this.down.has(name));
  }

  setPort({ name, up }: { name: string; up: boolean }): void {
    if (up) this.down.delete(name);
    else {
      this.down.add(name);
      for (const [mac, { port }] of this.heard) if (port === name) this.heard.delete(mac);
    }
  }
}

/**
 * The switch agrees with the model on where every frame goes. With a table large enough for all stations, so that the
 * instant at which a full table takes new addresses, which the switch may delay, plays no part.
 */
function agreesWithModel(make: (config: SwitchConfig) => Bridge, count: number): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const bridge = make({ ageMs: AGE_MS, macCountMax: stations.length });
      const model = new Model();
      for (const port of PORTS) bridge.addPort(port);
      let now = 0;
      for (const action of steps) {
        now += action.wait;
        if (action.type === 'port') {
          bridge.setPort(now, action);
          model.setPort(action);
          continue;
        }
        bridge.handleFrame(now, action.port, frameOf(action));
        expect(drain(() => bridge.pollTransmit()).map(({ port }) => port)).toEqual(model.route(now, action));
      }
    }),
    { numRuns: runs(count) },
  );
}

test('property: the switch sends each frame where a plain model sends it', () => {
  agreesWithModel((config) => new Switch(config), 80);
});

test('property the switch sends each frame where a plain model sends it catches a planted bug: no learning', () => {
  const hub = (config: SwitchConfig): Bridge => {
    const real = new Switch(config);
    return {
      addPort: (name) => real.addPort(name),
      setPort: (now, change) => real.setPort(now, change),
      handleFrame: (now, port, frame) => real.handleFrame(now, port, toBroadcast(frame)),
      pollTransmit: () => real.pollTransmit(),
      inspect: () => real.inspect(),
    };
  };
  expectBroken(() => agreesWithModel(hub, 150));
});

test('property the switch sends each frame where a plain model sends it catches a planted bug: addresses never age', () => {
  expectBroken(() => agreesWithModel((config) => new Switch({ ...config, ageMs: 1e9 }), 150));
});

/** A frame never comes back out of the port where it came in, and no two copies share their octets. */
function neverReflectsNorShares(make: (config: SwitchConfig) => Bridge, count: number): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const bridge = make({ ageMs: AGE_MS, macCountMax: MAC_COUNT_MAX });
      for (const port of PORTS) bridge.addPort(port);
      let now = 0;
      for (const action of steps) {
        now += action.wait;
        if (action.type === 'port') {
          bridge.setPort(now, action);
          continue;
        }
        const frame = frameOf(action);
        bridge.handleFrame(now, action.port, frame);
        const copies: SwitchTransmit[] = drain(() => bridge.pollTransmit());
        expect(copies.map(({ port }) => port)).not.toContain(action.port);
        expect(new Set([frame, ...copies.map((copy) => copy.frame)].map(({ buffer }) => buffer)).size).toBe(copies.length + 1);
        expect(bridge.inspect().table.length).toBeLessThanOrEqual(MAC_COUNT_MAX);
      }
    }),
    { numRuns: runs(count) },
  );
}

test('property: no frame comes back to its port, no copies share octets, the table keeps its bound', () => {
  neverReflectsNorShares((config) => new Switch(config), 50);
});

test('property no frame comes back to its port catches a planted bug: the sender is forgotten before the flood', () => {
  const reflecting = (config: SwitchConfig): Bridge => {
    const real = new Switch(config);
    const pending: SwitchTransmit[] = [];
    return {
      addPort: (name) => real.addPort(name),
      setPort: (now, change) => real.setPort(now, change),
      handleFrame: (now, port, frame) => {
        real.handleFrame(now, port, frame);
        pending.push(...drain(() => real.pollTransmit()));
        if (pending.length > 2) pending.push({ port, frame: frame.slice() });
      },
      pollTransmit: () => pending.shift(),
      inspect: () => real.inspect(),
    };
  };
  expectBroken(() => neverReflectsNorShares(reflecting, 100));
});

test('property no copies share octets catches a planted bug: one array for all ports', () => {
  const sharing = (config: SwitchConfig): Bridge => {
    const real = new Switch(config);
    const pending: SwitchTransmit[] = [];
    return {
      addPort: (name) => real.addPort(name),
      setPort: (now, change) => real.setPort(now, change),
      handleFrame: (now, port, frame) => {
        real.handleFrame(now, port, frame);
        const copies = drain(() => real.pollTransmit());
        for (const copy of copies) pending.push({ port: copy.port, frame: (copies[0] as SwitchTransmit).frame });
      },
      pollTransmit: () => pending.shift(),
      inspect: () => real.inspect(),
    };
  };
  expectBroken(() => neverReflectsNorShares(sharing, 100));
});

function toBroadcast(frame: Uint8Array): Uint8Array {
  return frame.slice().fill(0xff, 0, 6);
}
