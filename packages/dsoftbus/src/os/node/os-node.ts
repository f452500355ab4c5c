import {
  assert,
  Counters,
  type Datagram,
  type Endpoint,
  type Ipv4Address,
  type Millis,
  Queue,
  requireArgument,
  uniform,
} from '@nexus-net/sansio';
import { Discovery, type DiscoveryInspection } from '../../discovery/discovery.js';
import type { PeerCandidate } from '../../discovery/peer-table.js';
import type { NodeBindings, NodeMachine, NodeTransmit, StreamCloseCause, StreamId, StreamOpened } from '../../node/node-io.js';
import { type DsPlan, planDs } from '../local-ipc.js';
import { checkMuxLocally } from '../session/mux-ladder.js';
import { OsSession, type OsSessionInspection } from '../session/session.js';
import type { OsSessionEnd, OsSessionEvent } from '../session/session-event.js';
import { nextEpoch, OS_NODE_TRANSITIONS, type OsNodeState, type OsNodeTrigger } from './fsm.js';
import type { OsNodeEvent, OsNodeReject } from './node-event.js';
import { type OsNodeOptions, type ResolvedOsNode, resolveOsNode } from './node-options.js';

export interface OsNodeInspection {
  readonly state: OsNodeState;
  readonly epoch: number;
  readonly discovery: DiscoveryInspection;
  readonly sessions: readonly (OsSessionInspection & { readonly stream: StreamId; readonly proven: boolean })[];
  readonly rejects: Readonly<Partial<Record<OsNodeReject, number>>>;
  readonly eventsDropped: number;
}

interface Connection {
  readonly stream: StreamId;
  readonly remote: Endpoint;
  readonly session: OsSession;
  /** The peer has proved its key. */
  proven: boolean;
  /** The driver takes no more for now. */
  blocked: boolean;
  /** Its end has been dealt with. */
  over: boolean;
}

/** node-a between two sessions. */
type Dial =
  | { readonly type: 'waiting'; readonly at: Millis }
  | { readonly type: 'connecting'; readonly stream: StreamId; readonly deadline: Millis }
  | { readonly type: 'off' };

/**
 * One of the two nodes of the OS's cross-VM bus: discovery, the session, the mux ladder, and then the gateway (node-b) or its users
 * (node-a). Unlike the OS it comes back: a session that is lost is dialled or accepted again, with a new ephemeral key.
 */
export class OsNode implements NodeMachine<OsNodeEvent> {
  readonly bindings: NodeBindings;
  readonly #config: ResolvedOsNode;
  readonly #discovery: Discovery;
  readonly #connections = new Map<StreamId, Connection>();
  /** What is sent beside datagrams and octets of streams: one or two for each call. */
  readonly #transmits = new Queue<NodeTransmit>(CONTROL_COUNT_MAX);
  readonly #events: Queue<OsNodeEvent>;
  readonly #rejects = new Counters<OsNodeReject>();
  /** Local requests that wait for the peer, by the number of the session's request. */
  readonly #local = new Map<number, { readonly id: number; readonly plan: Extract<DsPlan, { type: 'call' }> }>();
  #nextLocal = 1;
  #nextStream: StreamId = 0;
  #attempt = 0;
  /** The attempt that went to each target last: of the targets of the last attempt only. */
  #tried: ReadonlyMap<string, number> = new Map();
  #dial: Dial = { type: 'off' };
  #state: OsNodeState = 'idle';
  #epoch = 1;
  #now: Millis = Number.NEGATIVE_INFINITY;

  /** Throws `UsageError` for options that contradict each other. */
  constructor(options: OsNodeOptions) {
    this.#config = resolveOsNode(options);
    const { own, discovery, eventCountMax } = this.#config;
    this.#discovery = new Discovery(discovery);
    this.#events = new Queue(eventCountMax);
    const { port = DISCOVERY_PORT, targets } = discovery;
    this.bindings = {
      datagrams: [{ address: own.address, port }],
      groups: targets?.group === undefined ? [] : [targets.group],
      streams: [own],
    };
  }

  get state(): OsNodeState {
    return this.#state;
  }

  /** Begins: announces, and dials or waits to be dialled. */
  start(now: Millis): void {
    this.#advance(now);
    if (this.#state !== 'idle') return;
    this.#enter('start');
    this.#discovery.start(this.#now);
    if (this.#config.role === 'node-a') this.#dial = { type: 'waiting', at: this.#now + this.#config.fallbackDialMs };
    else this.#enter('accept');
    this.#run();
  }

  /** Ends everything in order. */
  stop(now: Millis): void {
    this.#advance(now);
    if (this.#state === 'idle') return;
    this.#enter('stop');
    this.#discovery.stop(this.#now);
    if (this.#dial.type === 'connecting') this.#transmits.push({ type: 'stream-reset', stream: this.#dial.stream });
    this.#dial = { type: 'off' };
    for (const { session } of this.#connections.values()) session.close(this.#now);
    this.#run();
  }

  /**
   * node-a asks the peer's gateway. The answer comes as `response` or `request-failed` with this number; see `OsSession.request` for the
   * refusals.
   */
  request(now: Millis, kind: number, payload: Uint8Array): number | 'not-ready' | 'oversized' | 'would-block' {
    this.#advance(now);
    const session = this.#established()?.session;
    return session === undefined ? 'not-ready' : session.request(this.#now, kind, payload);
  }

  /**
   * A request of a process of this node (DS v1). There is one answer for each, as the event `local-answer` with the number that is
   * returned: without a session, and where the session is lost, it says that it failed.
   */
  handleLocalRequest(now: Millis, frame: Uint8Array): number {
    this.#advance(now);
    const id = this.#nextLocal++;
    const plan = planDs(frame, { oversized: this.#config.oversizedLocal });
    if (plan.type === 'answer') this.#answerLocally(id, plan.frame);
    else {
      const request = this.request(this.#now, plan.kind, plan.payload);
      if (typeof request === 'number') this.#local.set(request, { id, plan });
      else this.#answerLocally(id, plan.finish(undefined));
    }
    return id;
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.#advance(now);
    this.#discovery.handleDatagram(this.#now, datagram);
    this.#run();
  }

  handleStreamOpened(now: Millis, { stream, remote }: StreamOpened): void {
    this.#advance(now);
    const refusal = this.#admit(stream, remote.address);
    if (refusal !== undefined) {
      this.#rejects.increment(refusal);
      this.#transmits.push({ type: 'stream-reset', stream });
      return;
    }
    const { role, provider, entropy, keys, peerId, services, session: limits } = this.#config;
    const session = new OsSession(
      { role: role === 'node-a' ? 'initiator' : 'responder', provider, entropy, keys, peerId, services, ...limits },
      this.#now,
    );
    this.#connections.set(stream, { stream, remote, session, proven: false, blocked: false, over: false });
    this.#dial = { type: 'off' };
    if (this.#state === 'dialing' || this.#state === 'accepting') {
      this.#enter('opened');
      this.#enter('handshake');
    }
    this.#run();
  }

  handleStreamBytes(now: Millis, stream: StreamId, bytes: Uint8Array): void {
    this.#withConnection(now, stream, ({ session }) => session.handleBytes(this.#now, bytes));
  }

  handleStreamEnd(now: Millis, stream: StreamId): void {
    this.#withConnection(now, stream, ({ session }) => session.handleEnd(this.#now));
  }

  handleStreamClosed(now: Millis, stream: StreamId, cause: StreamCloseCause): void {
    this.#advance(now);
    if (this.#dial.type === 'connecting' && this.#dial.stream === stream) this.#dialFailed(stream, cause);
    else {
      const connection = this.#connections.get(stream);
      if (connection === undefined) this.#rejects.increment('unknown-stream');
      else {
        connection.session.handleLost(this.#now);
        this.#drain(connection);
        this.#connections.delete(stream); // the connection is gone: there is nothing to send on it
        this.#sessionOver(connection);
      }
    }
    this.#run();
  }

  handleStreamBlocked(now: Millis, stream: StreamId): void {
    this.#withConnection(now, stream, (connection) => {
      connection.blocked = true;
    });
  }

  handleStreamWritable(now: Millis, stream: StreamId): void {
    this.#withConnection(now, stream, (connection) => {
      connection.blocked = false;
    });
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#discovery.handleTimeout(this.#now);
    for (const { session } of this.#connections.values())
      if (session.nextTimeout() <= this.#now) session.handleTimeout(this.#now);
    if (this.#dial.type === 'connecting' && this.#dial.deadline <= this.#now) {
      const { stream } = this.#dial;
      this.#transmits.push({ type: 'stream-reset', stream });
      this.#dialFailed(stream, 'timeout');
    }
    this.#run();
  }

  pollTransmit(): NodeTransmit | undefined {
    const control = this.#transmits.shift();
    if (control !== undefined) return control;
    const datagram = this.#discovery.pollTransmit();
    if (datagram !== undefined) return { type: 'datagram', ...datagram };
    for (const connection of this.#connections.values()) {
      const { stream, session, blocked } = connection;
      const bytes = blocked ? undefined : session.pollTransmit();
      if (bytes !== undefined) return { type: 'stream-bytes', stream, bytes };
      if (session.end === undefined) continue;
      this.#connections.delete(stream);
      return { type: !blocked && ORDERLY.has(session.end) ? 'stream-end' : 'stream-reset', stream };
    }
    return undefined;
  }

  pollEvent(): OsNodeEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    let at = this.#discovery.nextTimeout();
    if (this.#dial.type === 'waiting') at = Math.min(at, this.#dial.at);
    if (this.#dial.type === 'connecting') at = Math.min(at, this.#dial.deadline);
    for (const { session } of this.#connections.values()) at = Math.min(at, session.nextTimeout());
    return at;
  }

  inspect(): OsNodeInspection {
    return {
      state: this.#state,
      epoch: this.#epoch,
      discovery: this.#discovery.inspect(),
      sessions: [...this.#connections.values()].map(({ stream, session, proven }) => ({ stream, proven, ...session.inspect() })),
      rejects: this.#rejects.snapshot(),
      eventsDropped: this.#events.dropped,
    };
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  /** The only assignment to the state. */
  #enter(trigger: OsNodeTrigger): void {
    const from = this.#state;
    const to = OS_NODE_TRANSITIONS[from][trigger];
    assert(to !== undefined, `${trigger} in state ${from}`);
    if (to === 'reconnect') this.#epoch = nextEpoch(this.#epoch);
    this.#state = to;
    this.#events.push({ type: 'state', at: this.#now, from, to, epoch: this.#epoch });
  }

  #withConnection(now: Millis, stream: StreamId, act: (connection: Connection) => void): void {
    this.#advance(now);
    const connection = this.#connections.get(stream);
    if (connection === undefined || connection.session.end !== undefined) this.#rejects.increment('unknown-stream');
    else act(connection);
    this.#run();
  }

  #established(): Connection | undefined {
    for (const connection of this.#connections.values())
      if (connection.proven && connection.session.end === undefined) return connection;
    return undefined;
  }

  #admit(stream: StreamId, source: Ipv4Address): OsNodeReject | undefined {
    requireArgument(!this.#connections.has(stream), 'no number of a stream is used twice');
    if (this.#config.role === 'node-a')
      return this.#dial.type === 'connecting' && this.#dial.stream === stream ? undefined : 'not-accepting';
    if (this.#state === 'idle') return 'not-accepting';
    const pending = [...this.#connections.values()].filter(({ proven, over }) => !proven && !over);
    const fromSource = pending.filter(({ remote }) => remote.address === source).length;
    if (fromSource >= this.#config.pendingPerSourceMax) return 'too-many-from-source';
    // Where the peer is said to be has room of its own: strangers can't keep it out.
    if (source === this.#config.peer.address || this.#candidates().some(({ address }) => address === source)) return undefined;
    return pending.length >= this.#config.pendingCountMax ? 'too-many-pending' : undefined;
  }

  /** Where discovery has heard the peer: the way that worked, then the newest. */
  #candidates(): readonly PeerCandidate[] {
    const candidates = this.#discovery.peer(this.#config.peerId)?.candidates ?? [];
    return [...candidates.filter(({ proven }) => proven), ...candidates.filter(({ proven }) => !proven)];
  }

  /** What follows from whatever happened: events of the parts, sessions that are over, a dial that is due. */
  #run(): void {
    for (const connection of [...this.#connections.values()]) {
      this.#drain(connection);
      if (connection.session.end !== undefined) this.#sessionOver(connection);
    }
    for (let event = this.#discovery.pollEvent(); event !== undefined; event = this.#discovery.pollEvent()) {
      this.#events.push(event);
      // The first announce is what node-a waits for; after a failure the pause is kept.
      if (
        event.type === 'peer-found' &&
        event.peer.deviceId === this.#config.peerId &&
        this.#attempt === 0 &&
        this.#dial.type === 'waiting'
      )
        this.#dial = { type: 'waiting', at: this.#now };
    }
    if (this.#dial.type === 'waiting' && this.#dial.at <= this.#now) this.#connect();
  }

  #drain(connection: Connection): void {
    const { stream, session } = connection;
    for (let event = session.pollEvent(); event !== undefined; event = session.pollEvent()) {
      this.#events.push({ ...event, stream });
      this.#follow(connection, event);
    }
  }

  #follow(connection: Connection, event: OsSessionEvent): void {
    switch (event.type) {
      case 'session-up':
        this.#sessionUp(connection);
        return;
      case 'mux-data':
        this.#events.push({ type: 'mux-check', at: this.#now, check: checkMuxLocally() });
        return;
      case 'response':
      case 'request-failed': {
        const local = this.#local.get(event.request);
        if (local === undefined) return;
        this.#local.delete(event.request);
        this.#answerLocally(local.id, local.plan.finish(event.type === 'response' ? event : undefined));
        return;
      }
      default:
        return;
    }
  }

  #sessionUp(connection: Connection): void {
    const { peerId, peer, keys } = this.#config;
    // Only the peer can have proved this key, so that an older session of it is one that it has forgotten.
    for (const other of this.#connections.values()) if (other !== connection && other.proven) other.session.handleLost(this.#now);
    connection.proven = true;
    this.#attempt = 0;
    this.#tried = new Map();
    const endpoint = {
      address: connection.remote.address,
      port: this.#config.role === 'node-a' ? connection.remote.port : peer.port,
    };
    this.#discovery.bind(this.#now, { deviceId: peerId, noiseStatic: keys.peerStatic, endpoint });
    this.#discovery.stop(this.#now);
    if (this.#state !== 'ready') this.#enter('session-up');
  }

  /** The consequences of the end of a session, once. */
  #sessionOver(connection: Connection): void {
    if (connection.over) return;
    connection.over = true;
    if (this.#established() !== undefined) return;
    if (connection.proven) this.#discovery.unbind(this.#now, this.#config.peerId);
    const isPending = [...this.#connections.values()].some(({ session }) => session.end === undefined);
    if (this.#state !== 'ready' && (this.#state !== 'handshaking' || isPending)) return;
    this.#lost();
    // Connections that are still at their handshake go on as such.
    if (isPending) {
      this.#enter('opened');
      this.#enter('handshake');
    }
  }

  #lost(): void {
    this.#enter('lost');
    this.#discovery.start(this.#now);
    if (this.#config.role === 'node-b') this.#enter('accept');
    else this.#dial = { type: 'waiting', at: this.#now + this.#pause() };
  }

  /** A pause that doubles with each try, and a quarter of it more or less by chance. */
  #pause(): Millis {
    const { retryMsMin, retryMsMax, entropy } = this.#config;
    const pause = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.#attempt, 30));
    return pause + uniform(entropy, { low: 0, high: Math.floor(pause / 4) });
  }

  #dialFailed(stream: StreamId, cause: string): void {
    this.#events.push({ type: 'dial-failed', at: this.#now, stream, cause });
    this.#lost();
  }

  /** Dials what discovery knows, and then what was configured; each failure moves on to the next. */
  #connect(): void {
    const { peer, own, connectMs } = this.#config;
    const targets = [
      ...this.#candidates().map(({ address, port }) => ({ target: { address, port }, by: 'discovery' as const })),
      { target: peer, by: 'fallback' as const },
    ];
    const triedAt = ({ target: { address, port } }: (typeof targets)[number]): number =>
      this.#tried.get(`${address}:${port}`) ?? 0;
    // The first of those that were tried longest ago: a forged address costs one try, not every second one.
    const chosen = targets.reduce((best, one) => (triedAt(one) < triedAt(best) ? one : best));
    const { target, by } = chosen;
    this.#attempt++;
    const tries = targets.map(
      (one) => [`${one.target.address}:${one.target.port}`, one === chosen ? this.#attempt : triedAt(one)] as const,
    );
    this.#tried = new Map(tries);
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#enter('dial');
    this.#dial = { type: 'connecting', stream, deadline: this.#now + connectMs };
    this.#transmits.push({ type: 'stream-open', stream, source: { address: own.address, port: 0 }, destination: target });
    this.#events.push({ type: 'dial', at: this.#now, stream, target, by, attempt: this.#attempt });
  }

  #answerLocally(request: number, frame: Uint8Array): void {
    this.#events.push({ type: 'local-answer', at: this.#now, request, frame });
  }
}

/** Ends after which the connection is closed in order; after all others it is reset. */
const ORDERLY: ReadonlySet<OsSessionEnd> = new Set(['finished', 'ended', 'closed']);
const CONTROL_COUNT_MAX = 1_024;
const DISCOVERY_PORT = 37020;
