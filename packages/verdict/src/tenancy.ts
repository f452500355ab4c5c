import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import type { Fact } from '@nexus-net/wire';
import type { WireContext } from './evidence.js';
import type { FactLog } from './fact-log.js';

/** The time for which the server on our wire gave one address to the guest: its first ACK, those that renewed it, its end. */
export interface Tenancy {
  readonly address: Ipv4Address;
  /** Oldest first; never empty. */
  readonly acks: readonly Fact<'dhcp.leased'>[];
  readonly from: Millis;
  /** When it ended: given back, declined, refused when asked for again, replaced by another address, or run out. */
  readonly until: Millis;
}

/** Every tenancy of the guest, oldest first. */
export function tenanciesOf(facts: FactLog, { guestMac, dhcpServer }: WireContext): readonly Tenancy[] {
  const events = [
    ...facts.of('dhcp.leased').filter(({ server }) => server === dhcpServer),
    ...facts.of('dhcp.refused').filter(({ server }) => server === dhcpServer),
    ...facts.of('dhcp.released'),
    ...facts.of('dhcp.declined'),
  ]
    .filter(({ client }) => client === guestMac)
    .sort((a, b) => a.at - b.at || lastFrame(a) - lastFrame(b));
  const tenancies: Tenancy[] = [];
  for (const event of events) {
    const held = tenancies.at(-1);
    const isHeld = held !== undefined && event.at < held.until;
    if (event.kind === 'dhcp.leased') {
      const until = event.at + event.leaseMs;
      if (isHeld && held.address === event.address) {
        tenancies[tenancies.length - 1] = { ...held, acks: [...held.acks, event], until };
        continue;
      }
      if (isHeld) tenancies[tenancies.length - 1] = { ...held, until: event.at };
      tenancies.push({ address: event.address, acks: [event], from: event.at, until });
    } else if (isHeld && (event.kind === 'dhcp.refused' || event.address === held.address)) {
      tenancies[tenancies.length - 1] = { ...held, until: event.at };
    }
  }
  return tenancies;
}

/** The ACK that holds now: a renewal may have changed what the first one said. */
export function newestAck({ acks }: Tenancy): Fact<'dhcp.leased'> {
  return acks.at(-1) as Fact<'dhcp.leased'>;
}

function lastFrame({ frames }: Fact): number {
  return frames.at(-1) ?? 0;
}
