import { Lan, Simulator } from '@nexus-net/lan';
import { Netstackd } from '@nexus-net/net-os';
import { parseIpv4, parseMac, SeededEntropy } from '@nexus-net/sansio';

/** A guest on a wire that loses three frames of ten fetches a lease, then the gateway checks that it is there. */
export function firstLease(seed: number): string {
  const entropy = new SeededEntropy(seed);
  const lan = new Lan({ entropy: entropy.fork('lan'), ports: ['guest'], lossEvents: true });
  lan.setLink(0, 'guest', { toSwitch: { loss: 0.3 }, toStation: { loss: 0.3, delayMs: 2 } });

  const sim = new Simulator({ lan, trace: { kinds: ['lost', 'fact', 'violation'] } });
  const guest = new Netstackd({
    mac: parseMac('52:54:00:12:34:56'),
    entropy: entropy.fork('guest'),
    policy: { type: 'dhcp-only' },
    conflictCheck: false,
  });
  sim.attach({ port: 'guest', machine: guest, bootAt: 100, boot: (now) => guest.linkUp(now) });

  sim.run({ until: 600_000, stop: () => guest.address !== undefined });
  lan.command(sim.now, (gateway, now) => gateway.ping(now, { destination: parseIpv4('10.0.2.15') }));
  sim.runFor(1_000);
  return sim.trace.text();
}
