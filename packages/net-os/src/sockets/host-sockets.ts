import {
  Counters,
  type Endpoint,
  type FrameMachine,
  IPV4_ANY,
  type Ipv4Address,
  isIpv4Loopback,
  type Millis,
  NEVER,
  prefixContains,
  prefixOf,
  Queue,
} from '@nexus-net/sansio';
import { ICMP_UNREACHABLE } from '@nexus-net/wire';
import type { PingId, UdpSocketId } from '../host-event.js';
import type { TcpConnection, TcpRefusal } from '../tcp/tcp-api.js';
import type { TcpOptions } from '../tcp/tcp-options.js';
import { checkBacklog, checkDeadline, checkLocal, checkRemote, deadlineOf, passedAt } from './checks.js';
import { HostPing } from './host-ping.js';
import { HostStream, HostStreamListener } from './host-stream.js';
import { HostUdpSocket } from './host-udp-socket.js';
import type { SocketMachine, StackEvent } from './socket-machine.js';
import { failed, invalidInput, type SocketFailure, type SocketResult } from './socket-result.js';
import type { CallOptions, LocalAddress, PendingPing, Sockets, TcpStream, TcpStreamListener, UdpSocket } from './sockets.js';

export interface HostSocketsOptions<Event> {
  /** What of an event is the host's own. Default: all of it. For `Netstackd`, `hostEventOf`. */
  readonly hostEvent?: (event: Event) => StackEvent | undefined;
  /** Datagrams that wait in one socket; further ones are lost and counted. Default 64. */
  readonly datagramCountMax?: number;
  /** Events that are none of the sockets', waiting for `pollEvent`; further ones are lost and counted. Default 1 024. */
  readonly eventCountMax?: number;
  /** Of every connection, dialled or accepted. Default: as the host has them. */
  readonly tcp?: TcpOptions;
}

/** What the sockets of a host lost because nobody fetched it. */
export type SocketsLoss = 'datagram-queue-full' | 'error-queue-full' | 'event-queue-full';

export interface HostSocketsView {
  readonly udp: number;
  readonly listeners: number;
  readonly streams: number;
  readonly pings: number;
  readonly losses: Partial<Record<SocketsLoss, number>>;
}

/** What the parts of `HostSockets` may do to the whole. */
export interface HostSocketsPort {
  readonly machine: SocketMachine<unknown>;
  readonly datagramCountMax: number;
  now(): Millis;
  pump(): void;
  count(loss: SocketsLoss): void;
  closeUdp(socket: HostUdpSocket): void;
  closeListener(listener: HostStreamListener): void;
  adopt(connection: TcpConnection): HostStream;
  drop(stream: HostStream): void;
}

/**
 * The sockets of a host on a wire. It stands in front of its machine: frames, time and events go through here, and `pollEvent`
 * gives the events that are none of the sockets'.
 */
export class HostSockets<Event> implements Sockets, FrameMachine<Event> {
  readonly #machine: SocketMachine<Event>;
  readonly #port: HostSocketsPort;
  readonly #hostEvent: (event: Event) => StackEvent | undefined;
  readonly #udp = new Map<UdpSocketId, HostUdpSocket>();
  readonly #listeners = new Set<HostStreamListener>();
  readonly #streams = new Map<TcpConnection, HostStream>();
  /** Connections of streams, also of those that were closed and linger in the host. */
  readonly #connections = new WeakSet<TcpConnection>();
  readonly #pings = new Map<PingId, HostPing>();
  readonly #events: Queue<Event>;
  readonly #losses = new Counters<SocketsLoss>();
  readonly #tcpOptions: TcpOptions;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(machine: SocketMachine<Event>, options: HostSocketsOptions<Event> = {}) {
    this.#machine = machine;
    this.#hostEvent = options.hostEvent ?? ((event) => event as unknown as StackEvent);
    this.#events = new Queue(options.eventCountMax ?? 1_024);
    this.#tcpOptions = options.tcp ?? {};
    this.#port = {
      machine,
      datagramCountMax: options.datagramCountMax ?? 64,
      now: () => this.#now,
      pump: () => this.#pump(),
      count: (loss) => this.#losses.increment(loss),
      closeUdp: ({ id }) => {
        this.#udp.delete(id);
        machine.closeUdp(id);
      },
      closeListener: (listener) => {
        this.#listeners.delete(listener);
        listener.listener.close(this.#now);
        this.#pump();
      },
      adopt: (connection) => this.#adopt(new HostStream(this.#port, connection)),
      drop: ({ connection }) => this.#streams.delete(connection),
    };
  }

  get now(): Millis {
    return this.#now;
  }

  poll(now: Millis): void {
    this.handleTimeout(now);
  }

  nextWake(): Millis {
    return this.nextTimeout();
  }

  localAddress(): LocalAddress | undefined {
    return this.#machine.addresses[0];
  }

  udpBind(local: Endpoint): SocketResult<UdpSocket> {
    const wrong = checkLocal(local) ?? this.#checkOwn(local.address);
    if (wrong !== undefined) return wrong;
    const refusal = this.#machine.udpRefusal(local);
    if (refusal !== undefined) return failed(refusal);
    const id = this.#machine.bindUdp(local);
    const port = this.#machine.udpPort(id) ?? local.port;
    const socket = new HostUdpSocket(this.#port, { id, local: { address: local.address, port } });
    this.#udp.set(id, socket);
    return { ok: true, value: socket };
  }

  tcpListen(local: Endpoint, backlog: number): SocketResult<TcpStreamListener> {
    const wrong = checkLocal(local) ?? this.#checkOwn(local.address) ?? checkBacklog(backlog);
    if (wrong !== undefined) return wrong;
    const { tcp } = this.#machine;
    if (tcp === undefined) return failed('unsupported');
    const { address, port } = local;
    const listener = tcp.listen(this.#now, { ...(address === IPV4_ANY ? {} : { address }), port, backlog }, this.#tcpOptions);
    if (typeof listener === 'string') return refusedBy(listener);
    const own = new HostStreamListener(this.#port, listener);
    this.#listeners.add(own);
    this.#pump();
    return { ok: true, value: own };
  }

  tcpConnect(remote: Endpoint, options?: CallOptions): SocketResult<TcpStream> {
    const wrong = checkDeadline(this.#now, options) ?? checkRemote(remote);
    if (wrong !== undefined) return wrong;
    const { tcp } = this.#machine;
    if (tcp === undefined) return failed('unsupported');
    const connection = tcp.connect(this.#now, { remote }, this.#tcpOptions);
    if (typeof connection === 'string') return refusedBy(connection);
    const stream = this.#adopt(new HostStream(this.#port, connection, { attemptDeadline: deadlineOf(options) }));
    this.#pump();
    return { ok: true, value: stream };
  }

  ping(destination: Ipv4Address, options?: CallOptions): SocketResult<PendingPing> {
    const late = checkDeadline(this.#now, options);
    if (late !== undefined) return late;
    const deadline = deadlineOf(options);
    const timeout = deadline < NEVER ? { timeoutMs: passedAt(deadline) - this.#now } : {};
    const id = this.#machine.ping(this.#now, { destination, ...timeout });
    const ping = new HostPing(destination, deadline);
    this.#pings.set(id, ping);
    this.#pump();
    const result = ping.roundTrip();
    // What could not be sent at all is the answer of this call.
    return result.ok || result.error === 'would-block' ? { ok: true, value: ping } : result;
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.#advance(now);
    this.#machine.handleFrame(this.#now, frame);
    this.#pump();
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#machine.handleTimeout(this.#now);
    this.#pump();
    for (const stream of [...this.#streams.values()]) stream.settle();
    this.#pump();
  }

  pollTransmit(): Uint8Array | undefined {
    return this.#machine.pollTransmit();
  }

  /** An event that is none of the sockets'. */
  pollEvent(): Event | undefined {
    this.#pump();
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    let next = this.#machine.nextTimeout();
    for (const { nextAt } of this.#streams.values()) next = Math.min(next, nextAt);
    return next;
  }

  inspect(): HostSocketsView {
    return {
      udp: this.#udp.size,
      listeners: this.#listeners.size,
      streams: this.#streams.size,
      pings: this.#pings.size,
      losses: this.#losses.snapshot(),
    };
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  /** Takes the events of the machine that are about sockets, keeps the others. */
  #pump(): void {
    for (let event = this.#machine.pollEvent(); event !== undefined; event = this.#machine.pollEvent()) {
      const own = this.#hostEvent(event);
      if (own !== undefined && this.#take(own)) continue;
      if (!this.#events.push(event)) this.#losses.increment('event-queue-full');
    }
  }

  /** True where the event was about a socket of ours, and nobody else’s business. */
  #take(event: StackEvent): boolean {
    switch (event.type) {
      case 'datagram': {
        const { source, destination, payload } = event.datagram;
        const socket = this.#udp.get(event.socket);
        socket?.deliver({ from: source, to: destination, payload });
        return socket !== undefined;
      }
      case 'datagram-unreachable': {
        const { destination, code } = event;
        const error = code === ICMP_UNREACHABLE.port || code === ICMP_UNREACHABLE.protocol ? 'refused' : 'unreachable';
        const socket = this.#udp.get(event.socket);
        socket?.fail({ destination, error });
        return socket !== undefined;
      }
      case 'ping-reply':
        return this.#endPing(event.id, { ok: true, value: event.roundTripMs });
      case 'ping-timeout':
        return this.#endPing(event.id, failed('timed-out'));
      case 'ping-failed':
        return this.#endPing(event.id, failed(event.reason === 'no-buffers' ? 'no-buffers' : 'unreachable'));
      case 'arp-failed':
        for (const socket of this.#udp.values()) socket.failNextHop((destination) => this.#isBehind(event.address, destination));
        return false;
      case 'tcp-acceptable':
        return [...this.#listeners].some(({ listener }) => listener === event.listener);
      case 'tcp-connected':
        this.#streams.get(event.connection)?.reached();
        return this.#isOwn(event.connection);
      case 'tcp-readable':
      case 'tcp-writable':
      case 'tcp-peer-closed':
      case 'tcp-urgent':
      case 'tcp-closed':
        return this.#isOwn(event.connection);
      default:
        return false;
    }
  }

  /** A connection of a stream, or one that waits in a listener of ours. */
  #isOwn(connection: TcpConnection): boolean {
    if (this.#connections.has(connection)) return true;
    for (const { local } of this.#listeners) if (local.port === connection.local.port) return true;
    return false;
  }

  #endPing(id: PingId, result: SocketResult<Millis>): boolean {
    const ping = this.#pings.get(id);
    if (ping === undefined) return false;
    this.#pings.delete(id);
    ping.end(result);
    return true;
  }

  #adopt(stream: HostStream): HostStream {
    this.#streams.set(stream.connection, stream);
    this.#connections.add(stream.connection);
    return stream;
  }

  /** Does the way to `destination` lead over that next hop? */
  #isBehind(nextHop: Ipv4Address, destination: Ipv4Address): boolean {
    if (destination === nextHop) return true;
    if (nextHop !== this.#machine.gateway) return false;
    return !this.#machine.addresses.some(({ address, prefixLength }) =>
      prefixContains(prefixOf(address, prefixLength), destination),
    );
  }

  #checkOwn(address: Ipv4Address): SocketFailure | undefined {
    const own = address === IPV4_ANY || isIpv4Loopback(address) || this.#machine.owns(address);
    return own ? undefined : invalidInput('not an address of this host');
  }
}

function refusedBy(refusal: TcpRefusal): SocketFailure {
  switch (refusal) {
    case 'no-address':
    case 'no-route':
      return failed('unreachable');
    case 'address-in-use':
      return failed('address-in-use');
    default:
      return failed('no-buffers');
  }
}
