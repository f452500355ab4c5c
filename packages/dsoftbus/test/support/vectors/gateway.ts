import { fromHex, toHex } from '@nexus-net/sansio';
import { decodeBnListAnswer, encodeBnList } from '../../../src/os/gateway/bn.js';
import { OsGateway } from '../../../src/os/gateway/gateway.js';
import {
  decodePackagefsdReply,
  encodePkOpen,
  encodePkRead,
  encodePkRequest,
  encodePkStat,
  encodePkStatus,
  PK_REJECT_STATUS,
  PK_STATUS,
  type PkReject,
  parsePkRequest,
  pkOpOf,
} from '../../../src/os/gateway/pk.js';
import { PkServer } from '../../../src/os/gateway/pk-server.js';
import {
  classifySfStatus,
  encodeSfOutcome,
  encodeSfReject,
  encodeSfRequest,
  isSfAnswer,
  isSfV2Answer,
  parseRemoteSf,
  SF_OP,
  SF_REJECT_STATUS,
  type SfFrame,
  type SfOutcome,
  type SfReject,
  type SfRequest,
  sfAuditLine,
  sfOpOf,
} from '../../../src/os/gateway/sf.js';
import { InMemorySamgr } from '../../../src/os/gateway/sm.js';
import { differs } from './differs.js';

interface Named {
  readonly name: string;
}

const PK_ERRORS: Readonly<Record<string, PkReject>> = {
  Unauthenticated: 'unauthenticated',
  BadRequest: 'bad-request',
  OversizedReadOrPath: 'oversized',
  NonPackagefsScheme: 'scheme',
  PathTraversal: 'traversal',
};

export type PackagefsVector = Named & {
  readonly op: string;
  readonly input?: string;
  readonly authenticated?: boolean;
  readonly expect?: unknown;
  readonly expect_error?: string;
  readonly proxy_response?: string;
  readonly status?: number;
  readonly first_eight?: readonly number[];
  readonly after_closing_3?: readonly number[];
  readonly from_u32_max?: readonly number[];
};

/** What each answer of the file is made of; its own fields are in its name only. */
const PK_RESPONSES: Readonly<Record<string, () => Uint8Array>> = {
  'response: stat ok 19 bytes': () => encodePkStat(PK_STATUS.ok, 19n),
  'response: stat not found': () => encodePkStat(PK_STATUS.notFound),
  'response: stat io': () => encodePkStat(PK_STATUS.io),
  'response: open ok handle 1': () => encodePkOpen(PK_STATUS.ok, 1),
  'response: open limit': () => encodePkOpen(PK_STATUS.handleLimit),
  'response: open oversized': () => encodePkOpen(PK_STATUS.oversized),
  'response: read ok': () => encodePkRead(PK_STATUS.ok, new TextEncoder().encode('ro.nexus.build=dev\n')),
  'response: read badf': () => encodePkRead(PK_STATUS.badHandle),
  'response: read capped at 128': () => encodePkRead(PK_STATUS.ok, new Uint8Array(200).fill(0xab)),
  'response: close ok': () => encodePkStatus(4, PK_STATUS.ok),
  'response: status only for unknown op 0x55': () => encodePkStatus(0x55, PK_STATUS.badRequest),
};

export function checkPackagefsVector(vector: PackagefsVector): string | undefined {
  switch (vector.op) {
    case 'parse_request':
      return checkPkRequest(vector);
    case 'encode_response': {
      const response = PK_RESPONSES[vector.name];
      return response === undefined ? 'nobody knows what this answer is made of' : differs(toHex(response()), vector.expect);
    }
    case 'packagefsd_resolve_rsp': {
      const decoded = decodePackagefsdReply(packagefsdReply(vector.input as string));
      if (!decoded.ok) return differs(decoded.error, vector.expect_error);
      const { value } = decoded;
      const found = value === 'not-found' ? null : { bytes_len: value.bytes.length, kind: value.kind, size: Number(value.size) };
      return differs(found, vector.expect);
    }
    case 'allocate_handle_id':
      return checkPkHandles(vector);
    default:
      return `an operation that nobody knows: ${vector.op}`;
  }
}

function checkPkRequest(vector: PackagefsVector): string | undefined {
  const frame = fromHex(vector.input as string);
  const parsed = parsePkRequest(frame, { authenticated: vector.authenticated as boolean });
  if (!parsed.ok) {
    const status = PK_REJECT_STATUS[parsed.error];
    return differs(
      { error: parsed.error, status, response: toHex(encodePkStatus(pkOpOf(frame), status)) },
      { error: PK_ERRORS[vector.expect_error as string], status: vector.status, response: vector.proxy_response },
    );
  }
  const { value } = parsed;
  const found =
    value.op === 'read'
      ? { read: { handle: value.handle, len: value.length, offset: value.offset } }
      : { [value.op]: value.op === 'close' ? value.handle : value.path };
  return differs(found, vector.expect);
}

function packagefsdReply(input: string): Uint8Array {
  if (!input.startsWith('01 + u64le size')) return fromHex(input);
  const reply = new Uint8Array(11 + 16_384);
  reply.set([1, 0, 0x40]);
  return reply;
}

function checkPkHandles(vector: PackagefsVector): string | undefined {
  const service = { resolve: () => ({ size: 0n, kind: 0, bytes: new Uint8Array(0) }) };
  const open = (server: PkServer): number => {
    const { payload } = server.handle(encodePkRequest({ op: 'open', path: 'pkg:/a' }));
    return payload[4] === 0 ? new DataView(payload.buffer).getUint32(5, true) : -1;
  };
  const server = new PkServer(service, { type: 'remote', deviceId: 'node-a' });
  const firstEight = Array.from({ length: 8 }, () => open(server));
  if (open(server) !== -1) return 'a ninth handle was given';
  server.handle(encodePkRequest({ op: 'close', handle: 3 }));
  const afterClosing3 = [open(server)];
  const last = new PkServer(service, { type: 'remote', deviceId: 'node-a' }, 0xffffffff);
  const fromMax = [open(last), open(last)];
  return differs([firstEight, afterClosing3, fromMax], [vector.first_eight, vector.after_closing_3, vector.from_u32_max]);
}

const SF_ERRORS: Readonly<Record<string, SfReject>> = {
  Unauthenticated: 'unauthenticated',
  BadRequest: 'bad-request',
  WriteOutsideAcl: 'outside-acl',
  PrefixEscape: 'prefix-escape',
  Oversized: 'oversized',
};

export type StatefsVector = Named & {
  readonly op: string;
  readonly input?: string;
  readonly authenticated?: boolean;
  readonly backend_request_with_nonce_1?: string;
  readonly expect?: unknown;
  readonly expect_error?: string;
  readonly nonce?: string | number | null;
  readonly mutating?: boolean;
  readonly audit_label?: string | null;
  readonly op_from_frame?: number | null;
  readonly proxy_response?: string;
  readonly status?: number;
  readonly opcode?: number;
  readonly request_op?: number;
  readonly request_nonce?: number | null;
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Request, outcome: what each answer of the file is made of; its own fields are in its name only. */
const SF_RESPONSES: Readonly<Record<string, readonly [SfFrame, SfOutcome]>> = {
  'response: put ok v1': [{ request: { op: 'put', key: 'k', value: bytesOf('v') }, nonce: undefined }, { status: 0 }],
  'response: delete not found v2': [{ request: { op: 'delete', key: 'k' }, nonce: 9n }, { status: 1 }],
  'response: get ok v2': [{ request: { op: 'get', key: 'k' }, nonce: 9n }, { status: 0, value: bytesOf('hello') }],
  'response: get not found v1': [{ request: { op: 'get', key: 'k' }, nonce: undefined }, { status: 1 }],
  'response: list ok v1': [
    { request: { op: 'list', prefix: '', limit: 9 }, nonce: undefined },
    { status: 0, keys: ['/state/shared/a', '/state/shared/b'] },
  ],
  'response: list ok v2': [{ request: { op: 'list', prefix: '', limit: 9 }, nonce: 9n }, { status: 0, keys: ['/state/shared/a'] }],
  'response: list empty v1': [{ request: { op: 'list', prefix: '', limit: 9 }, nonce: undefined }, { status: 0, keys: [] }],
  'response: sync ok v2': [{ request: { op: 'sync' }, nonce: 42n }, { status: 0 }],
};

const nonceOf = (nonce: string | number | null | undefined): bigint | undefined =>
  nonce === null || nonce === undefined ? undefined : BigInt(nonce);

/** A request with this op. */
function requestOf(op: number): SfRequest {
  const name = Object.entries(SF_OP).find(([, code]) => code === op)?.[0] as keyof typeof SF_OP;
  if (name === 'put') return { op: name, key: 'k', value: bytesOf('v') };
  if (name === 'list') return { op: name, prefix: '', limit: 1 };
  return name === 'get' || name === 'delete' ? { op: name, key: 'k' } : { op: name };
}

export function checkStatefsVector(vector: StatefsVector): string | undefined {
  switch (vector.op) {
    case 'parse_request':
      return checkSfRequest(vector);
    case 'encode_response': {
      const made = SF_RESPONSES[vector.name];
      return made === undefined ? 'nobody knows what this answer is made of' : differs(toHex(encodeSfOutcome(...made)), vector.expect);
    }
    case 'io_response': {
      // A gateway without a store: what it answers where nothing came back.
      const request = requestOf(vector.opcode as number);
      const made = encodeSfOutcome({ request, nonce: nonceOf(vector.nonce) }, { status: 7 });
      return differs(toHex(made), vector.expect) ?? checkUnavailable(request, nonceOf(vector.nonce), vector.expect as string);
    }
    case 'audit_label_for_status':
      return differs(sfAuditLine(vector.opcode as number, { status: vector.status as number }) ?? null, vector.expect);
    case 'classify_decode_error':
      return differs(classifySfStatus(vector.status as number), SF_ERRORS[vector.expect as string]);
    case 'validate_response_shape': {
      const frame = vector.input === '512 bytes' ? longAnswer(vector.request_op as number) : fromHex(vector.input as string);
      const fits = isSfAnswer({ op: vector.request_op as number, nonce: nonceOf(vector.request_nonce) }, frame);
      return differs(fits, vector.expect === 'ok');
    }
    case 'is_matching_statefs_v2_response': {
      const expected = { op: vector.opcode as number, nonce: nonceOf(vector.nonce) as bigint };
      return differs(isSfV2Answer(expected, fromHex(vector.input as string)), vector.expect);
    }
    default:
      return `an operation that nobody knows: ${vector.op}`;
  }
}

function longAnswer(op: number): Uint8Array {
  const frame = new Uint8Array(512);
  frame.set([0x53, 0x46, 1, op | 0x80]);
  return frame;
}

/** Through the gateway, for what a remote peer can ask at all. */
function checkUnavailable(request: SfRequest, nonce: bigint | undefined, expected: string): string | undefined {
  const gateway = new OsGateway({ services: {}, caller: { type: 'remote', deviceId: 'node-a' } });
  const inside: SfRequest = { ...request, ...('key' in request && { key: '/state/shared/k' }), ...(request.op === 'list' && { prefix: '/state/shared/' }) };
  return differs(toHex(gateway.handle(4, encodeSfRequest({ request: inside, nonce })).payload), expected);
}

function checkSfRequest(vector: StatefsVector): string | undefined {
  const frame = fromHex(vector.input as string);
  const parsed = parseRemoteSf(frame, { authenticated: vector.authenticated as boolean });
  if (!parsed.ok) {
    const op = sfOpOf(frame);
    return differs(
      {
        error: parsed.error,
        status: SF_REJECT_STATUS[parsed.error],
        response: toHex(encodeSfReject(op, parsed.error)),
        audit: sfAuditLine(op, parsed.error) ?? null,
        op,
      },
      {
        error: SF_ERRORS[vector.expect_error as string],
        status: vector.status,
        response: vector.proxy_response,
        audit: vector.audit_label,
        op: vector.op_from_frame ?? 5,
      },
    );
  }
  const { request, nonce } = parsed.value;
  const mutating = request.op === 'put' || request.op === 'delete';
  const value =
    request.op === 'put'
      ? { key: request.key, value: toHex(request.value) }
      : request.op === 'list'
        ? { limit: request.limit, prefix: request.prefix }
        : request.op === 'get' || request.op === 'delete'
          ? request.key
          : null;
  const found = value === null ? request.op : { [request.op]: value };
  return differs(
    { found, nonce: nonce?.toString() ?? null, mutating, backend: toHex(encodeSfRequest({ request, nonce: 1n })) },
    {
      found: vector.expect,
      nonce: vector.nonce ?? null,
      mutating: vector.mutating,
      backend: vector.backend_request_with_nonce_1,
    },
  );
}

export type SmBnVector = Named & {
  readonly request?: string;
  readonly response?: string;
  readonly sender_service_id?: number;
  readonly status?: number;
  readonly decode_list_rsp?: string;
  readonly expect?: { readonly count: number; readonly status: number };
};

/** The vectors of samgrd are one script on one registry. */
export function smBnVectors(): (vector: SmBnVector) => string | undefined {
  const samgr = new InMemorySamgr();
  return (vector) => {
    if (vector.decode_list_rsp !== undefined) {
      const decoded = decodeBnListAnswer(fromHex(vector.decode_list_rsp));
      return differs(decoded.ok ? decoded.value : undefined, vector.expect);
    }
    if (vector.response === undefined) return differs(toHex(encodeBnList()), vector.request);
    const caller = { type: 'local', serviceId: vector.sender_service_id as number } as const;
    // The file leaves out the request that this one speaks of.
    if (vector.name === 'lookup after replace') samgr.handle(fromHex('534d01010a070000000800000062756e646c656d677264'), caller);
    return differs(toHex(samgr.handle(fromHex(vector.request as string), caller)), vector.response);
  };
}
