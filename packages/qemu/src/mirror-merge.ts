import { bytesEqual, Queue, requireArgument } from '@nexus-net/sansio';

/** Where a frame on a card's cable came from: the guest, or whatever QEMU has at the other end. */
export type FrameOrigin = 'guest' | 'netdev';

/** A frame as it crossed, with its origin. */
export interface CrossedFrame {
  readonly origin: FrameOrigin;
  readonly frame: Uint8Array;
}

/**
 * Three views of one cable made one. QEMU's mirror of both directions has the order of the frames and not where each came from; its
 * mirrors of one direction say that, and are read at other times. A frame is told when the view of its origin has it too.
 *
 * Each view is in order, so the oldest frame is always that at the head of one of the two. A guest that repeats the other end's frames
 * octet by octet can make a frame look like either's: then the views may no longer fit, and what follows is not told rather than guessed.
 */
export class MirrorMerge {
  readonly #both: Queue<Uint8Array>;
  readonly #of: Readonly<Record<FrameOrigin, Queue<Uint8Array>>>;
  #broken = false;

  /** `waitingCountMax`: frames of one view that wait for the others, at most; default 16 384. */
  constructor({ waitingCountMax = 16_384 }: { readonly waitingCountMax?: number } = {}) {
    requireArgument(Number.isInteger(waitingCountMax) && waitingCountMax >= 1, 'waitingCountMax is a positive integer');
    this.#both = new Queue(waitingCountMax);
    this.#of = { guest: new Queue(waitingCountMax), netdev: new Queue(waitingCountMax) };
  }

  /** The views contradict each other, or one of them is too far behind: nothing more is told. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** Frames that crossed and whose origin is not known. */
  get waiting(): number {
    return this.#both.length;
  }

  /** A frame of one of the views; the merge owns it from here on. */
  push(view: FrameOrigin | 'both', frame: Uint8Array): void {
    if (!(view === 'both' ? this.#both : this.#of[view]).push(frame)) this.#broken = true;
  }

  /** The next frame, oldest first, or `undefined` as long as its origin is not known. */
  poll(): CrossedFrame | undefined {
    const frame = this.#both.peek();
    if (frame === undefined || this.#broken) return undefined;
    for (const origin of ['guest', 'netdev'] as const) {
      const head = this.#of[origin].peek();
      if (head === undefined || !bytesEqual(head, frame)) continue;
      this.#of[origin].shift();
      this.#both.shift();
      return { origin, frame };
    }
    // Either the view of its origin is behind, or there is no such view.
    this.#broken = this.#of.guest.length > 0 && this.#of.netdev.length > 0;
    return undefined;
  }
}
