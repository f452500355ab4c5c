import { IPV4_ANY, type Ipv4Address, isIpv4Unicast, isMacGroup, MAC_ZERO, type MacAddress, type Millis } from '@nexus-net/sansio';
import { ARP_REPLY, ARP_REQUEST, type ArpPacket, decodeArp } from '@nexus-net/wire';
import type { Timed } from '../deadlines.js';
import type { ConflictTiming, DefencePolicy, HostLimits } from '../host-options.js';
import type { HostPort } from '../host-port.js';
import type { InterfaceTable } from '../ipv4/interface-table.js';
import type { DropLabel } from '../labels.js';
import { TokenBucket } from '../token-bucket.js';
import { AddressDefender } from './address-defender.js';
import { AddressProber } from './address-prober.js';
import { NeighbourCache } from './neighbour-cache.js';

export interface ArpLayerOptions {
  readonly limits: HostLimits;
  readonly timing: ConflictTiming;
  readonly defence: DefencePolicy;
  readonly table: InterfaceTable;
  readonly port: HostPort;
  /** An address was given up to somebody else. */
  readonly onAddressLost: (address: Ipv4Address) => void;
}

/** ARP of one interface (RFC 826): answers for our addresses, learns neighbours, sees conflicts (RFC 5227). */
export class ArpLayer {
  readonly neighbours: NeighbourCache;
  readonly prober: AddressProber;
  readonly defender: AddressDefender;
  readonly parts: readonly Timed[];
  readonly #table: InterfaceTable;
  readonly #port: HostPort;
  readonly #onAddressLost: (address: Ipv4Address) => void;
  readonly #replies: TokenBucket;

  constructor({ limits, timing, defence, table, port, onAddressLost }: ArpLayerOptions) {
    this.neighbours = new NeighbourCache(limits, port, (target, mac) => this.#request(target, mac));
    this.prober = new AddressProber(timing, limits.probeCountMax, port);
    this.defender = new AddressDefender(timing, defence, port);
    this.parts = [this.neighbours, this.prober, this.defender];
    this.#table = table;
    this.#port = port;
    this.#onAddressLost = onAddressLost;
    this.#replies = new TokenBucket({ perSecond: limits.arpRepliesPerSecond, burst: limits.arpReplyBurst });
  }

  /** Takes one ARP packet; the label of the drop, or `undefined` where it was of use. */
  input(now: Millis, bytes: Uint8Array): DropLabel | undefined {
    const decoded = decodeArp(bytes);
    if (!decoded.ok) return `arp-${decoded.error}`;
    const packet = decoded.value;
    const { operation, senderMac, senderIp, targetIp } = packet;
    if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return 'arp-unsupported';
    // RFC 1812 §3.3.2: a group address as somebody's MAC would send that host's traffic to everybody.
    if (isMacGroup(senderMac) || senderMac === MAC_ZERO || senderMac === this.#port.mac) return 'arp-bad-sender-mac';
    const isProbe = senderIp === IPV4_ANY && operation === ARP_REQUEST;
    const groupSender = this.#table.isBroadcast(senderIp) || this.#table.isNetwork(senderIp);
    if (!isProbe && (!isIpv4Unicast(senderIp) || groupSender)) return 'arp-bad-sender-ip';

    if (this.#table.owns(senderIp)) {
      const action = this.defender.conflict(now, senderIp, senderMac);
      if (action === 'gave-up') this.#onAddressLost(senderIp);
      return undefined;
    }
    const observed = this.prober.observe(packet);
    const asksForUs = operation === ARP_REQUEST && this.#table.owns(targetIp);
    const drop = isProbe ? unwanted(operation) : this.#learn(now, packet, asksForUs);
    if (asksForUs && drop !== 'arp-held') return this.#reply(now, packet);
    return observed ? undefined : drop;
  }

  #learn(now: Millis, { operation, senderIp, senderMac }: ArpPacket, asksForUs: boolean): DropLabel | undefined {
    // Hosts off the link are answered, for they asked, but are no neighbours, unless a route says so: packets to them go to a router.
    if (!this.#table.onLink(senderIp) && !this.neighbours.isResolving(senderIp)) return unwanted(operation);
    switch (this.neighbours.learn(now, { address: senderIp, mac: senderMac, asksForUs })) {
      case 'held':
        return 'arp-held';
      case 'unknown':
        return unwanted(operation);
      case 'added':
      case 'confirmed':
        return undefined;
    }
  }

  #reply(now: Millis, { senderMac, senderIp, targetIp }: ArpPacket): DropLabel | undefined {
    if (!this.#replies.take(now)) return 'arp-reply-limited';
    const { mac } = this.#port;
    this.#port.sendArp(
      { operation: ARP_REPLY, senderMac: mac, senderIp: targetIp, targetMac: senderMac, targetIp: senderIp },
      senderMac,
    );
    return undefined;
  }

  #request(target: Ipv4Address, knownMac: MacAddress | undefined): void {
    const route = this.#table.route(target);
    if (typeof route === 'string') return;
    this.#port.sendArp(
      {
        operation: ARP_REQUEST,
        senderMac: this.#port.mac,
        senderIp: route.source,
        targetMac: MAC_ZERO,
        targetIp: target,
      },
      knownMac,
    );
  }
}

function unwanted(operation: number): DropLabel {
  return operation === ARP_REPLY ? 'arp-unsolicited' : 'arp-not-for-us';
}
