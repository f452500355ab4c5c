import {
  Counters,
  DeadlineHeap,
  err,
  type Machine,
  type Millis,
  NEVER,
  ok,
  Queue,
  type Result,
  readU16,
  readU32,
  requireArgument,
  UsageError,
  writeU32,
} from '@nexus-net/sansio';
import { TokenBucket } from '../../discovery/token-bucket.js';
import { decodeUtf8, encodeUtf8 } from '../../utf8.js';
import {
  CONTROL_OCTETS_MAX,
  DATA_OCTETS_MAX,
  EXTENSION_KIND_MIN,
  FRAME,
  FRAME_HEADER_OCTETS,
  NAME_OCTETS_MAX,
  RESET_CODE,
} from './frame.js';
import { FrameOrder } from './frame-order.js';
import type { MuxEvent, MuxFailure, MuxIgnored, MuxOpenError, MuxStreamId } from './mux-event.js';
import { type MuxOptions, muxOptions } from './mux-options.js';
import { MuxStream, type MuxStreamState } from './mux-stream.js';

/** A control frame that waits: kind, stream, and up to two words of body. */
interface Control {
  readonly kind: number;
  readonly stream: MuxStreamId;
  readonly priority: number;
  readonly words: 0 | 1 | 2 | 'code' | 'goaway';
  readonly first: number;
  readonly second: number;
}

/**
 * Streams over one record channel (docs/dsoftbus-bus-v1.md section 5): octets with credit that both sides keep, classes of priority
 * without starvation, half close, reset, keepalive in front of all data.
 *
 * What breaks a rule ends the mux: one `failed` event, nothing of the offending frame has an effect. Records in and out are whole and in
 * order: whoever carries them sees to that.
 */
export class Mux implements Machine<Uint8Array, MuxEvent> {
  readonly #options: Required<MuxOptions>;
  readonly #streams = new Map<MuxStreamId, MuxStream>();
  readonly #ownNames = new Set<string>();
  readonly #peerNames = new Set<string>();
  readonly #order = new FrameOrder<MuxStream>();
  readonly #control: Queue<Control>;
  readonly #events = new Queue<MuxEvent>(EVENT_COUNT_MAX);
  readonly #ignored = new Counters<MuxIgnored>();
  readonly #stalls: DeadlineHeap<MuxStream>;
  readonly #resetBudget: TokenBucket;
  readonly #pingBudget: TokenBucket;
  /** Records are made here and leave as copies of what was written. */
  readonly #scratch: Uint8Array;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #nextOwnId: number;
  #lastPeerId: number;
  #ownCount = 0;
  #peerCount = 0;
  #pingAt: Millis = NEVER;
  #pong: { readonly first: number; readonly second: number; readonly dueAt: Millis } | undefined;
  #creditBudget = CREDIT_BUDGET_START;
  #lateAllowance = 0;
  #extensions = 0;
  #isLeaving = false;
  #peerLeaves: { readonly lastId: number } | undefined;
  #failure: MuxFailure | undefined;

  constructor(options: MuxOptions) {
    this.#options = muxOptions(options);
    const { role, own, peer, recordOctetsMax, controlCountMax, resetRate, pingRate } = this.#options;
    this.#nextOwnId = this.#options.firstStreamId;
    this.#lastPeerId = role === 'initiator' ? 0 : -1;
    this.#control = new Queue(controlCountMax);
    this.#stalls = new DeadlineHeap(own.streamCountMax + peer.streamCountMax);
    this.#resetBudget = new TokenBucket(resetRate, 0);
    this.#pingBudget = new TokenBucket(pingRate, 0);
    this.#scratch = new Uint8Array(recordOctetsMax);
  }

  /** Starts the keepalive. */
  start(now: Millis): void {
    this.#advance(now);
    if (this.#pingAt === NEVER && this.#failure === undefined) this.#pingAt = this.#now + this.#options.pingIntervalMs;
  }

  /** Why the mux is at its end. */
  get failure(): MuxFailure | undefined {
    return this.#failure;
  }

  /** No stream lives and nothing waits to be sent. */
  get isIdle(): boolean {
    return this.#streams.size === 0 && this.#control.length === 0;
  }

  /** Something waits to be sent and may be. */
  get hasTransmit(): boolean {
    return this.#control.length > 0 || !this.#order.isEmpty;
  }

  /** Opens a stream; it may be written to at once. `name` has 1..=64 octets of UTF-8, `priority` is 0 (first) ..=7. */
  open(now: Millis, { name, priority }: { readonly name: string; readonly priority: number }): Result<MuxStreamId, MuxOpenError> {
    const nameOctets = encodeUtf8(name);
    requireArgument(nameOctets.length >= 1 && nameOctets.length <= NAME_OCTETS_MAX, 'a stream name has 1..=64 octets');
    requireArgument(Number.isInteger(priority) && priority >= 0 && priority <= 7, 'priority is 0..=7');
    this.#advance(now);
    if (this.#failure !== undefined) return err('failed');
    if (this.#isLeaving || this.#peerLeaves !== undefined) return err('going-away');
    if (this.#nextOwnId > ID_MAX) return err('ids-exhausted');
    if (this.#ownCount >= this.#options.peer.streamCountMax) return err('too-many-streams');
    if (this.#ownNames.has(name)) return err('duplicate-name');
    const id = this.#nextOwnId;
    this.#nextOwnId += 2;
    this.#order.add(this.#register({ id, name, nameOctets, priority, isOwn: true }));
    return ok(id);
  }

  /**
   * Takes octets to send: how many of them. Fewer than all where the buffer is full; `writable` tells when there is room again. A stream
   * that is gone takes none.
   */
  write(now: Millis, id: MuxStreamId, bytes: Uint8Array): number {
    this.#advance(now);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#demandUsed(id);
    if (stream.send !== 'open') throw new UsageError('the stream was finished');
    const { outgoing } = stream;
    const count = Math.min(bytes.length, outgoing.room);
    if (count < bytes.length) stream.isWriterWaiting = true;
    if (count === 0) return 0;
    outgoing.push(bytes, 0, count);
    this.#wake(stream);
    return count;
  }

  /** Up to `octetsMax` octets of what came, as an array of the caller's; `undefined` where there is nothing. */
  read(now: Millis, id: MuxStreamId, octetsMax: number = Number.POSITIVE_INFINITY): Uint8Array | undefined {
    this.#advance(now);
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#demandUsed(id);
      return undefined;
    }
    const count = Math.min(octetsMax, stream.incoming.length);
    if (!(count > 0)) return undefined;
    const bytes = new Uint8Array(count);
    stream.incoming.shiftInto(bytes, 0, count);
    stream.consumed += count;
    this.#restoreCredit(stream);
    this.#finishIfDone(stream);
    return bytes;
  }

  /** No more is written; what was written still goes out. The other direction stays open. */
  finish(now: Millis, id: MuxStreamId): void {
    this.#advance(now);
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#demandUsed(id);
      return;
    }
    if (stream.send !== 'open') throw new UsageError('the stream was finished already');
    stream.send = 'closing';
    this.#wake(stream);
  }

  /** Throws the stream away, both directions. `code` is 0..=255; see `RESET_CODE`. */
  reset(now: Millis, id: MuxStreamId, code: number = RESET_CODE.cancelled): void {
    requireArgument(Number.isInteger(code) && code >= 0 && code <= 255, 'code is 0..=255');
    this.#advance(now);
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#demandUsed(id);
    else this.#resetOurs(stream, code);
  }

  /** Takes no new streams any more. Those that run go on. */
  goAway(now: Millis, code: number): void {
    this.#advance(now);
    if (this.#failure !== undefined || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#pushControl({
      kind: FRAME.goAway,
      stream: 0,
      priority: 0,
      words: 'goaway',
      first: Math.max(0, this.#lastPeerId),
      second: code,
    });
  }

  /** A record of the peer: whole frames. `bytes` are borrowed for the call. */
  handleRecord(now: Millis, bytes: Uint8Array): void {
    this.handleTimeout(now);
    let at = 0;
    while (at < bytes.length && this.#failure === undefined) {
      const body = at + FRAME_HEADER_OCTETS;
      if (body > bytes.length) {
        this.#fail('bad-frame');
        return;
      }
      const length = readU16(bytes, at + 6);
      if (length > bytes.length - body) {
        this.#fail('bad-frame');
        return;
      }
      const failure = this.#handleFrame(bytes, at, length);
      if (failure !== undefined) this.#fail(failure);
      at = body + length;
    }
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    if (this.#failure !== undefined) return;
    for (let stream = this.#stalls.popDue(this.#now); stream !== undefined; stream = this.#stalls.popDue(this.#now)) {
      this.#emit({ type: 'reset', stream: stream.id, code: RESET_CODE.stalled, by: 'stall' });
      this.#resetOurs(stream, RESET_CODE.stalled);
    }
    if (this.#pong !== undefined && this.#pong.dueAt <= this.#now) this.#fail('keepalive-timeout');
    // However late the call is, one PING is enough; the next one waits for the answer to this one.
    else if (this.#pingAt <= this.#now && this.#pong === undefined) this.#ping();
  }

  /**
   * The next record: control frames first, then the streams in their order. The first `headroomOctets` are free for whoever carries it.
   */
  pollTransmit(): Uint8Array | undefined {
    if (!this.hasTransmit || this.#failure !== undefined) return undefined;
    const { headroomOctets } = this.#options;
    const scratch = this.#scratch;
    let at = headroomOctets;
    while (at + CONTROL_OCTETS_MAX <= scratch.length) {
      const control = this.#control.shift();
      if (control === undefined) break;
      at = this.#writeControl(control, at);
    }
    while (!this.#order.isEmpty && (scratch.length - at >= ROOM_MIN || at === headroomOctets)) {
      const stream = this.#order.take() as MuxStream;
      at = this.#writeStream(stream, at);
    }
    return at === headroomOctets ? undefined : scratch.slice(0, at);
  }

  pollEvent(): MuxEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    if (this.#failure !== undefined) return NEVER;
    return Math.min(this.#pong?.dueAt ?? this.#pingAt, this.#stalls.nextAt);
  }

  inspect(): MuxSnapshot {
    return {
      failure: this.#failure,
      isLeaving: this.#isLeaving,
      isPeerLeaving: this.#peerLeaves !== undefined,
      ignored: this.#ignored.snapshot(),
      controlCount: this.#control.length,
      streams: [...this.#streams.values()].map((stream) => ({
        id: stream.id,
        name: stream.name,
        priority: stream.priority,
        state: stream.state,
        isAccepted: stream.isAccepted,
        sendCredit: stream.sendCredit,
        receiveCredit: stream.receiveCredit,
        unsent: stream.outgoing.length,
        unread: stream.incoming.length,
      })),
    };
  }

  #advance(now: Millis): void {
    if (now > this.#now) this.#now = now;
  }

  #register(stream: {
    readonly id: MuxStreamId;
    readonly name: string;
    readonly nameOctets: Uint8Array;
    readonly priority: number;
    readonly isOwn: boolean;
  }): MuxStream {
    const { own, peer, sendBufferOctetsMax } = this.#options;
    const registered = new MuxStream(stream, {
      sendCredit: peer.windowOctets,
      windowOctets: own.windowOctets,
      sendBufferOctetsMax,
    });
    this.#streams.set(stream.id, registered);
    if (stream.isOwn) {
      this.#ownNames.add(stream.name);
      this.#ownCount++;
    } else {
      this.#peerNames.add(stream.name);
      this.#peerCount++;
    }
    return registered;
  }

  /** `lateOctets`: what the peer may still have sent before it knows. */
  #remove(stream: MuxStream, lateOctets: number): void {
    this.#streams.delete(stream.id);
    this.#order.remove(stream);
    if (stream.stall !== undefined) this.#stalls.cancel(stream.stall);
    stream.stall = undefined;
    stream.isGone = true;
    if (stream.isOwn) {
      this.#ownNames.delete(stream.name);
      this.#ownCount--;
    } else {
      this.#peerNames.delete(stream.name);
      this.#peerCount--;
    }
    this.#allowLate(lateOctets);
  }

  #allowLate(octets: number): void {
    this.#lateAllowance = Math.min(this.#lateAllowance + LATE_FRAMES_PER_STREAM + octets, LATE_ALLOWANCE_MAX);
  }

  #finishIfDone(stream: MuxStream): void {
    if (!stream.isPeerClosed || stream.send !== 'closed' || stream.incoming.length > 0) return;
    this.#remove(stream, 0);
    this.#emit({ type: 'finished', stream: stream.id });
  }

  #resetOurs(stream: MuxStream, code: number): void {
    // An OPEN that is not sent yet is simply not sent: ids may have gaps.
    if (!stream.isOpenDue)
      this.#pushControl({
        kind: FRAME.reset,
        stream: stream.id,
        priority: stream.priority,
        words: 'code',
        first: code,
        second: 0,
      });
    this.#remove(stream, stream.isPeerClosed ? 0 : stream.receiveCredit);
  }

  /** Something changed: the stream may have something to send, or wait for credit. */
  #wake(stream: MuxStream): void {
    if (stream.isReady) {
      this.#order.add(stream);
      if (stream.stall !== undefined) this.#stalls.cancel(stream.stall);
      stream.stall = undefined;
    } else if (stream.outgoing.length > 0 && stream.stall === undefined) {
      stream.stall = this.#stalls.schedule(this.#now + this.#options.stallTimeoutMs, stream);
    }
  }

  #restoreCredit(stream: MuxStream): void {
    if (stream.isPeerClosed || stream.isCreditDue) return;
    const { windowOctets } = this.#options.own;
    const enough = stream.incoming.length === 0 ? windowOctets / 4 : windowOctets / 2;
    if (stream.consumed < enough) return;
    stream.isCreditDue = true;
    this.#pushControl({ kind: FRAME.credit, stream: stream.id, priority: stream.priority, words: 1, first: 0, second: 0 });
  }

  #ping(): void {
    const { entropy, pingIntervalMs, pongTimeoutMs } = this.#options;
    const first = entropy.u32();
    const second = entropy.u32();
    this.#pingAt = this.#now + pingIntervalMs;
    this.#pong = { first, second, dueAt: this.#now + pongTimeoutMs };
    this.#pushControl({ kind: FRAME.ping, stream: 0, priority: 0, words: 2, first, second });
  }

  #pushControl(control: Control): void {
    if (!this.#control.push(control)) this.#fail('control-overflow');
  }

  /** Whoever drains after each call never reaches the bound; what can't be told ends the session instead of being lost. */
  #emit(event: MuxEvent): void {
    if (!this.#events.push(event)) this.#fail('events-not-drained');
  }

  #fail(label: MuxFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = label;
    for (const stream of this.#streams.values()) {
      this.#order.remove(stream);
      stream.isGone = true;
    }
    this.#streams.clear();
    this.#ownNames.clear();
    this.#peerNames.clear();
    this.#control.clear();
    this.#stalls.clear();
    this.#events.push({ type: 'failed', label });
  }

  /** An id that was never given is the caller's mistake; one that is gone isn't. */
  #demandUsed(id: MuxStreamId): 0 {
    const isUsed = this.#isOwnId(id) ? id < this.#nextOwnId : id <= this.#lastPeerId;
    if (id <= 0 || !(isUsed || this.#failure !== undefined)) throw new UsageError(`no stream ${id}`);
    return 0;
  }

  #isOwnId(id: MuxStreamId): boolean {
    return id % 2 === this.#nextOwnId % 2;
  }

  #writeControl({ kind, stream: id, priority, words, first, second }: Control, start: number): number {
    const bytes = this.#scratch;
    let amount = first;
    if (kind === FRAME.credit) {
      const stream = this.#streams.get(id);
      if (stream === undefined || stream.isPeerClosed) return start;
      amount = stream.consumed;
      stream.receiveCredit += amount;
      stream.consumed = 0;
      stream.isCreditDue = false;
    }
    let at = start + FRAME_HEADER_OCTETS;
    if (words === 'code') bytes[at++] = amount;
    else if (words !== 0) {
      writeU32(bytes, at, amount);
      at += 4;
      if (words === 'goaway') bytes[at++] = second;
      else if (words === 2) {
        writeU32(bytes, at, second);
        at += 4;
      }
    }
    this.#writeHeader(start, kind, priority, id, at - start - FRAME_HEADER_OCTETS);
    return at;
  }

  /** OPEN where it is due, one DATA, CLOSE where it is due. */
  #writeStream(stream: MuxStream, start: number): number {
    const bytes = this.#scratch;
    const { id, priority, outgoing } = stream;
    let at = start;
    if (stream.isOpenDue) {
      const { nameOctets } = stream;
      this.#writeHeader(at, FRAME.open, priority, id, nameOctets.length);
      bytes.set(nameOctets, at + FRAME_HEADER_OCTETS);
      at += FRAME_HEADER_OCTETS + nameOctets.length;
      stream.isOpenDue = false;
    }
    // Room for the CLOSE behind it is kept.
    const room = bytes.length - at - 2 * FRAME_HEADER_OCTETS;
    const count = Math.min(outgoing.length, stream.sendCredit, DATA_OCTETS_MAX, room);
    if (count > 0) {
      this.#writeHeader(at, FRAME.data, priority, id, count);
      outgoing.shiftInto(bytes, at + FRAME_HEADER_OCTETS, count);
      at += FRAME_HEADER_OCTETS + count;
      stream.sendCredit -= count;
      this.#creditBudget = Math.min(this.#creditBudget + CREDITS_PER_DATA, CREDIT_BUDGET_MAX);
      if (stream.isWriterWaiting) {
        stream.isWriterWaiting = false;
        if (stream.send === 'open') this.#emit({ type: 'writable', stream: id });
      }
    }
    if (stream.send === 'closing' && outgoing.length === 0) {
      this.#writeHeader(at, FRAME.close, priority, id, 0);
      at += FRAME_HEADER_OCTETS;
      stream.send = 'closed';
      this.#finishIfDone(stream);
    }
    if (!stream.isGone) this.#wake(stream);
    return at;
  }

  #writeHeader(at: number, kind: number, priority: number, stream: number, length: number): void {
    const bytes = this.#scratch;
    bytes[at] = kind;
    bytes[at + 1] = priority;
    writeU32(bytes, at + 2, stream);
    bytes[at + 6] = length >>> 8;
    bytes[at + 7] = length;
  }

  #handleFrame(bytes: Uint8Array, at: number, length: number): MuxFailure | undefined {
    const kind = bytes[at] as number;
    if (kind >= EXTENSION_KIND_MIN) return this.#handleExtension();
    if (kind === 0 || kind > FRAME.goAway) return 'unknown-kind';
    const priority = bytes[at + 1] as number;
    const id = readU32(bytes, at + 2);
    const body = at + FRAME_HEADER_OCTETS;
    if (kind >= FRAME.ping) {
      if (priority !== 0) return 'bad-priority';
      if (id !== 0) return 'bad-stream-id';
      if (kind === FRAME.goAway)
        return length === 5 ? this.#handleGoAway(readU32(bytes, body), bytes[body + 4] as number) : 'bad-frame';
      if (length !== 8) return 'bad-frame';
      const first = readU32(bytes, body);
      const second = readU32(bytes, body + 4);
      return kind === FRAME.ping ? this.#handlePing(first, second) : this.#handlePong(first, second);
    }
    if (priority > 7) return 'bad-priority';
    if (id === 0) return 'bad-stream-id';
    if (kind === FRAME.open) return this.#handleOpen({ id, priority, name: bytes.subarray(body, body + length) });
    if (!isBodyLength(kind, length)) return 'bad-frame';
    if (kind === FRAME.credit && !isCreditDelta(readU32(bytes, body))) return 'bad-credit';
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#handleLate(id, kind === FRAME.data ? length : 1);
    // Our OPEN is not on its way: the peer can't know this id.
    if (stream.isOpenDue) return 'unknown-stream';
    if (priority !== stream.priority) return 'bad-priority';
    switch (kind) {
      case FRAME.data:
        return this.#handleData(stream, bytes, body, length);
      case FRAME.credit:
        return this.#handleCredit(stream, readU32(bytes, body));
      case FRAME.close:
        return this.#handleClose(stream);
      case FRAME.reset:
        return this.#handleReset(stream, bytes[body] as number);
      default:
        return this.#handleOpenAck(stream);
    }
  }

  #handleExtension(): MuxFailure | undefined {
    if (++this.#extensions > EXTENSION_COUNT_MAX) return 'extension-flood';
    this.#ignored.increment('extension-frame');
    return undefined;
  }

  #handleOpen({
    id,
    priority,
    name: nameOctets,
  }: {
    readonly id: number;
    readonly priority: number;
    readonly name: Uint8Array;
  }): MuxFailure | undefined {
    if (this.#isOwnId(id) || id <= this.#lastPeerId) return 'bad-stream-id';
    if (nameOctets.length < 1 || nameOctets.length > NAME_OCTETS_MAX) return 'bad-name';
    const name = decodeUtf8(nameOctets);
    if (name === undefined) return 'bad-name';
    const refusal = this.#refusalOf(name);
    if (refusal !== undefined && !this.#resetBudget.take(this.#now)) return 'reset-flood';
    this.#lastPeerId = id;
    if (refusal !== undefined) {
      this.#ignored.increment('stream-refused');
      this.#allowLate(this.#options.own.windowOctets);
      this.#pushControl({ kind: FRAME.reset, stream: id, priority, words: 'code', first: refusal, second: 0 });
      return undefined;
    }
    this.#register({ id, name, nameOctets: NO_OCTETS, priority, isOwn: false });
    this.#pushControl({ kind: FRAME.openAck, stream: id, priority, words: 0, first: 0, second: 0 });
    this.#emit({ type: 'opened', stream: id, name, priority });
    return undefined;
  }

  #refusalOf(name: string): number | undefined {
    if (this.#isLeaving) return RESET_CODE.goingAway;
    if (this.#peerCount >= this.#options.own.streamCountMax) return RESET_CODE.refused;
    return this.#peerNames.has(name) ? RESET_CODE.duplicateName : undefined;
  }

  #handleOpenAck(stream: MuxStream): MuxFailure | undefined {
    if (!stream.isOwn || stream.isAccepted) return 'bad-state';
    stream.isAccepted = true;
    this.#emit({ type: 'accepted', stream: stream.id });
    return undefined;
  }

  #handleData(stream: MuxStream, bytes: Uint8Array, body: number, length: number): MuxFailure | undefined {
    if (stream.isPeerClosed) return 'bad-state';
    if (length > stream.receiveCredit) return 'credit-exceeded';
    stream.receiveCredit -= length;
    const wasEmpty = stream.incoming.length === 0;
    stream.incoming.push(bytes, body, length);
    if (wasEmpty) this.#emit({ type: 'readable', stream: stream.id });
    return undefined;
  }

  #handleCredit(stream: MuxStream, delta: number): MuxFailure | undefined {
    if (this.#creditBudget < 1) return 'credit-flood';
    if (stream.sendCredit + delta > CREDIT_MAX) return 'credit-overflow';
    this.#creditBudget--;
    stream.sendCredit += delta;
    this.#wake(stream);
    return undefined;
  }

  #handleClose(stream: MuxStream): MuxFailure | undefined {
    if (stream.isPeerClosed) return 'bad-state';
    stream.isPeerClosed = true;
    this.#emit({ type: 'ended', stream: stream.id });
    this.#finishIfDone(stream);
    return undefined;
  }

  #handleReset(stream: MuxStream, code: number): MuxFailure | undefined {
    if (!this.#resetBudget.take(this.#now)) return 'reset-flood';
    this.#remove(stream, 0);
    this.#emit({ type: 'reset', stream: stream.id, code, by: 'peer' });
    return undefined;
  }

  /** For a stream that was and is gone, frames may still be under way; what never was is an error. */
  #handleLate(id: number, cost: number): MuxFailure | undefined {
    const wasUsed = this.#isOwnId(id) ? id < this.#nextOwnId : id <= this.#lastPeerId;
    if (!wasUsed) return 'unknown-stream';
    if (cost > this.#lateAllowance) return 'late-flood';
    this.#lateAllowance -= cost;
    this.#ignored.increment('late-frame');
    return undefined;
  }

  #handlePing(first: number, second: number): MuxFailure | undefined {
    if (!this.#pingBudget.take(this.#now)) return 'ping-flood';
    this.#pushControl({ kind: FRAME.pong, stream: 0, priority: 0, words: 2, first, second });
    return undefined;
  }

  #handlePong(first: number, second: number): MuxFailure | undefined {
    if (this.#pong?.first === first && this.#pong.second === second) {
      this.#pong = undefined;
      return undefined;
    }
    if (!this.#pingBudget.take(this.#now)) return 'ping-flood';
    this.#ignored.increment('unsolicited-pong');
    return undefined;
  }

  #handleGoAway(lastId: number, code: number): MuxFailure | undefined {
    if (this.#peerLeaves !== undefined && lastId > this.#peerLeaves.lastId) return 'bad-goaway';
    if (lastId !== 0 && (!this.#isOwnId(lastId) || lastId >= this.#nextOwnId)) return 'bad-goaway';
    const isFirst = this.#peerLeaves === undefined;
    this.#peerLeaves = { lastId };
    if (isFirst) this.#emit({ type: 'going-away', code });
    for (const stream of [...this.#streams.values()]) {
      if (!stream.isOwn || stream.id <= lastId) continue;
      this.#remove(stream, 0);
      this.#emit({ type: 'reset', stream: stream.id, code: RESET_CODE.goingAway, by: 'peer' });
    }
    return undefined;
  }
}

export interface MuxSnapshot {
  readonly failure: MuxFailure | undefined;
  readonly isLeaving: boolean;
  readonly isPeerLeaving: boolean;
  readonly ignored: Partial<Record<MuxIgnored, number>>;
  /** Control frames that wait to be sent. */
  readonly controlCount: number;
  readonly streams: readonly MuxStreamSnapshot[];
}

export interface MuxStreamSnapshot {
  readonly id: MuxStreamId;
  readonly name: string;
  readonly priority: number;
  readonly state: MuxStreamState;
  readonly isAccepted: boolean;
  readonly sendCredit: number;
  readonly receiveCredit: number;
  readonly unsent: number;
  readonly unread: number;
}

function isBodyLength(kind: number, length: number): boolean {
  switch (kind) {
    case FRAME.data:
      return length >= 1 && length <= DATA_OCTETS_MAX;
    case FRAME.credit:
      return length === 4;
    case FRAME.reset:
      return length === 1;
    default:
      return length === 0;
  }
}

function isCreditDelta(delta: number): boolean {
  return delta >= 1 && delta <= 0x7fff_ffff;
}

const ID_MAX = 0xffff_ffff;
const CREDIT_MAX = 0xffff_ffff;
const CREDIT_BUDGET_START = 256;
const CREDIT_BUDGET_MAX = 65_536;
const CREDITS_PER_DATA = 4;
const LATE_FRAMES_PER_STREAM = 16;
const LATE_ALLOWANCE_MAX = 2 ** 31;
const EXTENSION_COUNT_MAX = 64;
/** A record holds at most 8192 frames, each with at most three events; whoever drains after each call stays far below. */
const EVENT_COUNT_MAX = 262_144;
/** Less room than this at the end of a record is left empty instead of filled with a small piece. */
const ROOM_MIN = 1_024;
const NO_OCTETS = new Uint8Array(0);
