import type { DeadlineEntry, Endpoint, Ipv4Address, Millis } from '@nexus-net/sansio';
import { IP_PROTOCOL } from '@nexus-net/wire';
import type { Ipv4Fields } from '../ipv4/ipv4-output.js';
import { assertTransition } from './assert-transition.js';
import { ByteRing } from './byte-ring.js';
import type { AckFacts, CongestionControl } from './congestion.js';
import type { SeqRanges } from './ranges.js';
import { RoundTrip } from './round-trip.js';
import { type Seq, seqDiff } from './sequence.js';
import type { TcpTransitionEvent } from './states.js';
import type { TcpConnection, TcpConnectionId, TcpEnd, TcpStateName } from './tcp-api.js';
import type { TcpContext } from './tcp-context.js';
import type { TcpListenerState } from './tcp-listener.js';
import { MSS_DEFAULT, type ResolvedTcpOptions } from './tcp-options.js';
import { TimerTable } from './timer-table.js';

/** Bits of `Tcb.news`: what the user is to be told, in the order in which it is told. */
export const NEWS: {
  readonly connected: 1;
  readonly urgent: 2;
  readonly readable: 4;
  readonly peerClosed: 8;
  readonly writable: 16;
  readonly closed: 32;
} = { connected: 1, urgent: 2, readable: 4, peerClosed: 8, writable: 16, closed: 32 };

/**
 * How the sender stands to loss. `open`: nothing known to be lost. `recovery`: repairing what acknowledgments showed to be lost
 * (RFC 6582, RFC 6675). `loss`: repairing after a timeout (RFC 5681 §3.1).
 */
export type LossState = 'open' | 'recovery' | 'loss';

export interface TcbIdentity {
  readonly id: TcpConnectionId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/**
 * The transmission control block: everything that one connection remembers, under the names of RFC 9293 §3.3.1. Plain data; the rules are in
 * `segment-arrives.ts`, `output.ts`, `acknowledge.ts`, `receive-text.ts`, `timeouts.ts` and `tcp-user.ts`. Fields that only some connections need are absent until they do.
 */
export class Tcb {
  readonly context: TcpContext;
  readonly options: ResolvedTcpOptions;
  readonly id: TcpConnectionId;
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  /** What the IPv4 header of every segment says. */
  readonly ipv4: Ipv4Fields;
  /** The pseudo-header's addresses, summed once. */
  readonly addressSum: number;
  /** Of a passive open, until the user has accepted the connection. */
  listener: TcpListenerState | undefined = undefined;
  /** What the user holds; absent before `accept`. */
  socket: TcpConnection | undefined = undefined;
  state: TcpStateName = 'CLOSED';
  end: TcpEnd | undefined = undefined;

  // Send side (RFC 9293 §3.3.1).
  iss: Seq = 0;
  sndUna: Seq = 0;
  sndNxt: Seq = 0;
  /** The highest number ever sent: a probe beyond the window is not counted in `sndNxt`. */
  sndMax: Seq = 0;
  /** In octets, scaled. */
  sndWnd = 0;
  sndWl1: Seq = 0;
  sndWl2: Seq = 0;
  /** SND.UP, while `isSendingUrgent`. */
  sndUp: Seq = 0;
  isSendingUrgent = false;
  /** The largest window the peer ever offered. */
  maxSndWnd = 0;
  sndShift = 0;
  /** Octets from the first one not acknowledged on; `sendBase` is its number. */
  readonly sendRing: ByteRing;
  sendBase: Seq = 0;
  isFinQueued = false;
  isFinSent = false;
  /** Largest text of a segment without options: the least of the peer's MSS, our limit and the path. */
  mss: number = MSS_DEFAULT;
  peerMss: number = MSS_DEFAULT;

  // Receive side.
  irs: Seq = 0;
  rcvNxt: Seq = 0;
  /** Right edge of the window offered. */
  rcvAdv: Seq = 0;
  rcvShift = 0;
  rcvUp: Seq = 0;
  isReceivingUrgent = false;
  readonly receiveRing: ByteRing;
  /** What has arrived beyond a hole. */
  holes: SeqRanges | undefined = undefined;
  /** Where the last octet that arrived beyond a hole begins: its block goes first in a SACK option (RFC 2018 §4). */
  lastBeyond: Seq = 0;
  /** The number of the peer's FIN, once seen. */
  peerFin: Seq | undefined = undefined;
  isPeerFinTaken = false;
  /** RCV.MSS: the largest segment seen, for delayed acknowledgments and window updates. */
  receiveMss: number = MSS_DEFAULT;

  // Options agreed on.
  hasTimestamps = false;
  hasSack = false;
  hasScaling = false;
  timestampOffset = 0;
  /** TS.Recent (RFC 7323 §4.3) and when it came. */
  timestampRecent = 0;
  timestampRecentAt: Millis = 0;
  lastAckSent: Seq = 0;
  /** REMOTE_UTO of RFC 5482 in milliseconds; 0 for none. */
  remoteUserTimeoutMs: Millis = 0;

  // Loss and congestion.
  readonly roundTrip: RoundTrip;
  congestion: CongestionControl | undefined = undefined;
  lossState: LossState = 'open';
  /** Recovery lasts until this is acknowledged. */
  recoverPoint: Seq = 0;
  /** Everything in flight before this, and not selectively acknowledged, is taken for lost. */
  lostEdge: Seq = 0;
  /** What the peer holds beyond holes (RFC 6675 scoreboard). */
  sacked: SeqRanges | undefined = undefined;
  /** What of the lost has been sent again. */
  resent: SeqRanges | undefined = undefined;
  /** `sndNxt` when the octet at `sndUna` was sent again: later octets that arrive show that this one is lost once more. */
  headMark: Seq = 0;
  duplicateAcks = 0;
  /** Send one segment of the lost whatever the window says (RFC 6675 §5 (4.3), RFC 5681 §3.2 (3)). */
  mustResend = false;
  /** The window of congestion held the sender back since the last acknowledgment. */
  isCongestionLimited = false;
  /** The segment whose round trip is being measured, without timestamps (RFC 6298 §3). */
  timedEnd: Seq = 0;
  timedAt: Millis = 0;
  isTiming = false;
  lastSentAt: Millis = 0;
  /** The largest text that is known to have passed the path. */
  provenText = 0;
  /** The largest text of a segment since nothing was in flight. */
  flightText = 0;
  /** When segments were made small because full ones seemed to vanish; -1 while they are not. */
  blackHoleAt: Millis = -1;
  /** Timeouts in a row without progress. */
  timeoutsInRow = 0;
  persistBackoff = 0;
  keepAliveSent = 0;
  lastHeardAt: Millis = 0;
  /** Since when the peer's window is shut; -1 while it is not. */
  shutSince: Millis = -1;

  // What waits to be sent.
  mustSyn = false;
  mustAck = false;
  mustProbe = false;
  mustKeepAlive = false;
  /** Override of silly-window avoidance by the persist timer. */
  mustPush = false;
  unackedSegments = 0;
  isQueuedForOutput = false;

  // The user.
  noDelay: boolean;
  keepAliveMs: Millis | undefined;
  userTimeoutMs: Millis | undefined;
  zeroWindowTimeoutMs: Millis;
  wantsRead = true;
  wantsWrite = false;
  /** The user called `close`: nobody will read. */
  isReleased = false;
  news = 0;
  isQueuedForNews = false;
  softError = false;
  lastOutOfWindowAckAt: Millis = Number.NEGATIVE_INFINITY;
  challengeTokens = 0;
  challengeAt: Millis = Number.NEGATIVE_INFINITY;

  // Counts.
  segmentsSent = 0;
  segmentsReceived = 0;
  octetsSent = 0;
  octetsReceived = 0;
  octetsRetransmitted = 0;
  timeouts = 0;
  fastRetransmits = 0;
  duplicateAcksTotal = 0;

  readonly timers: TimerTable = new TimerTable();
  /** Place in the heap of deadlines; the layer's. */
  deadline: DeadlineEntry<Tcb> | undefined = undefined;
  /** Next of the same hash, next that wants to send, next with news; the layer's. */
  chain: Tcb | undefined = undefined;
  nextForOutput: Tcb | undefined = undefined;
  nextForNews: Tcb | undefined = undefined;
  hash = 0;

  constructor(context: TcpContext, options: ResolvedTcpOptions, { id, local, remote }: TcbIdentity) {
    this.context = context;
    this.options = options;
    this.id = id;
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    const { ttl, trafficClass } = options;
    this.ipv4 = { protocol: IP_PROTOCOL.tcp, destination: remote.address, ttl, trafficClass };
    this.addressSum = (local.address >>> 16) + (local.address & 0xffff) + (remote.address >>> 16) + (remote.address & 0xffff);
    this.sendRing = new ByteRing(context.pool);
    this.receiveRing = new ByteRing(context.pool);
    this.roundTrip = new RoundTrip(options);
    this.noDelay = options.noDelay;
    this.keepAliveMs = options.keepAliveMs;
    this.userTimeoutMs = options.userTimeoutMs;
    this.zeroWindowTimeoutMs = options.zeroWindowTimeoutMs;
  }

  /** The only way from one state to another. */
  enter(event: TcpTransitionEvent): void {
    this.state = assertTransition(this.state, event);
  }

  /** Octets in flight, FIN and SYN included. */
  get flight(): number {
    return seqDiff(this.sndNxt, this.sndUna);
  }

  /** Octets of text accepted and not sent. */
  get unsent(): number {
    return this.sendRing.length - Math.max(0, seqDiff(this.sndNxt, this.sendBase)) + (this.isFinSent ? 1 : 0);
  }

  /** The number that our FIN has or will have. */
  get finSequence(): Seq {
    return (this.sendBase + this.sendRing.length) | 0;
  }

  /** Header octets of options in every segment after the handshake. */
  get optionLength(): number {
    return this.hasTimestamps ? 12 : 0;
  }

  /** Largest text of one segment. */
  get textMax(): number {
    return this.mss - (this.hasTimestamps ? 12 : 0);
  }

  /** RCV.WND: what the peer may send. */
  get rcvWnd(): number {
    return Math.max(0, seqDiff(this.rcvAdv, this.rcvNxt));
  }

  /** Our timestamp clock: milliseconds from a random origin (RFC 7323 §5.4). */
  timestampAt(now: Millis): number {
    return (Math.floor(now) + this.timestampOffset) | 0;
  }

  /** Octets that the user may still put into the send buffer. */
  get sendRoom(): number {
    return Math.max(0, this.options.sendBufferMax - this.sendRing.length);
  }

  /** One object for all acknowledgments of all connections: it holds for one call. */
  static readonly ackFacts: { -readonly [K in keyof AckFacts]: AckFacts[K] } = {
    now: 0,
    acked: 0,
    flight: 0,
    mss: 0,
    smoothedMs: 0,
    isLimited: false,
  };
}
