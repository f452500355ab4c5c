import { IPV4_BROADCAST, ipv4 as ip, MAC_BROADCAST } from '@nexus-net/sansio';
import { encodeIcmpv4, encodeIpv4, IP_PROTOCOL } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import type { Host, HostOptions } from '../src/index.js';
import { arp, arpReply, dissectAll, ECHO, icmp, ipv4, udp } from './support/frames.js';
import { bareHost, drainEvents, drainFrames, OUR_IP, OUR_MAC, ourHost, PEER_IP, PEER_MAC, ROUTER_IP } from './support/wire.js';

const T = 10_000;

/** Our host, knowing the peer. */
function host(options: Partial<HostOptions> = {}): Host {
  const ours = ourHost(options);
  ours.handleFrame(T, arp());
  drainFrames(ours);
  return ours;
}

function sent(of: Host): ReturnType<typeof dissectAll> {
  return dissectAll(drainFrames(of));
}

describe('answering echo', () => {
  test('identifier, sequence and data come back, from the address that was asked', () => {
    const ours = host();
    ours.handleFrame(T, icmp(ECHO, { trafficClass: 0x10 }));
    expect(sent(ours)).toMatchObject([
      {
        ethernet: { source: OUR_MAC, destination: PEER_MAC },
        ipv4: { source: OUR_IP, destination: PEER_IP, trafficClass: 0x10, ttl: 64 },
        icmp: { ...ECHO, type: 'echo-reply' },
      },
    ]);
  });

  test('each address answers for itself', () => {
    const ours = host();
    ours.addAddress(T, { address: ip(10, 1, 0, 3), prefixLength: 24 });
    drainFrames(ours);
    ours.handleFrame(T, icmp(ECHO, { destination: ip(10, 1, 0, 3) }));
    expect(sent(ours)).toMatchObject([{ ipv4: { source: ip(10, 1, 0, 3) } }]);
  });

  test('fault/A08 the padding of a short frame is not echoed', () => {
    const ours = host();
    const short = icmp({ ...ECHO, payload: Uint8Array.of(0x78) } as typeof ECHO);
    const padded = new Uint8Array(60).fill(0xee);
    padded.set(short);
    ours.handleFrame(T, padded);
    expect(sent(ours)).toMatchObject([{ icmp: { type: 'echo-reply', payload: Uint8Array.of(0x78) } }]);
  });

  test.each([
    ['the limited broadcast', IPV4_BROADCAST],
    ['the broadcast address of the network', ip(10, 1, 0, 255)],
  ])('fault/A10 a ping to %s is not answered, unless it is asked for', (_, destination) => {
    const ours = host();
    ours.handleFrame(T, icmp(ECHO, { destination }, MAC_BROADCAST));
    expect(sent(ours)).toEqual([]);
    const willing = host({ answerBroadcastEcho: true });
    willing.handleFrame(T, icmp(ECHO, { destination }, MAC_BROADCAST));
    expect(sent(willing)).toMatchObject([{ ipv4: { source: OUR_IP, destination: PEER_IP } }]);
  });

  test('a peer that must be asked for first gets its answer after ARP', () => {
    const ours = ourHost();
    ours.handleFrame(T, icmp(ECHO));
    expect(sent(ours)).toMatchObject([{ arp: { targetIp: PEER_IP } }]);
    ours.handleFrame(T + 1, arpReply(PEER_IP, PEER_MAC));
    expect(sent(ours)).toMatchObject([{ icmp: { type: 'echo-reply' } }]);
  });
});

describe('asking echo', () => {
  const reply = { type: 'echo-reply', identifier: 1, sequence: 2, payload: Uint8Array.of(9) } as const;
  const ask = { destination: PEER_IP, identifier: 1, sequence: 2, payload: Uint8Array.of(9), timeoutMs: 1_000 };

  test('the answer gives the round trip', () => {
    const ours = host();
    const id = ours.ping(T, ask);
    expect(sent(ours)).toMatchObject([{ icmp: { type: 'echo-request', identifier: 1, sequence: 2 } }]);
    ours.handleFrame(T + 12.5, icmp(reply));
    expect(drainEvents(ours)).toEqual([{ type: 'ping-reply', id, from: PEER_IP, roundTripMs: 12.5 }]);
    ours.handleFrame(T + 13, icmp(reply));
    expect(ours.inspect().drops).toEqual({ 'icmp-unmatched-reply': 1 });
  });

  test.each([
    ['identifier', { ...reply, identifier: 3 }, {}],
    ['sequence', { ...reply, sequence: 3 }, {}],
    ['data', { ...reply, payload: Uint8Array.of(8) }, {}],
    ['length', { ...reply, payload: Uint8Array.of(9, 9) }, {}],
    ['address', reply, { source: ROUTER_IP }],
  ])('an answer with another %s is none', (_, message, packet) => {
    const ours = host();
    const id = ours.ping(T, ask);
    ours.handleFrame(T + 1, icmp(message, packet));
    ours.handleTimeout(T + 1_000);
    expect(drainEvents(ours)).toEqual([{ type: 'ping-timeout', id, destination: PEER_IP }]);
  });

  test('an answer at the deadline is in time, a millisecond later it is not', () => {
    const ours = host();
    ours.ping(T, ask);
    ours.handleFrame(T + 1_000, icmp(reply));
    expect(drainEvents(ours)).toMatchObject([{ type: 'ping-reply', roundTripMs: 1_000 }]);
    ours.ping(2 * T, ask);
    ours.handleFrame(2 * T + 1_001, icmp(reply)); // the driver slept through the deadline
    expect(drainEvents(ours)).toMatchObject([{ type: 'ping-timeout' }]);
  });

  test('identifier and sequence have defaults: one identifier, counting sequences', () => {
    const ours = host();
    ours.ping(T, { destination: PEER_IP });
    ours.ping(T, { destination: PEER_IP });
    const [first, second] = sent(ours).map(({ icmp: message }) => message);
    if (first?.type !== 'echo-request' || second?.type !== 'echo-request') throw new Error('two requests');
    expect(second.identifier).toBe(first.identifier);
    expect(second.sequence).toBe(first.sequence + 1);
    expect(first.payload).toHaveLength(56);
  });

  test.each([
    ['no-address', bareHost(), PEER_IP],
    ['no-route', host(), ip(192, 168, 9, 9)],
    ['no-route', host(), ip(10, 1, 0, 0)],
    ['no-buffers', host({ pingCountMax: 1, transmitCountMax: 1 }), PEER_IP],
  ] as const)('%s is told at once', (reason, ours, destination) => {
    if (reason === 'no-buffers') ours.ping(T, { destination: PEER_IP });
    const id = ours.ping(T, { destination });
    expect(drainEvents(ours)).toEqual([{ type: 'ping-failed', id, destination, reason }]);
  });

  test('what the path does not take in one packet goes in fragments; what no packet can hold is told at once', () => {
    const ours = host();
    ours.ping(T, { destination: PEER_IP, payload: new Uint8Array(1_472) });
    expect(sent(ours)).toMatchObject([{ ipv4: { dontFragment: true, payload: { length: 1_480 } } }]);
    ours.ping(T, { destination: PEER_IP, payload: new Uint8Array(1_473) });
    expect(sent(ours)).toMatchObject([
      { ipv4: { dontFragment: false, moreFragments: true, fragmentOffset: 0, payload: { length: 1_480 } } },
      { ipv4: { dontFragment: false, moreFragments: false, fragmentOffset: 1_480, payload: { length: 1 } } },
    ]);
    ours.ping(T, { destination: PEER_IP, payload: new Uint8Array(65_508) });
    expect(drainEvents(ours)).toMatchObject([{ type: 'ping-failed', reason: 'too-big' }]);
  });

  test('off the link it goes to the gateway', () => {
    const ours = host();
    ours.configure(T, { address: OUR_IP, prefixLength: 24, gateway: PEER_IP });
    ours.ping(T, { destination: ip(192, 168, 9, 9) });
    expect(sent(ours)).toMatchObject([{ ethernet: { destination: PEER_MAC }, ipv4: { destination: ip(192, 168, 9, 9) } }]);
  });
});

describe('errors of others', () => {
  function quote(payload: Uint8Array, protocol: number = IP_PROTOCOL.icmp): Uint8Array {
    return encodeIpv4({ protocol, source: OUR_IP, destination: PEER_IP, payload }).subarray(0, 28);
  }
  const request = encodeIcmpv4({ type: 'echo-request', identifier: 1, sequence: 2, payload: Uint8Array.of(9) });

  test('an unreachable about our echo request ends it', () => {
    const ours = host();
    const id = ours.ping(T, { destination: PEER_IP, identifier: 1, sequence: 2, payload: Uint8Array.of(9) });
    ours.handleFrame(T, icmp({ type: 'destination-unreachable', code: 1, nextHopMtu: 0, original: quote(request) }));
    expect(drainEvents(ours)).toEqual([{ type: 'ping-failed', id, destination: PEER_IP, reason: 'unreachable' }]);
  });

  test('a port unreachable about our datagram is told to its endpoint', () => {
    const ours = host();
    const socket = ours.bindUdp({ port: 4_660 });
    const source = { address: OUR_IP, port: 4_660 };
    ours.sendUdp(T, { socket, datagram: { source, destination: { address: PEER_IP, port: 7 }, payload: new Uint8Array(0) } });
    const ports = Uint8Array.of(0x12, 0x34, 0, 7, 0, 8, 0, 0);
    ours.handleFrame(T, icmp({ type: 'destination-unreachable', code: 3, nextHopMtu: 0, original: quote(ports, 17) }));
    expect(drainEvents(ours)).toEqual([
      {
        type: 'datagram-unreachable',
        socket,
        destination: { address: PEER_IP, port: 7 },
        reporter: PEER_IP,
        kind: 'unreachable',
        code: 3,
      },
    ]);
  });

  test.each([
    ['a quote of 4 octets', quote(request).subarray(0, 24), 'icmp-bad-quote'],
    [
      'a quote of another host',
      encodeIpv4({ protocol: 1, source: PEER_IP, destination: OUR_IP, payload: request }),
      'icmp-foreign-quote',
    ],
    ['another sequence', quote(request.with(7, 5)), 'icmp-foreign-quote'],
    ['a TCP connection that does not exist', quote(request, 6), 'icmp-foreign-quote'],
    ['a UDP endpoint that does not exist', quote(request, 17), 'icmp-foreign-quote'],
    ['a datagram that was never sent', quote(Uint8Array.of(0x12, 0x34, 0, 7, 0, 8, 0, 0), 17), 'icmp-foreign-quote'],
    [
      'a later fragment',
      encodeIpv4({ protocol: 1, source: OUR_IP, destination: PEER_IP, payload: request, fragmentOffset: 8 }),
      'icmp-foreign-quote',
    ],
  ])('fault/A22 %s is ignored', (_, original, label) => {
    const ours = host();
    ours.bindUdp({ port: 4_660 });
    ours.ping(T, { destination: PEER_IP, identifier: 1, sequence: 2, payload: Uint8Array.of(9) });
    ours.handleFrame(T, icmp({ type: 'destination-unreachable', code: 3, nextHopMtu: 0, original }));
    expect(drainEvents(ours)).toEqual([]);
    expect(ours.inspect().drops).toEqual({ [label]: 1 });
  });

  test.each([
    ['fault/A21 a redirect', 5],
    ['source quench', 4],
    ['a timestamp request', 13],
    ['an address mask request', 17],
  ])('%s is ignored', (_, icmpType) => {
    const ours = host();
    ours.handleFrame(T, icmp({ type: 'other', icmpType, code: 0, rest: new Uint8Array(16) }));
    expect(ours.inspect().drops).toEqual({ 'icmp-ignored': 1 });
    expect([sent(ours), drainEvents(ours)]).toEqual([[], []]);
  });
});

describe('errors of ours', () => {
  test('a closed port answers with the header and 8 octets of the datagram', () => {
    const ours = host();
    const bytes = udp({ port: 9, payload: new Uint8Array(100) });
    ours.handleFrame(T, bytes);
    expect(sent(ours)).toMatchObject([
      {
        ipv4: { source: OUR_IP, destination: PEER_IP },
        icmp: { type: 'destination-unreachable', code: 3, original: bytes.slice(14, 42) },
      },
    ]);
  });

  test('an unknown protocol answers with protocol unreachable', () => {
    const ours = host();
    ours.handleFrame(T, ipv4({ protocol: 132, payload: new Uint8Array(12) }));
    expect(sent(ours)).toMatchObject([{ icmp: { type: 'destination-unreachable', code: 2 } }]);
  });

  test('fault/A25 never about a broadcast, never about an error', () => {
    const ours = host();
    ours.handleFrame(T, udp({ port: 9, destination: ip(10, 1, 0, 255), link: MAC_BROADCAST }));
    ours.handleFrame(T, udp({ port: 9, destination: IPV4_BROADCAST, link: MAC_BROADCAST }));
    ours.handleFrame(T, ipv4({ protocol: 132, payload: new Uint8Array(12), destination: IPV4_BROADCAST }, MAC_BROADCAST));
    ours.handleFrame(T, icmp({ type: 'destination-unreachable', code: 3, nextHopMtu: 0, original: new Uint8Array(28) }));
    expect(sent(ours)).toEqual([]);
  });

  test('fault/A26 a flood to closed ports: 20 at once, then 10 a second', () => {
    const ours = host();
    for (let i = 0; i < 100; i++) ours.handleFrame(T, udp({ port: 1_000 + i }));
    expect(sent(ours)).toHaveLength(20);
    expect(ours.inspect()).toMatchObject({ drops: { 'udp-port-closed': 100 }, limits: { 'icmp-error-limited': 80 } });
    for (let i = 0; i < 100; i++) ours.handleFrame(T + 1_000, udp({ port: 1_000 + i }));
    expect(sent(ours)).toHaveLength(10);
  });
});
