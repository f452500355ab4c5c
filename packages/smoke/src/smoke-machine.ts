import { GATEWAY_PORT, Lan, type LanConfig, segmentWitnesses } from '@nexus-net/lan';
import { type Entropy, ipv4, type Machine, type Millis, NEVER, Queue } from '@nexus-net/sansio';
import {
  type AbortCause,
  type ConsoleLine,
  Ladder,
  type LadderEvent,
  type LineAssembler,
  type NodeName,
  type PhaseName,
  type Profile,
} from '@nexus-net/verdict';
import { ADDRESS_PLAN, type Fact, type ObservedFrame, type Violation } from '@nexus-net/wire';
import { busPlans, drawSecret } from './bus-plans.js';
import type { ScriptEvent, ScriptStep } from './console-script.js';
import { type FaultAction, FaultSchedule } from './fault-schedule.js';
import type { BusPlan, GuestPlace } from './guest.js';
import { ladderOptionsOf } from './ladder-of.js';
import { loopbackPortOf, placesOf, stationsOf } from './places.js';
import { reachablePhases } from './reachable-phases.js';
import type { RunRequest } from './request.js';
import { FILE_HOST, servedFiles } from './served-files.js';
import { SmokeNode } from './smoke-node.js';
import { acceptsStaticAddress } from './static-address.js';
import { ObservedSegment } from './wire/observed-segment.js';
import type { Segment, SegmentEvent } from './wire/segment.js';
import { askersOf, guardedAddresses } from './wire/wire-name.js';

/** What leaves the machine for a guest: a frame into its network card, key strokes into its console, or its power switch. */
export type SmokeTransmit = { readonly node: NodeName } & (
  | { readonly to: 'wire'; readonly frame: Uint8Array }
  /** Octets for the guest's listener by the way that its wire has for it, and {@link SmokeMachine.handleReached} then. */
  | { readonly to: 'listener'; readonly octets: Uint8Array }
  | { readonly to: 'console'; readonly bytes: Uint8Array }
  | { readonly to: 'power'; readonly state: 'off' | 'on' }
);

export type SmokeEvent =
  | LadderEvent
  | { readonly type: 'frame'; readonly observed: ObservedFrame }
  /** `loopback`: seen on the loopback interface of `node`. */
  | { readonly type: 'fact'; readonly fact: Fact; readonly segment?: 'loopback'; readonly node?: NodeName }
  | { readonly type: 'violation'; readonly violation: Violation }
  | { readonly type: 'script'; readonly at: Millis; readonly node: NodeName; readonly event: ScriptEvent }
  /** Something was done to the run on purpose. */
  | { readonly type: 'fault'; readonly at: Millis; readonly action: FaultAction }
  | JudgedInput;

/**
 * Whatever reaches the judge beside the frames, in the order in which it does: with the frames in their places among them, a recording of
 * these gives the verdict of the run again.
 */
export type JudgedInput =
  | { readonly type: 'start'; readonly at: Millis }
  | { readonly type: 'abort'; readonly at: Millis; readonly cause: AbortCause; readonly message: string }
  | ({ readonly at: Millis; readonly node: NodeName } & (
      | { readonly type: 'line'; readonly line: ConsoleLine; readonly source: 'console' | 'kernel' }
      /** Console output without a line end: the guest is not silent. */
      | { readonly type: 'output'; readonly octets: number }
      | { readonly type: 'exit'; readonly how: string }
    ));

/**
 * A whole smoke run as a machine: the wire with its gateway and witnesses, the consoles with their scripts, and the judge. The guests
 * are outside: their frames and console bytes come in, ours go out. So the same run has a real QEMU, a simulation, a recording, or
 * a liar at its other end, and knows no difference. Of one guest, its name need not be said.
 */
export class SmokeMachine implements Machine<SmokeTransmit, SmokeEvent> {
  readonly #lan: Segment;
  /** The same where it is ours: its cables can be made bad, and pulled. */
  readonly #cables: Lan | undefined;
  /** The gateway is QEMU's, and reaches the listener through a port that QEMU forwards. */
  readonly #isForwarded: boolean;
  /** Frames of the capture so far, of the wire and of the loopback interfaces. */
  #frameCount = 0;
  readonly #ladder: Ladder;
  readonly #request: RunRequest;
  readonly #entropy: Entropy;
  readonly #nodes: ReadonlyMap<NodeName, SmokeNode>;
  readonly #buses: ReadonlyMap<NodeName, BusPlan>;
  readonly #transmits = new Queue<SmokeTransmit>(4_096);
  readonly #events = new Queue<SmokeEvent>(262_144);
  readonly #listens: boolean;
  /** Phases in which a guest has to be reachable. */
  readonly #reachable: ReadonlySet<PhaseName>;
  #faults: FaultSchedule | undefined;
  #judged = false;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor({ request, entropy }: { readonly request: RunRequest; readonly entropy: Entropy }) {
    const { guest, profile, dialect = 'bus', wire = 'embedded' } = request;
    this.#request = request;
    this.#entropy = entropy;
    const options = ladderOptionsOf(request);
    const nextNumber = (): number => ++this.#frameCount;
    const { nodes } = profile;
    this.#isForwarded = wire === 'user';
    if (wire === 'embedded') {
      this.#cables = lanOf(request, { entropy, nextNumber });
      this.#lan = this.#cables;
    } else this.#lan = new ObservedSegment({ entropy, nextNumber, guarded: guardedAddresses(options.context) });
    this.#listens = profile.capabilities.includes('tcp-listen');
    this.#reachable = new Set(reachablePhases(profile));
    this.#buses = busPlans(profile, { dialect, entropy });
    const isStatic = acceptsStaticAddress(profile);
    this.#nodes = new Map(
      [...placesOf(nodes)].map(([name, place]) => [
        name,
        new SmokeNode({
          name,
          place,
          answers: guest.answers,
          asker: askersOf(wire).neighbour ?? place.gateway,
          isStatic,
          loopbackPort: loopbackPortOf(nodes, name),
          script: this.#scriptFor(name, place),
          nextNumber,
        }),
      ]),
    );
    this.#ladder = new Ladder(options);
  }

  /** The run begins. */
  start(now: Millis): void {
    this.#advance(now);
    this.#faults = new FaultSchedule(this.#now, this.#request.faults ?? {}, this.#request.profile.nodes);
    this.#events.push({ type: 'start', at: this.#now });
    this.#ladder.start(this.#now);
    this.#faults.handlePhase(this.#now, this.#ladder.phase ?? '');
    this.#lan.handleTimeout(this.#now); // the gateway comes up with the wire, not with the guest’s first frame
    this.#pump();
  }

  /** A frame from a guest's network card; on a wire that is only watched, with `netdev`, one for it. */
  handleFrame(now: Millis, frame: Uint8Array, node: NodeName = this.#first, origin: 'guest' | 'netdev' = 'guest'): void {
    this.#advance(now);
    if (origin === 'guest') this.#ladder.handleMovement(this.#now);
    this.#lan.handleFrame(this.#now, origin === 'guest' ? node : GATEWAY_PORT, frame);
    this.#pump();
  }

  /** A frame that arrived on a guest's loopback interface, as the guest exported it. */
  handleLoopbackFrame(now: Millis, frame: Uint8Array, name: NodeName = this.#first): void {
    this.#advance(now);
    this.#ladder.handleMovement(this.#now);
    const { loopback, loopbackPort } = this.#node(name);
    loopback.handleFrame(this.#now, loopbackPort, frame);
    this.#pump();
  }

  /** Console output of a guest, cut anywhere. */
  handleConsole(now: Millis, bytes: Uint8Array, name: NodeName = this.#first): void {
    this.#advance(now);
    this.#ladder.handleMovement(this.#now);
    if (!bytes.includes(LF)) this.#record({ type: 'output', at: this.#now, node: name, octets: bytes.length });
    const node = this.#node(name);
    node.console.handleBytes(this.#now, bytes);
    this.#readLines(node, 'console');
    this.#pump();
  }

  /** What a guest's kernel says on a console of its own, cut anywhere. */
  handleKernel(now: Millis, bytes: Uint8Array, name: NodeName = this.#first): void {
    this.#advance(now);
    this.#ladder.handleMovement(this.#now);
    if (!bytes.includes(LF)) this.#record({ type: 'output', at: this.#now, node: name, octets: bytes.length });
    const node = this.#node(name);
    node.kernel.handleBytes(this.#now, bytes);
    this.#readLines(node, 'kernel');
    this.#pump();
  }

  /** What was sent to a guest's listener came back, or did not: the guest may not listen yet. */
  handleReached(now: Millis, passed: boolean, node: NodeName = this.#first): void {
    this.#advance(now);
    if (!passed) this.#node(node).exchangeAt = this.#now + EXCHANGE_EVERY_MS;
    this.#pump();
  }

  /** A guest is gone. */
  handleExit(now: Millis, how: string, name: NodeName = this.#first): void {
    this.#advance(now);
    const node = this.#node(name);
    node.console.handleEnd(this.#now);
    this.#readLines(node, 'console');
    if (!node.isDown || this.#faults?.handleOff(name) !== true) {
      this.#record({ type: 'exit', at: this.#now, node: name, how });
      this.#ladder.handleExit(this.#now, how, name);
    }
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
    if (this.#judged) return NEVER;
    let next = Math.min(this.#lan.nextTimeout(), this.#ladder.nextTimeout(), this.#faults?.nextTimeout() ?? NEVER);
    for (const node of this.#nodes.values()) next = Math.min(next, node.nextTimeout());
    return next;
  }

  inspect(): {
    readonly phase: string | undefined;
    readonly lan: ReturnType<Segment['inspect']>;
    readonly ladder: ReturnType<Ladder['inspect']>;
    /** Of each guest's console. */
    readonly consoles: Readonly<Record<NodeName, ReturnType<LineAssembler['inspect']>>>;
    /** What was to be done to the run and has not been, in words. */
    readonly faultsPending: readonly string[];
    readonly transmitsDropped: number;
    readonly eventsDropped: number;
  } {
    const nodes = [...this.#nodes.values()];
    return {
      phase: this.#ladder.phase,
      lan: this.#lan.inspect(),
      ladder: this.#ladder.inspect(),
      consoles: Object.fromEntries(nodes.map((node) => [node.name, node.console.inspect()])),
      faultsPending: this.#faults?.pending ?? [],
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: nodes.reduce((sum, { loopback }) => sum + loopback.inspect().eventsDropped, this.#events.dropped),
    };
  }

  get #first(): NodeName {
    return this.#request.profile.nodes[0] as NodeName;
  }

  #node(name: NodeName): SmokeNode {
    return this.#nodes.get(name) as SmokeNode;
  }

  #scriptFor(name: NodeName, place: GuestPlace): readonly ScriptStep[] {
    const { guest, profile, fault } = this.#request;
    return guest.script(profile, place, drawSecret(this.#entropy), fault, this.#buses.get(name));
  }

  #advance(now: Millis): void {
    for (let due = this.nextTimeout(); due <= now; due = this.nextTimeout()) {
      this.#now = Math.max(this.#now, due);
      this.#lan.handleTimeout(this.#now);
      this.#ladder.handleTimeout(this.#now);
      this.#faults?.handleTimeout(this.#now);
      for (const node of this.#nodes.values()) {
        if (node.probeAt <= this.#now) this.#probe(node);
        if (node.exchangeAt <= this.#now) this.#exchange(node);
      }
      this.#pump();
    }
    this.#now = Math.max(this.#now, now);
  }

  /** After the verdict nothing is an input any more. */
  #record(input: JudgedInput): void {
    if (!this.#judged) this.#events.push(input);
  }

  #readLines(node: SmokeNode, source: 'console' | 'kernel'): void {
    const { name, [source]: lines } = node;
    for (let line = lines.pollEvent(); line !== undefined; line = lines.pollEvent()) {
      this.#record({ type: 'line', at: this.#now, node: name, line, source });
      this.#ladder.handleLine(this.#now, line, name);
      this.#pump(); // a line may pass a phase, and the next line means something else then
    }
    if (source === 'console') node.script.handleConsole(lines.inspect());
  }

  /** Asks the guest from the gateway, again and again until it answers: it can only while a command of its own runs. */
  #probe(node: SmokeNode): void {
    const { address: destination, isFound } = node;
    if (destination !== undefined) {
      const request = { destination, timeoutMs: PROBE_EVERY_MS };
      this.#lan.command(this.#now, (gateway, now) => (isFound ? gateway.ping(now, request) : gateway.seek(now, request)));
    }
    node.probeAt = this.#now + PROBE_EVERY_MS;
  }

  /** Lets the gateway send a nonce to the guest's listener: the wire then shows whether it comes back. */
  #exchange(node: SmokeNode): void {
    node.exchangeAt = NEVER;
    const { address } = node;
    if (address === undefined) return;
    if (this.#isForwarded) {
      const octets = new Uint8Array(16);
      this.#entropy.fill(octets);
      this.#transmits.push({ to: 'listener', node: node.name, octets });
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
      for (const node of this.#nodes.values()) if (this.#pumpNode(node)) moved = true;
      for (let action = this.#nextFault(); action !== undefined; action = this.#nextFault()) {
        moved = true;
        this.#carryOut(action);
      }
      for (let out = this.#lan.pollTransmit(); out !== undefined; out = this.#lan.pollTransmit()) {
        this.#transmits.push({ to: 'wire', node: out.port ?? this.#first, frame: out.frame });
      }
      for (let event = this.#ladder.pollEvent(); event !== undefined; event = this.#ladder.pollEvent()) {
        moved = true;
        this.#fromLadder(event);
      }
    }
  }

  #pumpNode(node: SmokeNode): boolean {
    const { name, loopback, script } = node;
    let moved = false;
    for (let event = loopback.pollEvent(); event !== undefined; event = loopback.pollEvent()) {
      moved = true;
      if (event.type === 'fact') {
        this.#events.push({ ...event, segment: 'loopback', node: name });
        this.#ladder.handleFact(this.#now, event.fact, { segment: 'loopback', node: name });
        continue;
      }
      this.#events.push(event);
      if (event.type === 'violation') this.#ladder.handleViolation(this.#now, event.violation);
    }
    for (let event = script.pollEvent(); event !== undefined; event = script.pollEvent()) {
      moved = true;
      this.#fromScript(node, event);
    }
    for (let bytes = script.pollTransmit(); bytes !== undefined; bytes = script.pollTransmit()) {
      this.#transmits.push({ to: 'console', node: name, bytes });
    }
    return moved;
  }

  #fromLadder(event: LadderEvent): void {
    this.#events.push(event);
    if (event.type === 'verdict') this.#judged = true;
    if (event.type !== 'phase') return;
    const { phase } = this.#ladder;
    // The one that has begun may be over by now: what was to be done at its beginning is done all the same.
    const { phases } = this.#request.profile;
    const begun = phases[phases.findIndex(({ name }) => name === event.report.name) + 1];
    if (begun !== undefined && event.report.outcome === 'passed') this.#faults?.handlePhase(this.#now, begun.name);
    for (const node of this.#nodes.values()) {
      // A guest that answers by itself is asked as soon as the ladder wants to know.
      if (phase !== undefined && this.#reachable.has(phase) && node.answers === 'always') node.wantsProbe(this.#now);
      if (this.#reachable.has(event.report.name) && this.#listens) node.exchangeAt = this.#now;
    }
  }

  /** After the verdict nothing is done to the run any more. */
  #nextFault(): FaultAction | undefined {
    return this.#judged ? undefined : this.#faults?.pollEvent();
  }

  #carryOut(action: FaultAction): void {
    this.#events.push({ type: 'fault', at: this.#now, action });
    const node = this.#node(action.node);
    if (action.type === 'cable') {
      this.#cables?.setLink(this.#now, node.name, action.state === 'pulled' ? 'down' : 'up');
      return;
    }
    if (action.state === 'off') node.isDown = true;
    else node.restart(this.#scriptFor(node.name, node.place));
    this.#transmits.push({ to: 'power', node: node.name, state: action.state });
  }

  #fromLan(event: SegmentEvent): void {
    switch (event.type) {
      case 'frame':
        this.#events.push(event);
        break;
      case 'fact':
        this.#events.push(event);
        for (const node of this.#nodes.values())
          if (node.handleFact(this.#now, event.fact) === 'answered') node.script.handleProbeAnswered();
        this.#ladder.handleFact(this.#now, event.fact);
        break;
      case 'violation':
        this.#events.push(event);
        this.#ladder.handleViolation(this.#now, event.violation);
        break;
      case 'gateway': {
        if (event.event.type !== 'exchange' || event.event.outcome.passed) break;
        // Refused or unanswered: the guest may not listen yet.
        const { remote } = event.event;
        for (const node of this.#nodes.values())
          if (node.address === remote.address) node.exchangeAt = this.#now + EXCHANGE_EVERY_MS;
        break;
      }
      default:
        break; // what the gateway and the switch say of themselves is in inspect()
    }
  }

  #fromScript(node: SmokeNode, event: ScriptEvent): void {
    this.#events.push({ type: 'script', at: this.#now, node: node.name, event });
    if (event.type === 'probe-wanted') this.#probe(node);
    if (event.type === 'probe-over') node.probeAt = NEVER;
    if (event.type === 'finished') this.#ladder.handleNothingMore(this.#now);
  }
}

/** A segment of our own: at its end a router with its services for one guest, and an observer for two. */
function lanOf(
  { profile, dhcpServer, faults = {} }: RunRequest,
  { entropy, nextNumber }: { readonly entropy: Entropy; readonly nextNumber: () => number },
): Lan {
  const { impairment = {}, seed } = faults;
  const lan = new Lan({
    entropy,
    nextNumber,
    gateway: profile.nodes.length === 1 ? routerOf(profile, dhcpServer) : OBSERVER,
    witnesses: segmentWitnesses({ stations: stationsOf(profile.nodes) }),
    ...(seed !== undefined && { linkSeed: seed }),
  });
  // Between two guests a frame crosses two cables: it meets what is bad once, on its way into the switch.
  const isPair = profile.nodes.length > 1;
  for (const node of profile.nodes) lan.addPort(node, { toSwitch: impairment, ...(!isPair && { toStation: impairment }) });
  return lan;
}

function routerOf({ capabilities }: Profile, dhcpServer: boolean): NonNullable<LanConfig['gateway']> {
  return {
    dhcp: dhcpServer ? {} : 'off',
    dns: {
      hosts: [
        { name: 'localhost', addresses: [LOCALHOST] },
        { name: FILE_HOST, addresses: [ADDRESS_PLAN.smoke.gateway] },
      ],
    },
    ...(capabilities.includes('fetch') && { services: { http: { files: servedFiles() } } }),
  };
}

const OBSERVER: NonNullable<LanConfig['gateway']> = {
  address: ADDRESS_PLAN.os2vm.observer,
  mac: ADDRESS_PLAN.os2vm.observerMac,
  network: ADDRESS_PLAN.os2vm.network,
  dnsAddress: 'none',
  dhcp: 'off',
  dns: 'off',
};

const LOCALHOST = ipv4(127, 0, 0, 1);
const EXCHANGE_EVERY_MS: Millis = 500;
const PROBE_EVERY_MS: Millis = 250;
const LF = 0x0a;
