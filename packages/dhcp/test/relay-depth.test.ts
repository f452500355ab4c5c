import { type Ipv4Address, parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { DhcpRelay, type DhcpRelayInformation, type DhcpRelayInterface, type DhcpRelayOptions } from '../src/index.js';
import {
  CIRCUIT,
  CIRCUIT_INFORMATION,
  CLIENTS,
  LAB_INTERFACE,
  only,
  type Passed,
  patched,
  RELAY,
  RelayLab,
  replyDatagram,
  SERVERS,
  sent,
  UPSTREAM,
  WITH_CIRCUIT,
} from './support/relay-lab.js';
import { datagramOf } from './support/server-lab.js';

const ip = parseIpv4;
const OTHER_RELAY = ip('10.7.0.1');

/** A request whose option area is exactly these octets. */
function requestOf(octets: readonly number[], { giaddr }: { readonly giaddr?: Ipv4Address } = {}): ReturnType<typeof datagramOf> {
  const { payload, ...ends } = datagramOf({ ...(giaddr !== undefined && { giaddr }) });
  const message = new Uint8Array(240 + octets.length);
  message.set(payload.subarray(0, 240));
  message.set(octets, 240);
  return { ...ends, payload: message };
}

/** What the relay makes of the option area. */
function areaAfter(port: DhcpRelayInterface, octets: readonly number[]): number[] {
  return [...sent(only(new RelayLab(port).pass(requestOf(octets), CLIENTS))).transmit.payload.subarray(240)];
}

const OURS = [82, 4, ...CIRCUIT_INFORMATION];

describe('where option 82 is put (RFC 3046 §2.1: last)', () => {
  test.each([
    ['before END', [53, 1, 1, 255], [53, 1, 1, ...OURS, 255]],
    ['in the padding behind END', [53, 1, 1, 255, 0, 0, 0, 0, 0, 0, 0], [53, 1, 1, ...OURS, 255, 0]],
    ['before END and what stands behind it', [53, 1, 1, 255, 7, 0], [53, 1, 1, ...OURS, 255, 7]],
    ['with an END where there was none', [53, 1, 1], [53, 1, 1, ...OURS, 255]],
    ['in the padding where there was no END', [53, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [53, 1, 1, ...OURS, 255, 0]],
    ['before an option that is cut off, which keeps its octets', [53, 1, 1, 12, 4, 0x61, 0], [53, 1, 1, ...OURS, 12, 4, 0x61, 0]],
    ['before a code without a length', [53, 1, 1, 12], [53, 1, 1, ...OURS, 12]],
    ['behind an option that ends in zeros', [53, 1, 1, 12, 2, 0, 0, 255], [53, 1, 1, 12, 2, 0, 0, ...OURS, 255]],
  ])('%s', (_, before, after) => {
    expect(areaAfter(WITH_CIRCUIT, before)).toEqual(after);
  });
});

describe('option 82 in parts (RFC 3396)', () => {
  const appending: DhcpRelayInterface = {
    ...LAB_INTERFACE,
    trusted: true,
    information: { circuitId: CIRCUIT, whenPresent: 'append' },
  };

  test('of a request are joined, and ours follows', () => {
    expect(areaAfter(appending, [53, 1, 1, 82, 2, 1, 1, 12, 1, 0x61, 82, 1, 9, 255]).slice(0, 16)).toEqual([
      ...[53, 1, 1, 12, 1, 0x61],
      ...[82, 7, 1, 1, 9, ...CIRCUIT_INFORMATION],
      255,
    ]);
  });

  test('of a reply are known as ours, and taken out, all of them', () => {
    const { payload, ...ends } = replyDatagram({});
    const message = patched(payload, { 240: [53, 1, 2, 82, 1, 1, 82, 3, 2, ...CIRCUIT, 255] });
    const lab = new RelayLab(WITH_CIRCUIT);
    const out = sent(only(lab.pass({ ...ends, payload: message }, SERVERS))).transmit.payload;
    expect([...out.subarray(240, 246)]).toEqual([53, 1, 2, 255, 0, 0]);
    expect(lab.events.at(-1)).toMatchObject({ information: 'removed' });
  });
});

describe('room for option 82', () => {
  /** A request of so many octets with an option 82 of a trusted element. */
  const present = (length: number): ReturnType<typeof datagramOf> => {
    const octets = new Array<number>(length - 240).fill(7); // behind END, so that no padding makes room
    octets.splice(0, 7, 53, 1, 1, 82, 1, 9, 255);
    return requestOf(octets);
  };
  const port = (information: DhcpRelayInformation, giaddr?: Ipv4Address): DhcpRelayInterface => ({
    ...LAB_INTERFACE,
    trusted: true,
    ...(giaddr !== undefined && { giaddr }),
    information: { circuitId: CIRCUIT, ...information },
  });

  test.each([
    ['append', 4, 'appended'],
    ['replace', 3, 'replaced'],
  ] as const)('%s: to the octet', (whenPresent, grows, fate) => {
    for (const [length, expected] of [
      [576 - 28 - grows, fate],
      [576 - 28 - grows + 1, 'left-out'],
    ] as const) {
      const lab = new RelayLab(port({ whenPresent }), { mtu: 576 });
      const { payload } = sent(only(lab.pass(present(length), CLIENTS))).transmit;
      expect(lab.events.at(-1)).toMatchObject({ information: expected });
      expect(payload).toHaveLength(expected === 'left-out' ? length : 548);
    }
  });

  test('what the server needs to choose the network is not left out: the request is dropped', () => {
    const remote = port({ whenPresent: 'append' }, ip('10.0.2.200'));
    const lab = new RelayLab(remote, { mtu: 576 });
    expect(lab.pass(present(548), CLIENTS)).toBe('no-room');
    expect(typeof lab.pass(present(500), CLIENTS)).toBe('object');
  });

  test.each([
    ['option 57', [57, 2, 2, 64], 'left-out'],
    ['option 57 of three octets, which is none', [57, 3, 2, 64, 0], 'added'],
    ['another option of two octets', [22, 2, 2, 64], 'added'],
  ])('is bounded by what the client takes: %s', (_, option, fate) => {
    const octets = new Array<number>(560 - 240).fill(7);
    octets.splice(0, 4 + option.length, 53, 1, 1, ...option, 255);
    const lab = new RelayLab(WITH_CIRCUIT);
    lab.pass(requestOf(octets), CLIENTS);
    expect(lab.events.at(-1)).toMatchObject({ information: fate });
  });

  test('255 octets are the most that one option 82 holds', () => {
    for (const [length, expected] of [
      [255 - 4, 'appended'],
      [255 - 3, 'left-out'],
    ] as const) {
      const value = [2, length - 2, ...new Array<number>(length - 2).fill(5)];
      const lab = new RelayLab(port({ whenPresent: 'append' }));
      lab.pass(requestOf([53, 1, 1, 82, length, ...value, 255]), CLIENTS);
      expect(lab.events.at(-1)).toMatchObject({ information: expected });
    }
  });
});

describe('what became of option 82 is told', () => {
  const trusted = (whenPresent?: 'keep' | 'replace' | 'append'): DhcpRelayInterface => ({
    ...LAB_INTERFACE,
    trusted: true,
    ...(whenPresent !== undefined && { information: { circuitId: CIRCUIT, whenPresent } }),
  });
  const SOMETHING = Uint8Array.of(1, 1, 9);

  test.each<[string, DhcpRelayInterface, Uint8Array | undefined]>([
    ['none', LAB_INTERFACE, undefined],
    ['removed', WITH_CIRCUIT, CIRCUIT_INFORMATION],
    ['kept', trusted(), SOMETHING],
    ['kept', trusted('keep'), SOMETHING],
    ['restored', trusted('append'), Uint8Array.of(...SOMETHING, ...CIRCUIT_INFORMATION)],
  ])('in a reply: %s', (fate, port, information) => {
    const lab = new RelayLab(port);
    lab.reply(information === undefined ? {} : { information });
    expect(lab.events).toMatchObject([{ type: 'reply-relayed', information: fate }]);
    expect(lab.relay.inspect()).toMatchObject({ relayed: { replies: 1 }, information: { [fate]: 1 } });
  });

  test.each<[string, DhcpRelayInterface, readonly number[]]>([
    ['behind another one, where we replace', trusted('replace'), [...SOMETHING, ...CIRCUIT_INFORMATION]],
    [
      'behind another one, where nobody is trusted',
      { ...trusted('append'), trusted: false },
      [...SOMETHING, ...CIRCUIT_INFORMATION],
    ],
    ['of another one that is longer than ours', trusted('append'), [1, 6, 9, 9, 9, 9, 9, 9]],
  ])('in a reply, %s: it is not ours', (_, port, information) => {
    expect(new RelayLab(port).reply({ information: Uint8Array.from(information) })).toBe('foreign-information');
  });

  test('in fields that no option 52 of the options field lends, there is none', () => {
    const { payload, ...ends } = replyDatagram({});
    const octets = [82, 1, 8, 255];
    for (const lent of [
      { 240: [53, 1, 2, 52, 1, 1, 255], 44: octets },
      { 240: [53, 1, 2, 52, 1, 1, 255], 44: octets, 108: [52, 1, 2, 255] },
      { 240: [53, 1, 2, 52, 1, 2, 255], 108: octets },
    ]) {
      const message = patched(payload, lent);
      expect(sent(only(new RelayLab().pass({ ...ends, payload: message }, SERVERS))).transmit.payload).toEqual(message);
    }
  });

  test('in a request that another relay has passed on', () => {
    const lab = new RelayLab(WITH_CIRCUIT);
    lab.request({ giaddr: OTHER_RELAY, hops: 1, more: [{ code: 82, value: SOMETHING }] });
    lab.request({ giaddr: OTHER_RELAY, hops: 1 });
    lab.pass(
      { ...requestOf([], { giaddr: OTHER_RELAY }), payload: requestOf([], { giaddr: OTHER_RELAY }).payload.slice(0, 236) },
      CLIENTS,
    );
    expect(lab.events.map((event) => (event.type === 'request-relayed' ? event.information : event.type))).toEqual([
      'kept',
      'none',
      'none',
    ]);
    expect(lab.relay.inspect()).toMatchObject({ relayed: { requests: 3 } });
  });
});

describe('interfaces that share a giaddr', () => {
  const giaddr = ip('10.0.2.200');
  const other: DhcpRelayInterface = { index: 2, address: ip('10.2.0.1'), prefix: parsePrefix('10.2.0.0/24'), giaddr };

  test('a BOOTP reply goes by its address', () => {
    const lab = new RelayLab([{ ...LAB_INTERFACE, giaddr }, other]);
    const { payload, ...ends } = replyDatagram({ type: 'none', giaddr, yiaddr: ip('10.2.0.7') });
    const bootp = patched(payload, { 236: [1, 2, 3, 4] });
    expect(sent(only(lab.pass({ ...ends, payload: bootp }, SERVERS))).to).toBe('10.2.0.7:68@2000000000a at 2');
  });

  test('on the same network: nothing tells which one a reply is for', () => {
    const twin = { ...LAB_INTERFACE, giaddr, index: 3, address: ip('10.1.0.3') };
    expect(new RelayLab([{ ...LAB_INTERFACE, giaddr }, twin]).reply({ giaddr })).toBe('unknown-client-interface');
  });
});

describe('whose messages are passed on', () => {
  test.each([
    ['a lease query', 10, false],
    ['the last type of lease queries', 18, false],
    ['a type to come', 19, true],
  ])('%s', (_, type, goesOn) => {
    const more = [{ code: 53, value: Uint8Array.of(type) }];
    const up = new RelayLab().request({ type: 'none', more });
    const down = new RelayLab().reply({ type: 'none', more });
    if (goesOn) expect([sent(up).to, sent(down).to]).toEqual(['10.0.2.2:67', '10.1.0.7:68@2000000000a at 1']);
    else expect([up, down]).toEqual(['not-a-client-message', 'not-for-clients']);
  });

  test('a message of 65507 octets goes on, no datagram is longer', () => {
    const octets = new Array<number>(65_507 - 240).fill(0);
    octets.splice(0, 4, 53, 1, 1, 255);
    const whole = requestOf(octets);
    expect(sent(only(new RelayLab(LAB_INTERFACE, { mtu: 65_535 }).pass(whole, CLIENTS))).transmit.payload).toHaveLength(65_507);
    const longer = { ...whole, payload: new Uint8Array([...whole.payload, 0]) };
    expect(new RelayLab(LAB_INTERFACE, { mtu: 65_535 }).pass(longer, CLIENTS)).toBe('too-long');
  });

  test('the port of the relay before us is kept where its option 82 asks for that, and only there (RFC 8357 §5.1)', () => {
    const from = (value: Uint8Array): number => {
      const ask = { giaddr: OTHER_RELAY, hops: 1, sourcePort: 4011, more: [{ code: 82, value }] };
      return sent(new RelayLab().request(ask)).transmit.source.port;
    };
    expect(from(Uint8Array.of(1, 1, 9, 19, 0))).toBe(4011);
    expect(from(Uint8Array.of(1, 1, 9))).toBe(67);
  });

  test('each server’s copy is its own', () => {
    const lab = new RelayLab(LAB_INTERFACE, { servers: [UPSTREAM, ip('10.0.3.2'), ip('10.0.4.2')] });
    const copies = (lab.pass(datagramOf({}), CLIENTS) as Passed[]).map(({ transmit }) => transmit.payload);
    for (const [i, copy] of copies.entries()) copy[0] = 100 + i;
    expect(copies.map((copy) => copy[0])).toEqual([100, 101, 102]);
  });

  test('a message type of two octets is none', () => {
    expect(sent(only(new RelayLab().pass(requestOf([53, 2, 10, 0, 255]), CLIENTS))).to).toBe('10.0.2.2:67');
  });
});

describe('configuration', () => {
  const make = (port: Partial<DhcpRelayInterface>, options: Partial<DhcpRelayOptions> = {}): DhcpRelay =>
    new DhcpRelay({ interfaces: [{ ...LAB_INTERFACE, ...port }], servers: [UPSTREAM], ...options });
  const identifier = (length: number): DhcpRelayInformation => ({ remoteId: new Uint8Array(length - 2) });

  test.each<[string, Partial<DhcpRelayInterface>, Partial<DhcpRelayOptions>]>([
    ['a threshold of 65535 s', {}, { secsMin: 65_535 }],
    ['an MTU of 65535', {}, { mtu: 65_535 }],
    ['an MTU of 576', {}, { mtu: 576 }],
    ['port 1', {}, { port: 1 }],
    ['port 65535', {}, { port: 65_535 }],
    ['index 0', { index: 0 }, {}],
    ['sub-options of 255 octets', { information: identifier(255) }, {}],
  ])('%s is accepted', (_, port, options) => {
    expect(make(port, options).inspect().rejects).toEqual({});
  });

  test.each<[string, Partial<DhcpRelayInterface>, Partial<DhcpRelayOptions>]>([
    ['a threshold of 65536 s', {}, { secsMin: 65_536 }],
    ['an MTU of 65536', {}, { mtu: 65_536 }],
    ['an MTU of 575', {}, { mtu: 575 }],
    ['port 0', {}, { port: 0 }],
    ['port 65536', {}, { port: 65_536 }],
    ['index -1', { index: -1 }, {}],
    ['sub-options of 256 octets', { information: identifier(256) }, {}],
    ['a network that the address is not of', { prefix: parsePrefix('10.2.0.0/24') }, {}],
  ])('%s is refused', (_, port, options) => {
    expect(() => make(port, options)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  test('by default: replies from anybody, requests of other relays, what trusted elements add', () => {
    const lab = new RelayLab({ ...LAB_INTERFACE, trusted: true, information: { circuitId: CIRCUIT } });
    expect(sent(lab.reply({ from: ip('10.0.2.77'), information: CIRCUIT_INFORMATION })).to).toBe('10.1.0.7:68@2000000000a at 1');
    expect(sent(lab.request({ giaddr: OTHER_RELAY, hops: 1 })).message.giaddr).toBe(OTHER_RELAY);
    const { information } = sent(lab.request({ more: [{ code: 82, value: Uint8Array.of(1, 1, 9) }] }));
    expect(information).toEqual(Uint8Array.of(1, 1, 9));
    expect(sent(lab.request()).message.giaddr).toBe(RELAY);
  });
});
