import { bytesEqual, IPV4_ANY, IPV4_BROADCAST, NEVER } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import type { UdpSocket } from '../../src/index.js';
import { bindOn, type ContractWorld, fails, pattern, until, value } from './contract-world.js';

/** The laws of UDP and ping, the same for every backend. */
export function describeDatagramContract(backend: string, makeWorld: () => ContractWorld): void {
  const udp = (change: (world: ContractWorld, a: UdpSocket, b: UdpSocket) => void) => () => {
    const world = makeWorld();
    change(world, bindOn(world.a, 5_000), bindOn(world.b, 7));
  };

  describe(`${backend}: UDP`, () => {
    test(
      'a datagram arrives whole, with both of its ends; its octets are the receiver’s own',
      udp((world, a, b) => {
        const payload = pattern(100);
        expect(value(a.sendTo(world.at('b', 7), payload))).toBe(100);
        payload.fill(0);
        const received = until(world, () => b.receiveFrom());
        expect(received).toEqual({ from: world.at('a', 5_000), to: world.at('b', 7), payload: pattern(100) });
        expect(b.receiveFrom()).toEqual({ ok: false, error: 'would-block', until: NEVER });
      }),
    );

    test(
      'boundaries are kept, an empty datagram is one',
      udp((world, a, b) => {
        for (const length of [3, 0, 5]) value(a.sendTo(world.at('b', 7), pattern(length)));
        const lengths = [1, 2, 3].map(() => until(world, () => b.receiveFrom()).payload.length);
        expect(lengths).toEqual([3, 0, 5]);
      }),
    );

    test(
      '1500 octets pass, one more is too large',
      udp((world, a, b) => {
        expect(value(a.sendTo(world.at('b', 7), pattern(1_500)))).toBe(1_500);
        expect(bytesEqual(until(world, () => b.receiveFrom()).payload, pattern(1_500))).toBe(true);
        expect(a.sendTo(world.at('b', 7), new Uint8Array(1_501))).toEqual({
          ok: false,
          error: 'invalid-input',
          message: 'udp payload too large',
        });
      }),
    );

    test(
      'a receive that is too short takes nothing and loses nothing',
      udp((world, a, b) => {
        value(a.sendTo(world.at('b', 7), pattern(20)));
        fails(world, () => b.receiveFrom(19), 'no-buffers');
        expect(b.receiveFrom(19)).toEqual({ ok: false, error: 'no-buffers' });
        expect(value(b.receiveFrom(20)).payload).toEqual(pattern(20));
        expect(b.receiveFrom(0)).toMatchObject({ ok: false, error: 'invalid-input' });
      }),
    );

    test('a port has one owner for each address, and the exact address wins', () => {
      const world = makeWorld();
      const general = bindOn(world.b, 7);
      expect(world.b.udpBind({ address: IPV4_ANY, port: 7 })).toEqual({ ok: false, error: 'address-in-use' });
      const exact = value(world.b.udpBind(world.at('b', 7)));
      value(bindOn(world.a, 5_000).sendTo(world.at('b', 7), pattern(1)));
      until(world, () => exact.receiveFrom());
      expect(general.receiveFrom()).toMatchObject({ error: 'would-block' });
    });

    test('port 0 is a free one, and never the same twice', () => {
      const { a } = makeWorld();
      const ports = Array.from({ length: 20 }, () => bindOn(a, 0).local.port);
      expect(new Set(ports).size).toBe(20);
      expect(Math.min(...ports)).toBeGreaterThanOrEqual(1_024);
    });

    test('an address that is not ours, a port that is none, and nobody are invalid', () => {
      const world = makeWorld();
      const invalid = { ok: false, error: 'invalid-input' };
      expect(world.a.udpBind(world.at('b', 7))).toMatchObject(invalid);
      expect(world.a.udpBind({ address: IPV4_ANY, port: 65_536 })).toMatchObject(invalid);
      const socket = bindOn(world.a, 0);
      expect(socket.sendTo({ address: world.address('b'), port: 0 }, pattern(1))).toMatchObject(invalid);
      expect(socket.sendTo({ address: IPV4_ANY, port: 7 }, pattern(1))).toMatchObject(invalid);
      expect(socket.sendTo(world.at('b', 7), pattern(1), { from: world.address('b') })).toMatchObject(invalid);
    });

    test(
      'a broadcast reaches the others',
      udp((world, a, b) => {
        value(a.sendTo({ address: IPV4_BROADCAST, port: 7 }, pattern(9)));
        const { from, to, payload } = until(world, () => b.receiveFrom());
        expect([from, to, payload]).toEqual([world.at('a', 5_000), { address: IPV4_BROADCAST, port: 7 }, pattern(9)]);
      }),
    );

    test(
      'a closed port is refused: told by the socket, and no end of it',
      udp((world, a, b) => {
        const destination = world.at('b', 8);
        value(a.sendTo(destination, pattern(1)));
        world.run(1_000);
        expect(a.takeError()).toEqual({ destination, error: 'refused' });
        expect(a.takeError()).toBeUndefined();
        value(a.sendTo(world.at('b', 7), pattern(2)));
        expect(until(world, () => b.receiveFrom()).payload).toEqual(pattern(2));
      }),
    );

    test(
      'where no route leads is unreachable at once',
      udp((world, a) => {
        expect(a.sendTo({ address: world.faraway, port: 7 }, pattern(1))).toEqual({ ok: false, error: 'unreachable' });
      }),
    );

    test(
      'close gives the port back; a closed socket does nothing, twice as well',
      udp((world, a, b) => {
        b.close();
        b.close();
        expect(b.receiveFrom()).toEqual({ ok: false, error: 'not-connected' });
        expect(b.sendTo(world.at('a', 5_000), pattern(1))).toEqual({ ok: false, error: 'not-connected' });
        const again = bindOn(world.b, 7);
        b.close();
        value(a.sendTo(world.at('b', 7), pattern(3)));
        expect(until(world, () => again.receiveFrom()).payload).toEqual(pattern(3));
      }),
    );

    test(
      'a socket that nobody reads keeps a bounded number of datagrams, the oldest',
      udp((world, a, b) => {
        for (let i = 0; i < 300; i++) {
          value(a.sendTo(world.at('b', 7), Uint8Array.of(i >> 8, i)));
          if (i % 10 === 0) world.run(20);
        }
        world.run(1_000);
        let kept = 0;
        for (let got = b.receiveFrom(); got.ok; got = b.receiveFrom(), kept++)
          if (got.value.payload[0] !== kept >> 8 || got.value.payload[1] !== (kept & 0xff))
            throw new Error(`not datagram ${kept}`);
        expect(kept).toBeGreaterThanOrEqual(16);
        expect(kept).toBeLessThan(300);
      }),
    );
  });

  describe(`${backend}: ping`, () => {
    test('the round trip is the time of the clock that poll is told', () => {
      const world = makeWorld();
      const { a } = world;
      for (let i = 0; i < 2; i++) {
        const sentAt = a.now;
        const ping = value(a.ping(world.address('b')));
        const roundTrip = until(world, () => ping.roundTrip());
        expect(roundTrip).toBe(a.now - sentAt);
        // The first one may have waited for ARP.
        if (i === 1) expect(roundTrip).toBe(2 * world.latencyMs);
        expect(ping.roundTrip()).toEqual({ ok: true, value: roundTrip });
      }
    });

    test('nobody is unreachable, and no success; a route that is not there at once', () => {
      const world = makeWorld();
      const ping = value(world.a.ping(world.nobody));
      fails(world, () => ping.roundTrip(), 'unreachable');
      expect(world.a.ping(world.faraway)).toEqual({ ok: false, error: 'unreachable' });
    });

    test('a deadline: equal is in time, past it is over, and stays so', () => {
      const world = makeWorld();
      const { a } = world;
      const deadline = a.now + 500;
      const ping = value(a.ping(world.nobody, { deadline }));
      world.runTo(deadline);
      expect(ping.roundTrip()).toEqual({ ok: false, error: 'would-block', until: deadline });
      world.runTo(deadline + 1);
      expect(ping.roundTrip()).toEqual({ ok: false, error: 'timed-out' });
      world.run(60_000);
      expect(ping.roundTrip()).toEqual({ ok: false, error: 'timed-out' });
      expect(a.ping(world.address('b'), { deadline: a.now - 1 })).toEqual({ ok: false, error: 'timed-out' });
    });
  });
}
