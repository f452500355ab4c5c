import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { NexusMachine, packageImage } from '@nexus-net/guest';
import { type Millis, NEVER, SeededEntropy } from '@nexus-net/sansio';
import type { Verdict } from '@nexus-net/verdict';
import { ADDRESS_PLAN, dissect } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { type Environment, NEXUS, readRequest, type SmokeEvent, SmokeMachine } from '../src/index.js';

interface Options {
  readonly dhcpServer?: boolean;
  readonly profile?: string;
  /** Changes or swallows a line of the guest. */
  readonly lie?: (line: string) => string | undefined;
  /** What the guest says behind a line. */
  readonly more?: (line: string) => readonly string[];
  /** Swallows what the guest shows of its loopback interface. */
  readonly isLoopbackHidden?: boolean;
  /** Swallows the datagrams of the datagram session among it. */
  readonly isDatagramHidden?: boolean;
  readonly fault?: string;
  /** Swallows frames of the guest from this instant on. */
  readonly cut?: Millis;
}

/** The services of the guest and the harness, joined by a cable and a console, in virtual time. */
function run(environment: Environment, options: Options = {}): Verdict {
  const {
    dhcpServer = true,
    lie = (line) => line,
    more = () => [],
    isLoopbackHidden = false,
    isDatagramHidden = false,
    fault,
    profile,
    cut = NEVER,
  } = options;
  const request = readRequest(environment, {
    guest: NEXUS,
    dhcpServer,
    ...(fault !== undefined && { fault }),
    ...(profile !== undefined && { profile }),
  });
  const entropy = new SeededEntropy(1);
  const smoke = new SmokeMachine({ request, entropy: entropy.fork('wire') });
  let nexus: NexusMachine | undefined;
  let verdict: Verdict | undefined;
  let now: Millis = 0;
  const say = (text: string): void => smoke.handleConsole(now, new TextEncoder().encode(text));
  const type = (bytes: Uint8Array): void => {
    const config = JSON.parse(new TextDecoder().decode(bytes));
    nexus = new NexusMachine({ config, entropy: entropy.fork('guest'), bus: { crypto: nodeCrypto, packageImage: IMAGE } });
    say('\n');
    nexus.start(now);
  };
  const pump = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      for (let out = smoke.pollTransmit(); out !== undefined; out = smoke.pollTransmit()) {
        moved = true;
        if (out.to === 'console') type(out.bytes);
        else if (out.to === 'wire' && now < cut) nexus?.handleFrame(now, out.frame);
      }
      for (let out = nexus?.pollTransmit(); out !== undefined; out = nexus?.pollTransmit()) {
        moved = true;
        if (out.to === 'wire') {
          if (now < cut) smoke.handleFrame(now, out.frame);
          continue;
        }
        if (out.to === 'loopback') {
          const isDatagram = dissect(out.frame).udp?.destinationPort === ADDRESS_PLAN.ports.dsoftbusQuicServer;
          if (!isLoopbackHidden && !(isDatagramHidden && isDatagram)) smoke.handleLoopbackFrame(now, out.frame);
          continue;
        }
        const line = lie(out.line);
        if (line !== undefined) for (const each of [line, ...more(line)]) say(`${each}\n`);
      }
      for (let event: SmokeEvent | undefined = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent()) {
        if (event.type === 'verdict') verdict = event.verdict;
      }
    }
  };
  smoke.start(now);
  say('nexus> ');
  pump();
  for (let step = 0; verdict === undefined && step < 100_000; step++) {
    now = Math.min(smoke.nextTimeout(), nexus?.nextTimeout() ?? NEVER);
    nexus?.handleTimeout(now);
    smoke.handleTimeout(now);
    pump();
  }
  if (verdict === undefined) throw new Error('no verdict');
  return verdict;
}

const IMAGE = packageImage({ 'ro.product.name': 'virtual' });
const BUS = { REQUIRE_DSOFTBUS: '1' };
const DHCP = { REQUIRE_QEMU_DHCP: '1' };
const STRICT = { ...DHCP, REQUIRE_QEMU_DHCP_STRICT: '1' };

describe('our services as the guest', () => {
  test('the default passes, with a DHCP server and without one', () => {
    expect(run({})).toMatchObject({ outcome: 'passed', profile: 'smoke' });
    const { outcome, markers } = run({}, { dhcpServer: false });
    expect(outcome).toBe('passed');
    expect(markers.map(({ id }) => id)).toContain('dhcp-fallback');
  });

  test('the strict gate passes: lease, ping, DNS, listener and the ping of a program, each proven by frames', () => {
    const { outcome, markers } = run(STRICT);
    expect(outcome).toBe('passed');
    for (const { id, evidence, frames } of markers) {
      if (id === 'netstackd-ready') continue;
      expect([id, evidence, frames.length > 0]).toEqual([id, 'proven', true]);
    }
    expect(markers.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['dhcp-bound', 'net-ping-ok', 'net-dns-ok', 'tcp-listen-ok', 'icmp-ping-ok']),
    );
  });

  test('without a DHCP server the gate fails in its phase, for that reason', () => {
    expect(run(DHCP, { dhcpServer: false }).failure).toMatchObject({ phase: 'dhcp', cause: 'no-dhcp-offer' });
  });

  test('the profile dhcp-prefer takes a lease where there is one, and the static address of the compatibility mode where there is none', () => {
    const leased = run({}, { profile: 'dhcp-prefer' });
    expect([leased.outcome, leased.outcomes.map(({ marker }) => marker)]).toEqual(['passed', ['dhcp-bound']]);
    const fallen = run({}, { profile: 'dhcp-prefer', dhcpServer: false });
    expect([fallen.outcome, fallen.outcomes.map(({ marker }) => marker)]).toEqual(['passed', ['dhcp-fallback']]);
    expect(fallen.markers.map(({ line }) => line)).toEqual(
      expect.arrayContaining(['net: dhcp unavailable (fallback static 10.0.2.15/24)', 'net: smoltcp iface up 10.0.2.15']),
    );
  });

  test('a profile that demands a lease leaves the guest no static address to fall back to', () => {
    const { markers } = run(DHCP, { dhcpServer: false });
    expect(markers.map(({ id }) => id)).not.toContain('dhcp-fallback');
  });

  test('a cable that is cut leaves the device unproven', () => {
    expect(run(DHCP, { cut: 0 }).failure).toMatchObject({
      phase: 'link',
      cause: 'unproven-marker',
      marker: 'net: virtio-net up',
    });
  });

  test.each([
    ['net: dhcp bound', 'dhcp', 'out-of-order'], // the interface comes up, and the lease has to come before it
    ['SELFTEST: net udp dns ok', 'dns', 'missing-marker'],
    ['SELFTEST: net tcp listen ok', 'listen', 'missing-marker'],
  ])('a guest that swallows ‘%s’ has not shown it', (line, phase, cause) => {
    const { failure } = run(DHCP, { lie: (text) => (text.startsWith(line) ? undefined : text) });
    expect(failure).toMatchObject({ phase, cause });
  });

  test('a guest that says the opposite fails at once', () => {
    const lie = (line: string): string => line.replace('SELFTEST: net udp dns ok', 'netstackd: net dns proof fail');
    expect(run(DHCP, { lie }).failure).toMatchObject({
      phase: 'dns',
      cause: 'failure-marker',
      marker: 'SELFTEST: net udp dns ok',
    });
  });

  test('same seed, same verdict', () => {
    expect(run(STRICT)).toEqual(run(STRICT));
  });
});

/** Typed by hand from the list of the OS's harness right after ADR-0025. */
const TWELVE = [
  'dsoftbusd: discovery up (udp loopback)',
  'dsoftbusd: discovery announce sent',
  'dsoftbusd: discovery peer found device=local',
  'dsoftbusd: os transport up (udp+tcp)',
  'dsoftbusd: session connect peer=node-b',
  'dsoftbusd: identity bound peer=node-b',
  'dsoftbusd: dual-node session ok',
  'dsoftbusd: ready',
  'dsoftbusd: auth ok',
  'dsoftbusd: os session ok',
  'SELFTEST: dsoftbus os connect ok',
  'SELFTEST: dsoftbus ping ok',
];

describe('the bus of our guest', () => {
  test('the gate passes: the twelve lines byte for byte and in their order, each but the one of liveness proven by loopback frames', () => {
    const { outcome, markers, failure } = run(BUS);
    expect([outcome, failure?.message]).toEqual(['passed', undefined]);
    const bus = markers.filter(({ line }) => line.includes('dsoftbus'));
    expect(bus.map(({ line }) => line)).toEqual(TWELVE);
    for (const { line, evidence, frames } of bus) {
      const expected = line === 'dsoftbusd: ready' ? [line, 'unbacked', false] : [line, 'proven', true];
      expect([line, evidence, frames.length > 0]).toEqual(expected);
    }
  });

  test('together with the DHCP gate it passes, too', () => {
    const { outcome, profile, markers } = run({ ...BUS, ...DHCP });
    expect([outcome, profile]).toEqual(['passed', 'dhcp+dsoftbus']);
    expect(markers.map(({ id }) => id)).toEqual(expect.arrayContaining(['dhcp-bound', 'tcp-listen-ok', 'dsoftbus-ping-ok']));
  });

  test('a wrong peer key fails in the phase of the session, and none of its lines is said', () => {
    const { failure, markers } = run(BUS, { fault: 'wrong-peer-key' });
    expect(failure).toMatchObject({
      phase: 'session',
      cause: 'failure-marker',
      marker: 'dsoftbusd: identity bound peer=node-b',
      lastLine: 'dsoftbusd: identity mismatch peer=node-b',
    });
    expect(markers.map(({ line }) => line)).not.toEqual(expect.arrayContaining(['dsoftbusd: identity bound peer=node-b']));
  });

  test('a guest that does not tell of the wrong key has no session all the same', () => {
    const lie = (line: string): string | undefined => (line.includes('mismatch') ? undefined : line);
    expect(run(BUS, { fault: 'wrong-peer-key', lie }).failure).toMatchObject({ phase: 'session', cause: 'no-session' });
  });

  test('a session forged behind a wrong key is not believed', () => {
    const lie = (line: string): string | undefined => (line.includes('mismatch') ? TWELVE[5] : line);
    const more = (line: string): readonly string[] => (line === TWELVE[5] ? TWELVE.slice(6) : []);
    expect(run(BUS, { fault: 'wrong-peer-key', lie, more }).failure).toMatchObject({
      phase: 'session',
      cause: 'unproven-marker',
      marker: TWELVE[5],
    });
  });

  test('a guest that shows nothing of its loopback interface has proven nothing', () => {
    expect(run(BUS, { isLoopbackHidden: true }).failure).toMatchObject({
      phase: 'discovery',
      cause: 'unproven-marker',
      marker: TWELVE[1],
    });
  });

  test('a guest that swallows a line has not shown it', () => {
    const lie = (line: string): string | undefined => (line === TWELVE[11] ? undefined : line);
    expect(run(BUS, { lie }).failure).toMatchObject({ phase: 'selftest', cause: 'missing-marker', marker: TWELVE[11] });
  });

  test('a fault that the guest does not have is refused before anything boots', () => {
    expect(() => readRequest(BUS, { guest: NEXUS, dhcpServer: true, fault: 'wrong-key' })).toThrow('wrong-peer-key');
  });
});

describe('the seven lines that the OS added later', () => {
  const LATER = { profile: 'dsoftbus-19' } as const;

  test('all nineteen are printed; what the session of datagrams and the mux sent is on the loopback interface', () => {
    const { failure, markers, unbacked } = run({}, LATER);
    expect(failure).toBeUndefined();
    const evidence = Object.fromEntries(markers.map((marker) => [marker.marker, marker.evidence]));
    expect(evidence).toMatchObject({
      'dsoftbusd: transport selected quic': 'proven',
      'SELFTEST: quic session ok': 'proven',
      'dsoftbus:mux session up': 'proven',
      'dsoftbus:mux data ok': 'proven',
      'SELFTEST: mux pri control ok': 'unbacked',
      'SELFTEST: mux bulk ok': 'unbacked',
      'SELFTEST: mux backpressure ok': 'unbacked',
    });
    expect(unbacked).toContain('dsoftbus-mux-bulk-ok');
  });

  test('the gate of the twelve prints none of them', () => {
    expect(run(BUS).markers.filter(({ marker }) => /quic|mux/.test(marker))).toEqual([]);
  });

  test('a session of datagrams that the interface does not show is not believed', () => {
    const hidden = run({}, { ...LATER, isDatagramHidden: true });
    expect(hidden.failure).toMatchObject({ phase: 'datagram-session', cause: 'unproven-marker' });
  });
});
