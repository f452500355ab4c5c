import { type MacAddress, parseIpv4, parsePrefix, UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import { type DhcpConflictCheck, DhcpServer, type DhcpServerOptions } from '../src/index.js';
import { A, B, C, datagramOf, FIRST, kind, LAB_OPTIONS, option, readReply, ServerLab } from './support/server-lab.js';

const ip = parseIpv4;

function checking(options: Partial<DhcpServerOptions> = {}, check: DhcpConflictCheck = {}): ServerLab {
  return new ServerLab({ conflictCheck: check, ...options });
}

/** `1 10.0.2.15`: the probes asked for so far. */
function probes(lab: ServerLab): string[] {
  return lab.events.flatMap((e) => (e.type === 'probe' ? [`${e.id} 10.0.2.${e.address & 255}${e.local ? '' : ' remote'}`] : []));
}

describe('before an offer', () => {
  test('dhcp/S96 the address is probed, and the OFFER waits for the answer', () => {
    const lab = checking();
    expect(lab.send({ mac: A, xid: 1 })).toEqual([]);
    expect(probes(lab)).toEqual(['1 10.0.2.15']);
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']); // nobody else gets it meanwhile
    lab.server.probeResult(lab.now, 1, 'free');
    const [offer] = lab.drain();
    expect([offer?.type, offer?.message.yiaddr, offer?.message.xid]).toEqual(['offer', FIRST, 1]);
    expect(lab.types()).toEqual(['probe', 'offered']);
    expect(lab.server.inspect().probes).toEqual({ started: 1, free: 1 });
  });

  test('dhcp/S96 an address in use is out of use, the next one is probed', () => {
    const lab = checking();
    lab.send({ mac: A });
    lab.server.probeResult(lab.now, 1, 'in-use');
    expect(lab.drain()).toEqual([]);
    expect(probes(lab)).toEqual(['1 10.0.2.15', '2 10.0.2.16']);
    expect(lab.events).toContainEqual({ type: 'conflict', at: 0, address: FIRST, until: 3_600_000 });
    expect(lab.bindings()).toEqual(['10.0.2.15 quarantined', '10.0.2.16 offered']);
    lab.server.probeResult(lab.now, 2, 'free');
    expect(lab.drain().map(({ message }) => message.yiaddr)).toEqual([ip('10.0.2.16')]);
    lab.advance(3_600_000);
    expect(lab.bindings()[0]).toBe('10.0.2.15 fresh');
  });

  test('dhcp/S96 a DISCOVER that comes again starts no second probe, and gets the one answer', () => {
    const lab = checking();
    lab.send({ mac: A, xid: 1 });
    expect(lab.send({ mac: A, xid: 1 })).toEqual([]);
    expect(lab.send({ mac: A, xid: 2 })).toEqual([]);
    expect(probes(lab)).toHaveLength(1);
    lab.server.probeResult(lab.now, 1, 'free');
    expect(lab.drain().map(({ message }) => message.xid)).toEqual([2]);
    expect(lab.discover(A, { xid: 3 }).message.yiaddr).toBe(FIRST); // offered already: at once
    expect(probes(lab)).toHaveLength(1);
  });

  test('without an answer in time the address counts as free', () => {
    const lab = checking({}, { probeMsMax: 500 });
    lab.send({ mac: A });
    expect(lab.server.nextTimeout()).toBe(500);
    lab.server.handleTimeout(499);
    expect(lab.drain()).toEqual([]);
    lab.server.handleTimeout(500);
    expect(lab.drain().map(({ type }) => type)).toEqual(['offer']);
    lab.server.probeResult(501, 1, 'in-use'); // too late
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']);
    expect(lab.server.inspect().probes).toEqual({ started: 1, unanswered: 1 });
  });

  test('dhcp/S97 the address that the client has now is offered at once', () => {
    const lab = checking();
    lab.send({ mac: A });
    lab.server.probeResult(0, 1, 'free');
    lab.drain();
    lab.select(A, FIRST);
    expect(lab.discover(A).message.yiaddr).toBe(FIRST);
    expect(probes(lab)).toHaveLength(1);
    lab.advance(600_000); // expired: somebody else may have taken it
    expect(lab.send({ mac: A })).toEqual([]);
    expect(probes(lab)).toEqual(['1 10.0.2.15', '2 10.0.2.15']);
  });

  test('a reserved address in use: the client gets one of the pool', () => {
    const reserved = ip('10.0.2.200');
    const lab = checking({ reservations: [{ mac: A, address: reserved }] });
    lab.send({ mac: A });
    lab.server.probeResult(0, 1, 'in-use');
    lab.server.probeResult(0, 2, 'free');
    expect(lab.drain().map(({ message }) => message.yiaddr)).toEqual([FIRST]);
  });

  test('others use all of them: no answer, and no probes without end', () => {
    const lab = checking({}, { candidateCountMax: 2 });
    lab.send({ mac: A });
    lab.server.probeResult(0, 1, 'in-use');
    lab.server.probeResult(0, 2, 'in-use');
    expect(lab.drain()).toEqual([]);
    expect(probes(lab)).toHaveLength(2);
    expect(lab.server.inspect().rejects).toEqual({ 'every-candidate-in-use': 1 });
    const small = checking({ pool: { first: FIRST, last: FIRST } });
    small.send({ mac: A });
    small.server.probeResult(0, 1, 'in-use');
    expect(small.server.inspect().rejects).toEqual({ 'pool-exhausted': 1 });
  });

  test('rapid commit waits too', () => {
    const lab = checking({ rapidCommit: true });
    lab.send({ mac: A, more: [{ code: 80, value: new Uint8Array(0) }] });
    expect(lab.bindings()).toEqual(['10.0.2.15 offered']);
    lab.server.probeResult(0, 1, 'free');
    const [ack] = lab.drain();
    expect([ack?.type, ack && option(ack, 80)]).toEqual(['ack', new Uint8Array(0)]);
  });

  test('a client that took the address meanwhile keeps it, whatever the answer', () => {
    const lab = checking();
    lab.send({ mac: A });
    expect(kind(lab.reboot(A, FIRST))).toBe('ack');
    lab.server.probeResult(0, 1, 'in-use'); // it answered itself
    expect(lab.drain()).toEqual([]);
    expect(lab.bindings()).toEqual(['10.0.2.15 leased']);
    lab.send({ mac: B });
    lab.server.probeResult(0, 99, 'free');
    expect(lab.drain()).toEqual([]);
  });

  test('of a network behind a relay the event says that ARP does not reach it', () => {
    const remote = { prefix: parsePrefix('10.9.0.0/24'), pool: { first: ip('10.9.0.15'), last: ip('10.9.0.20') } };
    const lab = checking({ remoteSubnets: [remote] });
    lab.send({ mac: A, giaddr: ip('10.9.0.1') });
    expect(probes(lab)).toEqual(['1 10.0.2.15 remote']);
    lab.server.probeResult(0, 1, 'free');
    expect(lab.drain().map(({ to }) => to)).toEqual(['10.9.0.1:67']);
  });

  test('more at once than allowed are offered without, counted', () => {
    const lab = checking({}, { probeCountMax: 1 });
    lab.send({ mac: A });
    expect(lab.discover(B).type).toBe('offer');
    expect(lab.server.inspect()).toMatchObject({ probes: { started: 1, skipped: 1 }, counts: { probes: 1 } });
  });

  test('a caller that does not drain the events is not waited for', () => {
    const server = new DhcpServer({ ...LAB_OPTIONS, conflictCheck: {}, eventCountMax: 1 });
    for (const mac of [A, B]) server.handleDatagram(0, datagramOf({ mac }));
    expect(server.inspect().probes).toEqual({ started: 1, skipped: 1 });
    expect(server.pollTransmit()).toBeDefined();
  });

  test('confirmed: that an address is out of use is stored', () => {
    const lab = checking({ durability: 'confirmed' });
    lab.send({ mac: A });
    lab.server.probeResult(0, 1, 'in-use');
    lab.drain();
    expect(lab.events).toContainEqual(
      expect.objectContaining({ type: 'store', record: expect.objectContaining({ address: FIRST, state: 'quarantined' }) }),
    );
  });

  test('off by default', () => {
    const lab = new ServerLab();
    expect(lab.discover(C).type).toBe('offer');
    expect(lab.server.nextTimeout()).toBe(60_000);
  });

  test.each<DhcpConflictCheck>([
    { probeMsMax: 0 },
    { probeMsMax: Number.POSITIVE_INFINITY },
    { probeCountMax: 0 },
    { candidateCountMax: 0 },
  ])('refused: %j', (conflictCheck) => {
    expect(() => new DhcpServer({ ...LAB_OPTIONS, conflictCheck })).toThrow(UsageError);
  });
});

type Answer = 'free' | 'in-use' | 'none';
type Translate = (answer: Answer) => Answer;

/** Whatever squats where: what was seen in use is offered to nobody before its quarantine ends, and each DISCOVER probes little. */
const respectsAnswers = (translate: Translate): fc.IRawProperty<unknown, false> =>
  fc.property(
    fc.array(
      fc.record({
        client: fc.nat({ max: 5 }),
        wait: fc.constantFrom(0, 0, 200, 2_000, 70_000),
        answer: fc.constantFrom('free' as Answer, 'free', 'in-use', 'none'),
      }),
      { maxLength: 40 },
    ),
    (steps) => {
      const server = new DhcpServer({ ...LAB_OPTIONS, quarantineMs: 60_000, conflictCheck: {} });
      const inUse = new Map<number, number>();
      let now = 0;
      let good = true;
      const drain = (answer: Answer): void => {
        for (let e = server.pollEvent(); e !== undefined; e = server.pollEvent()) {
          if (e.type !== 'probe') continue;
          if (now < (inUse.get(e.address) ?? 0)) good = false;
          if (answer === 'in-use') inUse.set(e.address, now + 60_000);
          const told = translate(answer);
          if (told !== 'none') server.probeResult(now, e.id, told);
        }
        for (let t = server.pollTransmit(); t !== undefined; t = server.pollTransmit())
          if (now < (inUse.get(readReply(t).message.yiaddr) ?? 0)) good = false;
      };
      for (const { client, wait, answer } of steps) {
        now += wait;
        server.handleTimeout(now);
        drain('free');
        server.handleDatagram(now, datagramOf({ mac: (A + client) as MacAddress }));
        drain(answer);
      }
      return good && server.inspect().counts.probes <= 256;
    },
  );

property<Translate>('an address that was seen in use is offered to nobody', {
  law: respectsAnswers,
  real: (answer) => answer,
  planted: {
    'in use is taken for free': () => 'free',
    'the answer is lost': (answer) => (answer === 'in-use' ? 'none' : answer),
  },
  count: 60,
});
