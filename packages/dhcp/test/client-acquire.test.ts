import { ipv4, macToBytes } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { clientIdFromDuid, clientIdFromMac, type LeaseTerms, optionValue } from '../src/index.js';
import {
  ADDRESS,
  boundLab,
  ClientLab,
  codes,
  MAC,
  OTHER_ADDRESS,
  OTHER_SERVER,
  optionText,
  S,
  u32,
} from './support/client-lab.js';

describe('a whole life', () => {
  test('acquire, renew, rebind, expire, as the RFC tells it', () => {
    const lab = new ClientLab().start().runTo(500).receive('offer').runTo(600).receive('ack');
    expect(lab.ladder()).toMatchInlineSnapshot(`
      [
        "0 > DISCOVER 0.0.0.0:68 → 255.255.255.255:67, xid 3001, secs 0",
        "0 stopped → init",
        "0 init → selecting",
        "0.5 > REQUEST 0.0.0.0:68 → 255.255.255.255:67, xid 3001, secs 0, 50 10.0.2.15, 54 10.0.2.2",
        "0.5 selecting → requesting",
        "0.6 requesting → bound",
        "0.6 bound acquired 10.0.2.15/24",
      ]
    `);
    lab
      .runTo(1800 * S + 700)
      .receive('ack')
      .runTo(5410 * S);
    expect(lab.ladder()).toMatchInlineSnapshot(`
      [
        "1800.5 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 9004, secs 0, ciaddr 10.0.2.15",
        "1800.5 bound → renewing",
        "1800.7 renewing → bound",
        "1800.7 bound renewed 10.0.2.15/24",
        "3600.5 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 11005, secs 0, ciaddr 10.0.2.15",
        "3600.5 bound → renewing",
        "4275.5 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 11005, secs 675, ciaddr 10.0.2.15",
        "4613 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 11005, secs 1012, ciaddr 10.0.2.15",
        "4781.75 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 11005, secs 1181, ciaddr 10.0.2.15",
        "4866.125 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 11005, secs 1265, ciaddr 10.0.2.15",
        "4926.125 > REQUEST 10.0.2.15:68 → 10.0.2.2:67, xid 11005, secs 1325, ciaddr 10.0.2.15",
        "4950.5 > REQUEST 10.0.2.15:68 → 255.255.255.255:67, xid 13006, secs 1350, ciaddr 10.0.2.15",
        "4950.5 renewing → rebinding",
        "5175.5 > REQUEST 10.0.2.15:68 → 255.255.255.255:67, xid 13006, secs 1575, ciaddr 10.0.2.15",
        "5288 > REQUEST 10.0.2.15:68 → 255.255.255.255:67, xid 13006, secs 1687, ciaddr 10.0.2.15",
        "5348 > REQUEST 10.0.2.15:68 → 255.255.255.255:67, xid 13006, secs 1747, ciaddr 10.0.2.15",
        "5400.5 > DISCOVER 0.0.0.0:68 → 255.255.255.255:67, xid 15007, secs 0, 50 10.0.2.15",
        "5400.5 unbound expired 10.0.2.15",
        "5400.5 rebinding → init",
        "5400.5 init → selecting",
        "5404.5 > DISCOVER 0.0.0.0:68 → 255.255.255.255:67, xid 15007, secs 4, 50 10.0.2.15",
      ]
    `);
    expect(lab.counters).toEqual({});
  });
});

describe('INIT', () => {
  test('dhcp/L01 the first DISCOVER: 0.0.0.0:68 → 255.255.255.255:67, ciaddr 0, no 54', () => {
    const { datagram, message } = new ClientLab().start().last;
    expect(datagram.source).toEqual({ address: 0, port: 68 });
    expect(datagram.destination).toEqual({ address: 0xffffffff, port: 67 });
    expect(message).toMatchObject({ op: 1, htype: 1, hlen: 6, hops: 0, flags: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0 });
    expect(message.chaddr).toEqual(Uint8Array.from([...macToBytes(MAC), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    expect(optionText(message, 54)).toBeUndefined();
    expect(datagram.payload.length).toBeGreaterThanOrEqual(300);
  });

  test('DISCOVER carries type, client id, largest message, names, wishes', () => {
    const lab = new ClientLab({
      hostname: 'node-a',
      vendorClass: 'nexus',
      requestedAddress: OTHER_ADDRESS,
      requestedLeaseS: 7200,
      extraOptions: [{ code: 77, value: Uint8Array.of(1, 65) }],
      rapidCommit: true,
      broadcastReplies: true,
    }).start();
    expect(codes(lab.last)).toEqual([53, 61, 50, 51, 80, 57, 60, 12, 77, 55]);
    expect(lab.last.message.flags).toBe(0x8000);
    expect(optionText(lab.last.message, 50)).toBe('10.0.2.16');
    expect(optionValue(lab.last.message.options, 51)).toEqual(u32(7200));
    lab.receive('offer');
    expect(codes(lab.last)).toEqual([53, 61, 50, 54, 51, 57, 60, 12, 77, 55]);
    expect(optionText(lab.last.message, 12)).toBe(Array.from('node-a', (c) => c.charCodeAt(0)).join(' '));
  });

  test('dhcp/L23 the first DISCOVER waits for a random time where the configuration says so', () => {
    const lab = new ClientLab({ startDelayMs: { low: 1000, high: 10_000 } }).start();
    expect(lab.sent).toEqual([]);
    expect(lab.client.nextTimeout()).toBeGreaterThanOrEqual(1000);
    expect(lab.client.nextTimeout()).toBeLessThanOrEqual(10_000);
    expect(lab.runTo(10_000).sent.length).toBeGreaterThan(0);
  });
});

describe('SELECTING', () => {
  test('dhcp/K44 an unanswered DISCOVER is repeated after 4, 8, 16, 32, 64, 64 … s', () => {
    const lab = new ClientLab().start().runTo(320 * S);
    expect(lab.sentLog()).toEqual([0, 4, 12, 28, 60, 124, 188, 252, 316].map((at) => `discover@${at}`));
  });

  test.each([
    [-1000, [3, 7, 15, 31, 63, 63]],
    [1000, [5, 9, 17, 33, 65, 65]],
  ])('fault/D21 dhcp/L20 with all jitter at %d ms the pauses are %j s', (jitterMs, pauses) => {
    const lab = new ClientLab({}, { jitterMs }).start().runTo(250 * S);
    const times = lab.sent.map(({ at }) => at / S);
    expect(times.slice(1, 7).map((at, i) => at - times[i]!)).toEqual(pauses);
  });

  test('fault/D22 dhcp/L21 one xid over all retransmissions, another one for the next exchange', () => {
    const lab = new ClientLab().start().runTo(30 * S);
    expect(new Set(lab.sent.map(({ message }) => message.xid)).size).toBe(1);
    const before = lab.last.message.xid;
    lab.acquire().runTo(lab.now + 1800 * S);
    expect(lab.last.type).toBe('request');
    expect(lab.last.message.xid).not.toBe(before);
  });

  test('fault/D22 dhcp/L22 secs counts from the start of the acquisition and saturates', () => {
    const lab = new ClientLab().start().runTo(30 * S);
    expect(lab.sent.map(({ message }) => message.secs)).toEqual([0, 4, 12, 28]);
    expect(lab.jumpTo(1e9).last.message.secs).toBe(0xffff);
  });

  test('dhcp/L02 REQUEST: broadcast, ciaddr 0, 50 and 54, xid and secs of the DISCOVER', () => {
    const lab = new ClientLab().start().runTo(5 * S);
    const discover = lab.last;
    lab.runTo(7 * S).receive('offer');
    const { datagram, message, type } = lab.last;
    expect(type).toBe('request');
    expect(datagram.source.address).toBe(0);
    expect(datagram.destination).toEqual({ address: 0xffffffff, port: 67 });
    expect(message).toMatchObject({ ciaddr: 0, xid: discover.message.xid, secs: discover.message.secs });
    expect(message.secs).toBe(4);
    expect([optionText(message, 50), optionText(message, 54)]).toEqual(['10.0.2.15', '10.0.2.2']);
    expect(codes(lab.last)).toEqual([53, 61, 50, 54, 57, 55]);
  });

  test('dhcp/K39 duplicate OFFERs: one REQUEST', () => {
    const lab = new ClientLab().start().receive('offer').receive('offer');
    expect(lab.sent.filter(({ type }) => type === 'request')).toHaveLength(1);
    expect(lab.counters).toEqual({ 'unexpected-type': 1 });
  });

  test('dhcp/K41 the first acceptable OFFER without a window', () => {
    const lab = new ClientLab().start().receive('offer').receive('offer', from(OTHER_SERVER));
    expect(optionText(lab.last.message, 54)).toBe('10.0.2.2');
    expect(lab.counters).toEqual({ 'unexpected-type': 1 });
  });

  test('fault/D02 dhcp/K41 with a window the policy chooses, and option 54 tells the others', () => {
    const chooseOffer = (offers: readonly LeaseTerms[]): LeaseTerms | undefined => offers.at(-1);
    const lab = new ClientLab({ offerWindowMs: 2000, chooseOffer }).start().runTo(500);
    lab.receive('offer').runTo(1500).receive('offer', from(OTHER_SERVER));
    expect(lab.state).toBe('selecting');
    lab.receive('offer');
    expect(lab.counters).toEqual({ 'repeated-offer': 1 });
    lab.runTo(2499);
    expect(lab.state).toBe('selecting');
    lab.runTo(2500);
    expect(lab.state).toBe('requesting');
    expect(optionText(lab.last.message, 54)).toBe('10.0.2.9');
  });

  test('dhcp/K42 a policy can prefer the complete OFFER; without it the incomplete one is not even kept', () => {
    const strict = new ClientLab({ offerWindowMs: 1000 }).start().receive('offer', { options: { 1: undefined } });
    expect(strict.counters).toEqual({ 'no-subnet-mask': 1 });
    const preferring = new ClientLab({
      missingMask: 'host',
      offerWindowMs: 1000,
      chooseOffer: (offers) => offers.find((offer) => offer.prefixLength < 32) ?? offers[0],
    }).start();
    preferring
      .receive('offer', { options: { 1: undefined } })
      .receive('offer', from(OTHER_SERVER))
      .runTo(1000);
    expect(optionText(preferring.last.message, 54)).toBe('10.0.2.9');
  });

  test('a policy may refuse all offers: the client goes on collecting', () => {
    const lab = new ClientLab({ chooseOffer: () => undefined }).start().receive('offer');
    expect(lab.state).toBe('selecting');
    expect(lab.counters).toEqual({ 'offers-refused': 1 });
    expect(lab.runTo(4 * S).sentLog()).toEqual(['discover@0', 'discover@4']);
  });

  test('the number of offers kept is bounded', () => {
    const lab = new ClientLab({ offerWindowMs: 1000, offerCountMax: 2 }).start();
    for (let i = 1; i <= 5; i++) lab.receive('offer', from(ipv4(10, 0, 2, 100 + i)));
    expect(lab.counters).toEqual({ 'too-many-offers': 3 });
  });

  test('dhcp/K43 an OFFER that comes after a retransmission is accepted: the xid is still the same', () => {
    const lab = new ClientLab().start();
    const offer = lab.reply('offer');
    expect(lab.runTo(5 * S).sent).toHaveLength(2);
    lab.receiveBytes(offer);
    expect(lab.state).toBe('requesting');
  });

  test('dhcp/K32 dhcp/K33 an ACK without rapid commit asked is dropped, with or without option 80', () => {
    const lab = new ClientLab()
      .start()
      .receive('ack')
      .receive('ack', { options: { 80: [] } });
    expect(lab.state).toBe('selecting');
    expect(lab.counters).toEqual({ 'no-rapid-commit': 2 });
  });

  test('fault/D03 dhcp/K34 a NAK in SELECTING is dropped', () => {
    const lab = new ClientLab().start().receive('nak');
    expect(lab.state).toBe('selecting');
    expect(lab.counters).toEqual({ 'unexpected-type': 1 });
  });

  test('dhcp/A04 a reply with a bad cookie changes nothing', () => {
    const lab = new ClientLab().start().receive('offer', { raw: (payload) => payload.fill(1, 236, 240) });
    expect(lab.state).toBe('selecting');
    expect(lab.counters).toEqual({ 'bad-cookie': 1 });
  });

  test('dhcp/A30 a reply without option 53 is BOOTP, which is not spoken', () => {
    const lab = new ClientLab().start().receive('offer', { options: { 53: undefined } });
    expect(lab.counters).toEqual({ 'no-message-type': 1 });
  });
});

describe('REQUESTING', () => {
  const requesting = (): ClientLab => new ClientLab().start().receive('offer');

  test('dhcp/K45 four retransmissions, then INIT, and the application is told', () => {
    const lab = requesting().runTo(123.9 * S);
    expect(lab.sentLog().slice(1)).toEqual([0, 4, 12, 28, 60].map((at) => `request@${at}`));
    expect(lab.eventsOf('gave-up')).toEqual([]);
    lab.runTo(124 * S);
    expect(lab.eventsOf('gave-up')).toEqual([{ type: 'gave-up', state: 'requesting', at: 124 * S }]);
    expect(lab.state).toBe('selecting');
    expect(lab.last.type).toBe('discover');
    expect(lab.last.message.secs).toBe(124);
  });

  test('fault/D02 dhcp/K30 an ACK of another server is dropped', () => {
    const lab = requesting().receive('ack', from(OTHER_SERVER));
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'wrong-server': 1 });
  });

  test('dhcp/K29 an ACK for another address gives that address', () => {
    const lab = requesting().receive('ack', { yiaddr: OTHER_ADDRESS });
    expect(lab.lease.address).toBe(OTHER_ADDRESS);
  });

  test('dhcp/K15 a lease time that only the OFFER has, a mask that only the OFFER has', () => {
    const lab = requesting().receive('ack', { options: { 51: undefined, 1: undefined } });
    expect(lab.lease).toMatchObject({ leaseMs: 3600 * S, prefixLength: 24 });
  });

  test('dhcp/K31 the lease time of the ACK counts, not that of the OFFER', () => {
    const lab = requesting().receive('ack', { options: { 51: u32(600) } });
    expect(lab.lease).toMatchObject({ leaseMs: 600 * S, renewAt: 300 * S, rebindAt: 525 * S, expiresAt: 600 * S });
  });

  test('dhcp/K40 a second ACK changes nothing', () => {
    const lab = requesting().receive('ack');
    const ack = lab.reply('ack');
    const before = lab.lease;
    lab.runTo(10 * S).receiveBytes(ack);
    expect(lab.lease).toBe(before);
    expect(lab.eventsOf('bound')).toHaveLength(1);
    expect(lab.counters).toEqual({ 'unexpected-message': 1 });
  });

  test('dhcp/L17 the lease runs from the first sending of the REQUEST', () => {
    const lab = new ClientLab()
      .start()
      .runTo(2 * S)
      .receive('offer')
      .runTo(9 * S)
      .receive('ack');
    expect(lab.sentLog()).toEqual(['discover@0', 'request@2', 'request@6']);
    expect(lab.lease).toMatchObject({ obtainedAt: 2 * S, renewAt: 1802 * S, rebindAt: 3152 * S, expiresAt: 3602 * S });
  });

  test('dhcp/L45 an ACK of an exchange that is over is dropped', () => {
    const lab = requesting();
    const ack = lab.reply('ack');
    lab.runTo(130 * S).receive('offer');
    expect(lab.state).toBe('requesting');
    lab.receiveBytes(ack);
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'wrong-xid': 1 });
  });

  test('dhcp/L46 an OFFER after the first retransmission of REQUEST is ignored', () => {
    const lab = requesting()
      .runTo(5 * S)
      .receive('offer', from(OTHER_SERVER));
    expect(optionText(lab.last.message, 54)).toBe('10.0.2.2');
    expect(lab.counters).toEqual({ 'unexpected-type': 1 });
  });

  test('dhcp/K35 a NAK waits 1 s, then twice as long each time, up to 30 min', () => {
    const lab = new ClientLab().start();
    const waits: number[] = [];
    for (let i = 0; i < 14; i++) {
      lab.receive('offer').receive('nak');
      expect(lab.state).toBe('waiting');
      waits.push((lab.client.nextTimeout() - lab.now) / S);
      lab.runTo(lab.client.nextTimeout());
      expect(lab.last.type).toBe('discover');
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800, 1800]);
    expect(lab.eventsOf('refused').map(({ waitMs }) => waitMs / S)).toEqual(waits);
  });

  test('dhcp/K36 a NAK once, then a lease; the next NAK waits 1 s again', () => {
    const lab = requesting()
      .receive('nak')
      .runTo(1 * S)
      .acquire();
    expect(lab.state).toBe('bound');
    expect(lab.client.inspect().naksInARow).toBe(0);
  });

  test('fault/D03 dhcp/K37 the NAK of a server that we did not choose is ignored, the right ACK taken', () => {
    const lab = requesting().receive('nak', from(OTHER_SERVER)).receive('ack');
    expect(lab.state).toBe('bound');
    expect(lab.counters).toEqual({ 'stranger-nak': 1 });
  });

  test('fault/D03 dhcp/K38 a NAK without server identifier is ignored', () => {
    const lab = requesting().receive('nak', { options: { 54: undefined } });
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'no-server-id': 1 });
  });
});

describe('client identifier', () => {
  test('dhcp/L39 the same option 61 in every message of a life', () => {
    const duid = clientIdFromDuid({ iaid: 0x01020304, duid: Uint8Array.of(0, 3, 0, 1, ...macToBytes(MAC)) });
    const lab = boundLab({ clientId: duid });
    lab.runTo(3200 * S); // RENEWING and REBINDING
    lab.run((client, now) => client.linkDown(now)).run((client, now) => client.linkUp(now)); // REBOOTING
    lab.receive('ack').run((client, now) => client.decline(now));
    lab
      .runFor(10 * S)
      .acquire()
      .run((client, now) => client.release(now))
      .run((client, now) => client.inform(now, ADDRESS));
    const types = new Set(lab.sent.map(({ type }) => type));
    expect(types).toEqual(new Set(['discover', 'request', 'decline', 'release', 'inform']));
    for (const { message } of lab.sent) expect(optionValue(message.options, 61)).toEqual(duid);
  });

  test('the default is hardware type and MAC; none where none is wanted', () => {
    expect(optionValue(new ClientLab().start().last.message.options, 61)).toEqual(clientIdFromMac(MAC));
    expect(codes(new ClientLab({ clientId: 'none' }).start().last)).not.toContain(61);
  });

  test('dhcp/K59 dhcp/K60 an echoed identifier has to be ours', () => {
    const lab = new ClientLab().start().receive('offer', { options: { 61: [1, 2, 3, 4, 5, 6, 7] } });
    expect(lab.counters).toEqual({ 'wrong-client-id': 1 });
    expect(lab.receive('offer', { options: { 61: clientIdFromMac(MAC) } }).state).toBe('requesting');
  });

  test('a client that sends none compares none', () => {
    const lab = new ClientLab({ clientId: 'none' }).start().receive('offer', { options: { 61: [1, 2, 3] } });
    expect(lab.state).toBe('requesting');
  });
});

function from(server: number): { readonly options: Readonly<Record<number, Uint8Array>> } {
  return { options: { 54: u32(server) } };
}
