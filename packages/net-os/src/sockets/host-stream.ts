import { type Endpoint, type Millis, NEVER } from '@nexus-net/sansio';
import type { TcpConnection, TcpEnd, TcpListener } from '../tcp/tcp-api.js';
import { checkDeadline, checkReadSize, checkWrite, deadlineOf, passedAt } from './checks.js';
import type { HostSocketsPort } from './host-sockets.js';
import { failed, type PlainSocketError, type SocketFailure, type SocketResult, wouldBlock } from './socket-result.js';
import type { CallOptions, TcpStream, TcpStreamListener } from './sockets.js';

/** A listener on a host. */
export class HostStreamListener implements TcpStreamListener {
  readonly listener: TcpListener;
  readonly #port: HostSocketsPort;

  constructor(port: HostSocketsPort, listener: TcpListener) {
    this.#port = port;
    this.listener = listener;
  }

  get local(): Endpoint {
    return this.listener.local;
  }

  accept(options?: CallOptions): SocketResult<TcpStream> {
    const now = this.#port.now();
    const late = checkDeadline(now, options);
    if (late !== undefined) return late;
    const connection = this.listener.accept(now);
    this.#port.pump();
    if (connection === 'closed') return failed('not-connected');
    if (connection === 'would-block') return wouldBlock(deadlineOf(options));
    return { ok: true, value: this.#port.adopt(connection) };
  }

  close(): void {
    this.#port.closeListener(this);
  }
}

/** One end of a connection on a host. */
export class HostStream implements TcpStream {
  readonly connection: TcpConnection;
  readonly #port: HostSocketsPort;
  /** Of the attempt to connect. */
  readonly #attemptDeadline: Millis;
  /** It was established at some time. */
  #reached: boolean;
  #given: 'open' | 'closed' | 'timed-out' = 'open';
  #writeEnded = false;

  /** `attempt`: we connect; without it the connection was accepted. */
  constructor(port: HostSocketsPort, connection: TcpConnection, attempt?: { readonly attemptDeadline: Millis }) {
    this.#port = port;
    this.connection = connection;
    this.#attemptDeadline = attempt?.attemptDeadline ?? NEVER;
    this.#reached = attempt === undefined;
  }

  get local(): Endpoint {
    return this.connection.local;
  }

  get remote(): Endpoint {
    return this.connection.remote;
  }

  established(options?: CallOptions): SocketResult<void> {
    return this.#check(options) ?? { ok: true, value: undefined };
  }

  read(octetsMax: number, options?: CallOptions): SocketResult<Uint8Array> {
    const blocked = this.#checkBegun(options) ?? checkReadSize(octetsMax);
    if (blocked !== undefined) return blocked;
    const got = this.connection.receive(this.#port.now(), octetsMax);
    this.#port.pump();
    if (typeof got === 'object') return { ok: true, value: got };
    if (got === 'would-block') return wouldBlock(deadlineOf(options));
    // After an orderly end there is nothing more to come, however often it is asked for.
    return got === 'eof' || got === 'closed' ? { ok: true, value: new Uint8Array(0) } : failed(this.#errorOf(got));
  }

  write(bytes: Uint8Array, options?: CallOptions): SocketResult<number> {
    const blocked = this.#checkWrite(options) ?? checkWrite(bytes);
    if (blocked !== undefined) return blocked;
    if (bytes.length === 0) return { ok: true, value: 0 };
    const sent = this.connection.send(this.#port.now(), bytes);
    this.#port.pump();
    if (typeof sent === 'number') return { ok: true, value: sent };
    return sent === 'would-block' ? wouldBlock(deadlineOf(options)) : failed(this.#errorOf(sent));
  }

  writable(options?: CallOptions): SocketResult<number> {
    const blocked = this.#checkWrite(options);
    if (blocked !== undefined) return blocked;
    const { writableCount } = this.connection;
    return writableCount > 0 ? { ok: true, value: writableCount } : wouldBlock(deadlineOf(options));
  }

  shutdown(): SocketResult<void> {
    const blocked = this.#check(undefined);
    if (blocked !== undefined) return blocked;
    if (!this.#writeEnded) {
      this.#writeEnded = true;
      this.connection.shutdown(this.#port.now());
      this.#port.pump();
    }
    return { ok: true, value: undefined };
  }

  close(): void {
    if (this.#given === 'closed') return;
    if (this.#given === 'open') this.connection.close(this.#port.now());
    this.#given = 'closed';
    this.#port.drop(this);
    this.#port.pump();
  }

  abort(): void {
    if (this.#given === 'open') this.connection.abort(this.#port.now());
    this.#given = 'closed';
    this.#port.drop(this);
    this.#port.pump();
  }

  /** When it has to be looked at: its attempt to connect has a deadline. */
  get nextAt(): Millis {
    return this.#isPending() && this.#attemptDeadline < NEVER ? passedAt(this.#attemptDeadline) : NEVER;
  }

  /** The handshake is complete. */
  reached(): void {
    this.#reached = true;
  }

  /** Gives up an attempt whose deadline has passed. */
  settle(): void {
    if (!this.#isPending() || this.#port.now() <= this.#attemptDeadline) return;
    this.#given = 'timed-out';
    this.connection.abort(this.#port.now());
    this.#port.drop(this);
  }

  #isPending(): boolean {
    const { state, end } = this.connection;
    return this.#given === 'open' && end === undefined && (state === 'SYN-SENT' || state === 'SYN-RECEIVED');
  }

  /** The deadline, then what was done to this end of it, then whether the connection has begun. */
  #checkBegun(options: CallOptions | undefined): SocketFailure | undefined {
    const late = checkDeadline(this.#port.now(), options);
    if (late !== undefined) return late;
    this.settle();
    if (this.#given === 'timed-out') return failed('timed-out');
    if (this.#given === 'closed') return failed('not-connected');
    return this.#isPending() ? wouldBlock(Math.min(deadlineOf(options), this.#attemptDeadline)) : undefined;
  }

  #check(options: CallOptions | undefined): SocketFailure | undefined {
    const blocked = this.#checkBegun(options);
    if (blocked !== undefined) return blocked;
    const { end } = this.connection;
    return end === undefined || end === 'closed' ? undefined : failed(this.#errorOf(end));
  }

  #checkWrite(options: CallOptions | undefined): SocketFailure | undefined {
    return this.#check(options) ?? (this.#writeEnded ? failed('not-connected') : undefined);
  }

  #errorOf(end: TcpEnd): PlainSocketError {
    switch (end) {
      case 'closed':
      case 'aborted':
        return 'not-connected';
      case 'reset':
        return 'disconnected';
      case 'refused':
        return 'refused';
      default:
        // The same reasons mean an attempt that failed, or a connection that was lost.
        return this.#reached ? 'disconnected' : end;
    }
  }
}
