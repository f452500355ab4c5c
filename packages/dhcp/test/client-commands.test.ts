import { IPV4_BROADCAST, parseIpv4 } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { ADDRESS, boundLab, ClientLab, codes, OTHER_ADDRESS, OTHER_SERVER, S, SERVER, u32 } from './support/client-lab.js';

const down = (lab: ClientLab): ClientLab => lab.run((client, now) => client.linkDown(now));
const up = (lab: ClientLab): ClientLab => lab.run((client, now) => client.linkUp(now));

describe('stop and release', () => {
  test('dhcp/L32 release: unicast from our address, ciaddr set, 54, no 50, no 55, secs 0', () => {
    const lab = boundLab()
      .runTo(10 * S)
      .run((client, now) => client.release(now));
    const { datagram, message, type } = lab.last;
    expect(type).toBe('release');
    expect(datagram.source).toEqual({ address: ADDRESS, port: 68 });
    expect(datagram.destination).toEqual({ address: SERVER, port: 67 });
    expect(message).toMatchObject({ ciaddr: ADDRESS, secs: 0, flags: 0 });
    expect(codes(lab.last)).toEqual([53, 61, 54]);
    expect(lab.eventsOf('unbound')).toMatchObject([{ reason: 'released' }]);
    expect(lab.state).toBe('stopped');
    expect(lab.client.remembered).toBeUndefined();
    expect(lab.client.nextTimeout()).toBe(Infinity);
  });

  test('dhcp/L32 stop keeps the lease for the next start, or releases it with releaseOnStop', () => {
    const lab = boundLab().run((client, now) => client.stop(now));
    expect(lab.last.type).toBe('request');
    expect(lab.eventsOf('unbound')).toMatchObject([{ reason: 'stopped' }]);
    expect(lab.start().state).toBe('rebooting');
    const releasing = boundLab({ releaseOnStop: true }).run((client, now) => client.stop(now));
    expect(releasing.last.type).toBe('release');
    expect(releasing.start().state).toBe('selecting');
  });

  test.each(['selecting', 'requesting'])('dhcp/L33 stop in %s sends nothing, and release means nothing there', (state) => {
    const lab = new ClientLab({ releaseOnStop: true }).start();
    if (state === 'requesting') lab.receive('offer');
    expect(lab.state).toBe(state);
    const sent = lab.sent.length;
    expect(lab.client.release(lab.now)).toBe('ignored');
    lab.run((client, now) => client.stop(now)).runTo(1e6);
    expect(lab.sent).toHaveLength(sent);
    expect(lab.events.at(-1)).toMatchObject({ type: 'state', to: 'stopped' });
  });

  test('release in RENEWING and REBINDING works as in BOUND', () => {
    for (const at of [1800, 3150]) {
      const lab = boundLab()
        .jumpTo(at * S)
        .run((client, now) => client.release(now));
      expect(lab.last).toMatchObject({ type: 'release', datagram: { destination: { address: SERVER } } });
    }
  });

  test('commands that mean nothing say so', () => {
    const stopped = new ClientLab().client;
    expect(stopped.stop(0)).toBe('ignored');
    expect(stopped.release(0)).toBe('ignored');
    expect(stopped.decline(0)).toBe('ignored');
    expect(stopped.linkUp(0)).toBe('ignored');
    expect(stopped.probeResult(0, 'free')).toBe('ignored');
    expect(stopped.attachmentResult(0, 'same')).toBe('ignored');
    const bound = boundLab().client;
    expect(bound.start(0)).toBe('ignored');
    expect(bound.inform(0, ADDRESS)).toBe('ignored');
  });
});

describe('link', () => {
  test('dhcp/L24 down in BOUND takes the address; up confirms the lease with INIT-REBOOT', () => {
    const lab = down(boundLab().runTo(10 * S));
    expect(lab.state).toBe('halted');
    expect(lab.eventsOf('unbound')).toMatchObject([{ reason: 'link-down', address: ADDRESS }]);
    expect(lab.client.nextTimeout()).toBe(Infinity);
    expect(up(lab.runTo(20 * S)).state).toBe('rebooting');
    expect(lab.receive('ack').lease.obtainedAt).toBe(20 * S);
  });

  test('down longer than the lease: INIT, with the old address as a wish', () => {
    const lab = up(down(boundLab()).jumpTo(3600 * S));
    expect(lab.last.type).toBe('discover');
    expect(lab.ladder().at(-1)).toBe('3600 init → selecting');
    expect(codes(lab.last)).toContain(50);
  });

  test.each(['selecting', 'requesting'])('dhcp/L25 a flap in %s starts anew, and the old timers are dead', (state) => {
    const lab = new ClientLab().start();
    if (state === 'requesting') lab.receive('offer');
    const { xid } = lab.last.message;
    const late = lab.reply('ack');
    down(lab.runTo(S)).runTo(60 * S);
    expect(lab.sent.every(({ at }) => at <= S)).toBe(true);
    up(lab);
    expect(lab.last.type).toBe('discover');
    expect(lab.last.message.xid).not.toBe(xid);
    expect(lab.receiveBytes(late).counters).toEqual({ 'wrong-xid': 1 });
    expect(
      lab
        .runTo(64 * S)
        .sentLog()
        .slice(-2),
    ).toEqual(['discover@60', 'discover@64']);
  });

  test('start without a link waits for it; stop without a link forgets the wish', () => {
    const lab = down(new ClientLab()).start();
    expect(lab.state).toBe('halted');
    expect(up(lab).state).toBe('selecting');
    down(lab).run((client, now) => client.stop(now));
    expect(up(lab).state).toBe('stopped');
    expect(lab.client.linkUp(lab.now)).toBe('ignored');
    expect(lab.start().state).toBe('selecting');
  });

  test('a second down changes nothing', () => {
    const lab = down(boundLab());
    expect(lab.client.linkDown(lab.now)).toBe('ignored');
  });
});

describe('INIT-REBOOT', () => {
  const rebooting = (config = {}): ClientLab => {
    const { lease } = boundLab();
    return new ClientLab({ remembered: lease, ...config }, { now: 100 * S }).start();
  };

  test('dhcp/L03 broadcast, ciaddr 0, 50, no 54', () => {
    const lab = rebooting();
    expect(lab.ladder()).toEqual([
      expect.stringMatching(/^100 > REQUEST 0\.0\.0\.0:68 → 255\.255\.255\.255:67, xid \d+, secs 0, 50 10\.0\.2\.15$/),
      '100 stopped → init-reboot',
      '100 init-reboot → rebooting',
    ]);
    expect(codes(lab.last)).toEqual([53, 61, 50, 57, 55]);
  });

  test('the ACK of any server confirms the lease', () => {
    const lab = rebooting().receive('ack', { options: { 54: u32(OTHER_SERVER) } });
    expect(lab.lease).toMatchObject({ address: ADDRESS, server: OTHER_SERVER, obtainedAt: 100 * S });
    expect(lab.eventsOf('bound')).toMatchObject([{ cause: 'rebooted', changes: [] }]);
  });

  test('dhcp/L04 unanswered: four tries, then INIT with another xid', () => {
    const lab = rebooting().runTo(160 * S);
    expect(lab.sentLog()).toEqual(['request@100', 'request@104', 'request@112', 'request@128', 'discover@160']);
    expect(lab.last.message.xid).not.toBe(lab.sent[0]?.message.xid);
    expect(lab.eventsOf('gave-up')).toEqual([{ type: 'gave-up', state: 'rebooting', at: 160 * S }]);
  });

  test('dhcp/L04 unanswered, with keep-lease: the rest of the lease is used, T1 and T2 as they were', () => {
    const lab = rebooting({ rebootUnanswered: 'keep-lease' }).runTo(160 * S);
    expect(lab.lease).toMatchObject({ renewAt: 1800 * S, expiresAt: 3600 * S });
    expect(lab.eventsOf('bound')).toMatchObject([{ cause: 'kept' }]);
  });

  test('dhcp/L05 a remembered lease that has ended: INIT', () => {
    const lab = new ClientLab({ remembered: boundLab().lease }, { now: 3600 * S }).start();
    expect(lab.ladder()).toEqual([
      expect.stringMatching(/^3600 > DISCOVER .* 50 10\.0\.2\.15$/),
      '3600 stopped → init',
      '3600 init → selecting',
    ]);
  });

  test('a lease that ends in REBOOTING: INIT', () => {
    const lab = new ClientLab({ remembered: boundLab().lease }, { now: 3599 * S }).start().runTo(3600 * S);
    expect(lab.sentLog()).toEqual(['request@3599', 'discover@3600']);
    expect(lab.eventsOf('unbound')).toEqual([]);
  });

  test('a lease that ends while INIT-REBOOT waits to start: INIT', () => {
    const config = { remembered: boundLab().lease, startDelayMs: { low: 5000, high: 5000 } };
    const lab = new ClientLab(config, { now: 3598 * S }).start().runTo(3603 * S);
    expect(lab.sentLog()).toEqual(['discover@3603']);
  });

  test('dhcp/L06 a NAK: the address is forgotten, INIT at once', () => {
    const lab = rebooting().receive('nak', { options: { 54: u32(OTHER_SERVER) } });
    expect(lab.last).toMatchObject({ type: 'discover', at: 100 * S });
    expect(codes(lab.last)).not.toContain(50);
    expect(lab.client.remembered).toBeUndefined();
  });

  test('dhcp/L07 an ACK with another address gives that one', () => {
    expect(rebooting().receive('ack', { yiaddr: OTHER_ADDRESS }).lease.address).toBe(OTHER_ADDRESS);
  });

  test('dhcp/L07 … after a probe', () => {
    const lab = rebooting({ conflictDetection: true }).receive('ack', { yiaddr: OTHER_ADDRESS });
    expect(lab.eventsOf('probe')).toMatchObject([{ address: OTHER_ADDRESS }]);
  });

  test('stop in REBOOTING remembers the lease still', () => {
    expect(
      rebooting()
        .run((client, now) => client.stop(now))
        .start().state,
    ).toBe('rebooting');
  });
});

describe('the address probe', () => {
  const probing = (): ClientLab => new ClientLab({ conflictDetection: true }).start().acquire();

  test('an address is used after its probe, not before', () => {
    const lab = probing();
    expect(lab.state).toBe('probing');
    expect(lab.eventsOf('bound')).toEqual([]);
    expect(lab.eventsOf('probe')).toMatchObject([{ address: ADDRESS }]);
    lab.runTo(2 * S).run((client, now) => client.probeResult(now, 'free'));
    expect(lab.lease).toMatchObject({ address: ADDRESS, obtainedAt: 0 });
  });

  test('fault/D12 dhcp/L28 in use: DECLINE by broadcast with 50 and 54, no 55, no 57; 10 s; INIT', () => {
    const lab = probing()
      .runTo(2 * S)
      .run((client, now) => client.probeResult(now, 'in-use'));
    const { datagram, message } = lab.last;
    expect(datagram).toMatchObject({
      source: { address: 0, port: 68 },
      destination: { address: IPV4_BROADCAST, port: 67 },
    });
    expect(message).toMatchObject({ ciaddr: 0, secs: 0, flags: 0 });
    expect(codes(lab.last)).toEqual([53, 61, 50, 54]);
    expect(lab.eventsOf('declined')).toMatchObject([{ address: ADDRESS, server: SERVER }]);
    expect(lab.eventsOf('unbound')).toEqual([]);
    lab.runTo(11.9 * S);
    expect(lab.last.type).toBe('decline');
    lab.runTo(12 * S);
    expect(lab.last.type).toBe('discover');
    expect(codes(lab.last)).not.toContain(50);
  });

  test('dhcp/L29 after ten conflicts in a row a minute between attempts; a lease forgives', () => {
    const lab = new ClientLab({ conflictDetection: true }).start();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      lab.acquire().run((client, now) => client.probeResult(now, 'in-use'));
      waits.push((lab.client.nextTimeout() - lab.now) / S);
      lab.runTo(lab.client.nextTimeout());
    }
    expect(waits).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 60, 60, 60]);
    lab.acquire().run((client, now) => client.probeResult(now, 'free'));
    expect(lab.client.inspect().conflictsInARow).toBe(0);
  });

  test('no answer to the probe: used after 30 s, and counted', () => {
    const lab = probing().runTo(30 * S);
    expect(lab.state).toBe('bound');
    expect(lab.counters).toEqual({ 'probe-unanswered': 1 });
  });

  test('a lease that ends during its probe was never ours', () => {
    const lab = new ClientLab({ conflictDetection: true })
      .start()
      .acquire({ options: { 51: u32(5) } })
      .runTo(5 * S);
    expect(lab.state).toBe('selecting');
    expect(lab.eventsOf('unbound')).toEqual([]);
  });

  test('decline during the probe is the same as in-use; release is not for an address that is not in use', () => {
    const lab = probing();
    expect(lab.client.release(lab.now)).toBe('ignored');
    expect(lab.run((client, now) => client.decline(now)).last.type).toBe('decline');
  });

  test('a renewal of the same address is not probed', () => {
    const lab = probing()
      .run((client, now) => client.probeResult(now, 'free'))
      .runTo(1800 * S)
      .receive('ack');
    expect(lab.eventsOf('probe')).toHaveLength(1);
    expect(lab.state).toBe('bound');
  });
});

describe('INFORM', () => {
  const STATIC = parseIpv4('10.0.2.77');
  const informing = (): ClientLab => new ClientLab().run((client, now) => client.inform(now, STATIC));

  test('dhcp/L34 ciaddr and source are the address, broadcast, no 50, 51, 54', () => {
    const { datagram, message } = informing().last;
    expect(datagram.source).toEqual({ address: STATIC, port: 68 });
    expect(datagram.destination).toEqual({ address: IPV4_BROADCAST, port: 67 });
    expect(message.ciaddr).toBe(STATIC);
    expect(codes(informing().last)).toEqual([53, 61, 57, 55]);
  });

  test('dhcp/L34 four tries, then the application is told', () => {
    const lab = informing().runTo(1000 * S);
    expect(lab.sentLog()).toEqual([0, 4, 12, 28].map((at) => `inform@${at}`));
    expect(lab.eventsOf('gave-up')).toEqual([{ type: 'gave-up', state: 'informing', at: 60 * S }]);
    expect(lab.state).toBe('stopped');
  });

  test('dhcp/L35 the ACK gives parameters and no lease, whatever 51, 58 and 59 say', () => {
    const lab = informing().receive('ack', { yiaddr: ADDRESS, options: { 58: u32(1), 59: u32(2) } });
    expect(lab.client.lease).toBeUndefined();
    expect(lab.client.nextTimeout()).toBe(Infinity);
    expect(lab.eventsOf('informed')).toMatchObject([
      {
        address: STATIC,
        prefixLength: 24,
        parameters: { server: SERVER, routers: [SERVER], dnsServers: [parseIpv4('10.0.2.3')] },
      },
    ]);
  });

  test('OFFER and NAK mean nothing to it', () => {
    const lab = informing().receive('offer').receive('nak');
    expect(lab.counters).toEqual({ 'unexpected-type': 2 });
  });

  test('stop, and a link that goes down, end it; a remembered lease survives it', () => {
    expect(
      informing()
        .run((client, now) => client.stop(now))
        .runTo(1e6).sent,
    ).toHaveLength(1);
    const lab = boundLab()
      .run((client, now) => client.stop(now))
      .run((client, now) => client.inform(now, STATIC));
    down(lab);
    expect(lab.state).toBe('stopped');
    expect(up(lab).start().state).toBe('rebooting');
  });

  test('an address that no interface has is the caller’s mistake', () => {
    expect(() => new ClientLab().client.inform(0, parseIpv4('224.0.0.1'))).toThrow('unicast');
  });
});
