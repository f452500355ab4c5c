import { decodeBnListAnswer, encodeBnList } from '../os/gateway/bn.js';
import type { OsCaller, OsServices } from '../os/gateway/services.js';
import { SF_STATUS, type SfOutcome } from '../os/gateway/sf.js';
import { decodeSmStatus, encodeSmResolve, SM_OP, SM_STATUS } from '../os/gateway/sm.js';
import type { GatewayResult, GatewayServices, GatewayValue, ServiceRequest } from './services.js';

/** The OS's services behind a gateway of dialect `bus`: the same samgr, bundlemgr, packagefs and statefs answer both dialects. */
export function osGatewayServices(services: OsServices): GatewayServices {
  return {
    perform: (request, { deviceId }) => perform(services, request, { type: 'remote', deviceId }) ?? { status: 'unavailable' },
  };
}

function perform(services: OsServices, request: ServiceRequest, caller: OsCaller): GatewayResult | undefined {
  switch (request.operation) {
    case 'resolve': {
      const frame = services.samgr?.handle(encodeSmResolve(request.name), caller);
      if (frame === undefined) return undefined;
      const status = decodeSmStatus(SM_OP.resolveStatus, frame);
      if (!status.ok) return { status: 'io' };
      if (status.value === SM_STATUS.ok) return ok({ type: 'none' });
      return { status: status.value === SM_STATUS.notFound ? 'not-found' : 'io' };
    }
    case 'query': {
      const frame = services.bundlemgr?.handle(encodeBnList(), caller);
      if (frame === undefined) return undefined;
      const answer = decodeBnListAnswer(frame);
      return answer.ok && answer.value.status === 0 ? ok({ type: 'count', count: answer.value.count }) : { status: 'io' };
    }
    case 'stat':
    case 'open': {
      // The services know paths without their scheme.
      const entry = services.packagefs?.resolve(request.path.replace(/^(?:pkg:\/|\/packages\/)/, ''), caller);
      if (entry === undefined) return undefined;
      if (entry === 'not-found') return { status: 'not-found' };
      if (entry === 'failed') return { status: 'io' };
      return ok({
        type: 'entry',
        kind: entry.kind === 0 ? 'file' : 'directory',
        size: Number(entry.size),
        bytes: entry.bytes,
      });
    }
    case 'put':
      return outcome(services.statefs?.put(request.key, request.value, caller));
    case 'get':
      return outcome(services.statefs?.get(request.key, caller), ({ value }) =>
        value === undefined ? undefined : { type: 'octets', bytes: value },
      );
    case 'delete':
      return outcome(services.statefs?.delete(request.key, caller));
    case 'list':
      return outcome(services.statefs?.list(request.prefix, request.limit, caller), ({ keys }) =>
        keys === undefined ? undefined : { type: 'keys', keys },
      );
    case 'sync':
      return outcome(services.statefs?.sync(caller));
  }
}

function outcome(
  result: SfOutcome | undefined,
  read: (outcome: SfOutcome) => GatewayValue | undefined = () => ({ type: 'none' }),
): GatewayResult | undefined {
  if (result === undefined) return undefined;
  switch (result.status) {
    case SF_STATUS.ok: {
      const value = read(result);
      return value === undefined ? { status: 'io' } : ok(value);
    }
    case SF_STATUS.notFound:
      return { status: 'not-found' };
    case SF_STATUS.valueTooLarge:
    case SF_STATUS.keyTooLong:
      return { status: 'oversized' };
    case SF_STATUS.invalidKey:
      return { status: 'bad-path' };
    default:
      return { status: 'io' };
  }
}

function ok(value: GatewayValue): GatewayResult {
  return { status: 'ok', value };
}
