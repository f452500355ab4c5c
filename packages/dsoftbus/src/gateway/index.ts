export * from './gateway-client.js';
export * from './gateway-server.js';
export { GATEWAY_STREAM } from './messages.js';
export {
  GATEWAY_LIMITS,
  GATEWAY_OPERATIONS,
  GATEWAY_STATUS,
  type GatewayOperation,
  type GatewayRequest,
  type GatewayService,
  type GatewayStatus,
} from './operations.js';
export { osGatewayServices } from './os-services.js';
export type { GatewayRule } from './rules.js';
export type { GatewayResult, GatewayServices, GatewayValue, ServiceRequest } from './services.js';
