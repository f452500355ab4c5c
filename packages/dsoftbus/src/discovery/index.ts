export * from './announce.js';
export {
  type AnnounceSchedule,
  isOsAnnounceDue,
  isOsPollDue,
  OS_ANNOUNCE_INTERVAL_MS,
  OS_POLL_INTERVAL_MS,
} from './announce-schedule.js';
export { Discovery, type DiscoveryEvent, type DiscoveryInspection, type DiscoveryReject } from './discovery.js';
export type { DiscoveryOptions, DiscoveryTargets } from './discovery-options.js';
export { PEER_COUNT_DEFAULT, PeerLru } from './peer-lru.js';
export type { Peer, PeerBinding, PeerCandidate, PeerEvent, PeerReject } from './peer-table.js';
export { escapeName } from './text.js';
export type { Rate } from './token-bucket.js';
