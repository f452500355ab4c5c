import { ipv4, MAC_BROADCAST, parseMac, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { CONFLICT_TIMING, HOST_LIMITS, Host, type HostOptions } from '../src/index.js';
import { bareHost, drainFrames, OUR_IP, ourHost, PEER_IP, ROUTER_IP } from './support/wire.js';

function build(options: Partial<HostOptions>): () => Host {
  return () => new Host({ mac: parseMac('02:00:00:00:00:01'), entropy: new SeededEntropy(1), ...options });
}

describe('the constructor refuses', () => {
  test.each(Object.keys(HOST_LIMITS))('%s of 0, of a fraction, of NaN', (name) => {
    for (const value of [0, 1.5, Number.NaN]) expect(build({ [name]: value })).toThrow(`${name} is a positive integer`);
  });

  test.each(Object.keys(CONFLICT_TIMING))('%s below 0', (name) => {
    expect(build({ conflictTiming: { [name]: -1 } })).toThrow(name);
  });

  test.each([
    ['a group MAC', { mac: MAC_BROADCAST }, 'one station'],
    ['an MTU below 68', { mtu: 67 }, 'mtu is 68..65535'],
    ['an MTU above 65535', { mtu: 65_536 }, 'mtu is 68..65535'],
    ['a hold time above the age', { neighbourHoldMs: 60_001 }, 'neighbourHoldMs'],
    ['PROBE_MIN above PROBE_MAX', { conflictTiming: { probeMinMs: 3_000 } }, 'probeMinMs'],
  ] as [string, Partial<HostOptions>, string][])('%s', (_, options, message) => {
    expect(build(options)).toThrow(message);
  });
});

describe('configure', () => {
  test.each([
    ['a multicast address', { address: ipv4(224, 0, 0, 1), prefixLength: 24 }],
    ['a loopback address', { address: ipv4(127, 0, 0, 1), prefixLength: 8 }],
    ['0.0.0.0', { address: ipv4(0, 0, 0, 0), prefixLength: 24 }],
    ['the number of the network', { address: ipv4(10, 1, 0, 0), prefixLength: 24 }],
    ['the broadcast address', { address: ipv4(10, 1, 0, 255), prefixLength: 24 }],
    ['a prefix of 0 bits', { address: OUR_IP, prefixLength: 0 }],
    ['a prefix of 33 bits', { address: OUR_IP, prefixLength: 33 }],
    ['a gateway off the link', { address: OUR_IP, prefixLength: 24, gateway: ipv4(10, 2, 0, 1) }],
    ['itself as gateway', { address: OUR_IP, prefixLength: 24, gateway: OUR_IP }],
  ])('refuses %s, and changes nothing', (_, config) => {
    const host = ourHost();
    expect(() => host.configure(5_000, config)).toThrow();
    expect(host.inspect().addresses).toEqual([{ address: '10.1.0.1', network: '10.1.0.0/24' }]);
    expect(drainFrames(host)).toEqual([]);
  });

  test('replaces all addresses; addAddress adds one; removeAddress takes one', () => {
    const host = ourHost();
    host.addAddress(5_000, { address: PEER_IP, prefixLength: 24 });
    expect([host.owns(OUR_IP), host.owns(PEER_IP)]).toEqual([true, true]);
    host.removeAddress(5_000, OUR_IP);
    expect(host.address).toBe(PEER_IP);
    host.configure(5_000, { address: OUR_IP, prefixLength: 24, gateway: ROUTER_IP });
    expect([host.owns(OUR_IP), host.owns(PEER_IP), host.gateway]).toEqual([true, false, ROUTER_IP]);
    host.removeAddress(5_000, OUR_IP);
    expect([host.address, host.gateway]).toEqual([undefined, undefined]);
  });

  test('addresses are bounded', () => {
    const host = ourHost({ addressCountMax: 1 });
    expect(() => host.addAddress(5_000, { address: PEER_IP, prefixLength: 24 })).toThrow('addressCountMax');
  });

  test('a /31 has two hosts and no broadcast address (RFC 3021)', () => {
    const host = bareHost();
    host.configure(0, { address: ipv4(10, 1, 0, 0), prefixLength: 31, gateway: OUR_IP });
    drainFrames(host);
    host.ping(0, { destination: OUR_IP });
    expect(host.inspect().neighbours.resolving).toMatchObject([{ address: '10.1.0.1' }]);
  });

  test('deconfigure forgets neighbours and timers, and keeps endpoints', () => {
    const host = ourHost();
    host.bindUdp({ port: 7 });
    host.ping(5_000, { destination: PEER_IP, timeoutMs: 100 });
    host.deconfigure(5_000);
    host.handleTimeout(5_100);
    expect(host.inspect()).toMatchObject({ addresses: [], neighbours: { resolving: [] }, udp: [{ local: '0.0.0.0:7' }] });
    expect(host.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('time', () => {
  test('fault/L15 a clock that goes back keeps the later instant', () => {
    const host = ourHost();
    host.ping(100_000, { destination: PEER_IP, timeoutMs: 1_000 });
    host.handleTimeout(50_000);
    expect(host.nextTimeout()).toBe(101_000);
  });

  test('fault/L16 a clock that stands still re-arms nothing', () => {
    const host = ourHost();
    host.ping(5_000, { destination: PEER_IP });
    drainFrames(host);
    for (let i = 0; i < 10_000; i++) host.handleTimeout(5_000);
    expect(drainFrames(host)).toEqual([]);
    expect(host.nextTimeout()).toBe(6_000);
  });

  test('fault/L17 a call after a long pause does each piece of work once, in order', () => {
    const host = ourHost();
    host.probe(5_000, ipv4(10, 1, 0, 9));
    host.ping(5_000, { destination: PEER_IP, timeoutMs: 60_000 });
    host.ping(5_000, { destination: ROUTER_IP, timeoutMs: 2_000 });
    drainFrames(host);
    host.handleTimeout(3_600_000);
    // One request for each neighbour and one probe, not one for every second missed.
    expect(drainFrames(host)).toHaveLength(3);
    expect(host.nextTimeout()).toBeGreaterThan(3_600_000);
  });

  test('fault/L14 a round trip of weeks', () => {
    const host = ourHost();
    const week = 7 * 24 * 3_600_000;
    host.ping(5_000, { destination: PEER_IP, timeoutMs: 14 * week });
    host.deconfigure(5_000); // ends ARP, so the ping's own deadline is the next
    expect(host.nextTimeout()).toBe(5_000 + 14 * week);
  });
});
