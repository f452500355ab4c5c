import {
  bytesEqual,
  IPV4_ANY,
  type Ipv4Address,
  ipv4,
  type MacAddress,
  type Millis,
  SeededEntropy,
  uniform,
} from '@nexus-net/sansio';
import { encodeIpv4, IP_PROTOCOL } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { Host, type HostEvent } from '../src/index.js';
import { arp, icmp } from './support/frames.js';
import { drainEvents, drainFrames, OUR_IP, ourHost, PEER_IP } from './support/wire.js';
import { type Cable, World } from './support/world.js';

function hostAt(n: number): Host {
  const host = new Host({ mac: (0x020000000010 + n) as MacAddress, entropy: new SeededEntropy(`host ${n}`) });
  host.configure(0, { address: ipv4(10, 1, 0, n), prefixLength: 24 });
  return host;
}

describe('fault/L13 a link that holds few packets', () => {
  /** One packet a millisecond leaves each end; of those that wait, `countMax` fit. */
  function queue(countMax: number): { readonly cable: Cable; readonly lost: () => number } {
    const freeAt = new Map<string, Millis>();
    let lost = 0;
    const cable: Cable = ({ at, from }) => {
      const start = Math.max(at, freeAt.get(from) ?? 0);
      if (start - at >= countMax) {
        lost++;
        return undefined;
      }
      freeAt.set(from, start + 1);
      return [start + 1 - at];
    };
    return { cable, lost: () => lost };
  }

  test.each([2, 5, 20])(
    'of %i: datagrams whose fragments all fit arrive exactly; the others do not, and nothing of them stays',
    (countMax) => {
      const [a, b] = [hostAt(1), hostAt(2)];
      const { cable, lost } = queue(countMax);
      const world = new World({ a, b }, cable);
      b.bindUdp({ port: 9 });
      world.run(5_000);
      a.ping(5_000, { destination: ipv4(10, 1, 0, 2) }); // ARP is out of the way
      world.run(6_000);
      const whole = Uint8Array.from({ length: 1_480 * countMax - 8 }, (_, i) => i & 0xff);
      const send = (now: Millis, payload: Uint8Array): void => {
        const source = { address: IPV4_ANY, port: 9 };
        expect(a.sendUdp(now, { datagram: { source, destination: { address: ipv4(10, 1, 0, 2), port: 9 }, payload } })).toBe(
          'sent',
        );
      };
      world.run(7_000, (now) => send(now, whole));
      world.run(8_000, (now) => send(now, new Uint8Array(1_480 * (countMax + 1) - 8)));
      world.run(60_000);
      const received = world.events.filter(({ who }) => who === 'b').map(({ event }) => event as HostEvent);
      const payloads = received.flatMap((event) => (event.type === 'datagram' ? [event.datagram.payload] : []));
      expect(payloads.length).toBe(1);
      expect(bytesEqual(payloads[0] as Uint8Array, whole)).toBe(true);
      expect(lost()).toBe(1);
      expect(b.inspect().reassembly).toMatchObject({ datagrams: 0, octets: 0, expired: 1 });
    },
  );
});

test.each([1, 2, 3])(
  'fault/L11 links stop one by one and are freed in a random order (seed %i): every host reaches every other again',
  (seed) => {
    const entropy = new SeededEntropy(seed);
    const hosts = { a: hostAt(1), b: hostAt(2), c: hostAt(3), d: hostAt(4) };
    const names = Object.keys(hosts) as (keyof typeof hosts)[];
    const stopped = new Set<string>();
    const world = new World(hosts, ({ from }) => (stopped.has(from) ? undefined : [1]));
    const askAll = (now: Millis): number => {
      let asked = 0;
      for (const from of names)
        for (const [i, to] of names.entries()) {
          if (from === to) continue;
          hosts[from].ping(now, { destination: ipv4(10, 1, 0, i + 1), timeoutMs: 4_000 });
          asked++;
        }
      return asked;
    };
    world.run(5_000);
    for (const name of names) {
      stopped.add(name);
      world.run(world.now + uniform(entropy, { low: 500, high: 3_000 }), askAll);
    }
    for (const left = [...names]; left.length > 0; ) {
      const [freed] = left.splice(uniform(entropy, { low: 0, high: left.length - 1 }), 1);
      stopped.delete(freed as string);
      world.run(world.now + uniform(entropy, { low: 500, high: 3_000 }), askAll);
    }
    world.run(world.now + 10_000); // whatever was asked before has ended
    const since = world.events.length;
    const asked = askAll(world.now);
    world.run(world.now + 4_000);
    const after = world.events.slice(since).map(({ event }) => (event as HostEvent).type);
    expect(after.filter((type) => type === 'ping-reply')).toHaveLength(asked);
    expect(after).not.toContain('ping-timeout');
    for (const name of names) expect(hosts[name].inspect()).toMatchObject({ pings: [], neighbours: { resolving: [] } });
  },
);

describe('fault/A23 a hard ICMP error about an established connection', () => {
  const quoted = (source: Ipv4Address, sequence: number, ports: readonly [number, number]): Uint8Array => {
    const payload = Uint8Array.of(
      ports[0] >>> 8,
      ports[0] & 255,
      ports[1] >>> 8,
      ports[1] & 255,
      sequence >>> 24,
      sequence >>> 16,
      sequence >>> 8,
      sequence,
    );
    return encodeIpv4({ protocol: IP_PROTOCOL.tcp, source, destination: PEER_IP, payload });
  };

  test.each([
    ['protocol unreachable', 2],
    ['port unreachable', 3],
  ])('%s in the window is a soft error: the connection stays', (_, code) => {
    const ours = ourHost();
    const world = new World({ ours, peer: peerHostWithListener() });
    world.run(3_000);
    const connection = ours.tcp.connect(3_000, { remote: { address: PEER_IP, port: 80 } });
    if (typeof connection === 'string') throw new Error(connection);
    world.run(4_000);
    expect(connection.state).toBe('ESTABLISHED');
    ours.handleFrame(4_000, arp());
    connection.send(4_000, Uint8Array.of(1, 2, 3));
    drainFrames(ours);
    const { una } = connection.inspect().send;
    const original = quoted(OUR_IP, una, [connection.local.port, 80]);
    ours.handleFrame(4_001, icmp({ type: 'destination-unreachable', code, nextHopMtu: 0, original }));
    expect(connection.state).toBe('ESTABLISHED');
    expect(drainEvents(ours).filter(({ type }) => type === 'tcp-closed')).toEqual([]);
  });
});

function peerHostWithListener(): Host {
  const peer = new Host({ mac: 0x020000000002 as MacAddress, entropy: new SeededEntropy('peer') });
  peer.configure(0, { address: PEER_IP, prefixLength: 24 });
  peer.tcp.listen(0, { port: 80 });
  return peer;
}
