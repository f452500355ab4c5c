import type { GatewayRule } from '@nexus-net/dsoftbus';

/** All that a gateway of dialect `bus` has, for node-a. */
export const NODE_A_RULES: readonly GatewayRule[] = [
  { deviceId: 'node-a', service: 'samgr', operations: ['resolve'] },
  { deviceId: 'node-a', service: 'bundlemgr', operations: ['query'] },
  { deviceId: 'node-a', service: 'packagefs', operations: ['stat', 'open', 'read', 'close'] },
  { deviceId: 'node-a', service: 'statefs', operations: ['put', 'get', 'delete', 'list', 'sync'] },
];
