import { Host, IcmpWitness } from '@nexus-net/net-os';
import { ipv4, type MacAddress, SeededEntropy } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { Tap } from '../src/index.js';
import { drain } from './support/frames.js';

test('what travels in fragments is seen whole: an echo of 4000 octets is a fact', () => {
  const hosts = [1, 2].map((n) => {
    const host = new Host({ mac: (0x020000000000 + n) as MacAddress, entropy: new SeededEntropy(`${n}`) });
    host.configure(0, { address: ipv4(10, 1, 0, n), prefixLength: 24 });
    return host;
  });
  const [asker, answerer] = hosts as [Host, Host];
  const tap = new Tap({ witnesses: [new IcmpWitness()], frames: false });
  asker.ping(1, { destination: ipv4(10, 1, 0, 2), identifier: 7, sequence: 1, payload: new Uint8Array(4_000) });
  for (let round = 0; round < 6; round++)
    for (const [i, from] of hosts.entries())
      for (const frame of drain(() => from.pollTransmit())) {
        tap.handleFrame(round, `port ${i}`, frame);
        (hosts[1 - i] as Host).handleFrame(round, frame);
      }
  const events = drain(() => tap.pollEvent());
  // ARP twice, and the second announcements; three fragments each way.
  expect(events).toMatchObject([{ type: 'fact', fact: { kind: 'icmp.echo-answered', identifier: 7, sequence: 1 } }]);
  expect(answerer.inspect().reassembly.completed).toBe(1);
  expect(asker.inspect().reassembly.completed).toBe(1);
});
