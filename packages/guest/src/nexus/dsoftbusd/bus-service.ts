import type { Ipv4Address, Millis } from '@nexus-net/sansio';

/** The bus daemon of a machine, in whichever of its modes. It uses the sockets of the machine, and has no timers of its own beside them. */
export interface BusService {
  /** The interface has this address. */
  start(now: Millis, address: Ipv4Address): void;
  /** Moves what can be moved. */
  run(now: Millis): void;
  /** A frame that arrived on the loopback interface. */
  handleLoopbackFrame(frame: Uint8Array): void;
  nextTimeout(): Millis;
}
