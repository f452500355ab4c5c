import { type Ipv4Address, ipv4, MAC_ZERO, SeededEntropy } from '@nexus-net/sansio';
import { dissect, type Fact } from '@nexus-net/wire';
import { expect, test } from 'vitest';
import { Host, TcpExchangeWitness } from '../src/index.js';

const [A, B]: readonly [Ipv4Address, Ipv4Address] = [ipv4(127, 0, 0, 1), ipv4(127, 0, 0, 2)];

/** A host that talks to itself between two addresses of 127.0.0.0/8, and what the witness of port 7 makes of it. */
function talk(port: number): { readonly facts: readonly Fact[]; readonly addresses: ReadonlySet<Ipv4Address> } {
  const host = new Host({ mac: 0x525400123456 as never, entropy: new SeededEntropy(1), loopbackObservedMax: 256 });
  const witness = new TcpExchangeWitness({ ports: [7] });
  const facts: Fact[] = [];
  const addresses = new Set<Ipv4Address>();
  let number = 0;
  const run = (): void => {
    for (let step = 0; step < 50; step++) {
      expect(host.pollTransmit()).toBeUndefined(); // never on the wire
      host.handleTimeout(0);
      for (let bytes = host.pollLoopback(); bytes !== undefined; bytes = host.pollLoopback()) {
        const layers = dissect(bytes);
        expect(layers.ethernet?.source).toBe(MAC_ZERO);
        if (layers.ipv4 !== undefined) addresses.add(layers.ipv4.source);
        witness.handleFrame(0, { number: ++number, at: 0, bytes, layers });
        for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent())
          if (event.type === 'fact') facts.push(event.fact);
      }
    }
  };
  const listener = host.tcp.listen(0, { address: B, port });
  const client = host.tcp.connect(0, { remote: { address: B, port } });
  if (typeof listener === 'string' || typeof client === 'string') throw new Error('refused');
  run();
  const server = listener.accept(0);
  if (typeof server === 'string') throw new Error(server);
  for (const text of ['one', 'two']) {
    client.send(0, new TextEncoder().encode(text));
    run();
    server.send(0, new TextEncoder().encode('reply'));
    run();
  }
  server.send(0, Uint8Array.of(1)); // unasked
  run();
  return { facts, addresses };
}

test('two addresses of the loopback network talk TCP, and the witness counts who asked and was answered', () => {
  const { facts, addresses } = talk(7);
  expect([...addresses].sort()).toEqual([A, B]);
  const ends = { client: A, server: B, serverPort: 7 };
  expect(facts).toMatchObject([
    { kind: 'tcp.dialled', ...ends, frames: [1] },
    { kind: 'tcp.connected', ...ends, frames: [1, 2] },
    { kind: 'tcp.exchanged', ...ends, turn: 1 },
    { kind: 'tcp.exchanged', ...ends, turn: 2 },
  ]);
});

test('of a port that nobody asked about it says nothing', () => {
  expect(talk(8).facts).toEqual([]);
});
