import { ipv4FromU32, type MacAddress, type Millis, NEVER } from '@nexus-net/sansio';
import type { Fact } from '@nexus-net/wire';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { Ladder } from '../../src/ladder.js';
import type { StopCondition } from '../../src/ladder-options.js';
import { renderMarker } from '../../src/marker.js';
import { CATALOGUE } from '../../src/markers.js';
import type { PhaseName, Profile, Requirement } from '../../src/profile.js';
import { DHCP_LEASE as DHCP, SMOKE } from '../../src/profiles.js';
import type { MarkerReport, PhaseReport, Verdict } from '../../src/verdict.js';

export const limits: FuzzLimits = { octetsMax: 300, costBase: 200_000, costPerOctet: 20_000 };

const GUEST = 0x525400123456 as MacAddress;
const OTHER = 0x52550a000202 as MacAddress;
const ADDRESSES = [0x0a00020f, 0x0a000202, 0x0a000210, 0x0a000203].map(ipv4FromU32);
const [STATIC, GATEWAY] = ADDRESSES as [(typeof ADDRESSES)[number], (typeof ADDRESSES)[number]];
const CONTEXT = { guestMac: GUEST, gateway: GATEWAY, dhcpServer: GATEWAY, staticAddress: STATIC };
/** What the lines of the corpus are made of, in this order. */
const MARKER_IDS = ['netstackd-ready', 'virtio-net-up', 'dhcp-bound', 'dhcp-fallback', 'iface-up', 'net-ping-ok'] as const;
const STOPS: readonly StopCondition[] = [
  { type: 'satisfied' },
  { type: 'phase', phase: 'link' },
  { type: 'marker', marker: 'iface-up' },
  { type: 'marker', marker: 'iface-up', values: { address: STATIC } },
];

/**
 * The octets are a profile and a sequence of lines, facts, violations and time. Whatever comes: one verdict at most, the last
 * thing said, and one in the end; it passes where every phase until the end of the run passed, each with its markers proven or
 * beyond proof, and fails with one failed phase; phases follow each other; what is due has been done; it is JSON.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u8();
  const profile = (bits & 1) === 0 ? SMOKE : DHCP;
  const until = STOPS[(bits >>> 1) & 3] as StopCondition;
  const ladder = new Ladder({
    profile,
    context: CONTEXT,
    until,
    panics: [/panic/],
    rules: [{ pattern: /^ip (?<address>[\d.]+)$/, marker: 'iface-up', phase: 'iface' }],
    fatalViolation: ({ rule }) => rule === 'fatal',
    claimCountMax: 8,
    violationCountMax: 2,
  });
  const watch = new Watch(ladder, profile, until);
  ladder.start(0);
  let frame = 0;
  for (let now = 0, number = 1; !script.isAtEnd; number++) {
    const kind = script.u8() % 8;
    now += kind === 0 ? script.pick([1, 500, 2000, 15_000, 60_000, -1000]) : 1;
    watch.clock = Math.max(watch.clock, now);
    if (kind === 0) ladder.handleTimeout(now);
    else if (kind < 4) ladder.handleLine(now, { number, at: now, text: drawLine(script), cut: script.u8() % 16 === 15 });
    else if (kind < 7) ladder.handleFact(now, drawFact(script, { at: now, frame: ++frame }));
    else drawOther(script, ladder, now);
    watch.look();
  }
  ladder.handleExit(watch.clock, 'exit code 0');
  watch.look();
  demand(watch.verdict !== undefined, 'a run whose guest is gone has a verdict');
}

function drawLine(script: FuzzScript): string {
  const kind = script.u8() % 16;
  const id = MARKER_IDS[kind];
  if (id === undefined) return kind === 6 ? `ip 10.0.2.${script.u8()}` : kind === 7 ? 'panic' : 'Booting';
  const gateway = script.pick([GATEWAY, 'none' as const]);
  return renderMarker(CATALOGUE.get(id), { address: script.pick(ADDRESSES), prefixLength: script.pick([24, 8, 32]), gateway });
}

function drawFact(script: FuzzScript, { at, frame }: { readonly at: Millis; readonly frame: number }): Fact {
  const common = { at, frames: [frame] };
  const client = script.pick([GUEST, GUEST, GUEST, OTHER]);
  const address = script.pick(ADDRESSES);
  const peer = script.pick(ADDRESSES);
  const xid = script.u8() % 2;
  const offer = { client, address, server: peer, xid };
  switch (script.u8() % 10) {
    case 0:
      return { kind: 'dhcp.offered', ...common, ...offer };
    case 1: {
      const leaseMs = script.pick([600_000, 1000, Number.POSITIVE_INFINITY]);
      const router = script.u8() % 2 === 0 ? { router: GATEWAY, prefixLength: 24 } : {};
      return { kind: 'dhcp.leased', ...common, ...offer, ...router, leaseMs };
    }
    case 2:
      return { kind: 'dhcp.refused', ...common, client, server: peer, xid };
    case 3:
      return { kind: 'dhcp.released', ...common, client, address };
    case 4:
      return { kind: 'dhcp.declined', ...common, client, address };
    case 5:
      return { kind: 'dhcp.requested', ...common, client, address, xid };
    case 6:
      return { kind: 'dhcp.discovered', ...common, client, xid };
    case 7: {
      const [askerMac, ownerMac] = client === GUEST ? [GUEST, OTHER] : [OTHER, GUEST];
      return { kind: 'arp.resolved', ...common, askerMac, askerIp: address, ownerMac, ownerIp: peer };
    }
    case 8:
      return {
        kind: 'icmp.echo-answered',
        ...common,
        asker: address,
        answerer: peer,
        identifier: 1,
        sequence: xid,
        roundTripMs: 1,
      };
    default:
      return { kind: 'ethernet.seen', ...common, mac: client };
  }
}

function drawOther(script: FuzzScript, ladder: Ladder, now: Millis): void {
  const kind = script.u8() % 8;
  if (kind === 0) ladder.handleExit(now, 'signal SIGTERM');
  else if (kind === 1) ladder.abort(now, { cause: 'interrupted', message: 'stopped' });
  else if (kind === 2) ladder.handleNothingMore(now);
  else if (kind === 3) ladder.handleMovement(now);
  else {
    const rule = kind === 4 ? 'fatal' : 'mild';
    ladder.handleViolation(now, { rule, reference: 'RFC 2131 §4.1', at: now, frames: [1], message: 'wrong' });
  }
}

/** Looks at what each call brings. */
class Watch {
  clock: Millis = 0;
  verdict: Verdict | undefined;
  readonly #ladder: Ladder;
  readonly #profile: Profile;
  readonly #until: StopCondition;
  readonly #phases: PhaseReport[] = [];
  readonly #markers: MarkerReport[] = [];

  constructor(ladder: Ladder, profile: Profile, until: StopCondition) {
    this.#ladder = ladder;
    this.#profile = profile;
    this.#until = until;
  }

  look(): void {
    const ladder = this.#ladder;
    for (const event of drain(() => ladder.pollEvent(), 64)) {
      demand(this.verdict === undefined, 'nothing is said after the verdict');
      if (event.type === 'verdict') this.verdict = event.verdict;
      else if (event.type === 'phase') this.#phases.push(event.report);
      else this.#markers.push(event.report);
    }
    if (this.verdict === undefined) {
      demand(ladder.nextTimeout() > this.clock, 'what is due has been done');
      return;
    }
    demand(ladder.nextTimeout() === NEVER && ladder.phase === undefined, 'after the verdict there is nothing to wait for');
    this.#judge(this.verdict);
  }

  #judge({ outcome, failure, phases, markers, durationMs, unbacked }: Verdict): void {
    demand((outcome === 'failed') === (failure !== undefined), 'a run that failed says why');
    demand(
      phases.map(({ name }) => name).join() === this.#profile.phases.map(({ name }) => name).join(),
      'every phase is listed',
    );
    const outcomes = phases.map((phase) => phase.outcome);
    const firstOpen = outcomes.findIndex((each) => each !== 'passed');
    const after = firstOpen < 0 ? [] : outcomes.slice(firstOpen);
    demand(!after.includes('passed'), 'no phase passes before the one ahead of it');
    demand(outcomes.filter((each) => each === 'failed').length <= (failure === undefined ? 0 : 1), 'one phase fails');
    const told = phases.filter((phase) => phase.outcome !== 'not-reached').map(({ name }) => name);
    demand(told.join() === this.#phases.map(({ name }) => name).join(), 'phases were told as they came');
    for (const { startedMs = 0, endedMs = 0 } of phases)
      demand(startedMs <= endedMs && endedMs <= durationMs, 'phases lie within the run');
    for (const { name, outcome: each } of phases) if (each === 'passed') this.#checkPassed(name, markers);
    for (const { evidence, backing, frames, id } of markers) {
      demand((evidence === 'unbacked') === (backing === 'local'), 'what nothing can prove is unbacked');
      const silent = id === 'dhcp-fallback'; // proven by what is not there
      demand(evidence !== 'proven' || frames.length > 0 || silent, 'what is proven names its frames');
      demand(evidence !== 'unbacked' || unbacked.includes(id), 'what is unbacked is listed');
    }
    if (outcome === 'passed') {
      const { type } = this.#until;
      if (type === 'satisfied') demand(firstOpen < 0, 'a run that passes has passed every phase');
      const isBelieved = ({ evidence }: MarkerReport): boolean => evidence === 'proven' || evidence === 'unbacked';
      if (type === 'marker')
        demand(
          markers.some((marker) => marker.id === 'iface-up' && isBelieved(marker)),
          'a run until a marker has it',
        );
    }
    demand(JSON.parse(JSON.stringify(this.verdict)).outcome === outcome, 'a verdict is JSON');
  }

  #checkPassed(name: PhaseName, markers: readonly MarkerReport[]): void {
    const { markers: wanted } = this.#profile.phases.find((phase) => phase.name === name) as { markers: readonly Requirement[] };
    for (const { marker: id } of wanted) {
      const told = this.#markers.some((marker) => marker.id === id && marker.evidence === evidenceOf(id));
      demand(told && markers.some((marker) => marker.id === id), 'a phase passes with its markers proven');
    }
  }
}

function evidenceOf(id: string): 'proven' | 'unbacked' {
  return CATALOGUE.get(id).backing === 'local' ? 'unbacked' : 'proven';
}

/** A static run and a run with a lease, both passed; a claim that nothing shows; a claim that the wire denies. */
export function seeds(): Uint8Array[] {
  const line = (id: number, address = 0): number[] => [1, id, 0, address, 0, 0];
  const fact = (kind: number, address: number, peer: number, client = 0): number[] => [4, client, address, peer, 0, kind, 0, 0];
  const up = [...line(0), ...fact(9, 0, 0).slice(0, 6), ...line(1)];
  const both = [fact(7, 0, 1), fact(7, 1, 0, 3), fact(8, 0, 1), fact(8, 1, 0)].flatMap((each) => each.slice(0, 6));
  const lease = [...fact(0, 0, 1).slice(0, 6), ...fact(1, 0, 1)];
  return [
    Uint8Array.from([0, ...up, ...both, ...line(4)]),
    Uint8Array.from([1, ...up, ...lease, ...line(2), ...both, ...line(4), ...line(5)]),
    Uint8Array.from([0, ...up, ...line(4), 0, 2]),
    Uint8Array.from([1, ...up, ...lease, ...line(2, 2)]),
    Uint8Array.from([1, ...up, ...line(3)]),
  ];
}
