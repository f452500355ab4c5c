import { IPV4_ANY, type Ipv4Address, type MacAddress, macToBytes, readMac, requireArgument } from '@nexus-net/sansio';
import { BROADCAST_FLAG, HARDWARE_TYPE } from './names.js';
import { type DhcpOptionList, optionValue } from './option-list.js';

/**
 * A DHCPv4 message (RFC 2131 §2, figure 1). Addresses and numbers are in host order. `sname` and `file` are the raw
 * fields; where option 52 lends them to options, they are zero here and the options are in `options`.
 *
 * Law: `decodeDhcpMessage(encodeDhcpMessage(m))` is `m`, for codes that appear once.
 */
export interface DhcpMessage {
  /** 1 request, 2 reply. */
  readonly op: number;
  /** Hardware type: 1 is Ethernet. */
  readonly htype: number;
  /** Octets of `chaddr` that count, 0..16. */
  readonly hlen: number;
  readonly hops: number;
  /** Transaction id, unsigned 32 bit. */
  readonly xid: number;
  /** Seconds since the client began, 16 bit. */
  readonly secs: number;
  /** Bit 15 is the broadcast flag; the rest is reserved and kept as it came. */
  readonly flags: number;
  readonly ciaddr: Ipv4Address;
  readonly yiaddr: Ipv4Address;
  readonly siaddr: Ipv4Address;
  readonly giaddr: Ipv4Address;
  /** 16 octets; those from `hlen` on are padding, kept as they came. */
  readonly chaddr: Uint8Array;
  /** 64 octets. */
  readonly sname: Uint8Array;
  /** 128 octets. */
  readonly file: Uint8Array;
  /** Joined by RFC 3396, without PAD, END and 52 (those are form, not content). */
  readonly options: DhcpOptionList;
}

/** What the local caller says of a message: the rest is zero, `htype` 1, `hlen` 6. Shorter `chaddr`, `sname` and `file` are padded. */
export type DhcpMessageInit = Pick<DhcpMessage, 'op' | 'xid'> &
  Partial<Omit<DhcpMessage, 'chaddr'>> & { readonly chaddr: Uint8Array | MacAddress };

/** Makes a message of some of its fields. Throws `UsageError` where a field is longer than its place. */
export function dhcpMessage(init: DhcpMessageInit): DhcpMessage {
  const { chaddr, sname, file, options = [] } = init;
  return {
    op: init.op,
    htype: init.htype ?? HARDWARE_TYPE.ethernet,
    hlen: init.hlen ?? (typeof chaddr === 'number' ? 6 : Math.min(chaddr.length, 6)),
    hops: init.hops ?? 0,
    xid: init.xid,
    secs: init.secs ?? 0,
    flags: init.flags ?? 0,
    ciaddr: init.ciaddr ?? IPV4_ANY,
    yiaddr: init.yiaddr ?? IPV4_ANY,
    siaddr: init.siaddr ?? IPV4_ANY,
    giaddr: init.giaddr ?? IPV4_ANY,
    chaddr: padded(typeof chaddr === 'number' ? macToBytes(chaddr) : chaddr, CHADDR_LENGTH),
    sname: padded(sname, SNAME_LENGTH),
    file: padded(file, FILE_LENGTH),
    options,
  };
}

/**
 * The message type (option 53), or `undefined` where there is none or where it isn't one octet. See `DHCP_MESSAGE_TYPE`.
 */
export function messageType(message: DhcpMessage): number | undefined {
  const value = optionValue(message.options, OPTION_MESSAGE_TYPE);
  return value?.length === 1 ? value[0] : undefined;
}

/** The first octets of `chaddr` as an Ethernet address; meaningful where `htype` is 1 and `hlen` 6. */
export function clientMac(message: DhcpMessage): MacAddress {
  return readMac(message.chaddr, 0);
}

/** Does the client ask for a broadcast reply (RFC 2131 §4.1)? The reserved bits say nothing. */
export function wantsBroadcast(message: DhcpMessage): boolean {
  return (message.flags & BROADCAST_FLAG) !== 0;
}

/** Octets of the fixed fields, before the cookie. */
export const FIXED_LENGTH = 236;
/** Octets before the first option: fixed fields and cookie. */
export const HEADER_LENGTH = 240;
export const CHADDR_LENGTH = 16;
export const SNAME_LENGTH = 64;
export const FILE_LENGTH = 128;
/** Where the fields lie, in octets from the start of the message (RFC 2131 figure 1). */
export const OFFSET = {
  op: 0,
  htype: 1,
  hlen: 2,
  hops: 3,
  xid: 4,
  secs: 8,
  flags: 10,
  ciaddr: 12,
  yiaddr: 16,
  siaddr: 20,
  giaddr: 24,
  chaddr: 28,
  sname: 44,
  file: 108,
  cookie: 236,
} as const;
/** 99.130.83.99 (RFC 2131 §3). */
export const MAGIC_COOKIE = 0x63825363;
/** The largest payload that UDP over IPv4 carries: 65535 − 20 − 8. */
export const MESSAGE_LENGTH_MAX = 65_507;
/** RFC 951 §3: a BOOTP packet has 300 octets, and relays exist that discard shorter ones (RFC 1542 §2.1). */
export const MESSAGE_LENGTH_MIN = 300;

export const OPTION_PAD = 0;
export const OPTION_OVERLOAD = 52;
export const OPTION_MESSAGE_TYPE = 53;
export const OPTION_END = 255;

function padded(field: Uint8Array | undefined, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  if (field !== undefined) {
    requireArgument(field.length <= length, `the field has ${length} octets`);
    octets.set(field);
  }
  return octets;
}
