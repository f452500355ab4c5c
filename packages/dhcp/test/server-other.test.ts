import { parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import type { DhcpLeaseRecord } from '../src/index.js';
import {
  A,
  B,
  codes,
  datagramOf,
  dotted,
  FIRST,
  kind,
  number,
  option,
  type Reply,
  SERVER,
  ServerLab,
} from './support/server-lab.js';

const ip = parseIpv4;

describe('DECLINE', () => {
  test('dhcp/S60 by the holder: another address is offered, the declined one rests', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.decline(A, address);
    expect(lab.events.at(-1)).toMatchObject({ type: 'declined', address, until: 3_600_000 });
    expect(lab.discover(A, { requested: address }).message.yiaddr).not.toBe(address);
    expect(kind(lab.reboot(A, address))).toBe('nak');
    lab.advance(3_600_000);
    expect(lab.discover(B, { requested: address }).message.yiaddr).toBe(address);
  });

  test('dhcp/S61 by a stranger is ignored', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    expect(lab.decline(B, address)).toBe('not-the-owner');
    expect(kind(lab.renew(A, address))).toBe('ack');
  });

  test('dhcp/S62 without option 54 is believed from the holder', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.ask({ type: 'decline', mac: A, requested: address });
    expect(lab.bindings()).toEqual(['10.0.2.15 quarantined']);
  });

  test('dhcp/S63 with the address in ciaddr is understood', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.ask({ type: 'decline', mac: A, ciaddr: address, server: SERVER });
    expect(lab.bindings()).toEqual(['10.0.2.15 quarantined']);
  });

  test('for another server is ignored', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    expect(lab.decline(A, address, { server: ip('10.0.2.4') })).toBe('other-server');
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('fault/D13 dhcp/S90 forged ones change nothing, and the quarantine is bounded', () => {
    const lab = new ServerLab({ pool: { first: FIRST, last: ip('10.0.2.200') }, quarantineCountMax: 5 });
    const address = lab.lease(A);
    for (let i = 0; i < 500; i++) {
      lab.decline((1_000 + i) as never, address);
      lab.release((1_000 + i) as never, address);
    }
    expect(kind(lab.renew(A, address))).toBe('ack');
    for (let i = 0; i < 50; i++) lab.decline((2_000 + i) as never, lab.lease((2_000 + i) as never));
    expect(lab.server.inspect()).toMatchObject({ counts: { quarantined: 5 }, limits: { quarantineEvicted: 45 } });
  });
});

describe('RELEASE', () => {
  test('dhcp/S64 the same client gets the same address again', () => {
    const lab = new ServerLab();
    lab.lease(B);
    const address = lab.lease(A);
    lab.release(A, address);
    expect(lab.events.at(-1)).toMatchObject({ type: 'released', address });
    expect(lab.discover(A).message.yiaddr).toBe(address);
  });

  test.each([
    ['dhcp/S65 by a stranger', { mac: B }, 'not-the-owner'],
    ['dhcp/S66 for another server', { server: ip('10.0.2.4') }, 'other-server'],
    ['dhcp/S68 with the address in option 50 only', { ciaddr: ip('0.0.0.0'), requested: FIRST }, 'not-the-owner'],
    ['of an address that was only offered', { mac: B, ciaddr: ip('10.0.2.16') }, 'not-the-owner'],
    ['of an address of no network', { ciaddr: ip('192.0.2.1') }, 'not-the-owner'],
  ])('%s is ignored', (_, ask, label) => {
    const lab = new ServerLab();
    lab.lease(A);
    lab.discover(B);
    expect(lab.release(A, FIRST, ask)).toBe(label);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased', '10.0.2.16 offered']);
  });

  test('dhcp/S67 without option 54 is accepted', () => {
    const lab = new ServerLab();
    const address = lab.lease(A);
    lab.ask({ type: 'release', mac: A, ciaddr: address });
    expect(lab.bindings()).toEqual(['10.0.2.15 released']);
  });
});

describe('INFORM', () => {
  test('dhcp/S69 gets parameters without an address and without times, and makes no lease', () => {
    const lab = new ServerLab();
    const ack = lab.ask({ type: 'inform', ciaddr: ip('10.0.2.77'), source: ip('10.0.2.77') }) as Reply;
    expect([ack.type, ack.to]).toEqual(['ack', '10.0.2.77:68']);
    expect(ack.message).toMatchObject({ ciaddr: ip('10.0.2.77'), yiaddr: 0 });
    expect(codes(ack)).toEqual([53, 54, 1, 3, 6, 15, 28]);
    expect(lab.bindings()).toEqual([]);
    expect(lab.events).toMatchObject([{ type: 'informed', address: ip('10.0.2.77') }]);
  });

  test('dhcp/S70 the broadcast flag changes nothing', () => {
    const ack = new ServerLab().ask({ type: 'inform', ciaddr: ip('10.0.2.77'), flags: 0x8000 }) as Reply;
    expect(ack.to).toBe('10.0.2.77:68');
  });

  test('dhcp/S71 without ciaddr the answer goes to the source; without both there is none', () => {
    const ack = new ServerLab().ask({ type: 'inform', source: ip('10.0.2.77') }) as Reply;
    expect(ack.to).toBe('10.0.2.77:68');
    expect(new ServerLab().ask({ type: 'inform' })).toBe('inform-without-address');
  });

  test('fault/D24 dhcp/S72 of a network that is not served gets silence', () => {
    expect(new ServerLab().ask({ type: 'inform', ciaddr: ip('192.0.2.7') })).toBe('inform-without-address');
  });

  test('dhcp/S73 through a relay: straight to ciaddr, or through the relay where it added option 82', () => {
    const ask = { type: 'inform', ciaddr: ip('10.0.2.77'), giaddr: ip('10.0.2.99') } as const;
    expect((new ServerLab().ask(ask) as Reply).to).toBe('10.0.2.77:68');
    const more = [{ code: 82, value: Uint8Array.of(1, 1, 7) }];
    expect((new ServerLab().ask({ ...ask, more }) as Reply).to).toBe('10.0.2.99:67');
  });
});

describe('durability', () => {
  const confirmed = { durability: 'confirmed' } as const;

  function stored(lab: ServerLab): { id: number; record: DhcpLeaseRecord }[] {
    return lab.events.flatMap((event) => (event.type === 'store' ? [event] : []));
  }

  function pending(lab: ServerLab): number {
    const { yiaddr } = lab.discover(A).message;
    expect(lab.select(A, yiaddr)).toBe('nothing');
    return stored(lab).at(-1)?.id ?? 0;
  }

  test('fault/D19 no ACK goes out before the lease is stored', () => {
    const lab = new ServerLab(confirmed);
    const id = pending(lab);
    expect(stored(lab)).toMatchObject([{ record: { address: FIRST, state: 'leased', until: 600_000, revision: id } }]);
    expect(lab.types()).toEqual(['offered', 'store']);
    lab.server.confirmStored(3, id);
    const [ack, ...more] = lab.drain();
    expect([ack?.type, ack?.to, more.length]).toEqual(['ack', '10.0.2.15:68@2000000000a', 0]);
    expect(lab.types()).toEqual(['offered', 'store', 'leased']);
    lab.server.confirmStored(4, id); // a second confirmation means nothing
    expect(lab.drain()).toEqual([]);
  });

  test('an address whose lease is being stored is given to nobody else', () => {
    const lab = new ServerLab({ ...confirmed, pool: { first: FIRST, last: FIRST } });
    pending(lab);
    expect(lab.ask({ mac: B })).toBe('pool-exhausted');
    expect(kind(lab.select(B, FIRST))).toBe('nak');
  });

  test('copies of a REQUEST wait with it, a few of them, and each gets its ACK', () => {
    const lab = new ServerLab(confirmed);
    const id = pending(lab);
    for (let i = 0; i < 3; i++) expect(lab.select(A, FIRST)).toBe('nothing');
    expect(lab.select(A, FIRST)).toBe('commit-table-full');
    lab.server.confirmStored(10, id);
    expect(lab.drain().map(({ type }) => type)).toEqual(['ack', 'ack', 'ack', 'ack']);
    expect(stored(lab)).toHaveLength(1);
  });

  test('the ACK tells the time that is left when it goes out', () => {
    const lab = new ServerLab(confirmed);
    const id = pending(lab);
    lab.server.confirmStored(5_500, id);
    expect(option(lab.drain()[0] as Reply, 51)).toEqual(Uint8Array.of(0, 0, 594 >> 8, 594 & 255));
  });

  test('after a failure there is no ACK; the address is offered to the client still', () => {
    const lab = new ServerLab(confirmed);
    const id = pending(lab);
    lab.server.storeFailed(5, id);
    expect(lab.drain()).toEqual([]);
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']);
    lab.select(A, FIRST);
    lab.server.confirmStored(6, stored(lab).at(-1)?.id ?? 0);
    expect(lab.drain().map(({ type }) => type)).toEqual(['ack']);
  });

  test('a renewal that could not be stored leaves the lease as it was', () => {
    const lab = new ServerLab(confirmed);
    lab.server.confirmStored(0, pending(lab));
    lab.advance(300_000);
    lab.renew(A, FIRST);
    expect(lab.server.nextTimeout()).toBe(900_000);
    lab.server.storeFailed(300_000, stored(lab).at(-1)?.id ?? 0);
    expect(lab.server.nextTimeout()).toBe(600_000);
  });

  test.each([600_000, 599_001])('a confirmation after %i ms of 600 s brings no ACK', (late) => {
    const lab = new ServerLab(confirmed);
    const id = pending(lab);
    lab.advance(late);
    lab.server.confirmStored(late, id);
    expect(lab.drain()).toEqual([]);
  });

  test('a renewal for a shorter time is stored with the old end, and its ACK tells the shorter time', () => {
    const lab = new ServerLab(confirmed);
    lab.server.confirmStored(0, pending(lab));
    lab.drain();
    lab.renew(A, FIRST, { leaseSeconds: 60 });
    const renewal = stored(lab).at(-1);
    expect(renewal?.record.until).toBe(600_000);
    lab.server.confirmStored(2_000, renewal?.id ?? 0);
    expect(number(lab.drain()[0] as Reply, 51)).toBe(58);
  });

  test('no ACK for a renewal whose shorter time ran out while the store was slow', () => {
    const lab = new ServerLab(confirmed);
    lab.server.confirmStored(0, pending(lab));
    lab.drain();
    lab.renew(A, FIRST, { leaseSeconds: 60 });
    lab.server.confirmStored(60_000, stored(lab).at(-1)?.id ?? 0);
    expect(lab.drain()).toEqual([]);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
  });

  test('a lease given back while its renewal is stored gets no ACK', () => {
    const lab = new ServerLab(confirmed);
    lab.server.confirmStored(0, pending(lab));
    lab.drain();
    lab.renew(A, FIRST);
    const renewal = stored(lab).at(-1)?.id ?? 0;
    lab.release(A, FIRST);
    expect(stored(lab).at(-1)?.record).toMatchObject({ state: 'released', address: FIRST });
    lab.server.confirmStored(1, renewal);
    expect(lab.drain()).toEqual([]);
    expect(lab.server.inspect().counts.commits).toBe(0);
  });

  test('the table of waiting leases is bounded', () => {
    const lab = new ServerLab({ ...confirmed, commitCountMax: 1 });
    pending(lab);
    const { yiaddr } = lab.discover(B).message;
    expect(lab.select(B, yiaddr)).toBe('commit-table-full');
  });

  test('where the event queue is full nothing is promised', () => {
    const lab = new ServerLab({ ...confirmed, eventCountMax: 1 });
    const { yiaddr } = lab.discover(A).message;
    lab.server.handleDatagram(0, datagramOf({ destinationPort: 68 })); // its event fills the queue
    expect(lab.send({ type: 'request', mac: A, requested: yiaddr, server: SERVER })).toEqual([]);
    expect(lab.server.inspect()).toMatchObject({ rejects: { 'store-failed': 1 }, counts: { commits: 0, offered: 1 } });
  });

  test('a server that starts from stored rows knows its leases', () => {
    const lab = new ServerLab(confirmed);
    lab.server.confirmStored(0, pending(lab));
    lab.drain();
    const again = new ServerLab({ ...confirmed, restored: stored(lab).map(({ record }) => record) });
    again.now = 1_000;
    expect(again.bindings()).toEqual(['10.0.2.15 leased']);
    expect(again.discover(B).message.yiaddr).toBe(ip('10.0.2.16'));
    again.renew(A, FIRST);
    expect(stored(again).at(-1)?.id).toBe(2); // revisions go on where they were
  });

  test('a row of any network that is configured is restored, loopback too', () => {
    const row = {
      address: ip('127.0.1.1'),
      htype: 1,
      hardware: Uint8Array.of(2),
      state: 'leased',
      until: 9,
      revision: 1,
    } as const;
    const loopback = { prefix: parsePrefix('127.0.0.0/8'), pool: { first: row.address, last: row.address } };
    const lab = new ServerLab({ remoteSubnets: [loopback], restored: [row] });
    expect(lab.bindings()).toEqual(['127.0.1.1 leased']);
  });

  test('dhcp/S93 of several rows the newest counts, and rows that make no sense are skipped and counted', () => {
    const row = {
      address: FIRST,
      htype: 1,
      hardware: Uint8Array.of(2, 0, 0, 0, 0, 0x0a),
      state: 'leased',
      until: 600_000,
    } as const;
    const restored: DhcpLeaseRecord[] = [
      { ...row, hardware: Uint8Array.of(2, 0, 0, 0, 0, 0x0b), revision: 7 },
      { ...row, revision: 3 },
      { ...row, address: ip('10.0.2.16'), state: 'quarantined', revision: 4 },
      { ...row, address: ip('10.0.2.17'), state: 'released', hardware: Uint8Array.of(9), revision: 5 },
      { ...row, address: ip('10.0.2.18'), until: -5, hardware: Uint8Array.of(8), revision: 6 },
      { ...row, address: ip('192.0.2.1'), revision: 8 },
      { ...row, until: Number.NaN, revision: 9 },
      { ...row, hardware: new Uint8Array(17), revision: 10 },
      { ...row, hardware: 'x' as never, revision: 11 },
      { ...row, address: ip('224.0.0.1'), revision: 12 },
      { ...row, address: ip('10.0.2.255'), revision: 2 },
      { ...row, revision: -1 },
    ];
    const lab = new ServerLab({ restored });
    expect(lab.server.inspect().restore).toEqual({ restored: 4, skipped: 7, revisionMax: 12 });
    lab.advance(0);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased', '10.0.2.16 quarantined', '10.0.2.17 released', '10.0.2.18 expired']);
    expect(kind(lab.renew(B, FIRST))).toBe('ack');
    expect(kind(lab.renew(A, FIRST))).toBe('nak');
  });
});

describe('queues', () => {
  test('replies that nobody takes are dropped and counted', () => {
    const lab = new ServerLab({ transmitCountMax: 2 });
    const { payload } = lab.discover(A).transmit;
    const source = { address: ip('0.0.0.0'), port: 68 };
    const request = Uint8Array.from(payload);
    request[0] = 1;
    request[242] = 1; // a DISCOVER again
    for (let i = 0; i < 5; i++)
      lab.server.handleDatagram(0, { source, destination: { address: SERVER, port: 67 }, payload: request });
    expect(lab.server.inspect().limits.transmitsDropped).toBe(3);
  });

  test('events name the client by its identifier where it has one', () => {
    const lab = new ServerLab();
    lab.discover(A, { clientId: Uint8Array.of(1, 2, 0xab) });
    expect(lab.events).toMatchObject([{ client: 'id 0102ab' }]);
    expect(dotted(FIRST)).toBe('10.0.2.15');
  });
});
