import { MAC_BROADCAST, MAC_ZERO, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { leaseTimes } from '../src/client/lease-times.js';
import { MessageBudget } from '../src/client/message-budget.js';
import { clientIdFromDuid, DhcpClient, type DhcpClientConfig } from '../src/index.js';
import { boundLab, ClientLab, MAC, S } from './support/client-lab.js';

const { lease } = boundLab();

describe('configuration', () => {
  const make = (config: Partial<DhcpClientConfig>): DhcpClient =>
    new DhcpClient({ mac: MAC, entropy: new SeededEntropy(1), ...config });

  test.each<[string, Partial<DhcpClientConfig>]>([
    ['a zero MAC', { mac: MAC_ZERO }],
    ['a group MAC', { mac: MAC_BROADCAST }],
    ['a client id of one octet', { clientId: Uint8Array.of(1) }],
    ['a client id of 256 octets', { clientId: new Uint8Array(256) }],
    ['an empty host name', { hostname: '' }],
    ['a host name with a line feed', { hostname: 'a\nb' }],
    ['a vendor class of 256 characters', { vendorClass: 'x'.repeat(256) }],
    ['option 0 wanted', { parameterRequestList: [0] }],
    ['option 255 wanted', { parameterRequestList: [255] }],
    ['an option wanted twice', { parameterRequestList: [1, 3, 1] }],
    ['an extra option that is the client’s own', { extraOptions: [{ code: 54, value: new Uint8Array(4) }] }],
    ['an extra option END', { extraOptions: [{ code: 255, value: new Uint8Array(0) }] }],
    ['messages of 575 octets', { maxMessageLength: 575 }],
    ['messages of 65508 octets', { maxMessageLength: 65_508 }],
    ['a wish for the broadcast address', { requestedAddress: parseIpv4('255.255.255.255') }],
    ['a wish for no time', { requestedLeaseS: 0 }],
    ['a wish for 2^32 s', { requestedLeaseS: 2 ** 32 }],
    ['a delay from high to low', { startDelayMs: { low: 2, high: 1 } }],
    ['a delay of half a millisecond', { startDelayMs: { low: 0.5, high: 1 } }],
    ['a window of -1 ms', { offerWindowMs: -1 }],
    ['an endless window', { offerWindowMs: Infinity }],
    ['no offers', { offerCountMax: 0 }],
    ['leases of at most a second', { leaseMsMax: S }],
    ['-1 retransmissions of REQUEST', { requestRetransmissionsMax: -1 }],
    ['half a retransmission in REBOOTING', { rebootRetransmissionsMax: 0.5 }],
    ['NaN retransmissions of INFORM', { informRetransmissionsMax: Number.NaN }],
    ['no time to probe', { probeMsMax: 0 }],
    ['a wait of 9 s after DECLINE', { declineWaitMs: 9 * S }],
    ['no conflicts', { conflictCountMax: 0 }],
    ['a longer wait after one conflict than after many', { declineWaitMs: 70 * S }],
    ['no wait after NAK', { nakWaitMsMin: 0 }],
    ['a longest wait after NAK below the shortest', { nakWaitMsMax: 10 }],
    ['three messages a minute', { messagesPerMinuteMax: 3 }],
    ['no time to detect', { detectMsMax: 0 }],
    ['no events', { eventCountMax: 0 }],
    ['a lease without an address', { remembered: { ...lease, address: parseIpv4('0.0.0.0') } }],
    ['a lease without a server', { remembered: { ...lease, server: parseIpv4('0.0.0.0') } }],
    ['a lease with a mask of /0', { remembered: { ...lease, prefixLength: 0 } }],
    ['a lease with a mask of /33', { remembered: { ...lease, prefixLength: 33 } }],
    ['a lease with T1 behind T2', { remembered: { ...lease, renewAt: lease.rebindAt + 1 } }],
    ['a lease with T2 behind its end', { remembered: { ...lease, rebindAt: lease.expiresAt + 1 } }],
    ['a lease that ends at NaN', { remembered: { ...lease, expiresAt: Number.NaN } }],
  ])('%s is refused', (_, config) => {
    expect(() => make(config)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  test('a policy that returns something else than an offer is the caller’s mistake', () => {
    const lab = new ClientLab({ chooseOffer: (offers) => ({ ...offers[0]! }) }).start();
    expect(() => lab.receive('offer')).toThrow('one of the offers');
  });

  test('octets of the configuration are copied', () => {
    const clientId = Uint8Array.of(0, 1, 2, 3);
    const client = make({ clientId });
    clientId.fill(9);
    client.start(0);
    expect(client.pollTransmit()?.payload.subarray(243, 249)).toEqual(Uint8Array.of(61, 4, 0, 1, 2, 3));
  });

  test('a DUID that is too short, an IAID that is too large', () => {
    expect(() => clientIdFromDuid({ iaid: 2 ** 32, duid: new Uint8Array(4) })).toThrow('iaid');
    expect(() => clientIdFromDuid({ iaid: 1, duid: new Uint8Array(2) })).toThrow('DUID');
  });

  test('events beyond the limit are dropped and counted', () => {
    const client = make({ eventCountMax: 1 });
    client.start(0);
    expect(client.inspect()).toMatchObject({ eventsDropped: 1, transmitsDropped: 0, messagesInLastMinute: 1 });
  });
});

describe('lease times', () => {
  test('for every T1 and T2: T1 <= T2 < end', () => {
    const values = [undefined, 0, 1, 5, 9, 10, 11, Infinity];
    for (const renewS of values)
      for (const rebindS of values) {
        const { renewMs, rebindMs, leaseMs } = leaseTimes({ leaseS: 10, renewS, rebindS });
        expect(renewMs > 0 && renewMs <= rebindMs && rebindMs < leaseMs).toBe(true);
      }
  });
});

describe('message budget', () => {
  test('a sliding minute: the next question waits until the oldest counted message is a minute old', () => {
    const budget = new MessageBudget({ perMinute: 4 });
    for (const at of [0, 10, 20]) {
      expect(budget.allowedAt(at)).toBe(at);
      budget.spend(at);
    }
    expect(budget.allowedAt(30)).toBe(60_000);
    budget.spend(30); // RELEASE or DECLINE
    expect(budget.allowedAt(60_000)).toBe(60_010);
    expect([budget.spent(50), budget.spent(60_000), budget.spent(200_000)]).toEqual([4, 3, 0]);
    expect(() => budget.spend(40)).toThrow('budget');
  });

  test('at the limit: what asks is put off and counted, RELEASE still goes out', () => {
    const lab = new ClientLab({ messagesPerMinuteMax: 4 })
      .start()
      .runTo(5 * S)
      .receive('offer')
      .runTo(50 * S);
    expect(lab.sentLog()).toEqual(['discover@0', 'discover@4', 'request@5']);
    expect(lab.counter('budget-reached')).toBe(1);
    lab.receive('ack').run((client, now) => client.release(now));
    expect(lab.last).toMatchObject({ type: 'release', at: 50 * S });
    lab.start();
    expect(lab.client.nextTimeout()).toBe(64 * S);
    expect(lab.runTo(64 * S).last).toMatchObject({ type: 'discover', at: 64 * S });
  });

  test('an answer to a question that the budget still holds back is an answer to nothing', () => {
    const lab = new ClientLab({ messagesPerMinuteMax: 4 })
      .start()
      .runTo(13 * S)
      .receive('offer');
    expect(lab.sentLog()).toEqual(['discover@0', 'discover@4', 'discover@12']);
    expect(lab.state).toBe('requesting');
    lab.receive('ack');
    expect(lab.state).toBe('requesting');
    expect(lab.counters).toEqual({ 'budget-reached': 1, 'unexpected-message': 1 });
    expect(lab.runTo(60 * S).receive('ack').lease.obtainedAt).toBe(60 * S);
  });

  test('a REQUEST repeats the secs of the last DISCOVER that went out, not of one held back', () => {
    const lab = new ClientLab({ messagesPerMinuteMax: 4 })
      .start()
      .runTo(30 * S)
      .receive('offer')
      .runTo(60 * S);
    expect(lab.sent.map(({ type, message }) => [type, message.secs])).toEqual([
      ['discover', 0],
      ['discover', 4],
      ['discover', 12],
      ['request', 12],
    ]);
  });
});
