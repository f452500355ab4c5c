import { formatIpv4, formatMac, formatPrefix } from '@nexus-net/sansio';
import type { NetstackdEvent } from '../../src/index.js';

/** One line for each event of a bring-up, as the README prints them. */
export function ladder(events: readonly { readonly at: number; readonly event: unknown }[]): string[] {
  return events.map(({ at, event }) => `${at} ${line(event as NetstackdEvent)}`);
}

function line(event: NetstackdEvent): string {
  switch (event.type) {
    case 'link-up':
    case 'link-down':
      return event.type;
    case 'acquiring':
      return `acquiring (${event.cause})`;
    case 'dhcp-bound':
      return `dhcp-bound ${formatIpv4(event.lease.address)}/${event.lease.prefixLength} (${event.cause})`;
    case 'dhcp-renewed':
      return `dhcp-renewed ${formatIpv4(event.lease.address)} (${event.cause}) ${event.changes.join()}`.trim();
    case 'dhcp-unavailable':
      return `dhcp-unavailable (${event.reason}) fallback ${event.fallback ? formatIpv4(event.fallback.address) : 'none'}`;
    case 'late-lease':
      return `late-lease ${event.decision} ${formatIpv4(event.address)} of ${formatIpv4(event.server)}`;
    case 'checking-address':
      return `checking-address ${formatIpv4(event.address)}`;
    case 'address-conflict':
      return `address-conflict ${formatIpv4(event.address)} with ${formatMac(event.claimant)}`;
    case 'interface-up': {
      const gateway = event.gateway === undefined ? 'none' : formatIpv4(event.gateway);
      return `interface-up ${formatIpv4(event.address)}/${event.prefixLength} gw=${gateway} (${event.origin})`;
    }
    case 'interface-down':
      return `interface-down ${formatIpv4(event.address)} (${event.reason})`;
    case 'lease-part-refused':
      return event.part === 'mtu'
        ? `lease-part-refused mtu ${event.mtu}`
        : `lease-part-refused route ${formatPrefix(event.prefix)} via ${formatIpv4(event.router)} (${event.reason})`;
    case 'proof': {
      const { outcome } = event;
      return `proof ${outcome.proof} ${outcome.passed ? 'passed' : `failed (${outcome.reason})`}`;
    }
    case 'host':
      return `host ${event.event.type}`;
  }
}
