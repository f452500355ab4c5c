import {
  encodeSmResolve,
  InMemoryPackagefs,
  InMemorySamgr,
  OS_SERVICE_KIND,
  OsNode,
  type OsNodeEvent,
  type OsRole,
  osGatewayServices,
} from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { Host, type HostEvent } from '@nexus-net/net-os';
import { type Millis, SeededEntropy, toHex } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { bothWays, type LanEvent, NodeHost, type Simulator } from '../src/index.js';
import { type BusStation, busStation } from './support/bus.js';
import { network } from './support/network.js';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Loss, copies, and frames that overtake each other, in both directions of each cable. */
const ROUGH = bothWays({
  loss: 0.1,
  duplicate: 0.1,
  duplicateLagMs: 200,
  reorder: 0.1,
  reorderMeanMs: 20,
  delayMs: 2,
  jitterMs: 3,
});

interface Segment {
  readonly sim: Simulator;
  /** Every frame that entered the switch, octet by octet, with its time and port. */
  readonly frames: string[];
}

function segment(seed: number): Segment {
  const frames: string[] = [];
  const onLanEvent = (event: LanEvent): void => {
    if (event.type === 'frame') frames.push(`${event.observed.at} ${event.observed.port} ${toHex(event.observed.bytes)}`);
  };
  const sim = network(
    seed,
    { gateway: 'off', lossEvents: true },
    { onLanEvent, trace: { kinds: ['frame', 'lost', 'fact', 'violation', 'station', 'note'] } },
  );
  for (const port of ['a', 'b']) sim.lan.setLink(0, port, ROUGH);
  return { sim, frames };
}

function has(station: BusStation, type: string): boolean {
  return station.events.some(({ event }) => event.type === type);
}

describe('two nodes of dialect bus, each on a host of its own', () => {
  const run = (seed: number): Segment & { readonly a: BusStation; readonly b: BusStation } => {
    const { sim, frames } = segment(seed);
    const b = busStation(sim, {
      port: 'b',
      seed,
      rules: [{ deviceId: 'a', service: 'packagefs', operations: ['stat'], resources: ['pkg:/system'] }],
      gatewayServices: osGatewayServices({ packagefs: new InMemoryPackagefs({ 'system/build.prop': octets('x=1') }) }),
    });
    const a = busStation(sim, { port: 'a', seed });
    const areOpen = (): boolean => has(a, 'session-open') && has(b, 'session-open');
    sim.run({ until: 120_000, stop: areOpen });
    expect(areOpen()).toBe(true);
    for (const path of ['pkg:/system/build.prop', 'pkg:/secret'])
      a.node.act(sim.now, (node, now) => node.request(now, 'b', { service: 'packagefs', operation: 'stat', path }));
    sim.run({ until: sim.now + 60_000, stop: () => a.events.filter(({ event }) => event.type === 'reply').length === 2 });
    return { sim, frames, a, b };
  };

  test('discovery, session, mux, gateway over loss, reordering and copies: one seed, one trace, byte for byte', () => {
    const first = run(3);
    const replies = first.a.events.flatMap(({ event }) => (event.type === 'reply' ? [event.result.status] : []));
    expect(replies).toEqual(['ok', 'denied']);
    const kinds = (station: BusStation): string[] => [...new Set(station.events.map(({ event }) => event.type))];
    expect(kinds(first.a)).toEqual(['peer-found', 'dialling', 'session-open', 'reply']);
    expect(kinds(first.b)).toEqual(['peer-found', 'session-open', 'audit']);
    const text = first.sim.trace.text();
    expect(text).toContain('loss on the way');
    expect(text).toMatch(/> 239\.42\.0\.1:37020 UDP/);
    const again = run(3);
    expect(again.sim.trace.text()).toBe(text);
    expect(again.frames).toEqual(first.frames);
    expect(run(4).frames).not.toEqual(first.frames);
  });
});

describe('two nodes of dialect os, each on a host of its own', () => {
  interface OsStation {
    readonly node: NodeHost<OsNode, HostEvent>;
    readonly events: { readonly at: Millis; readonly event: OsNodeEvent }[];
  }

  function osStation(sim: Simulator, port: 'a' | 'b', seed: number): OsStation {
    const { os2vm } = ADDRESS_PLAN;
    const role: OsRole = port === 'a' ? 'node-a' : 'node-b';
    const [address, mac] = port === 'a' ? [os2vm.nodeA, os2vm.nodeAMac] : [os2vm.nodeB, os2vm.nodeBMac];
    const entropy = new SeededEntropy(`${seed}/${port}`);
    const host = new Host({ mac, entropy: entropy.fork('host') });
    const os = new OsNode({
      role,
      provider: nodeCrypto,
      entropy: entropy.fork('node'),
      keys: { type: 'publicly-known-test-keys' },
      services: { samgr: new InMemorySamgr({ names: ['samgrd'] }) },
    });
    const node = new NodeHost({ node: os, host });
    const events: OsStation['events'] = [];
    sim.attach({
      port,
      machine: node,
      boot: (now) => {
        host.configure(now, { address, prefixLength: 24 });
        node.act(now, (each, at) => each.start(at));
      },
      onEvent: (event, at) => {
        if (event.type === 'node') events.push({ at, event: event.event });
      },
    });
    return { node, events };
  }

  const run = (seed: number): Segment & { readonly a: OsStation; readonly b: OsStation } => {
    const { sim, frames } = segment(seed);
    const b = osStation(sim, 'b', seed);
    const a = osStation(sim, 'a', seed);
    const saw = ({ events }: OsStation, type: string): boolean => events.some(({ event }) => event.type === type);
    sim.run({ until: 120_000, stop: () => saw(a, 'ready') && saw(b, 'ready') });
    a.node.act(sim.now, (node, now) => node.request(now, OS_SERVICE_KIND.samgrd, encodeSmResolve('samgrd')));
    sim.run({ until: sim.now + 60_000, stop: () => saw(a, 'response') });
    return { sim, frames, a, b };
  };

  test('announce, handshake, mux ladder, gateway over loss, reordering and copies: one seed, one trace, byte for byte', () => {
    const first = run(5);
    const answers = first.a.events.flatMap(({ event }) => (event.type === 'response' ? [event.status] : []));
    expect(answers).toEqual([0]);
    expect(first.b.events.some(({ event }) => event.type === 'served')).toBe(true);
    const text = first.sim.trace.text();
    const again = run(5);
    expect(again.sim.trace.text()).toBe(text);
    expect(again.frames).toEqual(first.frames);
    expect(run(6).frames).not.toEqual(first.frames);
  });
});
