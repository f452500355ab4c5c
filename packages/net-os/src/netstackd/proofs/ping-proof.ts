import { type Ipv4Address, type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import type { Host } from '../../host.js';
import type { HostEvent, PingFailure, PingId } from '../../host-event.js';
import type { PingProofOptions, ProofNetwork, ProofOutcome } from './proof.js';
import type { ProofStep } from './proof-runner.js';

type Outcome = Extract<ProofOutcome, { readonly proof: 'ping' }>;

type State =
  | { readonly type: 'waiting'; readonly id: PingId; readonly attempt: number; readonly destination: Ipv4Address }
  | { readonly type: 'done'; readonly outcome: Outcome };

/** Proves that an echo request is answered: one after another, until one is. The time is the host's; nothing is counted in loops. */
export class PingProof implements ProofStep {
  readonly #host: Host;
  readonly #attempts: number;
  readonly #timeoutMs: Millis;
  #lastId: PingId | undefined;
  #state: State;

  constructor(now: Millis, host: Host, options: PingProofOptions, network: ProofNetwork) {
    const { destination = network.gateway, attempts = 3, timeoutMs = 1_000 } = options;
    requireArgument(Number.isSafeInteger(attempts) && attempts >= 1, 'attempts is a positive integer');
    this.#host = host;
    this.#attempts = attempts;
    this.#timeoutMs = timeoutMs;
    if (destination === undefined) this.#state = failed(undefined, 'no-target');
    else this.#state = { type: 'waiting', id: this.#ask(now, destination), attempt: 1, destination };
  }

  get outcome(): Outcome | undefined {
    return this.#state.type === 'done' ? this.#state.outcome : undefined;
  }

  onHostEvent(now: Millis, event: HostEvent): boolean {
    const state = this.#state;
    if (!('id' in event) || event.id !== this.#lastId) return false;
    if (state.type === 'done') return true; // too late
    const { destination, attempt } = state;
    if (event.type === 'ping-reply') {
      const { roundTripMs } = event;
      this.#state = { type: 'done', outcome: { proof: 'ping', passed: true, destination, roundTripMs } };
    } else if (attempt < this.#attempts)
      this.#state = { type: 'waiting', id: this.#ask(now, destination), attempt: attempt + 1, destination };
    else this.#state = failed(destination, event.type === 'ping-timeout' ? 'timeout' : reasonOf(event.reason));
    return true;
  }

  abort(): void {
    if (this.#state.type === 'waiting') this.#state = failed(this.#state.destination, 'interface-down');
  }

  runNext(): void {}

  /** The host has the timer. */
  nextTimeout(): Millis {
    return NEVER;
  }

  #ask(now: Millis, destination: Ipv4Address): PingId {
    this.#lastId = this.#host.ping(now, { destination, timeoutMs: this.#timeoutMs });
    return this.#lastId;
  }
}

function failed(destination: Ipv4Address | undefined, reason: Extract<Outcome, { readonly passed: false }>['reason']): State {
  return { type: 'done', outcome: { proof: 'ping', passed: false, destination, reason } };
}

function reasonOf(failure: PingFailure): 'unreachable' | 'not-sent' {
  return failure === 'unresolved' || failure === 'unreachable' || failure === 'no-route' ? 'unreachable' : 'not-sent';
}
