import { parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { A, B, C, codes, dotted, FIRST, kind, number, option, SERVER, ServerLab, u32 } from './support/server-lab.js';

const ip = parseIpv4;
const ID = Uint8Array.of(0, 1, 2, 3);

describe('DISCOVER', () => {
  test('dhcp/S01 a minimal DISCOVER gets an OFFER, unicast to the new address at chaddr', () => {
    const lab = new ServerLab();
    const offer = lab.discover(A, { xid: 0xdeadbeef, secs: 7 });
    expect(offer.type).toBe('offer');
    expect(offer.to).toBe('10.0.2.15:68@2000000000a');
    expect(offer.transmit.source).toEqual({ address: SERVER, port: 67 });
    expect(offer.message).toMatchObject({
      op: 2,
      htype: 1,
      hlen: 6,
      hops: 0,
      xid: 0xdeadbeef,
      secs: 0,
      flags: 0,
      ciaddr: 0,
      giaddr: 0,
    });
    expect(offer.message.yiaddr).toBe(FIRST);
    expect(codes(offer)).toEqual([53, 54, 51, 58, 59, 1, 3, 6, 15, 28]);
    expect(number(offer, 54)).toBe(SERVER);
    expect([number(offer, 51), number(offer, 58), number(offer, 59)]).toEqual([600, 300, 525]);
    expect(dotted(number(offer, 1) ?? 0)).toBe('255.255.255.0');
  });

  test('dhcp/S02 the broadcast flag makes the OFFER a broadcast, without a link destination', () => {
    const offer = new ServerLab().discover(A, { flags: 0x8000 });
    expect(offer.to).toBe('255.255.255.255:68');
    expect(offer.message.flags).toBe(0x8000);
  });

  test('reserved bits of flags are zero in replies', () => {
    expect(new ServerLab().discover(A, { flags: 0x7fff }).message.flags).toBe(0);
    expect(new ServerLab().discover(A, { flags: 0xffff }).message.flags).toBe(0x8000);
  });

  test('dhcp/S03 ciaddr in a DISCOVER is taken for 0: an OFFER goes to no third party', () => {
    const offer = new ServerLab().discover(A, { ciaddr: ip('10.0.2.77') });
    expect(offer.to).toBe('10.0.2.15:68@2000000000a');
    expect(offer.message.ciaddr).toBe(0);
  });

  test('dhcp/S04 a free requested address is offered', () => {
    expect(new ServerLab().discover(A, { requested: ip('10.0.2.17') }).message.yiaddr).toBe(ip('10.0.2.17'));
  });

  test.each(['10.0.2.2', '10.0.2.255', '10.0.3.15', '10.0.2.99', '0.0.0.0', '255.255.255.255'])(
    'dhcp/S05 the requested address %s is not for clients: another one is offered',
    (address) => {
      expect(new ServerLab().discover(A, { requested: ip(address) }).message.yiaddr).toBe(FIRST);
    },
  );

  test.each([
    [0, 60],
    [1, 60],
    [60, 60],
    [3_600, 3_600],
    [100_000, 86_400],
    [0xfffffffe, 86_400],
  ])('dhcp/S06 a lease time of %i s is asked for, %i s are offered', (asked, granted) => {
    expect(number(new ServerLab().discover(A, { leaseSeconds: asked }), 51)).toBe(granted);
  });

  test('dhcp/S07 an infinite lease is granted only where the configuration allows it', () => {
    expect(number(new ServerLab().discover(A, { leaseSeconds: 0xffffffff }), 51)).toBe(86_400);
    const offer = new ServerLab({ leaseMsMax: Number.POSITIVE_INFINITY }).discover(A, { leaseSeconds: 0xffffffff });
    expect(number(offer, 51)).toBe(0xffffffff);
    expect(option(offer, 58)).toBeUndefined(); // T1 and T2 of for ever are never
    expect(option(offer, 59)).toBeUndefined();
  });

  test('fault/D15 dhcp/S08 a reply fits into the 548 octets that a client without option 57 takes', () => {
    const options = [120, 121, 122].map((code) => ({ code, value: new Uint8Array(150) }));
    const asked = [121, 120, 1, 122];
    const lab = new ServerLab({ options, bootFile: 'x', serverName: 'y' }); // file and sname are in use
    const small = lab.discover(A, { asked });
    expect(small.transmit.payload.length).toBeLessThanOrEqual(548);
    expect(codes(small)).toEqual([53, 54, 51, 58, 59, 1, 121]);
    const tiny = lab.discover(A, { asked: [121], more: [{ code: 57, value: Uint8Array.of(0, 100) }] });
    expect(codes(tiny)).toContain(121); // below the legal 576: taken for 576
    const large = lab.discover(A, { asked, more: [{ code: 57, value: Uint8Array.of(1500 >> 8, 1500 & 255) }] });
    expect(codes(large)).toEqual([53, 54, 51, 58, 59, 1, 121, 120, 122]);
  });

  test('what only file and sname can hold goes there, where they are free', () => {
    const options = [120, 121, 122].map((code) => ({ code, value: new Uint8Array(110).fill(code) }));
    const offer = new ServerLab({ options }).discover(A, { asked: [121, 120, 122] });
    expect(offer.transmit.payload.length).toBeLessThanOrEqual(548);
    expect(codes(offer).sort()).toEqual([1, 120, 121, 122, 51, 53, 54, 58, 59]);
    expect(option(offer, 122)).toEqual(options[2]?.value);
  });

  test('dhcp/S09 a retransmitted DISCOVER gets the same OFFER', () => {
    const lab = new ServerLab();
    const first = lab.discover(A, { xid: 1 });
    lab.advance(4_000);
    expect(lab.discover(A, { xid: 1 }).message.yiaddr).toBe(first.message.yiaddr);
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']);
  });

  test('dhcp/S10 the client identifier is the key, and is echoed in OFFER, ACK and NAK', () => {
    const lab = new ServerLab();
    const offer = lab.discover(A, { clientId: ID });
    expect(option(offer, 61)).toEqual(ID);
    expect(option(lab.select(A, offer.message.yiaddr, { clientId: ID }), 61)).toEqual(ID);
    const nak = lab.reboot(A, ip('10.0.9.9'), { clientId: ID });
    expect(kind(nak)).toBe('nak');
    expect(option(nak, 61)).toEqual(ID);
  });

  test('dhcp/S11 one MAC with two client identifiers has two leases', () => {
    const lab = new ServerLab();
    expect(lab.lease(A, { clientId: ID })).not.toBe(lab.lease(A, { clientId: Uint8Array.of(9, 9) }));
  });

  test('dhcp/S12 one client identifier from two MACs is one client: the lease moves', () => {
    const lab = new ServerLab();
    expect(lab.lease(A, { clientId: ID })).toBe(lab.lease(B, { clientId: ID }));
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('dhcp/S13 rapid commit: an ACK with option 80 where it is on, an OFFER without it where it is off', () => {
    const asked = { more: [{ code: 80, value: new Uint8Array(0) }] };
    const ack = new ServerLab({ rapidCommit: true }).discover(A, asked);
    expect(ack.type).toBe('ack');
    expect(option(ack, 80)).toEqual(new Uint8Array(0));
    expect(ack.message.yiaddr).toBe(FIRST);
    const offer = new ServerLab().discover(A, asked);
    expect(offer.type).toBe('offer');
    expect(option(offer, 80)).toBeUndefined();
    expect(new ServerLab({ rapidCommit: true }).discover(A).type).toBe('offer'); // not asked for
  });

  test('dhcp/S14 option 108 is sent where it is configured and asked for, else not', () => {
    const configured = { options: [{ code: 108, value: u32(300) }] };
    expect(number(new ServerLab(configured).discover(A, { asked: [1, 108] }), 108)).toBe(300);
    expect(option(new ServerLab(configured).discover(A, { asked: [1] }), 108)).toBeUndefined();
    expect(option(new ServerLab().discover(A, { asked: [108] }), 108)).toBeUndefined();
  });

  test('dhcp/S15 option 116 is ignored: there is no auto-configuration policy', () => {
    const offer = new ServerLab().discover(A, { more: [{ code: 116, value: Uint8Array.of(1) }] });
    expect(offer.type).toBe('offer');
    expect(option(offer, 116)).toBeUndefined();
  });

  test('dhcp/S16 an unknown subnet in option 118 gets silence, a known one is served', () => {
    const remote = { prefix: parsePrefix('10.9.0.0/24'), pool: { first: ip('10.9.0.10'), last: ip('10.9.0.20') } };
    const lab = new ServerLab({ remoteSubnets: [remote] });
    expect(lab.ask({ more: [{ code: 118, value: u32(ip('192.0.2.0')) }] })).toBe('unknown-network');
    expect(lab.discover(A, { more: [{ code: 118, value: u32(ip('10.9.0.0')) }] }).message.yiaddr).toBe(ip('10.9.0.10'));
  });

  test('dhcp/S17 a DISCOVER unicast from an address is answered', () => {
    expect(kind(new ServerLab().discover(A, { source: ip('10.0.2.77'), destination: SERVER }))).toBe('offer');
  });

  test('dhcp/S18 what the transport delivers is answered: also one to the broadcast address of the subnet', () => {
    expect(kind(new ServerLab().discover(A, { destination: ip('10.0.2.255') }))).toBe('offer');
  });

  test('dhcp/S19 the reply goes to port 68 whatever port the client sent from', () => {
    expect(new ServerLab().discover(A, { sourcePort: 1068 }).to).toBe('10.0.2.15:68@2000000000a');
  });

  test('dhcp/S22 option 82 without giaddr chooses no subnet and counts for no quota, and is echoed', () => {
    const remote = { prefix: parsePrefix('10.9.0.0/24'), pool: { first: ip('10.9.0.10'), last: ip('10.9.0.20') } };
    const value = Uint8Array.of(1, 1, 7, 5, 4, 10, 9, 0, 0);
    const lab = new ServerLab({ remoteSubnets: [remote], circuitBindingCountMax: 1 });
    for (const mac of [A, B]) {
      const offer = lab.discover(mac, { more: [{ code: 82, value }] });
      expect(dotted(offer.message.yiaddr)).toMatch(/^10\.0\.2\./);
      expect(option(offer, 82)).toEqual(value);
    }
  });

  test('dhcp/S23 a BOOTP request gets silence', () => {
    expect(new ServerLab().ask({ type: 'none' })).toBe('no-message-type');
  });

  test('dhcp/S24 host names of clients are not kept: the client is named by its identifier', () => {
    const lab = new ServerLab();
    lab.discover(A, { more: [{ code: 12, value: Uint8Array.from([0, 0x27, 0x3b, 0x60, 0]) }] });
    expect(lab.events).toMatchObject([{ type: 'offered', client: 'hw 1/02000000000a', address: FIRST }]);
  });

  test('an address without a link address to send to is offered by broadcast', () => {
    const chaddr = new Uint8Array(16);
    const offer = new ServerLab().discover(A, { chaddr, hlen: 0, htype: 32, clientId: ID });
    expect(offer.to).toBe('255.255.255.255:68');
    const group = new ServerLab().discover(0x01005e000001 as never);
    expect(group.to).toBe('255.255.255.255:68');
  });

  test('dhcp/A09 nothing identifies a client without hardware address and identifier', () => {
    expect(new ServerLab().ask({ hlen: 0 })).toBe('no-identity');
  });

  test.each([
    ['to another port', { destinationPort: 68 }, 'wrong-port'],
    ['a reply', { op: 2 }, 'not-request'],
    ['an OFFER from a client', { type: 'offer' }, 'unexpected-type'],
    ['a lease query', { type: 'leaseQuery' }, 'lease-query-refused'],
  ] as const)('%s gets silence', (_, ask, label) => {
    const lab = new ServerLab();
    expect(lab.ask(ask)).toBe(label);
    expect(lab.server.inspect().rejects).toEqual({ [label]: 1 });
  });

  test('octets that are no DHCP message are counted by the codec label', () => {
    const lab = new ServerLab();
    const source = { address: ip('0.0.0.0'), port: 68 };
    lab.server.handleDatagram(0, { source, destination: { address: SERVER, port: 67 }, payload: new Uint8Array(99) });
    expect(lab.server.inspect()).toMatchObject({ rejects: { malformed: 1 }, malformed: { truncated: 1 } });
  });

  test('parameters come in the order in which the client lists them, each once', () => {
    expect(codes(new ServerLab().discover(A, { asked: [15, 6, 6, 250, 51, 3, 1] }))).toEqual([53, 54, 51, 58, 59, 1, 15, 6, 3]);
  });

  test('dhcp/C06 an empty list counts as none: all parameters come', () => {
    const without = codes(new ServerLab().discover(A));
    expect(without).toContain(6);
    expect(codes(new ServerLab().discover(A, { asked: [] }))).toEqual(without);
  });

  test('dhcp/C12 dhcp/C13 clients with an identifier of less than two octets are known by their hardware address', () => {
    for (const clientId of [Uint8Array.of(), Uint8Array.of(1)]) {
      const lab = new ServerLab();
      expect(lab.lease(A, { clientId })).not.toBe(lab.lease(B, { clientId }));
      expect(lab.discover(A).message.yiaddr).toBe(lab.lease(A, { clientId }));
    }
  });

  test('boot parameters fill the fixed fields', () => {
    const { message } = new ServerLab({ nextServer: ip('10.0.2.9'), bootFile: 'boot/x', serverName: 'tftp' }).discover(A);
    expect(message.siaddr).toBe(ip('10.0.2.9'));
    expect(String.fromCharCode(...message.file.subarray(0, 7))).toBe('boot/x\0');
    expect(String.fromCharCode(...message.sname.subarray(0, 5))).toBe('tftp\0');
  });
});

describe('the pool', () => {
  test('dhcp/S86 an exhausted pool gets silence; the oldest expired address is taken again, never a live one', () => {
    const lab = new ServerLab();
    const addresses = [A, B, C].map((mac) => lab.lease(mac));
    lab.advance(300_000);
    lab.renew(A, addresses[0] as never);
    lab.lease(1 as never);
    expect(lab.ask({ mac: 2 as never })).toBe('pool-exhausted');
    lab.advance(300_000); // B and C expire, in this order
    expect(lab.bindings()).toEqual(['10.0.2.15 leased', '10.0.2.16 expired', '10.0.2.17 expired', '10.0.2.18 leased']);
    expect(lab.lease(2 as never)).toBe(addresses[1]);
    expect(lab.lease(3 as never)).toBe(addresses[2]);
  });

  test('expired addresses go before released ones', () => {
    const lab = new ServerLab({ pool: { first: FIRST, last: ip('10.0.2.16') } });
    const a = lab.lease(A);
    const b = lab.lease(B);
    lab.release(A, a);
    lab.advance(600_000);
    expect(lab.lease(C)).toBe(b);
  });

  test('dhcp/S87 a fifth client gets the address of an expired lease only when the clock says so', () => {
    const lab = new ServerLab();
    for (const mac of [1, 2, 3, 4]) lab.lease(mac as never);
    lab.advance(599_999);
    expect(lab.ask({ mac: 5 as never })).toBe('pool-exhausted');
    expect(kind(lab.select(5 as never, FIRST))).toBe('nak');
    lab.advance(1);
    expect(lab.lease(5 as never)).toBe(FIRST);
  });

  test('dhcp/S88 an offer that is not taken keeps its address for offerMs, then it is free', () => {
    const lab = new ServerLab({ pool: { first: FIRST, last: FIRST } });
    lab.discover(A);
    expect(lab.server.nextTimeout()).toBe(60_000);
    lab.advance(59_999);
    expect(lab.ask({ mac: B })).toBe('pool-exhausted');
    lab.advance(1);
    expect(lab.bindings()).toEqual(['10.0.2.15 fresh']);
    expect(lab.discover(B).message.yiaddr).toBe(FIRST);
  });

  test('an offer of a remembered address falls back to the memory of it', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.release(A, address);
    lab.discover(A);
    lab.advance(60_000);
    expect(lab.bindings()).toEqual(['10.0.2.15 released']);
    expect(lab.discover(A).message.yiaddr).toBe(address);
  });

  test('an offer to a client whose lease runs does not shorten the lease', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    expect(lab.discover(A).message.yiaddr).toBe(address);
    lab.advance(120_000);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('several ranges are used in the order of their addresses', () => {
    const lab = new ServerLab({
      pool: [
        { first: ip('10.0.2.30'), last: ip('10.0.2.30') },
        { first: ip('10.0.2.20'), last: ip('10.0.2.21') },
      ],
    });
    expect([A, B, C].map((mac) => dotted(lab.lease(mac)))).toEqual(['10.0.2.20', '10.0.2.21', '10.0.2.30']);
    expect(lab.ask({ mac: 9 as never })).toBe('pool-exhausted');
  });

  test('fault/D01 dhcp/S89 the table of offers is bounded: a further one ends the oldest, and leases stay', () => {
    const lab = new ServerLab({ pool: { first: ip('10.0.2.20'), last: ip('10.0.2.200') }, offerCountMax: 10 });
    const address = lab.lease(A);
    for (let i = 0; i < 100; i++) lab.discover((0x021000000000 + i) as never);
    expect(lab.server.inspect().counts).toMatchObject({ leased: 1, offered: 10, bindings: 12 });
    expect(lab.server.inspect().limits.offersEvicted).toBe(90);
    expect(kind(lab.renew(A, address))).toBe('ack');
  });

  test('fault/D01 dhcp/S89 one relay port and one MAC hold no more addresses than their quota', () => {
    const more = [{ code: 82, value: Uint8Array.of(1, 1, 7) }];
    const lab = new ServerLab({ circuitBindingCountMax: 2, hardwareBindingCountMax: 3 });
    const giaddr = ip('10.0.2.99');
    expect(kind(lab.ask({ mac: A, giaddr, more }))).toBe('offer');
    expect(kind(lab.ask({ mac: B, giaddr, more }))).toBe('offer');
    expect(lab.ask({ mac: C, giaddr, more })).toBe('circuit-quota');
    expect(kind(lab.ask({ mac: C, giaddr, more: [{ code: 82, value: Uint8Array.of(1, 1, 8) }] }))).toBe('offer');
    lab.advance(60_000); // the offers end, and with them what they counted
    for (const i of [1, 2, 3]) expect(kind(lab.ask({ mac: A, clientId: Uint8Array.of(0, i) }))).toBe('offer');
    expect(lab.ask({ mac: A, clientId: Uint8Array.of(0, 4) })).toBe('hardware-quota');
  });

  test('the table of bindings is bounded: at its limit known addresses are used again', () => {
    const lab = new ServerLab({ bindingCountMax: 2 });
    const a = lab.lease(A);
    lab.lease(B);
    expect(lab.ask({ mac: C })).toBe('pool-exhausted');
    expect(kind(lab.reboot(C, ip('10.0.2.18')))).toBe('nak');
    lab.release(A, a);
    expect(lab.lease(C)).toBe(a);
    expect(lab.server.inspect().limits.bindingsRefused).toBe(3);
  });
});

describe('reservations', () => {
  const reservations = [
    { address: ip('10.0.2.50'), mac: A },
    { address: ip('10.0.2.16'), clientId: ID },
  ];

  test('dhcp/S91 a reserved address, in or outside the pool, goes to its client and to no other', () => {
    const lab = new ServerLab({ reservations });
    expect(dotted(lab.lease(A))).toBe('10.0.2.50');
    expect(dotted(lab.lease(B, { clientId: ID }))).toBe('10.0.2.16');
    expect([1, 2, 3].map((mac) => dotted(lab.lease(mac as never)))).toEqual(['10.0.2.15', '10.0.2.17', '10.0.2.18']);
    expect(lab.ask({ mac: 4 as never })).toBe('pool-exhausted');
    expect(kind(lab.reboot(C, ip('10.0.2.50')))).toBe('nak');
  });

  test('a reservation by MAC holds for whatever client identifier comes with it', () => {
    const lab = new ServerLab({ reservations });
    expect(dotted(lab.lease(A, { clientId: Uint8Array.of(7, 7) }))).toBe('10.0.2.50');
    expect(dotted(lab.lease(A))).toBe('10.0.2.50');
  });

  test('dhcp/S91 another client that still holds a reserved address gets a NAK when it renews', () => {
    const row = { htype: 1, hardware: Uint8Array.of(2, 0, 0, 0, 0, 0x0c), state: 'leased', until: 500_000 } as const;
    const lab = new ServerLab({ reservations, restored: [{ ...row, address: ip('10.0.2.50'), revision: 1 }] });
    expect(dotted(lab.lease(A))).toBe('10.0.2.15'); // meanwhile its owner is served from the pool
    expect(kind(lab.renew(C, ip('10.0.2.50')))).toBe('nak');
    lab.advance(500_000);
    expect(dotted(lab.discover(A).message.yiaddr)).toBe('10.0.2.50');
    expect(kind(lab.renew(A, FIRST))).toBe('nak'); // it moves to its reservation at the next renewal
  });

  test.each([
    ['two reservations of one address', { reservations: [reservations[0], { address: ip('10.0.2.50'), mac: B }] }],
    ['two reservations for one client', { reservations: [reservations[0], { address: ip('10.0.2.51'), mac: A }] }],
    ['a reservation by both', { reservations: [{ address: ip('10.0.2.50'), mac: A, clientId: ID }] }],
    ['a reservation by nothing', { reservations: [{ address: ip('10.0.2.50') }] }],
    ['a reservation of the server itself', { reservations: [{ address: SERVER, mac: A }] }],
    ['a reservation outside the prefix', { reservations: [{ address: ip('10.9.0.1'), mac: A }] }],
    ['a pool outside the prefix', { pool: { first: ip('10.0.3.1'), last: ip('10.0.3.9') } }],
    ['a pool with the broadcast address', { pool: { first: ip('10.0.2.200'), last: ip('10.0.2.255') } }],
    ['a pool upside down', { pool: { first: ip('10.0.2.20'), last: ip('10.0.2.19') } }],
    ['a pool with the server in it', { pool: { first: ip('10.0.2.1'), last: ip('10.0.2.9') } }],
    ['a pool with a name server in it', { address: ip('10.0.2.99'), pool: { first: ip('10.0.2.3'), last: ip('10.0.2.9') } }],
    ['an address outside the prefix', { address: ip('10.9.0.1') }],
    ['an offer of no time', { offerMs: 0 }],
    ['an MTU below what every host takes', { mtu: 500 }],
    ['T1 after T2', { renewFraction: 0.9 }],
    ['a lease shorter than the minimum', { leaseMs: 5_000, leaseMsMin: 10_000 }],
    ['no offers at all', { offerCountMax: 0 }],
    ['an option of the machine', { options: [{ code: 54, value: u32(1) }] }],
    ['an option code that is none', { options: [{ code: 255, value: u32(1) }] }],
    ['a boot file that is too long', { bootFile: 'x'.repeat(128) }],
    ['overlapping subnets', { remoteSubnets: [{ prefix: parsePrefix('10.0.0.0/16') }] }],
  ])('%s is refused', (_, options) => {
    expect(() => new ServerLab(options as never)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});
