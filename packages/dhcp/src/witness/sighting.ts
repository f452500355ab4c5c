import { type Ipv4Address, type MacAddress, type Millis, readU32, SECOND } from '@nexus-net/sansio';
import type { ObservedFrame } from '@nexus-net/wire';
import {
  clientMac,
  type DecodedDhcpMessage,
  type DhcpDecodeError,
  decodeDhcpMessage,
  HEADER_LENGTH,
  OPTION_END,
  OPTION_OVERLOAD,
  OPTION_PAD,
} from '../message.js';
import { DHCP_CLIENT_PORT, DHCP_MESSAGE_TYPE, DHCP_SERVER_PORT } from '../names.js';

/** A DHCP message as it was seen, with what carried it and the options that the rules are about. */
export interface Sighting {
  readonly number: number;
  readonly at: Millis;
  readonly linkSource: MacAddress;
  readonly linkDestination: MacAddress;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Octets of the UDP payload. */
  readonly length: number;
  readonly message: DecodedDhcpMessage;
  /** Does option 52 lend `file` or `sname` to options? */
  readonly overloaded: boolean;
  /** Option 53, or `undefined`. */
  readonly type: number | undefined;
  /** The first six octets of chaddr. With the xid they name an exchange, whatever htype and hlen say. */
  readonly client: MacAddress;
  readonly requested: Ipv4Address | undefined;
  readonly serverId: Ipv4Address | undefined;
  /** Option 51; `Infinity` for ever. */
  readonly leaseMs: Millis | undefined;
  readonly clientId: Uint8Array | undefined;
}

export type Seen =
  /** Not DHCP at all, or not a datagram that its receiver would take. */
  | { readonly type: 'other' }
  | { readonly type: 'malformed'; readonly error: DhcpDecodeError }
  | { readonly type: 'message'; readonly sighting: Sighting };

const OTHER: Seen = { type: 'other' };

/**
 * Reads a frame. A bad checksum makes it nothing, except the unfinished one that a capture on the sending host shows. BOOTP
 * and vendor areas other than DHCP's are somebody else's protocol, not a mistake.
 */
export function readFrame({ number, at, layers }: ObservedFrame): Seen {
  const { ethernet, ipv4, udp, problem } = layers;
  if (ethernet === undefined || ipv4 === undefined || udp === undefined) return OTHER;
  if (problem !== undefined && problem.error !== 'partial-checksum') return OTHER;
  if (!isDhcpPort(udp.sourcePort) && !isDhcpPort(udp.destinationPort)) return OTHER;
  const decoded = decodeDhcpMessage(udp.payload);
  if (!decoded.ok) {
    const betweenPorts = isDhcpPort(udp.sourcePort) && isDhcpPort(udp.destinationPort);
    const foreign = decoded.error === 'bootp' || decoded.error === 'bad-cookie';
    return betweenPorts && !foreign ? { type: 'malformed', error: decoded.error } : OTHER;
  }
  const message = decoded.value;
  const { options } = message;
  const seconds = u32(options.get(51));
  return {
    type: 'message',
    sighting: {
      number,
      at,
      linkSource: ethernet.source,
      linkDestination: ethernet.destination,
      source: ipv4.source,
      destination: ipv4.destination,
      sourcePort: udp.sourcePort,
      destinationPort: udp.destinationPort,
      length: udp.payload.length,
      message,
      overloaded: isOverloaded(udp.payload),
      type: options.get(53)?.[0],
      client: clientMac(message),
      requested: u32(options.get(50)) as Ipv4Address | undefined,
      serverId: u32(options.get(54)) as Ipv4Address | undefined,
      leaseMs: seconds === 0xffffffff ? Number.POSITIVE_INFINITY : seconds === undefined ? undefined : seconds * SECOND,
      clientId: options.get(61),
    },
  };
}

/** What the sender of a REQUEST wants, told from its fields (RFC 2131 table 4). */
export type RequestState = 'selecting' | 'init-reboot' | 'renewing' | 'rebinding' | 'unclear';

export function requestState({ message, serverId, requested, destination }: Sighting): RequestState {
  if (serverId !== undefined) return 'selecting';
  if (message.ciaddr !== 0) return destination === 0xffffffff ? 'rebinding' : 'renewing';
  return requested === undefined ? 'unclear' : 'init-reboot';
}

/** The address that a client's message is about; 0 where it names none. */
export function addressOf({ message, requested, type }: Sighting): Ipv4Address {
  if (type === DHCP_MESSAGE_TYPE.decline) return requested ?? message.ciaddr;
  return message.ciaddr !== 0 ? message.ciaddr : (requested ?? message.ciaddr);
}

export function seconds32(sighting: Sighting, code: number): number | undefined {
  return u32(sighting.message.options.get(code));
}

/** The decoder takes option 52 for form and hides it; whether fields are lent matters to the rule about END. */
function isOverloaded(payload: Uint8Array): boolean {
  for (let at = HEADER_LENGTH; at + 1 < payload.length; ) {
    const code = payload[at];
    if (code === OPTION_END) return false;
    if (code === OPTION_OVERLOAD) return true;
    at += code === OPTION_PAD ? 1 : 2 + (payload[at + 1] ?? 0);
  }
  return false;
}

function isDhcpPort(port: number): boolean {
  return port === DHCP_SERVER_PORT || port === DHCP_CLIENT_PORT;
}

function u32(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? readU32(value, 0) : undefined;
}
