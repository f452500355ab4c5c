import { type Ipv4Address, type Millis, readU16, requireArgument, unreachable } from '@nexus-net/sansio';
import { decodeIcmpv4, encodeIcmpv4, ICMP_UNREACHABLE, type Icmpv4Message, IP_PROTOCOL } from '@nexus-net/wire';
import type { PingFailure, PingId } from '../host-event.js';
import type { HostPort } from '../host-port.js';
import type { Ipv4Arrival } from '../ipv4/ipv4-input.js';
import type { Ipv4Output } from '../ipv4/ipv4-output.js';
import type { ExpiredQuote } from '../ipv4/reassembly.js';
import type { DropLabel } from '../labels.js';
import { TokenBucket } from '../token-bucket.js';
import { decodeIcmpQuote, type IcmpQuote, quoteOf } from './icmp-quote.js';
import { PingTable } from './ping-table.js';

export interface PingRequest {
  readonly destination: Ipv4Address;
  /** 0..65535. Default: one number for each host, drawn at construction. */
  readonly identifier?: number;
  /** 0..65535. Default: counts up. */
  readonly sequence?: number;
  /** Default: 56 octets, as ping(8) sends. Borrowed for the call. */
  readonly payload?: Uint8Array;
  /** Default 5 000 ms. An answer at the very instant is in time. */
  readonly timeoutMs?: Millis;
}

/** An ICMP error of somebody else, of a packet that this host may have sent. */
export interface IcmpReport {
  /** `too-big`: unreachable with code 4, fragmentation needed (RFC 1191). */
  readonly kind: 'unreachable' | 'too-big' | 'time-exceeded';
  readonly code: number;
  readonly quote: IcmpQuote;
  readonly reporter: Ipv4Address;
}

/**
 * Judges the quote of an error: true where this transport sent that packet, and has done what the error asks for. What a
 * transport does not recognise has no effect at all (RFC 5927 §4.1).
 */
export type IcmpErrorSink = (now: Millis, report: IcmpReport) => boolean;

export interface IcmpLayerOptions {
  readonly pingCountMax: number;
  readonly errorsPerSecond: number;
  readonly errorBurst: number;
  readonly answerBroadcastEcho: boolean;
  readonly port: HostPort;
  readonly output: Ipv4Output;
  /** Which addresses of ours a quote's source may be. */
  readonly isOurs: (address: Ipv4Address) => boolean;
  readonly onUdpError: IcmpErrorSink;
  readonly onTcpError: IcmpErrorSink;
  /** The path to `destination` takes no more than `mtu` octets in a packet from now on. */
  readonly onPathMtu: (now: Millis, path: { readonly destination: Ipv4Address; readonly mtu: number }) => void;
}

/** ICMP of a host (RFC 792, RFC 1122 §3.2.2): answers echo, asks it, sends and reads errors. */
export class IcmpLayer {
  readonly pings: PingTable;
  readonly #options: IcmpLayerOptions;
  readonly #errors: TokenBucket;
  readonly #identifier: number;
  #nextSequence = 1;
  #nextId = 1;

  constructor(options: IcmpLayerOptions) {
    this.#options = options;
    this.pings = new PingTable(options.pingCountMax, options.port);
    this.#errors = new TokenBucket({ perSecond: options.errorsPerSecond, burst: options.errorBurst });
    this.#identifier = options.port.entropy.u32() & 0xffff;
  }

  input(now: Millis, arrival: Ipv4Arrival): DropLabel | undefined {
    const decoded = decodeIcmpv4(arrival.packet.payload);
    if (!decoded.ok) return `icmp-${decoded.error}`;
    const message = decoded.value;
    switch (message.type) {
      case 'echo-request':
        return this.#answer(now, arrival, message);
      case 'echo-reply':
        return this.pings.answer(now, { ...message, from: arrival.packet.source }) ? undefined : 'icmp-unmatched-reply';
      case 'destination-unreachable':
        return this.#report(now, arrival, {
          kind: message.code === ICMP_UNREACHABLE.fragmentationNeeded ? 'too-big' : 'unreachable',
          code: message.code,
          original: message.original,
          nextHopMtu: message.nextHopMtu,
        });
      case 'time-exceeded':
        return this.#report(now, arrival, {
          kind: 'time-exceeded',
          code: message.code,
          original: message.original,
          nextHopMtu: 0,
        });
      case 'other':
        // Redirect, source quench, timestamp, mask: not acted on (RFC 1122 §3.2.2.2, RFC 6633, CVE-1999-0524).
        return 'icmp-ignored';
      default:
        return unreachable(message);
    }
  }

  /** Tells the sender of a packet to us that nobody here takes it (RFC 1122 §3.2.2.1). Rate limited. */
  sendUnreachable(now: Millis, { packet, bytes, reach }: Ipv4Arrival, code: 2 | 3): void {
    if (reach !== 'unicast') return; // §3.2.2: never about a broadcast
    const { source, destination } = packet;
    const original = quoteOf(bytes);
    this.#sendError(now, { source, destination }, { type: 'destination-unreachable', code, nextHopMtu: 0, original });
  }

  /** Tells the sender that the rest of a datagram never came (RFC 792, code 1). Rate limited. */
  sendReassemblyTimeExceeded(now: Millis, { source, destination, quote }: ExpiredQuote): void {
    if (!this.#options.isOurs(destination)) return; // a broadcast, or an address that is gone
    this.#sendError(now, { source, destination }, { type: 'time-exceeded', code: 1, original: quote });
  }

  #sendError(
    now: Millis,
    { source, destination }: { readonly source: Ipv4Address; readonly destination: Ipv4Address },
    message: Icmpv4Message,
  ): void {
    if (!this.#errors.take(now)) {
      this.#options.port.count('icmp-error-limited');
      return;
    }
    this.#options.output.send(now, {
      protocol: IP_PROTOCOL.icmp,
      source: destination,
      destination: source,
      payload: encodeIcmpv4(message),
      fragmentation: 'allow',
    });
  }

  ping(now: Millis, { destination, identifier = this.#identifier, sequence, payload, timeoutMs = 5_000 }: PingRequest): PingId {
    requireArgument((identifier & 0xffff) === identifier, 'identifier is an integer 0..65535');
    requireArgument(sequence === undefined || (sequence & 0xffff) === sequence, 'sequence is an integer 0..65535');
    requireArgument(timeoutMs > 0, 'timeoutMs is positive');
    const id = this.#nextId++ as PingId;
    const sent = {
      id,
      destination,
      identifier,
      sequence: sequence ?? this.#nextSequence++ & 0xffff,
      payload: payload?.slice() ?? DEFAULT_PAYLOAD,
      sentAt: now,
      nextAt: now + timeoutMs,
    };
    const failure = this.#send(now, sent);
    if (failure === undefined) this.pings.add(sent);
    else this.#options.port.emit({ type: 'ping-failed', id, destination, reason: failure });
    return id;
  }

  #send(
    now: Millis,
    {
      destination,
      identifier,
      sequence,
      payload,
    }: { destination: Ipv4Address; identifier: number; sequence: number; payload: Uint8Array },
  ): PingFailure | undefined {
    if (!this.pings.hasRoom) {
      this.#options.port.count('ping-table-full');
      return 'no-buffers';
    }
    const message = encodeIcmpv4({ type: 'echo-request', identifier, sequence, payload });
    const outcome = this.#options.output.send(now, { protocol: IP_PROTOCOL.icmp, destination, payload: message });
    return outcome === 'sent' ? undefined : outcome;
  }

  #answer(
    now: Millis,
    { packet, reach }: Ipv4Arrival,
    request: Extract<Icmpv4Message, { readonly type: 'echo-request' | 'echo-reply' }>,
  ): DropLabel | undefined {
    if (reach !== 'unicast' && !this.#options.answerBroadcastEcho) return 'icmp-broadcast-echo';
    const outcome = this.#options.output.send(now, {
      protocol: IP_PROTOCOL.icmp,
      ...(reach === 'unicast' ? { source: packet.destination } : {}),
      destination: packet.source,
      trafficClass: packet.trafficClass, // RFC 1349 §5.1: the same service as the request
      payload: encodeIcmpv4({ ...request, type: 'echo-reply' }),
      fragmentation: 'allow',
    });
    if (outcome === 'sent') return undefined;
    return outcome === 'no-route' || outcome === 'no-address' ? 'no-route-back' : 'reply-not-sent';
  }

  /** RFC 1122 §3.2.2: the quote says what the error is about; one that isn't about us is nothing (RFC 5927 §4.1). */
  #report(
    now: Millis,
    { packet: { source: reporter } }: Ipv4Arrival,
    {
      kind,
      code,
      original,
      nextHopMtu,
    }: Pick<IcmpReport, 'kind' | 'code'> & { readonly original: Uint8Array; readonly nextHopMtu: number },
  ): DropLabel | undefined {
    const decoded = decodeIcmpQuote(original);
    if (!decoded.ok) return 'icmp-bad-quote';
    const quote = decoded.value;
    if (!this.#options.isOurs(quote.source) || quote.fragmentOffset !== 0) return 'icmp-foreign-quote';
    // RFC 1191 §3: a packet that may be fragmented is never too big.
    if (kind === 'too-big' && !quote.dontFragment) return 'icmp-foreign-quote';
    if (!this.#isOurs(now, { kind, code, quote, reporter })) return 'icmp-foreign-quote';
    if (kind !== 'too-big') return undefined;
    const { destination, totalLength: quotedLength } = quote;
    const mtu = this.#options.output.paths.report(now, destination, { reported: nextHopMtu, quotedLength });
    if (mtu !== undefined) this.#options.onPathMtu(now, { destination, mtu });
    return undefined;
  }

  #isOurs(now: Millis, report: IcmpReport): boolean {
    switch (report.quote.protocol) {
      case IP_PROTOCOL.udp:
        return this.#options.onUdpError(now, report);
      case IP_PROTOCOL.tcp:
        return this.#options.onTcpError(now, report);
      case IP_PROTOCOL.icmp:
        return this.#endPing(report);
      default:
        return false;
    }
  }

  #endPing({ kind, quote: { transport, destination } }: IcmpReport): boolean {
    if (transport[0] !== ECHO_REQUEST) return false;
    const quoted = { destination, identifier: readU16(transport, 4), sequence: readU16(transport, 6) };
    return this.pings.failQuoted(quoted, kind === 'too-big' ? 'too-big' : 'unreachable');
  }
}

const ECHO_REQUEST = 8;
const DEFAULT_PAYLOAD: Uint8Array = Uint8Array.from({ length: 56 }, (_, i) => i);
