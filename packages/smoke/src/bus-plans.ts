import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { type Entropy, toHex } from '@nexus-net/sansio';
import type { NodeName, Profile } from '@nexus-net/verdict';
import type { BusDialect, BusPlan } from './guest.js';

/**
 * What each guest is told of the bus: of two, each its own key, drawn for this run, and the public key of the other. A node that is killed
 * and begins again is told the same: it is the same device.
 */
export function busPlans(
  { nodes, capabilities }: Profile,
  { dialect, entropy }: { readonly dialect: BusDialect; readonly entropy: Entropy },
): ReadonlyMap<NodeName, BusPlan> {
  const [a, b] = nodes;
  if (a === undefined || b === undefined || !capabilities.includes('crossvm'))
    return new Map(nodes.map((node) => [node, { dialect }]));
  const [identityA, identityB] = [drawSecret(entropy), drawSecret(entropy)];
  const publicKey = (secret: Uint8Array): string => toHex(nodeCrypto.x25519KeyPair(secret).publicKey);
  return new Map<NodeName, BusPlan>([
    [a, { dialect, crossvm: { self: 'node-a', identity: toHex(identityA), peerKey: publicKey(identityB) } }],
    [b, { dialect, crossvm: { self: 'node-b', identity: toHex(identityB), peerKey: publicKey(identityA) } }],
  ]);
}

/** 32 octets that nobody had before. */
export function drawSecret(entropy: Entropy): Uint8Array {
  const secret = new Uint8Array(32);
  entropy.fill(secret);
  return secret;
}
