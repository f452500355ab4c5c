import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { concatBytes, fromHex } from '@nexus-net/sansio';
import { Refusal } from '../refusal.js';

/** Who signs, and what it is called. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** 32 octets. */
  readonly publicKey: Uint8Array;
}

export const PUBLIC_KEY_LENGTH = 32;
export const SIGNATURE_LENGTH = 64;

/** What is signed begins with this: a signature over a root is one over nothing else, and one over anything else none of a root. */
const CONTEXT = new TextEncoder().encode('nexus-net evidence, root of a sealed run, 1\0');

/** Ed25519 (RFC 8032 §5.1) over the context and the root. */
export function signRoot(root: Uint8Array, { privateKey }: SigningKey): Uint8Array {
  return new Uint8Array(signBytes(null, concatBytes([CONTEXT, root]), privateKey));
}

/** Total: a key that is no point of the curve has signed nothing. */
export function isSignedBy(root: Uint8Array, { publicKey, signature }: RootSignature): boolean {
  try {
    return verifyBytes(null, concatBytes([CONTEXT, root]), publicKeyOf(publicKey), signature);
  } catch {
    return false;
  }
}

export interface RootSignature {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** `sha256:` and the hash of the key as SubjectPublicKeyInfo: what `openssl pkey -pubin -outform DER | sha256sum` says of it. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return `sha256:${createHash('sha256').update(subjectPublicKeyInfo(publicKey)).digest('hex')}`;
}

/** A new pair as PEM. */
export function generateKeys(): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privatePem: privateKey, publicPem: publicKey };
}

/** Reads a private key in PEM. Throws {@link Refusal} where it is none of Ed25519; `what` names the file in the message. */
export function readPrivateKey(pem: string, what: string): SigningKey {
  const privateKey = keyOrRefusal(() => createPrivateKey(pem), { what, wanted: 'an Ed25519 private key in PEM' });
  return { privateKey, publicKey: rawOf(createPublicKey(privateKey)) };
}

/** Reads a public key in PEM: 32 octets. Throws {@link Refusal} where it is none of Ed25519, also for a private one, which nobody should have to show. */
export function readPublicKey(pem: string, what: string): Uint8Array {
  const wanted = 'an Ed25519 public key in PEM';
  if (pem.includes('PRIVATE KEY')) throw new Refusal(`${what}: this is a private key; ${wanted} is wanted`);
  return rawOf(keyOrRefusal(() => createPublicKey(pem), { what, wanted }));
}

function keyOrRefusal(read: () => KeyObject, { what, wanted }: { readonly what: string; readonly wanted: string }): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // OpenSSL's sentence says nothing that a person could use
  }
  if (key?.asymmetricKeyType !== 'ed25519') throw new Refusal(`${what}: this is not ${wanted}`);
  return key;
}

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length));
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(subjectPublicKeyInfo(raw)), format: 'der', type: 'spki' });
}

function subjectPublicKeyInfo(raw: Uint8Array): Uint8Array {
  return concatBytes([SPKI_PREFIX, raw]);
}

/** RFC 8410 §4: the octets before the key in its SubjectPublicKeyInfo. */
const SPKI_PREFIX = fromHex('302a300506032b6570032100');
