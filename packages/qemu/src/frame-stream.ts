import {
  Counters,
  type Millis,
  NEVER,
  Queue,
  readU32,
  requireArgument,
  type StreamMachine,
  unreachable,
  writeU32,
} from '@nexus-net/sansio';

export interface FrameStreamOptions {
  /** Longest frame in octets, either way; a longer length from the peer ends the link. Default 65 550. */
  readonly frameBytesMax?: number;
  /** Frames waiting for the wire at most; further ones are dropped and counted. Default 4096. */
  readonly transmitCountMax?: number;
  /** Octets waiting for the wire at most, headers included; frames that don't fit are dropped and counted. Default 4 MiB. */
  readonly transmitBytesMax?: number;
  /** Octets of received frames waiting for `pollEvent` at most; frames that don't fit are dropped and counted. Default 8 MiB. */
  readonly receiveBytesMax?: number;
}

/** Why a link ended. */
export type FrameLinkEnd =
  /** The peer closed between two frames. */
  | 'closed'
  /** The peer closed inside a frame or its header. */
  | 'truncated'
  /** A frame of no octets was announced. */
  | 'length-zero'
  /** A frame longer than `frameBytesMax` was announced: the two ends no longer agree on where frames start. */
  | 'length-over-limit';

export type FrameStreamEvent =
  /** A whole frame: destination MAC first, no FCS. The receiver owns the octets. */
  | { readonly type: 'frame'; readonly frame: Uint8Array }
  /** Nothing follows this. `length` is the length that was refused, where that is the reason. */
  | { readonly type: 'ended'; readonly reason: FrameLinkEnd; readonly length?: number };

/** What became of a frame given to {@link FrameStream.sendFrame}. Everything but `queued` is a drop with a counter of that name. */
export type SendOutcome = 'queued' | 'transmit-limit' | 'frame-empty' | 'frame-over-limit' | 'link-ended';

export type FrameStreamReject =
  | Exclude<SendOutcome, 'queued'>
  | 'receive-limit'
  | 'bytes-after-end'
  | Exclude<FrameLinkEnd, 'closed'>;

type State =
  /** `filled` octets of the next header are known. */
  | { readonly type: 'header'; readonly filled: number; readonly length: number }
  | { readonly type: 'body'; readonly frame: Uint8Array; filled: number }
  | { readonly type: 'ended'; readonly reason: FrameLinkEnd };

/**
 * Ethernet frames over a byte stream as QEMU's `-netdev stream` (and `socket`) speaks it: four octets of length,
 * big-endian, then the frame. The stream may be cut anywhere; the frames are the same.
 */
export class FrameStream implements StreamMachine<FrameStreamEvent> {
  readonly #frameBytesMax: number;
  readonly #transmitCountMax: number;
  readonly #transmitBytesMax: number;
  readonly #receiveBytesMax: number;
  readonly #transmits: Queue<Uint8Array>;
  readonly #events: Queue<FrameStreamEvent> = new Queue(Number.MAX_SAFE_INTEGER); // bounded in octets by receiveBytesMax
  readonly #counters = new Counters<FrameStreamReject>();
  #state: State = BETWEEN_FRAMES;
  #transmitBytes = 0;
  #receiveBytes = 0;
  #framesIn = 0;
  #framesOut = 0;

  constructor(options: FrameStreamOptions = {}) {
    const { frameBytesMax = 65_550, transmitCountMax = 4096, transmitBytesMax = 4 * MIB, receiveBytesMax = 8 * MIB } = options;
    requireArgument(isCount(frameBytesMax) && frameBytesMax < 2 ** 31, 'frameBytesMax is an integer 1..2^31-1');
    requireArgument(isCount(transmitCountMax), 'transmitCountMax is an integer of at least 1');
    requireArgument(
      Number.isInteger(transmitBytesMax) && transmitBytesMax >= HEADER_LENGTH + frameBytesMax,
      'transmitBytesMax holds at least one frame of frameBytesMax and its header',
    );
    requireArgument(
      Number.isInteger(receiveBytesMax) && receiveBytesMax >= HEADER_LENGTH + frameBytesMax,
      'receiveBytesMax holds at least one frame of frameBytesMax and its header',
    );
    this.#frameBytesMax = frameBytesMax;
    this.#transmitCountMax = transmitCountMax;
    this.#transmitBytesMax = transmitBytesMax;
    this.#receiveBytesMax = receiveBytesMax;
    this.#transmits = new Queue(transmitCountMax);
  }

  /** Queues a frame for the peer. `frame` is borrowed for the call. */
  sendFrame(_now: Millis, frame: Uint8Array): SendOutcome {
    const outcome = this.#admit(frame);
    if (outcome !== 'queued') {
      this.#counters.increment(outcome);
      return outcome;
    }
    // Header and frame in one array: one element of the system's vectored write instead of two.
    const chunk = new Uint8Array(HEADER_LENGTH + frame.length);
    writeU32(chunk, 0, frame.length);
    chunk.set(frame, HEADER_LENGTH);
    this.#transmits.push(chunk);
    this.#transmitBytes += chunk.length;
    this.#framesOut++;
    return 'queued';
  }

  handleBytes(_now: Millis, bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      switch (this.#state.type) {
        case 'header':
          offset = this.#readHeader(this.#state, bytes, offset);
          break;
        case 'body':
          offset = this.#readBody(this.#state, bytes, offset);
          break;
        case 'ended':
          this.#counters.increment('bytes-after-end');
          return;
        default:
          unreachable(this.#state);
      }
    }
  }

  handleEnd(_now: Millis): void {
    if (this.#state.type === 'ended') return;
    this.#end(this.#state.type === 'header' && this.#state.filled === 0 ? 'closed' : 'truncated');
  }

  handleTimeout(_now: Millis): void {}

  pollTransmit(): Uint8Array | undefined {
    const chunk = this.#transmits.shift();
    if (chunk !== undefined) this.#transmitBytes -= chunk.length;
    return chunk;
  }

  pollEvent(): FrameStreamEvent | undefined {
    const event = this.#events.shift();
    if (event?.type === 'frame') this.#receiveBytes -= HEADER_LENGTH + event.frame.length;
    return event;
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): {
    readonly state: State['type'];
    readonly reason: FrameLinkEnd | undefined;
    readonly framesIn: number;
    readonly framesOut: number;
    readonly transmitBytes: number;
    readonly receiveBytes: number;
    readonly rejects: Partial<Record<FrameStreamReject, number>>;
  } {
    return {
      state: this.#state.type,
      reason: this.#state.type === 'ended' ? this.#state.reason : undefined,
      framesIn: this.#framesIn,
      framesOut: this.#framesOut,
      transmitBytes: this.#transmitBytes,
      receiveBytes: this.#receiveBytes,
      rejects: this.#counters.snapshot(),
    };
  }

  #admit(frame: Uint8Array): SendOutcome {
    if (this.#state.type === 'ended') return 'link-ended';
    if (frame.length === 0) return 'frame-empty';
    if (frame.length > this.#frameBytesMax) return 'frame-over-limit';
    const full =
      this.#transmits.length >= this.#transmitCountMax ||
      this.#transmitBytes + HEADER_LENGTH + frame.length > this.#transmitBytesMax;
    return full ? 'transmit-limit' : 'queued';
  }

  /** Returns the offset up to which `bytes` are used. */
  #readHeader(state: State & { type: 'header' }, bytes: Uint8Array, offset: number): number {
    let { filled, length } = state;
    let end = offset;
    if (filled === 0 && bytes.length - offset >= HEADER_LENGTH) {
      length = readU32(bytes, offset);
      end = offset + HEADER_LENGTH;
    } else {
      for (; filled < HEADER_LENGTH && end < bytes.length; filled++) length = ((length << 8) | (bytes[end++] as number)) >>> 0;
      if (filled < HEADER_LENGTH) {
        this.#enter({ type: 'header', filled, length });
        return end;
      }
    }
    if (length === 0) this.#end('length-zero', length);
    else if (length > this.#frameBytesMax) this.#end('length-over-limit', length);
    else if (bytes.length - end >= length) {
      // The whole frame is here, the usual case: no detour over a partial one.
      const frame = new Uint8Array(length);
      frame.set(bytes.subarray(end, end + length));
      this.#deliver(frame);
      return end + length;
    } else this.#enter({ type: 'body', frame: new Uint8Array(length), filled: 0 });
    return end;
  }

  #readBody(state: State & { type: 'body' }, bytes: Uint8Array, offset: number): number {
    const end = Math.min(bytes.length, offset + state.frame.length - state.filled);
    state.frame.set(bytes.subarray(offset, end), state.filled);
    state.filled += end - offset;
    if (state.filled === state.frame.length) this.#deliver(state.frame);
    return end;
  }

  #deliver(frame: Uint8Array): void {
    if (this.#state !== BETWEEN_FRAMES) this.#enter(BETWEEN_FRAMES);
    const cost = HEADER_LENGTH + frame.length;
    if (this.#receiveBytes + cost > this.#receiveBytesMax) {
      this.#counters.increment('receive-limit');
      return;
    }
    this.#receiveBytes += cost;
    this.#framesIn++;
    this.#events.push({ type: 'frame', frame });
  }

  #end(reason: FrameLinkEnd, length?: number): void {
    if (reason !== 'closed') this.#counters.increment(reason);
    this.#enter({ type: 'ended', reason });
    while (this.#transmits.shift() !== undefined) this.#counters.increment('link-ended'); // nobody is there to read them
    this.#transmitBytes = 0;
    this.#events.push(length === undefined ? { type: 'ended', reason } : { type: 'ended', reason, length });
  }

  #enter(next: State): void {
    this.#state = next;
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}

const HEADER_LENGTH = 4;
const MIB = 2 ** 20;
const BETWEEN_FRAMES: State = { type: 'header', filled: 0, length: 0 };
