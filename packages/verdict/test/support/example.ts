import { DHCP, type FailureReport, Ladder, LineAssembler } from '@nexus-net/verdict';
import { ADDRESS_PLAN } from '@nexus-net/wire';

/** A guest says that it has a lease, and on the wire there was none. */
export function failureOfALiar(): FailureReport | undefined {
  const { guestMac, gateway } = ADDRESS_PLAN.smoke;
  const lines = new LineAssembler();
  const ladder = new Ladder({ profile: DHCP, context: { guestMac, gateway, dhcpServer: gateway } });

  ladder.start(0);
  lines.handleBytes(5, new TextEncoder().encode('net: dhcp bound 10.0.2.15/24 gw=10.0.2.2\r\n'));
  for (let line = lines.pollEvent(); line !== undefined; line = lines.pollEvent()) ladder.handleLine(5, line);
  // Every fact of the witnesses would go into ladder.handleFact(now, fact); here there was none, so:
  ladder.handleTimeout(ladder.nextTimeout());
  for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent()) {
    if (event.type === 'verdict') return event.verdict.failure; // phase dhcp, cause unproven-marker
  }
  return undefined;
}
