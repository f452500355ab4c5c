import { type Ipv4Address, ipv4, type Millis, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type FakeHost, FakeNet, type FakeNetConfig } from '../src/index.js';
import { bindOn, ContractWorld, pattern, type Side, until, value } from './sockets/contract-world.js';
import { describeDatagramContract } from './sockets/datagram-contract.js';
import { describeStreamContract } from './sockets/stream-contract.js';

const ADDRESS = { a: ipv4(10, 42, 0, 10), b: ipv4(10, 42, 0, 11) };

class FakeWorld extends ContractWorld {
  readonly net: FakeNet;
  readonly a: FakeHost;
  readonly b: FakeHost;
  readonly nobody = ipv4(10, 42, 0, 99);
  readonly faraway = ipv4(192, 0, 2, 1);
  readonly latencyMs: Millis;

  constructor(config: FakeNetConfig = {}) {
    super();
    this.net = new FakeNet({ startAt: 1_000, ...config });
    this.latencyMs = this.net.latencyMs;
    this.a = this.net.addHost({ address: ADDRESS.a });
    this.b = this.net.addHost({ address: ADDRESS.b });
  }

  address(side: Side): Ipv4Address {
    return ADDRESS[side];
  }

  step(limit: Millis): void {
    this.net.poll(Math.min(limit, this.net.nextWake()));
  }
}

describeDatagramContract('FakeNet', () => new FakeWorld());
describeDatagramContract('FakeNet with latency', () => new FakeWorld({ latencyMs: 7 }));
describeStreamContract('FakeNet with latency', () => new FakeWorld({ latencyMs: 7 }));

describe('FakeNet', () => {
  test('nothing happens outside of poll', () => {
    const { a, b, net } = new FakeWorld();
    const socket = bindOn(b, 7);
    value(bindOn(a, 0).sendTo({ address: ADDRESS.b, port: 7 }, pattern(1)));
    expect(socket.receiveFrom()).toMatchObject({ error: 'would-block' });
    expect([net.nextWake(), a.nextWake()]).toEqual([1_000, 1_000]);
    a.poll(1_000);
    expect(value(socket.receiveFrom()).payload).toEqual(pattern(1));
  });

  test('a late poll does what was due at the instants at which it was due', () => {
    const { a, b, net } = new FakeWorld({ latencyMs: 10 });
    const ping = value(a.ping(ADDRESS.b, { deadline: 1_020 }));
    const missed = value(b.ping(ADDRESS.a, { deadline: 1_019 }));
    net.poll(99_000);
    expect(ping.roundTrip()).toEqual({ ok: true, value: 20 });
    expect(missed.roundTrip()).toEqual({ ok: false, error: 'timed-out' });
  });

  test('chosen datagrams are lost, and counted', () => {
    const world = new FakeWorld({ loses: ({ payload }) => payload[0] === 1 });
    const socket = bindOn(world.b, 7);
    const sender = bindOn(world.a, 0);
    for (const tag of [0, 1, 2]) value(sender.sendTo(world.at('b', 7), Uint8Array.of(tag)));
    expect([1, 2].map(() => until(world, () => socket.receiveFrom()).payload[0])).toEqual([0, 2]);
    expect(world.net.lost).toBe(1);
  });

  test('an address of one’s own, and the loopback network, are oneself', () => {
    const world = new FakeWorld({ latencyMs: 5 });
    const { a } = world;
    const socket = bindOn(a, 7);
    for (const address of [ADDRESS.a, ipv4(127, 0, 0, 1)]) {
      value(socket.sendTo({ address, port: 7 }, pattern(2)));
      expect(until(world, () => socket.receiveFrom())).toMatchObject({ from: { address, port: 7 }, to: { address, port: 7 } });
      const ping = value(a.ping(address));
      expect(until(world, () => ping.roundTrip())).toBe(0);
    }
  });

  test('its limits: sockets, datagrams, things on their way', () => {
    const net = new FakeNet({ inFlightCountMax: 1 });
    const a = net.addHost({ address: ADDRESS.a, socketCountMax: 1, datagramCountMax: 1 });
    const socket = bindOn(a, 7);
    expect(a.udpBind({ address: ADDRESS.a, port: 8 })).toEqual({ ok: false, error: 'no-buffers' });
    expect(a.tcpListen({ address: ADDRESS.a, port: 8 }, 1)).toEqual({ ok: false, error: 'no-buffers' });
    expect(a.tcpConnect({ address: ADDRESS.a, port: 8 })).toEqual({ ok: false, error: 'no-buffers' });
    for (let i = 0; i < 2; i++) value(socket.sendTo({ address: ADDRESS.a, port: 7 }, pattern(1)));
    expect(net.lost).toBe(1);
    net.poll(1);
    value(socket.sendTo({ address: ADDRESS.a, port: 7 }, pattern(1)));
    net.poll(2);
    expect(a.losses).toEqual({ 'datagram-queue-full': 1 });
  });

  test('streams that were closed make room', () => {
    const net = new FakeNet();
    const a = net.addHost({ address: ADDRESS.a, socketCountMax: 2 });
    net.addHost({ address: ADDRESS.b });
    const b = net.host(ADDRESS.b) as FakeHost;
    const listener = value(b.tcpListen({ address: ADDRESS.b, port: 80 }, 9));
    for (let i = 0; i < 5; i++) {
      const stream = value(a.tcpConnect({ address: ADDRESS.b, port: 80 }));
      net.poll(i);
      value(stream.established());
      stream.close();
      net.poll(i);
      expect(value(value(listener.accept()).read(1))).toHaveLength(0);
    }
  });

  test('a bad configuration is refused', () => {
    const net = new FakeNet();
    net.addHost({ address: ADDRESS.a });
    expect(() => net.addHost({ address: ADDRESS.a })).toThrow('10.42.0.10 is taken');
    expect(() => net.addHost({ address: ipv4(10, 42, 0, 255) })).toThrow(UsageError);
    expect(() => new FakeNet({ latencyMs: -1 })).toThrow(UsageError);
  });
});
