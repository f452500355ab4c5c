import { concatBytes, err, ok, type Result, toHex } from '@nexus-net/sansio';
import type { CryptoProvider, Ed25519KeyPair, X25519KeyPair } from '../crypto/index.js';
import { equalInConstantTime } from '../crypto/index.js';
import { decodeProof, encodeProof } from './proof.js';

/** The sides of a host session by their own names: the client dials and is Noise's initiator. */
export type HostRole = 'client' | 'server';

/** Who a node of the host dialect is: one Ed25519 seed, and all that follows from it. */
export interface HostIdentity {
  /** Lower-case hexadecimal SHA-256 of the verifying key. */
  readonly deviceId: string;
  /** Ed25519 public key, 32 octets. */
  readonly verifyingKey: Uint8Array;
  readonly signingKey: Ed25519KeyPair;
  /** The X25519 key of the sessions; its secret is the SHA-256 of the seed. */
  readonly noiseStatic: X25519KeyPair;
}

/** Who a peer has proven to be. */
export interface HostPeer {
  readonly deviceId: string;
  readonly verifyingKey: Uint8Array;
  readonly noiseStatic: Uint8Array;
}

/**
 * Why a proof was refused.
 *
 * - `bad-proof`: no JSON object with the three fields, each once and of the right kind.
 * - `bad-key-length`, `bad-signature-length`: a verifying key of another length than 32, a signature of another than 64.
 * - `device-id-mismatch`: the id is not the hash of the verifying key.
 * - `bad-signature`: not made by that key for this static key and this side.
 */
export type ProofError = 'bad-proof' | 'bad-key-length' | 'bad-signature-length' | 'device-id-mismatch' | 'bad-signature';

/** The identity of a seed of 32 octets. */
export function hostIdentity(provider: CryptoProvider, seed: Uint8Array): HostIdentity {
  const signingKey = provider.ed25519KeyPair(seed);
  return {
    deviceId: deviceIdOf(provider, signingKey.publicKey),
    verifyingKey: signingKey.publicKey,
    signingKey,
    noiseStatic: provider.x25519KeyPair(provider.hash('SHA256').digest(seed)),
  };
}

export function deviceIdOf(provider: CryptoProvider, verifyingKey: Uint8Array): string {
  return toHex(provider.hash('SHA256').digest(verifyingKey));
}

/** What a side signs: SHA-256 over `server-static` or `client-static` and its X25519 public key. */
export function proofMessage(provider: CryptoProvider, role: HostRole, noiseStatic: Uint8Array): Uint8Array {
  return provider.hash('SHA256').digest(concatBytes([new TextEncoder().encode(`${role}-static`), noiseStatic]));
}

/** The proof of our own identity, as the payload of a handshake message. */
export function makeProof(provider: CryptoProvider, role: HostRole, identity: HostIdentity): Uint8Array {
  const { deviceId, verifyingKey, signingKey, noiseStatic } = identity;
  const signature = signingKey.sign(proofMessage(provider, role, noiseStatic.publicKey));
  return encodeProof({ deviceId, verifyingKey, signature });
}

/** Checks the proof of a peer in the order of the upstream code. `noiseStatic` is what the handshake has proven. */
export function checkProof(
  provider: CryptoProvider,
  { role, payload, noiseStatic }: { readonly role: HostRole; readonly payload: Uint8Array; readonly noiseStatic: Uint8Array },
): Result<HostPeer, ProofError> {
  const proof = decodeProof(payload);
  if (proof === undefined) return err('bad-proof');
  const { deviceId, verifyingKey, signature } = proof;
  if (verifyingKey.length !== 32) return err('bad-key-length');
  const encoder = new TextEncoder();
  if (!equalInConstantTime(encoder.encode(deviceId), encoder.encode(deviceIdOf(provider, verifyingKey))))
    return err('device-id-mismatch');
  if (signature.length !== 64) return err('bad-signature-length');
  const message = proofMessage(provider, role, noiseStatic);
  if (!provider.ed25519Verify({ publicKey: verifyingKey, message, signature })) return err('bad-signature');
  return ok({ deviceId, verifyingKey, noiseStatic });
}
