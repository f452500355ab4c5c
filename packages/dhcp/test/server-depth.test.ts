import { type Datagram, type Ipv4Address, parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type DhcpLeaseRecord, DhcpServer, type DhcpServerOptions } from '../src/index.js';
import {
  A,
  type Ask,
  B,
  BROADCAST,
  C,
  datagramOf,
  FIRST,
  kind,
  LAB_OPTIONS,
  number,
  option,
  type Reply,
  readReply,
  SERVER,
  ServerLab,
} from './support/server-lab.js';

const ip = parseIpv4;
const SECOND_ADDRESS = ip('10.0.2.16');
const RELAY = ip('10.0.2.99');
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
/** Option 82 with a circuit id. */
const circuit = (id: number): Ask => ({ giaddr: RELAY, more: [{ code: 82, value: Uint8Array.of(1, 1, id) }] });
const ONE_ADDRESS: Partial<DhcpServerOptions> = { pool: { first: FIRST, last: FIRST } };

function stores(lab: ServerLab): { readonly id: number; readonly record: DhcpLeaseRecord }[] {
  return lab.events.flatMap((event) => (event.type === 'store' ? [event] : []));
}

/** The newest record that waits for the store. */
function pending(lab: ServerLab): number {
  return stores(lab).at(-1)?.id ?? -1;
}

describe('the buffer of a datagram is the caller’s again after the call', () => {
  /** Hands the datagram over, and then uses its buffer for something else. */
  function hand(server: DhcpServer, ask: Ask): void {
    const datagram: Datagram = datagramOf(ask);
    server.handleDatagram(0, datagram);
    datagram.payload.fill(0xee);
  }

  test('while a lease waits for the store', () => {
    const server = new DhcpServer({ ...LAB_OPTIONS, durability: 'confirmed' });
    const clientId = Uint8Array.of(0, 7, 7);
    hand(server, { type: 'request', mac: A, requested: FIRST, server: SERVER, xid: 5, clientId, asked: [6], ...circuit(9) });
    server.confirmStored(0, 1);
    const ack = readReply(server.pollTransmit() as never);
    expect([ack.type, ack.message.xid, ack.to]).toEqual(['ack', 5, '10.0.2.99:67']);
    expect([...ack.message.chaddr.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0, 10]);
    expect(ack.message.options.map(({ code }) => code)).toEqual([53, 54, 51, 58, 59, 1, 6, 61, 82]);
    expect([option(ack, 61), option(ack, 82)]).toEqual([clientId, Uint8Array.of(1, 1, 9)]);
  });

  test('while a lease waits: what the relay asked for holds (RFC 8357, RFC 5107)', () => {
    const server = new DhcpServer({ ...LAB_OPTIONS, durability: 'confirmed' });
    const more = [{ code: 82, value: Uint8Array.of(11, 4, 10, 0, 2, 99, 19, 0) }];
    hand(server, {
      type: 'request',
      mac: A,
      requested: FIRST,
      server: RELAY,
      giaddr: RELAY,
      source: RELAY,
      sourcePort: 4011,
      more,
    });
    server.confirmStored(0, 1);
    const ack = readReply(server.pollTransmit() as never);
    expect([ack.type, ack.to, number(ack, 54)]).toEqual(['ack', '10.0.2.99:4011', RELAY]);
  });

  test('while a lease waits: an option 82 that no relay added asks for nothing', () => {
    const server = new DhcpServer({ ...LAB_OPTIONS, durability: 'confirmed' });
    const more = [{ code: 82, value: Uint8Array.of(11, 4, 10, 0, 2, 99, 19, 0) }];
    hand(server, { type: 'request', mac: A, requested: FIRST, server: SERVER, more });
    server.confirmStored(0, 1);
    const ack = readReply(server.pollTransmit() as never);
    expect([ack.type, ack.to, number(ack, 54)]).toEqual(['ack', '10.0.2.15:68@2000000000a', SERVER]);
  });

  test('while an address is probed', () => {
    const server = new DhcpServer({ ...LAB_OPTIONS, conflictCheck: {} });
    hand(server, { mac: B, xid: 6 });
    server.probeResult(0, 1, 'free');
    const offer = readReply(server.pollTransmit() as never);
    expect([offer.type, offer.message.xid, offer.to]).toEqual(['offer', 6, '10.0.2.15:68@2000000000b']);
  });

  test('as long as the lease runs: what the relay said of the client is kept', () => {
    const server = new DhcpServer({ ...LAB_OPTIONS, leaseQuery: 'every-relay' });
    hand(server, { type: 'request', mac: A, requested: FIRST, server: SERVER, ...circuit(9) });
    server.pollTransmit();
    server.handleDatagram(
      1,
      datagramOf({ type: 'leaseQuery', giaddr: RELAY, ciaddr: FIRST, hlen: 0, chaddr: new Uint8Array(16) }),
    );
    expect(option(readReply(server.pollTransmit() as never), 82)).toEqual(Uint8Array.of(1, 1, 9));
  });
});

describe('counters', () => {
  test('one for each kind of message that came and went', () => {
    const lab = new ServerLab({ leaseQuery: 'every-relay' });
    lab.lease(A);
    lab.decline(A, FIRST);
    lab.release(B, lab.lease(B));
    lab.ask({ type: 'inform', ciaddr: ip('10.0.2.77') });
    lab.select(C, ip('10.0.2.99'));
    lab.ask({ type: 'leaseQuery', giaddr: RELAY, ciaddr: ip('10.0.2.77') });
    const { received, sent } = lab.server.inspect();
    expect(received).toEqual({ discover: 2, request: 3, decline: 1, release: 1, inform: 1, 'lease-query': 1 });
    expect(sent).toEqual({ offer: 2, ack: 3, nak: 1, 'lease-unknown': 1 });
  });

  test('a server without a past has restored and skipped nothing', () => {
    expect(new ServerLab().server.inspect().restore).toEqual({ restored: 0, skipped: 0, revisionMax: 0 });
  });

  test('leases are counted while they run', () => {
    const lab = new ServerLab();
    lab.lease(A);
    lab.lease(B);
    expect(lab.server.inspect().counts).toMatchObject({ bindings: 2, leased: 2, offered: 0 });
    lab.renew(A, FIRST);
    lab.release(B, SECOND_ADDRESS);
    expect(lab.server.inspect().counts.leased).toBe(1);
    lab.advance(600_000);
    expect(lab.server.inspect().counts.leased).toBe(0);
  });
});

describe('a store that is slow or fails', () => {
  const confirmed = { durability: 'confirmed', leaseMs: 10_000, leaseMsMin: 1_000 } as const;

  test('with a whole second left the ACK goes out, with less it does not', () => {
    for (const [late, seconds] of [
      [9_000, [1]],
      [9_001, []],
    ] as const) {
      const lab = new ServerLab(confirmed);
      lab.discover(A);
      lab.select(A, FIRST);
      lab.server.confirmStored(late, pending(lab));
      expect(lab.drain().map((reply) => number(reply, 51))).toEqual(seconds);
    }
  });

  test('a failure is counted, and the address stays offered for the time of an offer', () => {
    const lab = new ServerLab(confirmed);
    lab.discover(A);
    lab.select(A, FIRST);
    lab.server.storeFailed(1_000, pending(lab));
    lab.drain();
    expect(lab.server.inspect().rejects).toEqual({ 'store-failed': 1 });
    expect(lab.server.inspect().subnets[0]?.bindings).toMatchObject([{ state: 'offered', until: 61_000 }]);
  });

  test('a failure told after the lease ran out changes nothing', () => {
    const lab = new ServerLab(confirmed);
    lab.discover(A);
    lab.select(A, FIRST);
    lab.advance(10_000);
    lab.server.storeFailed(10_000, pending(lab));
    expect(lab.bindings()).toEqual(['10.0.2.15 expired']);
  });

  test('a lease that ran out while it waited does not stand in for the next one', () => {
    const lab = new ServerLab(confirmed);
    lab.discover(A);
    lab.select(A, FIRST);
    const first = pending(lab);
    lab.advance(10_000);
    lab.discover(A);
    expect(lab.select(A, FIRST)).toBe('nothing');
    expect(pending(lab)).not.toBe(first);
    lab.server.confirmStored(10_000, pending(lab));
    expect(lab.drain().map(kind)).toEqual(['ack']);
  });

  test('a lease that nobody could be told to store is an offer again, for the time of an offer', () => {
    // Room for the event of the OFFER; nobody drains it, so the one of the store finds none.
    const server = new DhcpServer({ ...LAB_OPTIONS, ...confirmed, eventCountMax: 1 });
    server.handleDatagram(0, datagramOf({ mac: A }));
    server.handleDatagram(1_000, datagramOf({ type: 'request', mac: A, requested: FIRST, server: SERVER }));
    expect(server.inspect().subnets[0]?.bindings).toMatchObject([{ state: 'offered', until: 61_000 }]);
    expect(server.pollTransmit()).toBeDefined();
    expect(server.pollTransmit()).toBeUndefined();
    while (server.pollEvent() !== undefined);
    server.handleDatagram(2_000, datagramOf({ type: 'request', mac: A, requested: FIRST, server: SERVER }));
    expect(server.pollEvent()).toMatchObject({ type: 'store', record: { until: 12_000 } });
  });

  test('what is declined is stored as out of use, what is released as free', () => {
    const lab = new ServerLab(confirmed);
    const lease = (mac: typeof A): Ipv4Address => {
      const { yiaddr } = lab.discover(mac).message;
      lab.select(mac, yiaddr);
      lab.server.confirmStored(lab.now, pending(lab));
      lab.drain();
      return yiaddr;
    };
    lab.decline(A, lease(A));
    expect(stores(lab).at(-1)?.record).toMatchObject({ address: FIRST, state: 'quarantined', until: 3_600_000 });
    lab.release(B, lease(B));
    expect(stores(lab).at(-1)?.record).toMatchObject({ address: SECOND_ADDRESS, state: 'released', until: 0 });
  });

  test('nobody waits for the ACK of an address that was given back', () => {
    const lab = new ServerLab(confirmed);
    lab.discover(A);
    lab.select(A, FIRST);
    expect(lab.server.inspect().counts.commits).toBe(1);
    const id = pending(lab);
    lab.release(A, FIRST);
    expect(lab.server.inspect().counts.commits).toBe(0);
    lab.server.confirmStored(0, id);
    expect(lab.drain()).toEqual([]);
  });

  test('without confirmation nobody is asked to store anything', () => {
    const lab = new ServerLab({ conflictCheck: {} });
    lab.send({ mac: A });
    lab.server.probeResult(0, 1, 'in-use');
    lab.server.probeResult(0, 2, 'free');
    lab.drain();
    lab.select(A, SECOND_ADDRESS);
    lab.decline(A, SECOND_ADDRESS);
    expect(stores(lab)).toEqual([]);
    expect(lab.types()).toContain('declined');
  });
});

describe('who is answered, and where', () => {
  test('a probe ends after its time, and not before', () => {
    const lab = new ServerLab({ conflictCheck: { probeMsMax: 700 } });
    lab.advance(5_000);
    lab.send({ mac: A });
    expect(lab.server.nextTimeout()).toBe(5_700);
    lab.server.handleTimeout(5_699);
    expect(lab.drain()).toEqual([]);
    lab.server.handleTimeout(5_700);
    expect(lab.drain().map(kind)).toEqual(['offer']);
  });

  test('an offer that waits for its probe does not lapse meanwhile', () => {
    const lab = new ServerLab({ conflictCheck: { probeMsMax: 5_000 }, offerMs: 1_000 });
    lab.send({ mac: A });
    lab.advance(4_999);
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']);
    lab.server.probeResult(4_999, 1, 'free');
    expect(lab.drain().map(kind)).toEqual(['offer']);
  });

  test('a class that gets no answer may decline what it holds', () => {
    const printers = { name: 'printers', match: { vendorClass: { equals: 'printer' } }, deny: true } as const;
    const lab = new ServerLab({ classes: [printers] });
    lab.lease(A);
    lab.decline(A, FIRST, { more: [{ code: 60, value: ascii('printer') }] });
    expect(lab.bindings()).toEqual(['10.0.2.15 quarantined']);
  });

  test('a REQUEST from a network that is not configured has no answer', () => {
    expect(new ServerLab().select(A, FIRST, { giaddr: ip('192.0.2.1') })).toBe('unknown-network');
  });

  test('a lease query without a relay to answer to is refused', () => {
    const lab = new ServerLab({ leaseQuery: 'every-relay' });
    lab.lease(A);
    expect(lab.ask({ type: 'leaseQuery', ciaddr: FIRST })).toBe('lease-query-refused');
    expect(kind(lab.ask({ type: 'leaseQuery', ciaddr: FIRST, giaddr: RELAY }))).toBe('other');
  });

  test('an INFORM with an option 82 that no relay added is answered straight (RFC 3046 §2.1)', () => {
    const more = [{ code: 82, value: Uint8Array.of(1, 1, 7) }];
    const reply = new ServerLab().ask({ type: 'inform', ciaddr: ip('10.0.2.77'), more }) as Reply;
    expect(reply.to).toBe('10.0.2.77:68');
  });

  test.each<[string, Partial<DhcpServerOptions>, holder: typeof A | undefined, (lab: ServerLab) => Reply | string]>([
    ['wrong-network', {}, undefined, (lab) => lab.reboot(A, ip('192.0.2.1'))],
    ['address-taken', {}, B, (lab) => lab.select(A, FIRST)],
    ['not-served', {}, undefined, (lab) => lab.select(A, ip('10.0.2.200'))],
    ['other-address', {}, A, (lab) => lab.select(A, ip('10.0.2.17'))],
    ['reserved-elsewhere', { reservations: [{ mac: A, address: ip('10.0.2.100') }] }, undefined, (lab) => lab.select(A, FIRST)],
    ['quota', { hardwareBindingCountMax: 1 }, A, (lab) => lab.select(A, SECOND_ADDRESS, { clientId: ascii('x1') })],
  ])('a NAK says why: %s (RFC 2131 table 3, option 56)', (reason, options, holder, act) => {
    const lab = new ServerLab(options);
    if (holder !== undefined) lab.lease(holder);
    const reply = act(lab);
    expect(kind(reply)).toBe('nak');
    expect(String.fromCharCode(...(option(reply, 56) ?? []))).toMatch(/^[ -~]+$/);
    expect(lab.events.at(-1)).toMatchObject({ type: 'nak', reason });
  });
});

describe('what becomes of an offer that nobody takes', () => {
  const OFFER_MS = 60_000;

  test('of a new client: the address is nobody’s', () => {
    const lab = new ServerLab();
    lab.discover(A);
    lab.discover(A);
    lab.advance(OFFER_MS);
    expect(lab.server.inspect().subnets[0]?.bindings).toEqual([
      { address: '10.0.2.15', state: 'fresh', until: Number.POSITIVE_INFINITY },
    ]);
  });

  test.each([
    ['expired', (lab: ServerLab) => lab.advance(600_000)],
    ['released', (lab: ServerLab) => void lab.release(A, FIRST)],
  ])('of a client that had it before: it is %s as before, and still known as the client’s', (state, end) => {
    const lab = new ServerLab();
    lab.lease(A);
    end(lab);
    lab.discover(A);
    lab.discover(A); // an offer that is made again keeps what was before it
    lab.advance(OFFER_MS);
    expect(lab.bindings()).toEqual([`10.0.2.15 ${state}`]);
    expect(lab.discover(B).message.yiaddr).toBe(SECOND_ADDRESS); // an address that nobody had comes first
    expect(lab.discover(A).message.yiaddr).toBe(FIRST);
  });

  test('of somebody else’s old address: its old holder is forgotten', () => {
    const lab = new ServerLab(ONE_ADDRESS);
    lab.lease(A);
    lab.release(A, FIRST);
    lab.discover(B);
    lab.advance(OFFER_MS);
    expect(lab.server.inspect().subnets[0]?.bindings).toEqual([
      { address: '10.0.2.15', state: 'fresh', until: Number.POSITIVE_INFINITY },
    ]);
  });

  test('an offer that is made again to its client ends no other, at the limit too', () => {
    const lab = new ServerLab({ offerCountMax: 2 });
    lab.discover(A);
    lab.discover(B);
    lab.discover(B);
    expect(lab.bindings()).toEqual(['10.0.2.15 offered', '10.0.2.16 offered']);
    expect(lab.server.inspect().limits.offersEvicted).toBe(0);
    lab.discover(C);
    expect(lab.server.inspect().limits.offersEvicted).toBe(1);
    expect(lab.bindings()).toEqual(['10.0.2.15 fresh', '10.0.2.16 offered', '10.0.2.17 offered']);
  });
});

describe('one holder and one address', () => {
  test('a client that lost its address to another one can’t give it back', () => {
    const lab = new ServerLab(ONE_ADDRESS);
    lab.lease(A);
    lab.advance(600_000);
    lab.lease(B);
    expect(lab.release(A, FIRST)).toBe('not-the-owner');
    expect(lab.decline(A, FIRST)).toBe('not-the-owner');
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('a lease query for a client that lost its address doesn’t tell of the new holder', () => {
    const lab = new ServerLab({ ...ONE_ADDRESS, leaseQuery: 'every-relay' });
    lab.lease(A);
    lab.release(A, FIRST);
    lab.lease(B);
    lab.ask({ type: 'leaseQuery', giaddr: RELAY, mac: A });
    lab.ask({ type: 'leaseQuery', giaddr: RELAY, mac: B });
    expect(lab.events.flatMap((event) => (event.type === 'lease-query' ? [event.answer] : []))).toEqual(['unknown', 'active']);
  });

  const PORT: Partial<DhcpServerOptions> = { reservations: [{ circuitId: Uint8Array.of(7), address: ip('10.0.2.100') }] };

  test('an offer is given up when its client gets another address', () => {
    const lab = new ServerLab(PORT);
    lab.discover(A);
    expect(lab.discover(A, circuit(7)).message.yiaddr).toBe(ip('10.0.2.100'));
    expect(lab.bindings()).toEqual(['10.0.2.15 fresh', '10.0.2.100 offered']);
  });

  test('a lease that runs stays taken when its client gets another address', () => {
    const lab = new ServerLab(PORT);
    lab.lease(A);
    expect(lab.discover(A, circuit(7)).message.yiaddr).toBe(ip('10.0.2.100'));
    expect(lab.bindings()).toEqual(['10.0.2.15 leased', '10.0.2.100 offered']);
  });

  test('a reserved address goes back to nobody but its owner, though it lies in the pool', () => {
    const lab = new ServerLab({ ...ONE_ADDRESS, reservations: [{ mac: A, address: FIRST }] });
    lab.lease(A);
    lab.release(A, FIRST);
    expect(lab.ask({ mac: B })).toBe('pool-exhausted');
    expect(lab.discover(A).message.yiaddr).toBe(FIRST);
  });

  test('a network with reservations alone serves nobody else', () => {
    const lab = new ServerLab({ pool: [], reservations: [{ mac: A, address: FIRST }] });
    expect(lab.ask({ mac: B })).toBe('pool-exhausted');
    expect(lab.discover(A).message.yiaddr).toBe(FIRST);
  });

  test('a restored lease outside of the pool runs out, and its address is handed to nobody', () => {
    const record: DhcpLeaseRecord = {
      address: ip('10.0.2.200'),
      htype: 1,
      hardware: Uint8Array.of(2, 0, 0, 0, 0, 10),
      state: 'leased',
      until: 1_000,
      revision: 3,
    };
    const lab = new ServerLab({ ...ONE_ADDRESS, restored: [record] });
    expect(lab.bindings()).toEqual(['10.0.2.200 leased']);
    lab.advance(1_000);
    expect(lab.bindings()).toEqual(['10.0.2.200 expired']);
    lab.lease(B);
    expect(lab.ask({ mac: C })).toBe('pool-exhausted');
  });

  test('an address of one class is not given to another class, asked for or not', () => {
    const classes = ['x', 'y'].map((name) => ({ name, match: { vendorClass: { equals: name } } }));
    const lab = new ServerLab({ classes, pool: [{ first: FIRST, last: FIRST, forClass: 'y' }] });
    const x: Ask = { more: [{ code: 60, value: ascii('x') }] };
    expect(lab.ask({ mac: A, requested: FIRST, ...x })).toBe('pool-exhausted');
    expect(lab.ask({ mac: A })).toBe('pool-exhausted');
    expect(lab.discover(B, { more: [{ code: 60, value: ascii('y') }] }).message.yiaddr).toBe(FIRST);
  });
});

describe('what counts for a limit', () => {
  test('what a hardware address gave back does not', () => {
    const lab = new ServerLab({ hardwareBindingCountMax: 1 });
    const one: Ask = { clientId: ascii('x1') };
    const two: Ask = { clientId: ascii('x2') };
    lab.lease(A, one);
    expect(lab.ask({ mac: A, ...two })).toBe('hardware-quota');
    lab.release(A, FIRST, one);
    expect(lab.lease(A, two)).toBe(SECOND_ADDRESS);
    // The old address is taken by somebody else: that must not count for A once more, nor once less.
    expect(lab.ask({ mac: A, clientId: ascii('x3') })).toBe('hardware-quota');
  });

  test('what a port of a relay gave back does not, by whatever way it went', () => {
    const lab = new ServerLab({ circuitBindingCountMax: 1 });
    lab.lease(A, circuit(7));
    expect(lab.ask({ mac: B, ...circuit(7) })).toBe('circuit-quota');
    expect(kind(lab.ask({ mac: B, ...circuit(8) }))).toBe('offer');
    lab.release(A, FIRST);
    expect(kind(lab.ask({ mac: C, ...circuit(7) }))).toBe('offer');
  });

  test('a client counts at the port where it was last, and a renewal past the relay leaves it there', () => {
    const lab = new ServerLab({ circuitBindingCountMax: 1 });
    lab.lease(A, circuit(7));
    lab.renew(A, FIRST);
    expect(lab.ask({ mac: B, ...circuit(7) })).toBe('circuit-quota');
    lab.lease(A, circuit(8));
    expect(lab.ask({ mac: B, ...circuit(8) })).toBe('circuit-quota');
    expect(kind(lab.ask({ mac: B, ...circuit(7) }))).toBe('offer');
    lab.release(A, FIRST);
    expect(kind(lab.ask({ mac: C, ...circuit(8) }))).toBe('offer');
  });

  test('the relay’s words are those of the last exchange through a relay, and a renewal past it keeps them', () => {
    const lab = new ServerLab({ leaseQuery: 'every-relay' });
    const told = (): Uint8Array | undefined => option(lab.ask({ type: 'leaseQuery', giaddr: RELAY, ciaddr: FIRST }), 82);
    lab.lease(A, circuit(7));
    lab.renew(A, FIRST);
    expect(told()).toEqual(Uint8Array.of(1, 1, 7));
    lab.lease(A, circuit(8));
    expect(told()).toEqual(Uint8Array.of(1, 1, 8));
  });

  test('T1 and T2 are told while they are to come (RFC 4388 §6.4.2)', () => {
    const lab = new ServerLab({ leaseQuery: 'every-relay', leaseMs: 800_000 });
    lab.lease(A);
    const told = (): readonly (number | undefined)[] => {
      const reply = lab.ask({ type: 'leaseQuery', giaddr: RELAY, ciaddr: FIRST });
      return [51, 58, 59].map((code) => number(reply as Reply, code));
    };
    expect(told()).toEqual([800, 400, 700]);
    lab.advance(399_000);
    expect(told()).toEqual([401, 1, 301]);
    lab.advance(1_000);
    expect(told()).toEqual([400, undefined, 300]);
    lab.advance(300_000);
    expect(told()).toEqual([100, undefined, undefined]);
  });

  test('a relay’s words without a circuit id are kept too; those of a client itself are not', () => {
    const lab = new ServerLab({ leaseQuery: 'every-relay' });
    const more = [{ code: 82, value: Uint8Array.of(2, 1, 5) }];
    lab.lease(A, { giaddr: RELAY, more });
    lab.lease(B, { more });
    const told = (ciaddr: Ipv4Address): Uint8Array | undefined =>
      option(lab.ask({ type: 'leaseQuery', giaddr: RELAY, ciaddr }), 82);
    expect(told(FIRST)).toEqual(Uint8Array.of(2, 1, 5));
    expect(told(SECOND_ADDRESS)).toBeUndefined();
  });
});

test('a client that comes from another hardware address with its identifier is told of with the new one', () => {
  const lab = new ServerLab({ leaseQuery: 'every-relay' });
  const clientId = ascii('x1');
  lab.lease(A, { clientId });
  expect(lab.lease(B, { clientId })).toBe(FIRST);
  const told = lab.ask({ type: 'leaseQuery', giaddr: RELAY, ciaddr: FIRST }) as Reply;
  expect([...told.message.chaddr.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0, 11]);
});

test('a subnet behind a relay is served from its own pool, and to that relay', () => {
  const remote = { prefix: parsePrefix('10.9.0.0/24'), pool: { first: ip('10.9.0.10'), last: ip('10.9.0.10') } };
  const lab = new ServerLab({ remoteSubnets: [remote] });
  const offer = lab.discover(A, { giaddr: ip('10.9.0.1'), destination: BROADCAST });
  expect([offer.message.yiaddr, offer.to]).toEqual([ip('10.9.0.10'), '10.9.0.1:67']);
});

describe('a class', () => {
  test('has options of the codes 1 to 254, and they are its own: the caller may change the octets', () => {
    const value = Uint8Array.of(1, 2, 3, 4);
    const equals = ascii('x');
    const make = (code: number): ServerLab =>
      new ServerLab({ classes: [{ name: 'x', match: { vendorClass: { equals } }, options: [{ code, value }] }] });
    for (const code of [0, 255]) expect(() => make(code)).toThrow(expect.objectContaining({ name: 'UsageError' }));
    const x: Ask = { more: [{ code: 60, value: ascii('x') }] };
    for (const code of [1, 254]) {
      const lab = make(code);
      value.fill(9);
      equals.fill(9);
      expect(option(lab.discover(A, x), code)).toEqual(Uint8Array.of(1, 2, 3, 4));
      value.set([1, 2, 3, 4]);
      equals.set(ascii('x'));
    }
  });

  test('that is told by a user class has no client without one', () => {
    const lab = new ServerLab({ classes: [{ name: 'x', match: { userClass: { startsWith: '' } }, deny: true }] });
    expect(kind(lab.ask({ mac: A }))).toBe('offer');
    expect(lab.ask({ mac: B, more: [{ code: 77, value: Uint8Array.of(1, 7) }] })).toBe('denied');
  });
});

describe('a REQUEST that comes again (RFC 2131 §4.3.2)', () => {
  /** What a second copy, `after` so many milliseconds, is told as. */
  const again = (after: number, leaseMs: number): string[] => {
    const lab = new ServerLab({ leaseMs, leaseMsMin: 1_000 });
    lab.advance(50_000);
    lab.discover(A);
    lab.select(A, FIRST, { xid: 5 });
    lab.advance(after);
    const seen = lab.events.length;
    expect(kind(lab.select(A, FIRST, { xid: 5 }))).toBe('ack');
    return lab.events.slice(seen).map(({ type }) => type);
  };

  test('within ten seconds it is a copy, and changes nothing', () => {
    expect(again(9_999, 600_000)).toEqual([]);
    expect(again(10_000, 600_000)).toEqual(['renewed']);
  });

  test('for a short lease, within a quarter of it', () => {
    expect(again(4_999, 20_000)).toEqual([]);
    expect(again(5_000, 20_000)).toEqual(['renewed']);
  });
});

test('an address that a client had before counts for its limit too', () => {
  const lab = new ServerLab({ hardwareBindingCountMax: 1 });
  const [one, two] = ['x1', 'x2'].map((id): Ask => ({ clientId: ascii(id) }));
  lab.lease(A, one);
  lab.release(A, FIRST, one);
  lab.lease(A, two);
  expect(lab.ask({ mac: A, ...one })).toBe('hardware-quota');
  const reply = lab.reboot(A, FIRST, one);
  expect(kind(reply)).toBe('nak');
  expect(lab.events.at(-1)).toMatchObject({ type: 'nak', reason: 'quota' });
});

test('a client may name the server by its own address, also where a relay told it another one (RFC 5107)', () => {
  const override = { giaddr: RELAY, more: [{ code: 82, value: Uint8Array.of(11, 4, 10, 0, 2, 99) }] };
  for (const server of [SERVER, RELAY]) {
    const lab = new ServerLab();
    lab.discover(A, override);
    expect(kind(lab.select(A, FIRST, { ...override, server }))).toBe('ack');
  }
  const lab = new ServerLab();
  lab.discover(A, override);
  expect(lab.select(A, FIRST, { ...override, server: ip('10.0.2.98') })).toBe('other-server');
});

describe('what a store gives back (its rows are checked like octets from the wire)', () => {
  const row: DhcpLeaseRecord = {
    address: FIRST,
    htype: 1,
    hardware: Uint8Array.of(2, 0, 0, 0, 0, 10),
    state: 'leased',
    until: 1_000,
    revision: 3,
  };

  test.each<[string, Partial<Record<keyof DhcpLeaseRecord, unknown>>]>([
    ['half an address', { address: FIRST + 0.5 }],
    ['no hardware type', { htype: Number.NaN }],
    ['a negative hardware type', { htype: -1 }],
    ['a hardware type of nine bits', { htype: 256 }],
    ['half a hardware type', { htype: 1.5 }],
    ['17 octets of hardware address', { hardware: new Uint8Array(17) }],
    ['nobody', { hardware: new Uint8Array(0) }],
    ['an empty client identifier', { clientId: new Uint8Array(0) }],
    ['a client identifier of 256 octets', { clientId: new Uint8Array(256) }],
    ['a client identifier that is text', { clientId: 'abc' }],
    ['an unknown state', { state: 'lost' }],
    ['an end that is text', { until: '1000' }],
    ['an end that is no number', { until: Number.NaN }],
    ['a negative revision', { revision: -1 }],
    ['half a revision', { revision: 1.5 }],
  ])('%s is skipped', (_, change) => {
    const lab = new ServerLab({ restored: [{ ...row, ...change } as DhcpLeaseRecord] });
    expect(lab.server.inspect().restore).toMatchObject({ restored: 0, skipped: 1 });
    expect(lab.bindings()).toEqual([]);
  });

  test.each<[string, Partial<DhcpLeaseRecord>]>([
    ['hardware type 0', { htype: 0 }],
    ['hardware type 255', { htype: 255 }],
    ['16 octets of hardware address', { hardware: new Uint8Array(16) }],
    ['a client identifier of one octet', { clientId: Uint8Array.of(1) }],
    [
      'a client identifier of 255 octets, and no hardware address',
      { clientId: new Uint8Array(255), hardware: new Uint8Array(0) },
    ],
    ['revision 0', { revision: 0 }],
    ['a lease for ever', { until: Number.POSITIVE_INFINITY }],
  ])('%s is restored', (_, change) => {
    const lab = new ServerLab({ restored: [{ ...row, ...change }] });
    expect(lab.server.inspect().restore).toMatchObject({ restored: 1, skipped: 0 });
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });
});

describe('who a client is', () => {
  test('is told by its identifier, else by its hardware address', () => {
    const lab = new ServerLab();
    lab.lease(A);
    lab.lease(B, { clientId: Uint8Array.of(0, 7, 7) });
    expect(lab.server.inspect().subnets[0]?.bindings.map(({ client }) => client)).toEqual(['hw 1/02000000000a', 'id 000707']);
  });

  test('without a hardware address (RFC 4390) each identifier stands for itself', () => {
    const lab = new ServerLab({ hardwareBindingCountMax: 1 });
    const without = (id: string): Ask => ({ htype: 32, hlen: 0, chaddr: new Uint8Array(16), clientId: ascii(id) });
    expect([kind(lab.ask(without('x1'))), kind(lab.ask(without('x2')))]).toEqual(['offer', 'offer']);
    expect(lab.ask({ htype: 32, hlen: 0, chaddr: new Uint8Array(16) })).toBe('no-identity');
  });

  test('a hardware address of 16 octets is one; an identifier of 256 octets is none', () => {
    const lab = new ServerLab();
    expect(kind(lab.ask({ htype: 32, hlen: 16, chaddr: new Uint8Array(16).fill(7) }))).toBe('offer');
    expect(kind(lab.ask({ mac: B, clientId: new Uint8Array(255) }))).toBe('offer');
    expect(lab.ask({ mac: C, clientId: new Uint8Array(256) })).toBe('no-identity');
  });

  test('what is reserved for a port and its far end stays with its holder when it renews past the relay', () => {
    const reservation = { circuitId: Uint8Array.of(7), remoteId: Uint8Array.of(8), address: ip('10.0.2.100') };
    const lab = new ServerLab({ reservations: [reservation] });
    const there: Ask = { giaddr: RELAY, more: [{ code: 82, value: Uint8Array.of(1, 1, 7, 2, 1, 8) }] };
    expect(lab.lease(A, there)).toBe(reservation.address);
    expect(kind(lab.renew(A, reservation.address))).toBe('ack');
  });

  test('the limit of a hardware address goes up and down with what it holds', () => {
    const lab = new ServerLab({ hardwareBindingCountMax: 2, pool: { first: FIRST, last: ip('10.0.2.40') } });
    const id = (i: number): Ask => ({ clientId: Uint8Array.of(0, 1, i) });
    const held = [1, 2].map((i) => lab.lease(A, id(i)));
    expect(lab.ask({ mac: A, ...id(3) })).toBe('hardware-quota');
    lab.release(A, held[0] as Ipv4Address, id(1));
    lab.lease(A, id(3));
    expect(lab.ask({ mac: A, ...id(4) })).toBe('hardware-quota');
    lab.release(A, held[1] as Ipv4Address, id(2));
    lab.lease(A, id(4));
    expect(lab.ask({ mac: A, ...id(5) })).toBe('hardware-quota');
  });

  test('one that took the address while it was probed is offered it at once', () => {
    const lab = new ServerLab({ conflictCheck: {} });
    lab.send({ mac: A });
    expect(kind(lab.select(A, FIRST))).toBe('ack');
    expect(lab.discover(A).message.yiaddr).toBe(FIRST);
  });
});

describe('which network a client is on', () => {
  const there = ip('10.9.0.10');
  const remoteSubnets = [{ prefix: parsePrefix('10.9.0.0/24'), pool: { first: there, last: there } }];
  const holding = (): ServerLab => {
    const lab = new ServerLab({ remoteSubnets });
    expect(lab.lease(A, { giaddr: ip('10.9.0.1') })).toBe(there);
    return lab;
  };

  test('a renewal that was routed to us is of the network of its address', () => {
    expect(kind(holding().renew(A, there))).toBe('ack');
  });

  test('what is broadcast on our wire is of our network, whatever address it has', () => {
    const lab = holding();
    expect(kind(lab.rebind(A, there))).toBe('nak');
    expect(lab.events.at(-1)).toMatchObject({ type: 'nak', reason: 'wrong-network' });
  });

  test('a DISCOVER that is unicast to us is of our network', () => {
    expect(new ServerLab({ remoteSubnets }).discover(B, { destination: SERVER }).message.yiaddr).toBe(FIRST);
  });

  test.each([
    ['link selection', [5, 4, 10, 9, 0, 0], there],
    ['link selection of three octets, which is none', [5, 3, 10, 9, 0], FIRST],
    ['link selection that is cut off', [1, 1, 7, 5, 4, 10, 9], FIRST],
    ['a sub-option without its length', [1, 1, 7, 5], FIRST],
    ['a sub-option that nobody knows', [200, 1, 7], FIRST],
    ['the port of the relay, cut off (RFC 8357)', [19, 1], FIRST],
    ['the port of the relay, without its length', [1, 1, 7, 19], FIRST],
  ])('%s', (_, value, address) => {
    const lab = new ServerLab({ remoteSubnets });
    const reply = lab.discover(A, { giaddr: RELAY, sourcePort: 4011, more: [{ code: 82, value: Uint8Array.from(value) }] });
    expect([reply.message.yiaddr, reply.to]).toEqual([address, '10.0.2.99:67']);
  });
});

test('option 50 of 0.0.0.0 asks for nothing', () => {
  const lab = new ServerLab();
  expect(lab.discover(A, { requested: ip('0.0.0.0') }).message.yiaddr).toBe(FIRST);
  expect(lab.reboot(B, ip('0.0.0.0'))).toBe('request-without-address');
});

test('an inspection says who holds what until when', () => {
  const lab = new ServerLab({ leaseMs: 600_000 });
  lab.lease(A);
  expect(lab.server.inspect().subnets[0]?.bindings).toEqual([
    { address: '10.0.2.15', state: 'leased', client: 'hw 1/02000000000a', until: 600_000 },
  ]);
});

test('a NAK says why, in text (RFC 2132 §9.9)', () => {
  const nak = new ServerLab().select(A, ip('192.168.1.7')) as Reply;
  expect(nak.type).toBe('nak');
  expect(String.fromCharCode(...(option(nak, 56) ?? []))).toMatch(/^[a-z][ -~]+$/);
});

describe('what is left as it was', () => {
  test('the address that a client moved to, when the one that it had before goes to another', () => {
    const there = ip('10.0.2.100');
    const lab = new ServerLab({ ...ONE_ADDRESS, reservations: [{ circuitId: Uint8Array.of(7), address: there }] });
    lab.lease(A);
    lab.lease(A, circuit(7));
    lab.advance(300_000);
    lab.renew(A, there);
    lab.advance(301_000);
    expect(lab.lease(B)).toBe(FIRST);
    expect(kind(lab.renew(A, there))).toBe('ack');
  });

  test('an offer, when a renewal of its client goes to another server', () => {
    const lab = new ServerLab();
    lab.discover(A);
    expect(lab.ask({ type: 'request', mac: A, server: ip('10.0.2.4'), ciaddr: FIRST })).toBe('other-server');
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']);
  });

  test('the count of a limit: an address that comes back to its client counts again', () => {
    const lab = new ServerLab({ hardwareBindingCountMax: 1 });
    const id = (i: number): Ask => ({ clientId: Uint8Array.of(0, 1, i) });
    lab.release(A, lab.lease(A, id(1)), id(1));
    expect(lab.lease(A, id(1))).toBe(FIRST);
    expect(lab.ask({ mac: A, ...id(2) })).toBe('hardware-quota');
  });
});

describe('a server that is not authoritative', () => {
  test('is silent to a client that it does not know, also where the client names it in a renewal', () => {
    const lab = new ServerLab({ authoritative: false });
    expect(lab.ask({ type: 'request', mac: A, server: SERVER, ciaddr: FIRST, source: FIRST })).toBe('unknown-lease');
  });

  test('refuses a client that it knows (RFC 2131 §4.3.2)', () => {
    const lab = new ServerLab({ authoritative: false });
    expect(lab.reboot(A, ip('192.168.1.7'))).toBe('unknown-lease');
    lab.lease(A);
    expect(kind(lab.reboot(A, ip('192.168.1.7')))).toBe('nak');
  });
});

test('at the limit of bindings an address that is asked for is none', () => {
  const lab = new ServerLab({ bindingCountMax: 1 });
  lab.lease(A);
  expect(lab.ask({ mac: B, requested: SECOND_ADDRESS })).toBe('pool-exhausted');
});

test('options of a network: codes 1 to 254, octets of its own; no domain where none is given', () => {
  const value = Uint8Array.of(1, 2, 3, 4);
  const { domainName: _, ...plain } = LAB_OPTIONS;
  const server = new DhcpServer({ ...plain, options: [1, 254].map((code) => ({ code, value })) });
  value.fill(9);
  server.handleDatagram(0, datagramOf({ mac: A, asked: [1, 15, 254] }));
  const offer = readReply(server.pollTransmit() as never);
  expect([1, 15, 254].map((code) => option(offer, code))).toEqual([
    Uint8Array.of(1, 2, 3, 4),
    undefined,
    Uint8Array.of(1, 2, 3, 4),
  ]);
  for (const code of [0, 255]) expect(() => new DhcpServer({ ...LAB_OPTIONS, options: [{ code, value }] })).toThrow('1..254');
});
