import { bytesEqual, IPV4_ANY, IPV4_LOOPBACK, type Ipv4Address, ipv4 as ip, MAC_ZERO } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { arp, dissectAll, ECHO, icmp, udp } from './support/frames.js';
import { bareHost, drainEvents, drainFrames, eventTypes, OUR_IP, ourHost, PEER_IP } from './support/wire.js';

const T = 10_000;

function to(
  destination: Ipv4Address,
  source: Ipv4Address = IPV4_ANY,
  length = 3,
): Parameters<ReturnType<typeof ourHost>['sendUdp']>[1] {
  return {
    datagram: {
      source: { address: source, port: 9 },
      destination: { address: destination, port: 7 },
      payload: new Uint8Array(length).fill(5),
    },
  };
}

describe('what a host sends to itself', () => {
  test.each([
    ['127.0.0.1', IPV4_LOOPBACK, IPV4_LOOPBACK],
    ['another address of 127.0.0.0/8', ip(127, 9, 9, 9), IPV4_LOOPBACK],
    ['its own address', OUR_IP, OUR_IP],
  ])('to %s comes back at the same instant, and never is on the wire', (_, destination, source) => {
    const host = ourHost();
    host.bindUdp({ port: 7 });
    expect(host.sendUdp(T, to(destination))).toBe('sent');
    expect(drainEvents(host)).toEqual([]); // not inside the call
    expect(host.nextTimeout()).toBe(T);
    host.handleTimeout(T);
    expect(drainEvents(host)).toMatchObject([
      { type: 'datagram', datagram: { source: { address: source, port: 9 }, destination: { address: destination, port: 7 } } },
    ]);
    expect(drainFrames(host)).toEqual([]);
    expect(host.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('needs no address of the interface', () => {
    const host = bareHost();
    host.ping(T, { destination: IPV4_LOOPBACK });
    host.handleTimeout(T);
    expect(drainEvents(host)).toMatchObject([{ type: 'ping-reply', from: IPV4_LOOPBACK, roundTripMs: 0 }]);
  });

  test('65507 octets pass in one packet', () => {
    const host = bareHost();
    host.bindUdp({ port: 7 });
    expect(host.sendUdp(T, to(IPV4_LOOPBACK, IPV4_ANY, 65_507))).toBe('sent');
    host.handleTimeout(T);
    const [event] = drainEvents(host);
    expect(event?.type === 'datagram' && bytesEqual(event.datagram.payload, new Uint8Array(65_507).fill(5))).toBe(true);
  });

  test('a closed port is told, as on a wire', () => {
    const host = bareHost();
    const socket = host.bindUdp({ port: 9 });
    host.sendUdp(T, { socket, ...to(IPV4_LOOPBACK) });
    host.handleTimeout(T);
    expect(drainEvents(host)).toMatchObject([{ type: 'datagram-unreachable', socket, kind: 'unreachable', code: 3 }]);
  });

  test('is bounded', () => {
    const host = bareHost({ loopbackCountMax: 2 });
    expect([1, 2, 3].map(() => host.sendUdp(T, to(IPV4_LOOPBACK)))).toEqual(['sent', 'sent', 'no-buffers']);
    expect(host.inspect().limits).toEqual({ 'loopback-queue-full': 1 });
  });
});

describe('a loopback address is never on the wire (RFC 1122 §3.2.1.3)', () => {
  test('not as a source of ours', () => {
    const host = ourHost();
    expect(host.sendUdp(T, to(PEER_IP, IPV4_LOOPBACK))).toBe('no-address');
    expect(drainFrames(host)).toEqual([]);
  });

  test('not as a destination or source of somebody else', () => {
    const host = ourHost();
    host.bindUdp({ port: 7 });
    host.handleFrame(T, udp({ destination: IPV4_LOOPBACK }));
    host.handleFrame(T, icmp(ECHO, { source: IPV4_LOOPBACK }));
    host.handleFrame(T, icmp(ECHO, { destination: IPV4_LOOPBACK }));
    expect(host.inspect().drops).toEqual({ 'ipv4-not-for-us': 2, 'ipv4-bad-source': 1 });
    expect(eventTypes(drainEvents(host))).toEqual([]);
  });

  test('our own address as a source from the wire is somebody else', () => {
    const host = ourHost();
    host.handleFrame(T, arp());
    host.handleFrame(T, icmp(ECHO, { source: OUR_IP }));
    expect(host.inspect().drops).toEqual({ 'ipv4-own-source': 1 });
  });
});

describe('an observer', () => {
  test('sees the frames of the loopback interface as lo has them', () => {
    const host = ourHost({ loopbackObservedMax: 8 });
    host.ping(T, { destination: OUR_IP });
    host.handleTimeout(T);
    const frames: Uint8Array[] = [];
    for (let frame = host.pollLoopback(); frame !== undefined; frame = host.pollLoopback()) frames.push(frame);
    expect(dissectAll(frames)).toMatchObject([
      {
        ethernet: { source: MAC_ZERO, destination: MAC_ZERO },
        ipv4: { source: OUR_IP, destination: OUR_IP },
        icmp: { type: 'echo-request' },
      },
      { ethernet: { source: MAC_ZERO, destination: MAC_ZERO }, icmp: { type: 'echo-reply' } },
    ]);
  });

  test('none unless asked for; and no more than asked for', () => {
    const silent = bareHost();
    const small = bareHost({ loopbackObservedMax: 1 });
    for (const host of [silent, small]) {
      host.ping(T, { destination: IPV4_LOOPBACK });
      host.handleTimeout(T);
    }
    expect(silent.pollLoopback()).toBeUndefined();
    expect(small.pollLoopback()).toBeDefined();
    expect(small.inspect().limits).toEqual({ 'loopback-observed-full': 1 });
  });
});
