import {
  decodeBnListAnswer,
  decodePkAnswer,
  decodeSfOutcome,
  decodeSmStatus,
  encodeBnList,
  encodePkRequest,
  encodeSfRequest,
  encodeSmResolve,
  type GatewayAnswer,
  type GatewayAnswerValue,
  type GatewayRequest,
  OS_RESPONSE_STATUS,
  OS_SERVICE_KIND,
  PK_STATUS,
  type PkOutcome,
  type PkRequest,
  SF_STATUS,
  type SfOutcome,
  type SfRequest,
  SM_OP,
  SM_STATUS,
} from '@nexus-net/dsoftbus';

/** A question of a gateway as a record of the OS, and how the response to it is read. */
export interface OsQuestion {
  readonly kind: number;
  readonly payload: Uint8Array;
  answer(response: { readonly status: number; readonly payload: Uint8Array }): GatewayAnswer;
}

/** Puts a question as the dialect `os` does; its bounds hold: see `SF_REMOTE` and `PK_PATH_LENGTH_MAX`. */
export function osQuestion(request: GatewayRequest): OsQuestion {
  switch (request.service) {
    case 'samgr':
      return question(OS_SERVICE_KIND.samgrd, encodeSmResolve(request.name), samgrdAnswer);
    case 'bundlemgr':
      return question(OS_SERVICE_KIND.bundlemgrd, encodeBnList(), bundlemgrdAnswer);
    case 'packagefs': {
      const asked = pkRequestOf(request);
      return question(OS_SERVICE_KIND.packagefsd, encodePkRequest(asked), (frame) => {
        const outcome = decodePkAnswer(asked.op, frame);
        return outcome.ok ? packagefsdAnswer(outcome.value) : BAD_REPLY;
      });
    }
    case 'statefs': {
      const asked = { request: sfRequestOf(request), nonce: undefined };
      return question(OS_SERVICE_KIND.statefsd, encodeSfRequest(asked), (frame) => {
        const outcome = decodeSfOutcome(asked, frame);
        return outcome.ok ? statefsdAnswer(outcome.value) : BAD_REPLY;
      });
    }
  }
}

function question(kind: number, payload: Uint8Array, read: (frame: Uint8Array) => GatewayAnswer): OsQuestion {
  return {
    kind,
    payload,
    answer: (response) => (response.status === OS_RESPONSE_STATUS.ok ? read(response.payload) : { status: 'unavailable' }),
  };
}

function pkRequestOf(request: Extract<GatewayRequest, { readonly service: 'packagefs' }>): PkRequest {
  switch (request.operation) {
    case 'stat':
    case 'open':
      return { op: request.operation, path: request.path };
    case 'read':
      return { op: 'read', handle: request.handle, offset: request.offset, length: request.length };
    case 'close':
      return { op: 'close', handle: request.handle };
  }
}

function sfRequestOf(request: Extract<GatewayRequest, { readonly service: 'statefs' }>): SfRequest {
  switch (request.operation) {
    case 'put':
      return { op: 'put', key: request.key, value: request.value };
    case 'get':
    case 'delete':
      return { op: request.operation, key: request.key };
    case 'list':
      return { op: 'list', prefix: request.prefix, limit: request.limit };
    case 'sync':
      return { op: 'sync' };
  }
}

function samgrdAnswer(frame: Uint8Array): GatewayAnswer {
  const status = decodeSmStatus(SM_OP.resolveStatus, frame);
  if (!status.ok) return BAD_REPLY;
  if (status.value === SM_STATUS.ok) return ok({ type: 'none' });
  return { status: status.value === SM_STATUS.notFound ? 'not-found' : 'bad-request' };
}

function bundlemgrdAnswer(frame: Uint8Array): GatewayAnswer {
  const list = decodeBnListAnswer(frame);
  if (!list.ok) return BAD_REPLY;
  const { status, count } = list.value;
  return status === 0 ? ok({ type: 'count', count }) : { status: 'denied' };
}

function packagefsdAnswer(outcome: PkOutcome): GatewayAnswer {
  switch (outcome.op) {
    case 'refused':
      return { status: PK_STATUS_NAMES[outcome.status] ?? 'io' };
    case 'stat':
      return ok({ type: 'entry', kind: outcome.kind === 0 ? 'file' : 'directory', size: Number(outcome.size) });
    case 'open':
      return ok({ type: 'handle', handle: outcome.handle });
    case 'read':
      return ok({ type: 'octets', bytes: outcome.bytes });
    case 'close':
      return ok({ type: 'none' });
  }
}

function statefsdAnswer({ status, value, keys }: SfOutcome): GatewayAnswer {
  if (status !== SF_STATUS.ok) return { status: SF_STATUS_NAMES[status] ?? 'io' };
  if (value !== undefined) return ok({ type: 'octets', bytes: value });
  return ok(keys === undefined ? { type: 'none' } : { type: 'keys', keys });
}

function ok(value: GatewayAnswerValue): GatewayAnswer {
  return { status: 'ok', value };
}

type Refusal = Exclude<GatewayAnswer['status'], 'ok'>;

const BAD_REPLY: GatewayAnswer = { status: 'bad-reply' };

const PK_STATUS_NAMES: Readonly<Record<number, Refusal>> = {
  [PK_STATUS.badRequest]: 'bad-request',
  [PK_STATUS.unauthenticated]: 'denied',
  [PK_STATUS.traversal]: 'bad-path',
  [PK_STATUS.scheme]: 'bad-path',
  [PK_STATUS.notFound]: 'not-found',
  [PK_STATUS.badHandle]: 'bad-handle',
  [PK_STATUS.oversized]: 'oversized',
  [PK_STATUS.handleLimit]: 'limit',
};

const SF_STATUS_NAMES: Readonly<Record<number, Refusal>> = {
  [SF_STATUS.notFound]: 'not-found',
  [SF_STATUS.accessDenied]: 'denied',
  [SF_STATUS.valueTooLarge]: 'oversized',
  [SF_STATUS.keyTooLong]: 'oversized',
  [SF_STATUS.invalidKey]: 'bad-path',
  [SF_STATUS.malformed]: 'bad-request',
};
