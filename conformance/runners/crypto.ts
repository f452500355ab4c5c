import { equalInConstantTime } from '@nexus-net/dsoftbus';
import { fromHex, toHex } from '@nexus-net/sansio';
import type { CaseReport } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';
import { withProviders } from './noise.js';

interface Agreement {
  readonly tcId: number;
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}

/** Wycheproof: shared secrets, all-zero ones refused. */
export function checkX25519(file: VectorFile): CaseReport {
  const { tests } = jsonOf<{ readonly tests: readonly Agreement[] }>(file);
  return withProviders(
    tests,
    ({ tcId }) => String(tcId),
    (crypto, { public: theirs, private: ours, shared }) => {
      const secret = crypto.x25519KeyPair(fromHex(ours)).agree(crypto.x25519PublicKey(fromHex(theirs)));
      if (/^0*$/.test(shared)) return secret.ok ? 'an all-zero secret is accepted' : undefined;
      if (!secret.ok) return `refused: ${secret.error}`;
      return toHex(secret.value) === shared ? undefined : 'another secret';
    },
  );
}

interface Rfc7748 {
  readonly scalarmult: readonly { readonly scalar: string; readonly u: string; readonly out: string }[];
  readonly iterated: { readonly start: string; readonly after: Readonly<Record<string, string>> };
  readonly dh: {
    readonly alice_private: string;
    readonly alice_public: string;
    readonly bob_private: string;
    readonly bob_public: string;
    readonly shared: string;
  };
}

/** RFC 7748 §5.2 and §6.1. */
export function checkRfc7748(file: VectorFile): CaseReport {
  const { scalarmult, iterated, dh } = jsonOf<Rfc7748>(file);
  type Multiply = (scalar: Uint8Array, u: Uint8Array) => Uint8Array;
  const cases: readonly (readonly [string, (multiply: Multiply) => boolean])[] = [
    ...scalarmult.map(
      ({ scalar, u, out }, i) => [`§5.2 ${i}`, (f: Multiply) => toHex(f(fromHex(scalar), fromHex(u))) === out] as const,
    ),
    ...Object.entries(iterated.after).map(
      ([times, expected]) =>
        [
          `§5.2 after ${times}`,
          (f: Multiply) => {
            let [k, u] = [fromHex(iterated.start), fromHex(iterated.start)];
            for (let i = 0; i < Number(times); i++) [k, u] = [f(k, u), k];
            return toHex(k) === expected;
          },
        ] as const,
    ),
    ['§6.1 a', (f) => toHex(f(fromHex(dh.alice_private), fromHex(dh.bob_public))) === dh.shared],
    ['§6.1 b', (f) => toHex(f(fromHex(dh.bob_private), fromHex(dh.alice_public))) === dh.shared],
  ];
  return withProviders(
    cases,
    ([id]) => id,
    (crypto, [, check]) => {
      const multiply: Multiply = (scalar, u) => {
        const secret = crypto.x25519KeyPair(scalar).agree(crypto.x25519PublicKey(u));
        return secret.ok ? secret.value : new Uint8Array(0);
      };
      const publics =
        toHex(crypto.x25519KeyPair(fromHex(dh.alice_private)).publicKey) === dh.alice_public &&
        toHex(crypto.x25519KeyPair(fromHex(dh.bob_private)).publicKey) === dh.bob_public;
      return publics && check(multiply) ? undefined : 'another result';
    },
  );
}

/** Each point is refused with any secret, in both readings of the unused bit. */
export function checkLowOrder(file: VectorFile): CaseReport {
  const { points } = jsonOf<{ readonly points: readonly string[] }>(file);
  return withProviders(
    points,
    (point) => point.slice(0, 16),
    (crypto, point) => {
      const ours = crypto.x25519KeyPair(new Uint8Array(32).fill(7));
      const secret = ours.agree(crypto.x25519PublicKey(fromHex(point)));
      return secret.ok ? 'accepted' : undefined;
    },
  );
}

interface Sealed {
  readonly tcId?: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result?: 'valid' | 'invalid' | 'acceptable';
}

/** RFC 8439 and Wycheproof: sealed as it stands there and opened again, or refused. */
export function checkAead(file: VectorFile): CaseReport {
  const { tests } = jsonOf<{ readonly tests: readonly Sealed[] }>(file);
  return withProviders(
    tests,
    ({ tcId }) => String(tcId ?? 'RFC 8439'),
    (crypto, { key, iv, aad, msg, ct, tag, result = 'valid' }) => {
      const aead = crypto.aead('ChaChaPoly', fromHex(key));
      const nonce = fromHex(iv);
      if (nonce.length !== 12) {
        // Only nonces of 96 bits exist here, and who passes another has made a mistake.
        return throws(() => aead.seal(nonce, fromHex(aad), fromHex(msg))) ? undefined : 'a nonce of another length is taken';
      }
      const opened = aead.open(nonce, fromHex(aad), fromHex(ct + tag));
      if (result === 'invalid') return opened.ok ? 'accepted' : undefined;
      if (!opened.ok || toHex(opened.value) !== msg) return 'not opened';
      const sealed = aead.seal(nonce, fromHex(aad), fromHex(msg));
      return toHex(sealed) === ct + tag ? undefined : 'sealed as something else';
    },
  );
}

function throws(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch {
    return true;
  }
}

/** The digests of BLAKE2's own test file. */
export function checkBlake2s(file: VectorFile): CaseReport {
  const { tests } = jsonOf<{ readonly tests: readonly { readonly in: string; readonly out: string }[] }>(file);
  return withProviders(
    tests,
    ({ in: input }) => `${input.length / 2} octets`,
    (crypto, { in: input, out }) => {
      const bytes = fromHex(input);
      const hash = crypto.hash('BLAKE2s');
      const inParts = hash.digest(bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1));
      return equalInConstantTime(hash.digest(bytes), fromHex(out)) && toHex(inParts) === out ? undefined : 'another digest';
    },
  );
}
