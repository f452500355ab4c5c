export * from './host.js';
export * from './host-event.js';
export {
  CONFLICT_TIMING,
  type ConflictTiming,
  type DefencePolicy,
  HOST_LIMITS,
  type HostLimits,
  type HostOptions,
} from './host-options.js';
export type { PingRequest } from './icmp-layer.js';
export type { SendOutcome } from './ipv4-output.js';
export * from './labels.js';
export type { NeighbourSnapshot } from './neighbour-cache.js';
export type { UdpSend } from './udp-layer.js';
export type { UdpBind } from './udp-table.js';
