import type { MuxStreamId, StreamEvent } from '@nexus-net/dsoftbus';
import type { Millis } from '@nexus-net/sansio';
import { BULK_STREAM, CONTROL_STREAM, MESSAGE_KIND, MessageCutter, type MuxUser, READ_LENGTH } from './mux-protocol.js';

/** Gives the peer's octets back, for its {@link MuxProof}. Holds at most one piece of `READ_LENGTH` octets; the rest waits in the peer's credit. */
export class MuxEcho {
  readonly #user: MuxUser;
  readonly #messages = new MessageCutter();
  #control: MuxStreamId | undefined;
  #bulk: MuxStreamId | undefined;
  #isHeld = false;
  /** What the bulk stream did not take yet. */
  #backlog: Uint8Array | undefined;
  readonly #ended = new Set<MuxStreamId>();

  constructor(user: MuxUser) {
    this.#user = user;
  }

  /** `false`: not of a stream that the peer opened. */
  handleEvent(now: Millis, event: StreamEvent): boolean {
    if (event.type === 'going-away') return false;
    if (event.type === 'opened') {
      if (event.name === CONTROL_STREAM.name) this.#control = event.stream;
      else if (event.name === BULK_STREAM.name) this.#bulk = event.stream;
      else this.#user.reset(now, event.stream);
      return true;
    }
    const { stream } = event;
    if (stream !== this.#control && stream !== this.#bulk) return false;
    if (event.type === 'ended') this.#ended.add(stream);
    if (event.type === 'reset' || event.type === 'finished') this.#forget(stream);
    this.#answer(now);
    this.#echo(now);
    this.#finish(now);
    return true;
  }

  #answer(now: Millis): void {
    const control = this.#control;
    if (control === undefined) return;
    for (
      let bytes = this.#user.read(now, control, READ_LENGTH);
      bytes !== undefined;
      bytes = this.#user.read(now, control, READ_LENGTH)
    ) {
      for (const message of this.#messages.cut(bytes)) {
        if (message[0] === MESSAGE_KIND.hold) this.#isHeld = true;
        if (message[0] === MESSAGE_KIND.go) this.#isHeld = false;
        // A peer that asks without reading the answers is not waited for.
        if (this.#user.write(now, control, message) === message.length) continue;
        this.#user.reset(now, control);
        this.#forget(control);
        return;
      }
    }
  }

  #echo(now: Millis): void {
    const bulk = this.#bulk;
    while (bulk !== undefined && !this.#isHeld) {
      const bytes = this.#backlog ?? this.#user.read(now, bulk, READ_LENGTH);
      if (bytes === undefined) return;
      const taken = this.#user.write(now, bulk, bytes);
      this.#backlog = taken < bytes.length ? bytes.subarray(taken) : undefined;
      if (this.#backlog !== undefined) return;
    }
  }

  /** Ends our direction of a stream whose peer has ended its own, when everything is given back. */
  #finish(now: Millis): void {
    for (const stream of [...this.#ended]) {
      if (stream === this.#bulk && (this.#isHeld || this.#backlog !== undefined)) continue;
      this.#ended.delete(stream);
      this.#user.finish(now, stream);
    }
  }

  #forget(stream: MuxStreamId): void {
    this.#ended.delete(stream);
    if (stream === this.#control) {
      this.#control = undefined;
      this.#isHeld = false;
    } else {
      this.#bulk = undefined;
      this.#backlog = undefined;
    }
  }
}
