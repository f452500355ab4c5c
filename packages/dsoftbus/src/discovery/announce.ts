import { err, ok, type Result, readU16, requireArgument, writeU16 } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../utf8.js';
import { isUnicode } from './text.js';

// Announce version 1, one UDP datagram, big-endian (octets):
//   0..4 magic "NXSB"   4 version 1   5 length D of the device id   6.. device id (UTF-8, 1..=64)
//   6+D  u16 session port   8+D  32 octets X25519 static public key   40+D  count N of services (0..=16)
//   41+D.. N times: u8 length (1..=64), name (UTF-8). What follows is ignored.

/** What a device says of itself. There is no address in it: that is the source of the datagram. */
export interface Announce {
  /** 1..=64 octets of UTF-8. A name, or in the `host` dialect the hash of a key; two texts are the same device where their octets are. */
  readonly deviceId: string;
  /** TCP port of sessions. 0 is legal on the wire, and can't be dialled. */
  readonly port: number;
  /** X25519 public key, 32 octets. Nothing proves it here: the handshake does. */
  readonly noiseStatic: Uint8Array;
  /** At most 16 names of 1..=64 octets of UTF-8, in order; they may repeat. */
  readonly services: readonly string[];
}

/** Why a datagram is no announce, in the order of the checks. */
export type AnnounceReject =
  | 'truncated'
  | 'bad-magic'
  | 'unsupported-version'
  | 'bad-device-id-length'
  | 'bad-service-count'
  | 'bad-service-name-length'
  | 'bad-utf8';

/** Octets of the largest announce, with 16 services of 64 octets. */
export const ANNOUNCE_LENGTH_MAX = 1_145;
/** Octets of a datagram that the OS sends and receives; longer ones reach it cut off. */
export const OS_DATAGRAM_LENGTH_MAX = 256;
export const ANNOUNCE_VERSION = 1;
export const NAME_LENGTH_MAX = 64;
export const SERVICE_COUNT_MAX = 16;
export const STATIC_KEY_LENGTH = 32;

/** Reads an announce. Total, and copies what it keeps. Each check comes where the OS has it, so that both name the same fault. */
export function decodeAnnounce(bytes: Uint8Array): Result<Announce, AnnounceReject> {
  if (bytes.length < 4) return err('truncated');
  for (const [i, octet] of MAGIC.entries()) if (bytes[i] !== octet) return err('bad-magic');
  if (bytes.length < 5) return err('truncated');
  if (bytes[4] !== ANNOUNCE_VERSION) return err('unsupported-version');
  if (bytes.length < 6) return err('truncated');
  const idLength = bytes[5] as number;
  if (idLength === 0 || idLength > NAME_LENGTH_MAX) return err('bad-device-id-length');
  let at = 6 + idLength;
  if (bytes.length < at) return err('truncated');
  const deviceId = decodeUtf8(bytes.subarray(6, at));
  if (deviceId === undefined) return err('bad-utf8');
  if (bytes.length < at + 2 + STATIC_KEY_LENGTH + 1) return err('truncated');
  const port = readU16(bytes, at);
  const noiseStatic = Uint8Array.from(bytes.subarray(at + 2, at + 2 + STATIC_KEY_LENGTH));
  at += 2 + STATIC_KEY_LENGTH;
  const serviceCount = bytes[at++] as number;
  if (serviceCount > SERVICE_COUNT_MAX) return err('bad-service-count');
  const services: string[] = [];
  for (let i = 0; i < serviceCount; i++) {
    if (at >= bytes.length) return err('truncated');
    const length = bytes[at++] as number;
    if (length === 0 || length > NAME_LENGTH_MAX) return err('bad-service-name-length');
    if (bytes.length < at + length) return err('truncated');
    const service = decodeUtf8(bytes.subarray(at, at + length));
    if (service === undefined) return err('bad-utf8');
    services.push(service);
    at += length;
  }
  return ok({ deviceId, port, noiseStatic, services });
}

/** Why an announce can't be written, in the order of the checks, or `undefined` where it can. */
export function announceProblem(announce: Announce): Exclude<AnnounceReject, 'truncated' | 'bad-magic'> | undefined {
  if (!isNameLength(announce.deviceId)) return 'bad-device-id-length';
  if (announce.services.length > SERVICE_COUNT_MAX) return 'bad-service-count';
  if (!announce.services.every(isNameLength)) return 'bad-service-name-length';
  if (![announce.deviceId, ...announce.services].every(isUnicode)) return 'bad-utf8';
  return undefined;
}

/** Writes an announce. One that is against the rules is a mistake of the local caller: `UsageError`. */
export function encodeAnnounce(announce: Announce): Uint8Array {
  const { port, noiseStatic } = announce;
  const problem = announceProblem(announce);
  requireArgument(problem === undefined, `this announce can't be written: ${problem}`);
  requireArgument(Number.isInteger(port) && port >= 0 && port <= 0xffff, 'port is an integer 0..65535');
  requireArgument(noiseStatic.length === STATIC_KEY_LENGTH, 'noiseStatic is 32 octets');
  const deviceId = encodeUtf8(announce.deviceId);
  const services = announce.services.map(encodeUtf8);
  const length = services.reduce((sum, name) => sum + 1 + name.length, 6 + deviceId.length + 2 + STATIC_KEY_LENGTH + 1);
  const bytes = new Uint8Array(length);
  bytes.set(MAGIC);
  bytes[4] = ANNOUNCE_VERSION;
  bytes[5] = deviceId.length;
  bytes.set(deviceId, 6);
  let at = 6 + deviceId.length;
  writeU16(bytes, at, port);
  bytes.set(noiseStatic, at + 2);
  at += 2 + STATIC_KEY_LENGTH;
  bytes[at++] = services.length;
  for (const service of services) {
    bytes[at++] = service.length;
    bytes.set(service, at);
    at += service.length;
  }
  return bytes;
}

/** "NXSB" */
const MAGIC: Uint8Array = Uint8Array.of(0x4e, 0x58, 0x53, 0x42);

function isNameLength(name: string): boolean {
  const { length } = encodeUtf8(name);
  return length >= 1 && length <= NAME_LENGTH_MAX;
}
