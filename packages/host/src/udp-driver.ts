import { createSocket, type Socket } from 'node:dgram';
import {
  Counters,
  type Datagram,
  type DatagramMachine,
  type Endpoint,
  formatIpv4,
  IPV4_ANY,
  type Ipv4Address,
  type Millis,
  requireArgument,
  tryParseIpv4,
} from '@nexus-net/sansio';
import { Driver, type DriverOptions, type EventOf } from './driver.js';

export type UdpDriverReject =
  /** The machine asked to send from a port or address that this socket doesn't own. */
  | 'foreign-source'
  /** More datagrams were in the hands of the system than `inFlightCountMax`. */
  | 'in-flight-limit'
  /** The system refused to send. */
  | 'send-failed'
  /** A datagram with a sender that isn't IPv4. */
  | 'foreign-family';

export interface UdpDriverOptions<M extends DatagramMachine<Datagram, unknown>>
  extends Omit<DriverOptions<M>, 'transmit' | 'writable'> {
  /** Where to listen. Default 0.0.0.0. */
  readonly address?: Ipv4Address;
  /** Where to listen; 0 lets the system choose. */
  readonly port: number;
  /**
   * The address that received datagrams are said to be sent to: the system doesn't tell which of its own it was.
   * Default {@link address}.
   */
  readonly localAddress?: Ipv4Address;
  /** Allow sending to broadcast addresses. Default false. */
  readonly broadcast?: boolean;
  /** Share the port with other sockets. Default false. */
  readonly reuseAddress?: boolean;
  /** Datagrams in the hands of the system at most; further ones are dropped and counted. Default 1024. */
  readonly inFlightCountMax?: number;
}

/** Runs a datagram machine on one UDP socket of the operating system. */
export class UdpDriver<M extends DatagramMachine<Datagram, unknown>> {
  readonly #socket: Socket;
  readonly #driver: Driver<M>;
  readonly #local: Endpoint;
  readonly #inFlightCountMax: number;
  readonly #counters = new Counters<UdpDriverReject>();
  #inFlight = 0;
  #closing: Promise<void> | undefined;

  private constructor(machine: M, socket: Socket, options: UdpDriverOptions<M>) {
    const { address = IPV4_ANY, localAddress = address, inFlightCountMax = 1024, event, clock, timers } = options;
    this.#socket = socket;
    this.#local = { address: localAddress, port: socket.address().port };
    this.#inFlightCountMax = inFlightCountMax;
    this.#driver = new Driver(machine, {
      transmit: (datagram) => this.#send(datagram as Datagram),
      ...(event === undefined ? {} : { event: event as (event: EventOf<M>) => void }),
      ...(clock === undefined ? {} : { clock }),
      ...(timers === undefined ? {} : { timers }),
    });
    socket.on('message', (payload, remote) => {
      const source = tryParseIpv4(remote.address);
      if (source === undefined) return this.#counters.increment('foreign-family');
      if (this.#driver.closed) return;
      const datagram = { source: { address: source, port: remote.port }, destination: this.#local, payload };
      this.#driver.drive((target, now) => target.handleDatagram(now, datagram));
    });
    socket.on('error', () => this.#counters.increment('send-failed'));
    this.#driver.wake();
  }

  /** Binds the socket and starts the machine. Rejects where the port can't be had. */
  static async open<M extends DatagramMachine<Datagram, unknown>>(
    machine: M,
    options: UdpDriverOptions<M>,
  ): Promise<UdpDriver<M>> {
    const { address = IPV4_ANY, port, broadcast = false, reuseAddress = false, inFlightCountMax = 1024 } = options;
    requireArgument(Number.isInteger(port) && port >= 0 && port <= 65_535, 'port is an integer 0..65535');
    requireArgument(Number.isInteger(inFlightCountMax) && inFlightCountMax >= 1, 'inFlightCountMax is at least 1');
    const socket = createSocket({ type: 'udp4', reuseAddr: reuseAddress });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address: formatIpv4(address), port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        resolve();
      });
    });
    if (broadcast) socket.setBroadcast(true);
    return new UdpDriver(machine, socket, options);
  }

  /** Where the machine is reached: the address given, the port bound. */
  get local(): Endpoint {
    return this.#local;
  }

  /** Gives the machine a command of the application, then does what follows from it. */
  drive<R>(mutate: (machine: M, now: Millis) => R): R {
    return this.#driver.drive(mutate);
  }

  /** How often something was dropped, by reason. */
  counters(): Partial<Record<UdpDriverReject, number>> {
    return this.#counters.snapshot();
  }

  /** Stops the machine and gives the port back. Idempotent; resolves when the socket is closed. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#driver.close();
      this.#socket.close(resolve);
    });
    return this.#closing;
  }

  #send({ source, destination, payload }: Datagram): void {
    const foreign = source.port !== this.#local.port || (source.address !== IPV4_ANY && source.address !== this.#local.address);
    if (foreign || this.#inFlight >= this.#inFlightCountMax) {
      this.#counters.increment(foreign ? 'foreign-source' : 'in-flight-limit');
      return;
    }
    this.#inFlight++;
    this.#socket.send(payload, destination.port, formatIpv4(destination.address), (error) => {
      this.#inFlight--;
      if (error !== null) this.#counters.increment('send-failed');
    });
  }
}
