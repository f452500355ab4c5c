import {
  formatIpv4,
  IPV4_ANY,
  type Ipv4Address,
  MAC_ZERO,
  type MacAddress,
  type Millis,
  NEVER,
  requireArgument,
  uniform,
} from '@nexus-net/sansio';
import { ARP_REQUEST, type ArpPacket } from '@nexus-net/wire';
import { earliest } from '../deadlines.js';
import type { ConflictTiming } from '../host-options.js';
import type { HostPort } from '../host-port.js';

type ProbeState =
  /** Between start and the last probe: `nextAt` is the next probe. */
  | { readonly type: 'probing'; readonly sentCount: number; readonly nextAt: Millis }
  /** All probes are out; silence until `nextAt` makes the address ours. */
  | { readonly type: 'listening'; readonly nextAt: Millis };

/** Asks the link whether an address is free before it is used (RFC 5227 §2.1). */
export class AddressProber {
  readonly #timing: ConflictTiming;
  readonly #countMax: number;
  readonly #port: HostPort;
  readonly #probes = new Map<Ipv4Address, ProbeState>();
  /** Conflicts since the last address that was free. */
  #conflictCount = 0;
  #lastStartAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(timing: ConflictTiming, countMax: number, port: HostPort) {
    this.#timing = timing;
    this.#countMax = countMax;
    this.#port = port;
  }

  /** Starts over where the address is being probed already. */
  start(now: Millis, address: Ipv4Address): void {
    requireArgument(this.#probes.has(address) || this.#probes.size < this.#countMax, 'probeCountMax is reached');
    // §2.1.1: after MAX_CONFLICTS conflicts, at most one new address each RATE_LIMIT_INTERVAL.
    const held = this.#conflictCount >= this.#timing.conflictCountMax;
    const earliest = held ? Math.max(now, this.#lastStartAt + this.#timing.rateLimitMs) : now;
    this.#lastStartAt = earliest;
    const wait = uniform(this.#port.entropy, { low: 0, high: this.#timing.probeWaitMs });
    this.#probes.set(address, { type: 'probing', sentCount: 0, nextAt: earliest + wait });
  }

  /** Stops without an event. */
  cancel(address: Ipv4Address): void {
    this.#probes.delete(address);
  }

  clear(): void {
    this.#probes.clear();
  }

  /**
   * Looks at an ARP packet of somebody else. §2.1.1: any packet *from* the address is a conflict, and so is a probe for
   * it: two hosts want it at once, and both step back.
   */
  observe(packet: ArpPacket): boolean {
    const rivalProbe = packet.operation === ARP_REQUEST && packet.senderIp === IPV4_ANY;
    const address = rivalProbe ? packet.targetIp : packet.senderIp;
    if (!this.#probes.delete(address)) return false;
    this.#conflict(address, packet.senderMac);
    return true;
  }

  /** Takes the step that is due first. */
  runNext(now: Millis): void {
    const next = earliest(this.#probes);
    if (next === undefined || next.entry.nextAt > now) return;
    const { key: address, entry: state } = next;
    if (state.type === 'probing') {
      this.#probes.set(address, this.#probe(now, address, state.sentCount + 1));
      return;
    }
    this.#probes.delete(address);
    this.#conflictCount = 0;
    this.#port.emit({ type: 'probe-clear', address });
  }

  nextTimeout(): Millis {
    return earliest(this.#probes)?.entry.nextAt ?? NEVER;
  }

  inspect(): readonly string[] {
    return [...this.#probes.keys()].map(formatIpv4);
  }

  #probe(now: Millis, address: Ipv4Address, sentCount: number): ProbeState {
    this.#port.sendArp({
      operation: ARP_REQUEST,
      senderMac: this.#port.mac,
      senderIp: IPV4_ANY,
      targetMac: MAC_ZERO,
      targetIp: address,
    });
    if (sentCount >= this.#timing.probeCount) return { type: 'listening', nextAt: now + this.#timing.announceWaitMs };
    const { probeMinMs: low, probeMaxMs: high } = this.#timing;
    return { type: 'probing', sentCount, nextAt: now + uniform(this.#port.entropy, { low, high }) };
  }

  #conflict(address: Ipv4Address, claimant: MacAddress): void {
    this.#conflictCount += 1;
    this.#port.emit({ type: 'probe-conflict', address, claimant });
  }
}
