import type { LadderOptions } from '@nexus-net/verdict';
import type { GuestPlace } from './guest.js';
import { isInvariant } from './invariants.js';
import type { RunRequest } from './request.js';
import { acceptsStaticAddress } from './static-address.js';
import { askersOf } from './wire/wire-name.js';

/** How a run of this request is judged: the same for a guest that runs and for a recording of one. */
export function ladderOptionsOf({ guest, profile, until, runMs, wire }: RunRequest, place: GuestPlace): LadderOptions {
  const { mac, address, gateway, dns } = place;
  return {
    profile,
    context: {
      guestMac: mac,
      gateway,
      dhcpServer: gateway,
      dnsServers: [dns],
      ...(acceptsStaticAddress(profile) && { staticAddress: address }),
      ...askersOf(wire),
    },
    rules: guest.rules(place),
    panics: guest.panics,
    until,
    runMs,
    silenceMs: 60_000, // a kernel that boots without a word takes a while on a busy machine
    fatalViolation: (violation) => isInvariant(violation.rule),
  };
}
