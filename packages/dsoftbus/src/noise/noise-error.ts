/**
 * Why a Noise message was refused. Each is an outcome of what a peer sent (or of a key's age), never of a mistake by the
 * local caller, who gets a `UsageError`.
 *
 * - `short-message`: shorter than the keys and tags that its pattern asks for.
 * - `oversize-message`: longer than 65535 octets (Noise §3).
 * - `wrong-identity-or-prologue`: the first tag of a handshake whose responder was known beforehand is wrong. The message was made for
 *   another static key, or under another prologue, or it was changed; which of these can't be told from outside.
 * - `bad-tag`: any other tag is wrong: changed, replayed, out of order, or made with other keys.
 * - `low-order-point`: a public key of the peer gives an all-zero shared secret (Noise §12.1).
 * - `reflected-key`: a public key of the peer is our own: our messages came back, or both ends draw the same random octets.
 * - `nonce-exhausted`: 2^64 - 1 messages were made with this key; the last nonce is reserved (Noise §5.1).
 *
 * A handshake that was refused stays refused, for the same reason.
 */
export type NoiseError =
  | 'short-message'
  | 'oversize-message'
  | 'wrong-identity-or-prologue'
  | 'bad-tag'
  | 'low-order-point'
  | 'reflected-key'
  | 'nonce-exhausted';

/** Octets of a Noise message at most, in the handshake and after it (Noise §3). */
export const NOISE_MESSAGE_LENGTH_MAX = 65535;
