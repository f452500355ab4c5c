import type { Millis } from '@nexus-net/sansio';
import type { LadderOptions, NodeName, WireContext } from '@nexus-net/verdict';
import type { GuestPlace } from './guest.js';
import { isInvariant } from './invariants.js';
import { placesOf } from './places.js';
import type { RunRequest } from './request.js';
import { acceptsStaticAddress } from './static-address.js';
import { askersOf } from './wire/wire-name.js';
import { slackOf } from './wire-faults.js';

/** How a run of this request is judged: the same for guests that run and for a recording of them. */
export function ladderOptionsOf(request: RunRequest): LadderOptions {
  const { guest, profile, until, runMs, wire, faults = {}, budgets = {} } = request;
  const places = [...placesOf(profile.nodes)];
  const isStatic = acceptsStaticAddress(profile);
  const context = Object.fromEntries(
    places.map(([node, place]): [NodeName, WireContext] => [node, { ...contextOf(place, isStatic), ...askersOf(wire) }]),
  );
  const [[, first]] = places as [[NodeName, GuestPlace]];
  const slackMs = slackOf(faults) + (places.length > 1 ? PAIR_SLACK_MS : 0);
  return {
    profile,
    context,
    rules: guest.rules(first),
    panics: guest.panics,
    until,
    runMs: runMs + slackMs,
    silenceMs: 60_000 + slackMs, // a kernel that boots without a word takes a while on a busy machine
    slackMs,
    budgets,
    fatalViolation: (violation) => isInvariant(violation.rule),
  };
}

function contextOf({ mac, address, gateway, dns, isUnrouted = false }: GuestPlace, isStatic: boolean): WireContext {
  return {
    guestMac: mac,
    gateway,
    isUnrouted,
    dhcpServer: gateway,
    dnsServers: [dns],
    ...(isStatic && { staticAddress: address }),
  };
}

/** Two machines share the processors of one, and each answers when it has its turn. */
const PAIR_SLACK_MS: Millis = 8_000;
