import { parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { clientIdFromDuid, DhcpClient, type DhcpClientConfig } from '../src/index.js';
import { ADDRESS, boundLab, ClientLab, MAC, S } from './support/client-lab.js';

const { lease } = boundLab();

describe('configuration', () => {
  const make = (config: Partial<DhcpClientConfig>): DhcpClient =>
    new DhcpClient({ mac: MAC, entropy: new SeededEntropy(1), ...config });

  test.each<[string, Partial<DhcpClientConfig>]>([
    ['a client id of two octets', { clientId: new Uint8Array(2) }],
    ['a client id of 255 octets', { clientId: new Uint8Array(255) }],
    ['a host name of 255 characters', { hostname: 'x'.repeat(255) }],
    ['options 1 and 254 wanted', { parameterRequestList: [1, 254] }],
    ['an extra option 254', { extraOptions: [{ code: 254, value: new Uint8Array(0) }] }],
    ['an extra option 1', { extraOptions: [{ code: 1, value: new Uint8Array(4) }] }],
    ['messages of 576 octets', { maxMessageLength: 576 }],
    ['messages of 65507 octets', { maxMessageLength: 65_507 }],
    ['a wish for a second', { requestedLeaseS: 1 }],
    ['a wish for 2^32-1 s', { requestedLeaseS: 2 ** 32 - 1 }],
    ['a delay that is always the same', { startDelayMs: { low: 5, high: 5 } }],
    ['one offer', { offerCountMax: 1 }],
    ['leases of at most a minute', { leaseMsMax: 60 * S }],
    ['no retransmissions', { requestRetransmissionsMax: 0, rebootRetransmissionsMax: 0, informRetransmissionsMax: 0 }],
    ['a millisecond to probe', { probeMsMax: 1 }],
    ['10 s after DECLINE', { declineWaitMs: 10 * S }],
    ['one conflict', { conflictCountMax: 1 }],
    ['the same wait after one conflict and after many', { declineWaitMs: 60 * S, conflictWaitMs: 60 * S }],
    ['the same wait after each NAK', { nakWaitMsMin: 5 * S, nakWaitMsMax: 5 * S }],
    ['four messages a minute', { messagesPerMinuteMax: 4 }],
    ['a millisecond to detect', { detectMsMax: 1 }],
    ['one event', { eventCountMax: 1 }],
    ['a lease with a mask of /32', { remembered: { ...lease, prefixLength: 32 } }],
    ['a lease with a mask of /1', { remembered: { ...lease, prefixLength: 1 } }],
    ['a lease whose T1 is T2 and its end', { remembered: { ...lease, renewAt: 9, rebindAt: 9, expiresAt: 9 } }],
  ])('%s is accepted', (_, config) => {
    expect(make(config).state).toBe('stopped');
  });

  test.each<[string, Partial<DhcpClientConfig>]>([
    ['option 255 wanted behind another one', { parameterRequestList: [1, 255] }],
    ['half an option wanted', { parameterRequestList: [1.5] }],
    ['endless probing', { probeMsMax: Number.POSITIVE_INFINITY }],
    ['endless detecting', { detectMsMax: Number.POSITIVE_INFINITY }],
    ['a host name of 256 characters', { hostname: 'x'.repeat(256) }],
  ])('%s is refused', (_, config) => {
    expect(() => make(config)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  test('an identifier of IAID and DUID, at the edges of both (RFC 4361 §6.1, RFC 8415 §11.1)', () => {
    expect([...clientIdFromDuid({ iaid: 0, duid: Uint8Array.of(0, 3, 1) })]).toEqual([255, 0, 0, 0, 0, 0, 3, 1]);
    expect([...clientIdFromDuid({ iaid: 0x01020304, duid: Uint8Array.of(0, 3, 1) })]).toEqual([255, 1, 2, 3, 4, 0, 3, 1]);
    expect([...clientIdFromDuid({ iaid: 2 ** 32 - 1, duid: new Uint8Array(130) })]).toEqual([
      255,
      255,
      255,
      255,
      255,
      ...new Uint8Array(130),
    ]);
    for (const iaid of [-1, 0.5, 2 ** 32]) expect(() => clientIdFromDuid({ iaid, duid: new Uint8Array(4) })).toThrow('iaid');
    for (const length of [2, 131]) expect(() => clientIdFromDuid({ iaid: 1, duid: new Uint8Array(length) })).toThrow('DUID');
  });
});

describe('commands', () => {
  test('what takes effect says so', () => {
    const { client } = new ClientLab();
    expect([client.start(0), client.linkDown(1), client.linkUp(2), client.stop(3)]).toEqual(['done', 'done', 'done', 'done']);
    expect([client.inform(4, ADDRESS), client.stop(5)]).toEqual(['done', 'done']);
    expect(boundLab().client.release(0)).toBe('done');
    expect(boundLab().client.decline(0)).toBe('done');
    expect(new ClientLab({ conflictDetection: true }).start().acquire().client.probeResult(0, 'free')).toBe('done');
    const detecting = new ClientLab({ detectAttachment: true, remembered: lease }).start();
    expect(detecting.client.attachmentResult(0, 'same')).toBe('done');
  });

  test('while stopped, the link goes down once and comes back once', () => {
    const { client } = new ClientLab();
    expect([client.linkDown(0), client.linkDown(1)]).toEqual(['done', 'ignored']);
    expect(client.inform(2, ADDRESS)).toBe('ignored'); // there is nobody to ask
    expect([client.linkUp(3), client.linkUp(4)]).toEqual(['done', 'ignored']);
    expect(client.state).toBe('stopped');
    expect(client.start(5)).toBe('done');
    expect(client.state).toBe('selecting');
  });

  test('started without a link, it waits for one', () => {
    const { client } = new ClientLab();
    client.linkDown(0);
    expect([client.start(1), client.state]).toEqual(['done', 'halted']);
    expect(client.pollTransmit()).toBeUndefined();
    client.linkUp(2);
    expect(client.state).toBe('selecting');
  });

  test('the lease to remember is the one in use, or the one that was in use when it stopped', () => {
    const lab = boundLab();
    expect(lab.client.remembered).toEqual(lab.lease);
    const before = lab.lease;
    lab.run((client, now) => client.stop(now));
    expect(lab.client.lease).toBeUndefined();
    expect(lab.client.remembered).toEqual(before);
    expect(new ClientLab().client.remembered).toBeUndefined();
  });
});

describe('a lease that says less than it should', () => {
  test.each([
    ['9.0.0.1', 8],
    ['126.255.255.254', 8],
    ['128.1.0.1', 16],
    ['191.255.0.1', 16],
    ['192.0.2.1', 24],
    ['223.255.255.1', 24],
  ])('the mask of the class of %s has %i bits (RFC 791 §3.2)', (address, bits) => {
    const lab = new ClientLab({ missingMask: 'classful' }).start();
    lab.acquire({ yiaddr: parseIpv4(address), options: { 1: undefined, 3: undefined } });
    expect(lab.lease.prefixLength).toBe(bits);
  });

  test('times that come from the offer are not repaired ones', () => {
    const lab = new ClientLab()
      .start()
      .receive('offer')
      .receive('ack', { options: { 51: undefined } });
    expect(lab.lease.expiresAt).toBe(3600 * S);
    expect(lab.counter('lease-times-repaired')).toBe(0);
  });
});

describe('what a state remembers', () => {
  test('offers that the policy refused are not offered to it again', () => {
    const seen: number[][] = [];
    const lab = new ClientLab({
      chooseOffer: (offers) => {
        seen.push(offers.map(({ address }) => address & 0xff));
        return offers.find(({ address }) => (address & 0xff) === 16);
      },
    }).start();
    lab.receive('offer').receive('offer', { yiaddr: parseIpv4('10.0.2.16') });
    expect(seen).toEqual([[15], [16]]);
    expect(lab.state).toBe('requesting');
  });

  test('an INFORM that nobody answers leaves the link and the remembered lease as they were', () => {
    const lab = new ClientLab({ remembered: lease, informRetransmissionsMax: 0 });
    lab.run((client, now) => client.inform(now, ADDRESS)).runTo(60 * S);
    expect(lab.eventsOf('gave-up')).toMatchObject([{ state: 'informing' }]);
    expect(lab.client.remembered).toEqual(lease);
    expect(lab.start().state).toBe('rebooting');
  });

  test('why it waits, and why an address is given up', () => {
    const refused = new ClientLab().start().receive('offer').receive('nak');
    expect(refused.client.inspect().state).toMatchObject({ type: 'waiting', reason: 'nak' });
    const declined = boundLab().run((client, now) => client.decline(now));
    expect(declined.client.inspect().state).toMatchObject({ type: 'waiting', reason: 'declined' });
    expect(declined.eventsOf('unbound')).toMatchObject([{ reason: 'declined', address: ADDRESS }]);
    const lost = boundLab()
      .runTo(1800 * S)
      .receive('nak');
    expect(lost.eventsOf('unbound')).toMatchObject([{ reason: 'nak', address: ADDRESS }]);
  });
});

describe('what a reply says', () => {
  test('routers and name servers that no host can be are left out (RFC 1122 §3.2.1.3)', () => {
    const group = [224, 0, 0, 1];
    const lab = boundLab({}, { options: { 3: [...group, 10, 0, 2, 2], 6: [255, 255, 255, 255, 10, 0, 2, 3] } });
    expect(lab.lease.routers).toEqual([parseIpv4('10.0.2.2')]);
    expect(lab.lease.dnsServers).toEqual([parseIpv4('10.0.2.3')]);
  });

  test('without options 3 and 6 there are no routers and no name servers', () => {
    const { lease: bare } = boundLab({}, { options: { 3: undefined, 6: undefined } });
    expect([bare.routers, bare.dnsServers, bare.routes]).toEqual([[], [], []]);
  });

  test('the answer to an INFORM leaves the link and the remembered lease as they were', () => {
    const lab = new ClientLab({ remembered: lease });
    lab
      .run((client, now) => client.inform(now, ADDRESS))
      .receive('ack', { yiaddr: parseIpv4('0.0.0.0'), options: { 51: undefined } });
    expect(lab.eventsOf('informed')).toMatchObject([{ address: ADDRESS, prefixLength: 24 }]);
    expect(lab.client.remembered).toEqual(lease);
    expect(lab.start().state).toBe('rebooting');
  });
});
