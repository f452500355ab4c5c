import { bytesEqual } from '@nexus-net/sansio';

/**
 * The check of the OS before a handshake: the key that was announced is the one that is expected. What was never announced passes,
 * for the handshake proves the expected key in either case. Here it only says whether to warn; it never blocks a session.
 */
export function bindingMatches(discovered: Uint8Array | undefined, expected: Uint8Array): boolean {
  return discovered === undefined || bytesEqual(discovered, expected);
}
