import { DeadlineHeap, type FrameMachine, type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import { GATEWAY_PORT } from './gateway-port.js';
import type { Lan, LanEvent } from './lan.js';
import { describeEvent, Trace, type TraceConfig } from './trace.js';

export interface SimulatorConfig {
  readonly lan: Lan;
  /** The first instant. Default 0. */
  readonly startAt?: Millis;
  readonly trace?: TraceConfig;
  /** Every event of the LAN, as it happens. */
  readonly onLanEvent?: (event: LanEvent) => void;
  /** Steps (a frame moved, a timer run) in one `run` at most. Default 1 000 000. */
  readonly stepCountMax?: number;
  /** Steps without any time passing at most: more is two machines that answer each other for ever. Default 10 000. */
  readonly instantStepCountMax?: number;
  /** Scheduled commands waiting at most. Default 65 536. */
  readonly commandCountMax?: number;
}

export interface StationConfig<Event> {
  /** The port of the LAN that the station is connected to. One station a port. */
  readonly port: string;
  readonly machine: FrameMachine<Event>;
  /** When the station starts; until then it is not there. Default: now. */
  readonly bootAt?: Millis;
  /** Called at that instant with the station's own time: starts the machine. */
  readonly boot?: (now: Millis) => void;
  /** What the station's clock shows at the simulator's zero. Default 0. */
  readonly clockOffsetMs?: Millis;
  /** Every event of the machine, with the simulator's time. */
  readonly onEvent?: (event: Event, now: Millis) => void;
  /** The event's line in the trace; `undefined` for none. Default `describeEvent`. */
  readonly describe?: (event: Event) => string | undefined;
}

export interface RunLimits {
  /** Stop before anything later than this; the clock then stands here. Default: no limit. */
  readonly until?: Millis;
  /** Asked after each instant: true ends the run. */
  readonly stop?: () => boolean;
}

export interface RunResult {
  /** `idle`: nothing is under way and no timer is armed. */
  readonly reason: 'until' | 'stopped' | 'idle';
  readonly now: Millis;
  readonly steps: number;
}

/** A simulation that would not end. `stuck`: no time passes any more. `step-limit`: `stepCountMax` reached. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly label: 'stuck' | 'step-limit';
  readonly at: Millis;
  /** Who still had something due. */
  readonly busy: readonly string[];

  constructor(label: 'stuck' | 'step-limit', { at, busy }: { readonly at: Millis; readonly busy: readonly string[] }) {
    super(`simulation ${label} at ${at} ms; busy: ${busy.join(', ')}`);
    this.label = label;
    this.at = at;
    this.busy = busy;
  }
}

/**
 * Runs a whole network without a clock: time jumps from one deadline to the next. Deterministic: at one instant first the
 * scheduled commands in the order of their scheduling, then the stations in the order of their attaching, then the LAN.
 */
export class Simulator {
  readonly lan: Lan;
  readonly trace: Trace;
  readonly #stations = new Map<string, Station>();
  readonly #commands: DeadlineHeap<() => void>;
  readonly #onLanEvent: ((event: LanEvent) => void) | undefined;
  readonly #stepCountMax: number;
  readonly #instantStepCountMax: number;
  #now: Millis;
  #steps = 0;
  #instantSteps = 0;
  #runStartedAt = 0;

  constructor(config: SimulatorConfig) {
    const { lan, startAt = 0, stepCountMax = 1_000_000, instantStepCountMax = 10_000, commandCountMax = 65_536 } = config;
    requireArgument(Number.isFinite(startAt), 'startAt is an instant');
    requireArgument(stepCountMax >= 1 && instantStepCountMax >= 1, 'step limits are at least 1');
    this.lan = lan;
    this.trace = new Trace(config.trace);
    this.#onLanEvent = config.onLanEvent;
    this.#stepCountMax = stepCountMax;
    this.#instantStepCountMax = instantStepCountMax;
    this.#commands = new DeadlineHeap(commandCountMax);
    this.#now = startAt;
    lan.handleTimeout(startAt);
  }

  get now(): Millis {
    return this.#now;
  }

  /** Connects a machine to a port. Throws `UsageError` where the port is unknown or taken. */
  attach<Event>(config: StationConfig<Event>): Station {
    const { port, bootAt = this.#now } = config;
    requireArgument(port !== GATEWAY_PORT && this.lan.ports.includes(port), `no port ${JSON.stringify(port)} for a station`);
    requireArgument(!this.#stations.has(port), `port ${JSON.stringify(port)} is taken`);
    requireArgument(bootAt >= this.#now, 'bootAt is not in the past');
    const station = new Station(config as StationConfig<unknown>, bootAt, this.trace);
    this.#stations.set(port, station);
    return station;
  }

  /** Takes the station off its port, as a crash or a switched-off machine: nothing more comes from it or reaches it. */
  detach(port: string): void {
    requireArgument(this.#stations.delete(port), `no station at port ${JSON.stringify(port)}`);
  }

  /** Calls `command` at that instant, before anything else that happens then. */
  at(at: Millis, command: () => void): void {
    requireArgument(at >= this.#now, 'a command is not in the past');
    requireArgument(this.#commands.push(at, command), 'commandCountMax is reached');
  }

  /** Writes a line of the caller's own into the trace. */
  note(text: string): void {
    this.trace.write({ kind: 'note', at: this.#now, who: 'test', text });
  }

  /** Runs until nothing is left to happen, or a limit. Throws `SimulationError` instead of running for ever. */
  run(limits: RunLimits = {}): RunResult {
    const { until = NEVER, stop } = limits;
    requireArgument(until >= this.#now, 'until is not in the past');
    this.#runStartedAt = this.#steps;
    this.#settle();
    for (;;) {
      if (stop?.() === true) return this.#result('stopped');
      const at = this.#nextAt();
      if (at === NEVER || at > until) {
        if (until !== NEVER) this.#moveTo(until);
        return this.#result(at === NEVER ? 'idle' : 'until');
      }
      this.#moveTo(at);
      for (let command = this.#commands.popDue(this.#now); command !== undefined; command = this.#commands.popDue(this.#now)) {
        this.#step();
        command();
        this.#settle();
      }
      for (const station of this.#stations.values()) {
        if (station.nextAt > this.#now) continue;
        this.#step();
        station.wake(this.#now);
        this.#settle();
      }
      if (this.lan.nextTimeout() <= this.#now) {
        this.#step();
        this.lan.handleTimeout(this.#now);
      }
      this.#settle();
    }
  }

  /** Runs for this long from now. */
  runFor(ms: Millis): RunResult {
    return this.run({ until: this.#now + ms });
  }

  #nextAt(): Millis {
    let next = Math.min(this.#commands.nextAt, this.lan.nextTimeout());
    for (const station of this.#stations.values()) next = Math.min(next, station.nextAt);
    return next;
  }

  #moveTo(at: Millis): void {
    if (at <= this.#now) return;
    this.#now = at;
    this.#instantSteps = 0;
  }

  /** Moves frames between stations and LAN, and events to whoever listens, until nothing moves. */
  #settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const station of this.#stations.values()) {
        for (let frame = station.pollTransmit(); frame !== undefined; frame = station.pollTransmit()) {
          this.#step();
          this.lan.handleOwnedFrame(this.#now, station.port, frame);
          moved = true;
        }
        station.drainEvents(this.#now);
      }
      for (let event = this.lan.pollEvent(); event !== undefined; event = this.lan.pollEvent()) {
        this.trace.lan(this.#now, event);
        this.#onLanEvent?.(event);
      }
      for (let out = this.lan.pollTransmit(); out !== undefined; out = this.lan.pollTransmit()) {
        this.#step();
        this.#stations.get(out.port)?.handleFrame(this.#now, out.frame);
        moved = true;
      }
    }
  }

  #step(): void {
    this.#steps++;
    this.#instantSteps++;
    if (this.#instantSteps > this.#instantStepCountMax) throw this.#error('stuck');
    if (this.#steps - this.#runStartedAt > this.#stepCountMax) throw this.#error('step-limit');
  }

  #error(label: 'stuck' | 'step-limit'): SimulationError {
    const busy = [...this.#stations.values()].filter(({ nextAt }) => nextAt <= this.#now).map(({ port }) => port);
    if (this.lan.nextTimeout() <= this.#now) busy.push('lan');
    return new SimulationError(label, { at: this.#now, busy });
  }

  #result(reason: RunResult['reason']): RunResult {
    return { reason, now: this.#now, steps: this.#steps - this.#runStartedAt };
  }
}

/** A machine at a port, with a clock of its own that may differ from the simulator's and may jump. */
export class Station {
  readonly port: string;
  readonly #machine: FrameMachine<unknown>;
  readonly #boot: ((now: Millis) => void) | undefined;
  readonly #onEvent: ((event: unknown, now: Millis) => void) | undefined;
  readonly #describe: (event: unknown) => string | undefined;
  readonly #bootAt: Millis;
  readonly #trace: Trace;
  #running = false;
  #clockOffsetMs: Millis;

  /** For `Simulator.attach`. */
  constructor(config: StationConfig<unknown>, bootAt: Millis, trace: Trace) {
    this.port = config.port;
    this.#machine = config.machine;
    this.#boot = config.boot;
    this.#onEvent = config.onEvent;
    this.#describe = config.describe ?? describeEvent;
    this.#clockOffsetMs = config.clockOffsetMs ?? 0;
    this.#bootAt = bootAt;
    this.#trace = trace;
  }

  get running(): boolean {
    return this.#running;
  }

  /** What the station's clock shows at the simulator's `now`. Commands of its machine take this. */
  localTime(now: Millis): Millis {
    return now + this.#clockOffsetMs;
  }

  /** Sets the station's clock forward, or back where negative: a suspend, a wrong clock source. */
  jumpClock(byMs: Millis): void {
    this.#clockOffsetMs += byMs;
  }

  /** The next instant, in the simulator's time, at which the station wants to run. */
  get nextAt(): Millis {
    return this.#running ? this.#machine.nextTimeout() - this.#clockOffsetMs : this.#bootAt;
  }

  /** Starts the machine, or runs what is due. */
  wake(now: Millis): void {
    if (this.#running) {
      this.#machine.handleTimeout(this.localTime(now));
      return;
    }
    this.#running = true;
    this.#boot?.(this.localTime(now));
  }

  /** A station that has not started hears nothing. */
  handleFrame(now: Millis, frame: Uint8Array): void {
    if (this.#running) this.#machine.handleFrame(this.localTime(now), frame);
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#running ? this.#machine.pollTransmit() : undefined;
  }

  drainEvents(now: Millis): void {
    for (let event = this.#machine.pollEvent(); event !== undefined; event = this.#machine.pollEvent()) {
      const text = this.#describe(event);
      if (text !== undefined) this.#trace.write({ kind: 'station', at: now, who: this.port, text });
      this.#onEvent?.(event, now);
    }
  }
}
