import type { MuxStreamId, StreamEvent } from '@nexus-net/dsoftbus';
import { bytesEqual, type Entropy, type Millis, Queue } from '@nexus-net/sansio';
import {
  BULK_STREAM,
  CONTROL_STREAM,
  MESSAGE_KIND,
  MESSAGE_LENGTH,
  MessageCutter,
  type MuxUser,
  READ_LENGTH,
} from './mux-protocol.js';

/** What was shown, in this order. */
export const MUX_MILESTONES = ['session-up', 'data-ok', 'control-ok', 'bulk-ok', 'backpressure-ok'] as const;

export type MuxMilestone = (typeof MUX_MILESTONES)[number];

export type MuxProofEvent =
  | { readonly type: 'mux'; readonly milestone: MuxMilestone }
  | { readonly type: 'mux-failed'; readonly label: string };

type State =
  | { readonly type: 'opening'; readonly accepted: Set<MuxStreamId> }
  /** A message and some octets of bulk are on their way there and back. */
  | { readonly type: 'greeting'; message: Uint8Array | undefined }
  /** The peer is asked to leave the bulk stream alone. */
  | { readonly type: 'holding'; readonly message: Uint8Array }
  /** The bulk stream is filled until its writer stands still for want of credit. */
  | { readonly type: 'filling' }
  /** It stands still, and a message was written behind so many octets of it. */
  | { readonly type: 'stuck'; readonly message: Uint8Array; readonly behind: number }
  /** The message overtook it, the peer reads again, and what is left follows the credit. */
  | { readonly type: 'flowing' }
  | { readonly type: 'over' };

/**
 * Shows with real octets what the mux of a session does: two streams open, octets go there and back, a message of priority 0 gets past a
 * stream whose writer has no credit left, and that writer goes on when credit comes, until all of its octets are back as they were.
 */
export class MuxProof {
  readonly #user: MuxUser;
  readonly #entropy: Entropy;
  readonly #pattern: Uint8Array;
  readonly #messages = new MessageCutter();
  readonly #events = new Queue<MuxProofEvent>(16);
  #control: MuxStreamId = 0;
  #bulk: MuxStreamId = 0;
  /** Octets of bulk that the mux took, and those that came back. */
  #written = 0;
  #returned = 0;
  #state: State = { type: 'opening', accepted: new Set() };

  /** Opens its streams. */
  constructor(user: MuxUser, { now, entropy }: { readonly now: Millis; readonly entropy: Entropy }) {
    this.#user = user;
    this.#entropy = entropy;
    this.#pattern = this.#draw();
    const [control, bulk] = [user.open(now, CONTROL_STREAM), user.open(now, BULK_STREAM)];
    if (control === undefined || bulk === undefined) {
      this.#fail('no-stream');
      return;
    }
    this.#control = control;
    this.#bulk = bulk;
  }

  get isOver(): boolean {
    return this.#state.type === 'over';
  }

  handleEvent(now: Millis, event: StreamEvent): void {
    if (this.isOver || event.type === 'going-away' || (event.stream !== this.#control && event.stream !== this.#bulk)) return;
    switch (event.type) {
      case 'accepted':
        this.#accepted(now, event.stream);
        break;
      case 'readable':
        if (event.stream === this.#control) this.#readControl(now);
        else this.#readBulk(now);
        break;
      case 'writable':
        this.#fill(now);
        break;
      case 'reset':
      case 'ended':
        this.#fail(event.type);
        break;
      default:
        break;
    }
  }

  /** What was written has left, as far as it may: is its writer out of credit? */
  run(now: Millis): void {
    if (this.#state.type !== 'filling') return;
    const standing = this.#user.standing(this.#bulk);
    if (standing === undefined) return;
    if (standing.unsent === 0 && this.#written === TOTAL) this.#fail('no-backpressure');
    else if (standing.unsent > 0 && standing.sendCredit === 0)
      this.#state = { type: 'stuck', message: this.#send(now, MESSAGE_KIND.go), behind: this.#written };
  }

  pollEvent(): MuxProofEvent | undefined {
    return this.#events.shift();
  }

  #accepted(now: Millis, stream: MuxStreamId): void {
    if (this.#state.type !== 'opening') return;
    this.#state.accepted.add(stream);
    if (this.#state.accepted.size < 2) return;
    this.#events.push({ type: 'mux', milestone: 'session-up' });
    this.#state = { type: 'greeting', message: this.#send(now, MESSAGE_KIND.echo) };
    this.#write(now, GREETING);
  }

  #readControl(now: Millis): void {
    for (
      let bytes = this.#user.read(now, this.#control, READ_LENGTH);
      bytes !== undefined;
      bytes = this.#user.read(now, this.#control, READ_LENGTH)
    )
      for (const message of this.#messages.cut(bytes)) this.#takeMessage(now, message);
  }

  #takeMessage(now: Millis, message: Uint8Array): void {
    const state = this.#state;
    const expected = 'message' in state ? state.message : undefined;
    if (expected === undefined || !bytesEqual(expected, message)) {
      this.#fail('control-differs');
      return;
    }
    if (state.type === 'greeting') {
      state.message = undefined;
      this.#greeted(now);
    } else if (state.type === 'holding') {
      this.#state = { type: 'filling' };
      this.#fill(now);
    } else if (state.type === 'stuck' && this.#returned >= state.behind) {
      this.#fail('control-behind-bulk');
    } else {
      // It was written behind octets of bulk, and is back before them.
      this.#events.push({ type: 'mux', milestone: 'control-ok' });
      this.#state = { type: 'flowing' };
      this.#fill(now);
    }
  }

  #greeted(now: Millis): void {
    if (this.#state.type !== 'greeting' || this.#state.message !== undefined || this.#returned < GREETING) return;
    this.#events.push({ type: 'mux', milestone: 'data-ok' });
    this.#state = { type: 'holding', message: this.#send(now, MESSAGE_KIND.hold) };
  }

  #readBulk(now: Millis): void {
    for (
      let bytes = this.#user.read(now, this.#bulk, READ_LENGTH);
      bytes !== undefined;
      bytes = this.#user.read(now, this.#bulk, READ_LENGTH)
    ) {
      if (this.isOver) return;
      if (this.#returned + bytes.length > this.#written || bytes.some((octet, i) => octet !== this.#octet(this.#returned + i))) {
        this.#fail('bulk-differs');
        return;
      }
      this.#returned += bytes.length;
    }
    if (this.#state.type === 'greeting') this.#greeted(now);
    else if (this.#state.type === 'filling') this.#fail('hold-ignored');
    else if (this.#state.type === 'flowing' && this.#returned === TOTAL) this.#done(now);
  }

  #done(now: Millis): void {
    this.#events.push({ type: 'mux', milestone: 'bulk-ok' });
    this.#events.push({ type: 'mux', milestone: 'backpressure-ok' });
    this.#state = { type: 'over' };
    for (const stream of [this.#control, this.#bulk]) this.#user.finish(now, stream);
  }

  #fill(now: Millis): void {
    const { type } = this.#state;
    if (type === 'filling' || type === 'stuck' || type === 'flowing') this.#write(now, TOTAL);
  }

  /** Writes octets of bulk up to the one of this number, as many as are taken. */
  #write(now: Millis, until: number): void {
    if (this.#written >= until) return;
    const bytes = Uint8Array.from({ length: until - this.#written }, (_, i) => this.#octet(this.#written + i));
    this.#written += this.#user.write(now, this.#bulk, bytes);
  }

  #send(now: Millis, kind: number): Uint8Array {
    const message = new Uint8Array(MESSAGE_LENGTH);
    message[0] = kind;
    message.set(this.#draw(), 1);
    this.#user.write(now, this.#control, message);
    return message;
  }

  /** No octet can be taken for that of another place nearby, or of another run. */
  #octet(at: number): number {
    return ((this.#pattern[at % 32] as number) + (at >>> 5)) & 0xff;
  }

  #draw(): Uint8Array {
    const bytes = new Uint8Array(32);
    this.#entropy.fill(bytes);
    return bytes;
  }

  #fail(label: string): void {
    this.#state = { type: 'over' };
    this.#events.push({ type: 'mux-failed', label });
  }
}

/** Octets of bulk that go there and back before anything is held. */
const GREETING = 96;
/** All octets of bulk: a multiple of what the peer takes without giving new credit (`MUX_PROOF_WINDOW`). */
const TOTAL = GREETING + 32_768;
