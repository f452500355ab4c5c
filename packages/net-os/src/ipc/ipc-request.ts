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
  IPC_HEADER_OCTETS,
  IPC_MESSAGE_OCTETS_MAX,
  IPC_NONCE_OCTETS,
  IPC_OPERATION,
  type IpcOperation,
  ipcHeader,
  ipcOperationOf,
  readIpcEndpoint,
  readLe16,
  readLe32,
  writeIpcEndpoint,
  writeLe16,
  writeLe32,
} from './ipc-format.js';

/** Where to bind: `address` left out is the address that the stack has at the time. */
export interface IpcBind {
  readonly address?: Ipv4Address;
  readonly port: number;
}

/** What a program asks for. Ids are 1..2^32-1; lengths are octets. */
export type IpcRequest =
  | ({ readonly type: 'listen' } & IpcBind)
  | ({ readonly type: 'udp-bind' } & IpcBind)
  | { readonly type: 'accept'; readonly id: number }
  | { readonly type: 'connect'; readonly remote: Endpoint }
  | { readonly type: 'read'; readonly id: number; readonly octetsMax: number }
  | { readonly type: 'write'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'udp-send-to'; readonly id: number; readonly to: Endpoint; readonly payload: Uint8Array }
  | { readonly type: 'udp-receive-from'; readonly id: number; readonly octetsMax: number }
  | { readonly type: 'ping'; readonly destination: Ipv4Address; readonly timeoutMs: number }
  | { readonly type: 'local-address' }
  | { readonly type: 'close' | 'wait-writable' | 'close-listener' | 'udp-close' | 'shutdown'; readonly id: number };

export interface IpcCall {
  readonly request: IpcRequest;
  /** 8 octets that the reply ends in. */
  readonly nonce?: Uint8Array;
}

/**
 * `bad-header`: not this protocol or version. `unknown-operation`. `bad-length`: not a length that this operation has.
 * `oversize`: more than 512 octets.
 */
export type IpcDecodeError = 'bad-header' | 'unknown-operation' | 'bad-length' | 'oversize';

/** Reads a request. Total. Data are views. */
export function decodeIpcRequest(bytes: Uint8Array): Result<IpcCall, IpcDecodeError> {
  if (bytes.length > IPC_MESSAGE_OCTETS_MAX) return err('oversize');
  if (bytes.length < IPC_HEADER_OCTETS || !hasIpcMagic(bytes)) return err('bad-header');
  const operation = ipcOperationOf(bytes[3] as number);
  if (operation === undefined) return err('unknown-operation');
  for (const length of lengthsOf(operation, bytes)) {
    if (bytes.length === length) return ok({ request: requestOf(operation, bytes, length) });
    if (bytes.length === length + IPC_NONCE_OCTETS)
      return ok({ request: requestOf(operation, bytes, length), nonce: bytes.subarray(length) });
  }
  return err('bad-length');
}

/** Writes a request. Throws `UsageError` where it has more than 512 octets, or the nonce not 8. */
export function encodeIpcRequest({ request, nonce }: IpcCall): Uint8Array {
  requireArgument(nonce === undefined || nonce.length === IPC_NONCE_OCTETS, 'a nonce has 8 octets');
  const length = lengthOf(request);
  const bytes = ipcHeader(IPC_OPERATION[request.type], length + (nonce?.length ?? 0));
  requireArgument(bytes.length <= IPC_MESSAGE_OCTETS_MAX, 'a message has at most 512 octets');
  writeFields(bytes, request);
  if (nonce !== undefined) bytes.set(nonce, length);
  return bytes;
}

/** Lengths without nonce that a message of this operation may have, as its own length fields say. */
function lengthsOf(operation: IpcOperation, bytes: Uint8Array): readonly number[] {
  switch (operation) {
    case 'listen':
    case 'udp-bind':
      return BIND_LENGTHS;
    case 'write':
      return bytes.length < 10 ? [] : [10 + readLe16(bytes, 8)];
    case 'udp-send-to':
      return bytes.length < 16 ? [] : [16 + readLe16(bytes, 14)];
    default:
      return [FIXED_LENGTH[operation]];
  }
}

function lengthOf(request: IpcRequest): number {
  switch (request.type) {
    case 'listen':
    case 'udp-bind':
      return request.address === undefined ? 6 : 10;
    case 'write':
      return 10 + request.bytes.length;
    case 'udp-send-to':
      return 16 + request.payload.length;
    default:
      return FIXED_LENGTH[request.type];
  }
}

function requestOf(type: IpcOperation, bytes: Uint8Array, length: number): IpcRequest {
  switch (type) {
    case 'listen':
    case 'udp-bind':
      return length === 6 ? { type, port: readLe16(bytes, 4) } : { type, ...readIpcEndpoint(bytes, 4) };
    case 'connect':
      return { type, remote: readIpcEndpoint(bytes, 4) };
    case 'read':
      return { type, id: readLe32(bytes, 4), octetsMax: readLe16(bytes, 8) };
    case 'write':
      return { type, id: readLe32(bytes, 4), bytes: bytes.subarray(10, length) };
    case 'udp-send-to':
      return { type, id: readLe32(bytes, 4), to: readIpcEndpoint(bytes, 8), payload: bytes.subarray(16, length) };
    case 'udp-receive-from':
      return { type, id: readLe32(bytes, 4), octetsMax: readLe16(bytes, 8) };
    case 'ping':
      return { type, destination: ipv4FromU32(readU32(bytes, 4)), timeoutMs: readLe16(bytes, 8) };
    case 'local-address':
      return { type };
    default:
      return { type, id: readLe32(bytes, 4) };
  }
}

function writeFields(bytes: Uint8Array, request: IpcRequest): void {
  switch (request.type) {
    case 'listen':
    case 'udp-bind':
      if (request.address === undefined) writeLe16(bytes, 4, request.port);
      else writeIpcEndpoint(bytes, 4, { address: request.address, port: request.port });
      return;
    case 'connect':
      writeIpcEndpoint(bytes, 4, request.remote);
      return;
    case 'ping':
      writeU32(bytes, 4, request.destination);
      writeLe16(bytes, 8, request.timeoutMs);
      return;
    case 'local-address':
      return;
    case 'read':
    case 'udp-receive-from':
      writeLe32(bytes, 4, request.id);
      writeLe16(bytes, 8, request.octetsMax);
      return;
    case 'write':
      writeLe32(bytes, 4, request.id);
      writeLe16(bytes, 8, request.bytes.length);
      bytes.set(request.bytes, 10);
      return;
    case 'udp-send-to':
      writeLe32(bytes, 4, request.id);
      writeIpcEndpoint(bytes, 8, request.to);
      writeLe16(bytes, 14, request.payload.length);
      bytes.set(request.payload, 16);
      return;
    default:
      writeLe32(bytes, 4, request.id);
  }
}

const BIND_LENGTHS: readonly number[] = [6, 10];
const FIXED_LENGTH: Readonly<Record<Exclude<IpcOperation, 'listen' | 'udp-bind' | 'write' | 'udp-send-to'>, number>> = {
  accept: 8,
  connect: 10,
  read: 10,
  'udp-receive-from': 10,
  ping: 10,
  'local-address': 4,
  close: 8,
  'wait-writable': 8,
  'close-listener': 8,
  'udp-close': 8,
  shutdown: 8,
};
