import {
  formatIpv4,
  formatMac,
  IPV4_ANY,
  type Ipv4Address,
  isMacGroup,
  type MacAddress,
  type Millis,
  NEVER,
} from '@nexus-net/sansio';
import { ARP_REQUEST, type ObservedFrame } from '@nexus-net/wire';
import { BoundedMap } from './bounded-map.js';
import { holds, isHolder, LeaseBook, type SeenLease } from './lease-book.js';
import type { Report } from './rules.js';
import { requestState, type Sighting, seconds32 } from './sighting.js';

/** A second for clocks and cables, and a hundredth of the time for clocks that run apart. */
function tolerance(durationMs: Millis): Millis {
  return durationMs === Number.POSITIVE_INFINITY ? 0 : 2_000 + durationMs / 100;
}

/** T1, or a T2 that comes before it: a client that has no time for RENEWING rebinds right away. */
function renewMs(ack: Sighting, leaseMs: Millis): Millis {
  const [renewS, rebindS] = [seconds32(ack, 58), seconds32(ack, 59)];
  return Math.min(renewS === undefined ? leaseMs * 0.5 : renewS * 1_000, rebindS === undefined ? NEVER : rebindS * 1_000);
}

/** 4, 8, 16 and 32 s, each with its second of jitter (§4.1). */
const RETRANSMISSIONS_MS = 64_000;

/** Frames that were on their way when the client learnt that its address is gone. */
const CLOSING_MS = 2_000;

/** Who holds which address until when, and what that forbids. */
export class LeaseRules {
  readonly #book: LeaseBook;
  /** The address that a station was offered and has not used so far. */
  readonly #offered: BoundedMap<MacAddress, { readonly address: Ipv4Address; readonly frame: number }>;
  /** When each station was first offered something in its newest exchange. */
  readonly #exchanges: BoundedMap<MacAddress, { readonly xid: number; readonly offeredAt: Millis }>;
  /** The address that each station used last. */
  readonly #used: BoundedMap<MacAddress, Ipv4Address>;

  constructor({ leaseCountMax, stationCountMax }: { readonly leaseCountMax: number; readonly stationCountMax: number }) {
    this.#book = new LeaseBook(leaseCountMax);
    this.#offered = new BoundedMap(stationCountMax);
    this.#exchanges = new BoundedMap(stationCountMax);
    this.#used = new BoundedMap(stationCountMax);
  }

  get counts(): { readonly leases: number; readonly stations: number; readonly evicted: number } {
    return { leases: this.#book.count, stations: this.#used.count, evicted: this.#book.evicted + this.#used.evicted };
  }

  noteOffer(offer: Sighting, report: Report): void {
    const { yiaddr: address, xid } = offer.message;
    if (this.#exchanges.get(offer.client)?.xid !== xid) this.#exchanges.set(offer.client, { xid, offeredAt: offer.at });
    this.#checkHolder(offer, 'dhcp.offer-leased', report);
    if (this.#book.of(offer.client)?.address !== address && this.#used.get(offer.client) !== address)
      this.#offered.set(offer.client, { address, frame: offer.number });
  }

  noteAck(asked: Sighting, ack: Sighting, report: Report): void {
    this.#checkHolder(ack, 'dhcp.two-holders', report);
    this.#offered.set(ack.client, { address: IPV4_ANY, frame: ack.number });
    const leaseMs = ack.leaseMs ?? 0;
    const before = this.#book.at(ack.message.yiaddr);
    const renewal = before !== undefined && before.state === 'active' && before.client === ack.client;
    this.#book.note({
      address: ack.message.yiaddr,
      client: ack.client,
      clientId: asked.clientId,
      server: ack.serverId,
      frame: ack.number,
      at: ack.at,
      until: ack.at + leaseMs,
      // That an ACK was seen here does not say that it arrived: a client without it goes by the times of the ACK before.
      renewAt: renewal ? before.renewAt : this.#earliestRequest(ack) + renewMs(ack, leaseMs),
      state: 'active',
      endedAt: 0,
      reported: new Set(),
      local: asked.linkSource === asked.client && asked.message.giaddr === IPV4_ANY,
      unicastSeen: renewal && before.unicastSeen,
    });
  }

  /**
   * When the client may have sent its first REQUEST, from which it counts (§4.4.1). That one may have been lost before it was
   * seen here, but an OFFER was seen before it; without an OFFER four retransmissions may have gone by.
   */
  #earliestRequest(ack: Sighting): Millis {
    const exchange = this.#exchanges.get(ack.client);
    return exchange?.xid === ack.message.xid ? Math.min(exchange.offeredAt, ack.at) : ack.at - RETRANSMISSIONS_MS;
  }

  /** A NAK ends the lease that the client asked about, where the server that gave it says so. */
  noteNak(nak: Sighting): void {
    const lease = this.#book.of(nak.client);
    if (lease !== undefined && lease.server === nak.serverId) end(lease, 'refused', NEVER);
  }

  /** A client that starts over after a NAK has received it. */
  noteDiscover(discover: Sighting): void {
    const lease = this.#book.of(discover.client);
    if (lease?.state === 'refused' && lease.endedAt === NEVER) lease.endedAt = discover.at;
  }

  noteGivenUp(sighting: Sighting, address: Ipv4Address, state: 'released' | 'declined'): void {
    const lease = this.#book.at(address);
    if (lease !== undefined && isHolder(lease, sighting)) end(lease, state, sighting.at);
  }

  /** A REQUEST in RENEWING or REBINDING, against the lease that it is about. */
  checkRenewal(request: Sighting, report: Report): void {
    const lease = this.#book.at(request.message.ciaddr);
    if (request.message.giaddr !== 0 || lease === undefined || lease.state !== 'active' || !isHolder(lease, request)) return;
    const durationMs = lease.until - lease.at;
    if (request.at > lease.until + tolerance(durationMs)) {
      if (lease.unicastSeen)
        report('dhcp.renew-expired', `the lease ran out ${seconds(request.at - lease.until)} s ago`, [lease.frame]);
    } else if (requestState(request) === 'rebinding' && request.at < lease.renewAt - tolerance(durationMs))
      report('dhcp.rebind-early', `broadcast ${seconds(lease.renewAt - request.at)} s before T1`, [lease.frame]);
  }

  /** Any other frame: does its sender use an address that it may not use? */
  noteUse({ number, at, layers }: ObservedFrame, report: Report): void {
    const { ethernet, arp, ipv4 } = layers;
    if (ethernet === undefined || isMacGroup(ethernet.source)) return;
    const station = ethernet.source;
    const address = arp?.senderIp ?? ipv4?.source ?? IPV4_ANY;
    if (address === IPV4_ANY || (arp !== undefined && arp.senderMac !== station)) return;
    this.#used.set(station, address);
    const lease = this.#book.of(station);
    const unicast = !isMacGroup(ethernet.destination);
    if (lease !== undefined && unicast) lease.unicastSeen = true;
    const offered = this.#offered.get(station);
    // RFC 4436 §2.1.1: a client that comes back to a network may ask with the address it had, by unicast ARP.
    const asksForItself = arp?.operation === ARP_REQUEST && unicast;
    if (asksForItself) return;
    if (lease === undefined && offered?.address === address) {
      report('dhcp.use-before-ack', `${formatMac(station)} uses ${formatIpv4(address)}`, [offered.frame]);
      this.#offered.set(station, { address: IPV4_ANY, frame: number });
    }
    if (lease === undefined || !lease.local) return;
    if (lease.address === address) this.#checkOwnUse(lease, at, report);
    else if (arp?.operation === ARP_REQUEST) this.#checkForeignUse(lease, { station, address, at }, report);
  }

  #checkOwnUse(lease: SeenLease, at: Millis, report: Report): void {
    const uses = `${formatMac(lease.client)} uses ${formatIpv4(lease.address)}`;
    if (lease.state === 'active') {
      const late = at - lease.until;
      if (lease.unicastSeen && late > tolerance(lease.until - lease.at))
        once(lease, 'dhcp.use-after-expiry', () =>
          report('dhcp.use-after-expiry', `${uses} ${seconds(late)} s later`, [lease.frame]),
        );
      return;
    }
    if (at - lease.endedAt < CLOSING_MS) return;
    if (lease.state === 'released')
      once(lease, 'dhcp.use-after-release', () => report('dhcp.use-after-release', uses, [lease.frame]));
    else if (lease.state === 'refused')
      once(lease, 'dhcp.use-after-nak', () => report('dhcp.use-after-nak', uses, [lease.frame]));
  }

  /** Only stations that have a lease themselves: a router sends for others, and a static host knows of no lease. */
  #checkForeignUse(
    own: SeenLease,
    use: { readonly station: MacAddress; readonly address: Ipv4Address; readonly at: Millis },
    report: Report,
  ): void {
    const other = this.#book.at(use.address);
    if (other === undefined || !other.local || !holds(other, use.at) || other.client === use.station) return;
    const text = `${formatMac(use.station)} uses ${formatIpv4(use.address)} of ${formatMac(other.client)}`;
    once(own, `another ${use.address}`, () => report('dhcp.address-of-another', text, [other.frame]));
  }

  /** Is the address of an OFFER or ACK still promised to another client? */
  #checkHolder(reply: Sighting, rule: 'dhcp.offer-leased' | 'dhcp.two-holders', report: Report): void {
    const lease = this.#book.at(reply.message.yiaddr);
    if (lease === undefined || !holds(lease, reply.at + tolerance(lease.until - lease.at)) || isHolder(lease, reply)) return;
    // The holder got another address since: it gave this one up by starting over.
    if (this.#book.of(lease.client) !== lease) return;
    report(rule, `${formatIpv4(lease.address)} is leased to ${formatMac(lease.client)}`, [lease.frame]);
  }
}

function end(lease: SeenLease, state: 'released' | 'declined' | 'refused', at: Millis): void {
  if (lease.state !== 'active') return;
  lease.state = state;
  lease.endedAt = at;
}

function once(lease: SeenLease, key: string, act: () => void): void {
  if (lease.reported.has(key) || lease.reported.size >= REPORTS_PER_LEASE_MAX) return;
  lease.reported.add(key);
  act();
}

const REPORTS_PER_LEASE_MAX = 8;

function seconds(durationMs: Millis): number {
  return Math.round(durationMs / 1_000);
}
