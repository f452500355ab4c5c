import type { Endpoint, Millis } from '@nexus-net/sansio';
import { type BusPeer, BusSession, type BusSessionEvent, type BusSessionOptions, type BusTransmit } from '../bus/index.js';
import {
  GATEWAY_STREAM,
  type GatewayAudit,
  GatewayClient,
  type GatewayReply,
  type GatewayRequest,
  GatewayServer,
} from '../gateway/index.js';
import { RESET_CODE } from '../mux/bus/frame.js';
import type { ResolvedBusNode } from './bus-node-options.js';
import type { StreamId } from './node-io.js';

/** What comes out of a link for its node. */
export type BusLinkEvent = Exclude<BusSessionEvent, { readonly type: 'rekeyed' }> | GatewayAudit | GatewayReply;

/** One connection of a node: its session, and the gateway over it in both directions. */
export class BusLink {
  readonly stream: StreamId;
  readonly remote: Endpoint;
  /** Whom we dialled; `undefined` for what came in. */
  readonly dialled: string | undefined;
  readonly session: BusSession;
  readonly createdAt: Millis;
  /** The driver can't take more. */
  isBlocked = false;
  isConnected: boolean;
  openedAt: Millis | undefined;
  /** The authenticated device, once the session was open. */
  deviceId: string | undefined;
  /** Whose digits are being compared. */
  pairing: BusPeer | undefined;
  /** The session is over; the connection is waited for until then. */
  lingerUntil: Millis | undefined;
  readonly #node: ResolvedBusNode;
  readonly #rules: () => ResolvedBusNode['rules'];
  #server: GatewayServer | undefined;
  #client: GatewayClient | undefined;
  #clientStream: number | undefined;
  readonly #served = new Set<number>();
  /** What a gateway stream's buffer did not take yet; while there is some, nothing more is read from its peer. */
  readonly #backlog = new Map<number, Uint8Array[]>();
  readonly #finishing = new Set<number>();
  /** The peer has closed; its last octets may still be unread, and are read first. */
  readonly #ended = new Set<number>();
  /** Replies of a client that is gone already. */
  readonly #lost: GatewayReply[] = [];

  constructor(
    link: {
      readonly stream: StreamId;
      readonly remote: Endpoint;
      readonly now: Millis;
      readonly dialled?: { readonly deviceId: string; readonly key: Uint8Array };
    },
    node: ResolvedBusNode,
    wiring: { readonly judge: BusSessionOptions['judge']; readonly rules: () => ResolvedBusNode['rules'] },
  ) {
    this.stream = link.stream;
    this.remote = link.remote;
    this.dialled = link.dialled?.deviceId;
    this.createdAt = link.now;
    this.isConnected = link.dialled === undefined;
    this.#node = node;
    this.#rules = wiring.rules;
    const { entropy, localStatic, deviceId, keyId, session } = node;
    this.session = new BusSession({
      ...session,
      crypto: node.crypto,
      entropy,
      localStatic,
      deviceId,
      keyId,
      judge: wiring.judge,
      ...(link.dialled === undefined ? {} : { remote: link.dialled }),
    });
  }

  get nextTimeout(): Millis {
    return Math.min(
      this.session.nextTimeout(),
      this.#server?.nextTimeout() ?? Number.POSITIVE_INFINITY,
      this.#client?.nextTimeout() ?? Number.POSITIVE_INFINITY,
      this.lingerUntil ?? Number.POSITIVE_INFINITY,
      this.isConnected ? Number.POSITIVE_INFINITY : this.createdAt + this.#node.dialTimeoutMs,
    );
  }

  handleTimeout(now: Millis): void {
    this.session.handleTimeout(now);
    this.#server?.handleTimeout(now);
    this.#client?.handleTimeout(now);
  }

  /** Asks the peer; the number of the question, or `undefined` where it can't be asked now. */
  request(now: Millis, request: GatewayRequest): number | undefined {
    if (!this.session.isOpen) return undefined;
    if (this.#client === undefined) {
      const opened = this.session.openStream(now, { name: GATEWAY_STREAM, priority: 1 });
      if (!opened.ok) return undefined;
      this.#clientStream = opened.value;
      this.#client = new GatewayClient(this.#node.client);
    }
    return this.#client.request(now, request);
  }

  /** A service answers what was pending. */
  answer(now: Millis, token: number, result: Parameters<GatewayServer['answer']>[2]): void {
    this.#server?.answer(now, token, result);
  }

  pollTransmit(): BusTransmit | undefined {
    return this.isBlocked ? undefined : this.session.pollTransmit();
  }

  /** Moves what can be moved between session and gateway; `tell` hears what the node has to know. */
  pump(now: Millis, tell: (event: BusLinkEvent) => void): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (let event = this.session.pollEvent(); event !== undefined; event = this.session.pollEvent()) {
        moved = true;
        if (event.type === 'rekeyed') continue;
        if (event.type === 'stream' && this.#takeGateway(now, event.event)) continue;
        if (event.type === 'closed') this.#client?.handleLost(now);
        tell(event);
      }
      if (this.#serve(now)) moved = true;
      if (this.#ask(now)) moved = true;
      for (const reply of this.#lost.splice(0)) tell(reply);
      for (let audit = this.#server?.pollEvent(); audit !== undefined; audit = this.#server?.pollEvent()) tell(audit);
      for (let reply = this.#client?.pollEvent(); reply !== undefined; reply = this.#client?.pollEvent()) tell(reply);
    }
  }

  /** Events of gateway streams; `true` where it was one. */
  #takeGateway(now: Millis, event: Extract<BusSessionEvent, { readonly type: 'stream' }>['event']): boolean {
    if (event.type === 'going-away') return false;
    if (event.type === 'opened' && event.name === GATEWAY_STREAM) {
      this.#served.add(event.stream);
      this.#gatewayServer().handleOpened(now, event.stream);
      return true;
    }
    if (event.stream === this.#clientStream) {
      this.#takeClient(now, event);
      return true;
    }
    if (!this.#served.has(event.stream)) return false;
    if (event.type === 'ended') this.#ended.add(event.stream);
    else if (event.type === 'reset' || event.type === 'finished') {
      if (event.type === 'reset') this.#server?.handleStreamReset(now, event.stream);
      this.#forget(event.stream);
    }
    return true;
  }

  #takeClient(now: Millis, event: Extract<BusSessionEvent, { readonly type: 'stream' }>['event']): void {
    if (event.type !== 'ended' && event.type !== 'reset' && event.type !== 'finished') return;
    const stream = this.#clientStream as number;
    this.#readClient(now);
    this.#client?.handleLost(now);
    for (let reply = this.#client?.pollEvent(); reply !== undefined; reply = this.#client?.pollEvent()) this.#lost.push(reply);
    if (event.type === 'ended') this.session.resetStream(now, stream);
    this.#forget(stream);
    this.#client = undefined;
    this.#clientStream = undefined;
  }

  #serve(now: Millis): boolean {
    const server = this.#server;
    if (server === undefined) return false;
    let moved = false;
    for (const stream of [...this.#served]) {
      if (!this.#flush(now, stream)) continue;
      // A little at a time: the replies to what is read have to fit before more is read.
      const bytes = this.session.read(now, stream, REQUEST_PIECE);
      if (bytes !== undefined) {
        server.handleBytes(now, stream, bytes);
        moved = true;
      } else if (this.#ended.delete(stream)) {
        server.handleStreamEnd(now, stream);
        moved = true;
      }
      this.#takeAnswers(now);
    }
    this.#takeAnswers(now);
    return moved;
  }

  #takeAnswers(now: Millis): void {
    for (let out = this.#server?.pollTransmit(); out !== undefined; out = this.#server?.pollTransmit()) {
      if (out.type === 'reset') {
        this.session.resetStream(now, out.stream, out.reason === 'refused' ? RESET_CODE.refused : RESET_CODE.application);
        this.#forget(out.stream);
      } else if (out.type === 'finish') {
        this.#finishing.add(out.stream);
        this.#flush(now, out.stream);
      } else this.#send(now, out.stream, out.bytes);
    }
  }

  #ask(now: Millis): boolean {
    const client = this.#client;
    const stream = this.#clientStream;
    if (client === undefined || stream === undefined) return false;
    for (let bytes = client.pollTransmit(); bytes !== undefined; bytes = client.pollTransmit()) this.#send(now, stream, bytes);
    this.#flush(now, stream);
    return this.#readClient(now);
  }

  #readClient(now: Millis): boolean {
    let moved = false;
    const stream = this.#clientStream as number;
    for (let bytes = this.session.read(now, stream); bytes !== undefined; bytes = this.session.read(now, stream)) {
      this.#client?.handleBytes(now, bytes);
      moved = true;
    }
    return moved;
  }

  #send(now: Millis, stream: number, bytes: Uint8Array): void {
    const backlog = this.#backlog.get(stream) ?? [];
    backlog.push(bytes);
    this.#backlog.set(stream, backlog);
    this.#flush(now, stream);
  }

  /** Hands on what waits; `true` where nothing waits any more. */
  #flush(now: Millis, stream: number): boolean {
    const backlog = this.#backlog.get(stream);
    if (backlog !== undefined) {
      for (let bytes = backlog[0]; bytes !== undefined; bytes = backlog[0]) {
        const taken = this.session.write(now, stream, bytes);
        if (taken < bytes.length) {
          backlog[0] = bytes.subarray(taken);
          return false;
        }
        backlog.shift();
      }
      this.#backlog.delete(stream);
    }
    if (this.#finishing.delete(stream)) this.session.finish(now, stream);
    return true;
  }

  #forget(stream: number): void {
    this.#served.delete(stream);
    this.#backlog.delete(stream);
    this.#finishing.delete(stream);
    this.#ended.delete(stream);
  }

  #gatewayServer(): GatewayServer {
    const { gateway, gatewayServices } = this.#node;
    this.#server ??= new GatewayServer({
      ...gateway,
      deviceId: this.session.peer?.deviceId ?? '',
      rules: this.#rules,
      services: gatewayServices,
    });
    return this.#server;
  }
}

const REQUEST_PIECE = 1_024;
