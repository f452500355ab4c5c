import { SeededEntropy } from '@nexus-net/sansio';
import { nodeCrypto } from '../../../src/crypto-node.js';
import { InMemoryBundlemgr } from '../../../src/os/gateway/bn.js';
import { InMemoryPackagefs, InMemoryStatefs } from '../../../src/os/gateway/in-memory.js';
import type { OsServices } from '../../../src/os/gateway/services.js';
import { InMemorySamgr } from '../../../src/os/gateway/sm.js';
import type { OsNodeEvent } from '../../../src/os/node/node-event.js';
import type { OsNodeOptions } from '../../../src/os/node/node-options.js';
import { OsNode } from '../../../src/os/node/os-node.js';
import { StreamWorld, type WorldOptions } from './stream-world.js';

/** What the services of the recorded OS node have. */
export function recordedServices(): Required<OsServices> & { readonly statefs: InMemoryStatefs } {
  return {
    samgr: new InMemorySamgr({ names: ['samgrd', 'bundlemgrd', 'packagefsd', 'statefsd', 'dsoftbusd'] }),
    bundlemgr: new InMemoryBundlemgr({ bundles: ['system'] }),
    packagefs: new InMemoryPackagefs(
      {
        'system/build.prop': new TextEncoder().encode('ro.nexus.build=dev\n'),
        big: Uint8Array.from({ length: 300 }, (_, i) => i % 256),
      },
      ['dir'],
    ),
    statefs: new InMemoryStatefs(),
  };
}

export interface Pair {
  readonly world: StreamWorld<OsNodeEvent>;
  readonly a: OsNode;
  readonly b: OsNode;
  readonly services: ReturnType<typeof recordedServices>;
}

type Overrides = Partial<Omit<OsNodeOptions, 'role'>>;

export function makeNode(role: OsNodeOptions['role'], seed: number | string, overrides: Overrides = {}): OsNode {
  return new OsNode({
    role,
    provider: nodeCrypto,
    entropy: new SeededEntropy(`${seed}/${role}`),
    keys: { type: 'publicly-known-test-keys' },
    ...overrides,
  });
}

/** Two OS nodes in a world of their own, both started. */
export function makePair(
  world: WorldOptions,
  { a: ofA = {}, b: ofB = {} }: { readonly a?: Overrides; readonly b?: Overrides } = {},
): Pair {
  const services = recordedServices();
  const pair = {
    world: new StreamWorld<OsNodeEvent>(world),
    a: makeNode('node-a', world.seed, ofA),
    b: makeNode('node-b', world.seed, { services, ...ofB }),
    services,
  };
  pair.world.add('a', pair.a);
  pair.world.add('b', pair.b);
  pair.world.act('b', (now) => pair.b.start(now));
  pair.world.act('a', (now) => pair.a.start(now));
  return pair;
}

/** Both have come through the ladder. */
export function areReady({ world }: Pair): boolean {
  return world.eventsOf('a', 'ready').length > 0 && world.eventsOf('b', 'ready').length > 0;
}
