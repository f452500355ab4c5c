import { toHex } from '@nexus-net/sansio';
import { decodeBusIdentity } from '../bus/identity.js';
import { BUS_PROLOGUE } from '../bus/wire.js';
import type { CryptoProvider } from '../crypto/index.js';
import { checkProof } from '../host/identity.js';
import type { Content } from './content/content.js';
import { contentOf } from './content/content-of.js';
import { type FollowedCiphers, FollowedHandshake, type WitnessKeys } from './followed-handshake.js';
import type { Dialect, SessionTeller, Side } from './session-teller.js';

/** With what a witness follows sessions. */
export interface FollowWith {
  readonly provider: CryptoProvider;
  readonly keys: readonly WitnessKeys[];
}

/** Which device was seen to announce a static key, in hexadecimal. */
export type DeviceOfKey = (noiseStatic: string) => string | undefined;

/**
 * A session that is read with the keys of a test: of all keys that are given those that fit the handshake. Where none does, nothing is
 * said: it is somebody else's session.
 */
export class FollowedSession {
  readonly #teller: SessionTeller;
  readonly #dialect: Dialect;
  readonly #with: FollowWith;
  readonly #deviceOf: DeviceOfKey;
  readonly #devices: Partial<Record<Side, string>> = {};
  /** Handshakes that may be the one that is seen. */
  #candidates: FollowedHandshake[];
  #ciphers: FollowedCiphers | undefined;
  #content: Content | undefined;

  constructor(
    teller: SessionTeller,
    dialect: Dialect,
    { follow, deviceOf }: { readonly follow: FollowWith; readonly deviceOf: DeviceOfKey },
  ) {
    this.#teller = teller;
    this.#dialect = dialect;
    this.#with = follow;
    this.#deviceOf = deviceOf;
    const prologue = dialect === 'bus' ? BUS_PROLOGUE : NOTHING;
    this.#candidates = follow.keys.map((keys) => new FollowedHandshake(follow.provider, keys, { dialect, prologue }));
  }

  /** The records can be read. */
  get isOpen(): boolean {
    return this.#ciphers !== undefined;
  }

  handshake(index: 0 | 1 | 2, message: Uint8Array): void {
    const outcomes = this.#candidates.map((candidate) => ({ candidate, outcome: candidate.read(index, message) }));
    this.#candidates = outcomes.flatMap(({ candidate, outcome }) => (outcome === 'followed' ? [candidate] : []));
    const [found] = this.#candidates;
    if (found === undefined) {
      if (outcomes.some(({ outcome }) => outcome === 'refused'))
        this.#teller.violation('dsoftbus.bad-handshake', `message ${index + 1} is refused by whoever gets it`);
      return;
    }
    if (index === 1) this.#identify('server', found);
    if (index < 2) return;
    this.#identify('client', found);
    this.#candidates = [];
    this.#ciphers = found.split();
    if (this.#dialect !== 'qd') this.#content = contentOf(this.#dialect, this.#teller, this.#devices);
  }

  /** `number` is that of the record within its direction, from 1. */
  record(side: Side, sealed: Uint8Array, number: number): void {
    const cipher = this.#ciphers?.[side];
    if (cipher === undefined) return;
    const opened = cipher.decryptWithAd(NOTHING, sealed);
    if (!opened.ok) {
      this.#ciphers = undefined; // the session is over for the end that gets this
      this.#teller.violation('dsoftbus.undecryptable', `record ${number} of the ${side}: ${opened.error}`);
      return;
    }
    if (this.#content?.record(side, opened.value) === 'rekey') cipher.rekey();
  }

  #identify(side: Side, handshake: FollowedHandshake): void {
    const key = handshake.staticOf(side);
    if (key === undefined) return;
    const noiseStatic = toHex(key);
    const deviceId = this.#deviceIdOf(side, handshake.payloads[side === 'server' ? 1 : 2] ?? NOTHING, key);
    if (deviceId === null) return;
    if (deviceId !== undefined) this.#devices[side] = deviceId;
    this.#teller.fact('dsoftbus.identified', { side, noiseStatic, ...(deviceId === undefined ? {} : { deviceId }) }, 'whole');
  }

  /** `null` where the identity is none; `undefined` where the dialect tells none and the key was not announced. */
  #deviceIdOf(side: Side, payload: Uint8Array, key: Uint8Array): string | null | undefined {
    if (this.#dialect === 'bus') {
      const identity = decodeBusIdentity(payload);
      if (identity.ok) return identity.value.deviceId;
      this.#teller.violation('dsoftbus.bad-identity', `${side}: ${identity.error}`);
      return null;
    }
    if (this.#dialect === 'host') {
      const proof = checkProof(this.#with.provider, { role: side, payload, noiseStatic: key });
      if (proof.ok) return proof.value.deviceId;
      this.#teller.violation('dsoftbus.bad-identity', `${side}: ${proof.error}`);
      return null;
    }
    return this.#deviceOf(toHex(key));
  }
}

const NOTHING = new Uint8Array(0);
