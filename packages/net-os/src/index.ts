export {
  type AddressOrigin,
  addressFromMac,
  BRING_UP_BUDGET,
  type BringUpBudget,
  type BringUpPolicy,
} from './bring-up-policy.js';
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
export * from './netstackd.js';
export * from './netstackd-event.js';
export type { NetstackdOptions } from './netstackd-options.js';
export type { NetstackdSnapshot } from './netstackd-state.js';
export * from './tcp/tcp-api.js';
export type { UdpSend } from './udp-layer.js';
export type { UdpBind } from './udp-table.js';
export { ArpWitness } from './witness/arp-witness.js';
export { DnsWitness } from './witness/dns-witness.js';
export { IcmpWitness } from './witness/icmp-witness.js';
export type { WitnessOptions, WitnessSnapshot } from './witness/witness-events.js';
