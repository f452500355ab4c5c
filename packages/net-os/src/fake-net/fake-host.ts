import {
  Counters,
  type Datagram,
  type Endpoint,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  type Ipv4Prefix,
  isIpv4Loopback,
  type Millis,
  prefixBroadcast,
  prefixContains,
  prefixOf,
} from '@nexus-net/sansio';
import { checkBacklog, checkDeadline, checkLocal, checkRemote, deadlineOf } from '../sockets/checks.js';
import { failed, invalidInput, type SocketFailure, type SocketResult } from '../sockets/socket-result.js';
import type {
  CallOptions,
  LocalAddress,
  PendingPing,
  Sockets,
  TcpStream,
  TcpStreamListener,
  UdpSocket,
} from '../sockets/sockets.js';
import type { FakeNet } from './fake-net.js';
import { FakePing } from './fake-ping.js';
import { FakeListener, FakeStream } from './fake-tcp.js';
import { FakeUdpSocket } from './fake-udp.js';

export interface FakeHostConfig extends Partial<FakeHostLimits> {
  readonly address: Ipv4Address;
  /** Bits of the network of `address`. Default 24. */
  readonly prefixLength?: number;
}

export interface FakeHostLimits {
  /** UDP sockets, listeners and streams at most; for one more the call is `no-buffers`. Default 1 024. */
  readonly socketCountMax: number;
  /** Datagrams that wait in one socket; further ones are lost and counted. Default 64. */
  readonly datagramCountMax: number;
  /** Octets that wait for one reader; a writer is told to wait. Default 65 536. */
  readonly streamOctetsMax: number;
}

/** What a fake host lost: nothing else is ever lost in it. */
export type FakeHostLoss = 'datagram-queue-full' | 'error-queue-full';

/** One host of a {@link FakeNet}. */
export class FakeHost implements Sockets {
  readonly address: Ipv4Address;
  readonly network: Ipv4Prefix;
  readonly limits: FakeHostLimits;
  readonly #prefixLength: number;
  readonly #net: FakeNet;
  readonly #udp = new Set<FakeUdpSocket>();
  readonly #listeners = new Map<number, FakeListener>();
  readonly #streams = new Set<FakeStream>();
  readonly #losses = new Counters<FakeHostLoss>();
  #nextPort = EPHEMERAL_FIRST;

  /** Made by {@link FakeNet.addHost}. */
  constructor(net: FakeNet, { address, prefixLength = 24, ...limits }: FakeHostConfig) {
    this.#net = net;
    this.address = address;
    this.#prefixLength = prefixLength;
    this.network = prefixOf(address, prefixLength);
    this.limits = { socketCountMax: 1_024, datagramCountMax: 64, streamOctetsMax: 65_536, ...limits };
  }

  get net(): FakeNet {
    return this.#net;
  }

  get now(): Millis {
    return this.#net.now;
  }

  get losses(): Partial<Record<FakeHostLoss, number>> {
    return this.#losses.snapshot();
  }

  poll(now: Millis): void {
    this.#net.poll(now);
  }

  nextWake(): Millis {
    return this.#net.nextWake();
  }

  localAddress(): LocalAddress {
    return { address: this.address, prefixLength: this.#prefixLength };
  }

  udpBind(local: Endpoint): SocketResult<UdpSocket> {
    const wrong = checkLocal(local) ?? this.#checkOwn(local.address) ?? this.#checkRoom();
    if (wrong !== undefined) return wrong;
    const taken = (port: number): boolean =>
      [...this.#udp].some((other) => other.local.port === port && other.local.address === local.address);
    const port = local.port === 0 ? this.#freePort(taken) : local.port;
    if (port === undefined) return failed('no-buffers');
    if (taken(port)) return failed('address-in-use');
    const socket = new FakeUdpSocket(this, { address: local.address, port });
    this.#udp.add(socket);
    return { ok: true, value: socket };
  }

  tcpListen(local: Endpoint, backlog: number): SocketResult<TcpStreamListener> {
    const wrong = checkLocal(local) ?? this.#checkOwn(local.address) ?? checkBacklog(backlog) ?? this.#checkRoom();
    if (wrong !== undefined) return wrong;
    const taken = (port: number): boolean => this.#listeners.has(port);
    const port = local.port === 0 ? this.#freePort(taken) : local.port;
    if (port === undefined) return failed('no-buffers');
    if (taken(port)) return failed('address-in-use');
    const listener = new FakeListener(this, { address: local.address, port }, backlog);
    this.#listeners.set(port, listener);
    return { ok: true, value: listener };
  }

  tcpConnect(remote: Endpoint, options?: CallOptions): SocketResult<TcpStream> {
    const wrong = checkDeadline(this.now, options) ?? checkRemote(remote) ?? this.#checkRoom();
    if (wrong !== undefined) return wrong;
    if (!this.routes(remote.address)) return failed('unreachable');
    const port = this.#freePort((taken) => [...this.#streams].some(({ local }) => local.port === taken));
    if (port === undefined) return failed('no-buffers');
    const stream = new FakeStream(this, { local: { address: this.address, port }, remote });
    this.#streams.add(stream);
    stream.connect(deadlineOf(options));
    return { ok: true, value: stream };
  }

  ping(destination: Ipv4Address, options?: CallOptions): SocketResult<PendingPing> {
    const late = checkDeadline(this.now, options);
    if (late !== undefined) return late;
    if (!this.routes(destination)) return failed('unreachable');
    return { ok: true, value: new FakePing(this, destination, deadlineOf(options)) };
  }

  /** Is this an address of ours, or of the loopback network? */
  owns(address: Ipv4Address): boolean {
    return address === this.address || isIpv4Loopback(address);
  }

  /** The host that owns `address`, seen from here. */
  find(address: Ipv4Address): FakeHost | undefined {
    return this.owns(address) ? this : this.#net.host(address);
  }

  /** Is there a way to `address`? On the own network there always is one, though nobody may be at its end. */
  routes(address: Ipv4Address): boolean {
    return prefixContains(this.network, address) || this.find(address) !== undefined || address === IPV4_BROADCAST;
  }

  isBroadcast(address: Ipv4Address): boolean {
    return address === IPV4_BROADCAST || (this.#prefixLength < 31 && address === prefixBroadcast(this.network));
  }

  /** The socket that takes what comes for `to`: the one of exactly that address before the one of all. */
  udpAt(to: Endpoint): FakeUdpSocket | undefined {
    let general: FakeUdpSocket | undefined;
    for (const socket of this.#udp) {
      if (socket.local.port !== to.port) continue;
      if (socket.local.address === to.address) return socket;
      if (socket.local.address === IPV4_ANY) general = socket;
    }
    return general;
  }

  /** The listener that takes connections to `to`. */
  listenerAt(to: Endpoint): FakeListener | undefined {
    const listener = this.#listeners.get(to.port);
    return listener !== undefined && (listener.local.address === IPV4_ANY || listener.local.address === to.address)
      ? listener
      : undefined;
  }

  /** Carries a datagram to whom it is for, and an error back where nobody takes it. */
  carry(socket: FakeUdpSocket, datagram: Datagram): void {
    const { destination } = datagram;
    if (this.isBroadcast(destination.address)) {
      for (const host of this.#net.hosts) if (host !== this) this.#carryTo(host, datagram);
      return;
    }
    const host = this.find(destination.address);
    if (host !== undefined) this.#carryTo(host, datagram, socket);
    else this.#net.after(NOBODY_MS, () => socket.fail({ destination, error: 'unreachable' }));
  }

  count(loss: FakeHostLoss): void {
    this.#losses.increment(loss);
  }

  addStream(stream: FakeStream): boolean {
    if (this.#checkRoom() !== undefined) return false;
    this.#streams.add(stream);
    return true;
  }

  drop(socket: FakeUdpSocket | FakeStream | FakeListener): void {
    if (socket instanceof FakeUdpSocket) this.#udp.delete(socket);
    else if (socket instanceof FakeStream) this.#streams.delete(socket);
    else this.#listeners.delete(socket.local.port);
  }

  #carryTo(host: FakeHost, datagram: Datagram, sender?: FakeUdpSocket): void {
    if (this.#net.loses(datagram)) return;
    const latency = host === this ? 0 : this.#net.latencyMs;
    const payload = datagram.payload.slice();
    this.#net.after(latency, () => {
      const receiver = host.udpAt(datagram.destination);
      if (receiver !== undefined) receiver.deliver({ from: datagram.source, to: datagram.destination, payload });
      else if (sender !== undefined)
        this.#net.after(latency, () => sender.fail({ destination: datagram.destination, error: 'refused' }));
    });
  }

  #checkOwn(address: Ipv4Address): SocketFailure | undefined {
    return address === IPV4_ANY || this.owns(address) ? undefined : invalidInput('not an address of this host');
  }

  #checkRoom(): SocketFailure | undefined {
    const count = this.#udp.size + this.#listeners.size + this.#streams.size;
    return count < this.limits.socketCountMax ? undefined : failed('no-buffers');
  }

  #freePort(taken: (port: number) => boolean): number | undefined {
    for (let i = EPHEMERAL_FIRST; i <= EPHEMERAL_LAST; i++) {
      const port = this.#nextPort;
      this.#nextPort = port === EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1;
      if (!taken(port)) return port;
    }
    return undefined;
  }
}

/** How long it takes to see that nobody is there: three ARP requests a second apart. */
export const NOBODY_MS: Millis = 3_000;
const EPHEMERAL_FIRST = 49_152;
const EPHEMERAL_LAST = 65_535;
