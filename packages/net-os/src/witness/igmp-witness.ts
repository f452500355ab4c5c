import { formatIpv4, type Ipv4Address, isIpv4Multicast, type Millis, NEVER } from '@nexus-net/sansio';
import type { IgmpMessage, ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';
import { ExchangeTable } from './exchange-table.js';
import { WitnessEvents, type WitnessOptions, type WitnessSnapshot } from './witness-events.js';

/**
 * Watches IGMP. Facts: `igmp.joined`, the first report of a host for a group, and again after it has left; `igmp.left`, its leave
 * message. A report repeated is none, and a host that stays silent because another one has reported is not seen. Violations:
 * messages that would leave the link, and reports that do not go to the group that they name.
 */
export class IgmpWitness implements Witness {
  readonly #events: WitnessEvents;
  readonly #members: ExchangeTable<'joined' | 'left'>;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: WitnessOptions = {}) {
    this.#events = new WitnessEvents(options);
    // A membership lasts as long as nobody says otherwise.
    this.#members = new ExchangeTable({ ...options, exchangeAgeMs: Number.MAX_SAFE_INTEGER });
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    const { igmp, ipv4, problem } = frame.layers;
    if (igmp === undefined || ipv4 === undefined || problem !== undefined) return;
    if (ipv4.ttl !== 1) {
      this.#violation(frame, 'igmp.ttl', 'RFC 2236 §2', `an IGMP message with a TTL of ${ipv4.ttl}`);
      return;
    }
    this.#judge(frame, ipv4.source, ipv4.destination, igmp);
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
    return this.#events.snapshot(this.#members);
  }

  #judge(frame: ObservedFrame, host: Ipv4Address, destination: Ipv4Address, message: IgmpMessage): void {
    if (message.type !== 'report' && message.type !== 'leave') return;
    const { group } = message;
    if (!isIpv4Multicast(group)) return;
    if (message.type === 'report' && destination !== group) {
      const text = `a report of ${formatIpv4(group)} to ${formatIpv4(destination)}`;
      this.#violation(frame, 'igmp.report-destination', 'RFC 2236 §3', text);
      return;
    }
    const key = `${host}/${group}`;
    const state = this.#members.get(this.#now, key).at(-1) ?? 'left';
    const next = message.type === 'report' ? 'joined' : 'left';
    if (next === 'left' || state === 'left')
      this.#events.fact({
        kind: next === 'joined' ? 'igmp.joined' : 'igmp.left',
        at: frame.at,
        frames: [frame.number],
        host,
        group,
      });
    if (next !== state) this.#members.add(this.#now, key, next);
  }

  #violation({ at, number }: ObservedFrame, rule: string, reference: string, message: string): void {
    this.#events.violation({ rule, reference, at, frames: [number], message });
  }
}
