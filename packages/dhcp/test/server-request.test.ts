import { parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { A, B, C, codes, dotted, FIRST, kind, number, option, type Reply, SERVER, ServerLab, u32 } from './support/server-lab.js';

const ip = parseIpv4;
const OTHER_SERVER = ip('10.0.2.4');

describe('REQUEST in SELECTING', () => {
  test('dhcp/S30 of the offered address gets an ACK', () => {
    const lab = new ServerLab();
    const { yiaddr } = lab.discover(A).message;
    const ack = lab.select(A, yiaddr) as Reply;
    expect(ack.type).toBe('ack');
    expect(ack.to).toBe('10.0.2.15:68@2000000000a');
    expect(codes(ack)).toEqual([53, 54, 51, 58, 59, 1, 3, 6, 15, 28]);
    expect(lab.events).toMatchObject([{ type: 'offered' }, { type: 'leased', client: 'hw 1/02000000000a', until: 600_000 }]);
  });

  test('the lease has the time that was offered', () => {
    const lab = new ServerLab();
    const { yiaddr } = lab.discover(A, { leaseSeconds: 120 }).message;
    expect(number(lab.select(A, yiaddr), 51)).toBe(120);
  });

  test('dhcp/S31 for another server gets silence, and our offer is free again', () => {
    const lab = new ServerLab();
    const { yiaddr } = lab.discover(A).message;
    expect(lab.select(A, ip('10.0.2.60'), { server: OTHER_SERVER })).toBe('other-server');
    expect(lab.bindings()).toEqual(['10.0.2.15 fresh']);
    expect(lab.discover(B).message.yiaddr).toBe(yiaddr);
  });

  test('a lease that runs is not given up when its client talks to another server', () => {
    const lab = new ServerLab();
    lab.lease(A);
    expect(lab.select(A, ip('10.0.2.60'), { server: OTHER_SERVER })).toBe('other-server');
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('dhcp/S32 of a free address that was never offered gets an ACK: the offer may have ended meanwhile', () => {
    expect(kind(new ServerLab().select(A, ip('10.0.2.17')))).toBe('ack');
  });

  test.each([
    ['10.0.2.99', 'not-served'],
    ['10.9.9.9', 'wrong-network'],
  ])('dhcp/S32 of %s gets a NAK: %s', (address, reason) => {
    const lab = new ServerLab();
    expect(kind(lab.select(A, ip(address)))).toBe('nak');
    expect(lab.events).toMatchObject([{ type: 'nak', reason }]);
  });

  test('dhcp/S33 of another address than the offered one gets a NAK', () => {
    const lab = new ServerLab();
    lab.discover(A);
    expect(kind(lab.select(A, ip('10.0.2.17')))).toBe('nak');
  });

  test('dhcp/S34 without option 50 gets silence', () => {
    const lab = new ServerLab();
    lab.discover(A);
    expect(lab.ask({ type: 'request', server: SERVER })).toBe('selecting-without-address');
  });

  test('dhcp/S35 with ciaddr gets silence', () => {
    const lab = new ServerLab();
    lab.discover(A);
    expect(lab.select(A, FIRST, { ciaddr: FIRST })).toBe('selecting-with-ciaddr');
  });

  test('dhcp/S36 without 54, 50 and ciaddr gets silence', () => {
    expect(new ServerLab().ask({ type: 'request' })).toBe('request-without-address');
  });

  test('dhcp/S50 A is offered x, B asks for it, A asks for it: one ACK, one NAK', () => {
    const lab = new ServerLab();
    const { yiaddr } = lab.discover(A).message;
    expect(kind(lab.select(B, yiaddr))).toBe('nak');
    expect(kind(lab.select(A, yiaddr))).toBe('ack');
  });
});

describe('REQUEST in INIT-REBOOT', () => {
  test('dhcp/S37 of the own lease gets an ACK', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    const ack = lab.reboot(A, address) as Reply;
    expect([ack.type, ack.to, ack.message.ciaddr]).toEqual(['ack', '10.0.2.15:68@2000000000a', 0]);
  });

  test('dhcp/S38 of a client without a record: ACK where we are authoritative and it is free, else silence', () => {
    expect(kind(new ServerLab().reboot(A, ip('10.0.2.17')))).toBe('ack');
    expect(new ServerLab({ authoritative: false }).reboot(A, ip('10.0.2.17'))).toBe('unknown-lease');
  });

  test('dhcp/S39 inside the network but outside the pool: NAK where we are authoritative', () => {
    expect(kind(new ServerLab().reboot(A, ip('10.0.2.200')))).toBe('nak');
    expect(new ServerLab({ authoritative: false }).reboot(A, ip('10.0.2.200'))).toBe('unknown-lease');
  });

  test('dhcp/S40 of another network gets a NAK by broadcast, with nothing in it', () => {
    const nak = new ServerLab().reboot(A, ip('192.168.1.7')) as Reply;
    expect([nak.type, nak.to]).toEqual(['nak', '255.255.255.255:68']);
    expect(nak.message).toMatchObject({ ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, flags: 0 });
    expect(codes(nak)).toEqual([53, 54, 56]);
  });

  test('dhcp/S41 through a relay the NAK goes to giaddr, with the broadcast bit set', () => {
    const nak = new ServerLab().reboot(A, ip('192.168.1.7'), { giaddr: ip('10.0.2.99') }) as Reply;
    expect([nak.type, nak.to, nak.message.flags]).toEqual(['nak', '10.0.2.99:67', 0x8000]);
  });

  test("dhcp/S42 of somebody else's address gets a NAK, authoritative or not", () => {
    for (const authoritative of [true, false]) {
      const lab = new ServerLab({ authoritative });
      const address = lab.lease(A);
      expect(kind(lab.reboot(B, address))).toBe('nak');
    }
  });

  test('dhcp/S99 without authority there is no NAK for what is not known here', () => {
    const lab = new ServerLab({ authoritative: false });
    expect(lab.reboot(A, ip('192.168.1.7'))).toBe('unknown-lease');
    expect(lab.rebind(A, ip('192.168.1.7'))).toBe('unknown-lease');
    expect(lab.renew(A, ip('10.0.2.17'))).toBe('unknown-lease');
    expect(lab.types()).not.toContain('nak');
  });

  test('of an address that differs from the record gets a NAK, authoritative or not', () => {
    const lab = new ServerLab({ authoritative: false });
    lab.lease(A);
    expect(kind(lab.reboot(A, ip('10.0.2.17')))).toBe('nak');
  });
});

describe('REQUEST in RENEWING and REBINDING', () => {
  test('dhcp/S43 the ACK of a renewal goes to ciaddr, routed as usual', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.advance(300_000);
    const ack = lab.renew(A, address) as Reply;
    expect([ack.type, ack.to]).toEqual(['ack', '10.0.2.15:68']);
    expect(ack.message).toMatchObject({ ciaddr: address, yiaddr: address });
    expect(lab.events.at(-1)).toMatchObject({ type: 'renewed', until: 900_000 });
  });

  test('a shorter time than what still runs is granted, but the address stays taken until the old end: the ACK may be lost', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    const ack = lab.renew(A, address, { leaseSeconds: 60 });
    expect(number(ack, 51)).toBe(60);
    lab.advance(599_999);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
    lab.advance(1);
    expect(lab.bindings()).toEqual(['10.0.2.15 expired']);
  });

  test('dhcp/S44 the same REQUEST again gets the same ACK, and changes nothing', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.advance(300_000);
    const first = lab.renew(A, address, { xid: 7 }) as Reply;
    const count = lab.events.length;
    const second = lab.renew(A, address, { xid: 7 }) as Reply;
    expect(second.transmit).toEqual(first.transmit);
    expect(lab.events).toHaveLength(count);
  });

  test('dhcp/S45 dhcp/S92 of a lease that the server lost: it is made again where the address is free', () => {
    const lab = new ServerLab();
    expect(kind(lab.renew(A, ip('10.0.2.17')))).toBe('ack');
    expect(kind(lab.renew(B, ip('10.0.2.17')))).toBe('nak');
    expect(lab.lease(C)).not.toBe(ip('10.0.2.17'));
  });

  test("dhcp/S46 of another client's address gets a NAK by broadcast, not to ciaddr", () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    const nak = lab.renew(B, address) as Reply;
    expect([nak.type, nak.to, nak.message.ciaddr]).toEqual(['nak', '255.255.255.255:68', 0]);
  });

  test('dhcp/S47 the own lease is rebound by broadcast', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.advance(550_000);
    const ack = lab.rebind(A, address) as Reply;
    expect([ack.type, ack.to]).toEqual(['ack', '10.0.2.15:68']);
  });

  test('dhcp/S48 rebinding in the wrong network gets a NAK by broadcast', () => {
    const nak = new ServerLab().rebind(A, ip('10.9.0.7')) as Reply;
    expect([nak.type, nak.to]).toEqual(['nak', '255.255.255.255:68']);
  });

  test('dhcp/S49 a renewal that carries 54 and 50 is told by its source and treated by ciaddr', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    expect(kind(lab.renew(A, address, { server: SERVER, requested: address }))).toBe('ack');
    expect(kind(lab.renew(A, address, { requested: ip('10.0.2.99') }))).toBe('ack');
  });

  test('dhcp/S85 a renewal that comes directly and through a relay: one change, two equal leases', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.advance(300_000);
    const direct = lab.renew(A, address, { xid: 9 }) as Reply;
    const relayed = lab.renew(A, address, { xid: 9, giaddr: ip('10.0.2.99') }) as Reply;
    expect([direct.to, relayed.to]).toEqual(['10.0.2.15:68', '10.0.2.99:67']);
    expect(number(direct, 51)).toBe(number(relayed, 51));
    expect(lab.types().filter((type) => type === 'renewed')).toHaveLength(1);
  });

  test('dhcp/S98 a lease holds at every t < expiry: at that instant another client may get it', () => {
    const lab = new ServerLab({ pool: { first: FIRST, last: FIRST } });
    lab.lease(A);
    lab.advance(599_999);
    expect(kind(lab.renew(A, FIRST))).toBe('ack');
    lab.advance(600_000);
    expect(lab.events.at(-1)).toEqual({ type: 'expired', at: 1_199_999, client: 'hw 1/02000000000a', address: FIRST });
    expect(kind(lab.select(B, FIRST))).toBe('ack');
    expect(kind(lab.renew(A, FIRST))).toBe('nak');
  });

  test('a renewal after expiry gets the lease back where nobody took the address', () => {
    const lab = new ServerLab({ authoritative: false });
    const address = lab.lease(A);
    lab.advance(600_000);
    expect(kind(lab.renew(A, address))).toBe('ack');
  });

  test('dhcp/S94 a clock that steps back extends no lease', () => {
    const lab = new ServerLab();
    lab.now = 1_000_000;
    const address = lab.lease(A);
    lab.now = 500_000;
    expect(number(lab.renew(A, address), 51)).toBe(600);
    expect(lab.events.at(-1)).toMatchObject({ at: 1_000_000, until: 1_600_000 });
  });

  test('dhcp/S95 an infinite lease has no end, and leaves no timer', () => {
    const lab = new ServerLab({ leaseMs: Number.POSITIVE_INFINITY });
    lab.lease(A);
    expect(lab.server.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    lab.advance(1e15);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('dhcp/S95 a finite lease is never written as the infinite one', () => {
    const leaseMs = 0xffffffff * 1_000 + 5_000;
    expect(number(new ServerLab({ leaseMs }).discover(A), 51)).toBe(0xfffffffe);
  });
});

describe('relays', () => {
  const remote = {
    prefix: parsePrefix('10.9.0.0/24'),
    pool: { first: ip('10.9.0.10'), last: ip('10.9.0.20') },
    routers: [ip('10.9.0.1')],
  };
  const giaddr = ip('10.9.0.1');

  test('dhcp/S75 the network is chosen by giaddr, the reply goes there, to port 67', () => {
    const offer = new ServerLab({ remoteSubnets: [remote] }).discover(A, { giaddr, hops: 1 });
    expect(offer.to).toBe('10.9.0.1:67');
    expect(offer.message).toMatchObject({ yiaddr: ip('10.9.0.10'), giaddr, hops: 0 });
    expect(number(offer, 3)).toBe(giaddr);
  });

  test('dhcp/S76 giaddr of a network that is not configured gets silence', () => {
    expect(new ServerLab().ask({ giaddr })).toBe('unknown-network');
  });

  test('fault/D17 dhcp/S77 giaddr that is our own address is a loop', () => {
    expect(new ServerLab().ask({ giaddr: SERVER })).toBe('own-relay');
  });

  test('dhcp/S78 link selection chooses the network; an unknown one gets silence', () => {
    const lab = new ServerLab({ remoteSubnets: [remote] });
    const link = (address: string) => [{ code: 82, value: Uint8Array.of(5, 4, ...u32(ip(address))) }];
    const offer = lab.discover(A, { giaddr: ip('10.0.2.99'), more: link('10.9.0.0') });
    expect([dotted(offer.message.yiaddr), offer.to]).toEqual(['10.9.0.10', '10.0.2.99:67']);
    expect(lab.ask({ giaddr: ip('10.0.2.99'), more: link('192.0.2.0') })).toBe('unknown-network');
  });

  test('dhcp/S79 link selection wins over option 118', () => {
    const lab = new ServerLab({ remoteSubnets: [remote] });
    const more = [
      { code: 118, value: u32(ip('10.0.2.0')) },
      { code: 82, value: Uint8Array.of(5, 4, ...u32(ip('10.9.0.0'))) },
    ];
    expect(dotted(lab.discover(A, { giaddr, more }).message.yiaddr)).toBe('10.9.0.10');
  });

  test('dhcp/S80 the server identifier override of a relay is what option 54 says, and is taken back', () => {
    const lab = new ServerLab({ remoteSubnets: [remote] });
    const ask = { giaddr, more: [{ code: 82, value: Uint8Array.of(11, 4, ...u32(giaddr)) }] };
    const offer = lab.discover(A, ask);
    expect(number(offer, 54)).toBe(giaddr);
    expect(kind(lab.select(A, offer.message.yiaddr, { ...ask, server: giaddr }))).toBe('ack');
    expect(lab.select(A, offer.message.yiaddr, { server: giaddr })).toBe('other-server');
  });

  test('dhcp/S81 a relay with a source port of its own gets the reply there', () => {
    const lab = new ServerLab({ remoteSubnets: [remote] });
    const more = [{ code: 82, value: Uint8Array.of(19, 0) }];
    expect(lab.discover(A, { giaddr, more, sourcePort: 4567 }).to).toBe('10.9.0.1:4567');
    expect(lab.discover(A, { giaddr, sourcePort: 4567 }).to).toBe('10.9.0.1:67');
  });

  test.each([
    ['dhcp/S82 in the middle of a request', Uint8Array.of(1, 2, 7, 7)],
    ['dhcp/S83 empty', new Uint8Array(0)],
    ['dhcp/S83 with a sub-option that runs past the end', Uint8Array.of(1, 200, 7)],
  ])('option 82 %s is echoed as it came, last of all', (_, value) => {
    const more = [
      { code: 82, value },
      { code: 61, value: Uint8Array.of(0, 1) },
    ];
    const offer = new ServerLab({ remoteSubnets: [remote] }).discover(A, { giaddr, more });
    expect(option(offer, 82)).toEqual(value);
    expect(codes(offer).at(-1)).toBe(82);
  });

  test('dhcp/S84 with the broadcast flag the reply still goes to giaddr, the flag copied', () => {
    const offer = new ServerLab({ remoteSubnets: [remote] }).discover(A, { giaddr, flags: 0x8000 });
    expect([offer.to, offer.message.flags]).toEqual(['10.9.0.1:67', 0x8000]);
  });

  test('a renewal that was routed here names its network by ciaddr', () => {
    const lab = new ServerLab({ remoteSubnets: [remote] });
    const address = lab.lease(A, { giaddr });
    const ack = lab.renew(A, address) as Reply;
    expect([ack.type, ack.to]).toEqual(['ack', '10.9.0.10:68']);
  });
});
