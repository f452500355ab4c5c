import { SeededEntropy } from '@nexus-net/sansio';
import { Host, type HostOptions } from '../../src/index.js';
import { PEER_IP, PEER_MAC, settle } from './wire.js';

/** The peer as a whole host, its announcements out of the way. */
export function peerHost(options: Partial<HostOptions> = {}): Host {
  const host = new Host({ mac: PEER_MAC, entropy: new SeededEntropy('peer'), ...options });
  host.configure(0, { address: PEER_IP, prefixLength: 24 });
  settle(host, 0);
  return host;
}
