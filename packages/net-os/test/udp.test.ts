import { IPV4_ANY, IPV4_BROADCAST, ipv4 as ip, MAC_BROADCAST } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import type { Host, HostEvent } from '../src/index.js';
import { arp, dissectAll, frame, udp } from './support/frames.js';
import { bareHost, drainEvents, drainFrames, OUR_IP, ourHost, PEER_IP, PEER_MAC, THIRD_MAC } from './support/wire.js';

const T = 10_000;
const TO_PEER = {
  source: { address: IPV4_ANY, port: 7 },
  destination: { address: PEER_IP, port: 9 },
  payload: Uint8Array.of(1),
};
const DISCOVER = {
  source: { address: IPV4_ANY, port: 68 },
  destination: { address: IPV4_BROADCAST, port: 67 },
  payload: Uint8Array.of(1),
};

function host(): Host {
  const ours = ourHost();
  ours.handleFrame(T, arp());
  drainFrames(ours);
  return ours;
}

function receivers(events: readonly HostEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'datagram' ? [event.socket] : []));
}

describe('binding', () => {
  test('a datagram comes whole, with both ends and the MAC of its sender, as a copy', () => {
    const ours = host();
    const socket = ours.bindUdp({ port: 7 });
    const bytes = udp();
    ours.handleFrame(T, bytes);
    bytes.fill(0);
    expect(drainEvents(ours)).toEqual([
      {
        type: 'datagram',
        socket,
        linkSource: PEER_MAC,
        datagram: {
          source: { address: PEER_IP, port: 4_000 },
          destination: { address: OUR_IP, port: 7 },
          payload: Uint8Array.of(1, 2, 3),
        },
      },
    ]);
  });

  test('a port has one owner for each address, and the exact address wins', () => {
    const ours = host();
    ours.addAddress(T, { address: ip(10, 1, 0, 3), prefixLength: 24 });
    const general = ours.bindUdp({ port: 7 });
    const exact = ours.bindUdp({ port: 7, address: ip(10, 1, 0, 3) });
    expect(() => ours.bindUdp({ port: 7 })).toThrow('UDP port 7 is taken');
    ours.handleFrame(T, udp());
    ours.handleFrame(T, udp({ destination: ip(10, 1, 0, 3) }));
    ours.handleFrame(T, udp({ destination: IPV4_BROADCAST, link: MAC_BROADCAST }));
    ours.handleFrame(T, udp({ destination: ip(10, 1, 0, 255), link: MAC_BROADCAST }));
    expect(receivers(drainEvents(ours))).toEqual([general, exact, general, general]);
    ours.closeUdp(general);
    expect(() => ours.closeUdp(general)).toThrow('not bound');
    ours.handleFrame(T, udp());
    expect(ours.inspect().drops).toEqual({ 'udp-port-closed': 1 });
  });

  test('port 0 is a free one of the dynamic range', () => {
    const ours = host();
    const ports = Array.from({ length: 50 }, () => ours.udpPort(ours.bindUdp({ port: 0 })) ?? 0);
    expect(new Set(ports).size).toBe(50);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49_152);
    expect(Math.max(...ports)).toBeLessThanOrEqual(65_535);
  });

  test('the table is bounded', () => {
    const ours = ourHost({ udpSocketCountMax: 2 });
    ours.bindUdp({ port: 0 });
    ours.bindUdp({ port: 0 });
    expect(() => ours.bindUdp({ port: 0 })).toThrow('udpSocketCountMax is reached');
  });
});

describe('fault/A27 fault/A28 what is no datagram', () => {
  test('a checksum of 0 was not computed and is accepted', () => {
    const ours = host();
    ours.bindUdp({ port: 7 });
    const bytes = udp();
    bytes.fill(0, 14 + 20 + 6, 14 + 20 + 8);
    ours.handleFrame(T, bytes);
    expect(drainEvents(ours)).toHaveLength(1);
  });

  test('source port 0 is dropped without an answer', () => {
    const ours = host();
    ours.handleFrame(T, udp({ sourcePort: 0 }));
    expect(ours.inspect().drops).toEqual({ 'udp-port-zero': 1 });
    expect(drainFrames(ours)).toEqual([]);
  });
});

describe('before an address is configured (RFC 2131 §4.1)', () => {
  const offered = ip(10, 1, 0, 50);

  test('a frame to our MAC reaches port 68 whatever its IP destination, as does a broadcast one; no other port', () => {
    const ours = bareHost();
    const client = ours.bindUdp({ port: 68 });
    ours.bindUdp({ port: 7 });
    ours.handleFrame(T, udp({ port: 68, sourcePort: 67, destination: offered }));
    ours.handleFrame(T, udp({ port: 7, destination: offered }));
    ours.handleFrame(T, udp({ port: 68, sourcePort: 67, destination: IPV4_BROADCAST, link: MAC_BROADCAST }));
    ours.handleFrame(T, udp({ port: 68, sourcePort: 67, destination: offered, link: MAC_BROADCAST }));
    expect(receivers(drainEvents(ours))).toEqual([client, client, client]);
    expect(ours.inspect().drops).toEqual({ 'ipv4-not-for-us': 1 });
  });

  test('with an address, a broadcast frame around somebody else’s address is not ours', () => {
    const ours = ourHost();
    ours.bindUdp({ port: 68 });
    ours.handleFrame(T, udp({ port: 68, sourcePort: 67, destination: offered, link: MAC_BROADCAST }));
    expect(receivers(drainEvents(ours))).toEqual([]);
    expect(ours.inspect().drops).toEqual({ 'ipv4-not-for-us': 1 });
  });

  test('nobody listens on 68: silence', () => {
    const ours = bareHost();
    ours.handleFrame(T, udp({ port: 68, sourcePort: 67, destination: offered }));
    expect(drainFrames(ours)).toEqual([]);
  });

  test('a DISCOVER leaves from 0.0.0.0 as a broadcast; nothing else leaves at all', () => {
    const ours = bareHost();
    expect(ours.sendUdp(T, { datagram: DISCOVER })).toBe('sent');
    expect(dissectAll(drainFrames(ours))).toMatchObject([
      { ethernet: { destination: MAC_BROADCAST }, ipv4: { source: IPV4_ANY, destination: IPV4_BROADCAST } },
    ]);
    expect(ours.sendUdp(T, { datagram: TO_PEER })).toBe('no-address');
    expect(ours.sendUdp(T, { datagram: TO_PEER, linkDestination: PEER_MAC })).toBe('no-address');
    expect(drainFrames(ours)).toEqual([]);
  });

  test('a server hears a client that has no address: from 68 to 67 only', () => {
    const ours = host();
    ours.bindUdp({ port: 67 });
    ours.bindUdp({ port: 7 });
    const from = { source: IPV4_ANY, destination: IPV4_BROADCAST, link: MAC_BROADCAST };
    ours.handleFrame(T, udp({ ...from, sourcePort: 68, port: 67 }));
    ours.handleFrame(T, udp({ ...from, sourcePort: 68, port: 7 }));
    expect(drainEvents(ours)).toHaveLength(1);
    expect(ours.inspect().drops).toEqual({ 'ipv4-bad-source': 1 });
  });
});

describe('sending', () => {
  test('a source of 0.0.0.0 becomes the address that fits', () => {
    const ours = host();
    expect(ours.sendUdp(T, { datagram: TO_PEER })).toBe('sent');
    expect(dissectAll(drainFrames(ours))).toMatchObject([{ ipv4: { source: OUR_IP }, udp: { sourcePort: 7 } }]);
  });

  test('with an address of its own a DHCP client may still say 0.0.0.0', () => {
    const ours = host();
    ours.sendUdp(T, { datagram: DISCOVER });
    expect(dissectAll(drainFrames(ours))).toMatchObject([{ ipv4: { source: IPV4_ANY } }]);
  });

  test('to a given MAC there is no ARP', () => {
    const ours = ourHost();
    const datagram = {
      ...TO_PEER,
      source: { address: OUR_IP, port: 67 },
      destination: { address: ip(10, 1, 0, 50), port: 68 },
    };
    expect(ours.sendUdp(T, { datagram, linkDestination: THIRD_MAC })).toBe('sent');
    expect(dissectAll(drainFrames(ours))).toMatchObject([{ ethernet: { destination: THIRD_MAC }, udp: { destinationPort: 68 } }]);
  });

  test.each([
    ['limited broadcast', IPV4_BROADCAST, MAC_BROADCAST, 64],
    ['directed broadcast', ip(10, 1, 0, 255), MAC_BROADCAST, 64],
    ['multicast', ip(239, 42, 0, 1), 0x01005e2a0001, 1],
  ])('%s needs no ARP', (_, address, mac, ttl) => {
    const ours = ourHost();
    expect(ours.sendUdp(T, { datagram: { ...TO_PEER, destination: { address, port: 9 } } })).toBe('sent');
    expect(dissectAll(drainFrames(ours))).toMatchObject([{ ethernet: { destination: mac }, ipv4: { ttl } }]);
  });

  test('what can not be sent says why', () => {
    const ours = ourHost({ resolvingCountMax: 1 });
    const to = (address: typeof PEER_IP) => ({ datagram: { ...TO_PEER, destination: { address, port: 9 } } });
    expect(ours.sendUdp(T, to(ip(192, 168, 9, 9)))).toBe('no-route');
    expect(ours.sendUdp(T, { datagram: { ...TO_PEER, source: { address: PEER_IP, port: 7 } } })).toBe('no-address');
    expect(ours.sendUdp(T, { datagram: { ...TO_PEER, payload: new Uint8Array(65_508) } })).toBe('too-big');
    const whole = { datagram: { ...TO_PEER, payload: new Uint8Array(1_473) }, fragmentation: 'forbid' } as const;
    expect(ours.sendUdp(T, whole)).toBe('too-big');
    expect(ours.sendUdp(T, to(PEER_IP))).toBe('sent');
    expect(ours.sendUdp(T, to(ip(10, 1, 0, 3)))).toBe('no-buffers');
  });

  test('the endpoint is checked', () => {
    const ours = host();
    const socket = ours.bindUdp({ port: 8 });
    expect(() => ours.sendUdp(T, { socket, datagram: TO_PEER })).toThrow('from the port of its endpoint');
    ours.closeUdp(socket);
    expect(() => ours.sendUdp(T, { socket, datagram: TO_PEER })).toThrow('not bound');
  });

  test('a payload of 1472 octets fills the MTU', () => {
    const ours = host();
    expect(ours.sendUdp(T, { datagram: { ...TO_PEER, payload: new Uint8Array(1_472) } })).toBe('sent');
    expect(drainFrames(ours)[0]).toHaveLength(1_514);
  });
});

test('an unknown EtherType does not disturb', () => {
  const ours = host();
  ours.handleFrame(T, frame(0x86dd, new Uint8Array(40)));
  expect(ours.inspect().drops).toEqual({ 'ethertype-unknown': 1 });
});
