import type { Entropy, Ipv4Address, Millis } from '@nexus-net/sansio';
import type { BufferPool } from './buffer-pool.js';
import type { FrameSlab } from './frame-slab.js';
import type { Seq } from './sequence.js';
import type { Tcb } from './tcb.js';
import type { TcpLimitLabel } from './tcp-labels.js';
import type { TcpLimits } from './tcp-options.js';
import type { WordSum } from './word-sum.js';

/** What a connection may ask of the whole: the connection decides, the layer routes, sends and tells. */
export interface TcpContext {
  readonly limits: TcpLimits;
  readonly entropy: Entropy;
  readonly pool: BufferPool;
  readonly slab: FrameSlab;
  readonly words: WordSum;
  /** Time moves on; the later of `now` and what was known. */
  advance(now: Millis): Millis;
  /** Octets that a datagram to `destination` may have. */
  pathMtu(destination: Ipv4Address): number;
  /** Segments of a connection vanish that make packets of `octets`: what the path is taken for now. */
  suspectPath(now: Millis, destination: Ipv4Address, octets: number): number;
  /** The connection may have something to send. */
  wantOutput(tcb: Tcb): void;
  /** A timer was armed: the connection's next deadline may be earlier than it was. */
  timersChanged(tcb: Tcb): void;
  /** Tells the user, once until it has been told. */
  tell(tcb: Tcb, news: number): void;
  /** A passive open is complete. False where the backlog has no room: the handshake stays where it is. */
  admit(tcb: Tcb): boolean;
  /** Sends the segment that lies in `frame` behind the room for the headers below. False where it could not go. */
  sendFrame(now: Millis, frame: Uint8Array, tcb: Tcb): boolean;
  /** RFC 5961 §7: may one more challenge be sent this second? */
  mayChallenge(now: Millis): boolean;
  /** A reset for a segment of this connection that it cannot accept. */
  sendReset(now: Millis, tcb: Tcb, sequence: Seq): void;
  /** The connection has ended: it leaves the tables. */
  remove(tcb: Tcb): void;
  /** The connection goes on as an entry of the TIME-WAIT table. */
  keepTimeWait(now: Millis, tcb: Tcb): void;
  /** No storage for octets is left: somebody has to go. True where a stalled connection was ended. */
  relieve(now: Millis, tcb: Tcb): boolean;
  count(label: TcpLimitLabel): void;
}
