import { IPV4_BROADCAST } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { ADDRESS, boundLab, ClientLab, codes, OTHER_ADDRESS, OTHER_SERVER, S, SERVER, u32 } from './support/client-lab.js';

// A lease of one hour from 0 s: T1 1800, T2 3150, end 3600.
const renewing = (): ClientLab => boundLab().runTo(1800 * S);
const rebinding = (): ClientLab => boundLab().jumpTo(3150 * S);

describe('BOUND', () => {
  test('dhcp/L42 messages of SELECTING that come in BOUND change nothing', () => {
    const lab = boundLab().receive('offer').receive('nak').receive('ack', { yiaddr: OTHER_ADDRESS });
    expect(lab.lease.address).toBe(ADDRESS);
    expect(lab.counters).toEqual({ 'unexpected-message': 3 });
    expect(lab.client.nextTimeout()).toBe(1800 * S);
  });

  test('dhcp/L36 FORCERENEW without authentication is ignored', () => {
    const lab = boundLab().receive('forceRenew');
    expect(lab.state).toBe('bound');
    expect(lab.counters).toEqual({ 'force-renew-unauthenticated': 1 });
  });

  test('dhcp/L30 a conflict later: decline leaves the address, tells the server, waits 10 s', () => {
    const lab = boundLab();
    lab.ladder();
    lab.run((client, now) => client.decline(now));
    expect(lab.ladder()).toEqual([
      expect.stringMatching(
        /^0 > DECLINE 0\.0\.0\.0:68 → 255\.255\.255\.255:67, xid \d+, secs 0, 50 10\.0\.2\.15, 54 10\.0\.2\.2$/,
      ),
      '0 unbound declined 10.0.2.15',
      '0 declined 10.0.2.15',
      '0 bound → waiting',
    ]);
    expect(lab.client.nextTimeout()).toBe(10 * S);
  });
});

describe('RENEWING', () => {
  test('dhcp/L08 unicast to the server from our address, ciaddr set, no 50, no 54', () => {
    const { datagram, message } = renewing().last;
    expect(datagram.source).toEqual({ address: ADDRESS, port: 68 });
    expect(datagram.destination).toEqual({ address: SERVER, port: 67 });
    expect(message).toMatchObject({ ciaddr: ADDRESS, flags: 0, secs: 0 });
    expect(codes(renewing().last)).toEqual([53, 61, 57, 55]);
  });

  test('dhcp/L08 no broadcast bit, also where one is asked for before there is an address', () => {
    const lab = boundLab({ broadcastReplies: true }).runTo(1800 * S);
    expect(lab.sent.map(({ message }) => message.flags)).toEqual([0x8000, 0x8000, 0]);
  });

  test('dhcp/L09 repeated after half of the time left to T2, at least 60 s, no count limit; then T2', () => {
    const lab = renewing().runTo(3149 * S);
    expect(lab.sent.slice(2).map(({ at }) => at / S)).toEqual([1800, 2475, 2812.5, 2981.25, 3065.625, 3125.625]);
    expect(lab.state).toBe('renewing');
    lab.runTo(3150 * S);
    expect(lab.state).toBe('rebinding');
  });

  test('dhcp/L21 an xid of its own, equal over the retransmissions', () => {
    const lab = renewing().runTo(3149 * S);
    const xids = lab.sent.map(({ message }) => message.xid);
    expect(new Set(xids.slice(2)).size).toBe(1);
    expect(xids[2]).not.toBe(xids[0]);
  });

  test('the ACK extends the lease from the first sending of the REQUEST', () => {
    const lab = renewing()
      .runTo(2000 * S)
      .receive('ack');
    expect(lab.lease).toMatchObject({ obtainedAt: 1800 * S, renewAt: 3600 * S, rebindAt: 4950 * S, expiresAt: 5400 * S });
    expect(lab.eventsOf('bound').at(-1)).toMatchObject({ cause: 'renewed', changes: [] });
    expect(lab.eventsOf('unbound')).toEqual([]);
  });

  test('the ACK may leave out what the lease has: time and mask', () => {
    const lab = renewing().receive('ack', { options: { 51: undefined, 1: undefined } });
    expect(lab.lease).toMatchObject({ leaseMs: 3600 * S, prefixLength: 24, expiresAt: 5400 * S });
  });

  test('dhcp/L13 an ACK of another server is dropped', () => {
    const lab = renewing().receive('ack', { options: { 54: u32(OTHER_SERVER) } });
    expect(lab.state).toBe('renewing');
    expect(lab.counters).toEqual({ 'wrong-server': 1 });
  });

  test('dhcp/L14 an ACK with another address: the old one goes first, then comes the new one', () => {
    const lab = renewing();
    lab.ladder();
    lab.receive('ack', { yiaddr: OTHER_ADDRESS });
    expect(lab.ladder()).toEqual([
      '1800 unbound address-changed 10.0.2.15',
      '1800 renewing → bound',
      '1800 bound renewed 10.0.2.16/24 (address)',
    ]);
  });

  test('dhcp/L14 with probing, the new address is not used before its probe', () => {
    const lab = new ClientLab({ conflictDetection: true })
      .start()
      .acquire()
      .run((client, now) => client.probeResult(now, 'free'));
    lab.runTo(1800 * S);
    lab.ladder();
    lab.receive('ack', { yiaddr: OTHER_ADDRESS });
    expect(lab.client.lease).toBeUndefined();
    lab.run((client, now) => client.probeResult(now, 'free'));
    expect(lab.ladder()).toEqual([
      '1800 unbound address-changed 10.0.2.15',
      '1800 renewing → probing',
      '1800 probe 10.0.2.16',
      '1800 probing → bound',
      '1800 bound renewed 10.0.2.16/24',
    ]);
  });

  test('dhcp/L15 an ACK with another mask, router, DNS: the event names what changed', () => {
    const lab = renewing().receive('ack', {
      options: { 1: [255, 255, 0, 0], 3: [10, 0, 2, 1], 6: [10, 0, 2, 4], 15: [0x61], 26: [5, 0] },
    });
    expect(lab.eventsOf('bound').at(-1)?.changes).toEqual(['prefix', 'routes', 'dns', 'domain', 'mtu']);
    expect(lab.lease.prefixLength).toBe(16);
  });

  test('dhcp/L16 a NAK takes the address at once and starts over', () => {
    const lab = renewing();
    lab.ladder();
    lab.receive('nak');
    expect(lab.ladder().slice(0, 5)).toEqual([
      expect.stringMatching(/^1800 > DISCOVER 0\.0\.0\.0:68 → 255\.255\.255\.255:67, xid \d+, secs 0$/),
      '1800 unbound nak 10.0.2.15',
      '1800 refused by 10.0.2.2, wait 0',
      '1800 renewing → init',
      '1800 init → selecting',
    ]);
    expect(lab.client.remembered).toBeUndefined();
  });

  test('fault/D03 dhcp/L16 a NAK of a stranger is ignored', () => {
    const lab = renewing().receive('nak', { options: { 54: u32(OTHER_SERVER) } });
    expect(lab.state).toBe('renewing');
    expect(lab.counters).toEqual({ 'stranger-nak': 1 });
  });

  test('an ACK with a lease time of zero is dropped; the lease runs on', () => {
    const lab = renewing().receive('ack', { options: { 51: u32(0) } });
    expect(lab.counters).toEqual({ 'zero-lease-time': 1 });
    expect(lab.lease.expiresAt).toBe(3600 * S);
  });
});

describe('REBINDING', () => {
  test('dhcp/L10 broadcast from our address, ciaddr set, no 50, no 54; secs from the start of the renewal', () => {
    const lab = renewing().runTo(3150 * S);
    const { datagram, message } = lab.last;
    expect(datagram.source).toEqual({ address: ADDRESS, port: 68 });
    expect(datagram.destination).toEqual({ address: IPV4_BROADCAST, port: 67 });
    expect(message).toMatchObject({ ciaddr: ADDRESS, secs: 1350 });
    expect(codes(lab.last)).toEqual([53, 61, 57, 55]);
  });

  test('dhcp/L11 repeated after half of the time left, at least 60 s, never after the end', () => {
    const lab = rebinding().runTo(3599 * S);
    expect(lab.sent.slice(2).map(({ at }) => at / S)).toEqual([3150, 3375, 3487.5, 3547.5]);
  });

  test('dhcp/L12 at the very instant of the end the address is gone, and INIT begins', () => {
    const lab = rebinding().runTo(3600 * S - 1);
    expect(lab.client.lease).toBeDefined();
    lab.ladder();
    lab.runTo(3600 * S);
    expect(lab.ladder()).toEqual([
      expect.stringMatching(/^3600 > DISCOVER 0\.0\.0\.0:68 → .*, 50 10\.0\.2\.15$/),
      '3600 unbound expired 10.0.2.15',
      '3600 rebinding → init',
      '3600 init → selecting',
    ]);
  });

  test('dhcp/L13 an ACK of another server is accepted, and renewals go there', () => {
    const lab = rebinding().receive('ack', { options: { 54: u32(OTHER_SERVER) } });
    expect(lab.lease.server).toBe(OTHER_SERVER);
    expect(lab.eventsOf('bound').at(-1)).toMatchObject({ cause: 'rebound', changes: ['server'] });
    expect(lab.runTo(lab.lease.renewAt).last.datagram.destination.address).toBe(OTHER_SERVER);
  });

  test('dhcp/L16 a NAK of any server counts', () => {
    const lab = rebinding().receive('nak', { options: { 54: u32(OTHER_SERVER) } });
    expect(lab.state).toBe('selecting');
    expect(lab.eventsOf('unbound')).toMatchObject([{ reason: 'nak' }]);
  });

  test('an ACK that was meant for RENEWING comes too late: another xid', () => {
    const lab = renewing();
    const ack = lab.reply('ack');
    lab.runTo(3150 * S).receiveBytes(ack);
    expect(lab.counters).toEqual({ 'wrong-xid': 1 });
  });
});

describe('time', () => {
  test('dhcp/L18 asleep over T1, T2 and the end: expired in one step, and no REQUEST', () => {
    const lab = boundLab().jumpTo(10 * 3600 * S);
    expect(lab.sentLog()).toEqual(['discover@0', 'request@0', 'discover@36000']);
    expect(lab.eventsOf('unbound')).toMatchObject([{ reason: 'expired', at: 36_000 * S }]);
  });

  test('asleep over T1 and T2: one REQUEST, to everybody', () => {
    const lab = boundLab().jumpTo(3200 * S);
    expect(lab.sentLog().slice(2)).toEqual(['request@3200']);
    expect(lab.last.datagram.destination.address).toBe(IPV4_BROADCAST);
  });

  test('dhcp/L19 ten years forward: expired; an hour back: the later time stays', () => {
    const lab = boundLab().jumpTo(10 * 365 * 86_400 * S);
    expect(lab.state).toBe('selecting');
    const back = boundLab().jumpTo(1000 * S);
    back.client.handleTimeout(-3600 * S);
    expect(back.lease.expiresAt).toBe(3600 * S);
    expect(back.client.nextTimeout()).toBe(1800 * S);
    back.now = 900 * S; // still behind
    back.run((client, now) => client.decline(now));
    expect(back.eventsOf('declined')).toMatchObject([{ at: 1000 * S }]);
  });

  test('a time that is no number is the caller’s mistake', () => {
    const { client } = boundLab();
    expect(() => client.handleTimeout(Number.NaN)).toThrow('finite');
    expect(() => client.handleTimeout(Infinity)).toThrow('finite');
  });

  test('a datagram that comes at the instant of the end finds the lease gone', () => {
    const lab = rebinding();
    const ack = lab.reply('ack');
    lab.now = 3600 * S;
    lab.receiveBytes(ack);
    expect(lab.state).toBe('selecting');
    expect(lab.counters).toEqual({ 'wrong-xid': 1 });
  });

  test('dhcp/L43 datagrams that never get out change nothing but the schedule', () => {
    const lab = new ClientLab().start().runTo(60 * S);
    expect(lab.sent).toHaveLength(5);
    expect(lab.acquire().state).toBe('bound');
  });
});

describe('short leases', () => {
  /** A server that answers everything at once, with a lease of `leaseS`. */
  function storm(leaseS: number, minutes: number): ClientLab {
    const lab = new ClientLab().start();
    const patch = { options: { 51: u32(leaseS) } };
    let answered = 0;
    while (lab.now < minutes * 60 * S) {
      while (answered < lab.sent.length) {
        answered = lab.sent.length;
        lab.receive(lab.last.type === 'discover' ? 'offer' : 'ack', patch);
      }
      lab.runTo(Math.min(lab.client.nextTimeout(), minutes * 60 * S));
    }
    return lab;
  }

  test.each([
    ['dhcp/K17', 1],
    ['dhcp/K18', 2],
    ['short', 10],
  ])('%s a lease of %d s costs what the message budget allows', (_, leaseS) => {
    const lab = storm(leaseS, 5);
    const perMinute = [0, 1, 2, 3, 4].map((m) => lab.sent.filter(({ at }) => Math.floor(at / (60 * S)) === m).length);
    for (const count of perMinute) expect(count).toBeLessThanOrEqual(20);
    expect(lab.eventsOf('bound').length).toBeGreaterThan(10);
  });

  test('dhcp/K17 a lease of 30 s needs no limit', () => {
    expect(storm(30, 5).counters).toEqual({});
  });
});
