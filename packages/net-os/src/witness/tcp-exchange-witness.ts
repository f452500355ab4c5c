import { type Millis, NEVER } from '@nexus-net/sansio';
import type { ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';
import { type ObservedConnection, type TcpStreamEvent, TcpStreams } from './tcp-streams.js';
import { WitnessEvents, type WitnessOptions, type WitnessSnapshot } from './witness-events.js';

export interface TcpExchangeOptions extends WitnessOptions {
  /** Ports of servers that are watched. */
  readonly ports: readonly number[];
  /** Exchanges told of one connection. Default 64. */
  readonly turnCountMax?: number;
}

/**
 * Watches who talks with a TCP server, whatever is said. Fact `tcp.dialled`: a client asked for a connection. Fact `tcp.connected`: the
 * server took it. Fact `tcp.exchanged`: octets of the client, and after them octets of the server; `turn` counts them in one connection, from 1.
 */
export class TcpExchangeWitness implements Witness {
  readonly #ports: ReadonlySet<number>;
  readonly #turnCountMax: number;
  readonly #events: WitnessEvents;
  readonly #streams: TcpStreams;
  readonly #followed = new Map<ObservedConnection, Talk>();
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor({ ports, turnCountMax = 64, ...options }: TcpExchangeOptions) {
    this.#ports = new Set(ports);
    this.#turnCountMax = turnCountMax;
    this.#events = new WitnessEvents(options);
    this.#streams = new TcpStreams((event) => this.#onStream(event));
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    const { tcp } = frame.layers;
    if (tcp === undefined || !(this.#ports.has(tcp.sourcePort) || this.#ports.has(tcp.destinationPort))) return;
    this.#streams.handleFrame(frame);
    if (tcp.flags.syn && tcp.flags.ack) this.#onAccepted(frame);
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

  #onAccepted({ number, at, layers: { tcp, ipv4, problem } }: ObservedFrame): void {
    if (tcp === undefined || ipv4 === undefined || problem !== undefined) return;
    for (const [connection, talk] of this.#followed) {
      const { client, clientPort, server, serverPort, opened } = connection;
      if (client !== ipv4.destination || clientPort !== tcp.destinationPort) continue;
      if (server !== ipv4.source || serverPort !== tcp.sourcePort || talk.isAccepted) continue;
      talk.isAccepted = true;
      this.#events.fact({ kind: 'tcp.connected', at, frames: [opened, number], client, clientPort, server, serverPort });
    }
  }

  #onStream(event: TcpStreamEvent): void {
    const { connection } = event;
    if (event.type === 'opened') {
      this.#followed.set(connection, { isAccepted: false, asked: undefined, turns: 0 });
      const { client, clientPort, server, serverPort, opened } = connection;
      this.#events.fact({ kind: 'tcp.dialled', at: this.#now, frames: [opened], client, clientPort, server, serverPort });
    } else if (event.type === 'closed') this.#followed.delete(connection);
    else if (event.type === 'bytes') this.#onBytes(event);
  }

  #onBytes({ connection, from, frame, at }: Extract<TcpStreamEvent, { readonly type: 'bytes' }>): void {
    const talk = this.#followed.get(connection);
    if (talk === undefined || talk.turns >= this.#turnCountMax) return;
    if (from === 'client') talk.asked = frame;
    else if (talk.asked !== undefined) {
      const frames = [...new Set([talk.asked, frame])].sort((a, b) => a - b);
      talk.asked = undefined;
      talk.turns++;
      const { client, clientPort, server, serverPort } = connection;
      this.#events.fact({ kind: 'tcp.exchanged', at, frames, client, clientPort, server, serverPort, turn: talk.turns });
    }
  }
}

interface Talk {
  isAccepted: boolean;
  /** The frame of the client's last octets that nothing of the server followed yet. */
  asked: number | undefined;
  turns: number;
}
