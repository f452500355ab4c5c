import { ipv4, type MacAddress, type Millis } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Fact, type FactKind } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DHCP_LEASE as DHCP, Ladder, type LadderOptions, SMOKE, type Verdict } from '../src/index.js';

const { guestMac, gateway, gatewayMac, guest } = ADDRESS_PLAN.smoke;
const context = { guestMac, gateway, dhcpServer: gateway };
const other = ipv4(10, 0, 2, 16);

type Step = { readonly after?: Millis } & ({ readonly line: string; readonly cut?: boolean } | { readonly fact: Fact });

let frame = 0;
function fact<K extends FactKind>(kind: K, details: Omit<Fact<K>, 'kind' | 'at' | 'frames'>): Step {
  frame += 1;
  return { fact: { kind, at: 0, frames: [frame], ...details } as unknown as Fact };
}
const line = (text: string): Step => ({ line: text });
const later = (after: Millis, step: Step): Step => ({ ...step, after });
const offered = (address = guest, { server = gateway, xid = 1 } = {}): Step =>
  fact('dhcp.offered', { client: guestMac, server, address, xid });
const leased = (address = guest, { xid = 1, leaseMs = 3_600_000, client = guestMac as MacAddress } = {}): Step =>
  fact('dhcp.leased', { client, server: gateway, address, xid, leaseMs, prefixLength: 24, router: gateway });
const released = (address = guest): Step => fact('dhcp.released', { client: guestMac, address });
const refused = (): Step => fact('dhcp.refused', { client: guestMac, server: gateway, xid: 1 });
const arp = (address = guest): Step[] => [
  fact('arp.resolved', { askerMac: guestMac, askerIp: address, ownerMac: gatewayMac, ownerIp: gateway }),
  fact('arp.resolved', { askerMac: gatewayMac, askerIp: gateway, ownerMac: guestMac, ownerIp: address }),
];
const echo = (asker = guest, answerer = gateway): Step =>
  fact('icmp.echo-answered', { asker, answerer, identifier: 0, sequence: 1, roundTripMs: 1 });
const usable = (address = guest): Step[] => [...arp(address), echo(address), echo(gateway, address)];
const boot = (): Step[] => [line('netstackd: ready'), line('net: virtio-net up'), fact('ethernet.seen', { mac: guestMac })];
const bound = (address = '10.0.2.15'): Step => line(`net: dhcp bound ${address}/24 gw=10.0.2.2`);
const up = (address = '10.0.2.15'): Step => line(`net: smoltcp iface up ${address}`);
const PING_OK = line('SELFTEST: net ping ok');

/** Plays the steps a millisecond apart, then lets every deadline come. */
function verdictOf(steps: readonly Step[], options: Partial<LadderOptions> = {}): Verdict {
  const ladder = new Ladder({ profile: DHCP, context, silenceMs: Number.POSITIVE_INFINITY, ...options });
  ladder.start(0);
  let now: Millis = 0;
  let number = 0;
  for (const step of steps) {
    now += step.after ?? 1;
    if ('line' in step) ladder.handleLine(now, { number: ++number, at: now, text: step.line, cut: step.cut ?? false });
    else ladder.handleFact(now, { ...step.fact, at: now });
  }
  for (let at = ladder.nextTimeout(); Number.isFinite(at); at = ladder.nextTimeout()) ladder.handleTimeout(at);
  for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent())
    if (event.type === 'verdict') return event.verdict;
  throw new Error('no verdict');
}

describe('a marker that comes again', () => {
  test('with the same values adds nothing', () => {
    const steps = [...boot(), offered(), leased(), bound(), bound(), ...usable(), up(), up(), echo(), PING_OK];
    const verdict = verdictOf(steps);
    expect(verdict.outcome).toBe('passed');
    expect(verdict.markers).toHaveLength(5);
  });

  test('with another address is a claim of its own, and contradicted', () => {
    const verdict = verdictOf([...boot(), offered(), leased(), bound(), bound('10.0.2.99'), ...usable(), up(), echo(), PING_OK]);
    expect(verdict.failure).toMatchObject({ cause: 'contradicted-marker', marker: 'net: dhcp bound 10.0.2.99/24 gw=10.0.2.2' });
    expect(verdict.failure?.phase).toBe('iface');
    expect(verdict.phases.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)).toEqual(['iface']);
  });

  test('with another address that the wire agrees to is believed too', () => {
    const moved = [offered(other, { xid: 2 }), leased(other, { xid: 2 }), bound('10.0.2.16')];
    const verdict = verdictOf([...boot(), offered(), leased(), bound(), ...moved, ...usable(other), up('10.0.2.16'), PING_OK]);
    expect(verdict.outcome).toBe('passed');
    expect(verdict.markers.filter(({ id }) => id === 'dhcp-bound').map(({ evidence }) => evidence)).toEqual(['proven', 'proven']);
  });

  test('word for word after the lease was given back is contradicted', () => {
    const steps = [...boot(), offered(), leased(), bound(), released(), later(3_000, bound()), ...usable(), up(), PING_OK];
    expect(verdictOf(steps).failure).toMatchObject({ cause: 'contradicted-marker' });
  });
});

describe('a lease that is over proves nothing', () => {
  test.each<[string, Step[]]>([
    ['released', [offered(), leased(), released()]],
    ['refused when asked for again', [offered(), leased(), refused()]],
    ['replaced by another', [offered(), leased(), offered(other, { xid: 2 }), leased(other, { xid: 2 })]],
    ['run out', [offered(), leased(guest, { leaseMs: 10 })]],
  ])('%s', (_how, steps) => {
    const verdict = verdictOf([...boot(), ...steps, later(3_000, bound()), ...usable(), up(), PING_OK]);
    expect(verdict.failure).toMatchObject({ phase: 'dhcp', cause: 'contradicted-marker' });
  });

  test('a line may be read a little after the lease that it speaks of ended', () => {
    const steps = [...boot(), offered(), leased(), released(), bound()];
    expect(verdictOf(steps, { until: { type: 'phase', phase: 'dhcp' } }).outcome).toBe('passed');
  });

  test('a lease that was renewed, even before the line was read, is the lease that was offered', () => {
    const verdict = verdictOf([...boot(), offered(), leased(), leased(guest, { xid: 2 }), bound(), ...usable(), up(), PING_OK]);
    expect(verdict.outcome).toBe('passed');
  });

  test('a renewal between the echo and its line takes nothing from the echo', () => {
    const steps = [...boot(), offered(), leased(), bound(), ...usable(), up(), leased(guest, { xid: 2 }), PING_OK];
    expect(verdictOf(steps).outcome).toBe('passed');
  });

  test('an offer of another server is not the offer of ours', () => {
    const verdict = verdictOf([...boot(), offered(guest, { server: other }), leased(), bound()]);
    expect(verdict.failure).toMatchObject({ phase: 'dhcp', cause: 'unproven-marker' });
  });
});

describe('the interface', () => {
  test('echoes from before the lease do not prove it', () => {
    const verdict = verdictOf([...boot(), ...usable(), offered(), leased(), bound(), up()]);
    expect(verdict.failure).toMatchObject({ phase: 'iface', cause: 'unproven-marker' });
  });

  test('where a lease is demanded, no address of the guest’s own choice proves it', () => {
    const verdict = verdictOf([...boot(), ...usable(other), up('10.0.2.16'), offered(), leased(), bound(), echo(), PING_OK]);
    expect(verdict.outcome).toBe('failed');
  });

  test('a fallback to another address than the static one is contradicted', () => {
    const steps = [...boot(), line('net: dhcp unavailable (fallback static 10.0.2.99/24)'), ...usable(), up()];
    const verdict = verdictOf(steps, { profile: SMOKE, context: { ...context, staticAddress: guest } });
    expect(verdict.failure).toMatchObject({ cause: 'contradicted-marker' });
  });
});

test('a line that was cut is no marker', () => {
  const verdict = verdictOf([{ line: 'netstackd: ready', cut: true }, ...boot().slice(1)]);
  expect(verdict.failure).toMatchObject({ phase: 'boot', cause: 'corrupt-log' });
});

describe('a marker with its values may be asked to end the run', () => {
  const good = (): Step[] => [...boot(), offered(), leased(), bound(), ...usable(), up(), echo(), PING_OK];

  test('it ends when the values are those', () => {
    const verdict = verdictOf(good(), { until: { type: 'marker', marker: 'dhcp-bound', values: { address: guest } } });
    expect(verdict).toMatchObject({ outcome: 'passed' });
    expect(verdict.phases.at(-1)).toMatchObject({ outcome: 'not-reached' });
  });

  test('other values never end it, and a satisfied ladder does not stand for them', () => {
    const verdict = verdictOf(good(), { until: { type: 'marker', marker: 'dhcp-bound', values: { address: other } } });
    expect(verdict.failure).toMatchObject({ cause: 'missing-marker', marker: 'net: dhcp bound 10.0.2.16/{prefix} gw={gateway}' });
  });
});

test('claims are bounded: a guest that claims ever more is cut short, not followed', () => {
  const flood = Array.from({ length: 200 }, (_, i) => line(`net: smoltcp iface up 10.0.3.${i}`));
  const ladder = new Ladder({ profile: SMOKE, context, claimCountMax: 8 });
  ladder.start(0);
  ladder.handleLine(1, { number: 0, at: 1, text: 'net: virtio-net up', cut: false });
  for (const [i, step] of flood.entries())
    if ('line' in step) ladder.handleLine(1, { number: i, at: 1, text: step.line, cut: false });
  expect(ladder.inspect()).toMatchObject({ claimsNotHeld: 193 });
});

test('bytes and frames that say nothing still are a sign of life', () => {
  const ladder = new Ladder({ profile: SMOKE, context, silenceMs: 1_000 });
  ladder.start(0);
  ladder.handleMovement(900);
  ladder.handleTimeout(1_000);
  expect(ladder.phase).toBe('boot');
  ladder.handleTimeout(1_900);
  expect(ladder.phase).toBeUndefined();
});
