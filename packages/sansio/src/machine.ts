import type { Ipv4Address } from './ipv4-address.js';
import type { Millis } from './time.js';

/**
 * The shape of every machine. The loop of a driver is always the same: mutate once (`handle*`, or a command of the
 * application), drain `pollTransmit`, drain `pollEvent`, sleep until `nextTimeout()`.
 *
 * Time never goes backwards: a machine that is handed an earlier `now` than before keeps the later one.
 */
export interface Machine<Transmit, Event> {
  /** Advances time. Idempotent; may be called early, late or twice. Runs all due work in deadline order, each once. */
  handleTimeout(now: Millis): void;
  /** The next thing for the wire, oldest first, or `undefined`. Its bytes belong to the caller from here on. */
  pollTransmit(): Transmit | undefined;
  /** The next thing for the application, oldest first, or `undefined`. */
  pollEvent(): Event | undefined;
  /** The instant at which `handleTimeout` wants to be called; `NEVER` when idle. Pure. */
  nextTimeout(): Millis;
}

/** Where a datagram comes from or goes to. */
export interface Endpoint {
  readonly address: Ipv4Address;
  /** UDP or TCP port, 0..65535. */
  readonly port: number;
}

/** One UDP datagram with both of its ends. */
export interface Datagram {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly payload: Uint8Array;
}

/** A machine over datagrams. `payload` is borrowed for the call: the machine copies what it keeps. */
export interface DatagramMachine<Transmit, Event> extends Machine<Transmit, Event> {
  handleDatagram(now: Millis, datagram: Datagram): void;
}

/** A machine over Ethernet frames (destination MAC first, no FCS). `frame` is borrowed for the call. */
export interface FrameMachine<Event, Transmit = Uint8Array> extends Machine<Transmit, Event> {
  handleFrame(now: Millis, frame: Uint8Array): void;
}

/** A machine over a byte stream: any split of the stream gives the same events. `bytes` are borrowed for the call. */
export interface StreamMachine<Event> extends Machine<Uint8Array, Event> {
  handleBytes(now: Millis, bytes: Uint8Array): void;
  /** The peer will send no more. */
  handleEnd(now: Millis): void;
}
