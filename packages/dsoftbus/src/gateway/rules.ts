import type { GatewayOperation, GatewayRequest, GatewayService } from './operations.js';
import { isWithin } from './resource-names.js';

/** Who may do what. What no rule allows is denied. */
export interface GatewayRule {
  /** The authenticated device id, exactly; `*` for every authenticated device. */
  readonly deviceId: string;
  readonly service: GatewayService;
  readonly operations: readonly GatewayOperation[];
  /** Prefixes of paths, keys or names, each ending at a segment. Absent: all of them. */
  readonly resources?: readonly string[];
}

/** Is there any rule for this operation at all? Asked before the body is read. */
export function mayAsk(
  rules: readonly GatewayRule[],
  deviceId: string,
  { service, operation }: { readonly service: GatewayService; readonly operation: GatewayOperation },
): boolean {
  return rules.some((rule) => isFor(rule, deviceId, service, operation));
}

/** Is there a rule for this operation on this resource? */
export function mayDo(
  rules: readonly GatewayRule[],
  deviceId: string,
  {
    service,
    operation,
    resource,
  }: { readonly service: GatewayService; readonly operation: GatewayOperation; readonly resource: string | undefined },
): boolean {
  return rules.some(
    (rule) =>
      isFor(rule, deviceId, service, operation) &&
      (resource === undefined || rule.resources === undefined || rule.resources.some((prefix) => isWithin(resource, prefix))),
  );
}

/** What a request is about: a name, a path or a key. Of an open handle it is the path that was opened. */
export function resourceOf(request: GatewayRequest): string | undefined {
  switch (request.operation) {
    case 'resolve':
      return request.name;
    case 'stat':
    case 'open':
      return request.path;
    case 'put':
    case 'get':
    case 'delete':
      return request.key;
    case 'list':
      return request.prefix;
    default:
      return undefined;
  }
}

function isFor(rule: GatewayRule, deviceId: string, service: GatewayService, operation: GatewayOperation): boolean {
  return (rule.deviceId === '*' || rule.deviceId === deviceId) && rule.service === service && rule.operations.includes(operation);
}
