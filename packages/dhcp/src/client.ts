import {
  type Datagram,
  type DatagramMachine,
  type Ipv4Address,
  isIpv4Unicast,
  type Millis,
  requireArgument,
} from '@nexus-net/sansio';
import { clientSettings, type DhcpClientConfig } from './client/config.js';
import { ClientCore, type ClientCount } from './client/core.js';
import { runDue } from './client/due.js';
import type { DhcpClientEvent } from './client/events.js';
import { receive } from './client/replies.js';
import { type ClientState, type ClientStateName, rememberedLease, stateDeadline, usableLease } from './client/state.js';
import type { DhcpLease } from './lease.js';

/** Did the command do something, or does it mean nothing in this state? */
export type CommandOutcome = 'done' | 'ignored';

export interface DhcpClientInspection {
  readonly state: ClientState;
  readonly counters: Partial<Record<ClientCount, number>>;
  readonly naksInARow: number;
  readonly conflictsInARow: number;
  readonly messagesInLastMinute: number;
  readonly eventsDropped: number;
  readonly transmitsDropped: number;
}

/**
 * A DHCPv4 client (RFC 2131 §4.4). It gives datagrams with both of their ends: as long as no address is bound, these are
 * 0.0.0.0:68 → 255.255.255.255:67.
 */
export class DhcpClient implements DatagramMachine<Datagram, DhcpClientEvent> {
  readonly #core: ClientCore;

  /** Stopped, with the link up. Throws `UsageError` for a configuration that makes no sense. */
  constructor(config: DhcpClientConfig) {
    this.#core = new ClientCore(clientSettings(config));
  }

  get state(): ClientStateName {
    return this.#core.state.type;
  }

  /** The lease that the application was told to use and not yet to leave. */
  get lease(): DhcpLease | undefined {
    return usableLease(this.#core.state);
  }

  /** The lease to store for the next run, where it is given as `remembered`: the present one, or the one remembered. */
  get remembered(): DhcpLease | undefined {
    return rememberedLease(this.#core.state);
  }

  inspect(): DhcpClientInspection {
    const core = this.#core;
    return {
      state: core.state,
      counters: core.counters.snapshot(),
      naksInARow: core.naksInARow,
      conflictsInARow: core.conflictsInARow,
      messagesInLastMinute: core.budget.spent(core.now),
      eventsDropped: core.events.dropped,
      transmitsDropped: core.transmits.dropped,
    };
  }

  pollTransmit(): Datagram | undefined {
    return this.#core.transmits.shift();
  }

  pollEvent(): DhcpClientEvent | undefined {
    return this.#core.events.shift();
  }

  nextTimeout(): Millis {
    return stateDeadline(this.#core.state);
  }

  /**
   * A late call skips what time has overtaken: of T1, T2 and the end of the lease the last one due counts, and a
   * retransmission that was missed several times happens once.
   */
  handleTimeout(now: Millis): void {
    this.#core.setNow(now);
    runDue(this.#core);
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.handleTimeout(now);
    const core = this.#core;
    const label = receive(core, datagram);
    if (label !== undefined) {
      core.counters.increment(label);
      core.events.push({ type: 'rejected', label, at: core.now });
    }
    runDue(core);
  }

  /** Get an address, with INIT-REBOOT where a lease is remembered. */
  start(now: Millis): CommandOutcome {
    return this.#command(now, (core, state) => {
      if (state.type !== 'stopped') return 'ignored';
      if (state.linkUp) core.begin('start', state.remembered);
      else core.enter({ type: 'halted', remembered: state.remembered }, 'start');
      return 'done';
    });
  }

  /** Stop wanting an address. The lease is remembered for the next `start`; with `releaseOnStop` it is released. */
  stop(now: Millis): CommandOutcome {
    return this.#command(now, (core, state) => {
      if (state.type === 'stopped') return 'ignored';
      const released = core.settings.releaseOnStop ? usableLease(state) : undefined;
      if (released !== undefined) core.release(released);
      core.withdraw('stopped');
      core.stop({ linkUp: state.type !== 'halted', remember: released === undefined, trigger: 'stop' });
      return 'done';
    });
  }

  /** Give the address back and stop. */
  release(now: Millis): CommandOutcome {
    return this.#command(now, (core, state) => {
      const lease = usableLease(state);
      if (lease === undefined) return 'ignored';
      core.release(lease);
      core.withdraw('released');
      core.stop({ linkUp: true, remember: false, trigger: 'release' });
      return 'done';
    });
  }

  /** Somebody else uses the address of our lease: tell the server, wait, start over. */
  decline(now: Millis): CommandOutcome {
    return this.#command(now, (core, state) => {
      const lease = state.type === 'probing' ? state.lease : usableLease(state);
      if (lease === undefined) return 'ignored';
      core.decline(lease, 'decline');
      return 'done';
    });
  }

  /** Ask for parameters for `address`, which the caller has configured on the interface itself. Only while stopped. */
  inform(now: Millis, address: Ipv4Address): CommandOutcome {
    requireArgument(isIpv4Unicast(address), 'inform: the address of an interface is unicast');
    return this.#command(now, (core, state) => {
      if (state.type !== 'stopped' || !state.linkUp) return 'ignored';
      const exchange = core.openExchange(core.now);
      core.enter({ type: 'informing', address, exchange, remembered: state.remembered }, 'inform');
      return 'done';
    });
  }

  linkDown(now: Millis): CommandOutcome {
    return this.#command(now, (core, state) => {
      if (state.type === 'halted' || (state.type === 'stopped' && !state.linkUp)) return 'ignored';
      core.withdraw('link-down');
      if (state.type === 'stopped' || state.type === 'informing')
        core.stop({ linkUp: false, remember: true, trigger: 'linkDown' });
      else core.enter({ type: 'halted', remembered: rememberedLease(state) }, 'linkDown');
      return 'done';
    });
  }

  /** The link is back, perhaps on another network: a remembered lease is confirmed before it is used again. */
  linkUp(now: Millis): CommandOutcome {
    return this.#command(now, (core, state) => {
      if (state.type === 'halted') core.begin('linkUp', state.remembered);
      else if (state.type === 'stopped' && !state.linkUp) core.stop({ linkUp: true, remember: true, trigger: 'linkUp' });
      else return 'ignored';
      return 'done';
    });
  }

  /** Answers the event `probe`. */
  probeResult(now: Millis, result: 'free' | 'in-use'): CommandOutcome {
    return this.#command(now, (core, state) => {
      if (state.type !== 'probing') return 'ignored';
      if (result === 'free') core.bind(state.lease, { cause: state.cause, trigger: 'probeFree' });
      else core.decline(state.lease, 'probeInUse');
      return 'done';
    });
  }

  /** Answers the event `detect`: are the routers of the remembered lease where they were? */
  attachmentResult(now: Millis, result: 'same' | 'other' | 'unknown'): CommandOutcome {
    return this.#command(now, (core, state) => {
      if (state.type !== 'detecting') return 'ignored';
      // RFC 4436 §4.3: the answer says which network this is, so the address is as much ours as before.
      if (result === 'same') core.bind(state.lease, { cause: 'reattached', trigger: 'attachmentSame' });
      else core.enter({ type: 'init-reboot', lease: state.lease, startAt: core.now }, 'attachmentOther');
      return 'done';
    });
  }

  /** Runs what is due first, so that the command meets the state of this instant. */
  #command(now: Millis, run: (core: ClientCore, state: ClientState) => CommandOutcome): CommandOutcome {
    this.handleTimeout(now);
    const outcome = run(this.#core, this.#core.state);
    runDue(this.#core);
    return outcome;
  }
}
