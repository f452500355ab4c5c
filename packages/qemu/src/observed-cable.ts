import type { Socket } from 'node:net';
import { monotonicClock } from '@nexus-net/host';
import type { Millis } from '@nexus-net/sansio';
import { FrameLink, type FrameLinkEndInfo } from './frame-link.js';
import type { FrameStreamOptions, SendOutcome } from './frame-stream.js';
import { type FrameOrigin, MirrorMerge } from './mirror-merge.js';

export interface ObservedCableOptions extends FrameStreamOptions {
  /** Each frame that crossed the cable, oldest first. The receiver owns the octets. */
  readonly frame: (frame: Uint8Array, origin: FrameOrigin, now: Millis) => void;
  /** The view of the cable has ended; called once. `views-differ`: QEMU's mirrors contradict each other. */
  readonly ended?: (end: ObservedCableEnd) => void;
}

type LinkView = ReturnType<FrameLink['inspect']>;

/** As of any link. `frames-without-origin`: frames that crossed and were not told, because it could not be known from where they came. */
export type ObservedCableView = Omit<LinkView, 'rejects'> & {
  readonly rejects: LinkView['rejects'] & { readonly 'frames-without-origin'?: number };
};

export type ObservedCableEnd = FrameLinkEndInfo | { readonly reason: 'views-differ' };

/** The sockets of an observed cable, in the order in which their descriptors are dealt out. */
export const OBSERVER_SOCKETS = ['both', 'guest', 'netdev', 'inject'] as const;

/**
 * A cable between a card and something of QEMU's own, watched through its mirrors. What crosses it is seen and not touched; frames of
 * ours can be added for the guest, and are in no mirror.
 */
export class ObservedCable {
  readonly #merge = new MirrorMerge();
  readonly #views: Readonly<Record<FrameOrigin | 'both', FrameLink>>;
  readonly #injector: FrameLink;
  readonly #options: ObservedCableOptions;
  #hasEnded = false;

  constructor(options: ObservedCableOptions) {
    this.#options = options;
    const view = (name: FrameOrigin | 'both'): FrameLink =>
      new FrameLink({
        ...options,
        frame: (frame) => this.#take(name, frame),
        ended: (end) => this.#end(end),
      });
    this.#views = { both: view('both'), guest: view('guest'), netdev: view('netdev') };
    // QEMU says nothing on this one.
    this.#injector = new FrameLink({ ...options, frame: () => undefined, ended: (end) => this.#end(end) });
  }

  /** One socket for each of {@link OBSERVER_SOCKETS}. Once. */
  attach(sockets: readonly Socket[]): void {
    for (const [i, name] of OBSERVER_SOCKETS.entries()) {
      (name === 'inject' ? this.#injector : this.#views[name]).attach(sockets[i] as Socket);
    }
  }

  /** Sends a frame to the guest, beside the cable, or drops it and says why. `frame` is borrowed for the call. */
  send(frame: Uint8Array): SendOutcome {
    return this.#injector.send(frame);
  }

  /** Of the frames to the guest, and of the view of both directions. */
  inspect(): ObservedCableView {
    const { framesIn, ...view } = this.#views.both.inspect();
    const { framesOut, rejects } = this.#injector.inspect();
    const { waiting } = this.#merge;
    const unknown = waiting === 0 ? {} : { 'frames-without-origin': waiting };
    return { ...view, framesIn, framesOut, rejects: { ...view.rejects, ...rejects, ...unknown } };
  }

  async finish(timeoutMs: Millis): Promise<void> {
    await Promise.all([...Object.values(this.#views), this.#injector].map((link) => link.finish(timeoutMs)));
  }

  #take(view: FrameOrigin | 'both', frame: Uint8Array): void {
    this.#merge.push(view, frame);
    for (let next = this.#merge.poll(); next !== undefined; next = this.#merge.poll()) {
      this.#options.frame(next.frame, next.origin, monotonicClock.now());
    }
    if (this.#merge.isBroken) this.#end({ reason: 'views-differ' });
  }

  #end(end: ObservedCableEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.ended?.(end);
  }
}
