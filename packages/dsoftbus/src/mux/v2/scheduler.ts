import { Queue, requireArgument } from '@nexus-net/sansio';
import { MUX_V2 } from './event.js';

/**
 * Whose turn it is. Class 0 goes first, but after a burst of 8 one of the lower classes is served, if one waits. The classes 1 to 7 are
 * equal: they take turns. (RFC-0060 says strict priority; upstream builds this.)
 */
export class MuxV2Scheduler {
  readonly #classes: readonly Queue<number>[] = Array.from({ length: 8 }, () => new Queue<number>(SCHEDULED_COUNT_MAX));
  #burst = 0;
  /** The lower class that is asked first. */
  #cursor = 1;

  /** Another turn for the stream; `false` where too many wait. */
  enqueue(priority: number, streamId: number): boolean {
    const queue = this.#classes[priority];
    requireArgument(queue !== undefined, 'priority is 0..=7');
    return queue.push(streamId);
  }

  dequeue(): number | undefined {
    const high = this.#classes[0] as Queue<number>;
    if (high.length === 0) {
      this.#burst = 0;
      return this.#dequeueLower();
    }
    if (this.#burst >= MUX_V2.highPriorityBurst) {
      const lower = this.#dequeueLower();
      if (lower !== undefined) {
        this.#burst = 0;
        return lower;
      }
    }
    this.#burst++;
    return high.shift();
  }

  #dequeueLower(): number | undefined {
    for (let turn = 0; turn < LOWER_COUNT; turn++) {
      const priority = 1 + ((this.#cursor - 1 + turn) % LOWER_COUNT);
      const streamId = (this.#classes[priority] as Queue<number>).shift();
      if (streamId === undefined) continue;
      this.#cursor = 1 + (priority % LOWER_COUNT);
      return streamId;
    }
    return undefined;
  }
}

const LOWER_COUNT = 7;
/** Upstream has no bound here; a stream is scheduled once for its opening and once for each piece of data. */
const SCHEDULED_COUNT_MAX = 65_536;
