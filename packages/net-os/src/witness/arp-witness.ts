import {
  formatIpv4,
  formatMac,
  IPV4_ANY,
  type Ipv4Address,
  isIpv4Unicast,
  isMacGroup,
  type MacAddress,
  type Millis,
  NEVER,
} from '@nexus-net/sansio';
import { ARP_REPLY, ARP_REQUEST, type ArpPacket, type ObservedFrame, type Witness, type WitnessEvent } from '@nexus-net/wire';
import { ExchangeTable } from './exchange-table.js';
import { WitnessEvents, type WitnessOptions, type WitnessSnapshot } from './witness-events.js';

/** A request for one address by one host, and who answered it. */
interface Asked {
  readonly requestNumber: number;
  answer: { readonly mac: MacAddress; readonly number: number } | undefined;
}

interface Claim {
  readonly mac: MacAddress;
  readonly at: Millis;
  readonly number: number;
}

/**
 * Watches ARP. Fact `arp.resolved`: a request and the reply to it were both seen; a probe (RFC 5227) asks for no resolution, so
 * its answer is none. Violations are named only where nothing lawful looks the same: an address that moves from one MAC to
 * another is no conflict, one that moves back and forth within seconds is.
 */
export class ArpWitness implements Witness {
  readonly #events: WitnessEvents;
  readonly #asked: ExchangeTable<Asked>;
  readonly #claims: ExchangeTable<Claim>;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: WitnessOptions = {}) {
    this.#events = new WitnessEvents(options);
    this.#asked = new ExchangeTable(options);
    this.#claims = new ExchangeTable(options);
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    const { arp, problem } = frame.layers;
    if (arp === undefined || problem !== undefined) return;
    if (arp.operation !== ARP_REQUEST && arp.operation !== ARP_REPLY) return;
    if (!this.#lawfulSender(frame, arp)) return;
    if (arp.senderIp === IPV4_ANY) return;
    if (!this.#conflict(frame, arp)) this.#claims.add(this.#now, String(arp.senderIp), claimOf(frame, arp));
    if (arp.operation === ARP_REPLY) this.#replied(frame, arp);
    else if (arp.targetIp !== arp.senderIp)
      this.#asked.add(this.#now, keyOf(arp.senderMac, arp.senderIp, arp.targetIp), {
        requestNumber: frame.number,
        answer: undefined,
      });
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.poll();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): WitnessSnapshot {
    return this.#events.snapshot(this.#asked);
  }

  #replied(frame: ObservedFrame, arp: ArpPacket): void {
    const askers = this.#asked.get(this.#now, keyOf(arp.targetMac, arp.targetIp, arp.senderIp));
    const asked = askers[askers.length - 1];
    if (asked === undefined) return; // unsolicited, or asked before the capture began: both are lawful
    if (asked.answer === undefined) {
      asked.answer = { mac: arp.senderMac, number: frame.number };
      this.#events.fact({
        kind: 'arp.resolved',
        at: frame.at,
        frames: [asked.requestNumber, frame.number],
        askerMac: arp.targetMac,
        askerIp: arp.targetIp,
        ownerMac: arp.senderMac,
        ownerIp: arp.senderIp,
      });
    } else if (asked.answer.mac !== arp.senderMac) {
      this.#reportConflict(frame, arp, { numbers: [asked.requestNumber, asked.answer.number], other: asked.answer.mac });
    }
  }

  /** A, then B, then A again, all within seconds: both are there. A, then B, may be a hand-over. */
  #conflict(frame: ObservedFrame, arp: ArpPacket): boolean {
    const claims = this.#claims.get(this.#now, String(arp.senderIp));
    const last = claims[claims.length - 1];
    if (last === undefined) return false;
    if (last.mac === arp.senderMac) return true; // nothing new to remember
    const earlier = claims.findLast((claim) => claim.mac === arp.senderMac);
    if (earlier !== undefined) this.#reportConflict(frame, arp, { numbers: [earlier.number, last.number], other: last.mac });
    return false;
  }

  #reportConflict(
    frame: ObservedFrame,
    arp: ArpPacket,
    { numbers, other }: { readonly numbers: readonly number[]; readonly other: MacAddress },
  ): void {
    this.#events.violation({
      rule: 'arp.address-conflict',
      reference: 'RFC 5227 §2.4',
      at: frame.at,
      frames: [...numbers, frame.number],
      message: `${formatIpv4(arp.senderIp)} is claimed by ${formatMac(other)} and by ${formatMac(arp.senderMac)}`,
    });
  }

  #lawfulSender(frame: ObservedFrame, arp: ArpPacket): boolean {
    const where = { at: frame.at, frames: [frame.number] };
    if (isMacGroup(arp.senderMac)) {
      const message = `${formatMac(arp.senderMac)} is a group address, and nobody's own`;
      this.#events.violation({ rule: 'arp.sender-mac', reference: 'RFC 1812 §3.3.2', ...where, message });
      return false;
    }
    if (arp.senderIp !== IPV4_ANY && !isIpv4Unicast(arp.senderIp)) {
      const message = `${formatIpv4(arp.senderIp)} is no address that a host can have`;
      this.#events.violation({ rule: 'arp.sender-address', reference: 'RFC 1122 §3.2.1.3', ...where, message });
      return false;
    }
    return true;
  }
}

function claimOf(frame: ObservedFrame, arp: ArpPacket): Claim {
  return { mac: arp.senderMac, at: frame.at, number: frame.number };
}

function keyOf(askerMac: MacAddress, askerIp: Ipv4Address, targetIp: Ipv4Address): string {
  return `${askerMac}/${askerIp}/${targetIp}`;
}
