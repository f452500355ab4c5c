import { DHCP_RULES } from '@nexus-net/dhcp';
import { IMPERSONATION_RULE } from '@nexus-net/lan';
import { SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type Environment, INVARIANT_RULES, readRequest, type SmokeEvent, SmokeMachine } from '../src/index.js';
import { DHCP_ONLY, runVirtual, STATIC, VIRTUAL_GUEST } from './support/virtual-guest.js';

const request = (environment: Environment = {}, dhcpServer = true): ReturnType<typeof readRequest> =>
  readRequest(environment, { guest: VIRTUAL_GUEST, dhcpServer });
const dhcp = { REQUIRE_QEMU_DHCP: '1' };

function* eventsOf(smoke: SmokeMachine): Generator<SmokeEvent> {
  for (let event = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent()) yield event;
}

describe('our own stack as the guest, in virtual time', () => {
  test('the default passes with a static address, DHCP server or not', () => {
    for (const dhcpServer of [true, false]) {
      const { verdict } = runVirtual(request({}, dhcpServer), { policy: STATIC });
      expect(verdict).toMatchObject({ outcome: 'passed', profile: 'smoke', violations: [] });
      expect(verdict.markers.every(({ origin }) => origin === 'printed')).toBe(true);
    }
  });

  test('the DHCP gate passes with a lease from our server', () => {
    const { verdict } = runVirtual(request(dhcp), { policy: DHCP_ONLY });
    expect(verdict).toMatchObject({ outcome: 'passed', profile: 'dhcp-lease', violations: [] });
    expect(verdict.markers.map(({ marker }) => marker)).toContain('net: dhcp bound 10.0.2.15/24 gw=10.0.2.2');
  });

  test('without a DHCP server the gate fails in its phase, for that reason', () => {
    const { verdict } = runVirtual(request(dhcp, false), { policy: DHCP_ONLY });
    expect(verdict.failure).toMatchObject({ phase: 'dhcp', cause: 'no-dhcp-offer' });
  });

  test('the gateway asks for the guest in whatever phase its interface is demanded', () => {
    const phases = [
      { name: 'boot', markers: ['netstackd-ready'], budgetMs: 1_000 },
      { name: 'network', markers: ['iface-up'], budgetMs: 5_000 },
    ];
    const own = { name: 'own', description: 'x', phases, capabilities: ['static-address', 'ping'] } as const;
    const wanted = readRequest({}, { guest: VIRTUAL_GUEST, dhcpServer: true, profile: 'own', profiles: [own] });
    expect(runVirtual(wanted, { policy: STATIC }).verdict.failure).toBeUndefined();
  });

  test('with the cable cut the guest is not believed', () => {
    const { verdict } = runVirtual(request(), { policy: STATIC, cut: 0 });
    expect(verdict.failure).toMatchObject({ phase: 'iface', cause: 'unproven-marker' });
  });

  test('a guest that says another address than it was leased is contradicted', () => {
    const lie = (line: string): string => line.replace('10.0.2.15', '10.0.2.99');
    const { verdict } = runVirtual(request(dhcp), { policy: DHCP_ONLY, lie });
    expect(verdict.failure).toMatchObject({ phase: 'dhcp', cause: 'contradicted-marker' });
  });

  test('a guest that is right and says nothing has not shown anything', () => {
    const lie = (line: string): string | undefined => (line.startsWith('net: smoltcp') ? undefined : line);
    expect(runVirtual(request(), { policy: STATIC, lie }).verdict.failure).toMatchObject({
      phase: 'iface',
      cause: 'out-of-order', // it says that the ping worked, which has to come after the interface
      marker: 'net: smoltcp iface up {address}',
    });
  });

  test('a marker with other values than the guest’s never ends the run, and is missing at its end', () => {
    const run = request({ RUN_UNTIL_MARKER: 'net: smoltcp iface up 10.0.2.99' });
    expect(runVirtual(run, { policy: STATIC }).verdict.failure).toMatchObject({
      cause: 'missing-marker',
      marker: 'net: smoltcp iface up 10.0.2.99',
    });
  });

  test.each<[string, (smoke: SmokeMachine, now: number) => void]>([
    ['dots without a line end', (smoke, now) => smoke.handleConsole(now, Uint8Array.of(0x2e))],
    ['frames that say nothing', (smoke, now) => smoke.handleFrame(now, new Uint8Array(60).fill(2))],
  ])('a guest that shows %s is not silent', (_what, act) => {
    const smoke = new SmokeMachine({ request: request(), entropy: new SeededEntropy(1) });
    smoke.start(0);
    for (let now = 0; now < 50_000; now += 1_000) act(smoke, now);
    expect(smoke.inspect().phase).toBe('boot');
    smoke.handleTimeout(60_000);
    const events = [...eventsOf(smoke)];
    expect(events.at(-1)).toMatchObject({ type: 'verdict', verdict: { failure: { cause: 'missing-marker' } } });
  });

  test('RUN_PHASE and a marker in RUN_UNTIL_MARKER end the run early', () => {
    const phase = runVirtual(request({ ...dhcp, RUN_PHASE: 'dhcp' }), { policy: DHCP_ONLY }).verdict;
    expect(phase.phases.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'passed', 'not-reached', 'not-reached']);
    const marker = runVirtual(request({ RUN_UNTIL_MARKER: 'net: virtio-net up' }), { policy: STATIC }).verdict;
    expect(marker.markers.map(({ id }) => id)).not.toContain('iface-up');
    expect(marker.outcome).toBe('passed');
  });

  test('a guest that asks for its lease from the wrong port fails, whatever it proves', () => {
    // The port of the client's own datagrams, 68, in Ethernet + IPv4 + UDP: octets 34 and 35. A zero checksum is no checksum.
    const tamper = (frame: Uint8Array): Uint8Array => {
      if (frame[23] !== 17 || frame[37] !== 67) return frame;
      return frame.with(35, 69).with(40, 0).with(41, 0);
    };
    const { verdict } = runVirtual(request(dhcp), { policy: DHCP_ONLY, tamper });
    expect(verdict.failure).toMatchObject({
      phase: 'dhcp',
      cause: 'wire-violation',
      message: expect.stringContaining('RFC 2131 §4.1'),
    });
  });

  test('every rule that fails a run is a rule of a witness', () => {
    for (const rule of INVARIANT_RULES) expect([IMPERSONATION_RULE, ...Object.keys(DHCP_RULES)]).toContain(rule);
  });

  test('property: same seed, same run, byte for byte', () => {
    const trace = (seed: number): string => JSON.stringify(runVirtual(request(dhcp), { policy: DHCP_ONLY, seed }).events);
    expect(trace(7)).toBe(trace(7));
    expect(trace(7)).not.toBe(trace(8));
  });
});
