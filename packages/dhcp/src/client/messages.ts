import { type Datagram, IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, type MacAddress } from '@nexus-net/sansio';
import type { DhcpLease, LeaseTerms } from '../lease.js';
import { encodeDhcpMessage } from '../message-encode.js';
import { dhcpMessage } from '../message-fields.js';
import { BOOT_REQUEST, BROADCAST_FLAG, DHCP_CLIENT_PORT, DHCP_MESSAGE_TYPE, DHCP_SERVER_PORT } from '../names.js';
import { option } from '../option.js';
import type { DhcpOption } from '../option-list.js';
import { OPTIONS } from '../options/table.js';

/** What every message of one client has in common. */
export interface ClientProfile {
  readonly mac: MacAddress;
  readonly clientId: Uint8Array | undefined;
  /** Option 55, in order of preference. */
  readonly requestedOptions: readonly number[];
  /** Option 57, octets. */
  readonly maxMessageLength: number;
  /** 12, 60 and whatever else the caller wants in DISCOVER, REQUEST and INFORM. */
  readonly extraOptions: readonly DhcpOption[];
  /** Set the broadcast bit while there is no address (RFC 2131 §4.1). */
  readonly broadcastReplies: boolean;
  /** Seconds to ask for (option 51), or `undefined`. */
  readonly requestedLeaseS: number | undefined;
  readonly rapidCommit: boolean;
  readonly forceRenewNonce: boolean;
}

interface Stamp {
  readonly xid: number;
  readonly secs: number;
}

// RFC 2131 table 5 says which option goes into which message, §4.1 and §4.3.2 where each goes to. What a client sends
// before it has an address comes from 0.0.0.0 and goes to everybody. From then on the source is its own address, also in
// REBINDING: §4.1 wants 0.0.0.0 only "prior to that client obtaining its IP address".

export function discover(profile: ClientProfile, stamp: Stamp & { readonly hint: Ipv4Address | undefined }): Datagram {
  const options: DhcpOption[] = [];
  if (stamp.hint !== undefined) options.push(option('requestedAddress', stamp.hint));
  if (profile.requestedLeaseS !== undefined) options.push(option('leaseTime', profile.requestedLeaseS));
  if (profile.rapidCommit) options.push(option('rapidCommit', true));
  return broadcast(asking(profile, { ...stamp, type: DHCP_MESSAGE_TYPE.discover, options }));
}

/** REQUEST in SELECTING: names the address and the server, so that the other servers know they were not chosen. */
export function requestOffered(profile: ClientProfile, stamp: Stamp & { readonly offer: LeaseTerms }): Datagram {
  const options = [option('requestedAddress', stamp.offer.address), option('serverIdentifier', stamp.offer.server)];
  if (profile.requestedLeaseS !== undefined) options.push(option('leaseTime', profile.requestedLeaseS));
  return broadcast(asking(profile, { ...stamp, type: DHCP_MESSAGE_TYPE.request, options }));
}

/** REQUEST in INIT-REBOOT: names the address, and no server. */
export function requestRemembered(profile: ClientProfile, stamp: Stamp & { readonly lease: DhcpLease }): Datagram {
  const options = [option('requestedAddress', stamp.lease.address)];
  return broadcast(asking(profile, { ...stamp, type: DHCP_MESSAGE_TYPE.request, options }));
}

/** REQUEST in RENEWING (to the server) or REBINDING (to everybody): the address is in `ciaddr`, no 50, no 54. */
export function requestMoreTime(
  profile: ClientProfile,
  stamp: Stamp & { readonly lease: DhcpLease; readonly to: Ipv4Address },
): Datagram {
  const payload = asking(profile, { ...stamp, type: DHCP_MESSAGE_TYPE.request, ciaddr: stamp.lease.address, options: [] });
  return datagram({ from: stamp.lease.address, to: stamp.to, payload });
}

/** Unicast from the address that it gives back; table 5: no 50, no 55, `secs` 0. */
export function release(profile: ClientProfile, stamp: { readonly xid: number; readonly lease: DhcpLease }): Datagram {
  const { lease } = stamp;
  const payload = encode(profile, {
    xid: stamp.xid,
    secs: 0,
    type: DHCP_MESSAGE_TYPE.release,
    ciaddr: lease.address,
    options: [option('serverIdentifier', lease.server)],
  });
  return datagram({ from: lease.address, to: lease.server, payload });
}

/** From 0.0.0.0 to everybody: the address is just the one that we must not use (RFC 2131 §4.4.4). */
export function decline(profile: ClientProfile, stamp: { readonly xid: number; readonly lease: DhcpLease }): Datagram {
  const options = [option('requestedAddress', stamp.lease.address), option('serverIdentifier', stamp.lease.server)];
  return broadcast(encode(profile, { xid: stamp.xid, secs: 0, type: DHCP_MESSAGE_TYPE.decline, options }));
}

/** From the address that the caller has configured, to everybody: no server is known (RFC 2131 §4.4.3). No 50, 51, 54. */
export function inform(profile: ClientProfile, stamp: Stamp & { readonly address: Ipv4Address }): Datagram {
  const payload = asking(profile, { ...stamp, type: DHCP_MESSAGE_TYPE.inform, ciaddr: stamp.address, options: [] });
  return datagram({ from: stamp.address, to: IPV4_BROADCAST, payload });
}

interface Content extends Stamp {
  readonly type: number;
  readonly ciaddr?: Ipv4Address;
  readonly options: readonly DhcpOption[];
}

/** A message that wants parameters: 57, 55 and the caller's own options come with it. */
function asking(profile: ClientProfile, content: Content): Uint8Array {
  const nonce = profile.forceRenewNonce && content.type !== DHCP_MESSAGE_TYPE.inform;
  return encode(profile, {
    ...content,
    options: [
      ...content.options,
      option('maxMessageSize', profile.maxMessageLength),
      ...profile.extraOptions,
      ...(nonce ? [option('forceRenewNonce', [HMAC_MD5])] : []),
      option('parameterRequestList', profile.requestedOptions),
    ],
  });
}

function encode(profile: ClientProfile, { xid, secs, type, ciaddr = IPV4_ANY, options }: Content): Uint8Array {
  // With ciaddr set the reply is unicast to it (§4.1), so the broadcast bit would say nothing.
  const asksForBroadcast = profile.broadcastReplies && ciaddr === IPV4_ANY && type !== DHCP_MESSAGE_TYPE.decline;
  const { clientId } = profile;
  return encodeDhcpMessage(
    dhcpMessage({
      op: BOOT_REQUEST,
      xid,
      secs,
      flags: asksForBroadcast ? BROADCAST_FLAG : 0,
      ciaddr,
      chaddr: profile.mac,
      options: [
        option('messageType', type),
        ...(clientId === undefined ? [] : [{ code: OPTIONS.clientIdentifier.code, value: clientId }]),
        ...options,
      ],
    }),
  );
}

function broadcast(payload: Uint8Array): Datagram {
  return datagram({ from: IPV4_ANY, to: IPV4_BROADCAST, payload });
}

function datagram(o: { readonly from: Ipv4Address; readonly to: Ipv4Address; readonly payload: Uint8Array }): Datagram {
  return {
    source: { address: o.from, port: DHCP_CLIENT_PORT },
    destination: { address: o.to, port: DHCP_SERVER_PORT },
    payload: o.payload,
  };
}

/** RFC 6704 §3.1.1: the one algorithm there is. */
const HMAC_MD5 = 1;
