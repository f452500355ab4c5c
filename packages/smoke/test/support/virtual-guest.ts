import { type BringUpPolicy, Netstackd, type NetstackdEvent } from '@nexus-net/net-os';
import { formatIpv4, type Millis, SeededEntropy } from '@nexus-net/sansio';
import { CATALOGUE, renderMarker } from '@nexus-net/verdict';
import { GUEST_PLACE, type GuestDefinition, type RunRequest, type SmokeEvent, SmokeMachine } from '../../src/index.js';

/** A guest that exists only as data: what boots is given to {@link runVirtual}. */
export const VIRTUAL_GUEST: GuestDefinition = {
  name: 'virtual',
  description: 'our own stack on a simulated wire, printing the markers itself',
  capabilities: new Set(['static-address', 'ping', 'dhcp']),
  lanes: { REQUIRE_QEMU_DHCP: 'dhcp-lease' },
  answers: 'always',
  script: () => [],
  rules: () => [],
  panics: [],
  start: () => Promise.reject(new Error('a virtual guest boots in virtual time')),
};

export const STATIC: BringUpPolicy = {
  type: 'static',
  address: GUEST_PLACE.address,
  prefixLength: 24,
  gateway: GUEST_PLACE.gateway,
};
export const DHCP_ONLY: BringUpPolicy = { type: 'dhcp-only' };

/** Runs a smoke run in virtual time against our own stack, which prints a marker when the thing happened. */
export function runVirtual(
  request: RunRequest,
  {
    policy,
    seed = 1,
    lie = (line) => line,
    tamper = (frame) => frame,
    cut = Number.POSITIVE_INFINITY,
  }: {
    policy: BringUpPolicy;
    seed?: number;
    lie?: (line: string) => string | undefined;
    tamper?: (frame: Uint8Array) => Uint8Array;
    cut?: Millis;
  },
): { readonly events: readonly SmokeEvent[]; readonly verdict: Extract<SmokeEvent, { type: 'verdict' }>['verdict'] } {
  const entropy = new SeededEntropy(seed);
  const guest = new Netstackd({ mac: GUEST_PLACE.mac, entropy: entropy.fork('guest'), policy, conflictCheck: false });
  const smoke = new SmokeMachine({ request, entropy: entropy.fork('wire') });
  const events: SmokeEvent[] = [];
  const say = (now: Millis, text: string): void => {
    const line = lie(text);
    if (line !== undefined) smoke.handleConsole(now, new TextEncoder().encode(`${line}\n`));
  };
  smoke.start(0);
  say(10, 'netstackd: ready');
  say(10, 'net: virtio-net up');
  guest.linkUp(10);
  let now: Millis = 10;
  for (let step = 0; step < 100_000; step++) {
    for (let moved = true; moved; ) {
      moved = false;
      for (let frame = guest.pollTransmit(); frame !== undefined; frame = guest.pollTransmit()) {
        moved = true;
        if (now < cut) smoke.handleFrame(now, tamper(frame));
      }
      for (let out = smoke.pollTransmit(); out !== undefined; out = smoke.pollTransmit()) {
        moved = true;
        if (out.to === 'wire' && now < cut) guest.handleFrame(now, out.frame);
      }
      for (let event = guest.pollEvent(); event !== undefined; event = guest.pollEvent()) {
        moved = true;
        for (const line of markersOf(event)) say(now, line);
        if (event.type === 'interface-up') guest.ping(now, { destination: GUEST_PLACE.gateway });
      }
      for (let event = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent()) {
        moved = true;
        events.push(event);
        if (event.type === 'verdict') return { events, verdict: event.verdict };
      }
    }
    now = Math.min(guest.nextTimeout(), smoke.nextTimeout());
    guest.handleTimeout(now);
    smoke.handleTimeout(now);
  }
  throw new Error('no verdict');
}

function markersOf(event: NetstackdEvent): readonly string[] {
  switch (event.type) {
    case 'dhcp-bound': {
      const { address, prefixLength, routers } = event.lease;
      return [renderMarker(CATALOGUE.get('dhcp-bound'), { address, prefixLength, gateway: routers[0] ?? 'none' })];
    }
    case 'interface-up':
      return [`net: smoltcp iface up ${formatIpv4(event.address)}`];
    case 'host':
      return event.event.type === 'ping-reply' ? ['SELFTEST: net ping ok'] : [];
    default:
      return [];
  }
}
