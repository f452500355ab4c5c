import { type Endpoint, ipv4FromU32, readU32, writeU32 } from '@nexus-net/sansio';

// Message: 0..2 "NS"   2 version 1   3 operation   4.. fields, little-endian, addresses in the order in which they are written
// Reply:   the same, operation | 0x80   4 status   5.. fields
// Either may end in a nonce of 8 octets, which a reply takes over from its request.

/** Octets of a message at most; a longer one is malformed. */
export const IPC_MESSAGE_OCTETS_MAX = 512;
/** Octets that one READ gives at most. */
export const IPC_READ_OCTETS_MAX = 480;
/** Octets that one UDP_RECV_FROM gives at most. */
export const IPC_RECEIVE_OCTETS_MAX = 460;

export const IPC_HEADER_OCTETS = 4;
export const IPC_NONCE_OCTETS = 8;
export const IPC_REPLY_FLAG = 0x80;

/** Operation codes. The last three are ours: without them a listener or a UDP socket is never given back, nor a half closed. */
export const IPC_OPERATION: {
  readonly listen: 1;
  readonly accept: 2;
  readonly connect: 3;
  readonly read: 4;
  readonly write: 5;
  readonly 'udp-bind': 6;
  readonly 'udp-send-to': 7;
  readonly 'udp-receive-from': 8;
  readonly ping: 9;
  readonly 'local-address': 10;
  readonly close: 11;
  readonly 'wait-writable': 12;
  readonly 'close-listener': 13;
  readonly 'udp-close': 14;
  readonly shutdown: 15;
} = {
  listen: 1,
  accept: 2,
  connect: 3,
  read: 4,
  write: 5,
  'udp-bind': 6,
  'udp-send-to': 7,
  'udp-receive-from': 8,
  ping: 9,
  'local-address': 10,
  close: 11,
  'wait-writable': 12,
  'close-listener': 13,
  'udp-close': 14,
  shutdown: 15,
};

export type IpcOperation = keyof typeof IPC_OPERATION;

export const IPC_STATUS: {
  readonly ok: 0;
  readonly 'not-found': 1;
  readonly malformed: 2;
  readonly 'would-block': 3;
  readonly io: 4;
  readonly 'timed-out': 5;
} = { ok: 0, 'not-found': 1, malformed: 2, 'would-block': 3, io: 4, 'timed-out': 5 };

export type IpcStatus = keyof typeof IPC_STATUS;

const OPERATIONS: ReadonlyMap<number, IpcOperation> = new Map(
  (Object.entries(IPC_OPERATION) as [IpcOperation, number][]).map(([name, code]) => [code, name]),
);
const STATUSES: ReadonlyMap<number, IpcStatus> = new Map(
  (Object.entries(IPC_STATUS) as [IpcStatus, number][]).map(([name, code]) => [code, name]),
);

export function ipcOperationOf(code: number): IpcOperation | undefined {
  return OPERATIONS.get(code);
}

export function ipcStatusOf(code: number): IpcStatus | undefined {
  return STATUSES.get(code);
}

/** `N`, `S` and version 1. */
export function hasIpcMagic(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC_N && bytes[1] === MAGIC_S && bytes[2] === VERSION;
}

/** An empty message with its header. */
export function ipcHeader(operation: number, octets: number): Uint8Array {
  const bytes = new Uint8Array(octets);
  bytes[0] = MAGIC_N;
  bytes[1] = MAGIC_S;
  bytes[2] = VERSION;
  bytes[3] = operation;
  return bytes;
}

export function readLe16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

export function readLe32(bytes: Uint8Array, offset: number): number {
  return (readLe16(bytes, offset) | (readLe16(bytes, offset + 2) << 16)) >>> 0;
}

export function writeLe16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

export function writeLe32(bytes: Uint8Array, offset: number, value: number): void {
  writeLe16(bytes, offset, value);
  writeLe16(bytes, offset + 2, value >>> 16);
}

/** Four octets of the address, then the port. */
export function readIpcEndpoint(bytes: Uint8Array, offset: number): Endpoint {
  return { address: ipv4FromU32(readU32(bytes, offset)), port: readLe16(bytes, offset + 4) };
}

export function writeIpcEndpoint(bytes: Uint8Array, offset: number, { address, port }: Endpoint): void {
  writeU32(bytes, offset, address);
  writeLe16(bytes, offset + 4, port);
}

const MAGIC_N = 0x4e;
const MAGIC_S = 0x53;
const VERSION = 1;
