import { ipv4, MAC_BROADCAST, parseMac, parsePrefix, SECOND, SeededEntropy, UsageError } from '@nexus-net/sansio';
import { ADDRESS_PLAN, ARP_REPLY, dissect, encodeArp, encodeDns, encodeEthernet, encodeUdpFrame } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { Gateway, type GatewayConfig, type GatewayEvent, summarizeFrame } from '../src/index.js';
import { queryOf } from './support/dns.js';
import { drain, MAC_A } from './support/frames.js';
import { DNS, GATEWAY, GUEST } from './support/host.js';
import { network } from './support/network.js';
import { attachNode } from './support/node.js';
import { Resolver } from './support/resolver.js';

const gatewayOf = (config: Omit<GatewayConfig, 'entropy'> = {}): Gateway =>
  new Gateway({ entropy: new SeededEntropy('gateway'), ...config });
const sent = (gateway: Gateway): string[] => drain(() => gateway.pollTransmit()).map((frame) => summarizeFrame(dissect(frame)));

/** A DNS query of the guest, to any address. */
function queryFrame(gateway: Gateway, destination = DNS, link = gateway.mac): Uint8Array {
  return encodeUdpFrame({
    link: { source: MAC_A, destination: link },
    datagram: {
      source: { address: GUEST, port: 4_000 },
      destination: { address: destination, port: 53 },
      payload: encodeDns(queryOf('a.test')),
    },
  });
}

describe('by default it is the gateway of the address plan', () => {
  test('two addresses, announced at its start', () => {
    const gateway = gatewayOf();
    expect([gateway.mac, gateway.address]).toEqual([ADDRESS_PLAN.smoke.gatewayMac, ADDRESS_PLAN.smoke.gateway]);
    gateway.start(0);
    gateway.start(1);
    expect(sent(gateway)).toEqual(['ARP announce 10.0.2.2', 'ARP announce 10.0.2.3']);
    expect(gateway.inspect().host.addresses.map(({ address }) => address)).toEqual(['10.0.2.2', '10.0.2.3']);
  });

  test('a lease names it as router and its second address as name server', () => {
    const sim = network(1);
    const { events } = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: SECOND });
    expect(events.find(({ type }) => type === 'dhcp-bound')).toMatchObject({
      lease: { address: GUEST, prefixLength: 24, server: GATEWAY, routers: [GATEWAY], dnsServers: [DNS] },
    });
    expect(sim.lan.gateway?.dhcp?.inspect()).toBeDefined();
  });
});

describe('what can be different', () => {
  test('addresses, network and pool', () => {
    const network10 = parsePrefix('10.7.0.0/16');
    const gateway = {
      address: ipv4(10, 7, 0, 1),
      dnsAddress: 'none',
      network: network10,
      mac: parseMac('02:00:00:00:00:01'),
      dhcp: { pool: { first: ipv4(10, 7, 1, 1), last: ipv4(10, 7, 1, 9) } },
    } as const;
    const sim = network(1, { gateway });
    const { events } = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: SECOND });
    expect(events.find(({ type }) => type === 'dhcp-bound')).toMatchObject({
      lease: { address: ipv4(10, 7, 1, 1), prefixLength: 16, routers: [ipv4(10, 7, 0, 1)], dnsServers: [ipv4(10, 7, 0, 1)] },
    });
  });

  test('without DNS its port is closed, and a client is told so', () => {
    const sim = network(1, { gateway: { dns: 'off', dhcp: 'off' } });
    const node = attachNode(sim, { port: 'a', mac: MAC_A, policy: { type: 'static', address: GUEST, prefixLength: 24 } });
    const resolver = new Resolver(sim, node);
    sim.at(SECOND, () => resolver.ask('a.test'));
    sim.run({ until: 2 * SECOND });
    expect(node.events).toContainEqual({
      type: 'host',
      event: expect.objectContaining({ type: 'datagram-unreachable', destination: { address: DNS, port: 53 }, code: 3 }),
    });
    expect(sim.lan.inspect().gateway).not.toHaveProperty('dns');
    expect(sim.lan.inspect().gateway).not.toHaveProperty('dhcp');
  });

  test.each<[string, Omit<GatewayConfig, 'entropy'>]>([
    ['10.0.3.2', { address: ipv4(10, 0, 3, 2) }],
    ['10.0.2.255', { dnsAddress: ipv4(10, 0, 2, 255) }],
    ['pool', { dhcp: { pool: { first: GATEWAY, last: GUEST } } }],
    ['countMax', { eventCountMax: 0 }],
  ])('a bad configuration is refused: %s', (name, config) => {
    expect(() => gatewayOf(config)).toThrow(UsageError);
    expect(() => gatewayOf(config)).toThrow(name);
  });
});

/** The guest claims its own address. */
function announcement(address = GUEST): Uint8Array {
  const arp = { operation: ARP_REPLY, senderMac: MAC_A, senderIp: address, targetMac: MAC_BROADCAST, targetIp: address };
  return encodeEthernet({ destination: MAC_BROADCAST, source: MAC_A, etherType: 0x0806, payload: encodeArp(arp) });
}

test('a guest that takes its address is told of and answered; the gateway stays', () => {
  const gateway = gatewayOf();
  gateway.start(0);
  for (let at = 10; at < 13; at++) gateway.handleFrame(at * SECOND, announcement(GATEWAY));
  const events: GatewayEvent[] = drain(() => gateway.pollEvent());
  expect(events.length).toBeGreaterThan(0);
  for (const event of events)
    expect(event).toMatchObject({ type: 'host', event: { type: 'conflict', address: GATEWAY, claimant: MAC_A } });
  expect(gateway.inspect().host.addresses).toHaveLength(2);
});

test('a reply that cannot leave is counted: a query to everybody has no address to be answered from', () => {
  const gateway = gatewayOf();
  gateway.start(0);
  gateway.handleFrame(10, queryFrame(gateway, ipv4(10, 0, 2, 255), MAC_BROADCAST));
  expect(gateway.inspect()).toMatchObject({ dns: { answered: 1 }, unsent: { 'no-address': 1 } });
});

test('events that nobody takes are bounded and counted', () => {
  const gateway = gatewayOf({ eventCountMax: 1 });
  for (let i = 0; i < 3; i++) gateway.handleFrame(i, queryFrame(gateway));
  expect(gateway.inspect().eventsDropped).toBe(2);
});
