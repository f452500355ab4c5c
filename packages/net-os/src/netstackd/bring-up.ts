import {
  DHCP_MESSAGE_TYPE,
  type DhcpClient,
  type DhcpClientEvent,
  type DhcpLease,
  decodeDhcpMessage,
  messageType,
} from '@nexus-net/dhcp';
import {
  type Datagram,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  NEVER,
  requireArgument,
  unreachable,
} from '@nexus-net/sansio';
import type { Timed } from '../deadlines.js';
import type { Host, InterfaceConfig } from '../host.js';
import { HOST_LIMITS } from '../host-options.js';
import {
  type BringUpBudget,
  type BringUpPolicy,
  resolveBudget,
  type StaticAddress,
  staticAddressOf,
  usesDhcp,
} from './bring-up-policy.js';
import { LateLeaseWatch } from './late-lease-watch.js';
import { type AcceptRoute, type LeaseNetwork, leaseNetwork } from './lease-network.js';
import type { DownReason, NetstackdEvent, RoundCause } from './netstackd-event.js';
import type { NetstackdOptions } from './netstackd-options.js';
import { type BringUpState, configOf } from './netstackd-state.js';

/**
 * Decides which address the interface has, and says so. The rules of the bring-up without its plumbing: `Netstackd` carries
 * what host and client say to it.
 */
export class BringUp implements Timed {
  readonly #policy: BringUpPolicy;
  readonly #budget: BringUpBudget;
  readonly #fallback: StaticAddress | undefined;
  readonly #conflictCheck: boolean;
  readonly #conflictRetryMs: Millis;
  readonly #host: Host;
  readonly #client: DhcpClient;
  readonly #lateLeases: LateLeaseWatch;
  readonly #emit: (event: NetstackdEvent) => void;
  readonly #acceptRoute: AcceptRoute | undefined;
  readonly #routeCountMax: number;
  readonly #ownDnsServers: readonly Ipv4Address[];
  #dnsServers: readonly Ipv4Address[] = [];
  #state: BringUpState = { type: 'link-down' };
  /** The address that the DHCP client waits to hear about. */
  #clientProbe: Ipv4Address | undefined;

  constructor(
    options: NetstackdOptions,
    { host, client, emit }: { readonly host: Host; readonly client: DhcpClient; readonly emit: (event: NetstackdEvent) => void },
  ) {
    const { mac, policy, budget, conflictCheck = true, conflictRetryMs = 60_000, acceptRoute, dnsServers = [] } = options;
    requireArgument(conflictRetryMs > 0, 'conflictRetryMs is positive');
    this.#policy = policy;
    this.#budget = resolveBudget(budget);
    this.#fallback = staticAddressOf(policy, mac);
    this.#conflictCheck = conflictCheck;
    this.#conflictRetryMs = conflictRetryMs;
    this.#host = host;
    this.#client = client;
    this.#lateLeases = new LateLeaseWatch(mac);
    this.#emit = emit;
    this.#acceptRoute = acceptRoute;
    this.#routeCountMax = options.host?.routeCountMax ?? HOST_LIMITS.routeCountMax;
    this.#ownDnsServers = dnsServers;
  }

  /** Servers to ask for names; none without an address. */
  get dnsServers(): readonly Ipv4Address[] {
    return this.#dnsServers;
  }

  get state(): BringUpState {
    return this.#state;
  }

  nextTimeout(): Millis {
    const state = this.#state;
    if (state.type === 'blocked') return state.nextAt;
    return state.type === 'acquiring' && !state.over ? state.nextAt : NEVER;
  }

  runNext(now: Millis): void {
    const state = this.#state;
    if (state.type === 'blocked') this.#useStatic(now, state.candidate);
    // A lease in hand that is still being probed is worth the wait, which the client bounds.
    else if (state.type === 'acquiring' && this.#client.state === 'probing') this.#enter({ ...state, over: true });
    else if (state.type === 'acquiring') this.#giveUp(now, 'time');
  }

  /** Gives up where the time was used up while a lease was being probed, and the lease is gone. False where nothing is left to do. */
  settle(now: Millis): boolean {
    const state = this.#state;
    if (state.type !== 'acquiring' || !state.over || this.#client.state === 'probing') return false;
    this.#giveUp(now, 'time');
    return true;
  }

  linkUp(now: Millis): void {
    this.#emit({ type: 'link-up', at: now });
    if (usesDhcp(this.#policy)) {
      this.#acquire(now, 'link-up');
      this.#client.linkUp(now);
      this.#client.start(now);
    } else if (this.#fallback !== undefined) this.#useStatic(now, this.#fallback);
  }

  linkDown(now: Millis): void {
    this.#leave(now, 'link-down');
    this.#enter({ type: 'link-down' });
    this.#emit({ type: 'link-down', at: now });
  }

  halt(now: Millis, reason: 'released' | 'stopped'): void {
    this.#lateLeases.forget();
    this.#leave(now, reason);
    this.#enter({ type: 'stopped' });
  }

  /** A message of the client is about to leave. False for one that the policy no longer wants on the wire. */
  admitMessage(now: Millis, { payload }: Datagram): boolean {
    const decoded = decodeDhcpMessage(payload);
    if (!decoded.ok) return true;
    this.#lateLeases.note(decoded.value.xid);
    const state = this.#state;
    if (state.type !== 'acquiring' || messageType(decoded.value) !== DHCP_MESSAGE_TYPE.discover) return true;
    if (state.discovers < this.#budget.attempts) {
      this.#enter({ ...state, discovers: state.discovers + 1 });
      return true;
    }
    this.#giveUp(now, 'attempts');
    return !this.#refusesLate();
  }

  /** A DHCP datagram has come in; the client gets it in any case. */
  onDatagram(now: Millis, datagram: Datagram): void {
    const late = this.#lateLeases.judge(datagram);
    if (late !== undefined) this.#emit({ type: 'late-lease', decision: 'refused', ...late, at: now });
  }

  /** The host has looked for somebody who uses `address`. One probe may answer two questions: the client's and our own. */
  onProbed(
    now: Millis,
    { address, claimant }: { readonly address: Ipv4Address; readonly claimant: MacAddress | undefined },
  ): void {
    const state = this.#state;
    const forClient = this.#clientProbe === address;
    const forUs = state.type === 'checking' && state.candidate.address === address;
    if (claimant !== undefined) {
      const retryAt = forUs ? now + this.#conflictRetryMs : undefined;
      this.#emit({ type: 'address-conflict', address, claimant, retryAt, at: now });
      if (forUs) this.#enter({ type: 'blocked', candidate: state.candidate, nextAt: now + this.#conflictRetryMs });
    } else if (forUs) this.#up(now, { config: state.candidate, candidate: state.candidate });
    if (!forClient) return;
    this.#clientProbe = undefined;
    this.#client.probeResult(now, claimant === undefined ? 'free' : 'in-use');
  }

  /** The host has given the address up to somebody who would not yield (RFC 5227 §2.4). */
  onAddressLost(now: Millis, { address, claimant }: { readonly address: Ipv4Address; readonly claimant: MacAddress }): void {
    const state = this.#state;
    if (state.type !== 'up' || state.address !== address) return;
    const retryAt = state.origin === 'dhcp' ? undefined : now + this.#conflictRetryMs;
    this.#emit({ type: 'address-conflict', address, claimant, retryAt, at: now });
    this.#leave(now, 'conflict');
    if (state.origin === 'dhcp') {
      this.#acquire(now, 'conflict');
      this.#client.decline(now);
    } else this.#enter({ type: 'blocked', candidate: state.candidate, nextAt: now + this.#conflictRetryMs });
  }

  onClientEvent(now: Millis, event: DhcpClientEvent): void {
    switch (event.type) {
      case 'bound':
        this.#onBound(now, event);
        return;
      case 'unbound':
        this.#onUnbound(now, event.reason);
        return;
      case 'probe': {
        this.#clientProbe = event.address;
        const asked = this.#state.type === 'checking' && this.#state.candidate.address === event.address;
        this.#emit({ type: 'checking-address', address: event.address, at: now });
        if (!asked) this.#host.probe(now, event.address);
        return;
      }
      case 'detect':
        this.#client.attachmentResult(now, 'unknown');
        return;
      default:
      // State changes, rejects and refusals of the client are in its counters and in what it does next.
    }
  }

  #onBound(now: Millis, { lease, cause, changes }: Extract<DhcpClientEvent, { readonly type: 'bound' }>): void {
    const state = this.#state;
    this.#clientProbe = undefined; // the client may have stopped waiting for it
    switch (state.type) {
      case 'up':
        if (state.origin !== 'dhcp') {
          this.#applyLate(now, lease);
          return;
        }
        this.#renewed(now, { lease, cause, changes });
        return;
      case 'acquiring':
        this.#emit({ type: 'dhcp-bound', lease, cause, at: now });
        this.#leased(now, lease);
        return;
      case 'waiting':
      case 'checking':
      case 'blocked':
        this.#applyLate(now, lease);
        return;
      case 'link-down':
      case 'stopped':
        return; // told to stop since
      default:
        unreachable(state);
    }
  }

  #onUnbound(now: Millis, reason: Extract<DhcpClientEvent, { readonly type: 'unbound' }>['reason']): void {
    if (this.#state.type !== 'up' || this.#state.origin !== 'dhcp') return;
    switch (reason) {
      case 'expired':
      case 'nak':
      case 'address-changed':
        this.#leave(now, reason);
        this.#acquire(now, reason);
        return;
      case 'declined':
        this.#leave(now, 'conflict');
        this.#acquire(now, 'conflict');
        return;
      case 'released':
      case 'stopped':
      case 'link-down':
        return; // our own command; it takes the address away itself
      default:
        unreachable(reason);
    }
  }

  #acquire(now: Millis, cause: RoundCause): void {
    this.#lateLeases.forget();
    this.#enter({ type: 'acquiring', nextAt: now + this.#budget.timeMs, discovers: 0, over: false });
    this.#emit({ type: 'acquiring', cause, at: now });
  }

  #giveUp(now: Millis, reason: 'time' | 'attempts'): void {
    const fallback = this.#fallback;
    this.#emit({ type: 'dhcp-unavailable', reason, fallback: fallback && configOf(fallback), at: now });
    if (fallback === undefined) {
      this.#enter({ type: 'waiting' });
      return;
    }
    if (this.#refusesLate()) {
      this.#client.stop(now);
      this.#lateLeases.arm();
    }
    this.#useStatic(now, fallback);
  }

  #refusesLate(): boolean {
    return this.#policy.type === 'dhcp-then-static' && this.#policy.lateLease === 'refuse';
  }

  #applyLate(now: Millis, lease: DhcpLease): void {
    const { address, server } = lease;
    this.#emit({ type: 'late-lease', decision: 'applied', address, server, at: now });
    this.#leave(now, 'replaced');
    this.#leased(now, lease);
  }

  /** The lease goes on; what of it is different now is installed. */
  #renewed(
    now: Millis,
    { lease, cause, changes }: Pick<Extract<DhcpClientEvent, { readonly type: 'bound' }>, 'lease' | 'cause' | 'changes'>,
  ): void {
    const { config, dnsServers, refused } = this.#networkOf(lease);
    this.#host.configure(now, config);
    this.#dnsServers = dnsServers.length > 0 ? dnsServers : this.#ownDnsServers;
    this.#emit({ type: 'dhcp-renewed', lease, cause, changes, at: now });
    if (changes.includes('routes') || changes.includes('mtu')) this.#tellRefused(now, refused);
  }

  /** The interface comes up with a lease. */
  #leased(now: Millis, lease: DhcpLease): void {
    const { config, dnsServers, refused } = this.#networkOf(lease);
    this.#up(now, { config, dnsServers, candidate: undefined });
    this.#tellRefused(now, refused);
  }

  #networkOf(lease: DhcpLease): LeaseNetwork {
    const acceptRoute = this.#acceptRoute;
    return leaseNetwork(lease, { routeCountMax: this.#routeCountMax, ...(acceptRoute === undefined ? {} : { acceptRoute }) });
  }

  #tellRefused(now: Millis, refused: LeaseNetwork['refused']): void {
    for (const part of refused) this.#emit({ type: 'lease-part-refused', ...part, at: now });
  }

  #useStatic(now: Millis, candidate: StaticAddress): void {
    if (!this.#conflictCheck) {
      this.#up(now, { config: candidate, candidate });
      return;
    }
    this.#enter({ type: 'checking', candidate });
    this.#emit({ type: 'checking-address', address: candidate.address, at: now });
    if (this.#clientProbe !== candidate.address) this.#host.probe(now, candidate.address);
  }

  #up(
    now: Millis,
    {
      config,
      dnsServers = [],
      candidate,
    }: {
      readonly config: InterfaceConfig;
      readonly dnsServers?: readonly Ipv4Address[];
      readonly candidate: StaticAddress | undefined;
    },
  ): void {
    const { address } = config;
    this.#host.configure(now, configOf(config));
    if (candidate === undefined) this.#enter({ type: 'up', origin: 'dhcp', address });
    else this.#enter({ type: 'up', origin: candidate.origin, address, candidate });
    this.#dnsServers = dnsServers.length > 0 ? dnsServers : this.#ownDnsServers;
    this.#emit({
      type: 'interface-up',
      origin: candidate?.origin ?? 'dhcp',
      ...configOf(config),
      dnsServers: this.#dnsServers,
      at: now,
    });
  }

  /** Takes the address away, where there is one, and ends every probe. */
  #leave(now: Millis, reason: DownReason): void {
    const state = this.#state;
    if (state.type === 'checking') this.#host.cancelProbe(now, state.candidate.address);
    if (this.#clientProbe !== undefined) this.#host.cancelProbe(now, this.#clientProbe);
    this.#clientProbe = undefined;
    // A cable that is out for a moment breaks no connection, should the address come back with it.
    this.#host.deconfigure(now, { keepConnections: reason === 'link-down' });
    this.#dnsServers = [];
    if (state.type === 'up') this.#emit({ type: 'interface-down', address: state.address, reason, at: now });
  }

  #enter(next: BringUpState): void {
    this.#state = next;
  }
}
