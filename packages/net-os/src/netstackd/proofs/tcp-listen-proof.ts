import {
  bytesEqual,
  type Endpoint,
  type Entropy,
  type Ipv4Address,
  type Millis,
  NEVER,
  requireArgument,
} from '@nexus-net/sansio';
import type { Host } from '../../host.js';
import type { HostEvent } from '../../host-event.js';
import type { TcpConnection, TcpListener } from '../../tcp/tcp-api.js';
import type { ProofOutcome, TcpListenProofOptions } from './proof.js';
import type { ProofStep } from './proof-runner.js';

type Outcome = Extract<ProofOutcome, { readonly proof: 'tcp-listen' }>;
type Failure = Extract<Outcome, { readonly passed: false }>['reason'];

type State =
  | {
      readonly type: 'running';
      readonly listener: TcpListener;
      readonly client: TcpConnection;
      /** The other end of `client`, once it was accepted. */
      readonly server: TcpConnection | undefined;
      readonly nextAt: Millis;
    }
  | { readonly type: 'done'; readonly outcome: Outcome };

/**
 * Proves that a listener takes a connection and carries octets both ways: a listener on our own address, a connection to it
 * through the loopback interface, a nonce drawn for this proof there and back. A bound port alone proves nothing.
 */
export class TcpListenProof implements ProofStep {
  readonly #local: Endpoint;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  /** Everything of ours, for events that come after the end. */
  readonly #known = new Set<TcpConnection | TcpListener>();
  readonly #echoed: number[] = [];
  readonly #returned: number[] = [];
  #state: State;

  constructor(
    now: Millis,
    { host, entropy, address }: { readonly host: Host; readonly entropy: Entropy; readonly address: Ipv4Address },
    { port = 41_000, timeoutMs = 5_000 }: TcpListenProofOptions,
  ) {
    requireArgument(timeoutMs > 0, 'timeoutMs is positive');
    this.#local = { address, port };
    entropy.fill(this.#nonce);
    const listener = host.tcp.listen(now, { address, port, backlog: 4 });
    if (typeof listener === 'string') {
      this.#state = this.#failed(listener);
      return;
    }
    this.#known.add(listener);
    const client = host.tcp.connect(now, { remote: { address, port: listener.local.port } });
    if (typeof client === 'string') {
      listener.close(now);
      this.#state = this.#failed(client);
      return;
    }
    this.#known.add(client);
    client.send(now, this.#nonce);
    this.#state = { type: 'running', listener, client, server: undefined, nextAt: now + timeoutMs };
  }

  get outcome(): Outcome | undefined {
    return this.#state.type === 'done' ? this.#state.outcome : undefined;
  }

  onHostEvent(now: Millis, event: HostEvent): boolean {
    const subject = 'connection' in event ? event.connection : 'listener' in event ? event.listener : undefined;
    if (subject === undefined || !this.#known.has(subject)) return false;
    if (event.type === 'tcp-acceptable') this.#accept(now);
    if (event.type === 'tcp-readable') this.#read(now, event.connection);
    if (event.type === 'tcp-closed') this.#ended(now, event.connection);
    return true;
  }

  abort(now: Millis): void {
    this.#fail(now, 'interface-down');
  }

  runNext(now: Millis): void {
    if (this.nextTimeout() <= now) this.#fail(now, 'timeout');
  }

  nextTimeout(): Millis {
    return this.#state.type === 'running' ? this.#state.nextAt : NEVER;
  }

  /** Takes the connection that is ours; a stranger that found the port is turned away. */
  #accept(now: Millis): void {
    const state = this.#state;
    if (state.type !== 'running') return;
    for (let next = state.listener.accept(now); typeof next !== 'string'; next = state.listener.accept(now)) {
      this.#known.add(next);
      const { local } = state.client;
      const isOurs = next.remote.address === local.address && next.remote.port === local.port;
      if (!isOurs || this.#state.type !== 'running') next.abort(now);
      else {
        this.#state = { ...state, server: next };
        this.#read(now, next); // the nonce may have come with the handshake
      }
    }
  }

  #read(now: Millis, connection: TcpConnection): void {
    const state = this.#state;
    if (state.type !== 'running') return;
    const octets = connection.receive(now, NONCE_LENGTH);
    if (typeof octets === 'string') return;
    if (connection === state.server) {
      this.#echoed.push(...octets);
      connection.send(now, octets);
    } else if (connection === state.client) this.#returned.push(...octets);
    if (this.#returned.length < NONCE_LENGTH && this.#echoed.length <= NONCE_LENGTH) return;
    const same = bytesEqual(Uint8Array.from(this.#returned), this.#nonce);
    if (same) this.#finish(now, { proof: 'tcp-listen', passed: true, local: this.#local, octets: NONCE_LENGTH });
    else this.#fail(now, 'wrong-data');
  }

  #ended(now: Millis, connection: TcpConnection): void {
    if (this.#state.type !== 'running') return;
    if (connection === this.#state.client || connection === this.#state.server) this.#fail(now, 'refused');
  }

  #fail(now: Millis, reason: Failure): void {
    this.#finish(now, { proof: 'tcp-listen', passed: false, local: this.#local, reason });
  }

  /** Nothing of the proof stays: both ends and the listener close. */
  #finish(now: Millis, outcome: Outcome): void {
    const state = this.#state;
    if (state.type !== 'running') return;
    this.#state = { type: 'done', outcome };
    if (outcome.passed) {
      state.client.close(now);
      state.server?.close(now);
    } else {
      state.client.abort(now);
      state.server?.abort(now);
    }
    state.listener.close(now);
  }

  #failed(reason: Failure): State {
    return { type: 'done', outcome: { proof: 'tcp-listen', passed: false, local: this.#local, reason } };
  }
}

const NONCE_LENGTH = 16;
