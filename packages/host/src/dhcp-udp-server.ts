import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, type DhcpServer, type DhcpServerTransmit } from '@nexus-net/dhcp';
import { Counters, formatIpv4, IPV4_BROADCAST, type Ipv4Address, requireArgument, tryParseIpv4 } from '@nexus-net/sansio';
import { DhcpServerDriver, type DhcpServerDriverOptions } from './dhcp-server-driver.js';

export type DhcpUdpServerReject =
  /** More replies were in the hands of the system than `inFlightCountMax`. */
  | 'in-flight-limit'
  /** The system refused to send. */
  | 'send-failed'
  /** A sender that isn't IPv4. */
  | 'foreign-family';

export interface DhcpUdpServerOptions extends Omit<DhcpServerDriverOptions, 'transmit'> {
  /** Where the server listens. Default 67, which needs the right to it. 0 lets the system choose: for tests. */
  readonly port?: number;
  /** Where clients listen. Default {@link port} + 1. */
  readonly clientPort?: number;
  /** Also hear broadcasts: needed for clients that are not behind a relay. Default true. */
  readonly broadcast?: boolean;
  /** Receive buffer of each socket in octets: what is held while the process is busy. Default: the system's. */
  readonly receiveBufferLength?: number;
  /** Replies in the hands of the system at most; further ones are dropped and counted. Default 4 096. */
  readonly inFlightCountMax?: number;
}

/**
 * A DHCP server on the UDP sockets of the operating system.
 *
 * A reply to a client that can't answer ARP yet is broadcast: UDP sockets send no frames of one's own, and RFC 2131 §4.1
 * allows it. It leaves by the interface that has the server's address.
 */
export class DhcpUdpServer {
  readonly #driver: DhcpServerDriver;
  /** Bound to the server's address: all replies leave by it, so they come from there, and by its interface. */
  readonly #unicast: Socket;
  /** Bound to no address: a socket that has one hears no broadcasts. What fits the other one better goes there. */
  readonly #broadcast: Socket | undefined;
  readonly #port: number;
  readonly #clientPort: number;
  readonly #inFlightCountMax: number;
  readonly #counters = new Counters<DhcpUdpServerReject>();
  #inFlight = 0;
  #closing: Promise<void> | undefined;

  private constructor(unicast: Socket, broadcast: Socket | undefined, options: DhcpUdpServerOptions) {
    const { clientPort, inFlightCountMax = 4_096 } = options;
    this.#unicast = unicast;
    this.#broadcast = broadcast;
    this.#port = unicast.address().port;
    this.#clientPort = clientPort ?? this.#port + 1;
    this.#inFlightCountMax = inFlightCountMax;
    this.#driver = new DhcpServerDriver({ ...options, transmit: (reply) => this.#send(reply) });
    this.#listen(unicast, options.server.address);
    if (broadcast !== undefined) this.#listen(broadcast, IPV4_BROADCAST);
  }

  /** Binds the sockets and starts the server. Rejects where the port can't be had. */
  static async open(options: DhcpUdpServerOptions): Promise<DhcpUdpServer> {
    const { port = DHCP_SERVER_PORT, clientPort = port + 1, broadcast = true, inFlightCountMax = 4_096 } = options;
    requireArgument(Number.isInteger(port) && port >= 0 && port <= 65_535, 'port is an integer 0..65535');
    requireArgument(Number.isInteger(clientPort) && clientPort >= 1 && clientPort <= 65_535, 'clientPort is an integer 1..65535');
    requireArgument(Number.isInteger(inFlightCountMax) && inFlightCountMax >= 1, 'inFlightCountMax is at least 1');
    const sockets: Socket[] = [];
    try {
      const address = formatIpv4(options.server.address);
      if (broadcast) {
        // Sockets that share a port would share it with another program as well: asked for alone first, a taken port shows.
        const probe = await bind(options, { address: ANY, port, shared: false });
        const free = probe.address().port;
        await new Promise<void>((resolve) => probe.close(resolve));
        sockets.push(await bind(options, { address, port: free, shared: true }));
        sockets.push(await bind(options, { address: ANY, port: free, shared: true }));
      } else sockets.push(await bind(options, { address, port, shared: false }));
      const unicast = sockets[0] as Socket;
      return new DhcpUdpServer(unicast, sockets[1], options);
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }

  /** The port that the server listens on. */
  get port(): number {
    return this.#port;
  }

  /** Gives the server a command of the application, or looks at it, then does what follows. */
  drive<R>(mutate: (server: DhcpServer, now: number) => R): R {
    return this.#driver.drive(mutate);
  }

  /** How often something was dropped, by reason. */
  counters(): Partial<Record<DhcpUdpServerReject, number>> {
    return this.#counters.snapshot();
  }

  /** Stops the server and gives the port back. The store stays open. Idempotent; resolves when the sockets are closed. */
  close(): Promise<void> {
    this.#driver.close();
    const sockets = this.#broadcast === undefined ? [this.#unicast] : [this.#unicast, this.#broadcast];
    this.#closing ??= Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve)))).then(ignore);
    return this.#closing;
  }

  #listen(socket: Socket, local: Ipv4Address): void {
    const destination = { address: local, port: DHCP_SERVER_PORT };
    socket.on('error', () => this.#counters.increment('send-failed'));
    socket.on('message', (payload, remote) => {
      const address = tryParseIpv4(remote.address);
      if (address === undefined) return this.#counters.increment('foreign-family');
      if (this.#driver.closed) return;
      this.#driver.handleDatagram({ source: { address, port: remote.port }, destination, payload });
    });
  }

  #send({ destination, linkDestination, payload }: DhcpServerTransmit): void {
    if (this.#inFlight >= this.#inFlightCountMax) {
      this.#counters.increment('in-flight-limit');
      return;
    }
    const address = linkDestination === undefined ? destination.address : IPV4_BROADCAST;
    this.#inFlight++;
    this.#unicast.send(payload, this.#portOf(destination.port), formatIpv4(address), (error) => {
      this.#inFlight--;
      if (error !== null) this.#counters.increment('send-failed');
    });
  }

  /** The machine speaks of the ports of the RFC; a relay that named its own port (RFC 8357) keeps it. */
  #portOf(port: number): number {
    return port === DHCP_SERVER_PORT ? this.#port : port === DHCP_CLIENT_PORT ? this.#clientPort : port;
  }
}

function bind(
  { receiveBufferLength }: DhcpUdpServerOptions,
  { address, port, shared }: { readonly address: string; readonly port: number; readonly shared: boolean },
): Promise<Socket> {
  const size = receiveBufferLength === undefined ? {} : { recvBufferSize: receiveBufferLength };
  const socket = createSocket({ type: 'udp4', reuseAddr: shared, lookup: literal, ...size });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      socket.setBroadcast(true);
      resolve(socket);
    });
  });
}

const ANY = '0.0.0.0';

/** Every address is given in figures: nothing is to be looked up, nor waited for. */
const literal: NonNullable<SocketOptions['lookup']> = (host, _options, callback) => callback(null, host, 4);

function ignore(): void {}
