import { formatIpv4, type Ipv4Address, readU32 } from '@nexus-net/sansio';
import { type DhcpServerOptions, optionValue } from '../../src/index.js';
import type { CraftedStep } from './crafted-requests.js';

export type CraftedCheck = (steps: readonly CraftedStep[]) => string | undefined;

export interface CraftedOutcome {
  /** Different from the server of the captures. */
  readonly options?: Partial<DhcpServerOptions>;
  /** The type of the reply to each request, or `silent`. */
  readonly types: string;
  readonly check?: CraftedCheck;
}

function answers(types: string, check?: CraftedCheck, options: Partial<DhcpServerOptions> = {}): CraftedOutcome[] {
  return [{ types, options, ...(check !== undefined && { check }) }];
}

/** Authoritative as by default, and not. */
function byAuthority(types: string, otherwise: string): CraftedOutcome[] {
  return [{ types }, { types: otherwise, options: { authoritative: false } }];
}

const offer: CraftedOutcome[] = answers('offer');
const silent: CraftedOutcome[] = answers('silent');

function codesOf({ reply }: CraftedStep): number[] {
  return [...(reply?.message.options ?? [])].map(({ code }) => code);
}

function addressesOf(steps: readonly CraftedStep[]): string[] {
  return steps.map(({ reply }) => formatIpv4(reply?.message.yiaddr ?? (0 as Ipv4Address)));
}

/** Steps `a` and `b` (from 0) have the same address, or another one. */
function addressOf(b: number, relation: 'same' | 'other', a = 0): CraftedCheck {
  return (steps) => {
    const addresses = addressesOf(steps);
    return (addresses[a] === addresses[b]) === (relation === 'same') ? undefined : `addresses ${addresses.join(', ')}`;
  };
}

function both(...checks: readonly CraftedCheck[]): CraftedCheck {
  return (steps) => checks.map((check) => check(steps)).find((problem) => problem !== undefined);
}

function yiaddr(wanted: string): CraftedCheck {
  return (steps) => (addressesOf(steps)[0] === wanted ? undefined : `offers ${addressesOf(steps)[0]}`);
}

function seconds(wanted: number): CraftedCheck {
  return ([step]) => {
    const value = optionValue(step?.reply?.message.options ?? [], 51);
    const got = value === undefined ? undefined : readU32(value, 0);
    return got === wanted ? undefined : `a lease of ${got} s, expected ${wanted} s`;
  };
}

function octets(code: number, wanted: string): CraftedCheck {
  return ([step]) => {
    const got = optionValue(step?.reply?.message.options ?? [], code)?.join('.');
    return got === wanted ? undefined : `option ${code} is ${got}`;
  };
}

function contains(...wanted: readonly number[]): CraftedCheck {
  return ([step]) => {
    const codes = codesOf(step as CraftedStep);
    return wanted.every((code) => codes.includes(code)) ? undefined : `options ${codes.join()}`;
  };
}

function lacks(...unwanted: readonly number[]): CraftedCheck {
  return ([step]) => {
    const codes = codesOf(step as CraftedStep);
    return codes.some((code) => unwanted.includes(code)) ? `options ${codes.join()}` : undefined;
  };
}

function inOrder(...wanted: readonly number[]): CraftedCheck {
  return ([step]) => {
    const codes = codesOf(step as CraftedStep);
    const places = wanted.map((code) => codes.indexOf(code));
    return places.every((place, i) => place > (places[i - 1] ?? -1)) ? undefined : `options ${codes.join()}`;
  };
}

const eachOnce: CraftedCheck = ([step]) => {
  const codes = codesOf(step as CraftedStep);
  return new Set(codes).size === codes.length ? undefined : `options ${codes.join()}`;
};

function sizeAtMost(max: number): CraftedCheck {
  return ([step]) => {
    const length = step?.reply?.transmit.payload.length ?? 0;
    return length <= max && length >= 300 ? undefined : `a reply of ${length} octets`;
  };
}

/** The server tells whom it took the client for. */
function knownBy(prefix: 'hw' | 'id'): CraftedCheck {
  return ([step]) => {
    const [name] = step?.events.flatMap((event) => ('client' in event ? [event.client] : [])) ?? [];
    return name?.startsWith(prefix) ? undefined : `the client is ${name}`;
  };
}

function tells(type: string, wanted: boolean): CraftedCheck {
  return (steps) => {
    const told = steps.some(({ events }) => events.some((event) => event.type === type));
    return told === wanted ? undefined : `${type} is ${told ? '' : 'not '}told`;
  };
}

/** More name servers than fit into 576 octets. */
const CROWDED: Partial<DhcpServerOptions> = {
  dnsServers: Array.from({ length: 60 }, (_, i) => (0x0a4d0002 + i) as Ipv4Address),
  domainName: `${'long.'.repeat(40)}example`,
};

/** RFC 4388 §7: who leases what is nobody's business, unless the configuration says so. */
const ASKED_BY_RELAYS = { authoritative: true, leaseQuery: 'every-relay' } as Partial<DhcpServerOptions>;

/** RFC 4702 §4: a server that does no DNS updates may leave option 81 out; one that answers keeps its encoding. */
const noFqdn: CraftedOutcome[] = answers('offer', lacks(81));

/**
 * What the catalogue of situations requires of the server for each probe. Where it leaves a choice, the choice is that of
 * the README's table of decisions.
 */
export const CRAFTED_OUTCOMES: Readonly<Record<string, readonly CraftedOutcome[]>> = {
  'discover-minimal': offer,
  'discover-bcast-flag': offer,
  'discover-flags-mbz-set': offer,
  'discover-no-end': offer,
  'discover-no-pad-short': offer,
  'discover-548': offer,
  'discover-1400': offer,
  'discover-ciaddr-set': answers('offer', ([step]) => (step?.reply?.message.ciaddr === 0 ? undefined : 'ciaddr is copied')),
  'discover-hint-in-pool': answers('offer', yiaddr('10.77.0.150')),
  'discover-hint-server-ip': offer,
  'discover-hint-other-subnet': offer,
  'discover-hint-subnet-bcast': offer,
  'discover-hint-len3': offer,
  'discover-lease-0': answers('offer', seconds(60)),
  'discover-lease-1': answers('offer', seconds(60)),
  'discover-lease-60': answers('offer', seconds(60)),
  'discover-lease-4294967295': [
    ...answers('offer', seconds(86_400)),
    ...answers('offer', seconds(3600), { leaseMsMax: 3_600_000 }),
  ],
  'discover-maxsize-64': answers('offer', sizeAtMost(548), CROWDED),
  'discover-maxsize-300': answers('offer', sizeAtMost(548), CROWDED),
  'discover-maxsize-576': answers('offer', sizeAtMost(548), CROWDED),
  'discover-maxsize-1500': answers('offer', both(sizeAtMost(1472), contains(6, 15)), CROWDED),
  'discover-prl-empty': answers('offer', contains(1, 3, 6, 15)),
  'discover-prl-dups': answers('offer', both(contains(1, 3, 6), eachOnce)),
  'discover-prl-order-6-3-1': answers('offer', both(contains(6), inOrder(1, 3))),
  'discover-prl-repeated-concat': answers('offer', contains(6, 3, 1)),
  'discover-prl-121-before-3': answers('offer', inOrder(121, 3)),
  'discover-prl-all': answers('offer', both(contains(1, 3, 6, 15, 121), eachOnce)),
  'discover-cid-len0': answers('offer', knownBy('hw')),
  'discover-cid-len1': answers('offer', knownBy('hw')),
  'discover-cid-text': answers('offer', knownBy('id')),
  'discover-cid-duid': answers('offer', knownBy('id')),
  'discover-cid-255': answers('offer', knownBy('id')),
  'discover-htype6': answers('offer', knownBy('hw')),
  'discover-htype32-hlen0-cid': answers('offer', knownBy('id')),
  'discover-hlen0-nocid': silent,
  'discover-hlen16': offer,
  'discover-hlen17': silent,
  'discover-hlen255': silent,
  'discover-chaddr-padding': offer,
  'discover-hops-16': offer,
  'discover-hops-255': offer,
  'discover-secs-ffff': offer,
  'op2-to-67': silent,
  'op3-to-67': silent,
  'bad-cookie': silent,
  'bootp-with-cookie': silent,
  'bootp-no-cookie': silent,
  'bootp-236': silent,
  'msgtype-0': silent,
  'msgtype-9-forcerenew': silent,
  'msgtype-255': silent,
  'msgtype-2-offer': silent,
  'msgtype-5-ack': silent,
  'msgtype-len0': silent,
  'msgtype-len2': silent,
  'msgtype-dup-discover-request': silent,
  'msgtype-last': offer,
  'opt-truncated': offer,
  'opt-code-only': offer,
  'hostname-len0': offer,
  'hostname-nul': offer,
  'hostname-evil': answers('offer', lacks(12)),
  'overload-file-prl': answers('offer', both(contains(1, 3, 6, 15), lacks(28, 121))),
  'overload-both-53-in-sname': offer,
  'overload-recursive': offer,
  'fqdn-S-E': noFqdn,
  'fqdn-ascii': noFqdn,
  'fqdn-N-and-S': noFqdn,
  'fqdn-len2': noFqdn,
  'fqdn-label-64': noFqdn,
  'fqdn-empty-label': noFqdn,
  'userclass-rfc3004': offer,
  'userclass-raw-ipxe': offer,
  'rapid-commit': [...answers('offer', lacks(80)), ...answers('ack', contains(80), { rapidCommit: true })],
  'prl-108': [
    ...answers('offer', lacks(108)),
    ...answers('offer', octets(108, '0.0.1.44'), { options: [{ code: 108, value: Uint8Array.of(0, 0, 1, 44) }] }),
  ],
  'autoconf-116-1': answers('offer', lacks(116)),
  'subnet-selection-118-other': silent,
  'subnet-selection-118-own': offer,
  'src-10.77.0.77-unicast': offer,
  'dst-subnet-broadcast': offer,
  'sport-1068': offer,
  'bad-udp-csum': answers('silent', ([step]) => (step?.datagram === undefined ? undefined : 'the transport delivers it')),
  'zero-udp-csum': offer,
  'ip-fragmented': offer,
  'relay-giaddr-onlink': offer,
  'relay-bcast-flag': offer,
  'relay-82-echo': offer,
  'relay-82-empty': offer,
  'relay-82-subopt-zero-len': offer,
  'relay-82-malformed': offer,
  'relay-82-link-select-unknown': silent,
  'relay-82-link-select-own': offer,
  'relay-82-server-id-override': answers('offer', octets(54, '10.77.0.200')),
  'relay-82-relay-port-19': answers('offer', ([step]) => {
    const port = step?.reply?.transmit.destination.port;
    return port === 1067 ? undefined : `to port ${port}`;
  }),
  'relay-82-not-last': offer,
  '82-without-giaddr': offer,
  'relay-giaddr-unknown-subnet': silent,
  'relay-giaddr-is-server': silent,
  'relay-118-and-82.5': offer,
  dora: answers('offer ack', addressOf(1, 'same')),
  dora_bcast: answers('offer ack', addressOf(1, 'same')),
  dora_cid_echo_6842: answers('offer ack', both(addressOf(1, 'same'), knownBy('id'))),
  request_selecting_no_discover: answers('ack', yiaddr('10.77.0.160')),
  request_selecting_other_server: answers('offer silent'),
  request_selecting_other_address: answers('offer nak'),
  request_selecting_sid_ok_no_50: answers('offer silent'),
  request_selecting_ciaddr_set: answers('offer silent'),
  request_empty: silent,
  initreboot_own: answers('offer ack ack', both(addressOf(1, 'same'), addressOf(2, 'same'))),
  initreboot_unknown_in_subnet: byAuthority('ack', 'silent'),
  initreboot_in_subnet_out_of_pool: byAuthority('nak', 'silent'),
  initreboot_wrong_subnet: byAuthority('nak', 'silent'),
  initreboot_wrong_subnet_bcast: byAuthority('nak', 'silent'),
  initreboot_wrong_subnet_relay: byAuthority('nak', 'silent'),
  initreboot_others_address: byAuthority('offer ack nak', 'offer ack nak'),
  renew_own: answers('offer ack ack', addressOf(2, 'same')),
  renew_own_x2_same_xid_dup: answers('offer ack ack ack', both(addressOf(2, 'same'), addressOf(3, 'same'))),
  renew_unknown: byAuthority('ack', 'silent'),
  renew_others_address: byAuthority('offer ack nak', 'offer ack nak'),
  rebind_own: answers('offer ack ack', addressOf(2, 'same')),
  rebind_wrong_subnet: byAuthority('nak', 'silent'),
  renew_with_sid_and_50: answers('offer ack ack', addressOf(2, 'same')),
  release_then_other_gets: answers('offer ack silent offer offer', both(addressOf(3, 'same'), addressOf(4, 'other'))),
  release_by_stranger: answers('offer ack silent offer ack', both(addressOf(3, 'other'), addressOf(4, 'same'))),
  release_wrong_sid: answers('offer ack silent offer', both(tells('released', false), addressOf(3, 'other'))),
  release_no_sid: answers('offer ack silent offer', both(tells('released', true), addressOf(3, 'same'))),
  release_ciaddr_zero_50_set: answers('offer ack silent offer', both(tells('released', false), addressOf(3, 'other'))),
  decline_then_discover: answers('offer ack silent offer offer', both(addressOf(3, 'other'), addressOf(4, 'other'))),
  decline_by_stranger: answers('offer ack silent ack', both(tells('declined', false), addressOf(3, 'same'))),
  decline_no_sid: answers('offer ack silent offer', both(tells('declined', true), addressOf(3, 'other'))),
  decline_no_50_ciaddr: answers('offer ack silent offer', both(tells('declined', true), addressOf(3, 'other'))),
  inform_ciaddr: answers('ack', tells('leased', false)),
  inform_unicast: answers('ack', tells('leased', false)),
  inform_bcast_flag: answers('ack'),
  inform_ciaddr_zero_src_set: answers('ack'),
  inform_ciaddr_other_subnet: silent,
  inform_relayed: answers('ack'),
  discover_retransmit_same_offer: answers('offer offer', addressOf(1, 'same')),
  same_mac_two_cids: answers('offer ack offer ack', both(addressOf(2, 'other'), addressOf(3, 'same', 2))),
  same_cid_two_macs: answers('offer ack offer ack', both(addressOf(2, 'same'), addressOf(3, 'same'))),
  cid_then_no_cid: answers('offer ack offer ack', both(addressOf(2, 'other'), addressOf(3, 'same', 2))),
  leasequery_by_ip: answers('offer ack leaseActive', undefined, ASKED_BY_RELAYS),
  leasequery_by_mac: answers('offer ack leaseActive', undefined, ASKED_BY_RELAYS),
  leasequery_unknown: [...answers('leaseUnknown', undefined, ASKED_BY_RELAYS), ...silent],
  request_after_offer_taken_by_other: answers('offer nak ack', addressOf(2, 'same')),
};
