export type { NeighbourSnapshot } from './arp/neighbour-cache.js';
export * from './facade.js';
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
export type { PingRequest } from './icmp/icmp-layer.js';
export type { Fragmentation, SendOutcome } from './ipv4/ipv4-output.js';
export type { StaticRoute } from './ipv4/route-table.js';
export * from './labels.js';
export {
  type AddressOrigin,
  addressFromMac,
  BRING_UP_BUDGET,
  type BringUpBudget,
  type BringUpPolicy,
} from './netstackd/bring-up-policy.js';
export type { AcceptRoute, RefusedPart } from './netstackd/lease-network.js';
export * from './netstackd/netstackd.js';
export * from './netstackd/netstackd-event.js';
export type { NetstackdOptions } from './netstackd/netstackd-options.js';
export type { NetstackdSnapshot } from './netstackd/netstackd-state.js';
export type {
  DnsProofOptions,
  PingProofOptions,
  ProofName,
  ProofOptions,
  ProofOutcome,
  TcpListenProofOptions,
} from './netstackd/proofs/proof.js';
export type { AckFacts, CongestionControl, CongestionFactory, CongestionName } from './tcp/congestion.js';
export * from './tcp/tcp-api.js';
export * from './tcp/tcp-labels.js';
export type { TcpSnapshot } from './tcp/tcp-layer.js';
export { TCP_LIMITS, type TcpLimits, type TcpOptions } from './tcp/tcp-options.js';
export type { UdpSend } from './udp/udp-layer.js';
export type { UdpBind } from './udp/udp-table.js';
export { ArpWitness } from './witness/arp-witness.js';
export { DnsWitness } from './witness/dns-witness.js';
export { IcmpWitness } from './witness/icmp-witness.js';
export { IgmpWitness } from './witness/igmp-witness.js';
export { ECHO_OCTETS_MAX, ECHO_OCTETS_MIN, TcpEchoWitness } from './witness/tcp-echo-witness.js';
export { type TcpExchangeOptions, TcpExchangeWitness } from './witness/tcp-exchange-witness.js';
export * from './witness/tcp-streams.js';
export type { WitnessOptions, WitnessSnapshot } from './witness/witness-events.js';
