import { describe, expect, test } from 'vitest';
import { ADDRESS, boundLab, ClientLab, codes, OTHER_SERVER, optionText, S, u32 } from './support/client-lab.js';
import { authenticate, forceRenew, NONCE } from './support/force-renew.js';

describe('rapid commit (RFC 4039)', () => {
  const asking = (config = {}): ClientLab => new ClientLab({ rapidCommit: true, ...config }).start();

  test('option 80 goes into DISCOVER and nowhere else', () => {
    const lab = asking().receive('offer');
    expect(lab.sent.map((sent) => codes(sent).includes(80))).toEqual([true, false]);
  });

  test('dhcp/L40 ACK with option 80: bound at once, from the sending of DISCOVER', () => {
    const lab = asking()
      .runTo(S)
      .receive('ack', { options: { 80: [] } });
    expect(lab.sentLog()).toEqual(['discover@0']);
    expect(lab.lease.obtainedAt).toBe(0);
    expect(lab.eventsOf('bound')).toMatchObject([{ cause: 'acquired' }]);
  });

  test('dhcp/L40 OFFER with option 80 is an OFFER like any', () => {
    expect(asking().receive('offer', { options: { 80: [] } }).state).toBe('requesting');
  });

  test('dhcp/L41 dhcp/C39 ACK without option 80, or with one that is not empty, is dropped', () => {
    const lab = asking()
      .receive('ack')
      .receive('ack', { options: { 80: [1] } });
    expect(lab.state).toBe('selecting');
    expect(lab.counters).toEqual({ 'no-rapid-commit': 2 });
  });

  test('the address is probed all the same', () => {
    expect(asking({ conflictDetection: true }).receive('ack', { options: { 80: [] } }).state).toBe('probing');
  });
});

describe('detecting network attachment (RFC 4436)', () => {
  const detecting = (): ClientLab => new ClientLab({ remembered: boundLab().lease, detectAttachment: true }).start();

  test('dhcp/L26 the same network: the lease goes on as it was, without a message', () => {
    const lab = detecting();
    expect(lab.ladder()).toEqual(['0 detect 10.0.2.2', '0 stopped → detecting']);
    lab.runTo(100).run((client, now) => client.attachmentResult(now, 'same'));
    expect(lab.lease).toMatchObject({ renewAt: 1800 * S, expiresAt: 3600 * S });
    expect(lab.eventsOf('bound')).toMatchObject([{ cause: 'reattached' }]);
    expect(lab.sent).toEqual([]);
  });

  test('dhcp/L27 no answer in 400 ms: INIT-REBOOT', () => {
    const lab = detecting().runTo(399);
    expect(lab.sent).toEqual([]);
    expect(lab.runTo(400).state).toBe('rebooting');
    expect(lab.counters).toEqual({ 'attachment-unanswered': 1 });
  });

  test.each(['other', 'unknown'] as const)(
    'dhcp/L26 the answer %s (also: no MAC of the router known): INIT-REBOOT at once',
    (answer) => {
      const lab = detecting().run((client, now) => client.attachmentResult(now, answer));
      expect(lab.last).toMatchObject({ type: 'request', at: 0 });
    },
  );

  test('dhcp/L26 a lease without routers has nothing to look for', () => {
    const { lease } = boundLab({}, { options: { 3: undefined } });
    expect(new ClientLab({ remembered: lease, detectAttachment: true }).start().state).toBe('rebooting');
  });

  test('dhcp/L24 after the link was away', () => {
    const lab = boundLab({ detectAttachment: true }).run((client, now) => client.linkDown(now));
    lab.runFor(S).run((client, now) => client.linkUp(now));
    expect(lab.state).toBe('detecting');
    lab.run((client, now) => client.attachmentResult(now, 'same'));
    expect(lab.lease.obtainedAt).toBe(0);
  });

  test('T1 that passed meanwhile is caught up at once', () => {
    const lab = new ClientLab({ remembered: boundLab().lease, detectAttachment: true }, { now: 2000 * S }).start();
    lab.run((client, now) => client.attachmentResult(now, 'same'));
    expect(lab.state).toBe('renewing');
    expect(lab.last).toMatchObject({ type: 'request', at: 2000 * S });
  });
});

describe('IPv6-only preferred (RFC 8925)', () => {
  const preferring = (config = {}): ClientLab => new ClientLab({ ipv6OnlyPreferred: true, ...config }).start();
  const only = (seconds: number): { readonly options: Readonly<Record<number, Uint8Array>> } => ({
    options: { 108: u32(seconds) },
  });

  test('108 is asked for in option 55', () => {
    expect(optionText(preferring().last.message, 55)?.split(' ')).toContain('108');
    expect(optionText(new ClientLab().start().last.message, 55)?.split(' ')).not.toContain('108');
  });

  test.each([
    [60, 300],
    [400, 400],
  ])('dhcp/K65 an OFFER with 108 of %d s: no REQUEST, quiet for %d s, then INIT', (seconds, wait) => {
    const lab = preferring().receive('offer', only(seconds));
    expect(lab.state).toBe('ipv6-only');
    expect(lab.eventsOf('ipv6-only')).toMatchObject([{ waitMs: wait * S }]);
    expect(lab.runTo(wait * S - 1).sent).toHaveLength(1);
    expect(lab.runTo(wait * S).sentLog()).toEqual(['discover@0', `discover@${wait}`]);
  });

  test('dhcp/K67 also where the OFFER has no address', () => {
    expect(preferring().receive('offer', { yiaddr: 0 as never, ...only(60) }).state).toBe('ipv6-only');
  });

  test('dhcp/C36 108 of another length is no 108', () => {
    expect(preferring().receive('offer', { options: { 108: [0, 60] } }).state).toBe('requesting');
  });

  test('dhcp/K61 not asked for: ignored', () => {
    expect(new ClientLab().start().acquire(only(400)).state).toBe('bound');
  });

  test('dhcp/K66 in REBOOTING the address is not taken; in RENEWING and REBINDING it is kept', () => {
    const { lease } = boundLab();
    expect(preferring({ remembered: lease }).receive('ack', only(60)).state).toBe('ipv6-only');
    for (const at of [1800, 3150]) {
      const lab = boundLab({ ipv6OnlyPreferred: true })
        .jumpTo(at * S)
        .receive('ack', only(60));
      expect(lab.state).toBe('bound');
      expect(lab.eventsOf('unbound')).toEqual([]);
    }
  });

  test('the ACK to a REQUEST gives the address that was asked for', () => {
    expect(preferring().receive('offer').receive('ack', only(60)).state).toBe('bound');
  });

  test('another link is another network: the wait ends with the link', () => {
    const lab = preferring()
      .receive('offer', only(60))
      .run((client, now) => client.linkDown(now));
    lab.runFor(S).run((client, now) => client.linkUp(now));
    expect(lab.last).toMatchObject({ type: 'discover', at: S });
  });
});

describe('FORCERENEW with a nonce (RFC 6704)', () => {
  const holding = (): ClientLab => boundLab({ forceRenew: authenticate }, { options: { 90: NONCE } }).runTo(10 * S);

  test('145 says that we can', () => {
    expect(optionText(holding().last.message, 145)).toBe('1');
    expect(codes(new ClientLab().start().last)).not.toContain(145);
    const informing = new ClientLab({ forceRenew: authenticate }).run((client, now) => client.inform(now, ADDRESS));
    expect(codes(informing.last)).not.toContain(145); // no lease, nothing to renew
  });

  test('dhcp/L37 the right digest: RENEWING at once', () => {
    const lab = holding().receiveBytes(forceRenew(1));
    expect(lab.state).toBe('renewing');
    expect(lab.last).toMatchObject({ type: 'request', at: 10 * S });
    expect(lab.counters).toEqual({});
    expect(lab.receive('ack').lease.obtainedAt).toBe(10 * S);
  });

  test('dhcp/L37 hops and giaddr that a relay set do not count', () => {
    expect(holding().receiveBytes(forceRenew(1, { relayed: true })).state).toBe('renewing');
  });

  test.each([
    ['dhcp/L37 the wrong key', { key: new Uint8Array(16) }, 'force-renew-bad-digest'],
    ['another protocol', { protocol: 1 }, 'force-renew-unauthenticated'],
    ['a nonce in place of a digest', { type: 1 }, 'force-renew-unauthenticated'],
    ['another server', { server: OTHER_SERVER }, 'wrong-server'],
    ['no server', { server: 0 }, 'bad-server-id'],
  ] as const)('%s is dropped', (_, change, label) => {
    const lab = holding().receiveBytes(forceRenew(1, change));
    expect(lab.state).toBe('bound');
    expect(lab.counters).toEqual({ [label]: 1 });
  });

  test('every single octet counts', () => {
    const good = forceRenew(1);
    for (const at of [4, 12, 16, 20, 44, 108, 239 + 10, 270]) {
      const bad = good.slice();
      bad[at]! ^= 1;
      expect(holding().receiveBytes(bad).state).toBe('bound');
    }
  });

  test('dhcp/L38 the counter has to rise', () => {
    const lab = holding().receiveBytes(forceRenew(5)).receive('ack').receiveBytes(forceRenew(5)).receiveBytes(forceRenew(4));
    expect(lab.state).toBe('bound');
    expect(lab.counters).toEqual({ 'force-renew-replayed': 2 });
    expect(lab.receiveBytes(forceRenew(6)).state).toBe('renewing');
  });

  test('dhcp/L38 the counter of the ACK is the first', () => {
    expect(holding().receiveBytes(forceRenew(0)).counters).toEqual({ 'force-renew-replayed': 1 });
  });

  test('dhcp/L36 without a nonce in the ACK there is nothing to trust', () => {
    const lab = boundLab({ forceRenew: authenticate }).receiveBytes(forceRenew(1));
    expect(lab.counters).toEqual({ 'force-renew-unauthenticated': 1 });
  });

  test('a new lease without a nonce forgets the old one', () => {
    const lab = holding()
      .run((client, now) => client.decline(now))
      .runFor(10 * S)
      .acquire()
      .receiveBytes(forceRenew(1));
    expect(lab.counters).toEqual({ 'force-renew-unauthenticated': 1 });
  });

  test('option 90 behind END, or none at all, is no authentication', () => {
    expect(holding().receive('forceRenew').counters).toEqual({ 'force-renew-unauthenticated': 1 });
  });

  test('a signature that is split, or lent to the file field, is not looked for', () => {
    const whole = forceRenew(1);
    const at = 240 + 3 + 6; // option 90
    const split = whole.slice();
    split.set([90, 14, ...whole.subarray(at + 2, at + 16), 90, 14, ...whole.subarray(at + 16, at + 30), 255], at);
    const lent = whole.slice();
    lent.set([52, 1, 1, 255], at);
    lent.set([...whole.subarray(at, at + 30), 255], 108);
    for (const payload of [split, lent]) {
      const lab = holding().receiveBytes(payload);
      expect(lab.counters).toEqual({ 'force-renew-unauthenticated': 1 });
    }
  });

  test('nothing to renew: ignored', () => {
    const lab = new ClientLab({ forceRenew: authenticate }).start().receiveBytes(forceRenew(1));
    expect(lab.counters).toEqual({ 'unexpected-message': 1 });
  });

  test('an endless lease is renewed every hour until an answer comes', () => {
    const lab = boundLab({ forceRenew: authenticate }, { options: { 51: u32(0xffffffff), 90: NONCE } });
    lab.receiveBytes(forceRenew(1)).runTo(3 * 3600 * S);
    expect(lab.sentLog().slice(2)).toEqual(['request@0', 'request@3600', 'request@7200', 'request@10800']);
    expect(lab.receive('ack', { options: { 51: u32(0xffffffff) } }).client.nextTimeout()).toBe(Infinity);
  });
});
