import type { Millis } from '@nexus-net/sansio';
import type { Origin } from './console-rule.js';
import type { Backing, MarkerId } from './marker.js';
import type { NodeName, PhaseName, Requirement } from './profile.js';

/** Why a run failed. Stable labels: part of the contract with whoever reads `verdict.json`. */
export const CAUSES: Readonly<Record<Cause, string>> = {
  'missing-marker': 'the phase’s time ran out without its marker, and nothing on the wire says why',
  'unproven-marker': 'the guest claims what the wire does not show',
  'contradicted-marker': 'the guest claims the opposite of what the wire shows',
  'forbidden-marker': 'a line that this profile forbids',
  'failure-marker': 'the guest says itself that something that is demanded went wrong',
  'both-outcomes': 'the guest claims two outcomes that exclude each other',
  'out-of-order': 'the guest claims something before what it has to come after',
  'corrupt-log': 'the console’s lines are torn or run into each other, so that a marker can’t be read',
  'no-dhcp-discover': 'the guest never asked for a lease',
  'no-dhcp-offer': 'the guest asked for a lease and no server offered one',
  'no-dhcp-request': 'an offer was made and the guest did not request it',
  'no-dhcp-ack': 'the guest requested its offer and no server acknowledged it',
  'dhcp-nak': 'the server refused the guest’s request',
  'no-arp-reply': 'an ARP request between guest and gateway stayed unanswered',
  'no-echo-reply': 'an ICMP echo between guest and gateway stayed unanswered',
  'no-dns-answer': 'a DNS query of the guest stayed unanswered',
  'no-announce': 'the announce that the bus service should have sent was not seen',
  'no-session-dial': 'both nodes were announced, and neither asked the other for a connection',
  'no-session-connection': 'a device was announced, and no connection to its session port came about',
  'no-session': 'a connection to the session port came about, and no handshake was completed on it',
  'wire-violation': 'the guest broke a rule that nothing may break',
  'guest-panic': 'the guest’s console shows a crash',
  'guest-exit': 'the guest ended before its ladder was satisfied',
  'guest-silent': 'neither console nor wire moved',
  'over-budget': 'the ladder was satisfied, and a phase, or the whole, took longer than it may',
  'run-timeout': 'the time for the whole run ran out',
  'guest-missing': 'something that the guest needs to run is not installed',
  'guest-not-started': 'the guest’s machine did not start',
  interrupted: 'the run was stopped from outside',
};

export type Cause =
  | 'missing-marker'
  | 'unproven-marker'
  | 'contradicted-marker'
  | 'forbidden-marker'
  | 'failure-marker'
  | 'both-outcomes'
  | 'out-of-order'
  | 'corrupt-log'
  | 'no-dhcp-discover'
  | 'no-dhcp-offer'
  | 'no-dhcp-request'
  | 'no-dhcp-ack'
  | 'dhcp-nak'
  | 'no-arp-reply'
  | 'no-echo-reply'
  | 'no-dns-answer'
  | 'no-announce'
  | 'no-session-dial'
  | 'no-session-connection'
  | 'no-session'
  | 'wire-violation'
  | 'guest-panic'
  | 'guest-exit'
  | 'guest-silent'
  | 'over-budget'
  | 'run-timeout'
  | AbortCause;

/** Causes that come neither from the console nor from the wire. */
export type AbortCause = 'guest-missing' | 'guest-not-started' | 'interrupted';

export interface MarkerReport {
  readonly id: MarkerId;
  readonly node: NodeName;
  /** The ADR's line, with the values that are known. */
  readonly marker: string;
  readonly origin: Origin;
  /** The console line as the guest wrote it. */
  readonly line: string;
  readonly lineNumber: number;
  /** Milliseconds from the start of the run. */
  readonly atMs: Millis;
  readonly backing: Backing;
  readonly evidence: 'proven' | 'unbacked' | 'missing' | 'contradicted';
  /** Frames of the capture that show it, 1-based. */
  readonly frames: readonly number[];
}

export interface PhaseReport {
  readonly name: PhaseName;
  readonly outcome: 'passed' | 'failed' | 'not-reached';
  readonly markers: readonly Requirement[];
  /** Milliseconds from the start of the run; absent where the phase was not reached. */
  readonly startedMs?: Millis;
  readonly endedMs?: Millis;
}

export interface FailureReport {
  readonly phase: PhaseName;
  /** The node that is at fault, where it is one's. */
  readonly node?: NodeName;
  readonly cause: Cause;
  /** The marker that is missing or not believed. */
  readonly marker?: string;
  /** One sentence: what was expected and what was found instead. */
  readonly message: string;
  /** The last line of the console, and the last thing that a witness saw on the wire, before the end. */
  readonly lastLine?: string;
  readonly lastFact?: string;
}

export interface ViolationReport {
  readonly rule: string;
  readonly reference: string;
  readonly message: string;
  readonly frames: readonly number[];
  readonly fatal: boolean;
}

/** What a run says in the end. Plain data, written as `verdict.json`. */
export interface Verdict {
  readonly schema: 'nexus-net/verdict/2';
  readonly outcome: 'passed' | 'failed';
  readonly profile: string;
  readonly durationMs: Millis;
  readonly phases: readonly PhaseReport[];
  readonly markers: readonly MarkerReport[];
  readonly failure?: FailureReport;
  readonly violations: readonly ViolationReport[];
  /** Violations beyond the limit of the list. */
  readonly violationsNotListed: number;
  /** Markers believed without evidence, because nothing outside of the guest can confirm them. */
  readonly unbacked: readonly MarkerId[];
  /** Which of outcomes that exclude each other it was, by the group's name, for each node that claimed one. */
  readonly outcomes: readonly { readonly group: string; readonly node: NodeName; readonly marker: MarkerId }[];
  /** Demanded markers that nobody claimed. Not empty in a run that passed where it was to end early, or an outcome stood for another. */
  readonly unclaimed: readonly Requirement[];
  /** What a reader has to know of this profile. */
  readonly notes: readonly string[];
}
