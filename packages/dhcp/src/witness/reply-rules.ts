import { bytesEqual, formatIpv4, formatMac, IPV4_BROADCAST, type Ipv4Address, MAC_BROADCAST, toHex } from '@nexus-net/sansio';
import { BROADCAST_FLAG, DHCP_CLIENT_PORT, DHCP_MESSAGE_TYPE, DHCP_SERVER_PORT } from '../names.js';
import type { Report } from './rules.js';
import { addressOf, type Sighting } from './sighting.js';

// Rules about a reply and the message that it answers.

const { discover, ack, nak, inform, request } = DHCP_MESSAGE_TYPE;

/** Is this the last leg, from a relay to the client? A relay keeps giaddr in what it passes on (RFC 1542 §4.1.2). */
function isRelayedToClient({ message, destinationPort }: Sighting): boolean {
  return message.giaddr !== 0 && destinationPort === DHCP_CLIENT_PORT;
}

/** Where a reply went (RFC 2131 §4.1). */
export function checkReplyAddress(asked: Sighting, reply: Sighting, report: Report): void {
  const { message, destination, linkDestination, destinationPort } = reply;
  const to = `sent to ${formatIpv4(destination)}:${destinationPort}`;
  const frames = [asked.number];
  if (message.giaddr !== 0 && !isRelayedToClient(reply)) {
    if (destination !== message.giaddr && asked.type !== inform)
      report('dhcp.reply-destination', `${to}, giaddr is ${formatIpv4(message.giaddr)}`, frames);
    const portTold = asked.message.options.get(82) !== undefined; // option 82.19 may name another port (RFC 8357)
    if (destinationPort !== DHCP_SERVER_PORT && !portTold) report('dhcp.reply-port', to, frames);
    if (reply.type === nak && (message.flags & BROADCAST_FLAG) === 0)
      report('dhcp.relay-nak-broadcast', 'the broadcast bit is not set', frames);
    return;
  }
  if (isRelayedToClient(reply)) return; // the relay's business, and it knows the client's state no better
  if (reply.type === nak) {
    if (destination !== IPV4_BROADCAST) report('dhcp.nak-destination', to, frames);
    return;
  }
  const { ciaddr } = asked.message;
  if (asked.type === inform) {
    const expected = ciaddr !== 0 ? ciaddr : asked.source;
    if (expected !== 0 && destination !== expected) report('dhcp.inform-reply-destination', to, frames);
    return;
  }
  if (ciaddr !== 0 && asked.type === request) {
    if (destination !== ciaddr) report('dhcp.reply-destination', `${to}, ciaddr is ${formatIpv4(ciaddr)}`, frames);
    return;
  }
  // §4.1 allows a broadcast where the server can't unicast to an address that nobody answers for yet.
  if (destination === IPV4_BROADCAST) return;
  if ((asked.message.flags & BROADCAST_FLAG) !== 0)
    report('dhcp.reply-destination', `${to}, the client asked for a broadcast`, frames);
  else if (destination !== message.yiaddr)
    report('dhcp.reply-destination', `${to}, yiaddr is ${formatIpv4(message.yiaddr)}`, frames);
  else if (linkDestination !== reply.client && linkDestination !== MAC_BROADCAST && message.htype === 1)
    report('dhcp.reply-link-address', `the frame went to ${formatMac(linkDestination)}`, frames);
}

/** What a reply copies and promises (RFC 2131 table 3, §4.3.2). */
export function checkReplyContent(asked: Sighting, reply: Sighting, report: Report): void {
  const frames = [asked.number];
  const { message, type, serverId } = reply;
  const question = asked.message;
  if (message.htype !== question.htype || message.hlen !== question.hlen)
    report('dhcp.reply-hardware', `htype ${message.htype}, hlen ${message.hlen}`, frames);
  // A NAK to a relay sets the bit, and a client may change its mind between copies through different relays.
  if (type !== nak && message.giaddr === question.giaddr && ((message.flags ^ question.flags) & BROADCAST_FLAG) !== 0)
    report('dhcp.reply-flags', `flags 0x${message.flags.toString(16).padStart(4, '0')}`, frames);
  checkEchoes(asked, reply, report);
  if (asked.type === request && asked.serverId !== undefined && serverId !== undefined && serverId !== asked.serverId)
    report('dhcp.other-server-reply', `${formatIpv4(serverId)} answers, ${formatIpv4(asked.serverId)} was named`, frames);
  if (type !== ack) return;
  if (asked.type === discover && question.options.get(80) === undefined)
    report('dhcp.rapid-commit', 'the DISCOVER has no option 80', frames);
  if (asked.type === inform) {
    if (message.yiaddr !== 0 || reply.leaseMs !== undefined)
      report('dhcp.inform-reply-lease', `yiaddr ${formatIpv4(message.yiaddr)}`, frames);
    return;
  }
  if (message.ciaddr !== 0 && message.ciaddr !== question.ciaddr)
    report('dhcp.ack-ciaddr', `ciaddr ${formatIpv4(message.ciaddr)}`, frames);
  const wanted: Ipv4Address = asked.type === request ? addressOf(asked) : message.yiaddr;
  if (wanted !== 0 && message.yiaddr !== wanted)
    report('dhcp.ack-address', `yiaddr ${formatIpv4(message.yiaddr)}, asked for ${formatIpv4(wanted)}`, frames);
}

function checkEchoes(asked: Sighting, reply: Sighting, report: Report): void {
  const frames = [asked.number];
  const relayInformation = asked.message.options.get(82);
  const echoed = reply.message.options.get(82);
  if (isRelayedToClient(reply)) {
    // Here the relay is judged, for what it passes on; what the server forgot was judged where the server sent it.
    if (asked.message.giaddr === 0 && relayInformation === undefined && echoed !== undefined)
      report('dhcp.relay-info-leaked', 'option 82 in the reply', frames);
    return;
  }
  const { clientId } = asked;
  if (clientId !== undefined && clientId.length > 0) {
    if (reply.clientId === undefined) report('dhcp.client-id-echo', 'option 61 is missing', frames);
    else if (!bytesEqual(reply.clientId, clientId))
      report('dhcp.client-id-echo', `option 61 is ${toHex(reply.clientId)}`, frames);
  }
  if (relayInformation === undefined || asked.message.giaddr === 0 || reply.message.giaddr !== asked.message.giaddr) return;
  if (echoed === undefined) report('dhcp.relay-info-echo', 'option 82 is missing', frames);
  else if (!bytesEqual(echoed, relayInformation)) report('dhcp.relay-info-echo', `option 82 is ${toHex(echoed)}`, frames);
}
