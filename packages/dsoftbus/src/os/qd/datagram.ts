import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { FrameBuilder, readU16le, readU32le } from '../octets.js';

// QD v1, little-endian: 51 44 01 opcode, session nonce u32, payload length u16, payload. The OS calls it "QUIC v2"; it has nothing of
// QUIC but the letters. What follows the payload is ignored.

export const QD_OPCODE = { msg1: 1, msg2: 2, msg3: 3, ping: 4, pong: 5 } as const;

export interface QdDatagram {
  /** Not checked by the codec: see {@link QD_OPCODE}. */
  readonly opcode: number;
  /** 32 bits. */
  readonly sessionNonce: number;
  readonly payload: Uint8Array;
}

export type QdReject = 'truncated' | 'bad-magic' | 'unsupported-version';

export const QD_PAYLOAD_LENGTH_MAX = 246;
const HEADER_LENGTH = 10;

/** Reads a datagram and copies its payload. */
export function decodeQd(bytes: Uint8Array): Result<QdDatagram, QdReject> {
  if (bytes.length < HEADER_LENGTH) return err('truncated');
  if (bytes[0] !== 0x51 || bytes[1] !== 0x44) return err('bad-magic');
  if (bytes[2] !== 1) return err('unsupported-version');
  const length = readU16le(bytes, 8);
  if (bytes.length < HEADER_LENGTH + length) return err('truncated');
  return ok({
    opcode: bytes[3] as number,
    sessionNonce: readU32le(bytes, 4),
    payload: bytes.slice(HEADER_LENGTH, HEADER_LENGTH + length),
  });
}

/** Writes a datagram of at most 256 octets; a longer payload is the local caller's mistake. */
export function encodeQd({ opcode, sessionNonce, payload }: QdDatagram): Uint8Array {
  requireArgument(payload.length <= QD_PAYLOAD_LENGTH_MAX, 'a payload has at most 246 octets');
  return new FrameBuilder(0x51, 0x44, 1, opcode).u32(sessionNonce).u16(payload.length).bytes(payload).done();
}
