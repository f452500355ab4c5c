import { type Ipv4Address, ipv4 as ip } from '@nexus-net/sansio';
import { encodeIpv4, encodeUdp, IP_PROTOCOL } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import type { Host, HostOptions, UdpSocketId } from '../src/index.js';
import { PathMtuCache } from '../src/ipv4/path-mtu.js';
import { arp, dissectAll, icmp } from './support/frames.js';
import { drainEvents, drainFrames, OUR_IP, ourHost, PEER_IP, ROUTER_IP } from './support/wire.js';

const T = 10_000;
const FAR = ip(192, 0, 2, 9);

/** A host whose way out is the peer. */
function host(options: Partial<HostOptions> = {}): { readonly ours: Host; readonly socket: UdpSocketId } {
  const ours = ourHost(options);
  ours.configure(T, { address: OUR_IP, prefixLength: 24, gateway: PEER_IP });
  const socket = ours.bindUdp({ port: 7 });
  ours.handleFrame(T, arp());
  drainFrames(ours);
  return { ours, socket };
}

function send(ours: Host, length: number, destination: Ipv4Address = FAR, now: number = T): number[] {
  const datagram = {
    source: { address: OUR_IP, port: 7 },
    destination: { address: destination, port: 9 },
    payload: new Uint8Array(length),
  };
  ours.sendUdp(now, { datagram });
  return drainFrames(ours).map((frame) => frame.length - 14);
}

/** A router says that a datagram of ours, by default of 1500 octets to FAR, did not fit. */
function tooBig(nextHopMtu: number, { destination = FAR, port = 9, dontFragment = true, length = 1_472 } = {}): Uint8Array {
  const ends = { source: OUR_IP, destination };
  const payload = encodeUdp({ sourcePort: 7, destinationPort: port, payload: new Uint8Array(length) }, ends);
  const original = encodeIpv4({ ...ends, protocol: IP_PROTOCOL.udp, dontFragment, payload }).subarray(0, 28);
  return icmp({ type: 'destination-unreachable', code: 4, nextHopMtu, original }, { source: PEER_IP });
}

describe('what a router says (RFC 1191)', () => {
  test('the next datagrams are cut to it, and the user is told', () => {
    const { ours } = host();
    expect(send(ours, 1_472)).toEqual([1_500]);
    ours.handleFrame(T, tooBig(1_400));
    expect(drainEvents(ours)).toContainEqual({ type: 'path-mtu', destination: FAR, mtu: 1_400 });
    expect(ours.pathMtu(T, FAR)).toBe(1_400);
    expect(send(ours, 1_472)).toEqual([1_396, 124]);
    expect(send(ours, 1_472, ip(192, 0, 2, 10))).toEqual([1_500]); // another path
    expect(ours.inspect().paths).toEqual([{ destination: '192.0.2.9', mtu: 1_400 }]);
  });

  test('a router older than RFC 1191 says 0: the next plateau below what did not fit', () => {
    const { ours } = host();
    send(ours, 1_472);
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) {
      ours.handleFrame(T, tooBig(0));
      seen.push(ours.pathMtu(T, FAR));
    }
    expect(seen).toEqual([1_492, 1_280, 1_006, 552, 552, 552]);
  });

  test('it is forgotten after ten minutes, and the path tried anew', () => {
    const { ours } = host();
    send(ours, 1_472);
    ours.handleFrame(T, tooBig(1_400));
    expect(ours.pathMtu(T + 599_999, FAR)).toBe(1_400);
    expect(ours.pathMtu(T + 600_000, FAR)).toBe(1_500);
  });

  test('as many destinations as pathCountMax are remembered; the one learnt first makes room', () => {
    const { ours } = host({ pathCountMax: 2 });
    for (const n of [1, 2, 3]) {
      const destination = ip(192, 0, 2, n);
      send(ours, 1_472, destination);
      ours.handleFrame(T, tooBig(1_400, { destination }));
    }
    expect(ours.inspect().paths.map(({ destination }) => destination)).toEqual(['192.0.2.2', '192.0.2.3']);
  });

  test('without an address nothing is known of paths', () => {
    const { ours } = host();
    send(ours, 1_472);
    ours.handleFrame(T, tooBig(1_400));
    ours.deconfigure(T);
    expect(ours.inspect().paths).toEqual([]);
  });
});

describe('fault/A24 fragmentation needed', () => {
  test.each([
    ['0', 0, 1_492],
    ['68: the floor', 68, 552],
    ['1: the floor', 1, 552],
    ['551: the floor', 551, 552],
    ['552', 552, 552],
    ['1500: not lower', 1_500, 1_500],
    ['larger than the current one', 9_000, 1_500],
  ])('with a next hop of %s', (_, nextHopMtu, mtu) => {
    const { ours } = host();
    send(ours, 1_472);
    ours.handleFrame(T, tooBig(nextHopMtu));
    expect(ours.pathMtu(T, FAR)).toBe(mtu);
  });

  test('it is never raised by a later report', () => {
    const { ours } = host();
    send(ours, 1_472);
    for (const mtu of [1_000, 1_400, 1_500]) ours.handleFrame(T, tooBig(mtu));
    expect(ours.pathMtu(T, FAR)).toBe(1_000);
    expect(drainEvents(ours).filter(({ type }) => type === 'path-mtu')).toHaveLength(1);
  });

  test('a path that takes less than the floor gets packets of the floor without DF, so that routers cut them', () => {
    const { ours } = host();
    send(ours, 1_472);
    ours.handleFrame(T, tooBig(296));
    const datagram = {
      source: { address: OUR_IP, port: 7 },
      destination: { address: FAR, port: 9 },
      payload: new Uint8Array(500),
    };
    ours.sendUdp(T, { datagram });
    expect(dissectAll(drainFrames(ours))).toMatchObject([{ ipv4: { dontFragment: false, moreFragments: false } }]);
  });

  test.each([
    ['a datagram that we did not send', { port: 10 }],
    ['a destination that we did not send to', { destination: ROUTER_IP }],
    ['a packet that routers may cut', { dontFragment: false }],
  ])('about %s: ignored', (_, about) => {
    const { ours } = host();
    send(ours, 1_472);
    ours.handleFrame(T, tooBig(600, about));
    expect(ours.pathMtu(T, FAR)).toBe(1_500);
    expect(ours.inspect().drops).toEqual({ 'icmp-foreign-quote': 1 });
  });

  test('a ping that does not fit ends, and the next one is cut', () => {
    const { ours } = host();
    const id = ours.ping(T, { destination: FAR, identifier: 1, sequence: 2, payload: new Uint8Array(1_472) });
    const original = drainFrames(ours)[0]?.slice(14, 42) ?? new Uint8Array(0);
    ours.handleFrame(T, icmp({ type: 'destination-unreachable', code: 4, nextHopMtu: 1_000, original }));
    expect(drainEvents(ours)).toContainEqual({ type: 'ping-failed', id, destination: FAR, reason: 'too-big' });
    ours.ping(T, { destination: FAR, payload: new Uint8Array(1_472) });
    expect(drainFrames(ours)).toHaveLength(2);
  });
});

describe('a path that swallows large packets without a word (RFC 2923 §2.1)', () => {
  const options = { linkMtu: 1_500, countMax: 4, ageMs: 600_000, floor: 552 };

  test('is stepped down plateau by plateau, to the floor and no further, which goes without DF', () => {
    const paths = new PathMtuCache(options);
    expect([1, 2, 3, 4, 5, 6].map(() => paths.suspect(T, FAR, paths.mtuOf(T, FAR)))).toEqual([
      1_492, 1_280, 1_006, 552, 552, 552,
    ]);
    expect(paths.discovers(T, FAR)).toBe(false);
  });

  test('a packet smaller than the path is known to take steps below its own size', () => {
    const paths = new PathMtuCache(options);
    expect(paths.suspect(T, FAR, 1_200)).toBe(1_006);
    expect(paths.discovers(T, FAR)).toBe(true);
  });

  test('a link smaller than the floor is its own floor', () => {
    const paths = new PathMtuCache({ ...options, linkMtu: 300 });
    expect(paths.report(T, FAR, { reported: 100, quotedLength: 300 })).toBeUndefined();
    expect(paths.suspect(T, FAR, 300)).toBe(300);
  });

  test('the link may turn out to take less', () => {
    const paths = new PathMtuCache(options);
    paths.setLinkMtu(1_400);
    expect(paths.mtuOf(T, FAR)).toBe(1_400);
    paths.setLinkMtu(9_000);
    expect(paths.mtuOf(T, FAR)).toBe(1_500);
  });
});

test('fault/L18 the MTU of a path shrinks in mid-flow from 1500 to 576: what follows arrives', () => {
  const { ours } = host();
  let arrived = 0;
  let lost = 0;
  for (let i = 0; i < 10; i++) {
    const datagram = {
      source: { address: OUR_IP, port: 7 },
      destination: { address: FAR, port: 9 },
      payload: new Uint8Array(1_472),
    };
    ours.sendUdp(T + i, { datagram });
    for (const frame of drainFrames(ours)) {
      const fits = frame.length - 14 <= (i < 3 ? 1_500 : 576);
      if (fits) arrived += frame.length - 34;
      else {
        lost++;
        const original = frame.slice(14, 42);
        ours.handleFrame(
          T + i,
          icmp({ type: 'destination-unreachable', code: 4, nextHopMtu: 576, original }, { source: PEER_IP }),
        );
      }
    }
  }
  expect([lost, arrived]).toEqual([1, 9 * 1_480]);
});
