import type { Millis } from '@nexus-net/sansio';

/** A service that lives on sockets. The owner of the sockets calls `run` whenever they have moved. */
export interface SocketService<Event> {
  /** Does all that can be done at `now`. Idempotent; early, late or twice is legal. */
  run(now: Millis): void;
  pollEvent(): Event | undefined;
  /** When `run` wants to be called though the sockets have not moved; `NEVER` when idle. */
  nextTimeout(): Millis;
  /** Closes its sockets, at once. */
  stop(): void;
}
