import {
  type Datagram,
  IPV4_BROADCAST,
  type Ipv4Address,
  ipv4,
  NEVER,
  parseIpv4,
  parsePrefix,
  SeededEntropy,
  toHex,
} from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { type Announce, encodeAnnounce } from '../src/discovery/announce.js';
import { Discovery, type DiscoveryEvent } from '../src/discovery/discovery.js';
import type { DiscoveryOptions } from '../src/discovery/discovery-options.js';
import { escapeName } from '../src/discovery/text.js';

const OWN = parseIpv4('10.42.0.10');
const PEER = parseIpv4('10.42.0.11');
const GROUP = { address: parseIpv4('239.42.0.1'), port: 37020 };
const KEY = new Uint8Array(32).fill(7);
const FORGED_KEY = new Uint8Array(32).fill(66);

function announce(overrides: Partial<Announce> = {}): Announce {
  return { deviceId: 'node-b', port: 34568, noiseStatic: KEY, services: ['samgrd'], ...overrides };
}

function from(address: Ipv4Address, payload: Uint8Array | Announce, port = 37020): Datagram {
  return {
    source: { address, port },
    destination: GROUP,
    payload: payload instanceof Uint8Array ? payload : encodeAnnounce(payload),
  };
}

const UNLIMITED = { perSecond: 1e9, burst: 1e9 };

function discovery(options: Partial<DiscoveryOptions> = {}): Discovery {
  return new Discovery({
    self: { deviceId: 'node-a', port: 34567, noiseStatic: new Uint8Array(32).fill(1), services: ['samgrd', 'bundlemgrd'] },
    address: OWN,
    entropy: new SeededEntropy(1),
    ...options,
  });
}

function eventsOf(machine: Discovery): DiscoveryEvent[] {
  const events: DiscoveryEvent[] = [];
  for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) events.push(event);
  return events;
}

function sentBy(machine: Discovery): Datagram[] {
  const sent: Datagram[] = [];
  for (let one = machine.pollTransmit(); one !== undefined; one = machine.pollTransmit()) sent.push(one);
  return sent;
}

const octet = (i: number): Ipv4Address => ipv4(10, 42, 1 + (i >>> 8), i & 0xff);

test('fault/S01 nothing that comes in is ever answered: there is no reply to make large', () => {
  const machine = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  for (let i = 0; i < 50; i++) machine.handleDatagram(i, from(PEER, i % 2 === 0 ? announce() : Uint8Array.of(i)));
  expect(sentBy(machine)).toEqual([]);
});

test('fault/S02 fake device ids: the table is bounded, bound and pinned peers stay, one source introduces few', () => {
  const machine = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED, pinned: new Map([['node-b', KEY]]) });
  machine.handleDatagram(0, from(PEER, announce()));
  expect(machine.bind(0, { deviceId: 'node-b', noiseStatic: KEY, endpoint: { address: PEER, port: 34568 } })).toBe(true);
  for (let i = 0; i < 1_000; i++) machine.handleDatagram(i, from(octet(i), announce({ deviceId: `fake-${i}` })));
  expect(machine.peers()).toHaveLength(16);
  expect(machine.peer('node-b')).toMatchObject({ bound: true, key: KEY });
  const one = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  for (let i = 0; i < 100; i++) one.handleDatagram(i, from(octet(1), announce({ deviceId: `fake-${i}` })));
  expect(one.peers()).toHaveLength(4);
  expect(one.inspect().rejects).toEqual({ 'source-quota': 96 });
});

test('fault/S02 where every place is bound a new device is refused', () => {
  const machine = discovery({ peerCountMax: 2, strangerRate: UNLIMITED });
  for (const i of [1, 2]) machine.bind(0, { deviceId: `bound-${i}`, noiseStatic: KEY, endpoint: { address: octet(i), port: 1 } });
  machine.handleDatagram(1, from(PEER, announce()));
  expect(machine.inspect().rejects).toEqual({ 'table-full': 1 });
  expect(machine.bind(2, { deviceId: 'third', noiseStatic: KEY, endpoint: { address: PEER, port: 1 } })).toBe(false);
});

test.each([0, 1, 999, 86_400_001, 2 ** 32 - 1, -1, Number.NaN])('fault/S03 a time to live of %s ms is refused', (ttlMs) => {
  expect(() => discovery({ ttlMs })).toThrow('ttlMs');
});

test('fault/S03 no octet of an announce says how long it counts, and time that goes back doesn’t lengthen it', () => {
  const machine = discovery({ ttlMs: 5_000 });
  const longer = Uint8Array.from([...encodeAnnounce(announce()), 0xff, 0xff, 0xff, 0xff]);
  machine.handleDatagram(1_000, from(PEER, longer));
  expect(machine.nextTimeout()).toBe(6_000);
  machine.handleTimeout(0);
  machine.handleTimeout(5_999);
  expect(machine.peers()).toHaveLength(1);
  machine.handleTimeout(6_000);
  expect(machine.peers()).toEqual([]);
  machine.handleDatagram(7_000, from(PEER, announce()));
  expect(machine.forget(7_000, 'node-b')).toBe(true);
  expect(eventsOf(machine).flatMap((event) => (event.type === 'peer-lost' ? [event.cause] : []))).toEqual([
    'expired',
    'forgotten',
  ]);
});

test('fault/S04 another id with our address, and our id with another key: impersonation, and nothing is known by it', () => {
  const machine = discovery();
  machine.handleDatagram(0, from(OWN, announce()));
  machine.handleDatagram(1, from(PEER, announce({ deviceId: 'node-a', noiseStatic: FORGED_KEY })));
  expect(machine.inspect()).toMatchObject({ peers: [], rejects: { impersonation: 2 } });
});

test('fault/S04 a forged announce for a known device can neither replace its key nor block it (flaw F8)', () => {
  const machine = discovery({ pinned: new Map([['node-b', KEY]]), sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  machine.handleDatagram(0, from(octet(9), announce({ noiseStatic: FORGED_KEY })));
  expect(machine.peers()).toEqual([]);
  machine.handleDatagram(1, from(PEER, announce()));
  for (let i = 0; i < 100; i++) machine.handleDatagram(2 + i, from(octet(i), announce({ noiseStatic: FORGED_KEY })));
  expect(machine.peer('node-b')?.candidates).toMatchObject([{ address: PEER, noiseStatic: KEY }]);
  expect(machine.inspect().rejects).toEqual({ 'key-mismatch': 101 });
});

test('fault/S05 the address is that of the datagram, and one that no node can have is refused', () => {
  const machine = discovery({ network: parsePrefix('10.42.0.0/24'), strangerRate: UNLIMITED });
  for (const bad of ['127.0.0.1', '0.0.0.0', '239.1.2.3', '255.255.255.255', '240.0.0.1'])
    machine.handleDatagram(0, from(parseIpv4(bad), announce()));
  machine.handleDatagram(1, from(PEER, announce(), 0));
  machine.handleDatagram(2, from(parseIpv4('192.0.2.1'), announce()));
  machine.handleDatagram(3, from(PEER, announce({ port: 0 })));
  machine.handleDatagram(3, { ...from(PEER, announce()), destination: { address: OWN, port: 5 } });
  expect(machine.inspect()).toMatchObject({
    peers: [],
    rejects: { 'bad-source': 6, 'foreign-source': 1, 'port-zero': 1, 'wrong-port': 1 },
  });
  machine.handleDatagram(4, from(PEER, announce()));
  expect(machine.peer('node-b')?.candidates[0]).toMatchObject({ address: PEER, port: 34568 });
});

test('fault/S06 a replayed old announce adds a way to dial, the proven one stays', () => {
  const machine = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  machine.handleDatagram(0, from(PEER, announce()));
  machine.bind(0, { deviceId: 'node-b', noiseStatic: KEY, endpoint: { address: PEER, port: 34568 } });
  machine.unbind(1, 'node-b');
  for (let port = 1; port <= 50; port++) machine.handleDatagram(1 + port, from(octet(port), announce({ port })));
  const candidates = machine.peer('node-b')?.candidates ?? [];
  expect(candidates).toHaveLength(4);
  expect(candidates.find(({ proven }) => proven)).toMatchObject({ address: PEER, port: 34568 });
  // A key that a session proved stays with the device: an announce with an old one is refused.
  machine.handleDatagram(60, from(PEER, announce({ noiseStatic: FORGED_KEY })));
  expect(machine.inspect().rejects).toEqual({ 'key-mismatch': 1 });
});

test('fault/S07 a device that flaps 1 000 times a second is told of twice in a second', () => {
  const machine = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  for (let ms = 0; ms < 1_000; ms++) machine.handleDatagram(ms, from(PEER, announce({ port: 1 + (ms % 2) })));
  machine.handleTimeout(1_000);
  expect(eventsOf(machine).map(({ type }) => type)).toEqual(['peer-found', 'peer-changed']);
  const limited = discovery();
  for (let ms = 0; ms < 1_000; ms++) limited.handleDatagram(ms, from(PEER, announce({ port: 1 + (ms % 2) })));
  // 20 at once and 10 a second
  expect(limited.inspect().rejects['source-rate']).toBeGreaterThan(960);
});

test('fault/S08 what is malformed has one label each and no name is shown as it came', () => {
  const machine = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  const good = encodeAnnounce(announce());
  const changed = (at: number, value: number): Uint8Array => good.map((one, i) => (i === at ? value : one));
  for (let length = 0; length < good.length; length++) machine.handleDatagram(length, from(PEER, good.slice(0, length)));
  expect(machine.inspect().rejects).toEqual({ truncated: good.length });
  for (const bad of [changed(0, 0), changed(4, 2), changed(5, 0), changed(6, 0xff), changed(46, 17), changed(47, 65)])
    machine.handleDatagram(100, from(PEER, bad));
  expect(machine.inspect().rejects).toEqual({
    truncated: good.length,
    'bad-magic': 1,
    'unsupported-version': 1,
    'bad-device-id-length': 1,
    'bad-utf8': 1,
    'bad-service-count': 1,
    'bad-service-name-length': 1,
  });
  expect(machine.peers()).toEqual([]);
  expect(escapeName('n\u0000o\u202ede-\u0430\\')).toBe('n\\u{0}o\\u{202e}de-\\u{430}\\u{5c}');
});

test('fault/S09 an announce of another version is refused: no version is chosen before a handshake', () => {
  const machine = discovery();
  for (const version of [0, 2, 255]) {
    const other = encodeAnnounce(announce());
    other[4] = version;
    machine.handleDatagram(version, from(PEER, other));
  }
  expect(machine.inspect()).toMatchObject({ peers: [], rejects: { 'unsupported-version': 3 } });
});

test('fault/S10 a storm of our own announces is counted, and that is all', () => {
  const machine = discovery({ sourceRate: UNLIMITED, strangerRate: UNLIMITED });
  machine.start(0);
  const own = sentBy(machine)[0]?.payload as Uint8Array;
  eventsOf(machine);
  for (let i = 0; i < 500; i++) machine.handleDatagram(i, from(PEER, own));
  expect(machine.inspect()).toMatchObject({ peers: [], rejects: { 'own-echo': 500 } });
  // One event a second for each label.
  expect(eventsOf(machine)).toMatchObject([{ type: 'rejected', label: 'own-echo', count: 1 }]);
});

/** All of them where there is time for it. */
const MANY = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1') > 1 ? 10_000 : 1_000;

test(`fault/S11 ${MANY} devices: as many as the limit says, each with its own time`, () => {
  const machine = discovery({
    sourceRate: UNLIMITED,
    strangerRate: UNLIMITED,
    peerCountMax: 10_000,
    ttlMs: 60_000,
    eventCountMax: 20_000,
  });
  for (let i = 0; i < MANY; i++) machine.handleDatagram(i, from(octet(i), announce({ deviceId: `device-${i}` })));
  expect(machine.inspect().peers).toHaveLength(MANY);
  machine.handleTimeout(60_000 + MANY / 2 - 1);
  expect(machine.inspect().peers).toHaveLength(MANY / 2);
});

test('fault/S12 an announce says the listed fields and nothing else, octet for octet', () => {
  const machine = discovery();
  machine.start(0);
  expect(sentBy(machine).map(({ payload }) => toHex(payload))).toEqual([
    `4e585342${'01'}${'06'}6e6f64652d61${'8707'}${'01'.repeat(32)}${'02'}${'06'}73616d677264${'0a'}62756e646c656d677264`,
  ]);
});

test('announces go to the group, after a time without a peer by broadcast too, then to single nodes, and stay there', () => {
  const machine = discovery({
    targets: { unicast: [PEER] },
    schedule: { type: 'steady', jitterMs: 0, quickCount: 0, intervalMs: 1_000 },
  });
  machine.start(0);
  const destinations = (now: number): Ipv4Address[] => {
    machine.handleTimeout(now);
    return sentBy(machine).map(({ destination }) => destination.address);
  };
  const steps = [0, 1_000, 2_000, 3_000, 4_000].map(destinations);
  expect(steps.map((one) => one.length)).toEqual([1, 1, 2, 2, 3]);
  expect(steps[4]).toEqual([GROUP.address, IPV4_BROADCAST, PEER]);
  machine.handleDatagram(4_500, from(PEER, announce()));
  expect(destinations(5_000)).toHaveLength(3);
  machine.stop(5_001);
  expect(machine.nextTimeout()).toBe(64_500); // only the peer's time is left
});

test('a flood from forged sources takes nothing from a bound peer', () => {
  const machine = discovery();
  machine.bind(0, { deviceId: 'node-b', noiseStatic: KEY, endpoint: { address: PEER, port: 34568 } });
  for (let i = 0; i < 1_000; i++) machine.handleDatagram(0, from(octet(i), announce({ deviceId: `fake-${i}` })));
  expect(machine.inspect().rejects['stranger-rate']).toBe(950);
  machine.handleDatagram(1, from(PEER, announce({ port: 40_000 })));
  expect(machine.peer('node-b')?.candidates[0]).toMatchObject({ port: 40_000 });
});

test('the schedule of the OS: at once, then at each multiple of 64 ms, however late it is called', () => {
  const machine = discovery({ schedule: { type: 'os' }, ttlMs: NEVER });
  machine.start(7);
  expect(machine.nextTimeout()).toBe(64);
  machine.handleTimeout(64);
  expect(machine.nextTimeout()).toBe(128);
  machine.handleTimeout(1_000);
  expect(machine.nextTimeout()).toBe(1_024);
  expect(machine.inspect().announced).toBe(3);
});
