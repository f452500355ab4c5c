import { bytesEqual } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { type HostEvent, HostSockets, type SocketMachine } from '../src/index.js';
import { bindOn, carry, connect, pattern, readAll, settled, until, value } from './sockets/contract-world.js';
import { describeDatagramContract } from './sockets/datagram-contract.js';
import { HostWorld } from './sockets/host-world.js';
import { describeStreamContract } from './sockets/stream-contract.js';

describeDatagramContract('hosts on a wire', () => new HostWorld());
describeStreamContract('hosts on a wire', () => new HostWorld());

describe('the sockets of a host stand in front of it', () => {
  test('events that are none of theirs come out, in order; theirs do not', () => {
    const world = new HostWorld();
    const socket = world.hosts.a.bindUdp({ port: 9 });
    value(bindOn(world.b, 7).sendTo(world.at('a', 9), pattern(3)));
    value(world.b.ping(world.address('a')));
    world.run(100);
    expect(world.a.pollEvent()).toMatchObject({ type: 'datagram', socket });
    expect(world.a.pollEvent()).toBeUndefined();
    const ping = value(world.a.ping(world.address('b')));
    until(world, () => ping.roundTrip());
    expect(world.a.pollEvent()).toBeUndefined();
  });

  test('a port that the host itself has bound is in use', () => {
    const world = new HostWorld();
    world.hosts.a.bindUdp({ port: 9 });
    expect(world.a.udpBind({ address: world.address('a'), port: 9 })).toMatchObject({ ok: true });
    expect(world.a.udpBind({ ...world.at('a', 9), address: 0 as never })).toEqual({ ok: false, error: 'address-in-use' });
  });

  test('a datagram to nobody: the socket learns that there is no way, for each place once', () => {
    const world = new HostWorld();
    const socket = bindOn(world.a, 0);
    const destination = { address: world.nobody, port: 7 };
    for (let i = 0; i < 3; i++) value(socket.sendTo(destination, pattern(1)));
    world.run(10_000);
    expect(socket.takeError()).toEqual({ destination, error: 'unreachable' });
    expect(socket.takeError()).toBeUndefined();
  });

  test('before an address there is no way out; the address with its network is told', () => {
    const world = new HostWorld();
    expect(world.a.localAddress()).toEqual({ address: world.address('a'), prefixLength: 24 });
    world.hosts.a.deconfigure(2_000);
    expect(world.a.localAddress()).toBeUndefined();
    expect(bindOn(world.a, 0).sendTo(world.at('b', 7), pattern(1))).toEqual({ ok: false, error: 'unreachable' });
    expect(world.a.ping(world.address('b'))).toEqual({ ok: false, error: 'unreachable' });
  });

  test('tables are bounded: no buffers', () => {
    const world = new HostWorld({ host: { udpSocketCountMax: 1, pingCountMax: 1 } });
    bindOn(world.a, 7);
    expect(world.a.udpBind({ ...world.at('a', 8) })).toEqual({ ok: false, error: 'no-buffers' });
    value(world.a.ping(world.address('b')));
    expect(world.a.ping(world.address('b'))).toEqual({ ok: false, error: 'no-buffers' });
  });

  test('what nobody fetches is bounded and counted', () => {
    const world = new HostWorld();
    const socket = bindOn(world.a, 7);
    const sender = bindOn(world.b, 0);
    for (let i = 0; i < 70; i++) {
      value(sender.sendTo(world.at('a', 7), pattern(1)));
      world.run(5);
    }
    expect(world.a.inspect()).toMatchObject({ udp: 1, losses: { 'datagram-queue-full': 6 } });
    socket.close();
    expect(world.a.inspect().udp).toBe(0);
  });
});

describe('streams over a wire that loses and reorders', () => {
  test('property: octets arrive exact, in order, and end as they should', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999 }), fc.integer({ min: 1, max: 80 }), (seed, lossPerMille) => {
        const world = new HostWorld({ seed, lossPerMille, reorderPerMille: 100 });
        const { client, server } = connect(world);
        const bytes = pattern(20_000, seed);
        expect(bytesEqual(carry(world, { from: client, to: server, bytes }), bytes)).toBe(true);
        value(client.shutdown());
        expect(readAll(world, server)).toHaveLength(0);
        expect(
          bytesEqual(carry(world, { from: server, to: client, bytes: bytes.subarray(0, 5_000) }), bytes.subarray(0, 5_000)),
        ).toBe(true);
        server.close();
        expect(readAll(world, client)).toHaveLength(0);
      }),
      { numRuns: runs(4) },
    );
  });

  test('property: a datagram arrives once, whole, or not at all', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999 }), (seed) => {
        const world = new HostWorld({ seed, lossPerMille: 200, reorderPerMille: 200 });
        const socket = bindOn(world.b, 7);
        const sender = bindOn(world.a, 0);
        const got: number[] = [];
        // ARP first: its requests are a second apart, and may be lost as well.
        for (let known = false; !known; ) {
          const ping = value(world.a.ping(world.address('b')));
          known = settled(world, () => ping.roundTrip()).ok;
        }
        for (let i = 0; i < 30; i++) {
          sender.sendTo(world.at('b', 7), pattern(1_000 + i * 17, i));
          world.run(10);
          for (let one = socket.receiveFrom(); one.ok; one = socket.receiveFrom()) {
            const index = (one.value.payload.length - 1_000) / 17;
            expect(bytesEqual(one.value.payload, pattern(1_000 + index * 17, index))).toBe(true);
            got.push(index);
          }
        }
        expect(new Set(got).size).toBe(got.length);
        expect(got.length).toBeGreaterThan(5);
      }),
      { numRuns: runs(4) },
    );
  });
});

test('without TCP below, streams are unsupported', () => {
  const world = new HostWorld();
  const { a } = world.hosts;
  const bare = new HostSockets<HostEvent>(
    new Proxy(a, {
      get: (host, key) => {
        if (key === 'tcp') return undefined;
        const member: unknown = Reflect.get(host, key, host);
        return typeof member === 'function' ? member.bind(host) : member;
      },
    }) as SocketMachine<HostEvent>,
  );
  expect(bare.tcpListen({ address: world.address('a'), port: 80 }, 1)).toEqual({ ok: false, error: 'unsupported' });
  expect(bare.tcpConnect(world.at('b', 80))).toEqual({ ok: false, error: 'unsupported' });
});
