import { concatBytes, err, ok, type Result, readU16, readU32, requireArgument, writeU16, writeU32 } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../utf8.js';
import { isCanonicalKey, isCanonicalPath } from './resource-names.js';

/** What can be asked; docs/dsoftbus-bus-v1.md section 7. Nothing else exists. */
export type GatewayRequest =
  | { readonly service: 'samgr'; readonly operation: 'resolve'; readonly name: string }
  | { readonly service: 'bundlemgr'; readonly operation: 'query' }
  | { readonly service: 'packagefs'; readonly operation: 'stat' | 'open'; readonly path: string }
  | {
      readonly service: 'packagefs';
      readonly operation: 'read';
      readonly handle: number;
      readonly offset: number;
      /** 1..=32768. */
      readonly length: number;
    }
  | { readonly service: 'packagefs'; readonly operation: 'close'; readonly handle: number }
  | { readonly service: 'statefs'; readonly operation: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly service: 'statefs'; readonly operation: 'get' | 'delete'; readonly key: string }
  /** `limit` 1..=256. */
  | { readonly service: 'statefs'; readonly operation: 'list'; readonly prefix: string; readonly limit: number }
  | { readonly service: 'statefs'; readonly operation: 'sync' };

export type GatewayService = GatewayRequest['service'];
export type GatewayOperation = GatewayRequest['operation'];

/** Status octets by name. */
export const GATEWAY_STATUS = {
  ok: 0,
  denied: 1,
  'not-found': 2,
  'bad-request': 3,
  oversized: 4,
  'bad-path': 5,
  'bad-handle': 6,
  limit: 7,
  unavailable: 8,
  timeout: 9,
  io: 10,
  'reply-too-big': 11,
} as const;

export type GatewayStatus = keyof typeof GATEWAY_STATUS;

/** Numbers on the wire: service, and its operations from 1. */
export const GATEWAY_OPERATIONS: Readonly<
  Record<GatewayService, { readonly code: number; readonly operations: readonly GatewayOperation[] }>
> = {
  samgr: { code: 1, operations: ['resolve'] },
  bundlemgr: { code: 2, operations: ['query'] },
  packagefs: { code: 3, operations: ['stat', 'open', 'read', 'close'] },
  statefs: { code: 4, operations: ['put', 'get', 'delete', 'list', 'sync'] },
};

/** The names of two numbers, or `undefined` where there is no such operation. */
export function operationOf(
  serviceCode: number,
  operationCode: number,
): { readonly service: GatewayService; readonly operation: GatewayOperation } | undefined {
  for (const service of Object.keys(GATEWAY_OPERATIONS) as GatewayService[]) {
    const { code, operations } = GATEWAY_OPERATIONS[service];
    const operation = code === serviceCode ? operations[operationCode - 1] : undefined;
    if (operation !== undefined) return { service, operation };
  }
  return undefined;
}

export function codesOf({ service, operation }: GatewayRequest): { readonly service: number; readonly operation: number } {
  const { code, operations } = GATEWAY_OPERATIONS[service];
  return { service: code, operation: operations.indexOf(operation) + 1 };
}

export const GATEWAY_LIMITS = {
  nameOctetsMax: 48,
  pathOctetsMax: 192,
  keyOctetsMax: 96,
  valueOctetsMax: 32_768,
  readOctetsMax: 32_768,
  listCountMax: 256,
  /** Body of a request or a reply. */
  bodyOctetsMax: 33_015,
} as const;

/** Reads the body of an operation: bounds first, then its shape, then whether the path or key is canonical. */
export function parseRequest(
  asked: { readonly service: GatewayService; readonly operation: GatewayOperation },
  body: Uint8Array,
): Result<GatewayRequest, 'bad-request' | 'oversized' | 'bad-path'> {
  const key = `${asked.service} ${asked.operation}`;
  const parser = PARSERS[key];
  return parser === undefined ? err('bad-request') : parser(body);
}

type Parsed = Result<GatewayRequest, 'bad-request' | 'oversized' | 'bad-path'>;

const PARSERS: Readonly<Record<string, (body: Uint8Array) => Parsed>> = {
  'samgr resolve': (body) => {
    const name = text(body, GATEWAY_LIMITS.nameOctetsMax);
    return name.ok ? ok({ service: 'samgr', operation: 'resolve', name: name.value }) : name;
  },
  'bundlemgr query': (body) => (body.length === 0 ? ok({ service: 'bundlemgr', operation: 'query' }) : err('bad-request')),
  'packagefs stat': (body) => path('stat', body),
  'packagefs open': (body) => path('open', body),
  'packagefs read': (body) => {
    if (body.length !== 12) return err('bad-request');
    const length = readU32(body, 8);
    if (length < 1) return err('bad-request');
    if (length > GATEWAY_LIMITS.readOctetsMax) return err('oversized');
    return ok({ service: 'packagefs', operation: 'read', handle: readU32(body, 0), offset: readU32(body, 4), length });
  },
  'packagefs close': (body) =>
    body.length === 4 ? ok({ service: 'packagefs', operation: 'close', handle: readU32(body, 0) }) : err('bad-request'),
  'statefs put': (body) => {
    if (body.length < 2) return err('bad-request');
    const length = readU16(body, 0);
    if (length > GATEWAY_LIMITS.keyOctetsMax) return err('oversized');
    if (body.length < 2 + length) return err('bad-request');
    if (body.length - 2 - length > GATEWAY_LIMITS.valueOctetsMax) return err('oversized');
    const key = stateKey(body.subarray(2, 2 + length), false);
    return key.ok ? ok({ service: 'statefs', operation: 'put', key: key.value, value: body.slice(2 + length) }) : key;
  },
  'statefs get': (body) => keyed('get', body),
  'statefs delete': (body) => keyed('delete', body),
  'statefs list': (body) => {
    if (body.length < 2) return err('bad-request');
    const limit = readU16(body, 0);
    if (limit < 1) return err('bad-request');
    if (limit > GATEWAY_LIMITS.listCountMax) return err('oversized');
    const prefix = stateKey(body.subarray(2), true);
    return prefix.ok ? ok({ service: 'statefs', operation: 'list', prefix: prefix.value, limit }) : prefix;
  },
  'statefs sync': (body) => (body.length === 0 ? ok({ service: 'statefs', operation: 'sync' }) : err('bad-request')),
};

function text(body: Uint8Array, octetsMax: number): Result<string, 'bad-request' | 'oversized'> {
  if (body.length === 0) return err('bad-request');
  if (body.length > octetsMax) return err('oversized');
  const value = decodeUtf8(body);
  return value === undefined ? err('bad-request') : ok(value);
}

function path(operation: 'stat' | 'open', body: Uint8Array): Parsed {
  const value = text(body, GATEWAY_LIMITS.pathOctetsMax);
  if (!value.ok) return value;
  return isCanonicalPath(value.value) ? ok({ service: 'packagefs', operation, path: value.value }) : err('bad-path');
}

function stateKey(octets: Uint8Array, isPrefix: boolean): Result<string, 'bad-request' | 'oversized' | 'bad-path'> {
  const value = text(octets, GATEWAY_LIMITS.keyOctetsMax);
  if (!value.ok) return value;
  return isCanonicalKey(value.value, isPrefix) ? value : err('bad-path');
}

function keyed(operation: 'get' | 'delete', body: Uint8Array): Parsed {
  const key = stateKey(body, false);
  return key.ok ? ok({ service: 'statefs', operation, key: key.value }) : key;
}

/** The body of a request. Throws `UsageError` where a field is out of its bounds; whether a path is canonical the other side says. */
export function encodeRequestBody(request: GatewayRequest): Uint8Array {
  const bounded = (name: string, value: string, octetsMax: number): Uint8Array => {
    const octets = encodeUtf8(value);
    requireArgument(octets.length >= 1 && octets.length <= octetsMax, `${name} has 1..=${octetsMax} octets`);
    return octets;
  };
  switch (request.operation) {
    case 'resolve':
      return bounded('name', request.name, GATEWAY_LIMITS.nameOctetsMax);
    case 'stat':
    case 'open':
      return bounded('path', request.path, GATEWAY_LIMITS.pathOctetsMax);
    case 'read':
      return concatBytes([u32(request.handle), u32(request.offset), u32(request.length)]);
    case 'close':
      return u32(request.handle);
    case 'put': {
      const key = bounded('key', request.key, GATEWAY_LIMITS.keyOctetsMax);
      requireArgument(request.value.length <= GATEWAY_LIMITS.valueOctetsMax, 'value has at most 32768 octets');
      return concatBytes([u16(key.length), key, request.value]);
    }
    case 'get':
    case 'delete':
      return bounded('key', request.key, GATEWAY_LIMITS.keyOctetsMax);
    case 'list':
      return concatBytes([u16(request.limit), bounded('prefix', request.prefix, GATEWAY_LIMITS.keyOctetsMax)]);
    default:
      return new Uint8Array(0);
  }
}

export function u16(value: number): Uint8Array {
  requireArgument(Number.isInteger(value) && value >= 0 && value <= 0xffff, 'an unsigned 16-bit number');
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, value);
  return bytes;
}

export function u32(value: number): Uint8Array {
  requireArgument(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, 'an unsigned 32-bit number');
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}
