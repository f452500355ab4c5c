import type { CryptoProvider } from '../crypto/index.js';
import { encodeUtf8 } from '../utf8.js';

/**
 * The six digits that two users compare (RFC-0008 tier 1): the first six octets of HMAC-BLAKE2s(handshake hash, `Neuron-PIN-v1`), as a
 * big-endian number, modulo a million. RFC-0008 leaves the rule from octets to number open; this is ours.
 */
export function pairingPin(provider: CryptoProvider, handshakeHash: Uint8Array): string {
  const code = provider.hash('BLAKE2s').hmac(handshakeHash, encodeUtf8('Neuron-PIN-v1'));
  let number = 0;
  for (let i = 0; i < 6; i++) number = number * 256 + (code[i] as number);
  return String(number % 1_000_000).padStart(6, '0');
}
