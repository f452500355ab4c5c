import { IPV4_ANY, type Ipv4Address, ipv4 as ip, parsePrefix, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import type { Host } from '../src/index.js';
import { arpReply, dissectAll } from './support/frames.js';
import { drainFrames, OUR_IP, ourHost, PEER_IP, ROUTER_IP, THIRD_MAC } from './support/wire.js';

const T = 10_000;
const ANY = parsePrefix('0.0.0.0/0');

/** Whom the host asks for by ARP when it sends to `destination`; the outcome where it asks nobody. */
function nextHop(host: Host, destination: Ipv4Address, now: number): Ipv4Address | string {
  const datagram = {
    source: { address: IPV4_ANY, port: 7 },
    destination: { address: destination, port: 9 },
    payload: new Uint8Array(1),
  };
  const outcome = host.sendUdp(now, { datagram });
  return dissectAll(drainFrames(host))[0]?.arp?.targetIp ?? outcome;
}

function routed(): Host {
  const host = ourHost();
  host.configure(T, {
    address: OUR_IP,
    prefixLength: 24,
    gateway: ROUTER_IP,
    routes: [
      { prefix: parsePrefix('192.0.2.0/24'), router: PEER_IP },
      { prefix: parsePrefix('192.0.2.128/25'), router: ip(10, 1, 0, 3) },
      { prefix: parsePrefix('198.51.100.0/24'), router: IPV4_ANY },
    ],
  });
  drainFrames(host);
  return host;
}

test.each([
  ['the connected network', ip(10, 1, 0, 77), ip(10, 1, 0, 77)],
  ['a route', ip(192, 0, 2, 1), PEER_IP],
  ['the longest prefix of two', ip(192, 0, 2, 129), ip(10, 1, 0, 3)],
  ['a network on the link without a router', ip(198, 51, 100, 7), ip(198, 51, 100, 7)],
  ['the default route', ip(203, 0, 113, 1), ROUTER_IP],
])('a packet takes %s', (_, destination, hop) => {
  expect(nextHop(routed(), destination, T)).toBe(hop);
});

test('a host of a network that is on the link by a route is a neighbour like any other', () => {
  const host = routed();
  nextHop(host, ip(198, 51, 100, 7), T);
  host.handleFrame(T, arpReply(ip(198, 51, 100, 7), THIRD_MAC));
  expect(dissectAll(drainFrames(host))).toMatchObject([
    { ethernet: { destination: THIRD_MAC }, ipv4: { source: OUR_IP, destination: ip(198, 51, 100, 7) } },
  ]);
});

describe('changing routes', () => {
  test('one is added, replaced and removed', () => {
    const host = routed();
    const prefix = parsePrefix('192.0.2.0/24');
    host.removeRoute(T, prefix);
    expect(nextHop(host, ip(192, 0, 2, 1), T)).toBe(ROUTER_IP);
    host.addRoute(T, { prefix, router: ip(10, 1, 0, 4) });
    host.addRoute(T, { prefix, router: ip(10, 1, 0, 5) });
    expect(nextHop(host, ip(192, 0, 2, 1), T)).toBe(ip(10, 1, 0, 5));
    host.removeRoute(T, ANY);
    expect(host.gateway).toBeUndefined();
    expect(nextHop(host, ip(203, 0, 113, 1), T)).toBe('no-route');
  });

  test('configure replaces them all; without its network a route goes', () => {
    const host = routed();
    host.configure(T, { address: OUR_IP, prefixLength: 24 });
    expect(host.inspect().routes).toEqual([]);
    host.addAddress(T, { address: ip(10, 2, 0, 1), prefixLength: 24 });
    host.addRoute(T, { prefix: ANY, router: ip(10, 2, 0, 254) });
    host.removeAddress(T, ip(10, 2, 0, 1));
    expect(host.inspect()).not.toHaveProperty('gateway');
  });

  test('inspect shows them, the longest prefix first', () => {
    expect(routed().inspect().routes).toEqual([
      { destination: '192.0.2.128/25', router: '10.1.0.3' },
      { destination: '192.0.2.0/24', router: '10.1.0.2' },
      { destination: '198.51.100.0/24', router: '0.0.0.0' },
      { destination: '0.0.0.0/0', router: '10.1.0.254' },
    ]);
  });

  test.each([
    ['a router off the link', { prefix: ANY, router: ip(192, 0, 2, 1) }],
    ['ourselves as the router', { prefix: ANY, router: OUR_IP }],
    ['the broadcast address as the router', { prefix: ANY, router: ip(10, 1, 0, 255) }],
  ])('%s is refused, and nothing has changed', (_, route) => {
    const host = routed();
    const before = host.inspect().routes;
    expect(() => host.addRoute(T, route)).toThrow(UsageError);
    expect(() =>
      host.configure(T, { address: PEER_IP, prefixLength: 24, routes: [route, { prefix: ANY, router: ip(192, 0, 2, 1) }] }),
    ).toThrow(UsageError);
    expect(host.inspect().routes).toEqual(before);
  });

  test('they are bounded', () => {
    const host = ourHost({ routeCountMax: 2 });
    for (const n of [0, 1]) host.addRoute(T, { prefix: parsePrefix(`192.0.${n}.0/24`), router: PEER_IP });
    expect(() => host.addRoute(T, { prefix: ANY, router: PEER_IP })).toThrow('routeCountMax is reached');
  });
});
