import { bytesEqual, concatBytes } from '@nexus-net/sansio';
import { decodeSubOptions } from '../options/sub-options.js';
import type { PortInformation, RelayPort } from './config.js';
import type { DhcpRelayReject, InformationFate } from './events.js';
import { insertInformation, type RelayOptions, removeInformation, replaceInformation } from './octets.js';

/** The octets to pass on and what became of option 82, or why they are not passed on. */
export type Informed = { readonly bytes: Uint8Array; readonly fate: InformationFate } | DhcpRelayReject;

/** IP header without options, UDP header. */
const IP_UDP_HEADERS = 28;
/** RFC 2132 §9.10: nobody may take less. */
const IP_LENGTH_MIN = 576;

/**
 * Option 82 of a request that no relay has passed on yet (RFC 3046 §2.1). `limit` is what the link to the servers carries, in
 * octets of IP datagram.
 */
export function informRequest(
  port: RelayPort,
  request: { readonly bytes: Uint8Array; readonly options: RelayOptions; readonly unicast: boolean },
  limit: number,
): Informed {
  const { bytes, options, unicast } = request;
  const own = port.information;
  const present = options.information;
  if (present === undefined) {
    if (own === undefined) return { bytes, fate: 'none' };
    const message = insertInformation(bytes, options, informationOf(own, unicast));
    if (message.length <= lengthMax(options, limit)) return { bytes: message, fate: 'added' };
    return own.essential ? 'no-room' : { bytes, fate: 'left-out' };
  }
  if (!port.trusted) return 'untrusted-information';
  switch (own?.whenPresent) {
    case undefined:
    case 'keep':
      return { bytes, fate: 'kept' };
    case 'drop':
      return 'information-present';
    case 'replace':
    case 'append':
  }
  const { whenPresent, essential } = own;
  const value = informationOf(own, unicast);
  const joined = whenPresent === 'append' ? concatBytes([present, value]) : value;
  if (joined.length <= VALUE_LENGTH_MAX) {
    const message = replaceInformation(bytes, options, joined);
    if (message.length <= lengthMax(options, limit))
      return { bytes: message, fate: whenPresent === 'append' ? 'appended' : 'replaced' };
  }
  return essential ? 'no-room' : { bytes, fate: 'left-out' };
}

/** Takes our option 82 out of a reply for a client of `port` (RFC 3046 §2.2). */
export function uninformReply(port: RelayPort, bytes: Uint8Array, options: RelayOptions): Informed {
  const value = options.information;
  if (value === undefined) return { bytes, fate: 'none' };
  const own = port.information;
  const policy = own?.whenPresent ?? 'keep';
  const foreign = !isOurs(own, value);
  if (foreign && port.trusted && policy === 'append') {
    // Ours stands behind that of the element in front of us, which waits for its own.
    const rest = own === undefined ? undefined : (before(value, own.ofBroadcast) ?? before(value, own.ofUnicast));
    if (rest !== undefined) return { bytes: replaceInformation(bytes, options, rest), fate: 'restored' };
  }
  const whole = decodeSubOptions(value).ok;
  // Without `append` and `replace` what a trusted element added went through, so it goes back to it.
  if (foreign && port.trusted && whole && (own === undefined || policy === 'keep')) return { bytes, fate: 'kept' };
  // What can't be read can't be told from ours: it reaches no client.
  if (foreign && whole && own !== undefined) return 'foreign-information';
  return { bytes: removeInformation(bytes, options), fate: 'removed' };
}

/** Does the value carry everything by which we mark a port? Servers may reorder; RFC 5010 flags differ by request. */
export function isOurs(own: PortInformation | undefined, value: Uint8Array): boolean {
  if (own === undefined) return false;
  if (bytesEqual(value, own.ofBroadcast) || bytesEqual(value, own.ofUnicast)) return true;
  const list = decodeSubOptions(value);
  if (!list.ok) return false;
  return own.fixed.every((mine) => {
    const first = list.value.find(({ code }) => code === mine.code);
    return first !== undefined && bytesEqual(first.value, mine.value);
  });
}

const VALUE_LENGTH_MAX = 255;

function informationOf(own: PortInformation, unicast: boolean): Uint8Array {
  return unicast ? own.ofUnicast : own.ofBroadcast;
}

/** Octets of message that the link carries, and not more than the client says it takes: the server sends option 82 back. */
function lengthMax({ maxMessageSize }: RelayOptions, limit: number): number {
  return Math.min(limit, Math.max(maxMessageSize ?? limit, IP_LENGTH_MIN)) - IP_UDP_HEADERS;
}

/** What stands before `end` in `value`. */
function before(value: Uint8Array, end: Uint8Array): Uint8Array | undefined {
  const at = value.length - end.length;
  return at > 0 && bytesEqual(value.subarray(at), end) ? value.slice(0, at) : undefined;
}
