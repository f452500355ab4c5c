import { formatIpv4, type Ipv4Address, MAC_ZERO, type MacAddress, type Millis, NEVER } from '@nexus-net/sansio';
import { ARP_REQUEST } from '@nexus-net/wire';
import { earliest } from '../deadlines.js';
import type { DefenceAction } from '../host-event.js';
import type { ConflictTiming, DefencePolicy } from '../host-options.js';
import type { HostPort } from '../host-port.js';

interface Holding {
  /** Announcements still to send. */
  announcementsLeft: number;
  nextAt: Millis;
  /** When somebody last claimed the address: RFC 5227 §2.4 (b) counts from there. */
  conflictAt: Millis;
  /** When we last defended it: (c) counts from there. */
  defendedAt: Millis;
}

/** Announces the addresses in use and defends them (RFC 5227 §2.3, §2.4). */
export class AddressDefender {
  readonly #timing: ConflictTiming;
  readonly #policy: DefencePolicy;
  readonly #port: HostPort;
  readonly #held = new Map<Ipv4Address, Holding>();

  constructor(timing: ConflictTiming, policy: DefencePolicy, port: HostPort) {
    this.#timing = timing;
    this.#policy = policy;
    this.#port = port;
  }

  /** The address is in use from now on: the first announcement goes out at once. */
  hold(now: Millis, address: Ipv4Address): void {
    const long = Number.NEGATIVE_INFINITY;
    const holding: Holding = {
      announcementsLeft: this.#timing.announceCount,
      nextAt: now,
      conflictAt: long,
      defendedAt: long,
    };
    this.#held.set(address, holding);
    this.#announceNext(now, address, holding);
  }

  release(address: Ipv4Address): void {
    this.#held.delete(address);
  }

  clear(): void {
    this.#held.clear();
  }

  /** Somebody else sent ARP from an address of ours. `gave-up` means that the caller must stop using it. */
  conflict(now: Millis, address: Ipv4Address, claimant: MacAddress): DefenceAction {
    const holding = this.#held.get(address);
    const action = holding === undefined ? 'gave-up' : this.#decide(now, holding);
    if (holding !== undefined) holding.conflictAt = now;
    if (action === 'defended' && holding !== undefined) {
      holding.defendedAt = now;
      this.#announce(address);
    }
    this.#port.emit({ type: 'conflict', address, claimant, action });
    return action;
  }

  /** Sends the announcement that is due first. */
  runNext(now: Millis): void {
    const next = earliest(this.#held);
    if (next !== undefined && next.entry.nextAt <= now) this.#announceNext(now, next.key, next.entry);
  }

  nextTimeout(): Millis {
    return earliest(this.#held)?.entry.nextAt ?? NEVER;
  }

  inspect(): readonly { readonly address: string; readonly announcementsLeft: number }[] {
    return [...this.#held].map(([address, { announcementsLeft }]) => ({ address: formatIpv4(address), announcementsLeft }));
  }

  #decide(now: Millis, { conflictAt, defendedAt }: Holding): DefenceAction {
    const { defendIntervalMs } = this.#timing;
    switch (this.#policy) {
      case 'give-up':
        return 'gave-up';
      case 'defend-once':
        return now - conflictAt < defendIntervalMs ? 'gave-up' : 'defended';
      case 'defend-always':
        return now - defendedAt < defendIntervalMs ? 'tolerated' : 'defended';
    }
  }

  #announceNext(now: Millis, address: Ipv4Address, holding: Holding): void {
    holding.announcementsLeft -= 1;
    holding.nextAt = holding.announcementsLeft > 0 ? now + this.#timing.announceIntervalMs : NEVER;
    this.#announce(address);
  }

  /** A request that names the address twice (§2.3): neighbours that know an old MAC replace it. */
  #announce(address: Ipv4Address): void {
    this.#port.sendArp({
      operation: ARP_REQUEST,
      senderMac: this.#port.mac,
      senderIp: address,
      targetMac: MAC_ZERO,
      targetIp: address,
    });
  }
}
