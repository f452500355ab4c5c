import { type Entropy, IPV4_ANY, type Millis, NEVER, unreachable } from '@nexus-net/sansio';
import type { Timed } from '../../deadlines.js';
import type { Host } from '../../host.js';
import type { HostEvent } from '../../host-event.js';
import { DnsProof } from './dns-proof.js';
import { PingProof } from './ping-proof.js';
import type { ProofName, ProofNetwork, ProofOptions, ProofOutcome } from './proof.js';
import { TcpListenProof } from './tcp-listen-proof.js';

/** One proof while it is going on. */
export interface ProofStep extends Timed {
  /** How it ended; `undefined` while it has not. */
  readonly outcome: ProofOutcome | undefined;
  /** True where the event was about this proof. */
  onHostEvent(now: Millis, event: HostEvent): boolean;
  /** The address is gone. */
  abort(now: Millis): void;
}

type State =
  | { readonly type: 'idle' }
  | { readonly type: 'running'; readonly step: ProofStep; readonly rest: readonly ProofName[]; readonly network: ProofNetwork };

export interface ProofRunnerOptions {
  readonly host: Host;
  readonly entropy: Entropy;
  readonly proofs: ProofOptions;
  readonly emit: (now: Millis, outcome: ProofOutcome) => void;
}

/**
 * Runs the proofs that were asked for one after another each time that an address comes up. Exactly one outcome is told for each,
 * whatever happens; a proof that fails keeps none of those after it from being tried.
 */
export class ProofRunner implements Timed {
  readonly #options: ProofRunnerOptions;
  #state: State = { type: 'idle' };
  /** The step that ended last: answers to it may still come. */
  #last: ProofStep | undefined;

  constructor(options: ProofRunnerOptions) {
    this.#options = options;
  }

  start(now: Millis, network: ProofNetwork): void {
    const { proofs } = this.#options;
    const wanted = PROOFS.filter(({ option }) => proofs[option] !== undefined).map(({ name }) => name);
    this.#next(now, wanted, network);
    this.#settle(now);
  }

  /** The address is gone: what has not ended fails, and what has not begun does not begin. */
  stop(now: Millis): void {
    if (this.#state.type !== 'running') return;
    const { step, rest } = this.#state;
    step.abort(now);
    this.#state = { type: 'idle' };
    if (step.outcome !== undefined) this.#options.emit(now, step.outcome);
    for (const name of rest) this.#options.emit(now, this.#notBegun(name));
    this.#last = step;
  }

  /** True where the event was about a proof, also about one that has ended. */
  onHostEvent(now: Millis, event: HostEvent): boolean {
    if (this.#last?.onHostEvent(now, event) === true) return true;
    if (this.#state.type !== 'running' || !this.#state.step.onHostEvent(now, event)) return false;
    this.#settle(now);
    return true;
  }

  runNext(now: Millis): void {
    if (this.#state.type !== 'running') return;
    this.#state.step.runNext(now);
    this.#settle(now);
  }

  nextTimeout(): Millis {
    return this.#state.type === 'running' ? this.#state.step.nextTimeout() : NEVER;
  }

  /** Tells what has ended and begins what comes after it. */
  #settle(now: Millis): void {
    while (this.#state.type === 'running' && this.#state.step.outcome !== undefined) {
      const { step, rest, network } = this.#state;
      this.#options.emit(now, step.outcome as ProofOutcome);
      this.#last = step;
      this.#next(now, rest, network);
    }
  }

  #next(now: Millis, [name, ...rest]: readonly ProofName[], network: ProofNetwork): void {
    this.#state =
      name === undefined ? { type: 'idle' } : { type: 'running', step: this.#begin(now, name, network), rest, network };
  }

  #begin(now: Millis, name: ProofName, network: ProofNetwork): ProofStep {
    const { host, entropy, proofs } = this.#options;
    switch (name) {
      case 'ping':
        return new PingProof(now, host, proofs.ping ?? {}, network);
      case 'dns':
        return new DnsProof(now, { host, entropy }, proofs.dns ?? { name: '' }, network);
      case 'tcp-listen':
        return new TcpListenProof(now, { host, entropy, address: network.address }, proofs.tcpListen ?? {});
      default:
        return unreachable(name);
    }
  }

  #notBegun(name: ProofName): ProofOutcome {
    const reason = 'interface-down';
    const { dns, tcpListen } = this.#options.proofs;
    switch (name) {
      case 'ping':
        return { proof: 'ping', passed: false, destination: undefined, reason };
      case 'dns':
        return { proof: 'dns', passed: false, name: dns?.name ?? '', reason };
      case 'tcp-listen':
        return { proof: 'tcp-listen', passed: false, local: { address: IPV4_ANY, port: tcpListen?.port ?? 0 }, reason };
      default:
        return unreachable(name);
    }
  }
}

/** In this order: what is above needs what is below. */
const PROOFS: readonly { readonly name: ProofName; readonly option: keyof ProofOptions }[] = [
  { name: 'ping', option: 'ping' },
  { name: 'dns', option: 'dns' },
  { name: 'tcp-listen', option: 'tcpListen' },
];
