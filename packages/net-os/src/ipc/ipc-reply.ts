import {
  type Endpoint,
  err,
  type Ipv4Address,
  ipv4FromU32,
  ok,
  type Result,
  readU32,
  requireArgument,
  writeU32,
} from '@nexus-net/sansio';
import {
  hasIpcMagic,
  IPC_MESSAGE_OCTETS_MAX,
  IPC_NONCE_OCTETS,
  IPC_OPERATION,
  IPC_REPLY_FLAG,
  IPC_STATUS,
  type IpcOperation,
  type IpcStatus,
  ipcHeader,
  ipcOperationOf,
  ipcStatusOf,
  readIpcEndpoint,
  readLe16,
  readLe32,
  writeIpcEndpoint,
  writeLe16,
  writeLe32,
} from './ipc-format.js';

/** What came of a request. */
export type IpcOutcome =
  /** The new listener, stream or UDP socket. */
  | { readonly type: 'listen' | 'accept' | 'connect' | 'udp-bind'; readonly id: number }
  /** No octets: the peer has sent its last one. */
  | { readonly type: 'read'; readonly bytes: Uint8Array }
  | { readonly type: 'write' | 'udp-send-to'; readonly count: number }
  | { readonly type: 'udp-receive-from'; readonly from: Endpoint; readonly payload: Uint8Array }
  /** Milliseconds, at most 65 535. */
  | { readonly type: 'ping'; readonly roundTripMs: number }
  | { readonly type: 'local-address'; readonly address: Ipv4Address; readonly prefixLength: number }
  | { readonly type: 'close' | 'wait-writable' | 'close-listener' | 'udp-close' | 'shutdown' };

export type IpcReply = (
  | { readonly ok: true; readonly outcome: IpcOutcome }
  /** `code`: that of the operation as asked for, known or not, 0..127; 0 where the request had no header. */
  | { readonly ok: false; readonly code: number; readonly status: Exclude<IpcStatus, 'ok'> }
) & { readonly nonce?: Uint8Array };

/** `bad-header`: no reply of this protocol. `bad-status`. `bad-length`: not a length that such a reply has. */
export type IpcReplyError = 'bad-header' | 'bad-status' | 'bad-length';

/** Reads a reply. Total. Data are views. */
export function decodeIpcReply(bytes: Uint8Array): Result<IpcReply, IpcReplyError> {
  if (bytes.length > IPC_MESSAGE_OCTETS_MAX || bytes.length < HEAD_OCTETS || !hasIpcMagic(bytes)) return err('bad-header');
  const code = bytes[3] as number;
  if ((code & IPC_REPLY_FLAG) === 0) return err('bad-header');
  const status = ipcStatusOf(bytes[4] as number);
  if (status === undefined) return err('bad-status');
  const operation = ipcOperationOf(code & ~IPC_REPLY_FLAG);
  if (status === 'ok' && operation === undefined) return err('bad-header');
  const length = status === 'ok' ? HEAD_OCTETS + fieldsLength(operation as IpcOperation, bytes) : HEAD_OCTETS;
  const rest = bytes.length - length;
  if (rest !== 0 && rest !== IPC_NONCE_OCTETS) return err('bad-length');
  const nonce = rest === 0 ? {} : { nonce: bytes.subarray(length) };
  if (status === 'ok') return ok({ ok: true, outcome: outcomeOf(operation as IpcOperation, bytes, length), ...nonce });
  return ok({ ok: false, code: code & ~IPC_REPLY_FLAG, status, ...nonce });
}

/** Writes a reply. Throws `UsageError` above 512 octets, or for a nonce that has not 8. */
export function encodeIpcReply(reply: IpcReply): Uint8Array {
  const { nonce } = reply;
  requireArgument(nonce === undefined || nonce.length === IPC_NONCE_OCTETS, 'a nonce has 8 octets');
  requireArgument(reply.ok || (reply.code & 0x7f) === reply.code, 'code is 0..127');
  const code = IPC_REPLY_FLAG | (reply.ok ? IPC_OPERATION[reply.outcome.type] : reply.code);
  const length = HEAD_OCTETS + (reply.ok ? outcomeLength(reply.outcome) : 0);
  const bytes = ipcHeader(code, length + (nonce?.length ?? 0));
  requireArgument(bytes.length <= IPC_MESSAGE_OCTETS_MAX, 'a message has at most 512 octets');
  bytes[4] = IPC_STATUS[reply.ok ? 'ok' : reply.status];
  if (reply.ok) writeOutcome(bytes, reply.outcome);
  if (nonce !== undefined) bytes.set(nonce, length);
  return bytes;
}

/** Octets behind the head, as the reply itself says. */
function fieldsLength(operation: IpcOperation, bytes: Uint8Array): number {
  switch (operation) {
    case 'read':
      return 2 + readLe16(bytes, 5);
    case 'udp-receive-from':
      return 8 + readLe16(bytes, 5);
    default:
      return FIELDS_OCTETS[operation];
  }
}

function outcomeLength(outcome: IpcOutcome): number {
  switch (outcome.type) {
    case 'read':
      return 2 + outcome.bytes.length;
    case 'udp-receive-from':
      return 8 + outcome.payload.length;
    default:
      return FIELDS_OCTETS[outcome.type];
  }
}

function outcomeOf(type: IpcOperation, bytes: Uint8Array, length: number): IpcOutcome {
  switch (type) {
    case 'listen':
    case 'accept':
    case 'connect':
    case 'udp-bind':
      return { type, id: readLe32(bytes, 5) };
    case 'read':
      return { type, bytes: bytes.subarray(7, length) };
    case 'write':
    case 'udp-send-to':
      return { type, count: readLe16(bytes, 5) };
    case 'udp-receive-from':
      return { type, from: readIpcEndpoint(bytes, 7), payload: bytes.subarray(13, length) };
    case 'ping':
      return { type, roundTripMs: readLe16(bytes, 5) };
    case 'local-address':
      return { type, address: ipv4FromU32(readU32(bytes, 5)), prefixLength: bytes[9] as number };
    default:
      return { type };
  }
}

function writeOutcome(bytes: Uint8Array, outcome: IpcOutcome): void {
  switch (outcome.type) {
    case 'listen':
    case 'accept':
    case 'connect':
    case 'udp-bind':
      writeLe32(bytes, 5, outcome.id);
      return;
    case 'read':
      writeLe16(bytes, 5, outcome.bytes.length);
      bytes.set(outcome.bytes, 7);
      return;
    case 'write':
    case 'udp-send-to':
      writeLe16(bytes, 5, outcome.count);
      return;
    case 'udp-receive-from':
      writeLe16(bytes, 5, outcome.payload.length);
      writeIpcEndpoint(bytes, 7, outcome.from);
      bytes.set(outcome.payload, 13);
      return;
    case 'ping':
      writeLe16(bytes, 5, outcome.roundTripMs);
      return;
    case 'local-address':
      writeU32(bytes, 5, outcome.address);
      bytes[9] = outcome.prefixLength;
      return;
    default:
  }
}

const HEAD_OCTETS = 5;
const FIELDS_OCTETS: Readonly<Record<Exclude<IpcOperation, 'read' | 'udp-receive-from'>, number>> = {
  listen: 4,
  accept: 4,
  connect: 4,
  write: 2,
  'udp-bind': 4,
  'udp-send-to': 2,
  ping: 2,
  'local-address': 5,
  close: 0,
  'wait-writable': 0,
  'close-listener': 0,
  'udp-close': 0,
  shutdown: 0,
};
