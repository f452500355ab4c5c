import { err, ok, type Result } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../../utf8.js';
import { FrameBuilder, readU16le, readU32le, readU64le, startsWith } from '../octets.js';
import type { PackagefsEntry } from './services.js';

// PK v1, read only, little-endian: 50 4b 01 op, then
//   1 STAT, 2 OPEN  path length u16 (1..=192), path     3 READ  handle u32, offset u32, length u16     4 CLOSE  handle u32
// Answers: 50 4b 01 op|80 status, then STAT size u64, kind u16; OPEN handle u32; READ length u16, octets; CLOSE nothing.

export const PK_OP = { stat: 1, open: 2, read: 3, close: 4 } as const;

export const PK_STATUS = {
  ok: 0,
  badRequest: 1,
  unauthenticated: 2,
  traversal: 3,
  scheme: 4,
  notFound: 5,
  badHandle: 6,
  oversized: 7,
  handleLimit: 8,
  io: 9,
} as const;

export const PK_PATH_LENGTH_MAX = 192;
export const PK_READ_LENGTH_MAX = 128;
/** Octets of a file at most: OPEN keeps the whole of it. */
export const PK_FILE_LENGTH_MAX = 16_384;

export type PkRequest =
  /** `path` is canonical: without its scheme, no empty, `.` or `..` segments. */
  | { readonly op: 'stat' | 'open'; readonly path: string }
  | { readonly op: 'read'; readonly handle: number; readonly offset: number; readonly length: number }
  | { readonly op: 'close'; readonly handle: number };

export type PkReject = 'bad-request' | 'unauthenticated' | 'traversal' | 'scheme' | 'oversized';

export const PK_REJECT_STATUS: Readonly<Record<PkReject, number>> = {
  'bad-request': PK_STATUS.badRequest,
  unauthenticated: PK_STATUS.unauthenticated,
  traversal: PK_STATUS.traversal,
  scheme: PK_STATUS.scheme,
  oversized: PK_STATUS.oversized,
};

/** Reads a request, with the checks in the order of the OS. Total. */
export function parsePkRequest(
  frame: Uint8Array,
  { authenticated }: { readonly authenticated: boolean },
): Result<PkRequest, PkReject> {
  if (!authenticated) return err('unauthenticated');
  if (frame.length < 4 || !startsWith(frame, ...MAGIC)) return err('bad-request');
  switch (frame[3]) {
    case PK_OP.stat:
      return pathRequest('stat', frame);
    case PK_OP.open:
      return pathRequest('open', frame);
    case PK_OP.read: {
      if (frame.length !== 14) return err('bad-request');
      const length = readU16le(frame, 12);
      if (length === 0 || length > PK_READ_LENGTH_MAX) return err('oversized');
      return ok({ op: 'read', handle: readU32le(frame, 4), offset: readU32le(frame, 8), length });
    }
    case PK_OP.close:
      return frame.length === 8 ? ok({ op: 'close', handle: readU32le(frame, 4) }) : err('bad-request');
    default:
      return err('bad-request');
  }
}

/** The op of a frame that was refused: its answer has the short form, with op 1 where there is none. */
export function pkOpOf(frame: Uint8Array): number {
  return frame.length < 4 ? PK_OP.stat : (frame[3] as number);
}

export function encodePkRequest(request: PkRequest | { readonly op: 'stat' | 'open'; readonly path: Uint8Array }): Uint8Array {
  const frame = new FrameBuilder(...MAGIC, PK_OP[request.op]);
  if (request.op === 'read') return frame.u32(request.handle).u32(request.offset).u16(request.length).done();
  if (request.op === 'close') return frame.u32(request.handle).done();
  const path = typeof request.path === 'string' ? encodeUtf8(request.path) : request.path;
  return frame.u16(path.length).bytes(path).done();
}

/** The short form of an answer. */
export function encodePkStatus(op: number, status: number): Uint8Array {
  return Uint8Array.of(...MAGIC, op | 0x80, status);
}

export function encodePkStat(status: number, size = 0n, kind = 0): Uint8Array {
  return new FrameBuilder(...MAGIC, PK_OP.stat | 0x80, status).u64(size).u16(kind).done();
}

export function encodePkOpen(status: number, handle = 0): Uint8Array {
  return new FrameBuilder(...MAGIC, PK_OP.open | 0x80, status).u32(handle).done();
}

export function encodePkRead(status: number, bytes: Uint8Array = NOTHING): Uint8Array {
  const cut = bytes.subarray(0, PK_READ_LENGTH_MAX);
  return new FrameBuilder(...MAGIC, PK_OP.read | 0x80, status).u16(cut.length).bytes(cut).done();
}

/** What an answer says. */
export type PkOutcome =
  | { readonly status: number; readonly op: 'refused' | 'close' }
  | { readonly status: number; readonly op: 'stat'; readonly size: bigint; readonly kind: number }
  | { readonly status: number; readonly op: 'open'; readonly handle: number }
  | { readonly status: number; readonly op: 'read'; readonly bytes: Uint8Array };

/** Reads an answer to a request of this op. Of a refusal only its status counts. */
export function decodePkAnswer(op: PkRequest['op'], frame: Uint8Array): Result<PkOutcome, 'not-an-answer' | 'corrupt'> {
  if (frame.length < 5 || !startsWith(frame, ...MAGIC, PK_OP[op] | 0x80)) return err('not-an-answer');
  const status = frame[4] as number;
  if (status !== PK_STATUS.ok) return ok({ status, op: 'refused' });
  const body = frame.subarray(5);
  switch (op) {
    case 'stat':
      return body.length === 10 ? ok({ status, op, size: readU64le(body, 0), kind: readU16le(body, 8) }) : err('corrupt');
    case 'open':
      return body.length === 4 ? ok({ status, op, handle: readU32le(body, 0) }) : err('corrupt');
    case 'read': {
      const isWhole = body.length >= 2 && body.length === 2 + readU16le(body, 0);
      return isWhole ? ok({ status, op, bytes: body.slice(2) }) : err('corrupt');
    }
    case 'close':
      return body.length === 0 ? ok({ status, op }) : err('corrupt');
  }
}

/** A reply of packagefsd: found u8, size u64, kind u16, octets. Directories and files above 16 384 octets count as malformed. */
export function decodePackagefsdReply(reply: Uint8Array): Result<PackagefsEntry | 'not-found', 'malformed'> {
  if (reply.length < 11 || (reply[0] as number) > 1) return err('malformed');
  if (reply[0] === 0) return ok('not-found');
  const entry = { size: readU64le(reply, 1), kind: readU16le(reply, 9), bytes: reply.slice(11) };
  return isServable(entry) ? ok(entry) : err('malformed');
}

export function isServable({ kind, bytes }: PackagefsEntry): boolean {
  return kind === 0 && bytes.length <= PK_FILE_LENGTH_MAX;
}

/**
 * The canonical path behind its scheme. There is no decoding and no folding: what isn't a plain segment is refused, so that one
 * string passes the check and reaches the service.
 */
export function canonicalPath(path: string): Result<string, PkReject> {
  const scheme = SCHEMES.find((one) => path.startsWith(one));
  if (scheme === undefined) return err('scheme');
  const rest = path.slice(scheme.length);
  if (rest === '') return err('oversized'); // as the OS has it
  for (const segment of rest.split('/'))
    if (segment === '' || segment === '.' || segment === '..' || segment.includes('\\') || segment.includes('\0'))
      return err('traversal');
  return ok(rest);
}

function pathRequest(op: 'stat' | 'open', frame: Uint8Array): Result<PkRequest, PkReject> {
  if (frame.length < 6) return err('bad-request');
  const length = readU16le(frame, 4);
  if (length === 0 || length > PK_PATH_LENGTH_MAX) return err('oversized');
  if (frame.length !== 6 + length) return err('bad-request');
  const text = decodeUtf8(frame.subarray(6));
  if (text === undefined) return err('bad-request');
  const path = canonicalPath(text);
  return path.ok ? ok({ op, path: path.value }) : path;
}

const MAGIC = [0x50, 0x4b, 0x01] as const;
const SCHEMES = ['pkg:/', '/packages/'] as const;
const NOTHING = new Uint8Array(0);
