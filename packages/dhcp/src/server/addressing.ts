import { type Endpoint, IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, type MacAddress } from '@nexus-net/sansio';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT } from '../names.js';
import { ethernetAddress } from './identity.js';
import { type ServerRequest, wantsBroadcastReply } from './request.js';

export interface ReplyRoute {
  readonly destination: Endpoint;
  /** Where the frame goes, for a destination that can't answer ARP yet. Absent: route and resolve as usual. */
  readonly linkDestination?: MacAddress;
}

/** Every client on the wire, whatever its state. */
export const BROADCAST_TO_CLIENTS: ReplyRoute = { destination: { address: IPV4_BROADCAST, port: DHCP_CLIENT_PORT } };

/**
 * Where an OFFER or ACK goes (RFC 2131 §4.1, four rules in this order): to the relay; to the address that the client
 * says it has; to everybody, where it asks for that; to the new address at the client's link address.
 *
 * `ciaddr` is 0.0.0.0 for a DISCOVER whatever the message says (table 5 has it 0): nobody may aim an OFFER at a third party.
 */
export function routeReply(
  request: ServerRequest,
  { ciaddr, yiaddr }: { readonly ciaddr: Ipv4Address; readonly yiaddr: Ipv4Address },
): ReplyRoute {
  const { message } = request;
  if (message.giaddr !== IPV4_ANY) return routeToRelay(request);
  if (ciaddr !== IPV4_ANY) return { destination: { address: ciaddr, port: DHCP_CLIENT_PORT } };
  if (wantsBroadcastReply(request)) return BROADCAST_TO_CLIENTS;
  const mac = ethernetAddress(message.htype, message.hlen, message.chaddr);
  if (mac === undefined) return BROADCAST_TO_CLIENTS; // no link address that a unicast could use (RFC 4390 §2.1)
  return { destination: { address: yiaddr, port: DHCP_CLIENT_PORT }, linkDestination: mac };
}

/** A NAK is broadcast on the wire, for the client's address is the one thing that is wrong (RFC 2131 §4.1, §4.3.2). */
export function routeNak(request: ServerRequest): ReplyRoute {
  return request.message.giaddr === IPV4_ANY ? BROADCAST_TO_CLIENTS : routeToRelay(request);
}

/**
 * An ACK of an INFORM goes to the address of the client, broadcast flag or not (RFC 2131 §4.3.5). A relay that added
 * option 82 has to take it out again, so then the answer goes through it.
 */
export function routeInformReply(request: ServerRequest, client: Ipv4Address): ReplyRoute {
  if (request.message.giaddr !== IPV4_ANY && request.relayInformation !== undefined) return routeToRelay(request);
  return { destination: { address: client, port: DHCP_CLIENT_PORT } };
}

function routeToRelay({ message, relay, datagram }: ServerRequest): ReplyRoute {
  const port = relay.answerSourcePort ? datagram.source.port : DHCP_SERVER_PORT;
  return { destination: { address: message.giaddr, port } };
}
