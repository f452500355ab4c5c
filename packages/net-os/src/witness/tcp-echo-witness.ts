import { bytesEqual, type Millis, NEVER } from '@nexus-net/sansio';
import type { ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';
import { type ObservedConnection, type TcpStreamEvent, TcpStreams } from './tcp-streams.js';
import { WitnessEvents, type WitnessOptions, type WitnessSnapshot } from './witness-events.js';

/**
 * Watches what TCP servers give back. Fact `tcp.echoed`: the first octets of a client, at least {@link ECHO_OCTETS_MIN}, came back from
 * its server, octet for octet. That is more than a listener: somebody reads there and answers with what was read.
 */
export class TcpEchoWitness implements Witness {
  readonly #events: WitnessEvents;
  readonly #streams: TcpStreams;
  readonly #followed = new Map<ObservedConnection, Exchange>();
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: WitnessOptions = {}) {
    this.#events = new WitnessEvents(options);
    this.#streams = new TcpStreams((event) => this.#onStream(event));
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    this.#streams.handleFrame(frame);
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.poll();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): WitnessSnapshot {
    return this.#events.snapshot({ size: this.#streams.size, evicted: 0 });
  }

  #onStream(event: TcpStreamEvent): void {
    const { connection } = event;
    switch (event.type) {
      case 'opened':
        this.#followed.set(connection, {
          client: new Uint8Array(0),
          server: new Uint8Array(0),
          frames: [event.frame],
          told: false,
        });
        return;
      case 'bytes':
        this.#onBytes(event);
        return;
      case 'closed':
        this.#followed.delete(connection);
        return;
      default:
        return;
    }
  }

  #onBytes({ connection, from, bytes, frame, at }: Extract<TcpStreamEvent, { readonly type: 'bytes' }>): void {
    const exchange = this.#followed.get(connection);
    if (exchange === undefined || exchange.told || exchange[from].length >= ECHO_OCTETS_MAX) return;
    exchange[from] = Uint8Array.of(...exchange[from], ...bytes.subarray(0, ECHO_OCTETS_MAX - exchange[from].length));
    exchange.frames.push(frame);
    const { client, server } = exchange;
    if (server.length < ECHO_OCTETS_MIN || server.length > client.length) return;
    if (!bytesEqual(client.subarray(0, server.length), server)) return;
    exchange.told = true;
    const { client: address, clientPort, server: serverAddress, serverPort } = connection;
    const frames = [...new Set(exchange.frames)].sort((a, b) => a - b);
    this.#events.fact({
      kind: 'tcp.echoed',
      at,
      frames,
      client: address,
      clientPort,
      server: serverAddress,
      serverPort,
      octets: server.length,
    });
  }
}

interface Exchange {
  client: Uint8Array;
  server: Uint8Array;
  readonly frames: number[];
  told: boolean;
}

/** Fewer octets are the same by chance. */
export const ECHO_OCTETS_MIN = 8;
/** Octets of each direction that are looked at. */
export const ECHO_OCTETS_MAX = 64;
