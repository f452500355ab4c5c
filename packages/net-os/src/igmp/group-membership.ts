import {
  formatIpv4,
  type Ipv4Address,
  ipv4,
  isIpv4Multicast,
  type Millis,
  NEVER,
  requireArgument,
  uniform,
} from '@nexus-net/sansio';
import { decodeIgmp, encodeIgmp, IP_PROTOCOL, ipv4MulticastMac } from '@nexus-net/wire';
import { earliest, type Timed } from '../deadlines.js';
import type { HostPort } from '../host-port.js';
import type { Ipv4Arrival } from '../ipv4/ipv4-input.js';
import type { Ipv4Output } from '../ipv4/ipv4-output.js';
import type { DropLabel } from '../labels.js';

/** The host states of RFC 2236 §6; a group that we are not in has no entry (NON-MEMBER). */
interface Member {
  /** Joins less leaves. */
  joinCount: number;
  readonly state: 'delaying' | 'idle';
  /** When the next report is due; `NEVER` in `idle`. */
  readonly nextAt: Millis;
  /** Reports that nobody asked for, still to be sent. */
  readonly unsolicitedLeft: number;
  /** Were we the last to report this group? Then routers need to hear of our leaving. */
  readonly lastReporter: boolean;
}

export interface GroupMembershipOptions {
  readonly countMax: number;
  readonly port: HostPort;
  readonly output: Ipv4Output;
}

/** Joins and leaves multicast groups and answers for them: the host part of IGMPv2 (RFC 2236), also towards version 1 routers. */
export class GroupMembership implements Timed {
  readonly #options: GroupMembershipOptions;
  readonly #members = new Map<Ipv4Address, Member>();
  /** Link addresses of the groups, with the number of groups behind each. */
  readonly #macs = new Map<number, number>([[ipv4MulticastMac(ALL_HOSTS), 1]]);
  /** A version 1 router has asked: until then it is to be answered in version 1 (RFC 2236 §4). */
  #version1Until: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: GroupMembershipOptions) {
    this.#options = options;
  }

  /** Are we in `group`? Every host is in 224.0.0.1. */
  has(group: Ipv4Address): boolean {
    return group === ALL_HOSTS || this.#members.has(group);
  }

  /** Is a frame to this group address perhaps for us? Several groups share one (RFC 1112 §6.4). */
  hears(mac: number): boolean {
    return this.#macs.has(mac);
  }

  join(now: Millis, group: Ipv4Address): void {
    requireArgument(isIpv4Multicast(group), `${formatIpv4(group)} is no multicast group`);
    if (group === ALL_HOSTS) return;
    const member = this.#members.get(group);
    if (member !== undefined) {
      member.joinCount += 1;
      return;
    }
    requireArgument(this.#members.size < this.#options.countMax, 'groupCountMax is reached');
    const mac = ipv4MulticastMac(group);
    this.#macs.set(mac, (this.#macs.get(mac) ?? 0) + 1);
    this.#announce(now, group, 1);
  }

  /** Takes back one `join`; with the last one the group is left. Throws `UsageError` for a group that we are not in. */
  leave(now: Millis, group: Ipv4Address): void {
    if (group === ALL_HOSTS) return;
    const member = this.#members.get(group);
    requireArgument(member !== undefined, `${formatIpv4(group)} was not joined`);
    member.joinCount -= 1;
    if (member.joinCount > 0) return;
    this.#members.delete(group);
    const mac = ipv4MulticastMac(group);
    const left = (this.#macs.get(mac) ?? 1) - 1;
    if (left === 0) this.#macs.delete(mac);
    else this.#macs.set(mac, left);
    if (member.lastReporter && now >= this.#version1Until) this.#send(now, { type: 'leave', group }, ALL_ROUTERS);
  }

  /** The interface has got its first address: whoever forwards multicast here has not heard of us. */
  addressed(now: Millis): void {
    for (const [group, { joinCount }] of this.#members) this.#announce(now, group, joinCount);
  }

  input(now: Millis, { packet, reach }: Ipv4Arrival): DropLabel | undefined {
    const decoded = decodeIgmp(packet.payload);
    if (!decoded.ok) return `igmp-${decoded.error}`;
    const message = decoded.value;
    if (reach !== 'multicast') return 'igmp-ignored';
    if (message.type === 'query') {
      const isVersion1 = message.maxResponseCode === 0;
      if (isVersion1) this.#version1Until = now + VERSION1_ROUTER_PRESENT_MS;
      const withinMs = isVersion1 ? VERSION1_RESPONSE_MS : responseMs(message.maxResponseCode, message.v3 !== undefined);
      return this.#asked(now, message.group, withinMs) ? undefined : 'igmp-ignored';
    }
    if (message.type !== 'report') return 'igmp-ignored';
    const member = this.#members.get(message.group);
    if (member === undefined) return 'igmp-ignored';
    // Somebody else has answered: that is enough for the routers.
    const { joinCount } = member;
    this.#members.set(message.group, { joinCount, state: 'idle', nextAt: NEVER, unsolicitedLeft: 0, lastReporter: false });
    return undefined;
  }

  runNext(now: Millis): void {
    const next = earliest(this.#members);
    if (next === undefined || next.entry.nextAt > now) return;
    this.#report(now, next.key, next.entry);
  }

  nextTimeout(): Millis {
    return this.#members.size === 0 ? NEVER : (earliest(this.#members)?.entry.nextAt ?? NEVER);
  }

  inspect(): readonly { readonly group: string; readonly state: 'delaying' | 'idle' }[] {
    return [...this.#members].map(([group, { state }]) => ({ group: formatIpv4(group), state }));
  }

  #announce(now: Millis, group: Ipv4Address, joinCount: number): void {
    const unsolicitedLeft = UNSOLICITED_REPORT_COUNT;
    this.#report(now, group, { joinCount, state: 'delaying', nextAt: now, unsolicitedLeft, lastReporter: false });
  }

  /** True where the question concerns a group of ours. A timer that runs is only ever made shorter. */
  #asked(now: Millis, asked: Ipv4Address, withinMs: Millis): boolean {
    let concerned = false;
    for (const [group, member] of this.#members) {
      if (asked !== 0 && asked !== group) continue;
      concerned = true;
      if (member.state === 'delaying' && member.nextAt <= now + withinMs) continue;
      const nextAt = now + uniform(this.#options.port.entropy, { low: 1, high: Math.max(1, withinMs) });
      this.#members.set(group, { ...member, state: 'delaying', nextAt });
    }
    return concerned;
  }

  #report(now: Millis, group: Ipv4Address, member: Member): void {
    const version = now < this.#version1Until ? 1 : 2;
    const sent = this.#send(now, { type: 'report', version, group }, group);
    const unsolicitedLeft = Math.max(0, member.unsolicitedLeft - 1);
    const wait =
      unsolicitedLeft > 0 ? uniform(this.#options.port.entropy, { low: 1, high: UNSOLICITED_REPORT_INTERVAL_MS }) : NEVER;
    this.#members.set(group, {
      joinCount: member.joinCount,
      state: wait === NEVER ? 'idle' : 'delaying',
      nextAt: now + wait,
      unsolicitedLeft,
      lastReporter: sent || member.lastReporter,
    });
  }

  #send(now: Millis, message: Parameters<typeof encodeIgmp>[0], destination: Ipv4Address): boolean {
    const outcome = this.#options.output.send(now, {
      protocol: IP_PROTOCOL.igmp,
      destination,
      ttl: 1,
      options: ROUTER_ALERT,
      payload: encodeIgmp(message),
    });
    return outcome === 'sent';
  }
}

/** RFC 3376 §4.1.1: from 128 on, version 3 codes mantissa and exponent. In tenths of a second. */
function responseMs(code: number, isVersion3: boolean): Millis {
  if (!isVersion3 || code < 128) return code * 100;
  return ((code & 0x0f) | 0x10) * 2 ** (((code >>> 4) & 7) + 3) * 100;
}

const ALL_HOSTS: Ipv4Address = ipv4(224, 0, 0, 1);
const ALL_ROUTERS: Ipv4Address = ipv4(224, 0, 0, 2);
/** RFC 2113: routers on the way look at the packet. */
const ROUTER_ALERT: Uint8Array = Uint8Array.of(148, 4, 0, 0);
/** The join itself and one repetition (RFC 2236 §3). */
const UNSOLICITED_REPORT_COUNT = 2;
/** RFC 2236 §8.10. */
const UNSOLICITED_REPORT_INTERVAL_MS = 10_000;
/** RFC 2236 §8.11. */
const VERSION1_ROUTER_PRESENT_MS = 400_000;
/** RFC 2236 §4: a version 1 query means 10 s. */
const VERSION1_RESPONSE_MS = 10_000;
