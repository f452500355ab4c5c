import { err, ok, type Result, readU32, requireArgument, writeU32 } from '@nexus-net/sansio';
import { areMuxLimits, type MuxLimits } from '../mux/bus/mux-options.js';
import { decodeUtf8, encodeUtf8 } from '../utf8.js';

/** Who a side says that it is, and what it can take: the payload of the messages 2 and 3. */
export interface BusIdentity {
  /** 1..=64 octets of UTF-8. */
  readonly deviceId: string;
  /** Of the static key that the handshake uses, u32. */
  readonly keyId: number;
  /** What the other side may do. */
  readonly limits: MuxLimits;
  /** Seconds without a PONG after which this side gives up, 1..=3600. */
  readonly keepaliveSeconds: number;
}

/** Layout (docs/dsoftbus-bus-v1.md section 2): D u8, device id, key id u32, streams u32, window u32, keepalive u32. */
export function encodeBusIdentity({ deviceId, keyId, limits, keepaliveSeconds }: BusIdentity): Uint8Array {
  const name = encodeUtf8(deviceId);
  requireArgument(name.length >= 1 && name.length <= DEVICE_ID_OCTETS_MAX, 'a device id has 1..=64 octets');
  const bytes = new Uint8Array(1 + name.length + 16);
  bytes[0] = name.length;
  bytes.set(name, 1);
  const at = 1 + name.length;
  writeU32(bytes, at, keyId);
  writeU32(bytes, at + 4, limits.streamCountMax);
  writeU32(bytes, at + 8, limits.windowOctets);
  writeU32(bytes, at + 12, keepaliveSeconds);
  return bytes;
}

export function decodeBusIdentity(bytes: Uint8Array): Result<BusIdentity, 'bad-identity'> {
  const length = bytes[0] ?? 0;
  if (length < 1 || length > DEVICE_ID_OCTETS_MAX || bytes.length !== 17 + length) return err('bad-identity');
  const deviceId = decodeUtf8(bytes.subarray(1, 1 + length));
  const at = 1 + length;
  const limits = { streamCountMax: readU32(bytes, at + 4), windowOctets: readU32(bytes, at + 8) };
  const keepaliveSeconds = readU32(bytes, at + 12);
  if (deviceId === undefined || !areMuxLimits(limits) || keepaliveSeconds < 1 || keepaliveSeconds > 3_600)
    return err('bad-identity');
  return ok({ deviceId, keyId: readU32(bytes, at), limits, keepaliveSeconds });
}

const DEVICE_ID_OCTETS_MAX = 64;
