import type { Sockets } from '@nexus-net/net-os';
import { Counters, type Endpoint, type Ipv4Address, type Millis, Queue } from '@nexus-net/sansio';
import type { FileSource } from '../files.js';
import type { SocketService } from '../service.js';
import { type StreamHandler, StreamServer, type StreamServerLimits, type StreamServerView } from '../stream-server.js';
import { answerHttp, type HttpAnswer, rejectHttp } from './http-answer.js';
import { type HttpHeadLimits, HttpHeadReader, type HttpReject } from './http-request.js';

export interface HttpServiceConfig extends Partial<StreamServerLimits>, Partial<HttpHeadLimits> {
  readonly sockets: Sockets;
  readonly files: FileSource;
  readonly address?: Ipv4Address;
  /** Default 80. */
  readonly port?: number;
  /** The file of a path that ends in `/`. Default `index.html`. */
  readonly index?: string;
}

export type HttpServiceEvent =
  | {
      readonly type: 'answered';
      readonly at: Millis;
      readonly client: Endpoint;
      readonly method: string;
      readonly target: string;
      readonly status: number;
      /** Octets of the body. */
      readonly octets: number;
    }
  | { readonly type: 'rejected'; readonly at: Millis; readonly client: Endpoint; readonly label: HttpReject };

export interface HttpServiceView extends StreamServerView {
  readonly statuses: Readonly<Record<string, number>>;
  readonly rejects: Partial<Record<HttpReject, number>>;
}

/** An HTTP/1.0 file server: GET and HEAD, one request a connection (RFC 9110, RFC 9112). */
export class HttpService implements SocketService<HttpServiceEvent> {
  readonly #server: StreamServer;
  readonly #events: Queue<HttpServiceEvent>;
  readonly #statuses = new Counters<string>();
  readonly #rejects = new Counters<HttpReject>();

  constructor(config: HttpServiceConfig) {
    const { files, port = 80, index = 'index.html', headOctetsMax = 8_192, targetOctetsMax = 2_048 } = config;
    this.#events = new Queue(config.eventCountMax ?? 256);
    const open = (client: Endpoint): HttpConnection =>
      new HttpConnection({
        files,
        index,
        limits: { headOctetsMax, targetOctetsMax },
        client,
        tell: (event) => this.#tell(event),
      });
    this.#server = new StreamServer({ ...config, port, open });
  }

  run(now: Millis): void {
    this.#server.run(now);
    while (this.#server.pollEvent() !== undefined) {} // an answer says more than its connection
  }

  pollEvent(): HttpServiceEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return this.#server.nextTimeout();
  }

  stop(): void {
    this.#server.stop();
  }

  inspect(): HttpServiceView {
    return {
      ...this.#server.inspect(),
      eventsDropped: this.#events.dropped,
      statuses: this.#statuses.snapshot() as Readonly<Record<string, number>>,
      rejects: this.#rejects.snapshot(),
    };
  }

  #tell(event: HttpServiceEvent): void {
    if (event.type === 'answered') this.#statuses.increment(`${event.status}`);
    else this.#rejects.increment(event.label);
    this.#events.push(event);
  }
}

export interface HttpConnectionConfig {
  readonly files: FileSource;
  readonly index: string;
  readonly limits: HttpHeadLimits;
  readonly client: Endpoint;
  readonly tell: (event: HttpServiceEvent) => void;
}

/** One request and its answer. */
export class HttpConnection implements StreamHandler {
  readonly #config: HttpConnectionConfig;
  readonly #reader: HttpHeadReader;
  #answer: HttpAnswer | undefined;
  /** Head and body sent so far; the head counts as one piece. */
  #sent = -1;
  #isEnded = false;

  constructor(config: HttpConnectionConfig) {
    this.#config = config;
    this.#reader = new HttpHeadReader(config.limits);
  }

  /** A body that nobody asked for stays unread: its octets are not to be mistaken for a second request. */
  get isBusy(): boolean {
    return this.#answer !== undefined;
  }

  get isFinished(): boolean {
    if (this.#answer === undefined) return this.#isEnded;
    return this.#sent >= this.#answer.body.length;
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    if (this.#answer !== undefined) return;
    const request = this.#reader.push(bytes);
    if (request === undefined) return;
    const { files, index, client, tell } = this.#config;
    if (!request.ok) {
      this.#answer = rejectHttp(request.error);
      tell({ type: 'rejected', at: now, client, label: request.error });
      return;
    }
    const answer = answerHttp(request.value, { files, index });
    const { method, target } = request.value;
    this.#answer = answer;
    tell({ type: 'answered', at: now, client, method, target, status: answer.status, octets: answer.body.length });
  }

  /** A client that has said its last word may still want the answer; one that has not said a request gets none. */
  handleEnd(): void {
    this.#isEnded = true;
  }

  pollTransmit(): Uint8Array | undefined {
    if (this.#answer === undefined || this.isFinished) return undefined;
    if (this.#sent < 0) {
      this.#sent = 0;
      return this.#answer.head;
    }
    const piece = this.#answer.body.subarray(this.#sent, this.#sent + PIECE_OCTETS);
    this.#sent += piece.length;
    return piece;
  }
}

const PIECE_OCTETS = 16_384;
