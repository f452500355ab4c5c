import { Host } from '@nexus-net/net-os';
import { type Ipv4Address, ipv4, type MacAddress, SeededEntropy } from '@nexus-net/sansio';
import type { Simulator, Station } from '../../src/index.js';

export const GATEWAY: Ipv4Address = ipv4(10, 0, 2, 2);
export const DNS: Ipv4Address = ipv4(10, 0, 2, 3);
export const GUEST: Ipv4Address = ipv4(10, 0, 2, 15);

/** A host with a static address at `port`, up from now on. */
export function staticHost(
  sim: Simulator,
  { port, mac, address = GUEST }: { readonly port: string; readonly mac: MacAddress; readonly address?: Ipv4Address },
): { readonly host: Host; readonly station: Station } {
  const host = new Host({ mac, entropy: new SeededEntropy(`host/${port}`) });
  const boot = (now: number): void => host.configure(now, { address, prefixLength: 24, gateway: GATEWAY });
  return { host, station: sim.attach({ port, machine: host, boot }) };
}
