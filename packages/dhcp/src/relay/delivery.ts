import { type Endpoint, IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, isHostAddress, type MacAddress } from '@nexus-net/sansio';
import { BROADCAST_FLAG, DHCP_CLIENT_PORT, DHCP_MESSAGE_TYPE } from '../names.js';
import { ethernetAddress } from '../server/identity.js';
import type { RelayPort, ResolvedRelay } from './config.js';
import { isOurs } from './information.js';
import type { RelayView } from './octets.js';

/** Where a reply goes on the network of its client. */
export interface Delivery {
  readonly destination: Endpoint;
  readonly linkDestination?: MacAddress;
}

/**
 * RFC 1542 §4.1.2: by broadcast where the client asks for it, else to the new address at the client's link address, without ARP.
 * A client that has an address gets its ACK there (RFC 2131 §4.1), and a NAK is for everybody to hear (§4.3.2).
 */
export function deliver(port: RelayPort, { htype, hlen, flags, ciaddr, yiaddr, chaddr, options }: RelayView): Delivery {
  const type = options?.type;
  if (type === DHCP_MESSAGE_TYPE.nak) return EVERYBODY;
  if (type === DHCP_MESSAGE_TYPE.ack && isHostAddress(port.prefix, ciaddr)) return { destination: client(ciaddr) };
  const mac = ethernetAddress(htype, hlen, chaddr);
  if ((flags & BROADCAST_FLAG) !== 0 || mac === undefined || !isHostAddress(port.prefix, yiaddr)) return EVERYBODY;
  return { destination: client(yiaddr), linkDestination: mac };
}

const EVERYBODY: Delivery = { destination: { address: IPV4_BROADCAST, port: DHCP_CLIENT_PORT } };

function client(address: Ipv4Address): Endpoint {
  return { address, port: DHCP_CLIENT_PORT };
}

/** The interface that a reply is for: that of its giaddr; of several the one that its option 82 names, else the one of its addresses. */
export function portOf(relay: ResolvedRelay, view: RelayView): RelayPort | undefined {
  const candidates = [...relay.ports.values()].filter(({ giaddr }) => giaddr === view.giaddr);
  if (candidates.length <= 1) return candidates[0];
  const value = view.options?.information;
  const named = value === undefined ? [] : candidates.filter(({ information }) => isOurs(information, value));
  if (named.length === 1) return named[0];
  const address = view.yiaddr !== IPV4_ANY ? view.yiaddr : view.ciaddr;
  const near = candidates.filter(({ prefix }) => isHostAddress(prefix, address));
  return near.length === 1 ? near[0] : undefined;
}
