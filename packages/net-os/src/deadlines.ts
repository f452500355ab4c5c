import { type Millis, NEVER } from '@nexus-net/sansio';

/** The entry of a bounded table that is due first; `undefined` where none ever is. The older one where two are due together. */
export function earliest<K, V extends { readonly nextAt: Millis }>(
  table: ReadonlyMap<K, V>,
): { readonly key: K; readonly entry: V } | undefined {
  let best: { readonly key: K; readonly entry: V } | undefined;
  let bestAt = NEVER;
  for (const [key, entry] of table) {
    if (entry.nextAt < bestAt) {
      best = { key, entry };
      bestAt = entry.nextAt;
    }
  }
  return best;
}

/** A part of a machine that has work at certain instants. */
export interface Timed {
  nextTimeout(): Millis;
  /** Does the piece of work that is due first, if it is due by `now`, and re-arms it later than `now`. */
  runNext(now: Millis): void;
}

/**
 * Runs the work of all parts that is due before `now` (`through`: or at `now`), in deadline order. A late call does each
 * piece once, not once for every interval missed: `runNext` re-arms from `now`.
 */
export function runDue(parts: readonly Timed[], { now, through }: { readonly now: Millis; readonly through: boolean }): void {
  for (;;) {
    let next: Timed | undefined;
    let nextAt = NEVER;
    for (const part of parts) {
      const at = part.nextTimeout();
      if (at < nextAt) {
        next = part;
        nextAt = at;
      }
    }
    if (next === undefined || nextAt > now || (nextAt === now && !through)) return;
    next.runNext(now);
  }
}

export function nextTimeoutOf(parts: readonly Timed[]): Millis {
  let next = NEVER;
  for (const part of parts) next = Math.min(next, part.nextTimeout());
  return next;
}
