import {
  DsoftbusWitness,
  type DsoftbusWitnessOptions,
  type DsoftbusWitnessSnapshot,
  type ObservedStream,
} from '@nexus-net/dsoftbus';
import { type ObservedConnection, type TcpStreamEvent, type TcpStreamOptions, TcpStreams } from '@nexus-net/net-os';
import { type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type ObservedFrame, type Witness, type WitnessEvent } from '@nexus-net/wire';

export interface DsoftbusSegmentWitnessOptions extends DsoftbusWitnessOptions, TcpStreamOptions {
  /** TCP ports at which sessions are listened for, beside those that announces name. Default: the two of the address plan. */
  readonly sessionPorts?: readonly number[];
  /** Announced ports remembered; further ones are counted. Default 64. */
  readonly portCountMax?: number;
}

export interface DsoftbusSegmentSnapshot extends DsoftbusWitnessSnapshot {
  /** TCP connections that are joined. */
  readonly connections: number;
  readonly ports: number;
  /** Announced ports for which there was no room: sessions there are not seen. */
  readonly portsIgnored: number;
}

/**
 * DSoftBus over the frames of a segment: joins the TCP connections to session ports into streams, and gives them and all UDP to a
 * `DsoftbusWitness`. A frame of anything else costs two look-ups.
 */
export class DsoftbusSegmentWitness implements Witness {
  readonly #witness: DsoftbusWitness;
  readonly #streams: TcpStreams;
  readonly #ports: Set<number>;
  readonly #portCountMax: number;
  #portsIgnored = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: DsoftbusSegmentWitnessOptions = {}) {
    const { sessionPorts = PLANNED, portCountMax = 64 } = options;
    requireArgument(portCountMax >= sessionPorts.length, 'portCountMax has room for the ports that are given');
    this.#witness = new DsoftbusWitness(options);
    this.#streams = new TcpStreams((event) => this.#onStream(event), options);
    this.#ports = new Set(sessionPorts);
    this.#portCountMax = portCountMax;
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    const { tcp, udp } = frame.layers;
    if (tcp !== undefined) {
      if (this.#ports.has(tcp.destinationPort) || this.#ports.has(tcp.sourcePort)) this.#streams.handleFrame(frame);
    } else if (udp !== undefined) this.#witness.handleFrame(now, frame);
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    const event = this.#witness.pollEvent();
    if (event?.type === 'fact' && event.fact.kind === 'dsoftbus.announced') this.#listenAt(event.fact.sessionPort);
    return event;
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): DsoftbusSegmentSnapshot {
    return {
      ...this.#witness.inspect(),
      connections: this.#streams.size,
      ports: this.#ports.size,
      portsIgnored: this.#portsIgnored,
    };
  }

  #listenAt(port: number): void {
    if (this.#ports.has(port)) return;
    if (this.#ports.size < this.#portCountMax) this.#ports.add(port);
    else this.#portsIgnored++;
  }

  #onStream(event: TcpStreamEvent): void {
    const stream = streamOf(event.connection);
    const now = this.#now;
    switch (event.type) {
      case 'opened':
        this.#witness.handleStreamStart(now, stream);
        return;
      case 'bytes':
        this.#witness.handleStreamBytes(now, stream, event.from, event.bytes, event.frame);
        return;
      case 'end':
        this.#witness.handleStreamEnd(now, stream, event.from);
        return;
      case 'closed':
        // What was missed, and not reset, may well go on: nothing is said about its end.
        if (event.reason === 'reset') this.#witness.handleStreamEnd(now, stream);
        else this.#witness.handleStreamStart(now, stream);
        return;
    }
  }
}

function streamOf({ client, clientPort, server, serverPort }: ObservedConnection): ObservedStream {
  return { client: { address: client, port: clientPort }, server: { address: server, port: serverPort } };
}

const PLANNED: readonly number[] = [ADDRESS_PLAN.ports.dsoftbusSessionA, ADDRESS_PLAN.ports.dsoftbusSessionB];
