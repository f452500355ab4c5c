import {
  bytesEqual,
  err,
  type Ipv4Address,
  isHostAddress,
  isIpv4Unicast,
  type MacAddress,
  type Millis,
  ok,
  prefixOf,
  type Result,
} from '@nexus-net/sansio';
import type { LeaseTerms, NetworkParameters } from '../lease.js';
import type { DhcpDecodeError } from '../message-decode.js';
import { clientMac, type DhcpMessage } from '../message-fields.js';
import { BOOT_REPLY, HARDWARE_TYPE } from '../names.js';
import { readOption } from '../option.js';
import { optionValue } from '../option-list.js';
import { OPTIONS } from '../options/table.js';
import { leaseTimes } from './lease-times.js';
import { hosts, maskBits, routesOf } from './options.js';

/** Why a datagram counted for nothing, beyond the reasons of the decoder. One label, one counter each. */
export const CLIENT_REJECTS = [
  /** Not to port 68. */
  'wrong-port',
  /** `op` is not 2. */
  'not-a-reply',
  'wrong-htype',
  'wrong-hlen',
  'wrong-chaddr',
  /** No option 53: BOOTP, which this client doesn't speak. */
  'no-message-type',
  /** The state waits for nothing. */
  'unexpected-message',
  'wrong-xid',
  /** Not a type that the state waits for. */
  'unexpected-type',
  /** The server repeats a client identifier, and it isn't ours (RFC 6842 §3). */
  'wrong-client-id',
  /** No option 54, or one that isn't four octets (RFC 2131 table 3: MUST). */
  'no-server-id',
  /** Option 54 is an address that no server can have. */
  'bad-server-id',
  /** An ACK of another server than the one asked. */
  'wrong-server',
  /** A NAK of another server than the one asked. */
  'stranger-nak',
  /** `yiaddr` is not a unicast address. */
  'bad-address',
  /** `yiaddr` is the network's or the broadcast address of its own subnet. */
  'address-not-a-host',
  /** `yiaddr` is the server itself. */
  'address-of-server',
  /** No usable option 1, and the policy says reject. */
  'no-subnet-mask',
  /** No usable option 51. */
  'no-lease-time',
  'zero-lease-time',
  /** The lease had ended when its ACK came. */
  'expired-on-arrival',
  /** An ACK to a DISCOVER that did not ask for rapid commit, or without option 80 (RFC 4039 §3.1). */
  'no-rapid-commit',
  /** More offers within one collection window than are kept. */
  'too-many-offers',
  /** A second offer of the same server within one collection window. */
  'repeated-offer',
  /** FORCERENEW where nobody asked for it, without authentication, or from another server (RFC 3203 §6). */
  'force-renew-unauthenticated',
  'force-renew-bad-digest',
  /** A replay counter that does not rise (RFC 3118 §4). */
  'force-renew-replayed',
] as const;

export type ClientReject = (typeof CLIENT_REJECTS)[number] | DhcpDecodeError;

export interface ClientIdentity {
  readonly mac: MacAddress;
  /** Option 61, or `undefined` where none is sent. */
  readonly clientId: Uint8Array | undefined;
}

/** Is this a reply, and one to our hardware address? The octets of `chaddr` behind `hlen` are padding and don't count. */
export function checkReply(message: DhcpMessage, { mac }: ClientIdentity): ClientReject | undefined {
  if (message.op !== BOOT_REPLY) return 'not-a-reply';
  if (message.htype !== HARDWARE_TYPE.ethernet) return 'wrong-htype';
  if (message.hlen !== 6) return 'wrong-hlen';
  return clientMac(message) === mac ? undefined : 'wrong-chaddr';
}

/** RFC 6842 §3: a client identifier that comes back has to be the one that was sent. */
export function checkClientId(message: DhcpMessage, identity: ClientIdentity): 'wrong-client-id' | undefined {
  const echoed = optionValue(message.options, OPTIONS.clientIdentifier.code);
  if (echoed === undefined || identity.clientId === undefined) return undefined;
  return bytesEqual(echoed, identity.clientId) ? undefined : 'wrong-client-id';
}

export function serverOf(message: DhcpMessage): Result<Ipv4Address, 'no-server-id' | 'bad-server-id'> {
  const server = readOption(message, 'serverIdentifier');
  if (server === undefined) return err('no-server-id');
  return isIpv4Unicast(server) ? ok(server) : err('bad-server-id');
}

/** What to do with an offer or ACK that has no usable subnet mask and no earlier message to take it from. */
export type MissingMask = 'reject' | 'classful' | 'host';

export interface TermsPolicy {
  /** What the message lacks comes from here: the offer for its ACK, the lease for its renewal. */
  readonly fallback: LeaseTerms | undefined;
  readonly missingMask: MissingMask;
  readonly leaseMsMax: Millis;
}

export type TermsReject =
  | 'bad-address'
  | 'address-not-a-host'
  | 'address-of-server'
  | 'no-subnet-mask'
  | 'no-lease-time'
  | 'zero-lease-time';

/** Reads an OFFER or ACK. `repaired`: T1 or T2 were unusable, and defaults stand in. */
export function leaseTerms(
  message: DhcpMessage,
  { server, policy }: { readonly server: Ipv4Address; readonly policy: TermsPolicy },
): Result<{ readonly terms: LeaseTerms; readonly repaired: boolean }, TermsReject> {
  const address = message.yiaddr;
  const { fallback } = policy;
  if (!isIpv4Unicast(address)) return err('bad-address');
  if (address === server) return err('address-of-server');
  const prefixLength = maskBits(message) ?? fallback?.prefixLength ?? maskFor(address, policy.missingMask);
  if (prefixLength === undefined) return err('no-subnet-mask');
  if (!isHostAddress(prefixOf(address, prefixLength), address)) return err('address-not-a-host');
  const leaseS = readOption(message, 'leaseTime');
  if (leaseS === 0) return err('zero-lease-time');
  if (leaseS === undefined && fallback === undefined) return err('no-lease-time');
  const { repaired, ...times } =
    leaseS === undefined
      ? { ...timesOf(fallback as LeaseTerms), repaired: false }
      : leaseTimes(
          {
            leaseS,
            renewS: readOption(message, 'renewalTime'),
            rebindS: readOption(message, 'rebindingTime'),
          },
          policy.leaseMsMax,
        );
  return ok({ terms: { address, prefixLength, ...times, ...networkParameters(message, server) }, repaired });
}

export function networkParameters(message: DhcpMessage, server: Ipv4Address): NetworkParameters {
  const routers = hosts(message, 'routers');
  return {
    server,
    routers,
    routes: routesOf(message, routers),
    dnsServers: hosts(message, 'dnsServers'),
    domainName: readOption(message, 'domainName'),
    mtu: readOption(message, 'interfaceMtu'),
    options: [...message.options],
  };
}

function timesOf({ leaseMs, renewMs, rebindMs }: LeaseTerms): Pick<LeaseTerms, 'leaseMs' | 'renewMs' | 'rebindMs'> {
  return { leaseMs, renewMs, rebindMs };
}

function maskFor(address: Ipv4Address, policy: MissingMask): number | undefined {
  if (policy === 'reject') return undefined;
  if (policy === 'host') return 32;
  const first = address >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/** RFC 8925 §3.1: four octets of seconds; any other length is no option. */
export function ipv6OnlyWaitS(message: DhcpMessage): number | undefined {
  const seconds = readOption(message, 'ipv6OnlyPreferred');
  return seconds === undefined ? undefined : Math.max(seconds, IPV6_ONLY_WAIT_S_MIN);
}

/** MIN_V6ONLY_WAIT (RFC 8925 §3.4). */
const IPV6_ONLY_WAIT_S_MIN = 300;
