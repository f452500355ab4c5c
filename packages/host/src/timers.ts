import type { Millis } from '@nexus-net/sansio';

/** Starts one-shot timers. The seam at which a test replaces real time. */
export interface Timers {
  /** Calls `run` once, after about `delayMs` (0..{@link TIMER_DELAY_MS_MAX}). The returned function disarms it; calling that twice is harmless. */
  after(delayMs: Millis, run: () => void): () => void;
}

/** The longest delay that Node's `setTimeout` honours: anything longer fires after 1 ms instead. */
export const TIMER_DELAY_MS_MAX: Millis = 2 ** 31 - 1;

/** `setTimeout`. An armed timer keeps the process alive. */
export const systemTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
