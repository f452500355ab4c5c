import type { CryptoProvider, StatefsService } from '@nexus-net/dsoftbus';
import {
  type BringUpPolicy,
  type HostEvent,
  HostSockets,
  Netstackd,
  type NetstackdEvent,
  type PingId,
  type ProofOutcome,
  type TcpOptions,
} from '@nexus-net/net-os';
import {
  type Entropy,
  formatIpv4,
  type Machine,
  type Millis,
  NEVER,
  parseIpv4,
  parseMac,
  parsePrefix,
  Queue,
  requireArgument,
} from '@nexus-net/sansio';
import { CATALOGUE, type MarkerId, type MarkerValues, renderMarker } from '@nexus-net/verdict';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { BusService } from './dsoftbusd/bus-service.js';
import { CrossVmService } from './dsoftbusd/cross-vm/cross-vm-service.js';
import { Dsoftbusd } from './dsoftbusd/dsoftbusd.js';
import { nodeServices } from './dsoftbusd/node-services.js';
import { EchoListener } from './echo-listener.js';
import type { BringUpConfig, NexusConfig, ProofConfig } from './nexus-config.js';

/** What leaves the guest: a frame on its cable, a copy of one that arrived on its loopback interface, or a line on its console. */
export type NexusTransmit =
  | { readonly to: 'wire'; readonly frame: Uint8Array }
  | { readonly to: 'loopback'; readonly frame: Uint8Array }
  | { readonly to: 'console'; readonly line: string };

/** What the bus service is made of, beside the configuration. */
export interface NexusBus {
  readonly crypto: CryptoProvider;
  /** What packagefs serves: see `packageImage`. */
  readonly packageImage: Uint8Array;
  /** Kept by the caller, it outlives the machine. Default: an empty one. */
  readonly statefs?: StatefsService;
}

export interface NexusMachineOptions {
  readonly config: NexusConfig;
  readonly entropy: Entropy;
  /** Needed where the configuration has a bus. */
  readonly bus?: NexusBus;
}

/**
 * The services of a guest as one machine: `netstackd` on the card at the level of Ethernet frames, and `dsoftbusd` on its
 * sockets. It prints a marker of the contract when the thing that the marker names has happened, and not before. The same machine runs in a real guest and in virtual time.
 */
export class NexusMachine implements Machine<NexusTransmit, never> {
  readonly #netstackd: Netstackd;
  /** Stands in front of the network service, for those that use sockets. */
  readonly #sockets: HostSockets<NetstackdEvent>;
  readonly #dsoftbusd: BusService | undefined;
  #isBusStarted = false;
  /** When the bus starts. */
  #busAt: Millis = NEVER;
  readonly #transmits = new Queue<NexusTransmit>(4_096);
  /** What the bus says of frames that have not left yet. */
  readonly #busLines: string[] = [];
  readonly #proofs: ReadonlySet<ProofConfig>;
  readonly #forge: readonly string[];
  readonly #said = new Set<MarkerId>();
  #echo: EchoListener | undefined;
  /** The echo request of the program, beside that of the network service. */
  #programPing: PingId | undefined;

  /** Throws `UsageError` for a bus without {@link NexusBus}, or with a package image that can't be read. */
  constructor({ config, entropy, bus }: NexusMachineOptions) {
    const { mac, bringUp, proofs, dnsServers = [], dsoftbus, forge = [] } = config;
    this.#forge = forge;
    this.#proofs = new Set(proofs);
    this.#netstackd = new Netstackd({
      mac: parseMac(mac),
      entropy,
      policy: policyOf(bringUp),
      // The wire is ours, and so is every address on it: asking for four seconds whether one is free proves nothing here.
      conflictCheck: false,
      ...(bringUp.type === 'dhcp-then-static' && { budget: { timeMs: bringUp.budgetMs } }),
      dnsServers: dnsServers.map(parseIpv4),
      proofs: {
        ...(this.#proofs.has('ping') && { ping: {} }),
        ...(this.#proofs.has('dns') && { dns: { name: DNS_PROOF_NAME } }),
      },
      ...(dsoftbus !== undefined && { host: { loopbackObservedMax: LOOPBACK_COUNT_MAX } }),
    });
    this.#sockets = new HostSockets(this.#netstackd, {
      hostEvent: (event) => (event.type === 'host' ? event.event : undefined),
      tcp: BUS_TCP,
    });
    if (dsoftbus === undefined) return;
    requireArgument(bus !== undefined, 'a bus needs its parts');
    const parts = {
      crypto: bus.crypto,
      entropy,
      sockets: this.#sockets,
      services: nodeServices(bus.packageImage, bus.statefs),
      line: (text: string) => void this.#busLines.push(text),
    };
    this.#dsoftbusd =
      dsoftbus.mode === 'single'
        ? new Dsoftbusd({ ...parts, config: dsoftbus, say: (marker) => parts.line(renderMarker(CATALOGUE.get(marker), {})) })
        : new CrossVmService({
            ...parts,
            config: dsoftbus,
            joinGroup: (now, group) => this.#netstackd.joinGroup(now, group),
            say: (marker, peer) => parts.line(renderMarker(CATALOGUE.get(marker), { peer })),
          });
  }

  /** The services start. */
  start(now: Millis): void {
    this.#say('netstackd-ready');
    this.#netstackd.linkUp(now);
    this.#say('virtio-net-up');
    this.#pump(now);
  }

  /** A frame from the card. */
  handleFrame(now: Millis, frame: Uint8Array): void {
    this.#sockets.handleFrame(now, frame);
    this.#pump(now);
  }

  handleTimeout(now: Millis): void {
    this.#sockets.handleTimeout(now);
    this.#pump(now);
  }

  pollTransmit(): NexusTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): undefined {
    return undefined;
  }

  nextTimeout(): Millis {
    const own = Math.min(this.#sockets.nextTimeout(), this.#busAt);
    return this.#isBusStarted && this.#dsoftbusd !== undefined ? Math.min(own, this.#dsoftbusd.nextTimeout()) : own;
  }

  #pump(now: Millis): void {
    for (let event = this.#sockets.pollEvent(); event !== undefined; event = this.#sockets.pollEvent()) {
      this.#onEvent(now, event);
    }
    // What a line speaks of has left before the line.
    for (let frame = this.#netstackd.pollLoopback(); frame !== undefined; frame = this.#netstackd.pollLoopback()) {
      this.#transmits.push({ to: 'loopback', frame });
      this.#dsoftbusd?.handleLoopbackFrame(frame);
    }
    if (this.#busAt <= now) {
      this.#busAt = NEVER;
      this.#isBusStarted = true;
      if (this.#netstackd.address !== undefined) this.#dsoftbusd?.start(now, this.#netstackd.address);
    }
    if (this.#isBusStarted) this.#dsoftbusd?.run(now);
    for (let frame = this.#sockets.pollTransmit(); frame !== undefined; frame = this.#sockets.pollTransmit()) {
      this.#transmits.push({ to: 'wire', frame });
    }
    for (const line of this.#busLines.splice(0)) this.#line(line);
  }

  #onEvent(now: Millis, event: NetstackdEvent): void {
    switch (event.type) {
      case 'dhcp-bound': {
        const { address, prefixLength, routers } = event.lease;
        this.#say('dhcp-bound', { address, prefixLength, gateway: routers[0] ?? 'none' });
        break;
      }
      case 'dhcp-unavailable':
        if (event.fallback !== undefined) this.#say('dhcp-fallback', event.fallback);
        break;
      case 'interface-up':
        // A node that takes its address from its MAC asks nobody for one: DHCP is not to be had on its wire.
        if (event.origin === 'from-mac') this.#say('dhcp-fallback', { address: event.address, prefixLength: event.prefixLength });
        this.#say('iface-up', { address: event.address });
        for (const line of this.#forge) this.#line(line);
        if (this.#proofs.has('tcp-listen')) this.#listen(now);
        // As the OS: the bus waits for an address, although it needs none on its own machine.
        if (!this.#proofs.has('ping')) this.#startBusAt(now);
        break;
      case 'proof':
        this.#onProof(now, event.outcome);
        // Handshakes hold a slow processor for a while: whoever looks for the interface just then would find nobody.
        if (event.outcome.proof === 'ping') this.#startBusAt(now + BUS_DELAY_MS);
        break;
      case 'host':
        this.#onHostEvent(now, event.event);
        break;
      default:
        break;
    }
  }

  #startBusAt(at: Millis): void {
    if (this.#dsoftbusd !== undefined && !this.#isBusStarted) this.#busAt = Math.min(this.#busAt, at);
  }

  #onProof(now: Millis, outcome: ProofOutcome): void {
    if (outcome.proof === 'ping') {
      if (outcome.passed) this.#say('net-ping-ok');
      else this.#line(`SELFTEST: net ping FAIL ${outcome.reason}`);
      if (outcome.passed) this.#say('net-iface-ok');
      const gateway = this.#netstackd.gateway;
      if (this.#proofs.has('icmp') && gateway !== undefined) {
        this.#programPing = this.#netstackd.ping(now, { destination: gateway, identifier: PROGRAM_PING });
      }
    } else if (outcome.proof === 'dns') {
      if (outcome.passed) this.#say('net-dns-ok');
      else this.#line(`netstackd: net dns proof fail ${outcome.reason}`);
    }
  }

  #onHostEvent(now: Millis, event: HostEvent): void {
    if (this.#echo?.handleEvent(now, event) === 'echoed') this.#say('tcp-listen-ok');
    if (!('id' in event) || event.id !== this.#programPing) return;
    if (event.type === 'ping-reply') this.#say('icmp-ping-ok');
    else this.#line(`SELFTEST: icmp ping FAIL ${event.type}`);
  }

  #listen(now: Millis): void {
    if (this.#echo !== undefined) return;
    const listener = this.#netstackd.tcp.listen(now, { port: ADDRESS_PLAN.ports.listenProbe });
    if (typeof listener === 'string') this.#line(`SELFTEST: net tcp listen FAIL ${listener}`);
    else this.#echo = new EchoListener(listener);
  }

  /** A marker, when what it says has happened first; an address that comes up again is no second proof. */
  #say(marker: MarkerId, values: MarkerValues = {}): void {
    const line = renderMarker(CATALOGUE.get(marker), values);
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#line(line);
  }

  #line(line: string): void {
    this.#transmits.push({ to: 'console', line });
  }
}

/** The identifier of the program's echo requests: another one than the network service's, which draws its own at random. */
const PROGRAM_PING = 0x4e58;

/** Frames of the loopback interface that wait to be exported. */
const LOOPBACK_COUNT_MAX = 4_096;

/** For questions and answers between neighbours: a lost segment is sent again after what other systems wait, not after RFC 6298's whole second. */
const BUS_TCP: TcpOptions = { noDelay: true, rtoMinMs: 200 };

const BUS_DELAY_MS: Millis = 500;

/** The name that the DNS proof asks for: as the OS does. */
export const DNS_PROOF_NAME = 'localhost';

function policyOf(config: BringUpConfig): BringUpPolicy {
  switch (config.type) {
    case 'dhcp-only':
      return { type: 'dhcp-only' };
    case 'from-mac':
      return { type: 'from-mac', network: parsePrefix(config.network) };
    default: {
      const { address, prefixLength, gateway } = config;
      const own = { address: parseIpv4(address), prefixLength, ...(gateway !== undefined && { gateway: parseIpv4(gateway) }) };
      requireArgument(prefixLength >= 1 && prefixLength <= 30, `${formatIpv4(own.address)} has a prefix of 1..30 bits`);
      return config.type === 'static' ? { type: 'static', ...own } : { type: 'dhcp-then-static', lateLease: 'apply', ...own };
    }
  }
}
