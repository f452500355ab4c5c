import { type Millis, NEVER, requireArgument, toHex } from '@nexus-net/sansio';
import { equalInConstantTime } from '../crypto/index.js';

/** How a key came to be trusted. */
export type TrustOrigin = 'pinned' | 'paired';

export interface TrustedKey {
  /** X25519, 32 octets. */
  readonly key: Uint8Array;
  /** Chosen by its owner, u32; a higher one is newer. */
  readonly keyId: number;
  readonly origin: TrustOrigin;
  /** Until when it is good: `NEVER` for the current one, the end of its grace for one that was replaced. */
  readonly until: Millis;
}

/** What the store says of a key that a device proved to have. */
export type TrustVerdict =
  | 'trusted'
  /** The device is not known: there is no mapping. */
  | 'unknown-device'
  /** The device is known with other keys. Never offered for pairing: that is how an impostor would come in. */
  | 'key-changed'
  /** The key was replaced and its grace is over, or it was revoked. */
  | 'key-revoked'
  /** The key is the right one under another key id. */
  | 'key-id-mismatch';

/** A device as it is written down: plain values, times as what is left of them. */
export interface TrustRecord {
  readonly deviceId: string;
  readonly keys: readonly {
    /** Hexadecimal. */
    readonly key: string;
    readonly keyId: number;
    readonly origin: TrustOrigin;
    /** Milliseconds; absent for the current key. */
    readonly graceLeftMs?: number;
  }[];
  /** Hexadecimal. */
  readonly revoked: readonly string[];
}

export interface TrustStoreOptions {
  /** Devices at most; a further one is refused. Default 4096. */
  readonly deviceCountMax?: number;
  /** How long a replaced key stays good. Default 30 days (RFC-0008). */
  readonly graceMs?: Millis;
}

interface Device {
  keys: readonly TrustedKey[];
  readonly revoked: Set<string>;
}

/**
 * Which static key belongs to which device (RFC-0008 tier 1 and pinned keys): set beforehand, or confirmed by a user who compared six
 * digits. Nothing that comes from the wire changes it.
 */
export class TrustStore {
  readonly #deviceCountMax: number;
  readonly #graceMs: Millis;
  readonly #devices = new Map<string, Device>();

  constructor({ deviceCountMax = 4_096, graceMs = 30 * DAY }: TrustStoreOptions = {}) {
    requireArgument(Number.isInteger(deviceCountMax) && deviceCountMax >= 1, 'deviceCountMax is a whole number from 1');
    requireArgument(graceMs >= 0, 'graceMs is a duration');
    this.#deviceCountMax = deviceCountMax;
    this.#graceMs = graceMs;
  }

  get size(): number {
    return this.#devices.size;
  }

  /** Fixes the only key of a device, whatever was known of it. `false` where the store is full. */
  pin(deviceId: string, key: Uint8Array, keyId = 0): boolean {
    return this.#set(deviceId, { key, keyId, origin: 'pinned' });
  }

  /** A user confirmed the six digits. `false` where the store is full or the device has a key already. */
  pair(deviceId: string, key: Uint8Array, keyId = 0): boolean {
    return !this.#devices.has(deviceId) && this.#set(deviceId, { key, keyId, origin: 'paired' });
  }

  /** A known device has a new key; the old one stays good for its grace. Refused where it isn't known or the id isn't higher. */
  rotate(now: Millis, deviceId: string, { key, keyId }: { readonly key: Uint8Array; readonly keyId: number }): boolean {
    requireKey(key, keyId);
    const device = this.#devices.get(deviceId);
    const current = device?.keys[0];
    if (device === undefined || current === undefined || keyId <= current.keyId || device.revoked.has(toHex(key))) return false;
    const next: TrustedKey = { key: key.slice(), keyId, origin: current.origin, until: NEVER };
    // One key in its grace: a device that changes faster than that has only its last two.
    device.keys = [next, { ...current, until: now + this.#graceMs }];
    return true;
  }

  /** A key is good no more, at once. */
  revoke(deviceId: string, key: Uint8Array): boolean {
    const device = this.#devices.get(deviceId);
    if (device === undefined || device.revoked.size >= REVOKED_COUNT_MAX) return false;
    device.revoked.add(toHex(key));
    device.keys = device.keys.filter((each) => !equalInConstantTime(each.key, key));
    return true;
  }

  /** The device is not known any more. */
  forget(deviceId: string): boolean {
    return this.#devices.delete(deviceId);
  }

  /** Keys that are good now, the current one first: what may be dialled. */
  keysOf(now: Millis, deviceId: string): readonly TrustedKey[] {
    return this.#devices.get(deviceId)?.keys.filter(({ until }) => until > now) ?? [];
  }

  isKnown(deviceId: string): boolean {
    return this.#devices.has(deviceId);
  }

  /** Judges a key that the device proved to have. */
  judge(now: Millis, deviceId: string, { key, keyId }: { readonly key: Uint8Array; readonly keyId: number }): TrustVerdict {
    const device = this.#devices.get(deviceId);
    if (device === undefined) return 'unknown-device';
    if (device.revoked.has(toHex(key))) return 'key-revoked';
    const known = device.keys.find((each) => equalInConstantTime(each.key, key));
    if (known === undefined) return 'key-changed';
    if (known.until <= now) return 'key-revoked';
    return known.keyId === keyId ? 'trusted' : 'key-id-mismatch';
  }

  /** Everything, to be written down. No secret is in it. */
  export(now: Millis): readonly TrustRecord[] {
    return [...this.#devices].map(([deviceId, { keys, revoked }]) => ({
      deviceId,
      keys: keys
        .filter(({ until }) => until > now)
        .map(({ key, keyId, origin, until }) => ({
          key: toHex(key),
          keyId,
          origin,
          ...(until === NEVER ? {} : { graceLeftMs: until - now }),
        })),
      revoked: [...revoked],
    }));
  }

  /** Takes up what was written down; `false` where a record is none, or the store is full. The store keeps those before it. */
  import(now: Millis, records: readonly TrustRecord[]): boolean {
    for (const { deviceId, keys, revoked } of records) {
      const isWhole =
        isDeviceId(deviceId) &&
        keys.every(({ key, keyId }) => isHexKey(key) && isU32(keyId)) &&
        revoked.length <= REVOKED_COUNT_MAX &&
        revoked.every(isHexKey);
      if (!isWhole || (!this.#devices.has(deviceId) && this.#devices.size >= this.#deviceCountMax)) return false;
      this.#devices.set(deviceId, {
        keys: keys.slice(0, 2).map(({ key, keyId, origin, graceLeftMs }) => ({
          key: Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(key.slice(2 * i, 2 * i + 2), 16)),
          keyId,
          origin,
          until: graceLeftMs === undefined ? NEVER : now + Math.min(graceLeftMs, this.#graceMs),
        })),
        revoked: new Set(revoked),
      });
    }
    return true;
  }

  #set(deviceId: string, { key, keyId, origin }: Pick<TrustedKey, 'key' | 'keyId' | 'origin'>): boolean {
    requireArgument(isDeviceId(deviceId), 'a device id has 1..=64 characters');
    requireKey(key, keyId);
    const known = this.#devices.get(deviceId);
    if (known === undefined && this.#devices.size >= this.#deviceCountMax) return false;
    this.#devices.set(deviceId, {
      keys: [{ key: key.slice(), keyId, origin, until: NEVER }],
      revoked: known?.revoked ?? new Set(),
    });
    known?.revoked.delete(toHex(key));
    return true;
  }
}

function requireKey(key: Uint8Array, keyId: number): void {
  requireArgument(key.length === 32, 'a static key has 32 octets');
  requireArgument(isU32(keyId), 'a key id is an unsigned 32-bit number');
}

function isDeviceId(deviceId: string): boolean {
  return deviceId.length >= 1 && deviceId.length <= 64;
}

function isHexKey(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

const DAY = 86_400_000;
const REVOKED_COUNT_MAX = 64;
