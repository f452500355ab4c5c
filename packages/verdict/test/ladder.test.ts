import { ipv4, type MacAddress, type Millis, parseMac, UsageError } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Fact, type FactKind } from '@nexus-net/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import {
  CATALOGUE,
  DHCP_LEASE as DHCP,
  type FactLog,
  findEvidence,
  Ladder,
  type LadderEvent,
  type LadderOptions,
  LineAssembler,
  PROOFS,
  type ProofName,
  SMOKE,
  type Verdict,
} from '../src/index.js';

const { guestMac, gateway, gatewayMac, guest } = ADDRESS_PLAN.smoke;
const context = { guestMac, gateway, dhcpServer: gateway };
const staticContext = { ...context, staticAddress: guest };
const xid = 0x1234;

type Step = { readonly line: string } | { readonly fact: Fact };

let frame = 0;
function fact<K extends FactKind>(kind: K, details: Omit<Fact<K>, 'kind' | 'at' | 'frames'>, at = 0): Step {
  frame += 1;
  return { fact: { kind, at, frames: [frame], ...details } as unknown as Fact };
}
const line = (text: string): Step => ({ line: text });
const seen = (): Step => fact('ethernet.seen', { mac: guestMac });
const offered = (address = guest): Step => fact('dhcp.offered', { client: guestMac, server: gateway, address, xid });
const leased = (address = guest, client: MacAddress = guestMac): Step =>
  fact('dhcp.leased', { client, server: gateway, address, xid, leaseMs: 3_600_000, prefixLength: 24, router: gateway });
const arp = (): Step[] => [
  fact('arp.resolved', { askerMac: guestMac, askerIp: guest, ownerMac: gatewayMac, ownerIp: gateway }),
  fact('arp.resolved', { askerMac: gatewayMac, askerIp: gateway, ownerMac: guestMac, ownerIp: guest }),
];
const echo = (asker = guest, answerer = gateway): Step =>
  fact('icmp.echo-answered', { asker, answerer, identifier: 0, sequence: 1, roundTripMs: 1 });
const usable = (): Step[] => [...arp(), echo(), echo(gateway, guest)];
const boot = (): Step[] => [line('netstackd: ready'), line('net: virtio-net up'), seen()];
const BOUND = 'net: dhcp bound 10.0.2.15/24 gw=10.0.2.2';
const UP = 'net: smoltcp iface up 10.0.2.15';

function play(
  steps: readonly Step[],
  options: Partial<LadderOptions> = {},
  then: (ladder: Ladder) => void = silence,
): { verdict: Verdict | undefined; events: LadderEvent[] } {
  const ladder = new Ladder({ profile: SMOKE, context: staticContext, ...options });
  ladder.start(0);
  let now: Millis = 0;
  let number = 0;
  for (const step of steps) {
    now += 1;
    if ('line' in step) ladder.handleLine(now, { number: ++number, at: now, text: step.line, cut: false });
    else ladder.handleFact(now, { ...step.fact, at: now });
  }
  then(ladder);
  const events: LadderEvent[] = [];
  for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent()) events.push(event);
  const last = events.at(-1);
  return { verdict: last?.type === 'verdict' ? last.verdict : undefined, events };
}

/** Nothing more happens: the ladder's own deadlines decide. */
function silence(ladder: Ladder): void {
  for (let at = ladder.nextTimeout(); Number.isFinite(at); at = ladder.nextTimeout()) ladder.handleTimeout(at);
}

describe('profile smoke', () => {
  test('passes when the interface is up and the wire agrees', () => {
    const { verdict } = play([...boot(), ...usable(), line(UP)]);
    expect(verdict).toMatchObject({ outcome: 'passed', profile: 'smoke', unbacked: ['netstackd-ready'], violations: [] });
    expect(verdict?.phases.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['boot', 'passed'],
      ['link', 'passed'],
      ['iface', 'passed'],
    ]);
  });

  test('the wire may agree a little after the line', () => {
    expect(play([...boot(), line(UP), ...usable()]).verdict?.outcome).toBe('passed');
  });

  test.each([
    ['ARP of the guest', 0, 'ARP request for the gateway'],
    ['ARP of the gateway', 1, 'ARP request for the guest'],
    ['echo of the guest', 2, 'guest’s ICMP echo'],
    ['echo of the gateway', 3, 'gateway’s ICMP echo'],
  ])('without the %s the interface marker is unproven', (_what, index, words) => {
    const { verdict } = play([...boot(), line(UP), ...usable().toSpliced(index, 1)]);
    expect(verdict?.failure).toMatchObject({ phase: 'iface', cause: 'unproven-marker', marker: UP });
    expect(verdict?.failure?.message).toContain(words);
  });

  test('another address than the static one is a contradiction', () => {
    const { verdict } = play([...boot(), ...usable(), line('net: smoltcp iface up 10.0.2.16')]);
    expect(verdict?.failure).toMatchObject({ phase: 'iface', cause: 'contradicted-marker' });
  });

  test('a device that is said to be up and never sends is unproven', () => {
    const { verdict } = play([line('netstackd: ready'), line('net: virtio-net up')]);
    expect(verdict?.failure).toMatchObject({ phase: 'link', cause: 'unproven-marker' });
  });

  test('no console at all is silence', () => {
    expect(play([]).verdict?.failure).toMatchObject({ phase: 'boot', cause: 'guest-silent' });
  });

  test('the phase’s budget ends it with a reason from the wire', () => {
    const { verdict } = play([...boot()], { silenceMs: Number.POSITIVE_INFINITY });
    expect(verdict?.failure).toMatchObject({ phase: 'iface', cause: 'no-arp-reply', marker: 'net: smoltcp iface up {address}' });
    expect(verdict?.durationMs).toBe(3 + 20_000);
  });

  test('echoes without a line from the console are not a marker', () => {
    const { verdict } = play([...boot(), ...usable()], { silenceMs: Number.POSITIVE_INFINITY });
    expect(verdict?.failure).toMatchObject({ phase: 'iface', cause: 'missing-marker' });
  });
});

describe('profile dhcp', () => {
  const dhcp = { profile: DHCP, context };
  const good = (): Step[] => [
    ...boot(),
    offered(),
    leased(),
    line(BOUND),
    ...usable(),
    line(UP),
    echo(),
    line('SELFTEST: net ping ok'),
  ];

  test('passes with lease, interface and ping on the wire', () => {
    expect(play(good(), dhcp).verdict?.outcome).toBe('passed');
  });

  test('a lying guest: the lease is claimed and nothing is on the wire', () => {
    const { verdict } = play([...boot(), line(BOUND)], dhcp);
    expect(verdict?.failure).toMatchObject({ phase: 'dhcp', cause: 'unproven-marker', marker: BOUND, lastLine: BOUND });
  });

  test('somebody else’s lease proves nothing', () => {
    const { verdict } = play([...boot(), offered(), leased(guest, parseMac('02:00:00:00:00:01')), line(BOUND)], dhcp);
    expect(verdict?.failure).toMatchObject({ phase: 'dhcp', cause: 'unproven-marker' });
  });

  test('another address than the leased one is a contradiction', () => {
    const other = ipv4(10, 0, 2, 16);
    const { verdict } = play([...boot(), offered(other), leased(other), line(BOUND)], dhcp);
    expect(verdict?.failure).toMatchObject({ phase: 'dhcp', cause: 'contradicted-marker' });
  });

  test.each([
    ['net: dhcp bound 10.0.2.15/16 gw=10.0.2.2', 'the line says /16'],
    ['net: dhcp bound 10.0.2.15/24 gw=none', 'gateway'],
  ])('a wrong value in the line is a contradiction: %s', (text, words) => {
    const { verdict } = play([...boot(), offered(), leased(), line(text)], dhcp);
    expect(verdict?.failure?.cause).toBe('contradicted-marker');
    expect(verdict?.failure?.message).toContain(words);
  });

  test('an ACK without its OFFER is no new lease', () => {
    expect(play([...boot(), leased(), line(BOUND)], dhcp).verdict?.failure?.cause).toBe('unproven-marker');
  });

  test('an echo from before the lease does not prove the ping', () => {
    const early = [...boot(), echo(), offered(), leased(), line(BOUND), ...arp(), echo(gateway, guest)];
    const unordered = { ...dhcp, profile: { ...DHCP, order: [] } };
    const { verdict } = play([...early, line('SELFTEST: net ping ok')], unordered);
    expect(verdict?.failure).toMatchObject({ phase: 'ping', cause: 'unproven-marker' });
  });

  test('the fallback is forbidden at once', () => {
    const { verdict } = play([...boot(), line('net: dhcp unavailable (fallback static 10.0.2.15/24)')], dhcp);
    expect(verdict?.failure).toMatchObject({ phase: 'dhcp', cause: 'forbidden-marker' });
  });

  const quiet = { ...dhcp, silenceMs: Number.POSITIVE_INFINITY };
  const discovered = (): Step => fact('dhcp.discovered', { client: guestMac, xid });
  test.each<[string, Step[]]>([
    ['no-dhcp-discover', []],
    ['no-dhcp-offer', [discovered()]],
    ['no-dhcp-request', [discovered(), offered()]],
    ['no-dhcp-ack', [discovered(), offered(), fact('dhcp.requested', { client: guestMac, address: guest, xid })]],
    ['dhcp-nak', [discovered(), offered(), fact('dhcp.refused', { client: guestMac, server: gateway, xid })]],
    ['missing-marker', [discovered(), offered(), fact('dhcp.requested', { client: guestMac, address: guest, xid }), leased()]],
  ])('the budget of the phase ends with the cause %s', (cause, steps) => {
    expect(play([...boot(), ...steps], quiet).verdict?.failure).toMatchObject({ phase: 'dhcp', cause });
  });

  test('a guest that will do nothing more ends the phase without waiting', () => {
    const { verdict } = play([...boot(), discovered()], quiet, (ladder) => ladder.handleNothingMore(50));
    expect(verdict).toMatchObject({ durationMs: 50, failure: { cause: 'no-dhcp-offer' } });
  });

  test('nothing is believed after the verdict', () => {
    const { events } = play([...boot(), line('net: dhcp unavailable (fallback static 10.0.2.15/24)'), ...good()], dhcp);
    expect(events.filter((event) => event.type === 'verdict')).toHaveLength(1);
  });
});

describe('other ends', () => {
  test('fault/H13 a panic ends the run at once, with its text', () => {
    const { verdict } = play([...boot(), line('Unhandled exception: Load access fault')], { panics: [/^Unhandled exception:/] });
    expect(verdict).toMatchObject({
      durationMs: 4,
      failure: { phase: 'iface', cause: 'guest-panic', lastLine: 'Unhandled exception: Load access fault' },
    });
  });

  test('the guest’s exit ends the run; a claim that waits for the wire is judged first', () => {
    const exit = (ladder: Ladder): void => ladder.handleExit(9, 'exit code 0');
    expect(play(boot(), {}, exit).verdict?.failure).toMatchObject({ cause: 'guest-exit' });
    expect(play([...boot(), line(UP)], {}, exit).verdict?.failure).toMatchObject({ cause: 'unproven-marker' });
  });

  test.each(['exit code 0', 'exit code 1', 'signal SIGSEGV'])(
    'fault/H08 a guest that ends by itself has not passed, and how it ended is told: %s',
    (how) => {
      const { verdict } = play(boot(), {}, (ladder) => ladder.handleExit(9, how));
      expect(verdict).toMatchObject({
        outcome: 'failed',
        failure: { cause: 'guest-exit', message: expect.stringContaining(how) },
      });
    },
  );

  test('fault/H18 what the guest says of the time is text: the times of the verdict are those of the host', () => {
    const [before, after] = [boot(), [...usable(), line(UP), line('SELFTEST: net ping ok')]];
    const told = (lines: readonly string[]): Verdict | undefined => play([...before, ...lines.map(line), ...after]).verdict;
    const clocks = ['[99999999999.999999] up', '[   -1.000000] 1970-01-01T00:00:00Z', 'date: -9223372036854775808'];
    const verdict = told(clocks);
    expect(verdict).toEqual(told(clocks.map(() => 'text')));
    expect(verdict).toMatchObject({ outcome: 'passed' });
  });

  test('an interruption is a failure with its own cause', () => {
    expect(
      play(boot(), {}, (ladder) => ladder.abort(9, { cause: 'interrupted', message: 'SIGINT' })).verdict?.failure,
    ).toMatchObject({
      cause: 'interrupted',
      message: 'SIGINT',
    });
  });

  test('a fatal violation fails the run, another one is listed', () => {
    const violation = (rule: string) => ({ rule, reference: 'RFC 2131 §4.1', at: 0, frames: [1], message: 'ports' });
    const options = { fatalViolation: ({ rule }: { rule: string }) => rule === 'fatal' };
    const fatal = play(boot(), options, (ladder) => ladder.handleViolation(9, violation('fatal')));
    expect(fatal.verdict?.failure).toMatchObject({ cause: 'wire-violation' });
    const listed = play([...boot()], options, (ladder) => {
      ladder.handleViolation(9, violation('other'));
      ladder.abort(10, { cause: 'interrupted', message: 'enough' });
    });
    expect(listed.verdict?.violations).toMatchObject([{ rule: 'other', fatal: false }]);
  });

  test('the run’s own time ends it, at that instant however late the call', () => {
    const { verdict } = play(boot(), { runMs: 100 }, (ladder) => ladder.handleTimeout(5_000));
    expect(verdict).toMatchObject({ durationMs: 100, failure: { cause: 'run-timeout' } });
  });

  test('a phase or a marker may be asked to end the run early', () => {
    const phase = play(boot(), { until: { type: 'phase', phase: 'link' } });
    expect(phase.verdict).toMatchObject({ outcome: 'passed' });
    expect(phase.verdict?.phases.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'not-reached']);
    expect(play(boot(), { until: { type: 'marker', marker: 'virtio-net-up' } }).verdict?.outcome).toBe('passed');
  });

  test('a phase or a marker that the profile lacks is refused', () => {
    expect(() => new Ladder({ profile: SMOKE, context, until: { type: 'phase', phase: 'dhcp' } })).toThrow(UsageError);
    expect(() => new Ladder({ profile: SMOKE, context, until: { type: 'marker', marker: 'dhcp-bound' } })).toThrow(UsageError);
  });

  test('a line that stands for a marker is reported as mapped, and only in its phase', () => {
    const rules = [{ pattern: /^host 10\.0\.2\.2 is alive$/, marker: 'iface-up', phase: 'iface' } as const];
    const { verdict } = play([line('host 10.0.2.2 is alive'), ...boot(), ...usable(), line('host 10.0.2.2 is alive')], { rules });
    expect(verdict?.markers.at(-1)).toMatchObject({
      id: 'iface-up',
      origin: 'mapped',
      marker: UP,
      line: 'host 10.0.2.2 is alive',
      lineNumber: 4,
    });
  });
});

/**
 * The law of the whole product: whatever a guest prints and whatever else is on the wire, a run passes only if the wire holds the
 * evidence of every marker that it demands.
 */
function noMarkerWithoutTheWire(judge: typeof play): void {
  const steps = fc.constantFrom<() => Step>(
    ...['netstackd: ready', 'net: virtio-net up', BOUND, UP, 'SELFTEST: net ping ok', 'noise'].map((text) => () => line(text)),
    seen,
    offered,
    leased,
    () => arp()[0] as Step,
    () => arp()[1] as Step,
    echo,
    () => echo(gateway, guest),
  );
  fc.assert(
    fc.property(
      fc.shuffledSubarray(
        [...boot(), offered(), leased(), line(BOUND), ...usable(), line(UP), echo(), line('SELFTEST: net ping ok')],
        { minLength: 12 },
      ),
      fc.array(steps, { maxLength: 4 }),
      (subset, extra) => {
        const played = [...subset, ...extra.map((make) => make())];
        const { verdict } = judge(played, { profile: DHCP, context });
        if (verdict?.outcome !== 'passed') return;
        const kinds = new Set(played.flatMap((step) => ('fact' in step ? [step.fact.kind] : [])));
        for (const kind of ['ethernet.seen', 'dhcp.offered', 'dhcp.leased', 'arp.resolved', 'icmp.echo-answered'])
          expect(kinds).toContain(kind);
      },
    ),
    { numRuns: runs(300) },
  );
}

test('property: a run passes only if the wire holds the evidence', () => {
  noMarkerWithoutTheWire(play);
});

test('property: a run passes only …: catches a judge that believes the console', () => {
  const believer: typeof play = (steps, options) => {
    const lines = steps.flatMap((step) => ('line' in step ? [step.line] : []));
    const all = [BOUND, UP, 'SELFTEST: net ping ok'].every((text) => lines.includes(text));
    return all ? { verdict: { outcome: 'passed' } as Verdict, events: [] } : play(steps, options);
  };
  expect(() => noMarkerWithoutTheWire(believer)).toThrow();
});

test('property: the verdict does not depend on how the console was read', () => {
  const console = [...boot(), offered(), leased(), line(BOUND)]
    .flatMap((step) => ('line' in step ? [step.line] : []))
    .join('\r\n');
  const bytes = new TextEncoder().encode(`${console}\r\n`);
  const judge = (chunks: readonly Uint8Array[]): string => {
    const ladder = new Ladder({ profile: DHCP, context });
    const assembler = new LineAssembler();
    ladder.start(0);
    for (const chunk of chunks) {
      assembler.handleBytes(1, chunk);
      for (let next = assembler.pollEvent(); next !== undefined; next = assembler.pollEvent()) ladder.handleLine(1, next);
    }
    silence(ladder);
    const events: LadderEvent[] = [];
    for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent()) events.push(event);
    return JSON.stringify(events);
  };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: bytes.length }), (size) => {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      expect(judge(chunks)).toBe(judge([bytes]));
    }),
    { numRuns: runs(30) },
  );
});

test('every proof can say that something is missing, but the one that nothing happened', () => {
  const empty = { of: () => [] } as unknown as FactLog;
  const circumstances = { wire: empty, loopback: empty, context, nodes: { guest: context } };
  for (const proof of Object.keys(PROOFS) as ProofName[]) {
    const { state } = findEvidence(
      { ...CATALOGUE.get('iface-up'), proof },
      { marker: 'x', node: 'guest', at: 0, values: {} },
      circumstances,
    );
    expect([proof, state]).toEqual([proof, proof === 'no-lease' ? 'proven' : 'missing']);
  }
});
