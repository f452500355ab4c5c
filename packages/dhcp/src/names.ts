/** BOOTP operations (RFC 951 §3): the `op` field. */
export const BOOT_REQUEST = 1;
export const BOOT_REPLY = 2;

/** UDP ports (RFC 951 §4). */
export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

/** The broadcast bit of the `flags` field; the other 15 must be zero (RFC 2131 §2, figure 2). */
export const BROADCAST_FLAG = 0x8000;

/** Hardware types (IANA ARP parameters) that DHCP meets: the `htype` field and the first octet of a client identifier. */
export const HARDWARE_TYPE = { ethernet: 1, ieee802: 6, infiniband: 32 } as const;

/**
 * Values of option 53: RFC 2132 §9.6, RFC 3203 (9), RFC 4388 (10..13), RFC 6926 (14, 15), RFC 7724 (16..18).
 * Any other value is of a type that this library does not know; a machine drops such a message.
 */
export const DHCP_MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
  forceRenew: 9,
  leaseQuery: 10,
  leaseUnassigned: 11,
  leaseUnknown: 12,
  leaseActive: 13,
  bulkLeaseQuery: 14,
  leaseQueryDone: 15,
  activeLeaseQuery: 16,
  leaseQueryStatus: 17,
  tls: 18,
} as const;

export type DhcpMessageTypeName = keyof typeof DHCP_MESSAGE_TYPE;

/** `offer` for 2; `undefined` for a value that is not assigned. */
export function dhcpMessageTypeName(value: number): DhcpMessageTypeName | undefined {
  return TYPE_NAMES.get(value);
}

const TYPE_NAMES: ReadonlyMap<number, DhcpMessageTypeName> = new Map(
  Object.entries(DHCP_MESSAGE_TYPE).map(([name, value]) => [value, name as DhcpMessageTypeName]),
);
