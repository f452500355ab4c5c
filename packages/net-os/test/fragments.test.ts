import { bytesEqual, IPV4_BROADCAST, ipv4 as ip, MAC_BROADCAST } from '@nexus-net/sansio';
import { encodeIcmpv4, encodeUdp, IP_PROTOCOL, type Ipv4Encodable, REASSEMBLY_LIMITS } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import type { Host, HostOptions } from '../src/index.js';
import { arp, dissectAll, ipv4 } from './support/frames.js';
import { peerHost } from './support/peer.js';
import { drainEvents, drainFrames, eventTypes, exchange, OUR_IP, ourHost, PEER_IP, PEER_MAC } from './support/wire.js';

const T = 10_000;
const PAYLOAD = Uint8Array.from({ length: 3_000 }, (_, i) => i % 251);
const DATAGRAM = encodeUdp({ sourcePort: 4_000, destinationPort: 7, payload: PAYLOAD }, { source: PEER_IP, destination: OUR_IP });

/** A host whose port 7 is bound and who knows the peer. */
function host(options: Partial<HostOptions> = {}): Host {
  const ours = ourHost(options);
  ours.bindUdp({ port: 7 });
  ours.handleFrame(T, arp());
  drainFrames(ours);
  return ours;
}

function part(start: number, end: number, fields: Partial<Ipv4Encodable> = {}): Uint8Array {
  return ipv4({
    protocol: IP_PROTOCOL.udp,
    identification: 9,
    moreFragments: end < DATAGRAM.length,
    fragmentOffset: start,
    payload: DATAGRAM.subarray(start, end),
    ...fields,
  });
}

const BROADCAST_PART = {
  protocol: 17,
  identification: 9,
  destination: IPV4_BROADCAST,
  moreFragments: true,
  fragmentOffset: 0,
} as const;
const [A, B, C] = [part(0, 1_480), part(1_480, 2_960), part(2_960, DATAGRAM.length)] as const;

function delivered(ours: Host): Uint8Array | undefined {
  const event = drainEvents(ours).find(({ type }) => type === 'datagram');
  return event?.type === 'datagram' ? event.datagram.payload : undefined;
}

describe('coming in', () => {
  test.each([
    ['in order', [A, B, C]],
    ['backwards', [C, B, A]],
    ['with copies', [B, A, A, B, C]],
  ])('fragments %s: one datagram', (_, frames) => {
    const ours = host();
    for (const frame of frames) ours.handleFrame(T, frame);
    const payload = delivered(ours);
    expect(payload !== undefined && bytesEqual(payload, PAYLOAD)).toBe(true);
    expect(ours.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('nothing of a datagram is looked at before it is whole', () => {
    const ours = host();
    ours.handleFrame(T, part(0, 1_480, { payload: new Uint8Array(1_480) })); // a UDP header of zeros
    expect(ours.inspect()).toMatchObject({ drops: {}, reassembly: { datagrams: 1 } });
    ours.handleFrame(T, B);
    ours.handleFrame(T, C);
    expect(ours.inspect().drops).toEqual({ 'udp-bad-length': 1 });
  });

  test('a closed port answers about the whole datagram, as if it had come in one piece', () => {
    const ours = ourHost();
    ours.handleFrame(T, arp());
    drainFrames(ours);
    for (const frame of [A, C, B]) ours.handleFrame(T, frame);
    expect(dissectAll(drainFrames(ours))).toMatchObject([
      { icmp: { type: 'destination-unreachable', code: 3, original: { length: 28 } } },
    ]);
  });

  test('an echo request in fragments is answered in fragments', () => {
    const ours = host();
    const request = encodeIcmpv4({ type: 'echo-request', identifier: 1, sequence: 1, payload: PAYLOAD.subarray(0, 2_992) });
    for (const at of [0, 1_480, 2_960])
      ours.handleFrame(
        T,
        ipv4({
          protocol: IP_PROTOCOL.icmp,
          identification: 9,
          fragmentOffset: at,
          moreFragments: at < 2_960,
          payload: request.subarray(at, at + 1_480),
        }),
      );
    const answer = dissectAll(drainFrames(ours)).map(({ ipv4: packet }) => [packet?.fragmentOffset, packet?.moreFragments]);
    expect(answer).toEqual([
      [0, true],
      [1_480, true],
      [2_960, false],
    ]);
  });

  test('a broadcast datagram in fragments is received', () => {
    const ours = host();
    const whole = encodeUdp(
      { sourcePort: 4_000, destinationPort: 7, payload: PAYLOAD },
      { source: PEER_IP, destination: IPV4_BROADCAST },
    );
    for (const at of [0, 1_480, 2_960])
      ours.handleFrame(
        T,
        ipv4(
          {
            protocol: IP_PROTOCOL.udp,
            destination: IPV4_BROADCAST,
            identification: 9,
            fragmentOffset: at,
            moreFragments: at < 2_960,
            payload: whole.subarray(at, at + 1_480),
          },
          MAC_BROADCAST,
        ),
      );
    expect(delivered(ours)).toHaveLength(3_000);
  });
});

describe('attacks with fragments', () => {
  test.each([
    ['fault/A14 teardrop: one inside another', [A, part(8, 800, { moreFragments: true }), B, C], 'fragment-overlap'],
    ['fault/A15 an overlap that rewrites octets', [A, part(1_472, 2_952), B, C], 'fragment-overlap'],
    [
      'fault/A15 the same place again with other octets',
      [A, part(0, 1_480, { payload: PAYLOAD.subarray(0, 1_480) }), B, C],
      'fragment-overlap',
    ],
  ])('%s: the datagram is dropped, and never delivered', (_, frames, label) => {
    const ours = host();
    for (const frame of frames) ours.handleFrame(T, frame);
    expect(delivered(ours)).toBeUndefined();
    expect(ours.inspect().drops).toMatchObject({ [label]: 1, 'fragment-refused': 2 });
    ours.handleTimeout(T + 60_000);
    expect(drainFrames(ours)).toEqual([]); // nobody is told: it was not the time that ended it
  });

  test.each([
    [
      'fault/A16 a ping of death: past 65535',
      part(65_528, 65_528, { payload: new Uint8Array(8), moreFragments: false }),
      'fragment-too-long',
    ],
    ['fault/A17 9 octets with more to follow', part(0, 9), 'fragment-bad-length'],
    ['fault/A17 no octets', part(8, 8, { payload: new Uint8Array(0), moreFragments: true }), 'fragment-bad-length'],
  ])('%s: dropped alone', (_, frame, label) => {
    const ours = host();
    ours.handleFrame(T, frame);
    expect(ours.inspect()).toMatchObject({ drops: { [label]: 1 }, reassembly: { datagrams: 0, octets: 0 } });
    for (const good of [A, B, C]) ours.handleFrame(T, good);
    expect(delivered(ours)).toHaveLength(3_000);
  });

  test('fault/A18 a flood of three hundred datagrams from one source: bounded, and another one still gets through', () => {
    const ours = host();
    ours.handleFrame(T, A);
    const source = ip(10, 1, 0, 66);
    for (let identification = 0; identification < 300; identification++)
      for (const start of [0, 64, 4_000, 65_000])
        ours.handleFrame(T, part(start, start, { source, identification, payload: new Uint8Array(8), moreFragments: true }));
    const { reassembly, limits } = ours.inspect();
    expect(reassembly.octets).toBeLessThanOrEqual(REASSEMBLY_LIMITS.octetsMax);
    expect(reassembly.datagrams).toBeLessThanOrEqual(REASSEMBLY_LIMITS.datagramCountMax);
    expect(limits['reassembly-evicted']).toBe(reassembly.evicted);
    ours.handleFrame(T, B);
    ours.handleFrame(T, C);
    expect(delivered(ours)).toHaveLength(3_000);
  });

  test('fault/A18 a flood of three hundred sources: the newest good datagram still becomes whole', () => {
    const ours = host();
    for (let n = 0; n < 300; n++) ours.handleFrame(T, part(0, 1_480, { source: ip(10, 1, 1 + (n >>> 8), n & 0xff) }));
    for (const good of [A, B, C]) ours.handleFrame(T, good);
    expect(delivered(ours)).toHaveLength(3_000);
    expect(ours.inspect().reassembly.octets).toBeLessThanOrEqual(REASSEMBLY_LIMITS.octetsMax);
  });

  test('fault/A19 the time is up: time exceeded, code 1, once, where the first fragment came', () => {
    const ours = host();
    ours.handleFrame(T, A);
    expect(ours.nextTimeout()).toBe(T + 30_000);
    ours.handleTimeout(T + 29_999);
    expect(drainFrames(ours)).toEqual([]);
    ours.handleTimeout(T + 30_000);
    expect(dissectAll(drainFrames(ours))).toMatchObject([
      { ipv4: { source: OUR_IP, destination: PEER_IP }, icmp: { type: 'time-exceeded', code: 1, original: A.slice(14, 42) } },
    ]);
    ours.handleTimeout(T + 120_000);
    expect(drainFrames(ours)).toEqual([]);
    expect(ours.inspect()).toMatchObject({ limits: { 'reassembly-expired': 1 }, reassembly: { datagrams: 0, octets: 0 } });
  });

  test.each([
    ['without the first fragment', [B, C]],
    ['about a broadcast', [ipv4({ ...BROADCAST_PART, payload: DATAGRAM.subarray(0, 1_480) }, MAC_BROADCAST)]],
  ])('fault/A19 %s nobody is told', (_, frames) => {
    const ours = host();
    for (const frame of frames) ours.handleFrame(T, frame);
    ours.handleTimeout(T + 30_000);
    expect(drainFrames(ours)).toEqual([]);
    expect(ours.inspect().limits).toEqual({ 'reassembly-expired': 1 });
  });

  test('a hundred datagrams that run out of time do not make a hundred errors', () => {
    const ours = host({ reassemblyCountMax: 100, icmpErrorBurst: 5 });
    for (let n = 0; n < 50; n++) ours.handleFrame(T, part(0, 8, { source: ip(10, 1, 0, 3 + n), moreFragments: true }));
    ours.handleTimeout(T + 30_000);
    expect(ours.inspect().limits).toMatchObject({ 'reassembly-expired': 50, 'icmp-error-limited': 45 });
  });
});

describe('going out', () => {
  test.each([
    [1_472, [1_500]],
    [1_473, [1_500, 21]],
    [1_500, [1_500, 48]],
    [65_507, [...new Array(44).fill(1_500), 415]],
  ])('a datagram of %i octets leaves as packets of %j', (length, packets) => {
    const ours = host();
    const datagram = {
      source: { address: OUR_IP, port: 7 },
      destination: { address: PEER_IP, port: 9 },
      payload: new Uint8Array(length),
    };
    expect(ours.sendUdp(T, { datagram })).toBe('sent');
    const frames = drainFrames(ours);
    expect(frames.map((frame) => frame.length - 14)).toEqual(packets);
    const ids = new Set(dissectAll(frames).map(({ ipv4: packet }) => packet?.identification));
    expect(ids.size).toBe(1);
    expect(dissectAll(frames).every(({ ipv4: packet }) => packet?.dontFragment === (packets.length === 1))).toBe(true);
  });

  test('a datagram of 65507 octets reaches another host octet for octet, although ARP has to be asked first', () => {
    const [ours, peer] = [ourHost(), peerHost()];
    peer.bindUdp({ port: 9 });
    const payload = Uint8Array.from({ length: 65_507 }, (_, i) => (i * 7) & 0xff);
    const datagram = { source: { address: OUR_IP, port: 7 }, destination: { address: PEER_IP, port: 9 }, payload };
    expect(ours.sendUdp(T, { datagram })).toBe('sent');
    exchange(T, ours, peer);
    const received = delivered(peer);
    expect(received !== undefined && bytesEqual(received, payload)).toBe(true);
  });

  test('all fragments leave, or none', () => {
    const ours = host({ transmitCountMax: 3 });
    const datagram = {
      source: { address: OUR_IP, port: 7 },
      destination: { address: PEER_IP, port: 9 },
      payload: new Uint8Array(6_000),
    };
    expect(ours.sendUdp(T, { datagram })).toBe('no-buffers');
    expect(drainFrames(ours)).toEqual([]);
    expect(ours.inspect().limits).toEqual({ 'transmit-queue-full': 1 });
  });

  test('allow: no DF, and an identification that differs', () => {
    const ours = host();
    const datagram = {
      source: { address: OUR_IP, port: 7 },
      destination: { address: PEER_IP, port: 9 },
      payload: new Uint8Array(10),
    };
    for (let i = 0; i < 3; i++) ours.sendUdp(T, { datagram, fragmentation: 'allow' });
    const packets = dissectAll(drainFrames(ours)).map(({ ipv4: packet }) => packet);
    expect(packets.every((packet) => packet?.dontFragment === false)).toBe(true);
    expect(new Set(packets.map((packet) => packet?.identification)).size).toBe(3);
  });
});

test('fault/A20 an identification says nothing about others: 0 with DF, else counted for each destination from a start of its own', () => {
  const idsTo = (ours: Host, hosts: readonly number[]): (number | undefined)[] => {
    for (const n of hosts) {
      const destination = { address: ip(10, 1, 0, n), port: 9 };
      const datagram = { source: { address: OUR_IP, port: 7 }, destination, payload: new Uint8Array(1) };
      ours.sendUdp(T, { datagram, fragmentation: 'allow', linkDestination: PEER_MAC });
    }
    return dissectAll(drainFrames(ours)).map(({ ipv4: packet }) => packet?.identification);
  };
  const [a1, b1, a2, c1, a3] = idsTo(host(), [2, 3, 2, 4, 2]);
  expect([a2, a3]).toEqual([((a1 as number) + 1) & 0xffff, ((a1 as number) + 2) & 0xffff]); // whatever goes to others
  expect(new Set([a1, b1, c1]).size).toBe(3);
  const ours = host();
  ours.ping(T, { destination: PEER_IP });
  expect(dissectAll(drainFrames(ours))).toMatchObject([{ ipv4: { identification: 0, dontFragment: true } }]);
  expect(eventTypes(drainEvents(ours))).toEqual([]);
});
