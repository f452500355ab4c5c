import {
  assert,
  Counters,
  type Datagram,
  type DatagramMachine,
  type Endpoint,
  IPV4_ANY,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  NEVER,
  Queue,
  SECOND,
  unreachable,
} from '@nexus-net/sansio';
import { type DecodedDhcpMessage, type DhcpDecodeError, type DhcpDecodeOptions, decodeDhcpMessage } from './message-decode.js';
import { BOOT_REQUEST, DHCP_MESSAGE_TYPE, DHCP_SERVER_PORT } from './names.js';
import { type ReplyRoute, routeInformReply, routeNak, routeReply } from './server/addressing.js';
import type { Binding, BindingState } from './server/binding.js';
import { BindingPool, BindingTable, NO_RELAY_TERMS, type RelayTerms } from './server/binding-table.js';
import { CommitTable } from './server/commits.js';
import { type DhcpServerOptions, type ResolvedConfig, resolveConfig } from './server/config.js';
import { circuitKey, decideDiscover, decideRequest } from './server/decide.js';
import type { DhcpLeaseRecord, DhcpNakReason, DhcpServerEvent, DhcpServerReject } from './server/events.js';
import { describeIdentity } from './server/identity.js';
import { type DhcpServerInspection, inspectServer } from './server/inspect.js';
import { answerLeaseQuery, type LeaseQueryAnswer } from './server/lease-query.js';
import { type RestoreResult, recordOf, restoreLeases } from './server/lease-store.js';
import { type Probe, ProbeTable } from './server/probes.js';
import { encodeInformReply, encodeLeaseReply, encodeNak, serverIdentifierFor } from './server/replies.js';
import { ReplyBuffer } from './server/reply-buffer.js';
import { keepRequest, readRequest, type ServerRequest } from './server/request.js';
import { selectTable, type Tables, tableOf } from './server/select-table.js';

/**
 * A reply. `linkDestination`: send the frame there without asking ARP, for the client can't answer it yet (RFC 2131 §4.1). The octets of
 * `payload` are the caller's; the `ArrayBuffer` under them holds other replies as well, so don't transfer it to another thread.
 */
export type DhcpServerTransmit = Datagram & { readonly linkDestination?: MacAddress };

/**
 * A DHCP server (RFC 2131 §4.3) for the network it is on and for networks behind relays.
 *
 * Laws: an address is leased to one client at a time; every reply goes where §4.1 says; in `confirmed` mode no ACK goes
 * out before its lease is stored.
 */
export class DhcpServer implements DatagramMachine<DhcpServerTransmit, DhcpServerEvent> {
  readonly #config: ResolvedConfig;
  readonly #source: Endpoint;
  readonly #pool: BindingPool;
  readonly #tables: Tables;
  readonly #commits: CommitTable;
  readonly #probes: ProbeTable;
  readonly #probed = new Counters<'started' | 'free' | 'in-use' | 'unanswered' | 'skipped'>();
  readonly #restore: RestoreResult;
  readonly #replies = new ReplyBuffer();
  readonly #transmits: Queue<DhcpServerTransmit>;
  readonly #events: Queue<DhcpServerEvent>;
  readonly #rejects = new Counters<DhcpServerReject>();
  readonly #malformed = new Counters<DhcpDecodeError>();
  readonly #received = new Counters<string>();
  readonly #sent = new Counters<SentType>();
  #revision: number;
  #probeId = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  /** Throws `UsageError` for a configuration that contradicts itself. */
  constructor(options: DhcpServerOptions) {
    const config = resolveConfig(options);
    this.#config = config;
    this.#source = { address: config.address, port: DHCP_SERVER_PORT };
    this.#pool = new BindingPool(config);
    const [local, ...remote] = [config.local, ...config.remote].map((subnet) => new BindingTable(this.#pool, subnet));
    this.#tables = [local as BindingTable, ...remote];
    this.#commits = new CommitTable(config.commitCountMax);
    this.#probes = new ProbeTable(config.conflictCheck?.probeCountMax ?? 1);
    this.#transmits = new Queue(config.transmitCountMax);
    this.#events = new Queue(config.eventCountMax);
    this.#restore = restoreLeases(this.#tables, options.restored ?? []);
    this.#revision = this.#restore.revisionMax;
  }

  handleDatagram(now: Millis, datagram: Datagram): void {
    this.#advance(now);
    const label = this.#receive(datagram);
    if (label !== undefined) this.#reject(label);
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
  }

  pollTransmit(): DhcpServerTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): DhcpServerEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(this.#pool.deadlines.nextAt, this.#probes.nextAt);
  }

  /** The answer to the `probe` event with this id. An unknown id, or one that was not answered in time, is ignored. */
  probeResult(now: Millis, id: number, result: 'free' | 'in-use'): void {
    this.#advance(now);
    const probe = this.#probes.take(id);
    if (probe === undefined) return;
    this.#probed.increment(result);
    const label = this.#endProbe(probe, result);
    if (label !== undefined) this.#reject(label);
  }

  /** The record of the `store` event with this id is durable: its ACK may go out. An unknown id is ignored. */
  confirmStored(now: Millis, id: number): void {
    this.#advance(now);
    const commit = this.#commits.take(id);
    // The lease may have run out, or been given back, while the store was slow.
    if (commit === undefined || commit.binding.state !== commit.leased) return;
    const leaseMs = leaseOf(commit.leased).since + commit.leaseMs - this.#now;
    if (leaseMs < SECOND) return; // the option counts whole seconds, and may not promise more than is left
    const [first] = commit.requests;
    this.#announceLease(first as ServerRequest, commit.binding, commit.renewal);
    for (const request of commit.requests) this.#sendAck(request, commit.binding, leaseMs);
  }

  /** The record of the `store` event with this id could not be stored: the client gets no ACK and will ask again. */
  storeFailed(now: Millis, id: number): void {
    this.#advance(now);
    const commit = this.#commits.take(id);
    if (commit === undefined) return;
    this.#reject('store-failed');
    if (commit.binding.state !== commit.leased) return;
    const until = this.#now + this.#config.offerMs;
    commit.binding.table.revert(commit.binding, commit.before, { until, leaseMs: commit.leaseMs });
  }

  /** State as a plain object, for tests, reports and debugging. Linear in the number of bindings. */
  inspect(): DhcpServerInspection {
    return inspectServer({
      tables: this.#tables,
      pool: this.#pool,
      commitCount: this.#commits.count,
      probeCount: this.#probes.count,
      probes: this.#probed.snapshot(),
      restore: this.#restore,
      rejects: this.#rejects.snapshot(),
      malformed: this.#malformed.snapshot(),
      received: this.#received.snapshot(),
      sent: this.#sent.snapshot(),
      transmitsDropped: this.#transmits.dropped,
      eventsDropped: this.#events.dropped,
    });
  }

  #advance(now: Millis): void {
    this.#now = Math.max(this.#now, now);
    const { deadlines } = this.#pool;
    for (;;) {
      const probeAt = this.#probes.nextAt;
      const next = Math.min(deadlines.nextAt, probeAt);
      if (next > this.#now || next === NEVER) return;
      if (probeAt <= deadlines.nextAt) this.#endProbeUnanswered();
      else this.#endState(deadlines.first as Binding);
    }
  }

  #endState(binding: Binding): void {
    const { state } = binding;
    if (state.type === 'leased') {
      this.#events.push({ type: 'expired', at: state.until, ...held(binding) });
      binding.table.expire(binding);
    } else if (state.type === 'offered') binding.table.lapse(binding);
    else binding.table.endQuarantine(binding);
  }

  #endProbeUnanswered(): void {
    const probe = this.#probes.takeDue(this.#now);
    if (probe === undefined) return;
    this.#probed.increment('unanswered');
    this.#endProbe(probe, 'free');
  }

  /** Handles one datagram; the label says why there is no answer. A NAK is an answer. */
  #receive(datagram: Datagram): DhcpServerReject | undefined {
    if (datagram.destination.port !== DHCP_SERVER_PORT) return 'wrong-port';
    const decoded = decodeDhcpMessage(datagram.payload, BORROWED);
    if (!decoded.ok) {
      this.#malformed.increment(decoded.error);
      return 'malformed';
    }
    const message = decoded.value;
    if (message.op !== BOOT_REQUEST) return 'not-request';
    const type = message.options.get(53)?.[0];
    if (type === undefined) return 'no-message-type';
    if (message.giaddr === this.#config.address) return 'own-relay';
    if (type === DHCP_MESSAGE_TYPE.leaseQuery) return this.#leaseQuery(message);
    const request = readRequest(message, datagram, { type, mtu: this.#config.mtu, classes: this.#config.classes });
    if (request === undefined) return 'no-identity';
    // What a client gives back is taken back, whoever it is.
    const givesBack = type === DHCP_MESSAGE_TYPE.release || type === DHCP_MESSAGE_TYPE.decline;
    if (!givesBack && request.classes.some(({ deny }) => deny)) return 'denied';
    switch (type) {
      case DHCP_MESSAGE_TYPE.discover:
        this.#received.increment('discover');
        return this.#discover(request);
      case DHCP_MESSAGE_TYPE.request:
        this.#received.increment('request');
        return this.#request(request);
      case DHCP_MESSAGE_TYPE.decline:
        this.#received.increment('decline');
        return this.#decline(request);
      case DHCP_MESSAGE_TYPE.release:
        this.#received.increment('release');
        return this.#release(request);
      case DHCP_MESSAGE_TYPE.inform:
        this.#received.increment('inform');
        return this.#inform(request);
      default:
        return 'unexpected-type';
    }
  }

  /** `conflicts`: how many addresses were about to be offered for this DISCOVER, and others used. */
  #discover(request: ServerRequest, conflicts = 0): DhcpServerReject | undefined {
    const table = selectTable(this.#tables, request);
    if (table === undefined) return 'unknown-network';
    const decision = decideDiscover(this.#pool, table, request);
    if (decision.type === 'silent') return decision.label;
    const { binding, leaseMs } = decision;
    const waiting = this.#probes.of(binding);
    if (waiting !== undefined) {
      waiting.request = keepRequest(request); // the answer goes to the last one, and the probe goes on
      return undefined;
    }
    if (this.#startProbe(request, decision, conflicts)) return undefined;
    return this.#offer(request, binding, leaseMs);
  }

  #offer(request: ServerRequest, binding: Binding, leaseMs: Millis): DhcpServerReject | undefined {
    const { table } = binding;
    if (request.rapidCommit && this.#config.rapidCommit) return this.#grant(request, binding, leaseMs);
    if (binding.state.type !== 'leased')
      table.offer(binding, request.client, {
        until: this.#now + this.#config.offerMs,
        leaseMs,
        relay: this.#relayTerms(request),
      });
    this.#events.push({ type: 'offered', at: this.#now, ...held(binding), xid: request.message.xid });
    const yiaddr = binding.address;
    const payload = encodeLeaseReply(
      { config: this.#config, subnet: table.subnet, request, buffer: this.#replies },
      { type: 'offer', yiaddr, ciaddr: IPV4_ANY, leaseMs, rapidCommit: false },
    );
    this.#transmit('offer', payload, routeReply(request, { ciaddr: IPV4_ANY, yiaddr }));
    return undefined;
  }

  /** RFC 2131 §2.2. `false` where the address may be offered at once. */
  #startProbe(request: ServerRequest, offer: { binding: Binding; leaseMs: Millis }, conflicts: number): boolean {
    const { conflictCheck, offerMs } = this.#config;
    const { binding, leaseMs } = offer;
    const { type } = binding.state;
    // The holder of a lease would answer the probe itself; what is offered was probed.
    if (conflictCheck === undefined || type === 'leased' || type === 'offered') return false;
    const { table, address } = binding;
    const { probeMsMax, probeCountMax } = conflictCheck;
    const id = ++this.#probeId;
    const local = table === this.#tables[0];
    if (this.#probes.count >= probeCountMax || !this.#events.push({ type: 'probe', at: this.#now, id, address, local })) {
      this.#probed.increment('skipped');
      return false;
    }
    const until = this.#now + probeMsMax + offerMs;
    table.offer(binding, request.client, { until, leaseMs, relay: this.#relayTerms(request) });
    const waiting = { id, binding, offered: binding.state, leaseMs, conflicts, request: keepRequest(request) };
    this.#probes.add(waiting, this.#now + probeMsMax);
    this.#probed.increment('started');
    return true;
  }

  #endProbe({ binding, offered, leaseMs, conflicts, request }: Probe, result: 'free' | 'in-use'): DhcpServerReject | undefined {
    const current = binding.state === offered; // else it lapsed, or the client took it, while the probe ran
    if (result === 'free') return current ? this.#offer(request, binding, leaseMs) : undefined;
    if (!current) return undefined;
    const until = this.#now + this.#config.quarantineMs;
    this.#events.push({ type: 'conflict', at: this.#now, address: binding.address, until });
    if (this.#config.durability === 'confirmed') this.#store(binding, 'quarantined', until);
    binding.table.quarantine(binding, until);
    const candidates = this.#config.conflictCheck?.candidateCountMax ?? 1;
    return conflicts + 1 < candidates ? this.#discover(request, conflicts + 1) : 'every-candidate-in-use';
  }

  #request(request: ServerRequest): DhcpServerReject | undefined {
    const table = selectTable(this.#tables, request);
    if (table === undefined) return 'unknown-network';
    const decision = decideRequest(this.#now, this.#pool, table, request);
    switch (decision.type) {
      case 'grant':
        return this.#grant(request, decision.binding, decision.leaseMs);
      case 'repeat':
        return this.#repeat(request, decision.binding);
      case 'nak':
        return this.#nak(request, decision.reason);
      case 'withdraw':
        table.lapse(decision.binding);
        return 'other-server';
      case 'silent':
        return decision.label;
      default:
        return unreachable(decision);
    }
  }

  #grant(request: ServerRequest, binding: Binding, leaseMs: Millis): DhcpServerReject | undefined {
    const waiting = binding.commit;
    if (waiting !== undefined && binding.state === waiting.leased) return this.#repeat(request, binding);
    const { durability } = this.#config;
    if (durability === 'confirmed' && this.#commits.full) return 'commit-table-full';
    const before = binding.state;
    const renewal = before.type === 'leased';
    // A renewal may ask for less than what still runs. Its ACK may be lost, and then the client goes on to the old end.
    const until = Math.max(this.#now + leaseMs, before.type === 'leased' ? before.until : 0);
    binding.table.lease(binding, request.client, {
      since: this.#now,
      until,
      xid: request.message.xid,
      relay: this.#relayTerms(request),
    });
    const leased = binding.state;
    if (durability === 'immediate') {
      this.#announceLease(request, binding, renewal);
      this.#sendAck(request, binding, leaseMs);
      return undefined;
    }
    const id = this.#store(binding, 'leased', until);
    if (id === undefined) {
      // Nobody can store what nobody was told: the client asks again when the events are drained.
      binding.table.revert(binding, before, { until: this.#now + this.#config.offerMs, leaseMs });
      return 'store-failed';
    }
    this.#commits.add({ id, binding, before, leased, leaseMs, renewal, requests: [keepRequest(request)] });
    return undefined;
  }

  #relayTerms(request: ServerRequest): RelayTerms {
    const key = circuitKey(request);
    const keep = this.#config.leaseQuery !== 'off' && request.message.giaddr !== IPV4_ANY;
    const information = keep ? request.relayInformation : undefined;
    // A copy, so that a lease does not keep the whole message.
    return key === undefined && information === undefined
      ? NO_RELAY_TERMS
      : { circuitKey: key, information: information && new Uint8Array(information) };
  }

  #repeat(request: ServerRequest, binding: Binding): DhcpServerReject | undefined {
    const waiting = binding.commit;
    if (waiting !== undefined) return this.#commits.addRequest(waiting, keepRequest(request)) ? undefined : 'commit-table-full';
    this.#sendAck(request, binding, this.#remaining(binding));
    return undefined;
  }

  #nak(request: ServerRequest, reason: DhcpNakReason): DhcpServerReject | undefined {
    this.#events.push({ type: 'nak', at: this.#now, client: describeIdentity(request.client), reason, xid: request.message.xid });
    this.#transmit('nak', encodeNak({ config: this.#config, request }, NAK_TEXT[reason]), routeNak(request));
    return undefined;
  }

  /** RFC 2131 §4.3.4. There is no reply; the binding is remembered for the client. */
  #release(request: ServerRequest): DhcpServerReject | undefined {
    const { ciaddr } = request.message;
    const binding = this.#ownLease(request, ciaddr);
    if (typeof binding === 'string') return binding;
    this.#commits.cancel(binding);
    this.#events.push({ type: 'released', at: this.#now, ...held(binding) });
    if (this.#config.durability === 'confirmed') this.#store(binding, 'released', this.#now);
    binding.table.release(binding);
    return undefined;
  }

  /** RFC 2131 §4.3.3. Only the holder is believed: else anybody could take any address out of use. */
  #decline(request: ServerRequest): DhcpServerReject | undefined {
    // Some clients name the address in ciaddr, which table 5 forbids.
    const { ciaddr } = request.message;
    const binding = this.#ownLease(request, request.requestedAddress ?? ciaddr);
    if (typeof binding === 'string') return binding;
    this.#commits.cancel(binding);
    const until = this.#now + this.#config.quarantineMs;
    this.#events.push({ type: 'declined', at: this.#now, until, ...held(binding) });
    if (this.#config.durability === 'confirmed') this.#store(binding, 'quarantined', until);
    binding.table.quarantine(binding, until);
    return undefined;
  }

  /** The lease that a RELEASE or DECLINE is about, where its sender holds it and means us. Option 54 may be absent. */
  #ownLease(request: ServerRequest, address: Ipv4Address): Binding | 'not-the-owner' | 'other-server' {
    const { serverIdentifier, client } = request;
    const ours = [undefined, this.#config.address, serverIdentifierFor(this.#config, request)].includes(serverIdentifier);
    const table = address === IPV4_ANY ? undefined : tableOf(this.#tables, address);
    const binding = table?.ofHolder(table.holderKey(client));
    if (ours && binding?.address === address && binding.state.type === 'leased') return binding;
    return ours ? 'not-the-owner' : 'other-server';
  }

  /** RFC 2131 §4.3.5: parameters for a client that has its address from elsewhere. No lease is looked at or made. */
  #inform(request: ServerRequest): DhcpServerReject | undefined {
    const { message, datagram } = request;
    const address = message.ciaddr !== IPV4_ANY ? message.ciaddr : datagram.source.address;
    const table = address === IPV4_ANY ? undefined : tableOf(this.#tables, address);
    if (table === undefined) return 'inform-without-address';
    this.#events.push({ type: 'informed', at: this.#now, client: describeIdentity(request.client), address });
    const payload = encodeInformReply({ config: this.#config, subnet: table.subnet, request, buffer: this.#replies });
    this.#transmit('ack', payload, routeInformReply(request, address));
    return undefined;
  }

  /** RFC 4388 §6.4. */
  #leaseQuery(message: DecodedDhcpMessage): DhcpServerReject | undefined {
    const { leaseQuery } = this.#config;
    this.#received.increment('lease-query');
    const { giaddr } = message;
    if (leaseQuery === 'off' || giaddr === IPV4_ANY || (leaseQuery !== 'every-relay' && !leaseQuery.has(giaddr)))
      return 'lease-query-refused';
    const reply = answerLeaseQuery(this.#now, { pool: this.#pool, tables: this.#tables }, message);
    if (reply === undefined) return 'lease-query-for-nothing';
    const { answer, payload } = reply;
    this.#events.push({ type: 'lease-query', at: this.#now, giaddr, answer });
    this.#transmit(`lease-${answer}`, payload, { destination: { address: giaddr, port: DHCP_SERVER_PORT } });
    return undefined;
  }

  #announceLease(request: ServerRequest, binding: Binding, renewal: boolean): void {
    const { xid } = request.message;
    const until = leaseOf(binding.state).until;
    this.#events.push({ type: renewal ? 'renewed' : 'leased', at: this.#now, ...held(binding), xid, until });
  }

  #sendAck(request: ServerRequest, binding: Binding, leaseMs: Millis): void {
    const yiaddr = binding.address;
    const rapidCommit = request.type === DHCP_MESSAGE_TYPE.discover;
    const ciaddr = rapidCommit ? IPV4_ANY : request.message.ciaddr;
    const context = { config: this.#config, subnet: binding.table.subnet, request, buffer: this.#replies };
    const payload = encodeLeaseReply(context, { type: 'ack', yiaddr, ciaddr, leaseMs, rapidCommit });
    this.#transmit('ack', payload, routeReply(request, { ciaddr, yiaddr }));
  }

  #remaining(binding: Binding): Millis {
    return leaseOf(binding.state).until - this.#now;
  }

  /** Asks the caller to store the row. `undefined` where the event queue is full. */
  #store(binding: Binding, state: DhcpLeaseRecord['state'], until: Millis): number | undefined {
    const id = ++this.#revision;
    const record = recordOf(binding, { state, until, revision: id });
    return record !== undefined && this.#events.push({ type: 'store', id, record }) ? id : undefined;
  }

  #transmit(type: SentType, payload: Uint8Array, route: ReplyRoute): void {
    this.#sent.increment(type);
    this.#transmits.push({ source: this.#source, ...route, payload });
  }

  #reject(label: DhcpServerReject): void {
    this.#rejects.increment(label);
    this.#events.push({ type: 'rejected', at: this.#now, label });
  }
}

/** A request that waits for the store or for a probe is copied then: few do, and little of each. */
const BORROWED: DhcpDecodeOptions = { borrow: true };

type SentType = 'offer' | 'ack' | 'nak' | `lease-${LeaseQueryAnswer}`;

function held(binding: Binding): { readonly client: string; readonly address: Ipv4Address } {
  return { client: binding.client === undefined ? 'nobody' : describeIdentity(binding.client), address: binding.address };
}

function leaseOf(state: BindingState): Extract<BindingState, { type: 'leased' }> {
  assert(state.type === 'leased', 'the binding is leased');
  return state;
}

const NAK_TEXT: Readonly<Record<DhcpNakReason, string>> = {
  'wrong-network': 'address is not of this network',
  'address-taken': 'address is not available',
  'not-served': 'address is not served here',
  'other-address': 'another address is held',
  'reserved-elsewhere': 'another address is reserved',
  quota: 'too many addresses are held',
};
