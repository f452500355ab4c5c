/**
 * Why a received frame went no further. Stable: they are the keys of `inspect().drops` and part of the API. A frame is
 * either accepted or has exactly one of these.
 */
export const DROP_LABELS = [
  'frame-runt',
  'frame-oversize',
  'frame-group-source',
  'frame-own-source',
  'frame-not-for-us',
  'ethertype-unknown',
  'arp-truncated',
  'arp-unsupported',
  'arp-bad-sender-mac',
  'arp-bad-sender-ip',
  'arp-not-for-us',
  'arp-unsolicited',
  'arp-held',
  'arp-reply-limited',
  'ipv4-truncated',
  'ipv4-bad-version',
  'ipv4-bad-header-length',
  'ipv4-bad-total-length',
  'ipv4-bad-checksum',
  'ipv4-bad-options',
  'ipv4-source-route',
  'ipv4-bad-source',
  'ipv4-own-source',
  'ipv4-not-for-us',
  'ipv4-link-broadcast',
  'ipv4-unknown-protocol',
  'fragment',
  'icmp-truncated',
  'icmp-bad-checksum',
  'icmp-broadcast-echo',
  'icmp-unmatched-reply',
  'icmp-bad-quote',
  'icmp-foreign-quote',
  'icmp-ignored',
  'udp-truncated',
  'udp-bad-length',
  'udp-bad-checksum',
  'udp-port-zero',
  'udp-port-closed',
  'no-route-back',
  'reply-not-sent',
  'event-queue-full',
] as const;

export type DropLabel = (typeof DROP_LABELS)[number];

/** Which named limit of the host was reached, or what of its own it gave up. Keys of `inspect().limits`. */
export const LIMIT_LABELS = [
  'transmit-queue-full',
  'event-queue-full',
  'arp-table-full',
  'arp-pending-overflow',
  'arp-unresolved',
  'arp-neighbour-evicted',
  'icmp-error-limited',
  'ping-table-full',
] as const;

export type LimitLabel = (typeof LIMIT_LABELS)[number];
