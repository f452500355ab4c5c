import { expect, test } from 'vitest';
import { DhcpRelay } from '../src/index.js';
import { CIRCUIT } from './support/relay-lab.js';
import { comparable, RelayWorld } from './support/relay-world.js';

const make = (options: ConstructorParameters<typeof DhcpRelay>[0]): DhcpRelay => new DhcpRelay(options);

test('two relays in a chain: the first one says who, both count, the answer comes straight to the first', () => {
  const world = new RelayWorld({ relays: 2, make, interface: { information: { circuitId: CIRCUIT } } });
  world.start().runUntil(1_800_000);
  expect(world.ladder.join('\n')).toMatchInlineSnapshot(`
    "0 s client: discover; 0.0.0.0 > 255.255.255.255:67
    0 s relay 1: discover via 10.1.0.1, 1 hops, option 82; 10.1.0.1 > 10.20.1.1:67
    0 s relay 2: discover via 10.1.0.1, 2 hops, option 82; 10.20.1.1 > 10.0.2.2:67
    0 s server: offer via 10.1.0.1, 0 hops, option 82; 10.0.2.2 > 10.1.0.1:67
    0 s relay 1: offer via 10.1.0.1, 0 hops; 10.1.0.1 > 10.1.0.20:68
    0 s client: request; 0.0.0.0 > 255.255.255.255:67
    0 s relay 1: request via 10.1.0.1, 1 hops, option 82; 10.1.0.1 > 10.20.1.1:67
    0 s relay 2: request via 10.1.0.1, 2 hops, option 82; 10.20.1.1 > 10.0.2.2:67
    0 s server: ack via 10.1.0.1, 0 hops, option 82; 10.0.2.2 > 10.1.0.1:67
    0 s relay 1: ack via 10.1.0.1, 0 hops; 10.1.0.1 > 10.1.0.20:68
    1800 s client: request; 10.1.0.20 > 10.0.2.2:67
    1800 s server: ack; 10.0.2.2 > 10.1.0.20:68"
  `);
});

test('a client of a relay that overrides the server identifier renews through it', () => {
  const information = { serverIdOverride: true, linkSelection: true, flags: true };
  const world = new RelayWorld({ relays: 1, make, interface: { information } }).start().runUntil(1_800_000);
  expect(world.ladder.slice(6).join('\n')).toMatchInlineSnapshot(`
    "0 s server: ack via 10.1.0.1, 0 hops, option 82; 10.0.2.2 > 10.1.0.1:67
    0 s relay 1: ack via 10.1.0.1, 0 hops; 10.1.0.1 > 10.1.0.20:68
    1800 s client: request; 10.1.0.20 > 10.1.0.1:67
    1800 s relay 1: request via 10.1.0.1, 1 hops, option 82; 10.1.0.1 > 10.0.2.2:67
    1800 s server: ack via 10.1.0.1, 0 hops, option 82; 10.0.2.2 > 10.1.0.1:67
    1800 s relay 1: ack via 10.1.0.1, 0 hops; 10.1.0.1 > 10.1.0.20:68"
  `);
});

test('three relays with a port of their own', () => {
  const world = new RelayWorld({ relays: 3, make, relay: { port: 1067 } }).start();
  expect(world.ladder.join('\n')).toMatchInlineSnapshot(`
    "0 s client: discover; 0.0.0.0 > 255.255.255.255:67
    0 s relay 1: discover via 10.1.0.1, 1 hops, option 82; 10.1.0.1 > 10.20.1.1:67
    0 s relay 2: discover via 10.1.0.1, 2 hops, option 82; 10.20.1.1 > 10.20.2.1:67
    0 s relay 3: discover via 10.1.0.1, 3 hops, option 82; 10.20.2.1 > 10.0.2.2:67
    0 s server: offer via 10.1.0.1, 0 hops, option 82; 10.0.2.2 > 10.1.0.1:1067
    0 s relay 1: offer via 10.1.0.1, 0 hops; 10.1.0.1 > 10.1.0.20:68
    0 s client: request; 0.0.0.0 > 255.255.255.255:67
    0 s relay 1: request via 10.1.0.1, 1 hops, option 82; 10.1.0.1 > 10.20.1.1:67
    0 s relay 2: request via 10.1.0.1, 2 hops, option 82; 10.20.1.1 > 10.20.2.1:67
    0 s relay 3: request via 10.1.0.1, 3 hops, option 82; 10.20.2.1 > 10.0.2.2:67
    0 s server: ack via 10.1.0.1, 0 hops, option 82; 10.0.2.2 > 10.1.0.1:1067
    0 s relay 1: ack via 10.1.0.1, 0 hops; 10.1.0.1 > 10.1.0.20:68"
  `);
  expect(comparable(world.lease)).toEqual(comparable(new RelayWorld({ relays: 0, make }).start().lease));
});
