import { GATEWAY_PORT, Lan, Tap } from '@nexus-net/lan';
import { type Entropy, type Ipv4Address, ipv4, type Machine, type Millis, NEVER, prefixMask, Queue } from '@nexus-net/sansio';
import {
  type AbortCause,
  type ConsoleLine,
  Ladder,
  type LadderEvent,
  LineAssembler,
  type NodeName,
  type PhaseName,
} from '@nexus-net/verdict';
import { ADDRESS_PLAN, type Fact, type ObservedFrame, type Violation } from '@nexus-net/wire';
import { ConsoleScript, type ScriptEvent } from './console-script.js';
import type { GuestDefinition, GuestPlace } from './guest.js';
import { ladderOptionsOf } from './ladder-of.js';
import { LOOPBACK_PORT, loopbackWitnesses } from './loopback.js';
import { reachablePhases } from './reachable-phases.js';
import type { RunRequest } from './request.js';
import { FILE_HOST, servedFiles } from './served-files.js';
import { acceptsStaticAddress } from './static-address.js';
import { ObservedSegment } from './wire/observed-segment.js';
import type { Segment, SegmentEvent } from './wire/segment.js';
import { askersOf, guardedAddresses } from './wire/wire-name.js';

/** What leaves the machine: a frame into the guest's network card, or key strokes into its console. */
export type SmokeTransmit =
  | { readonly to: 'wire'; readonly frame: Uint8Array }
  /** Octets for the guest's listener by the way that its wire has for it, and {@link SmokeMachine.handleReached} then. */
  | { readonly to: 'listener'; readonly octets: Uint8Array }
  | { readonly to: 'console'; readonly bytes: Uint8Array };

export type SmokeEvent =
  | LadderEvent
  | { readonly type: 'frame'; readonly observed: ObservedFrame }
  /** `loopback`: seen on the guest's own loopback interface. */
  | { readonly type: 'fact'; readonly fact: Fact; readonly segment?: 'loopback' }
  | { readonly type: 'violation'; readonly violation: Violation }
  | { readonly type: 'script'; readonly at: Millis; readonly event: ScriptEvent }
  | JudgedInput;

/**
 * Whatever reaches the judge beside the frames, in the order in which it does: with the frames in their places among them, a recording of
 * these gives the verdict of the run again.
 */
export type JudgedInput =
  | { readonly type: 'start'; readonly at: Millis }
  /** A line of the guest's console, or of its kernel's own. */
  | { readonly type: 'line'; readonly at: Millis; readonly line: ConsoleLine; readonly source: 'console' | 'kernel' }
  /** Console output without a line end: the guest is not silent. */
  | { readonly type: 'output'; readonly at: Millis; readonly octets: number }
  | { readonly type: 'exit'; readonly at: Millis; readonly how: string }
  | { readonly type: 'abort'; readonly at: Millis; readonly cause: AbortCause; readonly message: string };

/** The one place on the wire that a smoke run gives to its guest. */
export const GUEST_PLACE: GuestPlace = {
  mac: ADDRESS_PLAN.smoke.guestMac,
  address: ADDRESS_PLAN.smoke.guest,
  netmask: prefixMask(ADDRESS_PLAN.smoke.network),
  gateway: ADDRESS_PLAN.smoke.gateway,
  dns: ADDRESS_PLAN.smoke.dns,
  quiet: ADDRESS_PLAN.smoke.quiet,
};

/**
 * A whole smoke run as a machine: the wire with its gateway and witnesses, the console with its script, and the judge. The guest
 * is outside: its frames and console bytes come in, ours go out. So the same run has a real QEMU, a simulation, a recording, or
 * a liar at its other end, and knows no difference.
 */
export class SmokeMachine implements Machine<SmokeTransmit, SmokeEvent> {
  readonly #lan: Segment;
  /** Who asks for the guest. */
  readonly #asker: Ipv4Address;
  /** The gateway is QEMU's, and reaches the listener through a port that QEMU forwards. */
  readonly #isForwarded: boolean;
  readonly #entropy: Entropy;
  readonly #loopback: Tap;
  /** Frames of the capture so far, of the wire and of the loopback interface. */
  #frameCount = 0;
  readonly #ladder: Ladder;
  readonly #script: ConsoleScript;
  readonly #console = new LineAssembler();
  readonly #kernel = new LineAssembler();
  readonly #transmits = new Queue<SmokeTransmit>(4_096);
  readonly #events = new Queue<SmokeEvent>(262_144);
  readonly #node: NodeName;
  readonly #static: boolean;
  readonly #answers: GuestDefinition['answers'];
  readonly #listens: boolean;
  /** Phases in which the guest has to be reachable. */
  readonly #reachable: ReadonlySet<PhaseName>;
  /** When the gateway tries the guest's listener next. */
  #exchangeAt: Millis = NEVER;
  /** The guest asked for the gateway from its present address. */
  #speaks = false;
  /** The guest answered an ARP request of the gateway for its present address. */
  #found = false;
  /** The newest address leased to the guest. */
  #leased: Ipv4Address | undefined;
  #probeAt: Millis = NEVER;
  #judged = false;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor({ request, entropy }: { readonly request: RunRequest; readonly entropy: Entropy }) {
    const { guest, profile, dhcpServer, wire = 'embedded' } = request;
    this.#answers = guest.answers;
    this.#static = acceptsStaticAddress(profile);
    const nextNumber = (): number => ++this.#frameCount;
    this.#loopback = new Tap({ witnesses: loopbackWitnesses(), nextNumber });
    this.#node = profile.nodes[0] as NodeName;
    const options = ladderOptionsOf(request, GUEST_PLACE);
    this.#entropy = entropy;
    this.#asker = askersOf(wire).neighbour ?? GUEST_PLACE.gateway;
    this.#isForwarded = wire === 'user';
    const dns = {
      hosts: [
        { name: 'localhost', addresses: [LOCALHOST] },
        { name: FILE_HOST, addresses: [GUEST_PLACE.gateway] },
      ],
    };
    const services = profile.capabilities.includes('fetch') ? { services: { http: { files: servedFiles() } } } : {};
    this.#lan =
      wire === 'embedded'
        ? new Lan({ entropy, ports: [GUEST_PORT], nextNumber, gateway: { dhcp: dhcpServer ? {} : 'off', dns, ...services } })
        : new ObservedSegment({ entropy, nextNumber, guarded: guardedAddresses(options.context) });
    this.#listens = profile.capabilities.includes('tcp-listen');
    this.#reachable = new Set(reachablePhases(profile));
    const seed = new Uint8Array(32);
    entropy.fill(seed);
    this.#script = new ConsoleScript(guest.script(profile, GUEST_PLACE, seed, request.fault));
    this.#ladder = new Ladder(options);
  }

  /** The run begins. */
  start(now: Millis): void {
    this.#advance(now);
    this.#events.push({ type: 'start', at: this.#now });
    this.#ladder.start(this.#now);
    this.#lan.handleTimeout(this.#now); // the gateway comes up with the wire, not with the guest’s first frame
    this.#pump();
  }

  /** A frame from the guest's network card; on a wire that is only watched, with `netdev`, one for it. */
  handleFrame(now: Millis, frame: Uint8Array, origin: 'guest' | 'netdev' = 'guest'): void {
    this.#advance(now);
    if (origin === 'guest') this.#ladder.handleMovement(this.#now);
    this.#lan.handleFrame(this.#now, origin === 'guest' ? GUEST_PORT : GATEWAY_PORT, frame);
    this.#pump();
  }

  /** A frame that arrived on the guest's loopback interface, as the guest exported it. */
  handleLoopbackFrame(now: Millis, frame: Uint8Array): void {
    this.#advance(now);
    this.#ladder.handleMovement(this.#now);
    this.#loopback.handleFrame(this.#now, LOOPBACK_PORT, frame);
    this.#pump();
  }

  /** Console output of the guest, cut anywhere. */
  handleConsole(now: Millis, bytes: Uint8Array): void {
    this.#advance(now);
    this.#ladder.handleMovement(this.#now);
    if (!bytes.includes(LF)) this.#record({ type: 'output', at: this.#now, octets: bytes.length });
    this.#console.handleBytes(this.#now, bytes);
    this.#readLines();
    this.#pump();
  }

  /** What the guest's kernel says on a console of its own, cut anywhere. */
  handleKernel(now: Millis, bytes: Uint8Array): void {
    this.#advance(now);
    this.#ladder.handleMovement(this.#now);
    if (!bytes.includes(LF)) this.#record({ type: 'output', at: this.#now, octets: bytes.length });
    this.#kernel.handleBytes(this.#now, bytes);
    for (let line = this.#kernel.pollEvent(); line !== undefined; line = this.#kernel.pollEvent()) {
      this.#record({ type: 'line', at: this.#now, line, source: 'kernel' });
      this.#ladder.handleLine(this.#now, line);
      this.#pump();
    }
    this.#pump();
  }

  /** What was sent to the guest's listener came back, or did not: the guest may not listen yet. */
  handleReached(now: Millis, passed: boolean): void {
    this.#advance(now);
    if (!passed) this.#exchangeAt = this.#now + EXCHANGE_EVERY_MS;
    this.#pump();
  }

  /** The guest is gone. */
  handleExit(now: Millis, how: string): void {
    this.#advance(now);
    this.#console.handleEnd(this.#now);
    this.#readLines();
    this.#record({ type: 'exit', at: this.#now, how });
    this.#ladder.handleExit(this.#now, how);
    this.#pump();
  }

  /** The run can't go on. */
  abort(now: Millis, reason: { readonly cause: AbortCause; readonly message: string }): void {
    this.#advance(now);
    this.#record({ type: 'abort', at: this.#now, ...reason });
    this.#ladder.abort(this.#now, reason);
    this.#pump();
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#pump();
  }

  pollTransmit(): SmokeTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): SmokeEvent | undefined {
    return this.#events.shift();
  }

  /** `NEVER` once the verdict is there: the run is over, and the wire with it. */
  nextTimeout(): Millis {
    return this.#judged ? NEVER : Math.min(this.#lan.nextTimeout(), this.#ladder.nextTimeout(), this.#probeAt, this.#exchangeAt);
  }

  inspect(): {
    readonly phase: string | undefined;
    readonly lan: ReturnType<Segment['inspect']>;
    readonly ladder: ReturnType<Ladder['inspect']>;
    readonly console: ReturnType<LineAssembler['inspect']>;
    readonly transmitsDropped: number;
    readonly eventsDropped: number;
  } {
    return {
      phase: this.#ladder.phase,
      lan: this.#lan.inspect(),
      ladder: this.#ladder.inspect(),
      console: this.#console.inspect(),
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: this.#events.dropped + this.#loopback.inspect().eventsDropped,
    };
  }

  #advance(now: Millis): void {
    for (let due = this.nextTimeout(); due <= now; due = this.nextTimeout()) {
      this.#now = Math.max(this.#now, due);
      this.#lan.handleTimeout(this.#now);
      this.#ladder.handleTimeout(this.#now);
      if (this.#probeAt <= this.#now) this.#probe();
      if (this.#exchangeAt <= this.#now) this.#exchange();
      this.#pump();
    }
    this.#now = Math.max(this.#now, now);
  }

  /** After the verdict nothing is an input any more. */
  #record(input: JudgedInput): void {
    if (!this.#judged) this.#events.push(input);
  }

  #readLines(): void {
    for (let line = this.#console.pollEvent(); line !== undefined; line = this.#console.pollEvent()) {
      this.#record({ type: 'line', at: this.#now, line, source: 'console' });
      this.#ladder.handleLine(this.#now, line);
      this.#pump(); // a line may pass a phase, and the next line means something else then
    }
    this.#script.handleConsole(this.#console.inspect());
  }

  #asks(phase: PhaseName | undefined): boolean {
    return phase !== undefined && this.#reachable.has(phase);
  }

  /** The address that the guest should have by now. */
  get #own(): Ipv4Address | undefined {
    return this.#leased ?? (this.#static ? GUEST_PLACE.address : undefined);
  }

  /** A guest that has not used its address yet may not have it: an ARP request too early is not repeated for a second. */
  #wantsProbe(): void {
    this.#probeAt = this.#speaks ? this.#now : this.#now + FIRST_PROBE_MS;
  }

  /** Asks the guest from the gateway, again and again until it answers: it can only while a command of its own runs. */
  #probe(): void {
    const destination = this.#own;
    if (destination !== undefined) {
      const request = { destination, timeoutMs: PROBE_EVERY_MS };
      this.#lan.command(this.#now, (gateway, now) => (this.#found ? gateway.ping(now, request) : gateway.seek(now, request)));
    }
    this.#probeAt = this.#now + PROBE_EVERY_MS;
  }

  /** Lets the gateway send a nonce to the guest's listener: the wire then shows whether it comes back. */
  #exchange(): void {
    this.#exchangeAt = NEVER;
    const address = this.#own;
    if (address === undefined) return;
    if (this.#isForwarded) {
      const octets = new Uint8Array(16);
      this.#entropy.fill(octets);
      this.#transmits.push({ to: 'listener', octets });
      return;
    }
    const remote = { address, port: ADDRESS_PLAN.ports.listenProbe };
    this.#lan.command(this.#now, (gateway, now) => gateway.exchange(now, remote));
  }

  /** Carries everything from part to part until nothing moves. */
  #pump(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (let event = this.#lan.pollEvent(); event !== undefined; event = this.#lan.pollEvent()) {
        moved = true;
        this.#fromLan(event);
      }
      for (let event = this.#loopback.pollEvent(); event !== undefined; event = this.#loopback.pollEvent()) {
        this.#fromLoopback(event);
      }
      for (let event = this.#script.pollEvent(); event !== undefined; event = this.#script.pollEvent()) {
        moved = true;
        this.#fromScript(event);
      }
      for (let bytes = this.#script.pollTransmit(); bytes !== undefined; bytes = this.#script.pollTransmit()) {
        this.#transmits.push({ to: 'console', bytes });
      }
      for (let out = this.#lan.pollTransmit(); out !== undefined; out = this.#lan.pollTransmit()) {
        this.#transmits.push({ to: 'wire', frame: out.frame });
      }
    }
    for (let event = this.#ladder.pollEvent(); event !== undefined; event = this.#ladder.pollEvent()) {
      this.#events.push(event);
      if (event.type === 'verdict') this.#judged = true;
      // A guest that answers by itself is asked as soon as the ladder wants to know.
      if (event.type === 'phase' && this.#asks(this.#ladder.phase) && this.#answers === 'always') this.#wantsProbe();
      if (event.type === 'phase' && this.#asks(event.report.name) && this.#listens) this.#exchangeAt = this.#now;
    }
  }

  #fromLan(event: SegmentEvent): void {
    switch (event.type) {
      case 'frame':
        this.#events.push(event);
        break;
      case 'fact':
        this.#events.push(event);
        this.#fromFact(event.fact);
        this.#ladder.handleFact(this.#now, event.fact);
        break;
      case 'violation':
        this.#events.push(event);
        this.#ladder.handleViolation(this.#now, event.violation);
        break;
      case 'gateway':
        // Refused or unanswered: the guest may not listen yet.
        if (event.event.type === 'exchange' && !event.event.outcome.passed) this.#exchangeAt = this.#now + EXCHANGE_EVERY_MS;
        break;
      default:
        break; // what the gateway and the switch say of themselves is in inspect()
    }
  }

  #fromLoopback(event: NonNullable<ReturnType<Tap['pollEvent']>>): void {
    if (event.type !== 'fact') {
      this.#events.push(event);
      if (event.type === 'violation') this.#ladder.handleViolation(this.#now, event.violation);
      return;
    }
    this.#events.push({ ...event, segment: 'loopback' });
    this.#ladder.handleFact(this.#now, event.fact, { segment: 'loopback', node: this.#node });
  }

  #fromFact(fact: Fact): void {
    if (fact.kind === 'dhcp.leased' && fact.client === GUEST_PLACE.mac) {
      this.#found &&= this.#leased === fact.address;
      this.#speaks &&= this.#leased === fact.address;
      this.#leased = fact.address;
    }
    const own = this.#own;
    if (fact.kind === 'arp.resolved' && fact.askerMac === GUEST_PLACE.mac && fact.askerIp === own) {
      this.#speaks = true;
      if (this.#probeAt !== NEVER) this.#probeAt = this.#now;
    }
    if (fact.kind === 'arp.resolved' && fact.askerIp === this.#asker && fact.ownerIp === own) this.#found = true;
    if (fact.kind === 'icmp.echo-answered' && fact.asker === this.#asker && fact.answerer === own && this.#found) {
      this.#probeAt = NEVER;
      this.#script.handleProbeAnswered();
    }
  }

  #fromScript(event: ScriptEvent): void {
    this.#events.push({ type: 'script', at: this.#now, event });
    if (event.type === 'probe-wanted') this.#probe();
    if (event.type === 'probe-over') this.#probeAt = NEVER;
    if (event.type === 'finished') this.#ladder.handleNothingMore(this.#now);
  }
}

const GUEST_PORT = 'guest';
const LOCALHOST = ipv4(127, 0, 0, 1);
const EXCHANGE_EVERY_MS: Millis = 500;
const PROBE_EVERY_MS: Millis = 250;
const LF = 0x0a;
const FIRST_PROBE_MS: Millis = 1_000;
