import type { StreamId } from '@nexus-net/dsoftbus';
import { FakeNet, type SocketResult, type Sockets, type TcpStream } from '@nexus-net/net-os';
import { SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { places } from '../../sansio/test/support/runs.js';
import { bothWays, type Impairment, type Lan, NodeService, type Simulator } from '../src/index.js';
import { type BusStation, busAddress, busKey, busNode, busStation } from './support/bus.js';
import { network } from './support/network.js';

interface Pair {
  readonly sim: Simulator;
  readonly a: BusStation;
  readonly b: BusStation;
}

/** Two nodes at the ends of two bad cables. */
function pair(seed: string, impairment: Impairment, alter: (lan: Lan) => void = () => undefined): Pair {
  const sim = network(seed, { gateway: 'off', ports: ['a', 'b', 'c'], witnesses: [] }, { trace: { kinds: [] } });
  for (const port of ['a', 'b']) sim.lan.setLink(0, port, bothWays(impairment));
  alter(sim.lan);
  const b = busStation(sim, { port: 'b', seed });
  const a = busStation(sim, { port: 'a', seed });
  return { sim, a, b };
}

function areOpen({ a, b }: Pair): boolean {
  return a.node.node.sessions().includes('b') && b.node.node.sessions().includes('a');
}

function connect(world: Pair, ms: number): boolean {
  world.sim.run({ until: world.sim.now + ms, stop: () => areOpen(world) });
  return areOpen(world);
}

/** What `b` reads of what `a` writes on one stream, and then the end; begins anew on a new stream where a session was lost. */
function transfer(world: Pair, bytes: Uint8Array, ms: number): Uint8Array {
  const { sim, a, b } = world;
  const until = sim.now + ms;
  for (let attempt = 0; sim.now < until; attempt++) {
    if (!areOpen(world)) {
      sim.runFor(250);
      continue;
    }
    const opened = a.node.act(sim.now, (node, now) => node.openStream(now, 'b', { name: `file ${attempt}`, priority: 3 }));
    if (!opened.ok) continue;
    const got: number[] = [];
    let sent = 0;
    const seen = b.events.length;
    const isThere = (): boolean =>
      b.events.slice(seen).some(({ event }) => event.type === 'stream' && event.event.type === 'opened');
    while (sim.now < until && areOpen(world) && got.length < bytes.length) {
      sent += a.node.act(sim.now, (node, now) => node.write(now, 'b', opened.value, bytes.subarray(sent)));
      sim.runFor(100);
      if (!isThere() || !areOpen(world)) continue;
      for (const octet of b.node.act(sim.now, (node, now) => node.read(now, 'a', opened.value)) ?? []) got.push(octet);
    }
    if (got.length === bytes.length) return Uint8Array.from(got);
  }
  throw new Error('not transferred');
}

const BYTES = Uint8Array.from({ length: 2_000 }, (_, i) => (i * 31) % 251);

function sessionsOf({ a, b }: Pair): number {
  return [...a.events, ...b.events].filter(({ event }) => event.type === 'session-open').length;
}

describe('two nodes on hosts over bad cables: a session, and the octets exactly', () => {
  test.each<[string, Impairment]>([
    ['fault/L02 losses that come three in a row', { burst: { enter: 0.1, leave: 0.33 }, delayMs: 5 }],
    ['fault/L05 copies that come up to five minutes late', { duplicate: 0.5, duplicateLagMs: 300_000, delayMs: 5 }],
    ['fault/L06 frames that are overtaken', { reorder: 0.3, reorderMeanMs: 100, delayMs: 5 }],
    ['fault/L07 damaged bits behind the IP header', { corrupt: 0.15, corruptKind: 'bit', corruptFromOctet: 34, delayMs: 5 }],
    ['fault/L07 damaged octets behind the IP header', { corrupt: 0.15, corruptKind: 'octet', corruptFromOctet: 34, delayMs: 5 }],
    ['fault/L12 nothing passes for five seconds of seven', { outages: outages(5_000, 7_000), delayMs: 5 }],
    ['fault/L13 a slow cable with room for two frames', { rateBps: 200_000, queueCountMax: 2, delayMs: 5 }],
    ['fault/L13 a slow cable with room for twenty frames', { rateBps: 200_000, queueCountMax: 20, delayMs: 5 }],
  ])('%s', (name, impairment) => {
    const world = pair(name, impairment);
    expect(connect(world, 300_000)).toBe(true);
    expect(transfer(world, BYTES, 600_000)).toEqual(BYTES);
    // Late copies open nothing a second time.
    if (name.includes('L05')) {
      world.sim.runFor(310_000);
      expect([sessionsOf(world), areOpen(world)]).toEqual([2, true]);
    }
  });

  test('fault/L03 any one frame of the exchange is lost, of either direction: it completes', () => {
    const failed: string[] = [];
    for (const direction of ['toSwitch', 'toStation'] as const)
      for (const n of places(8, 3).map((place) => place + 1)) {
        const world = pair('nth', { delayMs: 2 }, (lan) => lan.setLink(0, 'a', { [direction]: { drop: [n], delayMs: 2 } }));
        if (!connect(world, 60_000)) failed.push(`${direction} ${n}`);
      }
    expect(failed).toEqual([]);
  });

  test('fault/L08 damage that keeps every Internet checksum right gets through TCP, and no octet of it to the application', () => {
    const world = pair('swap', { delayMs: 5 });
    expect(connect(world, 30_000)).toBe(true);
    world.sim.lan.setLink(world.sim.now, 'a', {
      toSwitch: { corrupt: 1, corruptKind: 'swap', corruptFromOctet: 56, delayMs: 5 },
    });
    const opened = world.a.node.act(world.sim.now, (node, now) => node.openStream(now, 'b', { name: 'x', priority: 0 }));
    if (opened.ok) world.a.node.act(world.sim.now, (node, now) => node.write(now, 'b', opened.value, BYTES));
    world.sim.runFor(5_000);
    const closed = world.b.events.find(({ event }) => event.type === 'session-closed');
    expect(closed?.event).toMatchObject({ end: { type: 'failed', label: 'decrypt-failed' } });
    expect(world.b.events.some(({ event }) => event.type === 'stream' && event.event.type === 'readable')).toBe(false);
    world.sim.lan.setLink(world.sim.now, 'a', bothWays({ delayMs: 5 }));
    expect(connect(world, 120_000)).toBe(true);
    expect(transfer(world, BYTES, 60_000)).toEqual(BYTES);
  });

  test('fault/L19 a device comes back at another address: discovery knows it by its id, the old session dies, a new one stands', () => {
    const world = pair('rebind', { delayMs: 2 });
    expect(connect(world, 30_000)).toBe(true);
    world.sim.detach('b');
    const moved = busStation(world.sim, { port: 'c', deviceId: 'b', localStatic: busKey('b') });
    world.sim.runFor(120_000);
    expect(world.a.node.node.sessions()).toEqual(['b']);
    expect(moved.node.node.sessions()).toEqual(['a']);
    const ends = world.a.events.flatMap(({ event }) => (event.type === 'session-closed' ? [event.end] : []));
    expect(ends).toHaveLength(1);
    expect(world.a.node.node.peers().map(({ deviceId }) => deviceId)).toEqual(['b']);
  });
});

function outages(downMs: number, periodMs: number): { readonly from: number; readonly until: number }[] {
  return Array.from({ length: 60 }, (_, i) => ({ from: 3_000 + i * periodMs, until: 3_000 + i * periodMs + downMs }));
}

describe('two nodes on sockets that take little', () => {
  /** Sockets whose streams take `octets` of each write; 0 is never any, until it is set. */
  function stingy(sockets: Sockets, mouth: { octets: number }): Sockets {
    const wrap = (result: SocketResult<TcpStream>): SocketResult<TcpStream> => {
      if (!result.ok) return result;
      const stream = result.value;
      const write: TcpStream['write'] = (bytes) =>
        mouth.octets === 0
          ? { ok: false, error: 'would-block', until: Number.POSITIVE_INFINITY }
          : stream.write(bytes.subarray(0, mouth.octets));
      return {
        ok: true,
        value: {
          local: stream.local,
          remote: stream.remote,
          established: () => stream.established(),
          read: (octetsMax) => stream.read(octetsMax),
          write,
          writable: () => stream.writable(),
          shutdown: () => stream.shutdown(),
          close: () => stream.close(),
          abort: () => stream.abort(),
        },
      };
    };
    return {
      get now() {
        return sockets.now;
      },
      poll: (now) => sockets.poll(now),
      nextWake: () => sockets.nextWake(),
      localAddress: () => sockets.localAddress(),
      udpBind: (local) => sockets.udpBind(local),
      ping: (destination) => sockets.ping(destination),
      tcpConnect: (remote) => wrap(sockets.tcpConnect(remote)),
      tcpListen: (local, backlog) => {
        const listening = sockets.tcpListen(local, backlog);
        if (!listening.ok) return listening;
        const { value } = listening;
        return { ok: true, value: { local: value.local, accept: () => wrap(value.accept()), close: () => value.close() } };
      },
    };
  }

  function world(mouth: { octets: number }): {
    readonly write: (stream: StreamId, bytes: Uint8Array) => number;
    readonly a: NodeService<unknown>;
    readonly open: () => StreamId;
    readonly read: (stream: StreamId) => Uint8Array | undefined;
    readonly run: (ms: number) => void;
    readonly isOpen: () => boolean;
  } {
    const net = new FakeNet();
    const nodes = (['a', 'b'] as const).map((port) => {
      const sockets = stingy(net.addHost({ address: busAddress(port) }), mouth);
      const node = busNode({
        port,
        entropy: new SeededEntropy(port),
        discovery: { targets: { group: undefined, broadcast: undefined, unicast: [busAddress('a'), busAddress('b')] } },
      });
      return { node, service: new NodeService<unknown>({ node, sockets, joinGroup: () => undefined }) };
    });
    const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
    a.node.start(0);
    b.node.start(0);
    return {
      a: a.service,
      isOpen: () => a.node.sessions().length > 0 && b.node.sessions().length > 0,
      open: () => {
        const opened = a.node.openStream(net.now, 'b', { name: 'x', priority: 0 });
        if (!opened.ok) throw new Error(opened.error);
        return opened.value;
      },
      write: (stream, bytes) => a.node.write(net.now, 'b', stream, bytes),
      read: (stream) => b.node.read(net.now, 'a', stream),
      run: (ms) => {
        for (const until = net.now + ms; net.now < until; ) {
          net.poll(net.now + 1);
          for (const { service } of nodes) service.run(net.now);
        }
      },
    };
  }

  test('fault/L21 a transport that takes one octet at a time, or none: the producer is held back, what waits is bounded, all arrives', () => {
    const mouth = { octets: 1 };
    const { a, open, write, read, run, isOpen } = world(mouth);
    run(5_000);
    expect(isOpen()).toBe(true);
    const stream = open();
    mouth.octets = 0;
    let taken = 0;
    for (let i = 0; i < 100; i++) {
      taken += write(stream, new Uint8Array(16_384).fill(7));
      run(1);
    }
    // The buffer of the stream, and one record beyond it.
    expect(taken).toBeLessThanOrEqual(262_144 + 65_536);
    expect(write(stream, Uint8Array.of(1))).toBe(0);
    expect(a.inspect()).toMatchObject({ blocked: 1 });
    expect(a.inspect().pendingOctets).toBeLessThanOrEqual(32_768 + 18);
    mouth.octets = 16_384;
    let got = 0;
    for (let i = 0; i < 400 && got < taken; i++) {
      run(5);
      got += read(stream)?.length ?? 0;
    }
    expect(got).toBe(taken);
    expect(a.inspect()).toMatchObject({ blocked: 0, pendingOctets: 0 });
  });
});
