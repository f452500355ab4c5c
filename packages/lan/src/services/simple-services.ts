import type { Sockets, UdpSocket } from '@nexus-net/net-os';
import { Counters, IPV4_ANY, isIpv4Multicast, type Millis, NEVER } from '@nexus-net/sansio';
import type { SocketService } from './service.js';
import {
  type StreamHandler,
  StreamServer,
  type StreamServerEvent,
  type StreamServerLimits,
  type StreamServerView,
} from './stream-server.js';

export interface SimpleServiceConfig extends Partial<StreamServerLimits> {
  readonly sockets: Sockets;
  /** Default 7 for echo, 9 for discard. */
  readonly port?: number;
}

/** Why a datagram had no echo: `no-answer` from a port below 1024, as another server has, or to a broadcast; `not-sent`: no room. */
export type EchoLabel = 'no-answer' | 'not-sent';

export interface SimpleServiceView extends StreamServerView {
  readonly datagrams: number;
  readonly labels: Partial<Record<EchoLabel, number>>;
}

/** A service over TCP and UDP at one port. */
class SimpleService implements SocketService<StreamServerEvent> {
  readonly #server: StreamServer;
  readonly #datagrams: DatagramLoop;

  constructor(
    { port, ...config }: SimpleServiceConfig & { readonly port: number },
    { open, answers }: { readonly open: () => StreamHandler; readonly answers: boolean },
  ) {
    this.#server = new StreamServer({ ...config, port, open });
    this.#datagrams = new DatagramLoop(config.sockets, { port, answers });
  }

  run(now: Millis): void {
    this.#server.run(now);
    this.#datagrams.run();
  }

  pollEvent(): StreamServerEvent | undefined {
    return this.#server.pollEvent();
  }

  nextTimeout(): Millis {
    return Math.min(this.#server.nextTimeout(), this.#datagrams.hasMore ? this.#datagrams.now : NEVER);
  }

  stop(): void {
    this.#server.stop();
    this.#datagrams.stop();
  }

  inspect(): SimpleServiceView {
    return { ...this.#server.inspect(), ...this.#datagrams.inspect() };
  }
}

/** What comes goes back (RFC 862), over TCP and UDP. */
export class EchoService extends SimpleService {
  constructor({ port = 7, ...config }: SimpleServiceConfig) {
    super({ ...config, port }, { open: () => new EchoHandler(), answers: true });
  }
}

/** What comes is thrown away (RFC 863), over TCP and UDP. */
export class DiscardService extends SimpleService {
  constructor({ port = 9, ...config }: SimpleServiceConfig) {
    super({ ...config, port }, { open: () => new DiscardHandler(), answers: false });
  }
}

class EchoHandler implements StreamHandler {
  #octets: Uint8Array | undefined;
  #ended = false;

  get isBusy(): boolean {
    return this.#octets !== undefined;
  }

  get isFinished(): boolean {
    return this.#ended;
  }

  handleBytes(_now: Millis, bytes: Uint8Array): void {
    this.#octets = bytes.slice();
  }

  handleEnd(): void {
    this.#ended = true;
  }

  pollTransmit(): Uint8Array | undefined {
    const octets = this.#octets;
    this.#octets = undefined;
    return octets;
  }
}

class DiscardHandler implements StreamHandler {
  readonly isBusy = false;
  #ended = false;

  get isFinished(): boolean {
    return this.#ended;
  }

  handleBytes(): void {}

  handleEnd(): void {
    this.#ended = true;
  }

  pollTransmit(): undefined {
    return undefined;
  }
}

/** A UDP socket whose datagrams are echoed, or only taken. */
class DatagramLoop {
  readonly #sockets: Sockets;
  readonly #port: number;
  readonly #answers: boolean;
  readonly #labels = new Counters<EchoLabel>();
  #socket: UdpSocket | undefined;
  #isStopped = false;
  #count = 0;
  hasMore = false;

  constructor(sockets: Sockets, { port, answers }: { readonly port: number; readonly answers: boolean }) {
    this.#sockets = sockets;
    this.#port = port;
    this.#answers = answers;
  }

  get now(): Millis {
    return this.#sockets.now;
  }

  run(): void {
    this.hasMore = false;
    if (this.#socket === undefined && !this.#isStopped) {
      const bound = this.#sockets.udpBind({ address: IPV4_ANY, port: this.#port });
      if (bound.ok) this.#socket = bound.value;
    }
    const socket = this.#socket;
    for (let i = 0; socket !== undefined; i++) {
      if (i >= DATAGRAMS_MAX) {
        this.hasMore = true;
        return;
      }
      const received = socket.receiveFrom();
      if (!received.ok) return;
      this.#count += 1;
      if (!this.#answers) continue;
      const { from, to, payload } = received.value;
      // Two echo servers would answer each other for ever, and an echo to everybody would come from everybody.
      if (from.port < UNPRIVILEGED || isIpv4Multicast(to.address)) this.#labels.increment('no-answer');
      else {
        const sent = socket.sendTo(from, payload, { from: to.address });
        if (!sent.ok) this.#labels.increment(sent.error === 'invalid-input' ? 'no-answer' : 'not-sent');
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
    this.#socket = undefined;
  }

  inspect(): Pick<SimpleServiceView, 'datagrams' | 'labels'> {
    return { datagrams: this.#count, labels: this.#labels.snapshot() };
  }
}

const DATAGRAMS_MAX = 64;
const UNPRIVILEGED = 1_024;
