import type { Endpoint, Ipv4Address, Millis } from '@nexus-net/sansio';
import type { Tcb } from './tcb.js';
import type { TcpConnection, TcpListener, TcpListenerId } from './tcp-api.js';
import type { ResolvedTcpOptions } from './tcp-options.js';

/** A passive open: it makes connections and stays what it is. */
export class TcpListenerState {
  readonly id: TcpListenerId;
  /** `undefined`: every address of the host. */
  readonly address: Ipv4Address | undefined;
  readonly port: number;
  readonly backlog: number;
  readonly options: ResolvedTcpOptions;
  /** Handshakes in progress. */
  readonly handshakes: Set<Tcb> = new Set();
  /** Complete, waiting for `accept`, oldest first. */
  readonly pending: Tcb[] = [];
  /** Until when acknowledgments of SYN cookies may come. */
  cookiesUntil: Millis = Number.NEGATIVE_INFINITY;
  isClosed = false;
  isToldAcceptable = false;
  isQueuedForNews = false;
  readonly handle: TcpListener;

  constructor(
    {
      id,
      address,
      port,
      backlog,
      options,
    }: {
      readonly id: TcpListenerId;
      readonly address: Ipv4Address | undefined;
      readonly port: number;
      readonly backlog: number;
      readonly options: ResolvedTcpOptions;
    },
    calls: ListenerCalls,
  ) {
    this.id = id;
    this.address = address;
    this.port = port;
    this.backlog = backlog;
    this.options = options;
    this.handle = new ListenerHandle(this, calls);
  }
}

/** What the layer does for a listener. */
export interface ListenerCalls {
  accept(now: Millis, listener: TcpListenerState): TcpConnection | undefined;
  close(now: Millis, listener: TcpListenerState): void;
}

class ListenerHandle implements TcpListener {
  readonly id: TcpListenerId;
  readonly local: Endpoint;
  readonly #state: TcpListenerState;
  readonly #calls: ListenerCalls;

  constructor(state: TcpListenerState, calls: ListenerCalls) {
    this.#state = state;
    this.#calls = calls;
    this.id = state.id;
    this.local = { address: (state.address ?? 0) as Ipv4Address, port: state.port };
  }

  get pendingCount(): number {
    return this.#state.pending.length;
  }

  accept(now: Millis): TcpConnection | 'would-block' | 'closed' {
    if (this.#state.isClosed) return 'closed';
    return this.#calls.accept(now, this.#state) ?? 'would-block';
  }

  close(now: Millis): void {
    if (!this.#state.isClosed) this.#calls.close(now, this.#state);
  }
}
