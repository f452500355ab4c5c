import { type Endpoint, type Millis, NEVER } from '@nexus-net/sansio';
import { ByteFifo } from '../sockets/byte-fifo.js';
import { checkDeadline, checkReadSize, checkWrite, deadlineOf, passedAt } from '../sockets/checks.js';
import { failed, type PlainSocketError, type SocketFailure, type SocketResult, wouldBlock } from '../sockets/socket-result.js';
import type { CallOptions, TcpStream, TcpStreamListener } from '../sockets/sockets.js';
import { type FakeHost, NOBODY_MS } from './fake-host.js';

export class FakeListener implements TcpStreamListener {
  readonly local: Endpoint;
  readonly #host: FakeHost;
  readonly #backlog: number;
  readonly #waiting: FakeStream[] = [];
  #open = true;

  constructor(host: FakeHost, local: Endpoint, backlog: number) {
    this.#host = host;
    this.local = local;
    this.#backlog = backlog;
  }

  accept(options?: CallOptions): SocketResult<TcpStream> {
    const late = checkDeadline(this.#host.now, options);
    if (late !== undefined) return late;
    if (!this.#open) return failed('not-connected');
    const stream = this.#waiting.shift();
    return stream === undefined ? wouldBlock(deadlineOf(options)) : { ok: true, value: stream };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#host.drop(this);
    for (const stream of this.#waiting.splice(0)) stream.abort();
  }

  /** Takes a connection, or not: the caller will ask again. */
  admit(client: FakeStream): FakeStream | undefined {
    if (this.#waiting.length >= this.#backlog) return undefined;
    const stream = new FakeStream(this.#host, { local: client.remote, remote: client.local });
    if (!this.#host.addStream(stream)) return undefined;
    this.#waiting.push(stream);
    return stream;
  }
}

type State =
  | { readonly type: 'connecting'; readonly deadline: Millis }
  | { readonly type: 'open'; readonly peer: FakeStream }
  | { readonly type: 'failed'; readonly error: PlainSocketError };

/** One end of a connection. What goes to the other end takes the time of the net and keeps its order. */
export class FakeStream implements TcpStream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #host: FakeHost;
  readonly #inbox = new ByteFifo();
  #state: State = { type: 'connecting', deadline: NEVER };
  /** Octets that the other end has room for. */
  #credit = 0;
  #peerEnded = false;
  #writeEnded = false;
  #closed = false;

  constructor(host: FakeHost, { local, remote }: { readonly local: Endpoint; readonly remote: Endpoint }) {
    this.#host = host;
    this.local = local;
    this.remote = remote;
  }

  /** Asks the other side until it answers, the deadline passes, or it was asked often enough. */
  connect(deadline: Millis): void {
    this.#state = { type: 'connecting', deadline };
    if (deadline < NEVER) this.#host.net.after(passedAt(deadline) - this.#host.now, () => this.#settle());
    this.#request(1);
  }

  established(options?: CallOptions): SocketResult<void> {
    return this.#check(options) ?? { ok: true, value: undefined };
  }

  read(octetsMax: number, options?: CallOptions): SocketResult<Uint8Array> {
    const late = checkDeadline(this.#host.now, options);
    if (late !== undefined) return late;
    this.#settle();
    if (this.#closed) return failed('not-connected');
    const wrong = checkReadSize(octetsMax);
    if (wrong !== undefined) return wrong;
    if (this.#inbox.length === 0) {
      if (this.#peerEnded) return { ok: true, value: new Uint8Array(0) };
      return this.#check(options) ?? wouldBlock(deadlineOf(options));
    }
    const bytes = this.#inbox.take(octetsMax);
    this.#tell((peer) => {
      peer.#credit += bytes.length;
    });
    return { ok: true, value: bytes };
  }

  write(bytes: Uint8Array, options?: CallOptions): SocketResult<number> {
    const wrong = this.#checkWrite(options) ?? checkWrite(bytes);
    if (wrong !== undefined) return wrong;
    if (bytes.length > 0 && this.#credit === 0) return wouldBlock(deadlineOf(options));
    const taken = bytes.slice(0, this.#credit);
    this.#credit -= taken.length;
    this.#tell((peer) => peer.#arrive(taken));
    return { ok: true, value: taken.length };
  }

  writable(options?: CallOptions): SocketResult<number> {
    const wrong = this.#checkWrite(options);
    if (wrong !== undefined) return wrong;
    return this.#credit === 0 ? wouldBlock(deadlineOf(options)) : { ok: true, value: this.#credit };
  }

  shutdown(): SocketResult<void> {
    const wrong = this.#check(undefined);
    if (wrong !== undefined) return wrong;
    this.#endWriting();
    return { ok: true, value: undefined };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.clear();
    this.#host.drop(this);
    if (this.#state.type === 'connecting') this.#state = { type: 'failed', error: 'not-connected' };
    else this.#endWriting();
  }

  abort(): void {
    this.#tell((peer) => peer.#fail('disconnected'));
    this.#closed = true;
    this.#inbox.clear();
    this.#fail('not-connected');
  }

  #request(attempt: number): void {
    const { net } = this.#host;
    const target = this.#host.find(this.remote.address);
    if (target === undefined) {
      net.after(NOBODY_MS, () => this.#refuse('unreachable'));
      return;
    }
    const latency = target === this.#host ? 0 : net.latencyMs;
    net.after(latency, () => {
      if (this.#state.type !== 'connecting') return;
      const listener = target.listenerAt(this.remote);
      const peer = listener?.admit(this);
      if (listener === undefined) net.after(latency, () => this.#refuse('refused'));
      else if (peer !== undefined) {
        peer.#open(this);
        net.after(latency, () => this.#answered(peer));
      } else if (attempt >= REQUEST_COUNT_MAX) this.#refuse('timed-out');
      else net.after(REQUEST_MS * 2 ** (attempt - 1), () => this.#state.type === 'connecting' && this.#request(attempt + 1));
    });
  }

  #answered(peer: FakeStream): void {
    this.#settle();
    if (this.#state.type === 'connecting') this.#open(peer);
    // Nobody wants it any more: the other end learns that.
    else peer.#fail('disconnected');
  }

  #open(peer: FakeStream): void {
    this.#state = { type: 'open', peer };
    this.#credit = peer.#host.limits.streamOctetsMax;
  }

  #refuse(error: PlainSocketError): void {
    if (this.#state.type === 'connecting') this.#fail(error);
  }

  #fail(error: PlainSocketError): void {
    if (this.#state.type === 'failed') return;
    this.#state = { type: 'failed', error };
    this.#inbox.clear();
    this.#host.drop(this);
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#state.type === 'failed') return;
    // Nobody will ever read this: the writer is told so.
    if (this.#closed) {
      if (bytes.length > 0) this.abort();
    } else this.#inbox.push(bytes);
  }

  #endWriting(): void {
    if (this.#writeEnded) return;
    this.#writeEnded = true;
    this.#tell((peer) => {
      peer.#peerEnded ||= peer.#state.type === 'open';
    });
  }

  /** Lets something happen at the other end. */
  #tell(happen: (peer: FakeStream) => void): void {
    if (this.#state.type !== 'open') return;
    const { peer } = this.#state;
    this.#host.net.after(peer.#host === this.#host ? 0 : this.#host.net.latencyMs, () => happen(peer));
  }

  #settle(): void {
    if (this.#state.type === 'connecting' && this.#host.now > this.#state.deadline) this.#fail('timed-out');
  }

  #check(options: CallOptions | undefined): SocketFailure | undefined {
    const late = checkDeadline(this.#host.now, options);
    if (late !== undefined) return late;
    this.#settle();
    if (this.#closed) return failed('not-connected');
    if (this.#state.type === 'failed') return failed(this.#state.error);
    return this.#state.type === 'connecting' ? wouldBlock(Math.min(deadlineOf(options), this.#state.deadline)) : undefined;
  }

  #checkWrite(options: CallOptions | undefined): SocketFailure | undefined {
    return this.#check(options) ?? (this.#writeEnded ? failed('not-connected') : undefined);
  }
}

/** RFC 6298 §2.1: the first wait for an answer; it doubles. */
const REQUEST_MS: Millis = 1_000;
const REQUEST_COUNT_MAX = 6;
