import { formatIpv4, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { Beacon } from './beacon.js';

export function run(untilMs: number): string[] {
  const log: string[] = [];
  const group = { address: parseIpv4('224.0.0.100'), port: 4000 };
  const nodes = ['10.0.2.15', '10.0.2.16'].map((text) => {
    const local = { address: parseIpv4(text), port: 4000 };
    return { text, beacon: new Beacon({ local, group, entropy: new SeededEntropy(text) }) };
  });
  for (const { beacon } of nodes) beacon.start(0);
  for (let now = 0; now <= untilMs; now = Math.min(...nodes.map(({ beacon }) => beacon.nextTimeout()))) {
    for (const { beacon } of nodes) beacon.handleTimeout(now);
    for (const { text, beacon } of nodes)
      for (let sent = beacon.pollTransmit(); sent !== undefined; sent = beacon.pollTransmit()) {
        log.push(`${now} ${text} hello`);
        for (const other of nodes) if (other.beacon !== beacon) other.beacon.handleDatagram(now, sent);
      }
    for (const { text, beacon } of nodes)
      for (let event = beacon.pollEvent(); event !== undefined; event = beacon.pollEvent())
        log.push(`${now} ${text} ${event.type} ${formatIpv4(event.peer)}`);
  }
  return log;
}
