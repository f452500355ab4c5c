import { bytesEqual, IPV4_ANY, type Millis, NEVER } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import type { SocketResult, TcpStream } from '../../src/index.js';
import {
  type Connection,
  type ContractWorld,
  carry,
  connect,
  fails,
  pattern,
  readAll,
  settled,
  until,
  value,
  writeAll,
} from './contract-world.js';

/** The laws of streams, the same for every backend. */
export function describeStreamContract(backend: string, makeWorld: () => ContractWorld): void {
  const connected = (change: (world: ContractWorld, connection: Connection) => void) => () => {
    const world = makeWorld();
    change(world, connect(world));
  };
  const blocked = (deadline: Millis = NEVER): unknown => ({ ok: false, error: 'would-block', until: deadline });
  const failure = (error: string): unknown => ({ ok: false, error });

  describe(`${backend}: connections`, () => {
    test(
      'both ends agree on both addresses',
      connected((world, { client, server }) => {
        expect(client.remote).toEqual(world.at('b', 80));
        expect(client.local.address).toBe(world.address('a'));
        expect([server.local, server.remote]).toEqual([client.remote, client.local]);
      }),
    );

    test('a listener stays one after an accept; each connection has its own octets', () => {
      const world = makeWorld();
      const listener = value(world.b.tcpListen(world.at('b', 80), 4));
      const pairs = [1, 2, 3].map((length) => {
        const client = value(world.a.tcpConnect(world.at('b', 80)));
        const server = until(world, () => listener.accept());
        until(world, () => client.write(pattern(length)));
        return { client, server, length };
      });
      for (const { server, length } of pairs) expect(until(world, () => server.read(100))).toEqual(pattern(length));
      expect(new Set(pairs.map(({ client }) => client.local.port)).size).toBe(3);
    });

    test('before it is there, everything would block until the deadline that comes first', () => {
      const world = makeWorld();
      value(world.b.tcpListen(world.at('b', 80), 1));
      const deadline = world.a.now + 9_000;
      const client = value(world.a.tcpConnect(world.at('b', 80), { deadline }));
      expect(client.established()).toEqual(blocked(deadline));
      expect(client.established({ deadline: deadline - 1 })).toEqual(blocked(deadline - 1));
      expect([client.read(1), client.write(pattern(1)), client.writable()]).toMatchObject([
        blocked(deadline),
        blocked(deadline),
        blocked(deadline),
      ]);
      until(world, () => client.established());
    });

    test('nobody listens: refused, for every call from then on', () => {
      const world = makeWorld();
      const client = value(world.a.tcpConnect(world.at('b', 81)));
      fails(world, () => client.established(), 'refused');
      expect([client.read(1), client.write(pattern(1)), client.writable(), client.shutdown()]).toMatchObject(
        Array.from({ length: 4 }, () => failure('refused')),
      );
    });

    test('nobody is there: unreachable; no route: at once', () => {
      const world = makeWorld();
      const client = value(world.a.tcpConnect({ address: world.nobody, port: 80 }));
      fails(world, () => client.established(), 'unreachable');
      expect(world.a.tcpConnect({ address: world.faraway, port: 80 })).toEqual(failure('unreachable'));
    });

    test('the backlog bounds what is established and not accepted; there is room again after an accept', () => {
      const world = makeWorld();
      const listener = value(world.b.tcpListen(world.at('b', 80), 2));
      const clients: TcpStream[] = [];
      for (let i = 0; i < 3; i++) {
        clients.push(value(world.a.tcpConnect(world.at('b', 80))));
        world.run(400);
      }
      const usable = (): number => clients.filter((client) => client.writable().ok).length;
      expect(usable()).toBe(2);
      value(listener.accept());
      world.run(30_000);
      expect(usable()).toBe(3);
      value(listener.accept());
      value(listener.accept());
      expect(listener.accept({ deadline: world.b.now })).toEqual(blocked(world.b.now));
    });

    test('the deadline of an attempt: equal is in time, past it is over for good', () => {
      const world = makeWorld();
      value(world.b.tcpListen(world.at('b', 80), 1));
      const first = value(world.a.tcpConnect(world.at('b', 80)));
      until(world, () => first.established()); // the backlog is full
      const deadline = world.a.now + 2_000;
      const late = value(world.a.tcpConnect({ address: world.nobody, port: 80 }, { deadline }));
      world.runTo(deadline);
      expect(late.established()).toEqual(blocked(deadline));
      expect(world.a.nextWake()).toBeLessThanOrEqual(deadline + 1);
      world.runTo(deadline + 1);
      expect(late.established()).toEqual(failure('timed-out'));
      world.run(60_000);
      expect(late.read(1)).toEqual(failure('timed-out'));
      expect(world.a.tcpConnect(world.at('b', 80), { deadline: world.a.now - 1 })).toEqual(failure('timed-out'));
    });

    test('a port has one listener; a bad backlog, port or address is invalid', () => {
      const world = makeWorld();
      const listener = value(world.b.tcpListen(world.at('b', 80), 1));
      expect(world.b.tcpListen(world.at('b', 80), 1)).toEqual(failure('address-in-use'));
      const invalid = { error: 'invalid-input' };
      expect(world.b.tcpListen(world.at('b', 81), 0)).toMatchObject(invalid);
      expect(world.b.tcpListen({ address: IPV4_ANY, port: -1 }, 1)).toMatchObject(invalid);
      expect(world.b.tcpListen(world.at('a', 81), 1)).toMatchObject(invalid);
      expect(world.a.tcpConnect({ address: world.address('b'), port: 0 })).toMatchObject(invalid);
      listener.close();
      value(world.b.tcpListen(world.at('b', 80), 1));
    });

    test('a listener that closes resets what nobody accepted; what was accepted lives on', () => {
      const world = makeWorld();
      const { listener, client, server } = connect(world);
      const waiting = value(world.a.tcpConnect(world.at('b', 80)));
      until(world, () => waiting.established());
      world.run(100);
      listener.close();
      listener.close();
      expect(listener.accept()).toEqual(failure('not-connected'));
      fails(world, () => waiting.read(1), 'disconnected');
      until(world, () => client.write(pattern(5)));
      expect(until(world, () => server.read(9))).toEqual(pattern(5));
      const refused = value(world.a.tcpConnect(world.at('b', 80)));
      fails(world, () => refused.established(), 'refused');
    });
  });

  describe(`${backend}: octets`, () => {
    test(
      '16384 octets a write, one more is too large',
      connected((world, { client, server }) => {
        expect(client.write(new Uint8Array(16_385))).toEqual({
          ok: false,
          error: 'invalid-input',
          message: 'tcp write too large',
        });
        expect(bytesEqual(carry(world, { from: client, to: server, bytes: pattern(16_384) }), pattern(16_384))).toBe(true);
        expect(value(client.write(new Uint8Array(0)))).toBe(0);
        expect(server.read(1)).toEqual(blocked());
        expect(server.read(0)).toMatchObject({ error: 'invalid-input' });
      }),
    );

    test(
      'what is written is copied',
      connected((world, { client, server }) => {
        const bytes = pattern(10);
        value(client.write(bytes));
        bytes.fill(0);
        expect(until(world, () => server.read(99))).toEqual(pattern(10));
      }),
    );

    test(
      'a short read takes what it asked for and loses nothing',
      connected((world, { client, server }) => {
        value(client.write(pattern(10)));
        world.run(500);
        expect(value(server.read(3))).toEqual(pattern(10).subarray(0, 3));
        expect(value(server.read(3))).toEqual(pattern(10).subarray(3, 6));
        expect(value(server.read(99))).toEqual(pattern(10).subarray(6));
      }),
    );

    test(
      'a deadline in the past does nothing at all; one that equals now is in time',
      connected((world, { listener, client, server }) => {
        value(client.write(pattern(4)));
        world.run(500);
        const past = { deadline: world.a.now - 1 };
        const calls: ((options: { readonly deadline: Millis }) => SocketResult<unknown>)[] = [
          (options) => server.read(9, options),
          (options) => server.write(pattern(3), options),
          (options) => server.writable(options),
          (options) => server.established(options),
        ];
        for (const call of [...calls, (options: { readonly deadline: Millis }) => listener.accept(options)])
          expect(call(past)).toEqual(failure('timed-out'));
        for (const call of calls) expect(call({ deadline: world.a.now })).toMatchObject({ ok: true });
        expect(until(world, () => client.read(9))).toEqual(pattern(3));
      }),
    );

    test(
      'a writer that nobody reads is told to wait, within a bound, and goes on after a read',
      connected((world, { client, server }) => {
        const bytes = pattern(16_384);
        let taken = 0;
        for (let rounds = 0; rounds < 1_000; rounds++) {
          const wrote = client.write(bytes);
          if (wrote.ok) taken += wrote.value;
          else {
            expect(wrote).toEqual(blocked());
            const before = taken;
            world.run(3_000);
            const again = client.write(bytes);
            if (again.ok) taken += again.value;
            if (taken === before) break;
          }
        }
        expect(taken).toBeGreaterThanOrEqual(16_384);
        expect(taken).toBeLessThan(4 * 1_024 * 1_024);
        expect(client.writable()).toEqual(blocked());
        let got = 0;
        while (got < taken) got += until(world, () => server.read(16_384)).length;
        expect(got).toBe(taken);
        until(world, () => client.writable());
        expect(carry(world, { from: client, to: server, bytes: pattern(50, 7) })).toEqual(pattern(50, 7));
      }),
    );

    test('property: whatever the sizes of writes and reads, both ways, the octets are the same and in order', () => {
      const size = fc.integer({ min: 1, max: 3_000 });
      fc.assert(
        fc.property(fc.nat({ max: 8_000 }), size, size, fc.nat(), (length, piece, readPiece, seed) => {
          const world = makeWorld();
          const { client, server } = connect(world);
          const bytes = pattern(length, seed);
          expect(bytesEqual(carry(world, { from: client, to: server, bytes, piece, readPiece }), bytes)).toBe(true);
          expect(bytesEqual(carry(world, { from: server, to: client, bytes, piece, readPiece }), bytes)).toBe(true);
        }),
        { numRuns: runs(4) },
      );
    });
  });

  describe(`${backend}: ends`, () => {
    test(
      'drain, then the end, again and again',
      connected((world, { client, server }) => {
        writeAll(world, client, pattern(3_000));
        client.close();
        world.run(1_000);
        expect(bytesEqual(readAll(world, server, 700), pattern(3_000))).toBe(true);
        expect(value(server.read(1))).toHaveLength(0);
        expect(value(server.read(1))).toHaveLength(0);
      }),
    );

    test(
      'half: after shutdown the other direction goes on, and ends by itself',
      connected((world, { client, server }) => {
        value(client.shutdown());
        value(client.shutdown());
        expect(client.write(pattern(1))).toEqual(failure('not-connected'));
        expect(client.writable()).toEqual(failure('not-connected'));
        expect(readAll(world, server)).toHaveLength(0);
        expect(bytesEqual(carry(world, { from: server, to: client, bytes: pattern(5_000) }), pattern(5_000))).toBe(true);
        expect(client.read(1)).toEqual(blocked());
        value(server.shutdown());
        expect(readAll(world, client)).toHaveLength(0);
      }),
    );

    test(
      'after close: not connected, whatever the call; twice is harmless',
      connected((_, { client }) => {
        client.close();
        client.close();
        const calls: SocketResult<unknown>[] = [
          client.read(1),
          client.write(pattern(1)),
          client.writable(),
          client.established(),
          client.shutdown(),
        ];
        expect(calls).toEqual(calls.map(() => failure('not-connected')));
        client.abort();
      }),
    );

    test(
      'abort: the peer is disconnected, whatever it does next; what it had not read is gone (RFC 9293 §3.10.7.4)',
      connected((world, { client, server }) => {
        value(client.write(pattern(8)));
        world.run(500);
        expect(value(server.read(5))).toEqual(pattern(8).subarray(0, 5));
        client.abort();
        world.run(500);
        expect(client.read(1)).toEqual(failure('not-connected'));
        expect(server.read(5)).toEqual(failure('disconnected'));
        expect(server.write(pattern(1))).toEqual(failure('disconnected'));
        expect(server.established()).toEqual(failure('disconnected'));
      }),
    );

    test(
      'who writes to a peer that closed learns of it',
      connected((world, { client, server }) => {
        server.close();
        world.run(500);
        const wrote = (stream: TcpStream): SocketResult<unknown> => {
          const result = stream.write(pattern(10));
          if (!result.ok) return result;
          world.run(500);
          return stream.writable().ok ? { ok: false, error: 'would-block', until: NEVER } : stream.writable();
        };
        expect(settled(world, () => wrote(client))).toEqual(failure('disconnected'));
      }),
    );

    test('a connection that ended leaves nothing behind that has to be woken for', () => {
      const world = makeWorld();
      const { listener, client, server } = connect(world);
      value(client.write(pattern(10)));
      expect(until(world, () => server.read(99))).toHaveLength(10);
      client.close();
      expect(readAll(world, server)).toHaveLength(0);
      server.close();
      listener.close();
      world.run(600_000);
      expect(world.b.nextWake()).toBe(NEVER);
    });
  });
}
