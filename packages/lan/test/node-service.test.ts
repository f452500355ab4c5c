import type { NodeTransmit, StreamId } from '@nexus-net/dsoftbus';
import { FakeNet, Host, type Sockets } from '@nexus-net/net-os';
import { type Ipv4Address, ipv4, type MacAddress, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { bothWays, NodeHost, NodeService, type NodeServiceLimits } from '../src/index.js';
import { type BusStation, busAddress, busStation } from './support/bus.js';
import { network } from './support/network.js';

function connected(options: Parameters<typeof network>[1] = {}): {
  readonly sim: ReturnType<typeof network>;
  readonly a: BusStation;
  readonly b: BusStation;
} {
  const sim = network('service', { gateway: 'off', ...options }, { trace: { kinds: [] } });
  // More than a TCP takes at once.
  const b = busStation(sim, { port: 'b', session: { limits: { streamCountMax: 8, windowOctets: 1_048_576 } } });
  const a = busStation(sim, { port: 'a' });
  sim.run({ until: 30_000, stop: () => isOpen(a) && isOpen(b) });
  expect([isOpen(a), isOpen(b)]).toEqual([true, true]);
  return { sim, a, b };
}

function isOpen({ node }: BusStation): boolean {
  return node.node.sessions().length > 0;
}

describe('a node on a host', () => {
  test('backpressure goes from the cable to the application: all octets arrive, and what waits stays bounded', () => {
    const { sim, a, b } = connected();
    sim.lan.setLink(sim.now, 'a', bothWays({ rateBps: 10_000_000, queueCountMax: 20, delayMs: 5 }));
    const opened = a.node.act(sim.now, (node, now) => node.openStream(now, 'b', { name: 'bulk', priority: 3 }));
    if (!opened.ok) throw new Error(opened.error);
    const bytes = new Uint8Array(320_000).map((_, i) => (i * 7) % 251);
    const got: number[] = [];
    let sent = 0;
    let pendingMax = 0;
    let wasBlocked = false;
    for (let i = 0; i < 2_000 && got.length < bytes.length; i++) {
      sent += a.node.act(sim.now, (node, now) => node.write(now, 'b', opened.value, bytes.subarray(sent)));
      sim.runFor(25);
      const { pendingOctets, blocked } = a.node.service.inspect();
      pendingMax = Math.max(pendingMax, pendingOctets);
      wasBlocked ||= blocked > 0;
      if (!b.events.some(({ event }) => event.type === 'stream')) continue;
      const piece = b.node.act(sim.now, (node, now) => node.read(now, 'a', opened.value));
      for (const octet of piece ?? []) got.push(octet);
    }
    expect(isSame(got, bytes)).toBe(true);
    expect(wasBlocked).toBe(true);
    // One record of the mux and its tag at most.
    expect(pendingMax).toBeLessThanOrEqual(32_768 + 2 + 16);
  });

  test('an address that comes later than the node: it binds then, and the session comes about', () => {
    const sim = network('late', { gateway: 'off' }, { trace: { kinds: [] } });
    const b = busStation(sim, { port: 'b' });
    const a = busStation(sim, { port: 'a' });
    sim.run({ until: 0 });
    b.host.deconfigure(sim.now);
    a.host.deconfigure(sim.now);
    sim.runFor(5_000);
    expect(isOpen(a)).toBe(false);
    a.host.configure(sim.now, { address: busAddress('a'), prefixLength: 24 });
    b.host.configure(sim.now, { address: busAddress('b'), prefixLength: 24 });
    sim.run({ until: sim.now + 120_000, stop: () => isOpen(a) && isOpen(b) });
    expect([isOpen(a), isOpen(b)]).toEqual([true, true]);
    expect(a.node.service.inspect().isBound).toBe(true);
  });

  test('a datagram for another address of the host is not for a node that has one of its own', () => {
    const sim = network('addresses', { gateway: 'off' }, { trace: { kinds: [] } });
    const host = new Host({ mac: 0x525400000000 as MacAddress, entropy: new SeededEntropy(1) });
    host.configure(0, { address: ipv4(10, 1, 0, 1), prefixLength: 24 });
    host.addAddress(0, { address: ipv4(10, 1, 0, 7), prefixLength: 24 });
    const node = new NodeHost({ node: new Puppet(), host });
    const peer = new Host({ mac: 0x525400000001 as MacAddress, entropy: new SeededEntropy(2) });
    peer.configure(0, { address: ipv4(10, 1, 0, 2), prefixLength: 24 });
    sim.attach({ port: 'a', machine: node, boot: (now) => node.handleTimeout(now) });
    sim.attach({ port: 'b', machine: peer });
    sim.runFor(10);
    const source = { address: ipv4(10, 1, 0, 2), port: 37_020 };
    for (const last of [7, 1])
      peer.sendUdp(sim.now, {
        datagram: { source, destination: { address: ipv4(10, 1, 0, last), port: 37_020 }, payload: Uint8Array.of(last) },
      });
    peer.sendUdp(sim.now, {
      datagram: { source, destination: { address: ipv4(239, 42, 0, 1), port: 37_020 }, payload: Uint8Array.of(0) },
    });
    sim.runFor(1_000);
    expect(node.node.told).toEqual(['datagram', 'datagram']);
    expect(node.service.inspect().losses).toEqual({ 'datagram-not-ours': 1 });
  });

  test('a node that stops says goodbye on the wire; the other one hears it, and no connection stays', () => {
    const { sim, a, b } = connected();
    a.node.act(sim.now, (node, now) => node.stop(now));
    sim.runFor(20_000);
    expect(b.events.find(({ event }) => event.type === 'session-closed')?.event).toMatchObject({
      end: { type: 'goodbye', by: 'peer' },
    });
    expect([a.node.service.inspect().connections, b.node.service.inspect().connections]).toEqual([0, 0]);
  });
});

/** Large arrays; the matchers are slow at them. */
function isSame(got: readonly number[], wanted: Uint8Array): boolean {
  return got.length === wanted.length && got.every((octet, i) => octet === wanted[i]);
}

/** A node that does as the test says, and writes down what it is told. */
class Puppet {
  readonly told: string[] = [];
  readonly wants: NodeTransmit[] = [];
  readonly bindings = {
    datagrams: [{ address: ipv4(10, 1, 0, 1), port: 37_020 }],
    groups: [ipv4(239, 42, 0, 1)],
    streams: [{ address: ipv4(10, 1, 0, 1), port: 34_567 }],
  };
  handleDatagram = (): void => void this.told.push('datagram');
  handleStreamOpened = (_now: number, { stream }: { readonly stream: StreamId }): void => void this.told.push(`opened ${stream}`);
  handleStreamBytes = (_now: number, stream: StreamId, bytes: Uint8Array): void =>
    void this.told.push(`bytes ${stream} ${bytes.length}`);
  handleStreamEnd = (_now: number, stream: StreamId): void => void this.told.push(`end ${stream}`);
  handleStreamClosed = (_now: number, stream: StreamId, cause: string): void => void this.told.push(`closed ${stream} ${cause}`);
  handleStreamBlocked = (_now: number, stream: StreamId): void => void this.told.push(`blocked ${stream}`);
  handleStreamWritable = (_now: number, stream: StreamId): void => void this.told.push(`writable ${stream}`);
  handleTimeout = (): void => undefined;
  pollTransmit = (): NodeTransmit | undefined => this.wants.shift();
  pollEvent = (): undefined => undefined;
  nextTimeout = (): number => Number.POSITIVE_INFINITY;
}
const HERE = ipv4(10, 1, 0, 1);
const THERE = { address: ipv4(10, 1, 0, 2), port: 9 };

function onFakeNet(limits: Partial<NodeServiceLimits> = {}): {
  readonly puppet: Puppet;
  readonly service: NodeService<undefined>;
  readonly peer: Sockets;
  readonly groups: Ipv4Address[];
  readonly settle: () => void;
} {
  const net = new FakeNet();
  const own = net.addHost({ address: HERE });
  const peer = net.addHost({ address: THERE.address });
  const puppet = new Puppet();
  const groups: Ipv4Address[] = [];
  const joinGroup = (_now: number, group: Ipv4Address): void => void groups.push(group);
  const service = new NodeService<undefined>({ ...limits, node: puppet, sockets: own, joinGroup });
  const settle = (): void => {
    for (let i = 0; i < 20; i++) {
      net.poll(net.now + 1);
      service.run(net.now);
    }
  };
  settle();
  return { puppet, service, peer, groups, settle };
}

describe('a node on sockets', () => {
  const dial = { type: 'stream-open', stream: 2, source: { address: HERE, port: 0 }, destination: THERE } as const;

  test('binds, joins once, listens, carries datagrams; one that has no socket is counted', () => {
    const { puppet, service, peer, groups, settle } = onFakeNet();
    expect(service.inspect().isBound).toBe(true);
    expect(groups).toEqual([ipv4(239, 42, 0, 1)]);
    const socket = peer.udpBind({ address: THERE.address, port: 37_020 });
    if (!socket.ok) throw new Error(socket.error);
    socket.value.sendTo({ address: HERE, port: 37_020 }, Uint8Array.of(1));
    settle();
    expect(puppet.told).toEqual(['datagram']);
    puppet.wants.push({
      type: 'datagram',
      source: { address: HERE, port: 37_020 },
      destination: { address: THERE.address, port: 37_020 },
      payload: Uint8Array.of(1, 2),
    });
    puppet.wants.push({
      type: 'datagram',
      source: { address: HERE, port: 1 },
      destination: THERE,
      payload: Uint8Array.of(1, 2),
    });
    settle();
    expect(socket.value.receiveFrom()).toMatchObject({ ok: true, value: { payload: Uint8Array.of(1, 2) } });
    expect(service.inspect().losses).toEqual({ 'datagram-not-sent': 1 });
  });

  test('a dial that nobody takes is told as refused', () => {
    const { puppet, settle } = onFakeNet();
    puppet.wants.push(dial);
    settle();
    expect(puppet.told).toEqual(['closed 2 refused']);
  });

  test('more than a stream takes: blocked once, all of it sent in order, writable when it is gone, the end behind it', () => {
    const { puppet, service, peer, settle } = onFakeNet();
    const listening = peer.tcpListen(THERE, 1);
    if (!listening.ok) throw new Error(listening.error);
    puppet.wants.push(dial);
    settle();
    const accepted = listening.value.accept();
    if (!accepted.ok) throw new Error(accepted.error);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    puppet.wants.push({ type: 'stream-bytes', stream: 2, bytes }, { type: 'stream-end', stream: 2 });
    settle();
    expect(puppet.told).toEqual(['opened 2', 'blocked 2']);
    expect(service.inspect()).toMatchObject({ blocked: 1, connections: 1 });
    const got: number[] = [];
    for (let i = 0; i < 400; i++) {
      const read = accepted.value.read(16_384);
      for (const octet of read.ok ? read.value : []) got.push(octet);
      settle();
      if (read.ok && read.value.length === 0) break;
    }
    expect(isSame(got, bytes)).toBe(true);
    expect(puppet.told).toEqual(['opened 2', 'blocked 2', 'writable 2']);
    expect(accepted.value.read(1)).toMatchObject({ ok: true, value: new Uint8Array(0) });
    accepted.value.shutdown();
    settle();
    expect(puppet.told.slice(3)).toEqual(['end 2', 'closed 2 ended']);
    expect(service.inspect()).toMatchObject({ connections: 0, pendingOctets: 0 });
  });

  test('what comes in has odd numbers; beyond connectionCountMax it waits; a reset of either side ends it', () => {
    const { puppet, service, peer, settle } = onFakeNet({ connectionCountMax: 2 });
    const streams = [1, 2, 3].map(() => peer.tcpConnect({ address: HERE, port: 34_567 }));
    settle();
    expect(puppet.told).toEqual(['opened 1', 'opened 3']);
    const [first, second, third] = streams.map((each) => (each.ok ? each.value : undefined));
    first?.write(Uint8Array.of(1, 2, 3));
    settle();
    first?.abort();
    settle();
    expect(puppet.told.slice(2)).toEqual(['bytes 1 3', 'closed 1 reset', 'opened 5']);
    puppet.wants.push({ type: 'stream-reset', stream: 3 });
    settle();
    expect(second?.read(1)).toMatchObject({ error: 'disconnected' });
    service.stop();
    settle();
    expect(third?.read(1)).toMatchObject({ error: 'disconnected' });
    expect(service.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    expect(puppet.told).toHaveLength(5);
  });
});
