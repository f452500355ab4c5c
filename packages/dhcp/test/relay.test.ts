import { readFileSync } from 'node:fs';
import { parseIpv4, parsePrefix, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { DhcpRelay, type DhcpRelayInterface, RELAY_REJECTS, relayOption } from '../src/index.js';
import {
  CIRCUIT,
  CIRCUIT_INFORMATION,
  CLIENTS,
  LAB_INTERFACE,
  only,
  type Passed,
  RELAY,
  RelayLab,
  replyDatagram,
  SERVERS,
  sent,
  UPSTREAM,
  WITH_CIRCUIT,
} from './support/relay-lab.js';
import { A, datagramOf, u32 } from './support/server-lab.js';

const ip = parseIpv4;
const OTHER_RELAY = ip('10.7.0.1');
const SOMETHING = Uint8Array.of(1, 1, 9);

describe('requests', () => {
  test('dhcp/R01 a request without giaddr gets that of its interface and goes to the server, from port 67 to port 67', () => {
    const lab = new RelayLab();
    const before = datagramOf({ mac: A, xid: 0xdeadbeef, flags: 0x8000, secs: 3 });
    const { transmit, message, to } = sent(only(lab.pass(before, CLIENTS)));
    expect(to).toBe('10.0.2.2:67');
    expect(transmit.source).toEqual({ address: RELAY, port: 67 });
    expect(transmit.interface).toBeUndefined();
    expect(message).toMatchObject({ op: 1, giaddr: RELAY, hops: 1, xid: 0xdeadbeef, flags: 0x8000, secs: 3 });
    expect(lab.events).toEqual([
      { type: 'request-relayed', at: 0, interface: CLIENTS, xid: 0xdeadbeef, hops: 1, information: 'none' },
    ]);
    const expected = before.payload.slice();
    expected[3] = 1;
    expected.set(u32(RELAY), 24);
    expect(transmit.payload).toEqual(expected); // nothing else has changed
  });

  test('dhcp/R02 the giaddr of a first relay stays, and hops go up', () => {
    const { message } = sent(new RelayLab(WITH_CIRCUIT).request({ giaddr: OTHER_RELAY, hops: 1, destination: RELAY }));
    expect(message).toMatchObject({ giaddr: OTHER_RELAY, hops: 2 });
  });

  test('fault/D16 fault/D17 dhcp/R03 a request whose giaddr is an address of ours is forged', () => {
    const lab = new RelayLab([LAB_INTERFACE, { index: 2, address: ip('10.2.0.1'), prefix: parsePrefix('10.2.0.0/24') }]);
    expect(lab.request({ giaddr: RELAY })).toBe('own-giaddr');
    expect(lab.request({ giaddr: ip('10.2.0.1') })).toBe('own-giaddr');
  });

  test.each(['255.255.255.255', '224.0.0.1', '127.0.0.1'])('the giaddr %s is no relay', (giaddr) => {
    expect(new RelayLab().request({ giaddr: ip(giaddr) })).toBe('bad-giaddr');
  });

  test('a request of another relay is dropped where there are only clients', () => {
    expect(new RelayLab({ ...LAB_INTERFACE, chained: 'drop' }).request({ giaddr: OTHER_RELAY })).toBe('chained-request');
  });

  test.each([
    [undefined, 3, 4],
    [1, 0, 1],
    [16, 15, 16],
  ])('fault/D16 dhcp/R04 with a limit of %s hops: at %i it goes on, at the limit not', (hopsMax, last, limit) => {
    const lab = new RelayLab(LAB_INTERFACE, hopsMax === undefined ? {} : { hopsMax });
    expect(sent(lab.request({ hops: last })).message.hops).toBe(limit);
    expect(lab.request({ hops: limit })).toBe('hops-limit');
    expect(lab.request({ hops: 255 })).toBe('hops-limit');
    expect(lab.relay.inspect().rejects).toEqual({ 'hops-limit': 2 });
  });

  test('dhcp/R05 below the threshold of seconds a request waits', () => {
    const lab = new RelayLab(LAB_INTERFACE, { secsMin: 4 });
    expect(lab.request({ secs: 3 })).toBe('secs-below-minimum');
    expect(sent(lab.request({ secs: 4 })).message.secs).toBe(4);
  });

  test('dhcp/R18 a renewal on its way to the server passes the router by itself', () => {
    const ciaddr = ip('10.1.0.7');
    expect(new RelayLab().request({ type: 'request', ciaddr, source: ciaddr, destination: UPSTREAM })).toBe('not-for-us');
  });

  test.each(['255.255.255.255', '10.1.0.255', '10.1.0.1'])('a request to %s is for us', (destination) => {
    expect(sent(new RelayLab().request({ destination: ip(destination) })).to).toBe('10.0.2.2:67');
  });

  test('dhcp/R17 a message below 300 octets goes on at its length', () => {
    const datagram = datagramOf({ mac: A });
    for (const length of [236, 240, 244, 299]) {
      const short = { ...datagram, payload: datagram.payload.slice(0, length) };
      const { payload } = sent(only(new RelayLab().pass(short, CLIENTS))).transmit;
      expect(payload.length).toBe(length);
    }
  });

  test('dhcp/R21 each server gets a copy of its own, and each reply goes on once', () => {
    const servers = [UPSTREAM, ip('10.0.3.2'), ip('10.0.4.2')];
    const lab = new RelayLab(LAB_INTERFACE, { servers });
    const passed = lab.pass(datagramOf({ mac: A }), CLIENTS) as Passed[];
    expect(passed.map(({ to }) => to)).toEqual(['10.0.2.2:67', '10.0.3.2:67', '10.0.4.2:67']);
    passed[0]?.transmit.payload.fill(0);
    expect(passed[1]?.transmit.payload[0]).toBe(1);
    for (const from of servers) expect(lab.pass(replyDatagram({ from }), SERVERS)).toHaveLength(1);
  });

  test('an interface may have servers of its own', () => {
    expect(sent(new RelayLab({ ...LAB_INTERFACE, servers: [ip('10.9.9.9')] }).request()).to).toBe('10.9.9.9:67');
  });

  test('dhcp/R25 REQUEST, DECLINE, RELEASE and INFORM go on like a DISCOVER', () => {
    for (const type of ['request', 'decline', 'release', 'inform'] as const) {
      const { message } = sent(new RelayLab(WITH_CIRCUIT).request({ type }));
      expect(message.giaddr).toBe(RELAY);
      expect(message.options.map(({ code }) => code)).toEqual([53, 82]);
    }
  });

  test('a lease query is nothing for clients: neither question nor answer goes on', () => {
    expect(new RelayLab().request({ type: 'leaseQuery' })).toBe('not-a-client-message');
    expect(new RelayLab().reply({ type: 'leaseActive' })).toBe('not-for-clients');
    expect(sent(new RelayLab().request({ type: 'leaseQuery', giaddr: OTHER_RELAY })).message.hops).toBe(1);
  });
});

describe('option 82 in requests', () => {
  test('fault/D16 dhcp/R06 from a client it is forged', () => {
    const lab = new RelayLab(WITH_CIRCUIT);
    expect(lab.request({ more: [{ code: 82, value: SOMETHING }] })).toBe('untrusted-information');
    expect(lab.request({ more: [{ code: 82, value: new Uint8Array(0) }] })).toBe('untrusted-information');
    expect(new RelayLab().request({ more: [{ code: 82, value: SOMETHING }] })).toBe('untrusted-information');
  });

  test('dhcp/R06 also where it hides in a lent field', () => {
    const { payload, ...ends } = datagramOf({ mac: A });
    payload.set([53, 1, 1, 52, 1, 1, 255], 240);
    payload.set([82, 3, 1, 1, 9, 255], 108);
    expect(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload }, CLIENTS)).toBe('untrusted-information');
    payload.set([53, 1, 1, 52, 1, 2, 255], 240);
    expect(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload }, CLIENTS)).toHaveLength(1); // only sname is lent
    payload.set([82, 3, 1, 1, 9, 255], 44);
    expect(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload }, CLIENTS)).toBe('untrusted-information');
  });

  test('dhcp/R07 what another relay has passed on gets none of ours, and keeps what it has', () => {
    const lab = new RelayLab({ ...WITH_CIRCUIT, trusted: true, information: { circuitId: CIRCUIT, whenPresent: 'replace' } });
    expect(sent(lab.request({ giaddr: OTHER_RELAY })).information).toBeUndefined();
    expect(sent(lab.request({ giaddr: OTHER_RELAY, more: [{ code: 82, value: SOMETHING }] })).information).toEqual(SOMETHING);
  });

  test.each([
    ['keep', [1, 1, 9], 'kept'],
    ['replace', [1, 2, 0x65, 0x31], 'replaced'],
    ['append', [1, 1, 9, 1, 2, 0x65, 0x31], 'appended'],
    ['drop', 'information-present', undefined],
  ] as const)('what a trusted element has added: %s', (whenPresent, expected, fate) => {
    const lab = new RelayLab({ ...LAB_INTERFACE, trusted: true, information: { circuitId: CIRCUIT, whenPresent } });
    const passed = lab.request({ more: [{ code: 82, value: SOMETHING }] });
    if (typeof expected === 'string') {
      expect(passed).toBe(expected);
      return;
    }
    expect(sent(passed).information).toEqual(Uint8Array.from(expected));
    expect(sent(passed).message.options.map(({ code }) => code)).toEqual([53, 82]);
    expect(lab.relay.inspect().information).toEqual({ [fate]: 1 });
  });

  test('a trusted element is believed also where we add nothing ourselves', () => {
    const lab = new RelayLab({ ...LAB_INTERFACE, trusted: true });
    expect(sent(lab.request({ more: [{ code: 82, value: SOMETHING }] })).information).toEqual(SOMETHING);
  });

  test('dhcp/R08 where it does not fit the request goes on without it, counted', () => {
    const big = { code: 43, value: new Uint8Array(250).fill(7) };
    const datagram = datagramOf({ mac: A, more: [big] }); // 240 + 3 + 252 + END = 496 octets
    const room = (mtu: number, more = [big]): string => {
      const lab = new RelayLab({ ...LAB_INTERFACE, information: { circuitId: new Uint8Array(52) } }, { mtu });
      sent(lab.request({ mac: A, more }));
      return Object.keys(lab.relay.inspect().information).join();
    };
    expect(datagram.payload.length).toBe(496);
    expect(room(580)).toBe('added'); // 496 + 56 + 28 octets
    expect(room(579)).toBe('left-out');
    expect(room(1_500)).toBe('added');
    expect(room(1_500, [big, { code: 57, value: Uint8Array.of(2, 64) }])).toBe('left-out'); // the client takes 576
    expect(room(1_500, [big, { code: 57, value: Uint8Array.of(2, 72) }])).toBe('added'); // 584
    expect(room(1_500, [{ code: 57, value: Uint8Array.of(0, 64) }])).toBe('added'); // nobody takes less than 576
  });

  test('where it would say which network the client is on, no request goes on without it', () => {
    const lab = new RelayLab(
      { ...LAB_INTERFACE, giaddr: ip('10.0.2.200'), information: { circuitId: new Uint8Array(200) } },
      { mtu: 576 },
    );
    expect(lab.request({ more: [{ code: 43, value: new Uint8Array(250) }] })).toBe('no-room');
  });

  test('an appended one that gets too long for one option leaves that of the element as it is', () => {
    const lab = new RelayLab({
      ...LAB_INTERFACE,
      trusted: true,
      information: { circuitId: new Uint8Array(100), whenPresent: 'append' },
    });
    const long = Uint8Array.of(1, 200, ...new Uint8Array(200));
    expect(sent(lab.request({ more: [{ code: 82, value: long }] })).information).toEqual(long);
    expect(lab.relay.inspect().information).toEqual({ 'left-out': 1 });
  });

  test('dhcp/R09 it stands last before END, and PAD follows', () => {
    const datagram = datagramOf({ mac: A, more: [{ code: 12, value: Uint8Array.of(0x61) }] });
    const octets = sent(only(new RelayLab(WITH_CIRCUIT).pass(datagram, CLIENTS))).transmit.payload;
    expect([...octets.subarray(240, 256)]).toEqual([53, 1, 1, 12, 1, 0x61, 82, 4, ...CIRCUIT_INFORMATION, 255, 0, 0, 0]);
    expect(octets.length).toBe(datagram.payload.length); // PAD made room
  });
});

describe('option 82 where the options are odd', () => {
  const informed = (area: readonly number[], length: number = area.length): number[] => {
    const { payload, ...ends } = datagramOf({ mac: A });
    const octets = new Uint8Array(240 + length);
    octets.set(payload.subarray(0, 240));
    octets.set(area, 240);
    return [...sent(only(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload: octets }, CLIENTS))).transmit.payload.subarray(240)];
  };
  const OURS = [82, 4, ...CIRCUIT_INFORMATION];

  test('without padding the message grows by it', () => {
    expect(informed([53, 1, 1, 255])).toEqual([53, 1, 1, ...OURS, 255]);
  });

  test('PAD between the options stays where it is, PAD behind END makes room', () => {
    expect(informed([53, 1, 1, 0, 0, 255], 10)).toEqual([53, 1, 1, 0, 0, ...OURS, 255]);
    expect(informed([53, 1, 1, 0, 0, 255], 14)).toEqual([53, 1, 1, 0, 0, ...OURS, 255, 0, 0]);
  });

  test('dhcp/R23 octets behind END stay, and stay behind END', () => {
    expect(informed([53, 1, 1, 255, 9, 0, 9, 0], 8)).toEqual([53, 1, 1, ...OURS, 255, 9, 0, 9]);
  });

  test('without END it comes behind the last option, with an END', () => {
    expect(informed([53, 1, 1])).toEqual([53, 1, 1, ...OURS, 255]);
    expect(informed([])).toEqual([...OURS, 255]);
    expect(informed([53, 1, 1], 12)).toEqual([53, 1, 1, ...OURS, 255, 0, 0]);
  });

  test('an option that is cut off stays last', () => {
    expect(informed([53, 1, 1, 12, 9, 0x61])).toEqual([53, 1, 1, ...OURS, 12, 9, 0x61]);
    expect(informed([53, 1, 1, 12])).toEqual([53, 1, 1, ...OURS, 12]);
  });

  test('dhcp/R23 a BOOTP message goes on as it came, whatever its vendor area', () => {
    const { payload, ...ends } = datagramOf({ mac: A });
    payload.set([1, 2, 3, 4, 82, 1, 9], 236);
    const passed = sent(only(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload }, CLIENTS)));
    expect(passed.transmit.payload.subarray(28)).toEqual(payload.subarray(28));
    const short = sent(only(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload: payload.slice(0, 236) }, CLIENTS)));
    expect(short.transmit.payload.length).toBe(236);
  });
});

describe('sub-options', () => {
  const information = (port: Partial<DhcpRelayInterface>, ask = {}, options = {}): Uint8Array | undefined =>
    sent(new RelayLab({ ...LAB_INTERFACE, ...port }, options).request(ask)).information;

  test('circuit, remote end, relay, and whatever else is configured', () => {
    const value = information({
      information: {
        circuitId: Uint8Array.of(7),
        remoteId: Uint8Array.of(8, 8),
        relayId: Uint8Array.of(0, 1),
        more: [relayOption('subscriberId', 'ann')],
      },
    });
    expect([...(value ?? [])]).toEqual([1, 1, 7, 2, 2, 8, 8, 12, 2, 0, 1, 6, 3, 0x61, 0x6e, 0x6e]);
  });

  test('dhcp/R19 flags tell a unicast request from a broadcast one', () => {
    const port = { information: { flags: true } };
    expect(information(port)).toEqual(Uint8Array.of(10, 1, 0));
    expect(information(port, { destination: ip('10.1.0.255') })).toEqual(Uint8Array.of(10, 1, 0));
    expect(information(port, { destination: RELAY })).toEqual(Uint8Array.of(10, 1, 0x80));
  });

  test('dhcp/R20 with a giaddr of another network the server is told the network of the client', () => {
    const lab = new RelayLab({ ...LAB_INTERFACE, giaddr: ip('10.0.2.200') });
    const { message, information: value, transmit } = sent(lab.request());
    expect(message.giaddr).toBe(ip('10.0.2.200'));
    expect(transmit.source.address).toBe(ip('10.0.2.200'));
    expect([...(value ?? [])]).toEqual([5, 4, 10, 1, 0, 0]);
  });

  test('dhcp/R20 and clients renew through the relay where it overrides the server identifier', () => {
    const value = information({ giaddr: ip('10.0.2.200'), information: { serverIdOverride: true } });
    expect([...(value ?? [])]).toEqual([5, 4, 10, 1, 0, 0, 11, 4, 10, 1, 0, 1]);
    const ciaddr = ip('10.1.0.7');
    const lab = new RelayLab({ ...LAB_INTERFACE, information: { serverIdOverride: true } });
    expect(sent(lab.request({ type: 'request', ciaddr, source: ciaddr, destination: RELAY })).message.giaddr).toBe(RELAY);
  });

  test('dhcp/R22 a port of its own is told in option 82, and replies come there or to 67', () => {
    const lab = new RelayLab(LAB_INTERFACE, { port: 1067 });
    const { transmit, information: value } = sent(lab.request());
    expect(transmit.source).toEqual({ address: RELAY, port: 1067 });
    expect(transmit.destination.port).toBe(67);
    expect([...(value ?? [])]).toEqual([19, 0]);
    expect(sent(lab.reply({ toPort: 1067, information: Uint8Array.of(19, 0) })).information).toBeUndefined();
    expect(sent(lab.reply({ toPort: 67, information: Uint8Array.of(19, 0) })).information).toBeUndefined();
    expect(lab.reply({ toPort: 1068 })).toBe('wrong-port');
    expect(information({ information: {} })).toBeUndefined();
  });

  test('the source port of a first relay that says so stays, for the answer goes there', () => {
    const lab = new RelayLab();
    const chained = { giaddr: OTHER_RELAY, sourcePort: 1067 };
    expect(sent(lab.request(chained)).transmit.source.port).toBe(67);
    const says = { ...chained, more: [{ code: 82, value: Uint8Array.of(1, 1, 9, 19, 0) }] };
    expect(sent(lab.request(says)).transmit.source.port).toBe(1067);
    const garbled = { ...chained, more: [{ code: 82, value: Uint8Array.of(1, 9, 19, 0) }] };
    expect(sent(lab.request(garbled)).transmit.source.port).toBe(67);
  });
});

describe('what it refuses', () => {
  test('octets that are no message', () => {
    const { payload, ...ends } = datagramOf({ mac: A });
    const label = (octets: Uint8Array, at: number = CLIENTS): unknown => new RelayLab().pass({ ...ends, payload: octets }, at);
    expect(label(new Uint8Array(0))).toBe('too-short');
    expect(label(payload.slice(0, 235))).toBe('too-short');
    expect(label(new Uint8Array(65_508))).toBe('too-long');
    expect(label(Uint8Array.of(3, ...payload.subarray(1)))).toBe('bad-op');
    expect(label(Uint8Array.of(1, 1, 17, ...payload.subarray(3)))).toBe('bad-hlen');
    expect(label(payload, 5)).toBe('unknown-interface');
    expect(new RelayLab().request({ destinationPort: 68 })).toBe('wrong-port');
  });

  test.each([
    { hopsMax: 0 },
    { hopsMax: 17 },
    { secsMin: -1 },
    { secsMin: 65_536 },
    { mtu: 575 },
    { port: 68 },
    { port: 0 },
    { servers: [] },
    { servers: [RELAY] },
    { servers: [ip('255.255.255.255')] },
    { interfaces: [] },
    { interfaces: [LAB_INTERFACE, LAB_INTERFACE] },
    { interfaces: [{ ...LAB_INTERFACE, index: -1 }] },
    { interfaces: [{ ...LAB_INTERFACE, address: ip('10.1.0.255') }] },
    { interfaces: [{ ...LAB_INTERFACE, giaddr: ip('224.0.0.1') }] },
    { interfaces: [{ ...LAB_INTERFACE, information: { circuitId: new Uint8Array(254) } }] },
    { interfaces: [{ ...LAB_INTERFACE, information: { circuitId: new Uint8Array(251), flags: true } }] },
    { transmitCountMax: 0 },
    { eventCountMax: 0 },
  ])('a configuration that contradicts itself: %#', (options) => {
    expect(() => new DhcpRelay({ interfaces: [LAB_INTERFACE], servers: [UPSTREAM], ...options })).toThrow(UsageError);
  });

  test('full queues drop and count', () => {
    const lab = new DhcpRelay({ interfaces: [LAB_INTERFACE], servers: [UPSTREAM], transmitCountMax: 1, eventCountMax: 2 });
    for (let i = 0; i < 4; i++) lab.handleDatagram(i, { ...datagramOf({ mac: A }), interface: CLIENTS });
    expect(lab.inspect()).toMatchObject({ relayed: { requests: 4 }, transmitsDropped: 3, eventsDropped: 2 });
  });

  test('time of events never goes back, and nothing is ever due', () => {
    const { relay } = new RelayLab();
    relay.handleTimeout(50);
    relay.handleDatagram(20, { ...datagramOf({ mac: A }), interface: CLIENTS });
    expect(relay.pollEvent()).toMatchObject({ type: 'request-relayed', at: 50 });
    expect(relay.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('every label stands in the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
      .split('## Relay')[1]
      ?.split('## Witness')[0];
    expect(RELAY_REJECTS.filter((label) => !readme?.includes(`\`${label}\``))).toEqual([]);
  });
});
