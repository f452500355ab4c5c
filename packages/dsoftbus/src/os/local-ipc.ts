import { decodeBnListAnswer, encodeBnList } from './gateway/bn.js';
import { OS_REQUEST_LENGTH_MAX, OS_RESPONSE_STATUS, OS_SERVICE_KIND } from './gateway/gateway.js';
import { encodePkRequest, PK_OP, PK_PATH_LENGTH_MAX } from './gateway/pk.js';
import { isSfAnswer, sfOpOf } from './gateway/sf.js';
import { decodeSmStatus, SM_OP, SM_STATUS } from './gateway/sm.js';
import { FrameBuilder, readU16le, readU32le, readU64le, startsWith } from './octets.js';

// DS v1, little-endian, between a process and the bus daemon of its own node: 44 53 01 op body -> 44 53 01 op|80 status body.

export const DS_OP = {
  resolve: 1,
  bundleList: 2,
  pkgfsStat: 3,
  pkgfsOpen: 4,
  pkgfsRead: 5,
  pkgfsClose: 6,
  statefs: 7,
  logProbe: 0x7f,
} as const;

/** Status of an answer; the ops of packagefs pass its own status on. */
export const DS_STATUS = { ok: 0, fail: 1 } as const;

/** What came back from the peer for a request, or `undefined` for nothing. */
export type DsReply = { readonly status: number; readonly payload: Uint8Array } | undefined;

/** What becomes of a local request. */
export type DsPlan =
  /** Answered here; nothing crosses the session. */
  | { readonly type: 'answer'; readonly frame: Uint8Array; readonly op: number }
  /** One request to the peer; `finish` makes the answer of what came back. */
  | {
      readonly type: 'call';
      readonly op: number;
      readonly kind: number;
      readonly payload: Uint8Array;
      finish(reply: DsReply): Uint8Array;
    };

/**
 * Reads a local request. Total; a malformed one is answered with the short form and status 1.
 *
 * A name that makes a request longer than a record (256 octets) can't be one that samgrd knows. The OS cuts it and asks all the
 * same; we answer at once, unless `oversized` is `cut`.
 */
export function planDs(frame: Uint8Array, { oversized = 'refuse' }: { readonly oversized?: 'refuse' | 'cut' } = {}): DsPlan {
  if (frame.length < 4 || !startsWith(frame, ...MAGIC)) return malformed(0x80);
  const op = frame[3] as number;
  switch (op) {
    case DS_OP.resolve:
      return planResolve(frame, oversized);
    case DS_OP.bundleList:
      return { type: 'call', op, kind: OS_SERVICE_KIND.bundlemgrd, payload: encodeBnList(), finish: finishBundleList };
    case DS_OP.pkgfsStat:
    case DS_OP.pkgfsOpen:
      return planPath(op, frame);
    case DS_OP.pkgfsRead:
    case DS_OP.pkgfsClose:
      return planHandle(op, frame);
    case DS_OP.statefs:
      return planStatefs(frame);
    case DS_OP.logProbe:
      return { type: 'answer', op, frame: answer(op, DS_STATUS.ok).done() };
    default:
      return malformed(op);
  }
}

const MAGIC = [0x44, 0x53, 0x01] as const;

function answer(op: number, status: number): FrameBuilder {
  return new FrameBuilder(...MAGIC, op | 0x80, status);
}

function malformed(op: number): DsPlan {
  return { type: 'answer', op, frame: answer(op, DS_STATUS.fail).done() };
}

function planResolve(frame: Uint8Array, oversized: 'refuse' | 'cut'): DsPlan {
  const op = DS_OP.resolve;
  const length = frame[4] ?? 0;
  if (length === 0 || frame.length !== 5 + length) return malformed(op);
  const payload = new FrameBuilder(0x53, 0x4d, 0x01, SM_OP.resolveStatus, length).bytes(frame.subarray(5)).done();
  if (payload.length > OS_REQUEST_LENGTH_MAX && oversized === 'refuse') return malformed(op);
  return {
    type: 'call',
    op,
    kind: OS_SERVICE_KIND.samgrd,
    payload: payload.subarray(0, OS_REQUEST_LENGTH_MAX),
    finish(reply) {
      const status = isOk(reply) ? decodeSmStatus(SM_OP.resolveStatus, reply.payload) : undefined;
      return answer(op, status?.ok === true && status.value === SM_STATUS.ok ? DS_STATUS.ok : DS_STATUS.fail).done();
    },
  };
}

function finishBundleList(reply: DsReply): Uint8Array {
  const list = isOk(reply) ? decodeBnListAnswer(reply.payload) : undefined;
  const good = list?.ok === true && list.value.status === 0;
  return answer(DS_OP.bundleList, good ? DS_STATUS.ok : DS_STATUS.fail)
    .u16(good ? list.value.count : 0)
    .done();
}

function planPath(op: typeof DS_OP.pkgfsStat | typeof DS_OP.pkgfsOpen, frame: Uint8Array): DsPlan {
  const length = frame[4] ?? 0;
  if (length === 0 || length > PK_PATH_LENGTH_MAX || frame.length !== 5 + length) return malformed(op);
  const stat = op === DS_OP.pkgfsStat;
  const payload = encodePkRequest({ op: stat ? 'stat' : 'open', path: frame.subarray(5) });
  const bodyLength = stat ? 10 : 4;
  return {
    type: 'call',
    op,
    kind: OS_SERVICE_KIND.packagefsd,
    payload,
    finish(reply) {
      const pk = pkReply(reply, stat ? PK_OP.stat : PK_OP.open);
      // A request that packagefs refuses has the short answer: its status counts, the rest is zero.
      const whole = pk !== undefined && pk.length >= 5 + bodyLength;
      const status = pk === undefined || (pk[4] === DS_STATUS.ok && !whole) ? DS_STATUS.fail : (pk[4] as number);
      return answer(op, status)
        .bytes(whole ? pk.subarray(5, 5 + bodyLength) : new Uint8Array(bodyLength))
        .done();
    },
  };
}

function planHandle(op: typeof DS_OP.pkgfsRead | typeof DS_OP.pkgfsClose, frame: Uint8Array): DsPlan {
  const read = op === DS_OP.pkgfsRead;
  if (frame.length !== (read ? 14 : 8)) return malformed(op);
  const handle = readU32le(frame, 4);
  const payload = encodePkRequest(
    read ? { op: 'read', handle, offset: readU32le(frame, 8), length: readU16le(frame, 12) } : { op: 'close', handle },
  );
  return {
    type: 'call',
    op,
    kind: OS_SERVICE_KIND.packagefsd,
    payload,
    finish(reply) {
      const pk = pkReply(reply, read ? PK_OP.read : PK_OP.close);
      if (!read) return answer(op, pk?.[4] ?? DS_STATUS.fail).done();
      // The OS insists on the whole form here, so that a refused read is told as failed, whatever its status was.
      const length = pk === undefined ? 0 : readU16le(pk, 5);
      if (pk === undefined || pk.length < 7 || pk.length < 7 + length) return answer(op, DS_STATUS.fail).u16(0).done();
      return answer(op, pk[4] as number)
        .u16(length)
        .bytes(pk.subarray(7, 7 + length))
        .done();
    },
  };
}

function planStatefs(frame: Uint8Array): DsPlan {
  const op = DS_OP.statefs;
  const length = readU16le(frame, 4);
  if (length === 0 || length > OS_REQUEST_LENGTH_MAX || frame.length !== 6 + length) return malformed(op);
  const payload = frame.slice(6);
  const nonce = payload[2] === 2 && payload.length >= 12 ? readU64le(payload, 4) : undefined;
  return {
    type: 'call',
    op,
    kind: OS_SERVICE_KIND.statefsd,
    payload,
    finish(reply) {
      const good = isOk(reply) && isSfAnswer({ op: sfOpOf(payload), nonce }, reply.payload);
      if (!good) return answer(op, DS_STATUS.fail).u16(0).done();
      return answer(op, DS_STATUS.ok).u16(reply.payload.length).bytes(reply.payload).done();
    },
  };
}

function isOk(reply: DsReply): reply is NonNullable<DsReply> {
  return reply?.status === OS_RESPONSE_STATUS.ok;
}

function pkReply(reply: DsReply, op: number): Uint8Array | undefined {
  return isOk(reply) && reply.payload.length >= 5 && startsWith(reply.payload, 0x50, 0x4b, 0x01, op | 0x80)
    ? reply.payload
    : undefined;
}
