import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../../utf8.js';
import { FrameBuilder, readU16le, readU32le, readU64le, startsWith } from '../octets.js';

// SF v1, little-endian: 53 46 01 op, body. SF v2: 53 46 02 op, nonce u64, body.
//   1 PUT  key length u16, value length u32, key, value     2 GET, 3 DELETE  key length u16, key
//   4 LIST  prefix length u16, limit u16, prefix            5 SYNC, 6 REOPEN  nothing
// Answers: 53 46 version op|80 status [nonce u64], then GET value length u32, value; LIST count u16, each key length u16, key.

export const SF_OP = { put: 1, get: 2, delete: 3, list: 4, sync: 5, reopen: 6 } as const;

export const SF_STATUS = {
  ok: 0,
  notFound: 1,
  accessDenied: 2,
  valueTooLarge: 3,
  keyTooLong: 4,
  invalidKey: 5,
  malformed: 6,
  io: 7,
  unsupported: 8,
  integrity: 9,
  rollback: 10,
  transactionLimit: 11,
} as const;

/** What a remote peer may ask for. */
export const SF_REMOTE = {
  frameLengthMax: 256,
  keyLengthMax: 96,
  valueLengthMax: 128,
  listLimitMax: 64,
  responseLengthMax: 512,
  prefix: '/state/shared/',
} as const;

/** What statefsd itself takes. */
export const SF_STORE = { keyLengthMax: 255, valueLengthMax: 65_536, listLimitMax: 256 } as const;

export type SfRequest =
  | { readonly op: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly op: 'get' | 'delete'; readonly key: string }
  | { readonly op: 'list'; readonly prefix: string; readonly limit: number }
  | { readonly op: 'sync' | 'reopen' };

/** A request, and its nonce where it is of version 2. */
export interface SfFrame {
  readonly request: SfRequest;
  readonly nonce: bigint | undefined;
}

/** What came of a request: its status, and what it asked for. */
export interface SfOutcome {
  /** Of {@link SF_STATUS}. */
  readonly status: number;
  readonly value?: Uint8Array;
  readonly keys?: readonly string[];
}

export type SfReject = 'bad-request' | 'unauthenticated' | 'outside-acl' | 'prefix-escape' | 'oversized';

export const SF_REJECT_STATUS: Readonly<Record<SfReject, number>> = {
  'bad-request': SF_STATUS.malformed,
  unauthenticated: SF_STATUS.accessDenied,
  'outside-acl': SF_STATUS.accessDenied,
  'prefix-escape': SF_STATUS.invalidKey,
  oversized: SF_STATUS.valueTooLarge,
};

/** Reads a request as statefsd does; the error is its status. */
export function decodeSfRequest(
  frame: Uint8Array,
): { readonly ok: true; readonly value: SfFrame } | { readonly ok: false; readonly status: number } {
  const head = headOf(frame);
  if (head === undefined) return { ok: false, status: SF_STATUS.malformed };
  const request = decodeBody(head.op, frame.subarray(head.length));
  return typeof request === 'number' ? { ok: false, status: request } : { ok: true, value: { request, nonce: head.nonce } };
}

/** How the OS classes what its decoder says. */
export function classifySfStatus(status: number): SfReject {
  if (status === SF_STATUS.valueTooLarge || status === SF_STATUS.keyTooLong) return 'oversized';
  return status === SF_STATUS.invalidKey ? 'prefix-escape' : 'bad-request';
}

/** Reads a remote request and checks that it may be made, in the order of the OS. */
export function parseRemoteSf(
  frame: Uint8Array,
  { authenticated }: { readonly authenticated: boolean },
): Result<SfFrame, SfReject> {
  if (!authenticated) return err('unauthenticated');
  if (frame.length === 0) return err('bad-request');
  if (frame.length > SF_REMOTE.frameLengthMax) return err('oversized');
  const decoded = decodeSfRequest(frame);
  if (!decoded.ok) return err(classifySfStatus(decoded.status));
  const { request } = decoded.value;
  const problem = problemOf(request);
  return problem === undefined ? ok(decoded.value) : err(problem);
}

export function encodeSfRequest({ request, nonce }: SfFrame): Uint8Array {
  const frame = new FrameBuilder(...MAGIC, nonce === undefined ? 1 : 2, SF_OP[request.op]);
  if (nonce !== undefined) frame.u64(nonce);
  switch (request.op) {
    case 'put': {
      const key = keyOctets(request.key);
      requireArgument(request.value.length <= SF_STORE.valueLengthMax, 'a value has at most 65536 octets');
      return frame.u16(key.length).u32(request.value.length).bytes(key).bytes(request.value).done();
    }
    case 'get':
    case 'delete': {
      const key = keyOctets(request.key);
      return frame.u16(key.length).bytes(key).done();
    }
    case 'list': {
      const prefix = keyOctets(request.prefix);
      return frame.u16(prefix.length).u16(request.limit).bytes(prefix).done();
    }
    default:
      return frame.done();
  }
}

/** The op of a frame that was refused: 5 where none can be read. */
export function sfOpOf(frame: Uint8Array): number {
  const isFrame = frame.length >= 4 && startsWith(frame, ...MAGIC) && (frame[2] === 1 || frame[2] === 2);
  return isFrame ? (frame[3] as number) : SF_OP.sync;
}

/** A refusal always has the short form of version 1, whatever was asked. */
export function encodeSfReject(op: number, reject: SfReject): Uint8Array {
  return Uint8Array.of(...MAGIC, 1, op | 0x80, SF_REJECT_STATUS[reject]);
}

/**
 * An answer to a request that was carried out, at most 512 octets: a list stops before, and a value that doesn't fit is told as
 * too large, not cut (the OS cuts it, and the requester finds it corrupt).
 */
export function encodeSfOutcome({ request, nonce }: SfFrame, outcome: SfOutcome): Uint8Array {
  const headLength = nonce === undefined ? 5 : 13;
  const room = SF_REMOTE.responseLengthMax - headLength;
  const value = request.op === 'get' ? (outcome.value ?? NOTHING) : NOTHING;
  const fits = value.length + 4 <= room;
  const frame = new FrameBuilder(...MAGIC, nonce === undefined ? 1 : 2, SF_OP[request.op] | 0x80);
  frame.u8(fits ? outcome.status : SF_STATUS.valueTooLarge);
  if (nonce !== undefined) frame.u64(nonce);
  if (request.op === 'get') return fits ? frame.u32(value.length).bytes(value).done() : frame.u32(0).done();
  if (request.op !== 'list') return frame.done();
  const keys: Uint8Array[] = [];
  let length = 2;
  for (const key of outcome.keys ?? []) {
    const octets = encodeUtf8(key);
    length += 2 + octets.length;
    if (length > room) break;
    keys.push(octets);
  }
  frame.u16(keys.length);
  for (const key of keys) frame.u16(key.length).bytes(key);
  return frame.done();
}

/** What an answer to `request` says; errors: it is none, or none to this request. */
export function decodeSfOutcome({ request, nonce }: SfFrame, frame: Uint8Array): Result<SfOutcome, 'not-an-answer' | 'corrupt'> {
  if (!isSfAnswer({ op: SF_OP[request.op], nonce }, frame)) return err('not-an-answer');
  const status = frame[4] as number;
  const body = frame.subarray(frame[2] === 2 ? 13 : 5);
  if (status !== SF_STATUS.ok) return ok({ status }); // a refusal has no body
  if (request.op === 'get') {
    if (body.length < 4 || body.length !== 4 + readU32le(body, 0)) return err('corrupt');
    return ok({ status, value: body.slice(4) });
  }
  if (request.op !== 'list') return ok({ status });
  const keys: string[] = [];
  let at = 2;
  for (let count = readU16le(body, 0); count > 0; count--) {
    const length = readU16le(body, at);
    const key = at + 2 + length <= body.length ? decodeUtf8(body.subarray(at + 2, at + 2 + length)) : undefined;
    if (key === undefined) return err('corrupt');
    keys.push(key);
    at += 2 + length;
  }
  return ok({ status, keys });
}

/** Could this be the answer? The check of the requesting node: 5..=512 octets, the op, and in version 2 the nonce. */
export function isSfAnswer(
  { op, nonce }: { readonly op: number; readonly nonce: bigint | undefined },
  frame: Uint8Array,
): boolean {
  if (frame.length < 5 || frame.length > SF_REMOTE.responseLengthMax) return false;
  if (!startsWith(frame, ...MAGIC) || frame[3] !== (op | 0x80)) return false;
  if (frame[2] === 1) return true;
  return frame[2] === 2 && frame.length >= 13 && nonce !== undefined && readU64le(frame, 5) === nonce;
}

/** Is this the reply that statefsd gives to our own request of version 2? */
export function isSfV2Answer(expected: { readonly op: number; readonly nonce: bigint }, frame: Uint8Array): boolean {
  return frame[2] === 2 && isSfAnswer(expected, frame);
}

/** The line that the OS hands to its log for a PUT or DELETE, `undefined` for what isn't audited. */
export function sfAuditLine(op: number, result: SfReject | { readonly status: number }): string | undefined {
  const name = op === SF_OP.put ? 'put' : op === SF_OP.delete ? 'delete' : undefined;
  if (name === undefined) return undefined;
  const decision =
    typeof result === 'string'
      ? `reject ${result.replaceAll('-', '_')}`
      : result.status === SF_STATUS.ok
        ? 'allow'
        : 'reject status';
  return `dsoftbusd: audit remote statefs ${name} ${decision}`;
}

const MAGIC = [0x53, 0x46] as const;
const NOTHING = new Uint8Array(0);

function headOf(
  frame: Uint8Array,
): { readonly op: number; readonly nonce: bigint | undefined; readonly length: number } | undefined {
  if (frame.length < 4 || !startsWith(frame, ...MAGIC)) return undefined;
  const op = frame[3] as number;
  if (frame[2] === 1) return { op, nonce: undefined, length: 4 };
  return frame[2] === 2 && frame.length >= 12 ? { op, nonce: readU64le(frame, 4), length: 12 } : undefined;
}

/** The request, or the status of what is wrong with it. */
function decodeBody(op: number, body: Uint8Array): SfRequest | number {
  switch (op) {
    case SF_OP.put: {
      if (body.length < 6) return SF_STATUS.malformed;
      const keyLength = readU16le(body, 0);
      const valueLength = readU32le(body, 2);
      const key = keyAt(body, 6, keyLength);
      if (keyLength === 0) return SF_STATUS.malformed;
      if (keyLength > SF_STORE.keyLengthMax) return SF_STATUS.keyTooLong;
      if (valueLength > SF_STORE.valueLengthMax) return SF_STATUS.valueTooLarge;
      if (body.length !== 6 + keyLength + valueLength || key === undefined) return SF_STATUS.malformed;
      return { op: 'put', key, value: body.slice(6 + keyLength) };
    }
    case SF_OP.get:
    case SF_OP.delete: {
      const keyLength = readU16le(body, 0);
      if (body.length < 2 || keyLength === 0) return SF_STATUS.malformed;
      if (keyLength > SF_STORE.keyLengthMax) return SF_STATUS.keyTooLong;
      const key = body.length === 2 + keyLength ? keyAt(body, 2, keyLength) : undefined;
      return key === undefined ? SF_STATUS.malformed : { op: op === SF_OP.get ? 'get' : 'delete', key };
    }
    case SF_OP.list: {
      if (body.length < 4) return SF_STATUS.malformed;
      const length = readU16le(body, 0);
      if (length > SF_STORE.keyLengthMax) return SF_STATUS.keyTooLong;
      const prefix = body.length === 4 + length ? keyAt(body, 4, length) : undefined;
      if (prefix === undefined) return SF_STATUS.malformed;
      return { op: 'list', prefix, limit: Math.min(Math.max(1, readU16le(body, 2)), SF_STORE.listLimitMax) };
    }
    case SF_OP.sync:
    case SF_OP.reopen:
      if (body.length > 0) return SF_STATUS.malformed;
      return { op: op === SF_OP.sync ? 'sync' : 'reopen' };
    default:
      return SF_STATUS.unsupported;
  }
}

function keyAt(body: Uint8Array, at: number, length: number): string | undefined {
  return at + length <= body.length ? decodeUtf8(body.subarray(at, at + length)) : undefined;
}

function problemOf(request: SfRequest): SfReject | undefined {
  switch (request.op) {
    case 'put':
      return (
        keyProblem(request.key, true) ??
        (request.value.length > SF_REMOTE.valueLengthMax || request.value.length === 0 ? 'oversized' : undefined)
      );
    case 'get':
    case 'delete':
      return keyProblem(request.key, true);
    case 'list':
      return keyProblem(request.prefix, false) ?? (request.limit > SF_REMOTE.listLimitMax ? 'oversized' : undefined);
    case 'sync':
      return undefined;
    case 'reopen':
      return 'bad-request';
  }
}

/** There is no decoding: what could be read in two ways is refused, so that one string passes the check and reaches the store. */
function keyProblem(key: string, needsLeaf: boolean): SfReject | undefined {
  const { length } = encodeUtf8(key);
  if (length === 0 || length > SF_REMOTE.keyLengthMax) return 'oversized';
  const escapes = ESCAPES.some((one) => key.includes(one)) || key.endsWith('/.') || key.endsWith('/..');
  if (escapes) return 'prefix-escape';
  if (!key.startsWith(SF_REMOTE.prefix) || (needsLeaf && key.length === SF_REMOTE.prefix.length)) return 'outside-acl';
  return undefined;
}

const ESCAPES = ['\0', '\\', '//', '/./', '/../'] as const;

function keyOctets(key: string): Uint8Array {
  const octets = encodeUtf8(key);
  requireArgument(octets.length <= SF_STORE.keyLengthMax, 'a key has at most 255 octets');
  return octets;
}
