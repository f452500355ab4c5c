import { Counters, type Datagram, type DatagramMachine, type Endpoint, type Millis, NEVER, Queue } from '@nexus-net/sansio';
import { DnsResponder, type DnsResponderConfig } from './dns-responder.js';

export interface DnsServiceConfig extends DnsResponderConfig {
  /** Answers waiting for `pollTransmit`; further queries are dropped and counted. Default 256. */
  readonly transmitCountMax?: number;
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 256. */
  readonly eventCountMax?: number;
}

/** Why a datagram got no answer at all. Everything else is answered, at worst with FORMERR. */
export type DnsServiceReject =
  /** Shorter than the header of 12 octets: there is no id to answer to. */
  | 'truncated'
  /** A response. Answering one would let two servers talk for ever. */
  | 'response'
  /** Source port 0: nowhere to answer to (RFC 768). */
  | 'no-return-port'
  /** `transmitCountMax` reached. */
  | 'transmit-full';

export type DnsServiceEvent =
  | {
      readonly type: 'answered';
      readonly at: Millis;
      readonly client: Endpoint;
      /** The question's name and type; absent where the query had none that could be read. */
      readonly name?: string;
      readonly questionType?: number;
      /** The whole code, 12 bits with EDNS: 16 is BADVERS. */
      readonly responseCode: number;
      readonly answerCount: number;
      /** TC was set: the answer did not fit. */
      readonly truncated: boolean;
    }
  | { readonly type: 'rejected'; readonly at: Millis; readonly client: Endpoint; readonly label: DnsServiceReject };

export interface DnsServiceView {
  readonly answered: number;
  readonly rejects: Partial<Record<DnsServiceReject, number>>;
  readonly eventsDropped: number;
}

/**
 * A DNS server over UDP that knows a fixed set of names (RFC 1035, RFC 6891). To its clients it looks like a resolver: it
 * offers recursion, and says of every name outside its set that it does not exist.
 */
export class DnsService implements DatagramMachine<Datagram, DnsServiceEvent> {
  readonly #responder: DnsResponder;
  readonly #transmits: Queue<Datagram>;
  readonly #events: Queue<DnsServiceEvent>;
  readonly #rejects = new Counters<DnsServiceReject>();
  #answered = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(config: DnsServiceConfig = {}) {
    const { transmitCountMax = 256, eventCountMax = 256 } = config;
    this.#responder = new DnsResponder(config);
    this.#transmits = new Queue(transmitCountMax);
    this.#events = new Queue(eventCountMax);
  }

  /** The same names over another transport. */
  get responder(): DnsResponder {
    return this.#responder;
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.#now = Math.max(this.#now, now);
    const label = this.#serve(datagram);
    if (label === undefined) return;
    this.#rejects.increment(label);
    this.#events.push({ type: 'rejected', at: this.#now, client: datagram.source, label });
  }

  /** Nothing here waits for time. */
  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  pollTransmit(): Datagram | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): DnsServiceEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): DnsServiceView {
    return { answered: this.#answered, rejects: this.#rejects.snapshot(), eventsDropped: this.#events.dropped };
  }

  #serve({ source, destination, payload }: Datagram): DnsServiceReject | undefined {
    const response = this.#responder.respond(payload, 'udp');
    if (!response.ok) return response.error;
    if (source.port === 0) return 'no-return-port';
    const { bytes, ...said } = response.value;
    // RFC 2181 §4.1: from the very address and port that were asked, or the client will not take it.
    if (!this.#transmits.push({ source: destination, destination: source, payload: bytes })) return 'transmit-full';
    this.#answered++;
    this.#events.push({ type: 'answered', at: this.#now, client: source, ...said });
    return undefined;
  }
}
