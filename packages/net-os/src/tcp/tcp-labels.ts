/** Why a TCP segment changed nothing, in the order of the checks. Stable: keys of `Host.inspect().drops`. */
export const TCP_DROP_LABELS = [
  'tcp-not-unicast',
  'tcp-truncated',
  'tcp-bad-header-length',
  'tcp-bad-checksum',
  'tcp-port-zero',
  'tcp-port-closed',
  'tcp-backlog-full',
  'tcp-time-wait',
  'tcp-no-syn',
  'tcp-duplicate-syn',
  'tcp-no-timestamp',
  'tcp-old-timestamp',
  'tcp-out-of-window',
  'tcp-bad-reset',
  'tcp-syn-in-window',
  'tcp-no-ack',
  'tcp-bad-ack',
  'tcp-nobody-reads',
  'tcp-after-fin',
  'tcp-no-room',
  'tcp-no-memory',
  'tcp-too-many-holes',
] as const;

export type TcpDropLabel = (typeof TCP_DROP_LABELS)[number];

/** Which limit of TCP was reached, or what of its own it gave up. Keys of `Host.inspect().limits`. */
export const TCP_LIMIT_LABELS = [
  'tcp-syn-cookie',
  'tcp-reset-limited',
  'tcp-challenge-limited',
  'tcp-time-wait-evicted',
  'tcp-stalled-evicted',
  'tcp-black-hole',
] as const;

export type TcpLimitLabel = (typeof TCP_LIMIT_LABELS)[number];
