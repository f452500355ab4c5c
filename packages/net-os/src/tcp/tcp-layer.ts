import {
  DeadlineHeap,
  type Entropy,
  type Ipv4Address,
  isIpv4Loopback,
  isIpv4Unicast,
  type Millis,
  NEVER,
  Queue,
  requireArgument,
  uniform,
} from '@nexus-net/sansio';
import { foldSum, IP_PROTOCOL, type TcpOption } from '@nexus-net/wire';
import type { Timed } from '../deadlines.js';
import type { Ipv4Arrival } from '../ipv4/ipv4-input.js';
import type { Ipv4Fields, SendOutcome } from '../ipv4/ipv4-output.js';
import { TokenBucket } from '../token-bucket.js';
import { settleMss } from './acknowledge.js';
import { answerTo, type BareSegment, buildBare } from './bare-segment.js';
import { BufferPool } from './buffer-pool.js';
import type { CongestionFactory } from './congestion.js';
import { ConnectionTable, type FourTuple } from './connection-table.js';
import { endConnection, finish } from './end-connection.js';
import { FrameSlab } from './frame-slab.js';
import { KeyedHash } from './keyed-hash.js';
import { sendAbort, sendNext } from './output.js';
import { ACK, RST, Segment, SYN } from './segment.js';
import { segmentArrives, takeSyn } from './segment-arrives.js';
import { type Seq, seqAdd, seqDiff, seqLt } from './sequence.js';
import { COOKIE_LIFE_MS, makeCookie, readCookie } from './syn-cookie.js';
import { NEWS, Tcb } from './tcb.js';
import { NewsList, OutputList } from './tcb-list.js';
import type {
  TcpConnect,
  TcpConnection,
  TcpConnectionId,
  TcpEvent,
  TcpListen,
  TcpListener,
  TcpListenerId,
  TcpRefusal,
  TcpUser,
} from './tcp-api.js';
import type { TcpContext } from './tcp-context.js';
import type { TcpDropLabel, TcpLimitLabel } from './tcp-labels.js';
import { type ListenerCalls, TcpListenerState } from './tcp-listener.js';
import { MSS_DEFAULT, type ResolvedTcpOptions, resolveTcpOptions, type TcpLimits, type TcpOptions } from './tcp-options.js';
import { TcpSocket } from './tcp-socket.js';
import { type TimeWaitEntry, TimeWaitTable } from './time-wait-table.js';
import { runTimer } from './timeouts.js';
import { WordSum } from './word-sum.js';

/** What TCP needs of the layer below. */
export interface TcpNetwork {
  /** The address of ours that fits the way to `destination`, which must carry `source` if that is given. */
  sourceFor(destination: Ipv4Address, source?: Ipv4Address): Ipv4Address | 'no-address' | 'no-route';
  /** Octets that a datagram to `destination` may have. */
  pathMtu(destination: Ipv4Address): number;
  /** Packets of `octets` to `destination` vanish: what the path is taken for now. */
  suspectPath(now: Millis, destination: Ipv4Address, octets: number): number;
  /** Sends the segment that lies in `frame` behind room for the headers below. The frame is the network's from here on. */
  sendFrame(now: Millis, frame: Uint8Array, source: Ipv4Address, fields: Ipv4Fields): SendOutcome;
  /** Time moves on. */
  advance(now: Millis): Millis;
  count(label: TcpLimitLabel): void;
}

export interface TcpLayerOptions {
  readonly limits: TcpLimits;
  readonly entropy: Entropy;
  readonly network: TcpNetwork;
  /** Instead of the named controls, for experiments. */
  readonly congestion?: CongestionFactory;
}

/** Where a segment lies: `bytes[from..to)`, borrowed for the call. */
export interface SegmentPlace {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** An ICMP error about a segment of ours (RFC 9293 §3.9.2.2). */
export interface TcpIcmpError {
  /** The sequence number in the quote, unsigned or signed. */
  readonly sequence: number;
  /** Hard: port or protocol unreachable. Soft: what may pass (net, host, source route, time exceeded). Size: {@link TcpLayer.pathMtuChanged} follows. */
  readonly severity: 'hard' | 'soft' | 'size';
}

/** TCP of a host: tables of connections and listeners, what goes to whom, and everything that belongs to no connection. */
export class TcpLayer implements TcpContext, Timed, TcpUser<TcpOptions> {
  readonly limits: TcpLimits;
  readonly entropy: Entropy;
  readonly pool: BufferPool;
  readonly slab: FrameSlab = new FrameSlab();
  readonly words: WordSum = new WordSum();
  readonly #network: TcpNetwork;
  readonly #congestion: CongestionFactory | undefined;
  readonly #connections: ConnectionTable;
  readonly #timeWait: TimeWaitTable;
  readonly #listeners = new Map<number, TcpListenerState[]>();
  readonly #deadlines: DeadlineHeap<Tcb>;
  readonly #output = new OutputList();
  readonly #news = new NewsList();
  readonly #acceptable: Queue<TcpListenerState>;
  readonly #segment = new Segment();
  #secrets: Secrets | undefined;
  readonly #resets: TokenBucket;
  readonly #listenerCalls: ListenerCalls;
  #listenerCount = 0;
  #nextId = 1;
  #nextPort = 0;
  #burst = 0;
  #challengesLeft = 0;
  #challengesUntil: Millis = Number.NEGATIVE_INFINITY;

  constructor({ limits, entropy, network, congestion }: TcpLayerOptions) {
    this.limits = limits;
    this.entropy = entropy;
    this.pool = new BufferPool({ octetsMax: limits.bufferOctetsMax, keptMax: Math.min(limits.bufferOctetsMax, POOL_KEPT_MAX) });
    this.#network = network;
    this.#congestion = congestion;
    this.#connections = new ConnectionTable(entropy);
    this.#timeWait = new TimeWaitTable({ countMax: limits.timeWaitCountMax, lifeMs: 2 * limits.segmentLifetimeMs });
    this.#deadlines = new DeadlineHeap(limits.connectionCountMax);
    this.#acceptable = new Queue(limits.listenerCountMax);
    this.#resets = new TokenBucket({ perSecond: limits.resetsPerSecond, burst: limits.resetsPerSecond });
    this.#listenerCalls = {
      accept: (now, listener) => this.#accept(now, listener),
      close: (now, listener) => this.#closeListener(now, listener),
    };
  }

  // ---- the user

  connect(now: Millis, { remote, local = {} }: TcpConnect, options?: TcpOptions): TcpConnection | TcpRefusal {
    const at = this.#network.advance(now);
    requireArgument(isPort(remote.port) && remote.port > 0, 'the remote port is 1..65535');
    requireArgument(local.port === undefined || isPort(local.port), 'the local port is 0..65535');
    const resolved = resolveTcpOptions(options, this.#congestion);
    if (!isIpv4Unicast(remote.address) && !isIpv4Loopback(remote.address)) return 'no-route'; // MUST-46
    const source = this.#network.sourceFor(remote.address, local.address);
    if (source === 'no-address' || source === 'no-route') return source;
    if (this.#connections.size >= this.limits.connectionCountMax) return 'no-buffers';
    const port = this.#portFor(local.port ?? 0, source, remote);
    if (typeof port === 'string') return port;
    const tcb = this.#create(at, resolved, { local: { address: source, port }, remote });
    tcb.enter('active-open');
    tcb.mustSyn = true;
    tcb.socket = new TcpSocket(tcb);
    this.#connections.add(tcb);
    this.wantOutput(tcb);
    return tcb.socket;
  }

  listen(now: Millis, { address, port, backlog = 16 }: TcpListen, options?: TcpOptions): TcpListener | TcpRefusal {
    this.#network.advance(now);
    requireArgument(isPort(port), 'the port is 0..65535');
    requireArgument(Number.isSafeInteger(backlog) && backlog >= 1, 'backlog is a positive integer');
    const resolved = resolveTcpOptions(options, this.#congestion);
    if (this.#listenerCount >= this.limits.listenerCountMax) return 'no-buffers';
    const chosen = port === 0 ? this.#freeListenPort() : port;
    if (chosen === undefined) return 'no-ports';
    const others = this.#listeners.get(chosen) ?? [];
    if (others.some((other) => other.address === undefined || address === undefined || other.address === address))
      return 'address-in-use';
    const id = this.#nextId++ as TcpListenerId;
    const listener = new TcpListenerState({ id, address, port: chosen, backlog, options: resolved }, this.#listenerCalls);
    this.#listeners.set(chosen, [...others, listener]);
    this.#listenerCount += 1;
    return listener.handle;
  }

  /** The next thing for the user. */
  pollEvent(): TcpEvent | undefined {
    const listener = this.#acceptable.shift();
    if (listener !== undefined) {
      listener.isQueuedForNews = false;
      if (!listener.isClosed && listener.pending.length > 0) return { type: 'tcp-acceptable', listener: listener.handle };
      return this.pollEvent();
    }
    for (let tcb = this.#news.first; tcb !== undefined; tcb = this.#news.first) {
      const event = nextNews(tcb);
      if (event !== undefined) return event;
      this.#news.removeFirst();
    }
    return undefined;
  }

  // ---- the network

  /** A TCP packet for an address of ours. */
  input(now: Millis, { packet, reach }: Ipv4Arrival): TcpDropLabel | undefined {
    if (reach !== 'unicast') return 'tcp-not-unicast'; // MUST-57
    const { source, destination, payload } = packet;
    return this.inputSegment(now, { source, destination, bytes: payload, from: 0, to: payload.length });
  }

  /** A segment to an address of ours, by unicast, from an address that a host may have. */
  inputSegment(now: Millis, { source, destination, bytes, from, to }: SegmentPlace): TcpDropLabel | undefined {
    const segment = this.#segment;
    const read = segment.read(bytes, from, to);
    if (read !== 'read') return `tcp-${read}`;
    const addresses = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
    const pseudo = addresses + IP_PROTOCOL.tcp + to - from;
    if (foldSum(pseudo + this.words.sum(bytes, from, to)) !== 0xffff) return 'tcp-bad-checksum';
    if (segment.sourcePort === 0 || segment.destinationPort === 0) return 'tcp-port-zero';
    segment.source = source;
    segment.destination = destination;
    const drop = this.#dispatch(now, segment);
    segment.release();
    return drop;
  }

  /** Sends what connections have to send until one frame or more has gone out; false where nothing is left. */
  pump(now: Millis): boolean {
    for (let tcb = this.#output.first; tcb !== undefined; tcb = this.#output.first) {
      if (sendNext(now, tcb)) {
        this.#burst += 1;
        if (this.#burst >= BURST) this.#rotate(tcb);
        return true;
      }
      this.#burst = 0;
      this.#output.removeFirst();
    }
    return false;
  }

  /**
   * An ICMP error. One whose sequence number is not in flight is forged or late, and has no effect (RFC 5927 §4.1): false. Hard errors end a
   * handshake; a connection that stands takes every one for soft (RFC 5927 §5.2).
   */
  icmpError(tuple: FourTuple, { sequence, severity }: TcpIcmpError): boolean {
    const tcb = this.#connections.find(tuple.localAddress, tuple.localPort, tuple.remoteAddress, tuple.remotePort);
    const at = sequence | 0;
    if (tcb === undefined || seqLt(at, tcb.sndUna) || !seqLt(at, tcb.sndMax)) return false;
    const isOpening = tcb.state === 'SYN-SENT' || (tcb.state === 'SYN-RECEIVED' && tcb.listener === undefined);
    if (severity === 'hard' && isOpening) endConnection(tcb, 'reset', 'refused');
    else if (severity !== 'size') tcb.softError = true;
    return true;
  }

  /**
   * The path to `destination` takes packets of another size (RFC 1191 §3): segments follow, and where they get smaller, what is in flight is sent
   * again at once. That is no sign of congestion (§6.4): windows stay.
   */
  pathMtuChanged(destination: Ipv4Address): void {
    const mtu = this.pathMtu(destination);
    for (const tcb of this.#connections) {
      if (tcb.remoteAddress !== destination) continue;
      const before = tcb.mss;
      settleMss(tcb, mtu);
      if (tcb.mss >= before || tcb.flight === 0 || tcb.congestion === undefined) continue;
      tcb.resent?.clear();
      tcb.lostEdge = tcb.sndNxt;
      tcb.mustResend = true;
      this.wantOutput(tcb);
    }
  }

  /** The next hop of these destinations does not answer: handshakes that go there have no way. */
  neighbourFailed(isBehind: (destination: Ipv4Address) => boolean): void {
    for (const tcb of [...this.#connections]) {
      if (!isBehind(tcb.remoteAddress)) continue;
      if (tcb.state === 'SYN-SENT') endConnection(tcb, 'reset', 'unreachable');
      else tcb.softError = true;
    }
  }

  /** Addresses have gone: connections that leave from one that is no longer ours are over. */
  retainAddresses(isOurs: (address: Ipv4Address) => boolean): void {
    for (const tcb of [...this.#connections]) if (!isOurs(tcb.localAddress)) endConnection(tcb, 'reset', 'unreachable');
  }

  nextTimeout(): Millis {
    return Math.min(this.#nextDeadline(), this.#timeWait.nextTimeout());
  }

  runNext(now: Millis): void {
    const deadline = this.#nextDeadline();
    const expiry = this.#timeWait.nextTimeout();
    if (expiry <= now && expiry <= deadline) {
      this.#expire(this.#timeWait.takeOldest());
      return;
    }
    const tcb = this.#deadlines.first;
    if (tcb === undefined || deadline > now) return;
    runTimer(now, tcb);
    this.#resettle(tcb);
  }

  inspect(): TcpSnapshot {
    const states: Record<string, number> = {};
    for (const { state } of this.#connections) states[state] = (states[state] ?? 0) + 1;
    const listeners = [...this.#listeners.values()].flat();
    return {
      connections: this.#connections.size,
      states,
      timeWait: this.#timeWait.size,
      bufferOctets: this.pool.used,
      listeners: listeners.map(({ id, port, handshakes, pending }) => ({
        id,
        port,
        handshakes: handshakes.size,
        pending: pending.length,
      })),
    };
  }

  // ---- the connections (TcpContext)

  advance(now: Millis): Millis {
    return this.#network.advance(now);
  }

  pathMtu(destination: Ipv4Address): number {
    return this.#network.pathMtu(destination);
  }

  suspectPath(now: Millis, destination: Ipv4Address, octets: number): number {
    return this.#network.suspectPath(now, destination, octets);
  }

  wantOutput(tcb: Tcb): void {
    this.#output.add(tcb);
  }

  timersChanged(tcb: Tcb): void {
    const next = tcb.timers.next();
    if (tcb.deadline === undefined) tcb.deadline = next === NEVER ? undefined : this.#deadlines.schedule(next, tcb);
    else if (next < tcb.deadline.at) this.#deadlines.reschedule(tcb.deadline, next);
  }

  tell(tcb: Tcb, news: number): void {
    tcb.news |= news;
    if (tcb.socket !== undefined) this.#news.add(tcb);
  }

  admit(tcb: Tcb): boolean {
    const { listener } = tcb;
    if (listener === undefined || listener.pending.length >= listener.backlog) return false;
    listener.handshakes.delete(tcb);
    listener.pending.push(tcb);
    if (!listener.isQueuedForNews) {
      listener.isQueuedForNews = true;
      this.#acceptable.push(listener);
    }
    return true;
  }

  sendFrame(now: Millis, frame: Uint8Array, tcb: Tcb): boolean {
    const outcome = this.#network.sendFrame(now, frame, tcb.localAddress, tcb.ipv4);
    if (outcome === 'no-route' || outcome === 'no-address') tcb.softError = true;
    return outcome === 'sent';
  }

  mayChallenge(now: Millis): boolean {
    if (now >= this.#challengesUntil) {
      const high = this.limits.challengesPerSecond;
      this.#challengesLeft = uniform(this.entropy, { low: Math.ceil(high / 2), high });
      this.#challengesUntil = now + 1_000;
    }
    if (this.#challengesLeft === 0) return false;
    this.#challengesLeft -= 1;
    return true;
  }

  sendReset(now: Millis, tcb: Tcb, sequence: Seq): void {
    this.#sendBare(now, {
      source: tcb.localAddress,
      destination: tcb.remoteAddress,
      sourcePort: tcb.localPort,
      destinationPort: tcb.remotePort,
      sequence,
      acknowledgment: 0,
      flags: RST,
      window: 0,
      options: NO_OPTIONS,
    });
  }

  remove(tcb: Tcb): void {
    this.#connections.delete(tcb);
    if (tcb.deadline !== undefined) this.#deadlines.cancel(tcb.deadline);
    tcb.deadline = undefined;
    const { listener } = tcb;
    if (listener === undefined) return;
    listener.handshakes.delete(tcb);
    const index = listener.pending.indexOf(tcb);
    if (index >= 0) listener.pending.splice(index, 1);
    tcb.receiveRing.clear();
    tcb.listener = undefined;
  }

  keepTimeWait(now: Millis, tcb: Tcb): void {
    finish(tcb, 'closed');
    this.remove(tcb);
    const evicted = this.#timeWait.add(now, tcb);
    if (evicted === undefined) return;
    this.count('tcp-time-wait-evicted');
    this.#expire(evicted);
  }

  relieve(now: Millis, asker: Tcb): boolean {
    let victim: Tcb | undefined;
    for (const tcb of this.#connections) {
      if (tcb === asker || tcb.shutSince < 0 || tcb.sendRing.length === 0) continue;
      if (victim === undefined || tcb.shutSince < victim.shutSince) victim = tcb;
    }
    if (victim === undefined) return false;
    this.count('tcp-stalled-evicted');
    sendAbort(now, victim);
    endConnection(victim, 'abort', 'no-buffers');
    return true;
  }

  count(label: TcpLimitLabel): void {
    this.#network.count(label);
  }

  // ---- inside

  /** Drawn when first needed: a host without TCP draws nothing. */
  get #secret(): Secrets {
    this.#secrets ??= {
      isn: new KeyedHash(this.entropy),
      port: new KeyedHash(this.entropy),
      cookie: new KeyedHash(this.entropy),
    };
    return this.#secrets;
  }

  #dispatch(now: Millis, segment: Segment): TcpDropLabel | undefined {
    const tcb = this.#connections.find(segment.destination, segment.destinationPort, segment.source, segment.sourcePort);
    if (tcb !== undefined) {
      if (tcb.state === 'SYN-RECEIVED' && this.#isNewSyn(tcb, segment)) {
        // §3.10.7.4 fourth: a passive open goes back to LISTEN, and the SYN begins anew.
        endConnection(tcb, 'reset', 'reset');
        return this.#toListener(now, segment);
      }
      const drop = segmentArrives(now, tcb, segment);
      if (tcb.end === undefined) this.#output.add(tcb);
      return drop;
    }
    const waiting = this.#timeWait.find(segment);
    if (waiting !== undefined) return this.#inTimeWait(now, waiting, segment);
    return this.#toListener(now, segment);
  }

  #isNewSyn(tcb: Tcb, segment: Segment): boolean {
    if (tcb.listener === undefined || !segment.has(SYN) || segment.has(ACK) || segment.has(RST)) return false;
    const ahead = seqDiff(segment.sequence, tcb.rcvNxt);
    return ahead >= 0 && ahead < tcb.rcvWnd;
  }

  #inTimeWait(now: Millis, entry: TimeWaitEntry, segment: Segment): TcpDropLabel | undefined {
    switch (this.#timeWait.judge(now, entry, segment)) {
      case 'reuse': {
        if (this.#listenerFor(segment) === undefined) break;
        this.#timeWait.delete(entry);
        this.#expire(entry);
        return this.#toListener(now, segment, seqAdd(entry.sndNxt, REUSE_GAP));
      }
      case 'answer':
        break;
      case 'ignore':
        return 'tcp-time-wait';
    }
    const { sndNxt: sequence, rcvNxt: acknowledgment } = entry;
    const window = Math.min(0xffff, entry.rcvWnd >>> entry.rcvShift);
    const options = entry.hasTimestamps
      ? [timestamps(Math.floor(now) + entry.timestampOffset, entry.timestampRecent)]
      : NO_OPTIONS;
    this.#sendBare(now, { ...answerTo(segment), sequence, acknowledgment, flags: ACK, window, options });
    return 'tcp-time-wait';
  }

  /** §3.10.7.1 and §3.10.7.2. `leastIss`: a new incarnation starts behind the old one. */
  #toListener(now: Millis, segment: Segment, leastIss?: Seq): TcpDropLabel | undefined {
    if (segment.has(RST)) return 'tcp-port-closed';
    const listener = this.#listenerFor(segment);
    if (listener === undefined) return this.#refuse(now, segment);
    if (segment.has(ACK)) {
      const outcome = this.#cookieArrives(now, listener, segment) ?? this.#refuse(now, segment);
      return outcome === 'established' ? undefined : outcome;
    }
    if (!segment.has(SYN)) return 'tcp-no-syn';
    if (listener.pending.length >= listener.backlog) return 'tcp-backlog-full';
    if (listener.handshakes.size >= this.limits.handshakeCountMax || this.#connections.size >= this.limits.connectionCountMax) {
      this.#sendCookie(now, listener, segment);
      return undefined;
    }
    const tcb = this.#passive(now, listener, segment);
    if (leastIss !== undefined && seqLt(tcb.iss, leastIss)) this.#setIss(tcb, leastIss);
    tcb.mustSyn = true;
    listener.handshakes.add(tcb);
    this.wantOutput(tcb);
    return undefined;
  }

  #passive(now: Millis, listener: TcpListenerState, segment: Segment): Tcb {
    const tcb = this.#create(now, listener.options, {
      local: { address: segment.destination, port: segment.destinationPort },
      remote: { address: segment.source, port: segment.sourcePort },
    });
    tcb.listener = listener;
    tcb.enter('passive-open');
    tcb.enter('syn');
    takeSyn(now, tcb, segment);
    this.#connections.add(tcb);
    return tcb;
  }

  #sendCookie(now: Millis, listener: TcpListenerState, segment: Segment): void {
    this.count('tcp-syn-cookie');
    listener.cookiesUntil = now + COOKIE_LIFE_MS;
    this.#sendBare(now, {
      ...answerTo(segment),
      sequence: makeCookie(now, this.#secret.cookie, segment),
      acknowledgment: seqAdd(segment.sequence, 1),
      flags: SYN | ACK,
      window: Math.min(0xffff, listener.options.receiveBufferMax),
      options: [{ type: 'mss', octets: Math.min(listener.options.mssMax, this.pathMtu(segment.source) - 40) }],
    });
  }

  /** The third segment of a handshake that was remembered in a cookie. `undefined`: it is none. */
  #cookieArrives(now: Millis, listener: TcpListenerState, segment: Segment): TcpDropLabel | 'established' | undefined {
    if (now > listener.cookiesUntil || segment.has(SYN)) return undefined;
    const mss = readCookie(now, this.#secret.cookie, segment);
    if (mss === undefined) return undefined;
    if (listener.pending.length >= listener.backlog || this.#connections.size >= this.limits.connectionCountMax)
      return 'tcp-backlog-full';
    // The SYN as it was: without the options that the cookie could not hold.
    const { hasTimestamps, sequence } = segment;
    segment.mss = mss;
    segment.windowScale = -1;
    segment.sackPermitted = false;
    segment.hasTimestamps = false;
    segment.sequence = seqAdd(sequence, -1);
    const tcb = this.#passive(now, listener, segment);
    this.#setIss(tcb, seqAdd(segment.acknowledgment, -1));
    tcb.sndNxt = segment.acknowledgment;
    tcb.sndMax = tcb.sndNxt;
    tcb.sndWl2 = tcb.iss;
    tcb.rcvAdv = seqAdd(tcb.rcvNxt, Math.min(0xffff, listener.options.receiveBufferMax));
    segment.sequence = sequence;
    segment.hasTimestamps = hasTimestamps;
    const drop = segmentArrives(now, tcb, segment);
    this.wantOutput(tcb);
    return drop ?? 'established';
  }

  #refuse(now: Millis, segment: Segment): TcpDropLabel {
    // From a loopback address only what came by that interface gets here.
    if (!isIpv4Unicast(segment.source) && !isIpv4Loopback(segment.source)) return 'tcp-not-unicast';
    if (!this.#resets.take(now)) {
      this.count('tcp-reset-limited');
      return 'tcp-port-closed';
    }
    const hasAck = segment.has(ACK);
    this.#sendBare(now, {
      ...answerTo(segment),
      sequence: hasAck ? segment.acknowledgment : 0,
      acknowledgment: hasAck ? 0 : seqAdd(segment.sequence, segment.sequenceLength),
      flags: hasAck ? RST : RST | ACK,
      window: 0,
      options: NO_OPTIONS,
    });
    return 'tcp-port-closed';
  }

  #sendBare(now: Millis, segment: BareSegment): void {
    this.#network.sendFrame(now, buildBare(segment), segment.source, {
      protocol: IP_PROTOCOL.tcp,
      destination: segment.destination,
    });
  }

  #accept(now: Millis, listener: TcpListenerState): TcpConnection | undefined {
    this.#network.advance(now);
    const tcb = listener.pending.shift();
    if (tcb === undefined) return undefined;
    tcb.listener = undefined;
    tcb.socket = new TcpSocket(tcb);
    if (tcb.news !== 0) this.#news.add(tcb);
    return tcb.socket;
  }

  #closeListener(now: Millis, listener: TcpListenerState): void {
    const at = this.#network.advance(now);
    listener.isClosed = true;
    const rest = (this.#listeners.get(listener.port) ?? []).filter((other) => other !== listener);
    if (rest.length === 0) this.#listeners.delete(listener.port);
    else this.#listeners.set(listener.port, rest);
    this.#listenerCount -= 1;
    for (const tcb of [...listener.handshakes, ...listener.pending]) {
      if (tcb.sndNxt !== tcb.iss) sendAbort(at, tcb);
      endConnection(tcb, 'abort', 'aborted');
    }
  }

  #listenerFor({ destination, destinationPort }: Segment): TcpListenerState | undefined {
    for (const listener of this.#listeners.get(destinationPort) ?? [])
      if (listener.address === undefined || listener.address === destination) return listener;
    return undefined;
  }

  #create(now: Millis, options: ResolvedTcpOptions, { local, remote }: Ends): Tcb {
    const tcb = new Tcb(this, options, { id: this.#nextId++ as TcpConnectionId, local, remote });
    const ports = (local.port << 16) | remote.port;
    const hash = this.#secret.isn.hash(local.address, remote.address, ports, 0);
    // RFC 6528 §3: a clock of 4 µs and a keyed hash of the connection.
    this.#setIss(tcb, (hash + Math.floor(now * 250)) | 0);
    tcb.timestampOffset = this.#secret.isn.hash(local.address, remote.address, ports, 1) | 0;
    while (options.windowScaling && tcb.rcvShift < 14 && options.receiveBufferMax / 2 ** tcb.rcvShift > 0xffff) tcb.rcvShift += 1;
    tcb.receiveMss = MSS_DEFAULT;
    return tcb;
  }

  #setIss(tcb: Tcb, iss: Seq): void {
    tcb.iss = iss;
    tcb.sndUna = iss;
    tcb.sndNxt = iss;
    tcb.sndMax = iss;
    tcb.sndWl2 = iss;
    tcb.sendBase = seqAdd(iss, 1);
    tcb.recoverPoint = iss;
    tcb.lostEdge = iss;
  }

  /** RFC 6056 §3.3.3: the port that a secret offset and a counter lead to. */
  #portFor(wanted: number, source: Ipv4Address, remote: Ends['remote']): number | 'address-in-use' | 'no-ports' {
    const tuple = { localAddress: source, remoteAddress: remote.address, remotePort: remote.port };
    const isTaken = (localPort: number): boolean => {
      const whole = { ...tuple, localPort };
      return this.#connections.has(whole) || this.#timeWait.has(whole);
    };
    if (wanted !== 0) return isTaken(wanted) ? 'address-in-use' : wanted;
    const { ephemeralPortMin: low, ephemeralPortMax: high } = this.limits;
    const count = high - low + 1;
    const offset = this.#secret.port.hash(source, remote.address, remote.port, 2);
    for (let tried = 0; tried < count; tried++) {
      const port = low + ((this.#nextPort + offset) % count);
      this.#nextPort = (this.#nextPort + 1) % 2 ** 30;
      if (!this.#listeners.has(port) && !isTaken(port)) return port;
    }
    return 'no-ports';
  }

  #freeListenPort(): number | undefined {
    const { ephemeralPortMin: low, ephemeralPortMax: high } = this.limits;
    const start = uniform(this.entropy, { low, high });
    for (let i = 0; i <= high - low; i++) {
      const port = low + ((start - low + i) % (high - low + 1));
      if (!this.#listeners.has(port)) return port;
    }
    return undefined;
  }

  #rotate(tcb: Tcb): void {
    this.#burst = 0;
    this.#output.removeFirst();
    this.#output.add(tcb);
  }

  /** The earliest deadline of a connection. The heap may hold one that has moved later since: it is put right when it comes to the top. */
  #nextDeadline(): Millis {
    for (;;) {
      const tcb = this.#deadlines.first;
      if (tcb === undefined) return NEVER;
      const next = tcb.timers.next();
      if (next === this.#deadlines.nextAt) return next;
      this.#resettle(tcb);
    }
  }

  #resettle(tcb: Tcb): void {
    if (tcb.deadline === undefined) return;
    const next = tcb.timers.next();
    if (next !== NEVER) this.#deadlines.reschedule(tcb.deadline, next);
    else {
      this.#deadlines.cancel(tcb.deadline);
      tcb.deadline = undefined;
    }
  }

  #expire(entry: TimeWaitEntry | undefined): void {
    if (entry?.tcb?.state === 'TIME-WAIT') entry.tcb.enter('time-wait-over');
  }
}

interface Secrets {
  readonly isn: KeyedHash;
  readonly port: KeyedHash;
  readonly cookie: KeyedHash;
}

interface Ends {
  readonly local: { readonly address: Ipv4Address; readonly port: number };
  readonly remote: { readonly address: Ipv4Address; readonly port: number };
}

/** Counts of the TCP of a host. */
export interface TcpSnapshot {
  readonly connections: number;
  readonly states: Readonly<Record<string, number>>;
  readonly timeWait: number;
  readonly bufferOctets: number;
  readonly listeners: readonly {
    readonly id: number;
    readonly port: number;
    readonly handshakes: number;
    readonly pending: number;
  }[];
}

/** Takes the first of the news that a connection has; `undefined` where it has none. */
function nextNews(tcb: Tcb): TcpEvent | undefined {
  const connection = tcb.socket;
  if (connection === undefined || tcb.news === 0) return undefined;
  const first = tcb.news & -tcb.news;
  tcb.news ^= first;
  switch (first) {
    case NEWS.connected:
      return { type: 'tcp-connected', connection };
    case NEWS.urgent:
      return { type: 'tcp-urgent', connection };
    case NEWS.readable:
      return { type: 'tcp-readable', connection };
    case NEWS.peerClosed:
      return { type: 'tcp-peer-closed', connection };
    case NEWS.writable:
      return { type: 'tcp-writable', connection };
    default:
      return { type: 'tcp-closed', connection, reason: tcb.end ?? 'closed' };
  }
}

function timestamps(value: number, echo: number): TcpOption {
  return { type: 'timestamps', value: value >>> 0, echo: echo >>> 0 };
}

function isPort(port: number): boolean {
  return (port & 0xffff) === port;
}

const NO_OPTIONS: readonly TcpOption[] = [];
/** Segments of one connection before the next one has its turn. */
const BURST = 8;
/** Storage kept for the next connection. */
const POOL_KEPT_MAX = 4_194_304;
/** RFC 9293 §3.6.1: a new incarnation begins this far behind the last number of the old one. */
const REUSE_GAP = 65_536;
