import {
  bytesEqual,
  Counters,
  type Datagram,
  type Endpoint,
  err,
  IPV4_ANY,
  type Millis,
  NEVER,
  Queue,
  type Result,
} from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { type BusJudgement, type BusPeer, GOODBYE } from '../bus/index.js';
import { Discovery, type Peer } from '../discovery/index.js';
import { SourceRates } from '../discovery/source-rates.js';
import { TokenBucket } from '../discovery/token-bucket.js';
import type { GatewayRequest, GatewayResult, GatewayRule } from '../gateway/index.js';
import type { MuxStreamSnapshot } from '../mux/bus/mux.js';
import type { MuxOpenError, MuxStreamId } from '../mux/bus/mux-event.js';
import { encodeUtf8 } from '../utf8.js';
import { BusLink, type BusLinkEvent } from './bus-link.js';
import type { BusConnectionReject, BusNodeEvent } from './bus-node-event.js';
import { type BusNodeOptions, busNodeOptions, type ResolvedBusNode } from './bus-node-options.js';
import { DialPlan } from './dial-plan.js';
import {
  isDialledStream,
  type NodeBindings,
  type NodeMachine,
  type NodeTransmit,
  type StreamCloseCause,
  type StreamId,
  type StreamOpened,
} from './node-io.js';

/**
 * A whole node of dialect `bus`: discovery, sessions, mux and gateway in one machine. Datagrams, byte streams and time in; the same out.
 *
 * It dials whom it may trust, again with growing waits after a failure, never more than so many at once; of two sessions with the same
 * device one stays, by a rule that both sides compute.
 */
export class BusNode implements NodeMachine<BusNodeEvent> {
  readonly bindings: NodeBindings;
  readonly #options: ResolvedBusNode;
  readonly #discovery: Discovery;
  readonly #links = new Map<StreamId, BusLink>();
  /** The open session with each device. */
  readonly #sessions = new Map<string, BusLink>();
  readonly #plan: DialPlan;
  readonly #dialBudget: TokenBucket;
  readonly #acceptRates: SourceRates;
  readonly #transmits = new Queue<NodeTransmit>(QUEUE_COUNT_MAX);
  readonly #events = new Queue<BusNodeEvent>(QUEUE_COUNT_MAX);
  readonly #rejects = new Counters<BusConnectionReject>();
  #rules: readonly GatewayRule[];
  #now: Millis = Number.NEGATIVE_INFINITY;
  #nextStream = 2;
  #isRunning = false;
  /** Links whose turn it is first: none can keep the others from the wire. */
  #turn = 0;

  constructor(options: BusNodeOptions) {
    this.#options = busNodeOptions(options);
    const { address, port, deviceId, localStatic, services, entropy, discovery, rules, backoff, dialRate, acceptRate } =
      this.#options;
    const self = { deviceId, port, noiseStatic: localStatic.publicKey, services };
    this.#discovery = new Discovery({ ...discovery, self, address, entropy });
    this.#plan = new DialPlan(entropy, backoff);
    this.#dialBudget = new TokenBucket(dialRate, 0);
    this.#acceptRates = new SourceRates({ sourceRate: acceptRate, strangerRate: NO_LIMIT, sourceCountMax: 64 });
    this.#rules = rules;
    const discoveryPort = discovery.port ?? ADDRESS_PLAN.ports.dsoftbusDiscovery;
    const group =
      discovery.targets !== undefined && 'group' in discovery.targets
        ? discovery.targets.group
        : ADDRESS_PLAN.os2vm.discoveryGroup;
    const { targets = {} } = discovery;
    // Where announces go to single nodes only, none comes to a group or to everybody: so two nodes of one host can have that port.
    const isUnicastOnly = group === undefined && 'broadcast' in targets && targets.broadcast === undefined;
    this.bindings = {
      datagrams: [{ address: isUnicastOnly ? address : IPV4_ANY, port: discoveryPort }],
      groups: group === undefined ? [] : [group],
      streams: [{ address, port }],
    };
  }

  /** Announces, listens, dials. */
  start(now: Millis): void {
    this.#advance(now);
    this.#isRunning = true;
    this.#discovery.start(this.#now);
    this.#settle();
  }

  /** Dials and announces no more, and says goodbye to everybody. */
  stop(now: Millis): void {
    this.#advance(now);
    this.#isRunning = false;
    this.#discovery.stop(this.#now);
    for (const link of this.#links.values()) link.session.close(this.#now, GOODBYE.goingAway);
    this.#settle();
  }

  /** Devices that were heard of. */
  peers(): readonly Peer[] {
    return this.#discovery.peers();
  }

  /** Device ids with an open session. */
  sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  /** Opens a stream to a device with a session; see `Mux.open`. */
  openStream(
    now: Millis,
    deviceId: string,
    stream: { readonly name: string; readonly priority: number },
  ): Result<MuxStreamId, MuxOpenError | 'no-session'> {
    this.#advance(now);
    return this.#sessions.get(deviceId)?.session.openStream(this.#now, stream) ?? err('no-session');
  }

  /** See `Mux.write`; 0 where there is no session. */
  write(now: Millis, deviceId: string, stream: MuxStreamId, bytes: Uint8Array): number {
    this.#advance(now);
    return this.#sessions.get(deviceId)?.session.write(this.#now, stream, bytes) ?? 0;
  }

  /** See `Mux.read`. */
  read(now: Millis, deviceId: string, stream: MuxStreamId, octetsMax?: number): Uint8Array | undefined {
    this.#advance(now);
    const link = this.#sessions.get(deviceId);
    const bytes = link?.session.read(this.#now, stream, octetsMax);
    if (link !== undefined) this.#pump(link);
    return bytes;
  }

  /** See `Mux.finish`. */
  finish(now: Millis, deviceId: string, stream: MuxStreamId): void {
    this.#advance(now);
    this.#sessions.get(deviceId)?.session.finish(this.#now, stream);
  }

  /** See `Mux.reset`. */
  resetStream(now: Millis, deviceId: string, stream: MuxStreamId, code?: number): void {
    this.#advance(now);
    this.#sessions.get(deviceId)?.session.resetStream(this.#now, stream, code);
  }

  /** How a stream stands: what waits to be sent, and how much of it the device takes. `undefined` where there is none. */
  streamState(deviceId: string, stream: MuxStreamId): MuxStreamSnapshot | undefined {
    return this.#sessions
      .get(deviceId)
      ?.session.inspect()
      .mux?.streams.find(({ id }) => id === stream);
  }

  /** Asks a device something; the `reply` event has the same number. `undefined`: no session, or too much asked already. */
  request(now: Millis, deviceId: string, request: GatewayRequest): number | undefined {
    this.#advance(now);
    const link = this.#sessions.get(deviceId);
    const correlation = link?.request(this.#now, request);
    if (link !== undefined) this.#pump(link);
    return correlation;
  }

  /** A service answers what was `pending`. */
  answer(now: Millis, deviceId: string, token: number, result: GatewayResult): void {
    this.#advance(now);
    const link = this.#sessions.get(deviceId);
    link?.answer(this.#now, token, result);
    if (link !== undefined) this.#pump(link);
  }

  /** What peers may ask from now on. */
  setRules(rules: readonly GatewayRule[]): void {
    this.#rules = rules;
  }

  /** The digits are the same: the key is written into the trust store, then the session goes on. */
  confirmPairing(now: Millis, deviceId: string): void {
    this.#pairing(now, deviceId, (link, peer) => {
      if (this.#options.trust.pair(peer.deviceId, peer.key, peer.keyId)) link.session.confirmPairing(this.#now);
      else link.session.refusePairing(this.#now);
    });
  }

  refusePairing(now: Millis, deviceId: string): void {
    this.#pairing(now, deviceId, (link) => link.session.refusePairing(this.#now));
  }

  /** The key is good no more; a session that uses it ends at once. */
  revoke(now: Millis, deviceId: string, key: Uint8Array): void {
    this.#advance(now);
    this.#options.trust.revoke(deviceId, key);
    const link = this.#sessions.get(deviceId);
    if (link?.session.peer !== undefined && bytesEqual(link.session.peer.key, key))
      link.session.abort(this.#now, GOODBYE.withdrawn);
    this.#settle();
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.#advance(now);
    this.#discovery.handleDatagram(this.#now, datagram);
    this.#settle();
  }

  handleStreamOpened(now: Millis, { stream, remote }: StreamOpened): void {
    this.#advance(now);
    const dialled = this.#links.get(stream);
    if (dialled !== undefined && !dialled.isConnected) {
      dialled.isConnected = true;
      dialled.session.start(this.#now);
    } else if (dialled === undefined && !isDialledStream(stream)) this.#accept(stream, remote);
    else this.#rejects.increment('unknown-stream');
    this.#settle();
  }

  handleStreamBytes(now: Millis, stream: StreamId, bytes: Uint8Array): void {
    this.#advance(now);
    const link = this.#links.get(stream);
    if (link?.isConnected === true) link.session.handleBytes(this.#now, bytes);
    else this.#rejects.increment('unknown-stream');
    this.#settle();
  }

  handleStreamEnd(now: Millis, stream: StreamId): void {
    this.#advance(now);
    this.#links.get(stream)?.session.handleEnd(this.#now);
    this.#settle();
  }

  handleStreamClosed(now: Millis, stream: StreamId, cause: StreamCloseCause): void {
    this.#advance(now);
    const link = this.#links.get(stream);
    if (link === undefined) return;
    if (link.isConnected) {
      link.session.handleClosed(this.#now);
      this.#pump(link);
    } else this.#noConnection(link, cause);
    this.#links.delete(stream);
    this.#settle();
  }

  handleStreamBlocked(now: Millis, stream: StreamId): void {
    this.#advance(now);
    const link = this.#links.get(stream);
    if (link !== undefined) link.isBlocked = true;
  }

  handleStreamWritable(now: Millis, stream: StreamId): void {
    this.#advance(now);
    const link = this.#links.get(stream);
    if (link !== undefined) link.isBlocked = false;
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
    this.#discovery.handleTimeout(this.#now);
    for (const link of [...this.#links.values()]) {
      link.handleTimeout(this.#now);
      if (!link.isConnected && link.createdAt + this.#options.dialTimeoutMs <= this.#now) {
        this.#rejects.increment('dial-timeout');
        this.#noConnection(link, 'timeout');
        this.#discard(link);
      } else if (link.lingerUntil !== undefined && link.lingerUntil <= this.#now) this.#discard(link);
    }
    this.#settle();
  }

  pollTransmit(): NodeTransmit | undefined {
    const first = this.#transmits.shift();
    if (first !== undefined) return first;
    const links = [...this.#links.values()];
    for (let i = 0; i < links.length; i++) {
      const link = links[(this.#turn + i) % links.length] as BusLink;
      const out = link.pollTransmit();
      this.#pump(link);
      if (out === undefined) continue;
      this.#turn = (this.#turn + i + 1) % links.length;
      const { stream } = link;
      if (out.type === 'bytes') return { type: 'stream-bytes', stream, bytes: out.bytes };
      if (out.type === 'end') return { type: 'stream-end', stream };
      this.#links.delete(stream);
      return { type: 'stream-reset', stream };
    }
    return this.#transmits.shift();
  }

  pollEvent(): BusNodeEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    let next = Math.min(this.#discovery.nextTimeout(), this.#isRunning ? this.#plan.nextAt : NEVER);
    for (const link of this.#links.values()) next = Math.min(next, link.nextTimeout);
    return next;
  }

  inspect(): BusNodeSnapshot {
    return {
      isRunning: this.#isRunning,
      peers: this.#discovery.peers().map(({ deviceId }) => deviceId),
      sessions: [...this.#sessions].map(([deviceId, { session }]) => ({ deviceId, role: session.role })),
      connections: this.#links.size,
      rejects: this.#rejects.snapshot(),
    };
  }

  #advance(now: Millis): void {
    if (now > this.#now) this.#now = now;
  }

  /** After every input: what discovery and the sessions have to say, and who is to be dialled. */
  #settle(): void {
    for (let out = this.#discovery.pollTransmit(); out !== undefined; out = this.#discovery.pollTransmit())
      this.#transmits.push({ type: 'datagram', ...out });
    for (let event = this.#discovery.pollEvent(); event !== undefined; event = this.#discovery.pollEvent()) {
      if (event.type === 'announced') continue;
      if (event.type === 'peer-found' || event.type === 'peer-changed') this.#wantDial(event.peer.deviceId);
      else if (event.type === 'peer-lost' && !this.#sessions.has(event.deviceId)) this.#plan.drop(event.deviceId);
      this.#events.push(event);
    }
    for (const link of [...this.#links.values()]) this.#pump(link);
    if (this.#isRunning) for (const deviceId of this.#plan.due(this.#now)) this.#dial(deviceId);
  }

  /** The lower id dials at once, the higher one only if that comes to nothing: so two rarely dial each other. */
  #wantDial(deviceId: string): void {
    const { dial } = this.#options;
    if (dial === 'none' || (dial !== 'all' && !dial.includes(deviceId)) || this.#sessions.has(deviceId)) return;
    this.#plan.want(deviceId, isLower(this.#options.deviceId, deviceId) ? this.#now : this.#now + SECOND_DIAL_MS);
  }

  #dial(deviceId: string): void {
    const peer = this.#discovery.peer(deviceId);
    const running = [...this.#links.values()].some(({ dialled, session }) => dialled === deviceId && session.end === undefined);
    if (peer === undefined) this.#plan.drop(deviceId);
    else if (running || this.#sessions.has(deviceId)) this.#plan.hold(deviceId);
    else if (this.#busyCount() >= this.#options.sessionCountMax || !this.#dialBudget.take(this.#now))
      this.#plan.postpone(deviceId, this.#now + POSTPONE_MS);
    else {
      const ways = this.#waysTo(peer);
      const attempt = this.#plan.attemptsOf(deviceId);
      const way = ways[attempt % ways.length];
      if (way === undefined) {
        // Nothing that could be trusted was announced; another announce brings it up again.
        this.#plan.drop(deviceId);
        return;
      }
      this.#connect(deviceId, way, attempt);
    }
  }

  #connect(deviceId: string, { to, key }: { readonly to: Endpoint; readonly key: Uint8Array }, attempt: number): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#plan.hold(deviceId);
    this.#links.set(stream, this.#link({ stream, remote: to, now: this.#now, dialled: { deviceId, key } }));
    this.#transmits.push({
      type: 'stream-open',
      stream,
      source: { address: this.#options.address, port: 0 },
      destination: to,
    });
    this.#events.push({ type: 'dialling', deviceId, to, attempt });
  }

  /** Where and with which key a device can be dialled: keys that are trusted, else those that may be tried. */
  #waysTo({ deviceId, candidates }: Peer): { readonly to: Endpoint; readonly key: Uint8Array }[] {
    const { trust, trustAnnounced, pairing } = this.#options;
    const keys = trust.keysOf(this.#now, deviceId).map(({ key }) => key);
    const to = candidates.map(({ address, port, noiseStatic }) => ({ to: { address, port }, key: noiseStatic }));
    if (trust.isKnown(deviceId)) {
      const fitting = to.filter((way) => keys.some((key) => bytesEqual(key, way.key)));
      // An announce of another key is no reason not to try the address with the right one.
      return [...fitting, ...to.flatMap((way) => keys.slice(0, 1).map((key) => ({ to: way.to, key })))];
    }
    return trustAnnounced || pairing ? to : [];
  }

  #accept(stream: StreamId, remote: Endpoint): void {
    const { handshakeCountMax, handshakesPerAddressMax } = this.#options;
    const pending = [...this.#links.values()].filter(
      ({ dialled, openedAt, lingerUntil }) => dialled === undefined && openedAt === undefined && lingerUntil === undefined,
    );
    const fromThere = pending.filter((link) => link.remote.address === remote.address);
    const reject: BusConnectionReject | undefined =
      this.#acceptRates.take(this.#now, remote.address, false) !== undefined
        ? 'accept-rate'
        : pending.length >= handshakeCountMax
          ? 'handshake-limit'
          : fromThere.length >= handshakesPerAddressMax
            ? 'address-limit'
            : undefined;
    if (reject !== undefined || !this.#isRunning) {
      if (reject !== undefined) this.#rejects.increment(reject);
      this.#transmits.push({ type: 'stream-reset', stream });
      return;
    }
    const link = this.#link({ stream, remote, now: this.#now });
    this.#links.set(stream, link);
    link.session.start(this.#now);
  }

  #link(link: ConstructorParameters<typeof BusLink>[0]): BusLink {
    return new BusLink(link, this.#options, { judge: (now, peer) => this.#judge(now, peer), rules: () => this.#rules });
  }

  /** The mapping from device id to key: the trust store's, else what discovery announced, where that is enough. */
  #judge(now: Millis, { deviceId, key, keyId }: BusPeer): BusJudgement {
    const { trust, trustAnnounced, pairing } = this.#options;
    const verdict = trust.judge(now, deviceId, { key, keyId });
    if (verdict !== 'unknown-device') return verdict;
    const peer = this.#discovery.peer(deviceId);
    const announced = peer?.key === undefined ? (peer?.candidates ?? []).map(({ noiseStatic }) => noiseStatic) : [peer.key];
    if (trustAnnounced && announced.some((each) => bytesEqual(each, key))) return 'trusted';
    if (peer?.key !== undefined && !bytesEqual(peer.key, key)) return 'key-changed';
    return pairing ? 'pairing' : 'unknown-device';
  }

  #pairing(now: Millis, deviceId: string, then: (link: BusLink, peer: BusPeer) => void): void {
    this.#advance(now);
    for (const link of this.#links.values()) {
      const peer = link.pairing;
      if (peer?.deviceId === deviceId) then(link, peer);
    }
    this.#settle();
  }

  #pump(link: BusLink): void {
    link.pump(this.#now, (event) => this.#tell(link, event));
  }

  #tell(link: BusLink, event: BusLinkEvent): void {
    switch (event.type) {
      case 'open':
        this.#opened(link, event.peer);
        break;
      case 'closed':
        this.#closed(link, event.end);
        break;
      case 'pairing':
        link.pairing = event.peer;
        this.#events.push({
          type: 'pairing',
          deviceId: event.peer.deviceId,
          pin: event.pin,
          needsConfirmation: event.needsConfirmation,
        });
        break;
      case 'stream':
        this.#events.push({ type: 'stream', deviceId: link.deviceId as string, event: event.event });
        break;
      case 'reply':
        this.#events.push({ ...event, deviceId: link.deviceId as string });
        break;
      default:
        this.#events.push(event);
    }
  }

  #opened(link: BusLink, peer: BusPeer): void {
    const { deviceId } = peer;
    link.deviceId = deviceId;
    const other = this.#sessions.get(deviceId);
    if (other !== undefined && !this.#prevails(link, other)) {
      link.session.abort(this.#now, GOODBYE.replaced);
      return;
    }
    if (other === undefined && this.#sessions.size >= this.#options.sessionCountMax) {
      this.#rejects.increment('session-limit');
      link.session.abort(this.#now, GOODBYE.overload);
      return;
    }
    link.openedAt = this.#now;
    this.#sessions.set(deviceId, link);
    this.#plan.hold(deviceId);
    if (other !== undefined) {
      other.session.abort(this.#now, GOODBYE.replaced);
      this.#pump(other);
    }
    // Where it listens, not where its connection comes from.
    const announced = this.#discovery.peer(deviceId)?.candidates.find(({ address }) => address === link.remote.address);
    const endpoint = {
      address: link.remote.address,
      port: link.dialled === undefined ? (announced?.port ?? 0) : link.remote.port,
    };
    if (endpoint.port !== 0) this.#discovery.bind(this.#now, { deviceId, noiseStatic: peer.key, endpoint });
    this.#events.push({ type: 'session-open', deviceId, role: link.session.role });
  }

  /** Of two dials at once the one of the lower id stays; otherwise the newer session, as the older one's end has restarted. */
  #prevails(link: BusLink, other: BusLink): boolean {
    if (link.session.role === other.session.role || this.#now - (other.openedAt ?? this.#now) > SIMULTANEOUS_MS) return true;
    const own = this.#options.deviceId;
    const initiator = link.session.role === 'initiator' ? own : (link.deviceId as string);
    const otherInitiator = other.session.role === 'initiator' ? own : (link.deviceId as string);
    return isLower(initiator, otherInitiator);
  }

  #closed(link: BusLink, end: Extract<BusLinkEvent, { readonly type: 'closed' }>['end']): void {
    link.lingerUntil ??= this.#now + LINGER_MS;
    const { deviceId, dialled, openedAt } = link;
    const known = deviceId ?? dialled;
    if (openedAt !== undefined && deviceId !== undefined) {
      this.#events.push({ type: 'session-closed', deviceId, end });
      if (this.#sessions.get(deviceId) !== link) return; // another one took its place
      this.#sessions.delete(deviceId);
      this.#discovery.unbind(this.#now, deviceId);
    } else this.#events.push({ type: 'session-failed', deviceId: dialled, address: link.remote.address, end });
    if (known === undefined || this.#sessions.has(known) || !this.#mayDial(known)) return;
    const hasLasted = openedAt !== undefined && this.#now - openedAt >= this.#options.settledMs;
    if (hasLasted) this.#plan.renew(this.#now, known);
    else if (openedAt !== undefined || dialled !== undefined) this.#plan.retry(this.#now, known);
  }

  #noConnection(link: BusLink, cause: string): void {
    const deviceId = link.dialled as string;
    this.#events.push({ type: 'session-failed', deviceId, address: link.remote.address, end: { type: 'no-connection', cause } });
    if (this.#sessions.has(deviceId)) this.#plan.hold(deviceId);
    else this.#plan.retry(this.#now, deviceId);
  }

  #mayDial(deviceId: string): boolean {
    const { dial } = this.#options;
    return dial === 'all' || (dial !== 'none' && dial.includes(deviceId));
  }

  #discard(link: BusLink): void {
    if (this.#links.delete(link.stream)) this.#transmits.push({ type: 'stream-reset', stream: link.stream });
  }

  /** Sessions, and dials that may become some. */
  #busyCount(): number {
    let count = this.#sessions.size;
    for (const { dialled, openedAt, lingerUntil } of this.#links.values())
      if (dialled !== undefined && openedAt === undefined && lingerUntil === undefined) count++;
    return count;
  }
}

export interface BusNodeSnapshot {
  readonly isRunning: boolean;
  readonly peers: readonly string[];
  readonly sessions: readonly { readonly deviceId: string; readonly role: 'initiator' | 'responder' }[];
  readonly connections: number;
  readonly rejects: Partial<Record<BusConnectionReject, number>>;
}

/** By octets of UTF-8, as both sides compute it. */
function isLower(a: string, b: string): boolean {
  const left = encodeUtf8(a);
  const right = encodeUtf8(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++)
    if (left[i] !== right[i]) return (left[i] as number) < (right[i] as number);
  return left.length < right.length;
}

const NO_LIMIT = { perSecond: 1e9, burst: 1e9 };
/** The side with the higher id gives the other one so long to dial. */
const SECOND_DIAL_MS = 2_000;
/** Two sessions this close together come of two dials at once. */
const SIMULTANEOUS_MS = 5_000;
/** A dial that there is no room for now is looked at again. */
const POSTPONE_MS = 500;
/** After the end of a session its connection is given so long to end, too. */
const LINGER_MS = 5_000;
const QUEUE_COUNT_MAX = 65_536;
