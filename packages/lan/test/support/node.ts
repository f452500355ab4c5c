import { type BringUpPolicy, Netstackd, type NetstackdEvent, type NetstackdOptions } from '@nexus-net/net-os';
import { type MacAddress, type Millis, SeededEntropy } from '@nexus-net/sansio';
import type { Simulator, Station } from '../../src/index.js';

export interface Node {
  readonly stack: Netstackd;
  readonly station: Station;
  /** All events so far. */
  readonly events: readonly NetstackdEvent[];
}

export interface NodeOptions extends Partial<Omit<NetstackdOptions, 'mac' | 'entropy'>> {
  readonly port: string;
  readonly mac: MacAddress;
  readonly policy?: BringUpPolicy;
  readonly bootAt?: Millis;
  /** Default: the port. */
  readonly seed?: string;
}

/** A node that brings its interface up when it boots. Without an address check unless asked: that takes 4 to 7 s. */
export function attachNode(sim: Simulator, options: NodeOptions): Node {
  const { port, bootAt = sim.now, seed = port, ...stackOptions } = options;
  const stack = new Netstackd({
    policy: { type: 'dhcp-only' },
    conflictCheck: false,
    ...stackOptions,
    entropy: new SeededEntropy(seed),
  });
  const events: NetstackdEvent[] = [];
  const station = sim.attach({
    port,
    machine: stack,
    bootAt,
    boot: (now) => stack.linkUp(now),
    onEvent: (event) => events.push(event),
  });
  return { stack, station, events };
}
