import { Host, Netstackd } from '@nexus-net/net-os';
import { formatIpv4, type Millis, parseIpv4, parseMac, SeededEntropy } from '@nexus-net/sansio';

/** Two machines on one cable: a peer with an address, and a node whose DHCP nobody answers. */
export function fallbackAndPing(): string[] {
  const peer = new Host({ mac: parseMac('52:55:0a:00:02:02'), entropy: new SeededEntropy('peer') });
  const node = new Netstackd({
    mac: parseMac('52:54:00:12:34:56'),
    entropy: new SeededEntropy('node'),
    policy: { type: 'dhcp-then-static', address: parseIpv4('10.0.2.15'), prefixLength: 24, lateLease: 'refuse' },
    budget: { timeMs: 10_000 },
  });
  const told: string[] = [];

  // The loop: mutate once, drain frames, drain events, go on to the next deadline. A real driver sleeps instead.
  const drain = (now: Millis): void => {
    for (let again = true; again; ) {
      again = false;
      for (let frame = node.pollTransmit(); frame !== undefined; frame = node.pollTransmit(), again = true)
        peer.handleFrame(now, frame);
      for (let frame = peer.pollTransmit(); frame !== undefined; frame = peer.pollTransmit(), again = true)
        node.handleFrame(now, frame);
    }
    for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent()) {
      if (event.type === 'host') told.push(`${now} ${event.event.type}`);
      else told.push(`${now} ${event.type}${'address' in event ? ` ${formatIpv4(event.address)}` : ''}`);
    }
  };

  peer.configure(0, { address: parseIpv4('10.0.2.2'), prefixLength: 24 });
  node.linkUp(0);
  drain(0);
  let now = 0;
  while (node.address === undefined) {
    now = Math.min(node.nextTimeout(), peer.nextTimeout());
    node.handleTimeout(now);
    peer.handleTimeout(now);
    drain(now);
  }
  node.ping(now, { destination: parseIpv4('10.0.2.2') });
  drain(now);
  return told;
}
