import type { Sockets } from '@nexus-net/net-os';
import { Counters, concatBytes, type Endpoint, type Ipv4Address, type Millis, Queue, readU16, writeU16 } from '@nexus-net/sansio';
import type { DnsQueryReject, DnsResponder, DnsResponse } from './dns-responder.js';
import type { SocketService } from './service.js';
import { type StreamHandler, StreamServer, type StreamServerLimits, type StreamServerView } from './stream-server.js';

export interface DnsTcpServiceConfig extends Partial<StreamServerLimits> {
  readonly sockets: Sockets;
  readonly responder: DnsResponder;
  readonly address?: Ipv4Address;
  /** Default 53. */
  readonly port?: number;
}

export type DnsTcpEvent =
  | ({ readonly type: 'answered'; readonly at: Millis; readonly client: Endpoint } & Omit<DnsResponse, 'bytes'>)
  /** The connection ends with it: what follows a message that is none can not be trusted. */
  | { readonly type: 'rejected'; readonly at: Millis; readonly client: Endpoint; readonly label: DnsQueryReject };

export interface DnsTcpView extends StreamServerView {
  readonly answered: number;
  readonly rejects: Partial<Record<DnsQueryReject, number>>;
}

/** DNS over TCP (RFC 7766): a length of two octets before each message, any number of queries on one connection. */
export class DnsTcpService implements SocketService<DnsTcpEvent> {
  readonly #server: StreamServer;
  readonly #events: Queue<DnsTcpEvent>;
  readonly #rejects = new Counters<DnsQueryReject>();
  #answered = 0;

  constructor({ responder, port = 53, ...config }: DnsTcpServiceConfig) {
    this.#events = new Queue(config.eventCountMax ?? 256);
    const tell = (event: DnsTcpEvent): void => {
      if (event.type === 'answered') this.#answered += 1;
      else this.#rejects.increment(event.label);
      this.#events.push(event);
    };
    this.#server = new StreamServer({ ...config, port, open: (client) => new DnsStream(responder, client, tell) });
  }

  run(now: Millis): void {
    this.#server.run(now);
    while (this.#server.pollEvent() !== undefined) {} // connections say nothing that the answers do not
  }

  pollEvent(): DnsTcpEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return this.#server.nextTimeout();
  }

  stop(): void {
    this.#server.stop();
  }

  inspect(): DnsTcpView {
    return {
      ...this.#server.inspect(),
      eventsDropped: this.#events.dropped,
      answered: this.#answered,
      rejects: this.#rejects.snapshot(),
    };
  }
}

/** One connection: messages in, answers out, in the order of the queries. */
export class DnsStream implements StreamHandler {
  readonly #responder: DnsResponder;
  readonly #client: Endpoint;
  readonly #tell: (event: DnsTcpEvent) => void;
  readonly #received = new MessageReader();
  #isFinished = false;
  #isEnded = false;
  #now: Millis = 0;

  constructor(responder: DnsResponder, client: Endpoint, tell: (event: DnsTcpEvent) => void) {
    this.#responder = responder;
    this.#client = client;
    this.#tell = tell;
  }

  get isBusy(): boolean {
    return this.#isFinished || this.#received.hasMessage;
  }

  get isFinished(): boolean {
    return this.#isFinished || (this.#isEnded && !this.#received.hasMessage);
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    this.#now = now;
    this.#received.push(bytes.slice());
  }

  /** A message that is not whole is dropped with the connection. */
  handleEnd(now: Millis): void {
    this.#now = now;
    this.#isEnded = true;
  }

  pollTransmit(): Uint8Array | undefined {
    const query = this.#isFinished ? undefined : this.#received.take();
    if (query === undefined) return undefined;
    const response = this.#responder.respond(query, 'tcp');
    const at = this.#now;
    if (!response.ok) {
      this.#isFinished = true;
      this.#tell({ type: 'rejected', at, client: this.#client, label: response.error });
      return undefined;
    }
    const { bytes, ...said } = response.value;
    this.#tell({ type: 'answered', at, client: this.#client, ...said });
    const framed = new Uint8Array(2 + bytes.length);
    writeU16(framed, 0, bytes.length);
    framed.set(bytes, 2);
    return framed;
  }
}

/** Cuts a stream into messages with two octets of length before each (RFC 1035 §4.2.2). Linear, however the octets come. */
export class MessageReader {
  #pieces: Uint8Array[] = [];
  #count = 0;
  /** Octets up to the end of the first message, or of its length. */
  #needed = 2;

  /** The first message is whole. */
  get hasMessage(): boolean {
    this.#measure();
    return this.#count >= this.#needed && this.#count >= 2;
  }

  /** Keeps `bytes` themselves. */
  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#count += bytes.length;
  }

  /** The first message, without its length. */
  take(): Uint8Array | undefined {
    if (!this.hasMessage) return undefined;
    const whole = this.#join();
    const message = whole.subarray(2, this.#needed);
    this.#pieces = [whole.subarray(this.#needed)];
    this.#count = whole.length - this.#needed;
    this.#needed = 2;
    return message;
  }

  #measure(): void {
    if (this.#needed > 2 || this.#count < 2) return;
    this.#needed = 2 + readU16(this.#join(), 0);
  }

  #join(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [concatBytes(this.#pieces)];
    return this.#pieces[0] as Uint8Array;
  }
}
