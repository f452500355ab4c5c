import { type Endpoint, formatIpv4, type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import { endConnection } from './end-connection.js';
import { sendAbort } from './output.js';
import { readNext } from './receive-text.js';
import { armFinWait2, armKeepAlive } from './segment-arrives.js';
import { seqAdd, seqDiff, toUnsigned } from './sequence.js';
import type { Tcb } from './tcb.js';
import type {
  TcpConnection,
  TcpConnectionId,
  TcpConnectionSnapshot,
  TcpEnd,
  TcpSendOptions,
  TcpStateName,
  TcpTunable,
} from './tcp-api.js';
import { requireTunable } from './tcp-options.js';
import { TIMER } from './timer-table.js';
import { userTimeoutOf } from './user-timeout.js';

/** What the user of a connection holds: the calls of RFC 9293 §3.9.1 and §3.10. */
export class TcpSocket implements TcpConnection {
  readonly id: TcpConnectionId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #tcb: Tcb;

  constructor(tcb: Tcb) {
    this.#tcb = tcb;
    this.id = tcb.id;
    this.local = { address: tcb.localAddress, port: tcb.localPort };
    this.remote = { address: tcb.remoteAddress, port: tcb.remotePort };
  }

  get state(): TcpStateName {
    return this.#tcb.state;
  }

  get end(): TcpEnd | undefined {
    return this.#tcb.end;
  }

  get readableCount(): number {
    return this.#tcb.receiveRing.length;
  }

  get writableCount(): number {
    const tcb = this.#tcb;
    return tcb.end === undefined && !tcb.isFinQueued ? tcb.sendRoom : 0;
  }

  get unacknowledgedCount(): number {
    return this.#tcb.sendRing.length;
  }

  get urgentCount(): number {
    const tcb = this.#tcb;
    return tcb.isReceivingUrgent ? Math.max(0, seqDiff(tcb.rcvUp, readNext(tcb))) : 0;
  }

  send(now: Millis, bytes: Uint8Array, { urgent = false }: TcpSendOptions = {}): number | 'would-block' | TcpEnd {
    const tcb = this.#tcb;
    if (tcb.end !== undefined) return tcb.end;
    if (tcb.isFinQueued) return 'closed';
    const at = tcb.context.advance(now);
    if (tcb.end !== undefined) return tcb.end;
    const ring = tcb.sendRing;
    const count = Math.min(bytes.length, tcb.sendRoom);
    const fits =
      ring.reserve(ring.length + count, ring.length) ||
      (tcb.context.relieve(at, tcb) && ring.reserve(ring.length + count, ring.length));
    if (count < bytes.length || !fits) tcb.wantsWrite = true;
    if (count === 0 || !fits) return bytes.length === 0 ? 0 : 'would-block';
    ring.write(ring.length, bytes, { from: 0, to: count });
    ring.commit(count);
    if (urgent && count === bytes.length) {
      tcb.sndUp = seqAdd(tcb.sendBase, ring.length);
      tcb.isSendingUrgent = true;
    }
    if (tcb.state === 'ESTABLISHED' || tcb.state === 'CLOSE-WAIT') tcb.context.wantOutput(tcb);
    return count;
  }

  receiveInto(now: Millis, target: Uint8Array): number | 'would-block' | 'eof' | TcpEnd {
    const tcb = this.#tcb;
    tcb.context.advance(now);
    const ring = tcb.receiveRing;
    const count = Math.min(target.length, ring.length);
    if (count === 0) return this.#nothing(target.length);
    ring.copyOut(target, 0, { at: 0, count });
    ring.consume(count, tcb.holes !== undefined && tcb.holes.count > 0);
    if (tcb.isReceivingUrgent && seqDiff(tcb.rcvUp, readNext(tcb)) <= 0) tcb.isReceivingUrgent = false;
    if (ring.length === 0) tcb.wantsRead = true;
    offerMore(tcb);
    return count;
  }

  receive(now: Millis, countMax: number = Number.POSITIVE_INFINITY): Uint8Array | 'would-block' | 'eof' | TcpEnd {
    requireArgument(countMax >= 1, 'countMax is at least 1');
    const { receiveRing } = this.#tcb;
    if (receiveRing.length === 0) return this.#nothing(1) as 'would-block' | 'eof' | TcpEnd;
    const bytes = new Uint8Array(Math.min(countMax, receiveRing.length));
    this.receiveInto(now, bytes);
    return bytes;
  }

  shutdown(now: Millis): void {
    const tcb = this.#tcb;
    const at = tcb.context.advance(now);
    if (tcb.end !== undefined || tcb.isFinQueued) return;
    tcb.isFinQueued = true;
    switch (tcb.state) {
      case 'ESTABLISHED':
      case 'CLOSE-WAIT':
        tcb.enter('close');
        if (!tcb.timers.isArmed(TIMER.user)) tcb.timers.arm(TIMER.user, at + userTimeoutOf(tcb));
        tcb.context.timersChanged(tcb);
        tcb.context.wantOutput(tcb);
        return;
      default:
        // The handshake is going on: the FIN goes out after it (RFC 9293 §3.10.4).
        return;
    }
  }

  close(now: Millis): void {
    const tcb = this.#tcb;
    if (tcb.isReleased) return;
    const at = tcb.context.advance(now);
    tcb.isReleased = true;
    if (tcb.end !== undefined) {
      tcb.receiveRing.clear();
      return;
    }
    if (tcb.state === 'SYN-SENT') {
      endConnection(tcb, 'close', 'closed');
      return;
    }
    if (tcb.receiveRing.length > 0) {
      // RFC 2525 §2.17: octets that nobody will read; the peer must not think that they were.
      this.abort(at);
      return;
    }
    this.shutdown(at);
    armFinWait2(at, tcb);
  }

  abort(now: Millis): void {
    const tcb = this.#tcb;
    const at = tcb.context.advance(now);
    tcb.isReleased = true;
    if (tcb.end !== undefined) {
      tcb.receiveRing.clear();
      return;
    }
    if (tcb.state !== 'SYN-SENT') sendAbort(at, tcb);
    endConnection(tcb, 'abort', 'aborted');
  }

  configure(now: Millis, options: TcpTunable): void {
    requireTunable(options);
    const tcb = this.#tcb;
    const at = tcb.context.advance(now);
    tcb.noDelay = options.noDelay ?? tcb.noDelay;
    tcb.userTimeoutMs = options.userTimeoutMs ?? tcb.userTimeoutMs;
    tcb.zeroWindowTimeoutMs = options.zeroWindowTimeoutMs ?? tcb.zeroWindowTimeoutMs;
    if (tcb.end !== undefined) return;
    if ('keepAliveMs' in options) {
      tcb.keepAliveMs = options.keepAliveMs;
      if (tcb.state !== 'SYN-SENT' && tcb.state !== 'SYN-RECEIVED') armKeepAlive(at, tcb);
    }
    if (options.userTimeoutMs !== undefined && tcb.timers.isArmed(TIMER.user) && tcb.state !== 'SYN-SENT')
      tcb.timers.arm(TIMER.user, at + options.userTimeoutMs);
    if (options.zeroWindowTimeoutMs !== undefined && tcb.shutSince >= 0 && tcb.timers.isArmed(TIMER.user))
      tcb.timers.arm(TIMER.user, Math.min(tcb.timers.at(TIMER.user), Math.max(at, tcb.shutSince + options.zeroWindowTimeoutMs)));
    tcb.context.timersChanged(tcb);
    tcb.context.wantOutput(tcb);
  }

  inspect(): TcpConnectionSnapshot {
    const tcb = this.#tcb;
    return {
      id: tcb.id,
      local: `${formatIpv4(tcb.localAddress)}:${tcb.localPort}`,
      remote: `${formatIpv4(tcb.remoteAddress)}:${tcb.remotePort}`,
      state: tcb.state,
      ...(tcb.end === undefined ? {} : { end: tcb.end }),
      send: {
        una: toUnsigned(tcb.sndUna),
        nxt: toUnsigned(tcb.sndNxt),
        wnd: tcb.sndWnd,
        mss: tcb.mss,
        buffered: tcb.sendRing.length,
      },
      receive: {
        nxt: toUnsigned(tcb.rcvNxt),
        wnd: tcb.rcvWnd,
        buffered: tcb.receiveRing.length,
        holes: tcb.holes?.count ?? 0,
      },
      congestion: {
        name: tcb.congestion?.name ?? 'none yet',
        window: tcb.congestion?.window ?? 0,
        slowStartThreshold: tcb.congestion?.slowStartThreshold ?? NEVER,
      },
      rttMs: {
        smoothed: tcb.roundTrip.smoothedMs,
        variation: tcb.roundTrip.variationMs,
        timeout: tcb.roundTrip.timeoutMs,
      },
      timers: tcb.timers.inspect(),
      counts: {
        segmentsSent: tcb.segmentsSent,
        segmentsReceived: tcb.segmentsReceived,
        octetsSent: tcb.octetsSent,
        octetsReceived: tcb.octetsReceived,
        octetsRetransmitted: tcb.octetsRetransmitted,
        timeouts: tcb.timeouts,
        fastRetransmits: tcb.fastRetransmits,
        duplicateAcks: tcb.duplicateAcksTotal,
      },
    };
  }

  /** What `receive` says where there is nothing to read. */
  #nothing(wanted: number): 0 | 'would-block' | 'eof' | TcpEnd {
    const tcb = this.#tcb;
    if (tcb.receiveRing.length > 0 && wanted === 0) return 0;
    if (tcb.isPeerFinTaken && (tcb.end === undefined || tcb.end === 'closed')) return 'eof';
    if (tcb.end !== undefined) return tcb.end;
    if (wanted === 0) return 0;
    tcb.wantsRead = true;
    return 'would-block';
  }
}

/**
 * RFC 9293 §3.8.6.2.2: a window update where the user made room for two segments, or half of the buffer; for one where the peer has no room left to send
 * two: it may be waiting.
 */
function offerMore(tcb: Tcb): void {
  if (tcb.end !== undefined || tcb.isPeerFinTaken || tcb.state === 'TIME-WAIT') return;
  const limit = tcb.options.receiveBufferMax;
  const room = Math.min(limit - tcb.receiveRing.length, 0xffff << tcb.rcvShift);
  const growth = seqDiff(seqAdd(tcb.rcvNxt, room), tcb.rcvAdv);
  const isTight = tcb.rcvWnd < 2 * tcb.receiveMss;
  if (growth < Math.min(limit >>> 1, isTight ? tcb.receiveMss : 2 * tcb.receiveMss) || growth <= 0) return;
  tcb.mustAck = true;
  tcb.context.wantOutput(tcb);
}
