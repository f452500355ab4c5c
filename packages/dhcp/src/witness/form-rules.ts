import { formatIpv4, IPV4_BROADCAST, isIpv4Unicast, MAC_BROADCAST, readU16 } from '@nexus-net/sansio';
import { MESSAGE_LENGTH_MIN } from '../message.js';
import { DHCP_CLIENT_PORT, DHCP_MESSAGE_TYPE, DHCP_SERVER_PORT, HARDWARE_TYPE } from '../names.js';
import type { Report } from './rules.js';
import { requestState, type Sighting, seconds32 } from './sighting.js';

// Rules that one message shows by itself.

const { discover, offer, request, decline, ack, nak, release, inform } = DHCP_MESSAGE_TYPE;
const TYPE_MAX = 18;
/** Options that only DHCP has: a message with one of them and without 53 is no BOOTP. */
const DHCP_ONLY: readonly number[] = [50, 51, 54, 55, 57, 58, 59];

/** Rules for every message. `false` where the message is too odd for the rules about its type. */
export function checkForm(sighting: Sighting, report: Report): boolean {
  const { message, type } = sighting;
  const { anomalies, options } = message;
  if (anomalies.includes('reserved-flags'))
    report('dhcp.reserved-flags', `flags 0x${message.flags.toString(16).padStart(4, '0')}`);
  if (anomalies.includes('truncated-option') || anomalies.includes('truncated-option-in-field'))
    report('dhcp.truncated-option', 'an option runs past the end of its field');
  else if (anomalies.includes('missing-end') && !sighting.overloaded) report('dhcp.missing-end', 'no END');
  if (anomalies.some((anomaly) => OVERLOAD_ANOMALIES.includes(anomaly))) report('dhcp.overload-value', 'option 52 is not usable');
  for (const [code, octets] of LENGTHS) {
    const value = options.get(code);
    if (value !== undefined && value.length !== octets) report('dhcp.option-length', `option ${code} has ${value.length} octets`);
  }
  if (message.htype === HARDWARE_TYPE.ethernet && message.hlen !== 6) report('dhcp.hardware-length', `hlen ${message.hlen}`);
  const size = options.get(57);
  if (size?.length === 2 && readU16(size, 0) < 576) report('dhcp.max-message-size', `option 57 says ${readU16(size, 0)}`);
  if (message.giaddr !== 0 && !isIpv4Unicast(message.giaddr)) report('dhcp.bad-giaddr', `giaddr ${formatIpv4(message.giaddr)}`);
  if (type === undefined) {
    const alien = DHCP_ONLY.find((code) => options.get(code) !== undefined);
    if (alien !== undefined) report('dhcp.missing-message-type', `option ${alien} but no option 53`);
    return false;
  }
  if (type < 1 || type > TYPE_MAX) {
    report('dhcp.unknown-message-type', `option 53 is ${type}`);
    return false;
  }
  const expectedOp = CLIENT_TYPES.includes(type) ? 1 : SERVER_TYPES.includes(type) ? 2 : message.op;
  if (message.op !== expectedOp) report('dhcp.op-direction', `op ${message.op} with message type ${type}`);
  return message.op === expectedOp;
}

const CLIENT_TYPES: readonly number[] = [discover, request, decline, release, inform];
const SERVER_TYPES: readonly number[] = [offer, ack, nak];
const OVERLOAD_ANOMALIES: readonly string[] = ['bad-overload', 'repeated-overload', 'nested-overload'];
const LENGTHS: readonly (readonly [number, number])[] = [
  [50, 4],
  [51, 4],
  [54, 4],
  [57, 2],
  [58, 4],
  [59, 4],
];

/** Rules for what a client sends, or a relay passes on for it. */
export function checkClientMessage(sighting: Sighting, report: Report): void {
  const { message, destinationPort, length } = sighting;
  const relayed = message.giaddr !== 0;
  if (destinationPort !== DHCP_SERVER_PORT) report('dhcp.request-port', `sent to port ${destinationPort}`);
  if (message.yiaddr !== 0 || message.siaddr !== 0)
    report('dhcp.client-addresses', `yiaddr ${formatIpv4(message.yiaddr)}, siaddr ${formatIpv4(message.siaddr)}`);
  if (relayed && message.hops > 16) report('dhcp.relay-hops', `hops ${message.hops}`);
  if (!relayed) {
    if (length < MESSAGE_LENGTH_MIN) report('dhcp.short-message', `${length} octets`);
    if (message.hops !== 0) report('dhcp.client-hops', `hops ${message.hops}`);
    checkClientAddresses(sighting, report);
  }
  checkClientFields(sighting, report);
}

/** Where a client sends from and to (RFC 2131 §4.1, §4.4). A relay's copy goes its own way. */
function checkClientAddresses(sighting: Sighting, report: Report): void {
  const { message, type, source, destination, sourcePort, linkDestination } = sighting;
  const unbound = message.ciaddr === 0 && (type === discover || type === request || type === decline);
  if (source === 0 && sourcePort !== DHCP_CLIENT_PORT) report('dhcp.client-port', `sent from port ${sourcePort}`);
  if (unbound && destination === IPV4_BROADCAST && source !== 0) report('dhcp.unbound-source', `sent from ${formatIpv4(source)}`);
  if (message.ciaddr !== 0 && source === 0 && (type === request || type === release || type === inform))
    report('dhcp.unset-source', `ciaddr ${formatIpv4(message.ciaddr)}, sent from 0.0.0.0`);
  if (destination === IPV4_BROADCAST && linkDestination !== MAC_BROADCAST)
    report('dhcp.broadcast-link', '255.255.255.255 in a frame to one station');
  const to = `sent to ${formatIpv4(destination)}`;
  if (destination === IPV4_BROADCAST) {
    if (type === release) report('dhcp.release-destination', to);
  } else if (type === discover) report('dhcp.discover-destination', to);
  else if (type === decline) report('dhcp.decline-destination', to);
  else if (type === request && message.ciaddr === 0) report('dhcp.request-destination', to);
}

/** RFC 2131 table 5 and §4.3.2. */
function checkClientFields(sighting: Sighting, report: Report): void {
  const { message, type, requested, serverId } = sighting;
  const { ciaddr, options } = message;
  const ciaddrText = `ciaddr ${formatIpv4(ciaddr)}`;
  const has = (code: number): boolean => options.get(code) !== undefined;
  switch (type) {
    case discover:
      if (ciaddr !== 0) report('dhcp.discover-ciaddr', ciaddrText);
      if (has(54)) report('dhcp.discover-server-id', 'option 54 in a DISCOVER');
      return;
    case request: {
      const state = requestState(sighting);
      if (state === 'selecting') {
        if (ciaddr !== 0) report('dhcp.selecting-ciaddr', `${ciaddrText} with option 54`);
        if (requested === undefined) report('dhcp.selecting-address', 'option 54 without option 50');
      } else if (ciaddr !== 0 && has(50)) report('dhcp.renewing-address', `${ciaddrText} with option 50`);
      else if (state === 'unclear') report('dhcp.request-address', 'no option 50, no 54, no ciaddr');
      return;
    }
    case decline:
      if (requested === undefined) report('dhcp.decline-address', 'a DECLINE without option 50');
      if (serverId === undefined) report('dhcp.decline-server-id', 'a DECLINE without option 54');
      if (ciaddr !== 0) report('dhcp.decline-ciaddr', ciaddrText);
      if (has(55) || has(57)) report('dhcp.closing-options', 'option 55 or 57 in a DECLINE');
      return;
    case release:
      if (ciaddr === 0) report('dhcp.release-ciaddr', 'a RELEASE without ciaddr');
      if (serverId === undefined) report('dhcp.release-server-id', 'a RELEASE without option 54');
      if (has(50)) report('dhcp.release-address', 'a RELEASE with option 50');
      if (has(55) || has(57)) report('dhcp.closing-options', 'option 55 or 57 in a RELEASE');
      return;
    case inform: {
      if (ciaddr === 0) report('dhcp.inform-ciaddr', 'an INFORM without ciaddr');
      const wrong = [50, 51, 54].filter(has);
      if (wrong.length > 0) report('dhcp.inform-options', `option ${wrong.join(', ')} in an INFORM`);
      return;
    }
  }
}

/** Rules for what a server sends, or a relay passes on for it: RFC 2131 table 3. */
export function checkServerMessage(sighting: Sighting, report: Report): void {
  const { message, type, destinationPort, sourcePort, source, serverId } = sighting;
  const { options } = message;
  const relayed = message.giaddr !== 0;
  if (destinationPort !== DHCP_CLIENT_PORT && !relayed) report('dhcp.reply-port', `sent to port ${destinationPort}`);
  if (sourcePort !== DHCP_SERVER_PORT && !relayed) report('dhcp.server-port', `sent from port ${sourcePort}`);
  if (!isIpv4Unicast(source)) report('dhcp.reply-source', `sent from ${formatIpv4(source)}`);
  if (serverId === undefined) report('dhcp.missing-server-id', 'a reply without option 54');
  else if (!isIpv4Unicast(serverId)) report('dhcp.bad-server-id', `option 54 is ${formatIpv4(serverId)}`);
  const alien = [50, 55, 57].filter((code) => options.get(code) !== undefined);
  if (alien.length > 0) report('dhcp.reply-options', `option ${alien.join(', ')} in a reply`);
  if (type === nak) {
    if (message.ciaddr !== 0 || message.yiaddr !== 0 || message.siaddr !== 0) report('dhcp.nak-addresses', 'an address in a NAK');
    const told = [1, 3, 6, 51, 58, 59].filter((code) => options.get(code) !== undefined);
    if (told.length > 0) report('dhcp.nak-options', `option ${told.join(', ')} in a NAK`);
    return;
  }
  if (type === offer) {
    if (message.ciaddr !== 0) report('dhcp.offer-ciaddr', `ciaddr ${formatIpv4(message.ciaddr)} in an OFFER`);
    checkLeaseTerms(sighting, report);
  }
}

/** What an OFFER, and the ACK of a REQUEST, promises. */
export function checkLeaseTerms(sighting: Sighting, report: Report): void {
  const { message, leaseMs } = sighting;
  if (!isIpv4Unicast(message.yiaddr)) report('dhcp.bad-yiaddr', `yiaddr ${formatIpv4(message.yiaddr)}`);
  if (leaseMs === undefined) report('dhcp.missing-lease-time', 'no option 51');
  else if (leaseMs === 0) report('dhcp.zero-lease-time', 'a lease of 0 s');
  const lease = seconds32(sighting, 51);
  const t1 = seconds32(sighting, 58);
  const t2 = seconds32(sighting, 59);
  const end = lease ?? Number.POSITIVE_INFINITY;
  // An infinite lease may say that T1 and T2 are infinite too.
  if (lease === 0xffffffff) return;
  if ((t1 !== undefined && t1 > (t2 ?? end)) || (t2 !== undefined && t2 > end) || (t1 !== undefined && t1 > end))
    report('dhcp.t1-t2', `T1 ${t1 ?? '-'} s, T2 ${t2 ?? '-'} s, lease ${lease ?? '-'} s`);
}
