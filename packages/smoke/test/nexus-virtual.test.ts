import { NexusMachine } from '@nexus-net/guest';
import { type Millis, NEVER, SeededEntropy } from '@nexus-net/sansio';
import type { Verdict } from '@nexus-net/verdict';
import { describe, expect, test } from 'vitest';
import { type Environment, NEXUS, readRequest, type SmokeEvent, SmokeMachine } from '../src/index.js';

interface Options {
  readonly dhcpServer?: boolean;
  /** Changes or swallows a line of the guest. */
  readonly lie?: (line: string) => string | undefined;
  /** Swallows frames of the guest from this instant on. */
  readonly cut?: Millis;
}

/** The services of the guest and the harness, joined by a cable and a console, in virtual time. */
function run(environment: Environment, { dhcpServer = true, lie = (line) => line, cut = NEVER }: Options = {}): Verdict {
  const request = readRequest(environment, { guest: NEXUS, dhcpServer });
  const entropy = new SeededEntropy(1);
  const smoke = new SmokeMachine({ request, entropy: entropy.fork('wire') });
  let nexus: NexusMachine | undefined;
  let verdict: Verdict | undefined;
  let now: Millis = 0;
  const say = (text: string): void => smoke.handleConsole(now, new TextEncoder().encode(text));
  const type = (bytes: Uint8Array): void => {
    const config = JSON.parse(new TextDecoder().decode(bytes));
    nexus = new NexusMachine({ config, entropy: entropy.fork('guest') });
    say('\n');
    nexus.start(now);
  };
  const pump = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      for (let out = smoke.pollTransmit(); out !== undefined; out = smoke.pollTransmit()) {
        moved = true;
        if (out.to === 'console') type(out.bytes);
        else if (now < cut) nexus?.handleFrame(now, out.frame);
      }
      for (let out = nexus?.pollTransmit(); out !== undefined; out = nexus?.pollTransmit()) {
        moved = true;
        if (out.to === 'wire') {
          if (now < cut) smoke.handleFrame(now, out.frame);
          continue;
        }
        const line = lie(out.line);
        if (line !== undefined) say(`${line}\n`);
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
