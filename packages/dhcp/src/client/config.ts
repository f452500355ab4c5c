import {
  type Entropy,
  type Ipv4Address,
  isIpv4Unicast,
  isMacGroup,
  type MacAddress,
  type Millis,
  macToBytes,
  NEVER,
  requireArgument,
  SECOND,
} from '@nexus-net/sansio';
import type { DhcpLease, LeaseTerms } from '../lease.js';
import { HARDWARE_TYPE } from '../names.js';
import type { DhcpOption } from '../option-list.js';
import { OPTIONS } from '../options/table.js';
import type { MissingMask } from './accept.js';
import type { ClientProfile } from './messages.js';

/** Chooses one of the offers collected, in order of arrival, or none: then the client goes on collecting. Must be pure. */
export type ChooseOffer = (offers: readonly LeaseTerms[]) => LeaseTerms | undefined;

/** HMAC-MD5 (RFC 2104): 16 octets. Comes from outside, for a pure package has no cryptography. */
export type HmacMd5 = (input: { readonly key: Uint8Array; readonly message: Uint8Array }) => Uint8Array;

export interface DhcpClientConfig {
  readonly mac: MacAddress;
  /** For transaction ids and jitter. */
  readonly entropy: Entropy;
  /** Option 61, 2..255 octets, or `none`. Default: hardware type and MAC (RFC 2132 §9.14). Keep it the same for ever. */
  readonly clientId?: Uint8Array | 'none';
  /** Option 12, 1..255 octets of ASCII. Default: none sent. */
  readonly hostname?: string;
  /** Option 60, 1..255 octets of ASCII. Default: none sent. */
  readonly vendorClass?: string;
  /** Option 55. Default 1, 121, 3, 6, 15, 26, 28, 42, 51, 58, 59, 119. RFC 3442 wants 121 before 3. */
  readonly parameterRequestList?: readonly number[];
  /** More options for DISCOVER, REQUEST and INFORM (77, 81, 93 …). None of those that the client sets itself. */
  readonly extraOptions?: readonly DhcpOption[];
  /** Option 57, octets, 576..65507. Default 1472: what an Ethernet frame carries. */
  readonly maxMessageLength?: number;
  /** Ask for replies by broadcast: for hosts that can't receive unicast before they have an address. Default false. */
  readonly broadcastReplies?: boolean;
  /** A lease of an earlier run: start with INIT-REBOOT. Its instants are on the time axis of this run. */
  readonly remembered?: DhcpLease;
  /** An address to ask for in DISCOVER (option 50). Default: that of the last expired lease, if any. */
  readonly requestedAddress?: Ipv4Address;
  /** Seconds to ask for (option 51), 1..2^32-1. Default: not said. */
  readonly requestedLeaseS?: number;
  /** Random wait before the first DISCOVER after `start` and `linkUp`. RFC 2131 §4.4.1: 1..10 s. Default 0..0: at once. */
  readonly startDelayMs?: { readonly low: Millis; readonly high: Millis };
  /** Time to collect offers, from the first one. Default 0: the first acceptable offer is taken. */
  readonly offerWindowMs?: Millis;
  /** Offers kept within the window; further ones are rejected and counted. Default 8. */
  readonly offerCountMax?: number;
  /** Default: the first. */
  readonly chooseOffer?: ChooseOffer;
  /**
   * A lease without a usable subnet mask: `reject` (default), the mask of the address class, or /32 (`host`). Never /0.
   * An ACK without one has the offer's, a renewal the lease's.
   */
  readonly missingMask?: MissingMask;
  /** A longer lease is cut to this. At least 1 min. Default `Infinity`. */
  readonly leaseMsMax?: Millis;
  /** REQUEST in REQUESTING is repeated so often before starting over. Default 4 (RFC 2131 §3.1.5). */
  readonly requestRetransmissionsMax?: number;
  /** REQUEST in REBOOTING is repeated so often. Default 3. */
  readonly rebootRetransmissionsMax?: number;
  /** Nobody answers in REBOOTING: `restart` with INIT (default), or `keep-lease` until it ends (RFC 2131 §3.2 allows both). */
  readonly rebootUnanswered?: 'restart' | 'keep-lease';
  /** INFORM is repeated so often. Default 3. */
  readonly informRetransmissionsMax?: number;
  /** Have the caller probe a new address before it is used (RFC 5227). Default false. */
  readonly conflictDetection?: boolean;
  /** No `probeResult` within this time: the address counts as free, and that is counted. Default 30 s. */
  readonly probeMsMax?: Millis;
  /** Wait after DECLINE. At least 10 s (RFC 2131 §3.1.5), the default. */
  readonly declineWaitMs?: Millis;
  /** After so many conflicts without a lease between, wait `conflictWaitMs`. Default 10 (RFC 5227 §1.1 MAX_CONFLICTS). */
  readonly conflictCountMax?: number;
  /** Default 60 s (RFC 5227 §1.1 RATE_LIMIT_INTERVAL). */
  readonly conflictWaitMs?: Millis;
  /** Wait after the first NAK in REQUESTING; doubles with each in a row. Default 1 s. */
  readonly nakWaitMsMin?: Millis;
  /** Default 30 min. */
  readonly nakWaitMsMax?: Millis;
  /** Messages within any minute, whatever a server does; 4 at least. Default 20, one of them kept for RELEASE or DECLINE. */
  readonly messagesPerMinuteMax?: number;
  /** `stop` sends RELEASE. Default false: the lease is remembered. */
  readonly releaseOnStop?: boolean;
  /** Ask for a lease in two messages (RFC 4039). Default false. */
  readonly rapidCommit?: boolean;
  /** Offer to do without IPv4 (RFC 8925). Default false. */
  readonly ipv6OnlyPreferred?: boolean;
  /** With a remembered lease, have the caller look for its routers first (RFC 4436). Default false. */
  readonly detectAttachment?: boolean;
  /** No `attachmentResult` within this time: INIT-REBOOT. Default 400 ms. */
  readonly detectMsMax?: Millis;
  /** Obey FORCERENEW authenticated with a nonce (RFC 6704). Default: every FORCERENEW is ignored. */
  readonly forceRenew?: { readonly hmacMd5: HmacMd5 };
  /** Events kept for `pollEvent`; further ones are dropped and counted. Default 256. */
  readonly eventCountMax?: number;
}

type Defaulted = Omit<
  DhcpClientConfig,
  | 'mac'
  | 'entropy'
  | 'clientId'
  | 'hostname'
  | 'vendorClass'
  | 'parameterRequestList'
  | 'extraOptions'
  | 'maxMessageLength'
  | 'broadcastReplies'
  | 'requestedLeaseS'
  | 'remembered'
  | 'requestedAddress'
  | 'forceRenew'
>;

/** The configuration with every default filled in. */
export interface ClientSettings extends Required<Defaulted> {
  readonly profile: ClientProfile;
  readonly entropy: Entropy;
  readonly remembered: DhcpLease | undefined;
  readonly requestedAddress: Ipv4Address | undefined;
  readonly hmacMd5: HmacMd5 | undefined;
}

/** Fills in the defaults. Throws `UsageError` where a value, or a relation between two, makes no sense. */
export function clientSettings(config: DhcpClientConfig): ClientSettings {
  const settings: ClientSettings = {
    profile: clientProfile(config),
    entropy: config.entropy,
    remembered: config.remembered,
    requestedAddress: config.requestedAddress,
    hmacMd5: config.forceRenew?.hmacMd5,
    startDelayMs: config.startDelayMs ?? { low: 0, high: 0 },
    offerWindowMs: config.offerWindowMs ?? 0,
    offerCountMax: config.offerCountMax ?? 8,
    chooseOffer: config.chooseOffer ?? ((offers) => offers[0]),
    missingMask: config.missingMask ?? 'reject',
    leaseMsMax: config.leaseMsMax ?? NEVER,
    requestRetransmissionsMax: config.requestRetransmissionsMax ?? 4,
    rebootRetransmissionsMax: config.rebootRetransmissionsMax ?? 3,
    rebootUnanswered: config.rebootUnanswered ?? 'restart',
    informRetransmissionsMax: config.informRetransmissionsMax ?? 3,
    conflictDetection: config.conflictDetection ?? false,
    probeMsMax: config.probeMsMax ?? 30 * SECOND,
    declineWaitMs: config.declineWaitMs ?? 10 * SECOND,
    conflictCountMax: config.conflictCountMax ?? 10,
    conflictWaitMs: config.conflictWaitMs ?? 60 * SECOND,
    nakWaitMsMin: config.nakWaitMsMin ?? SECOND,
    nakWaitMsMax: config.nakWaitMsMax ?? 30 * 60 * SECOND,
    messagesPerMinuteMax: config.messagesPerMinuteMax ?? 20,
    releaseOnStop: config.releaseOnStop ?? false,
    rapidCommit: config.rapidCommit ?? false,
    ipv6OnlyPreferred: config.ipv6OnlyPreferred ?? false,
    detectAttachment: config.detectAttachment ?? false,
    detectMsMax: config.detectMsMax ?? 400,
    eventCountMax: config.eventCountMax ?? 256,
  };
  checkSettings(settings);
  return settings;
}

function checkSettings(s: ClientSettings): void {
  const { low, high } = s.startDelayMs;
  requireArgument(isCount(low, 0) && isCount(high, low), 'startDelayMs is a range of whole milliseconds');
  requireArgument(s.offerWindowMs >= 0 && s.offerWindowMs < NEVER, 'offerWindowMs is 0 or more');
  requireArgument(isCount(s.offerCountMax, 1), 'offerCountMax is at least 1');
  requireArgument(s.leaseMsMax >= 60 * SECOND, 'leaseMsMax is at least a minute');
  requireArgument(isCount(s.requestRetransmissionsMax, 0), 'requestRetransmissionsMax is a count');
  requireArgument(isCount(s.rebootRetransmissionsMax, 0), 'rebootRetransmissionsMax is a count');
  requireArgument(isCount(s.informRetransmissionsMax, 0), 'informRetransmissionsMax is a count');
  requireArgument(s.probeMsMax > 0 && s.probeMsMax < NEVER, 'probeMsMax is above 0');
  requireArgument(s.declineWaitMs >= 10 * SECOND, 'declineWaitMs is at least 10 s (RFC 2131 §3.1.5)');
  requireArgument(isCount(s.conflictCountMax, 1), 'conflictCountMax is at least 1');
  requireArgument(s.conflictWaitMs >= s.declineWaitMs, 'conflictWaitMs is at least declineWaitMs');
  requireArgument(s.nakWaitMsMin > 0 && s.nakWaitMsMax >= s.nakWaitMsMin, 'nakWaitMsMax >= nakWaitMsMin > 0');
  requireArgument(isCount(s.messagesPerMinuteMax, 4), 'messagesPerMinuteMax is at least 4');
  requireArgument(s.detectMsMax > 0 && s.detectMsMax < NEVER, 'detectMsMax is above 0');
  requireArgument(isCount(s.eventCountMax, 1), 'eventCountMax is at least 1');
  requireArgument(s.remembered === undefined || isLease(s.remembered), 'remembered is a lease that this client gave');
  requireArgument(s.requestedAddress === undefined || isIpv4Unicast(s.requestedAddress), 'requestedAddress is unicast');
}

function clientProfile(config: DhcpClientConfig): ClientProfile {
  const { mac, extraOptions = [], maxMessageLength = 1472, requestedLeaseS } = config;
  requireArgument(mac !== 0 && !isMacGroup(mac), 'mac is the address of one station');
  const clientId = config.clientId === 'none' ? undefined : (config.clientId ?? clientIdFromMac(mac));
  requireArgument(clientId === undefined || (clientId.length >= 2 && clientId.length <= 255), 'clientId has 2..255 octets');
  requireArgument(isCount(maxMessageLength, 576) && maxMessageLength <= 65_507, 'maxMessageLength is 576..65507');
  requireArgument(
    requestedLeaseS === undefined || (isCount(requestedLeaseS, 1) && requestedLeaseS < 2 ** 32),
    'requestedLeaseS is 1..2^32-1',
  );
  const requested = config.parameterRequestList ?? DEFAULT_REQUEST_LIST;
  requireArgument(
    requested.every((code) => isCount(code, 1) && code <= 254) && new Set(requested).size === requested.length,
    'parameterRequestList has option codes 1..254, each once',
  );
  for (const { code } of extraOptions)
    requireArgument(isCount(code, 1) && code <= 254 && !OWN_OPTIONS.has(code), `option ${code} is not an extra option`);
  const text = [
    ...textOption(OPTIONS.vendorClass.code, config.vendorClass),
    ...textOption(OPTIONS.hostName.code, config.hostname),
  ];
  return {
    mac,
    clientId: clientId === undefined ? undefined : new Uint8Array(clientId),
    requestedOptions:
      (config.ipv6OnlyPreferred ?? false) && !requested.includes(OPTIONS.ipv6OnlyPreferred.code)
        ? [...requested, OPTIONS.ipv6OnlyPreferred.code]
        : requested,
    maxMessageLength,
    extraOptions: [...text, ...extraOptions.map(({ code, value }) => ({ code, value: new Uint8Array(value) }))],
    broadcastReplies: config.broadcastReplies ?? false,
    requestedLeaseS,
    rapidCommit: config.rapidCommit ?? false,
    forceRenewNonce: config.forceRenew !== undefined,
  };
}

/** RFC 2132 §9.14: hardware type and address. */
export function clientIdFromMac(mac: MacAddress): Uint8Array {
  return Uint8Array.of(HARDWARE_TYPE.ethernet, ...macToBytes(mac));
}

/**
 * RFC 4361 §6.1: 255, the number of the interface (IAID, unsigned 32 bit), the node's DUID. The same DUID in DHCPv6 lets a
 * site recognise the node.
 */
export function clientIdFromDuid({ iaid, duid }: { readonly iaid: number; readonly duid: Uint8Array }): Uint8Array {
  requireArgument(Number.isInteger(iaid) && iaid >= 0 && iaid < 2 ** 32, 'iaid is an unsigned 32-bit integer');
  requireArgument(duid.length >= 3 && duid.length <= 130, 'a DUID has 3..130 octets (RFC 8415 §11.1)');
  return Uint8Array.of(255, iaid >>> 24, iaid >>> 16, iaid >>> 8, iaid, ...duid);
}

function textOption(code: number, text: string | undefined): readonly DhcpOption[] {
  if (text === undefined) return [];
  requireArgument(/^[\x20-\x7e]{1,255}$/.test(text), `option ${code} is 1..255 printable ASCII characters`);
  return [{ code, value: Uint8Array.from(text, (character) => character.charCodeAt(0)) }];
}

/** What was stored comes from outside: an address that can be ours, and T1 <= T2 <= end, which the timers build on. */
function isLease({ address, server, prefixLength, renewAt, rebindAt, expiresAt }: DhcpLease): boolean {
  const addresses = isIpv4Unicast(address) && isIpv4Unicast(server) && isCount(prefixLength, 1) && prefixLength <= 32;
  return addresses && renewAt <= rebindAt && rebindAt <= expiresAt;
}

function isCount(value: number, low: number): boolean {
  return Number.isSafeInteger(value) && value >= low;
}

const DEFAULT_REQUEST_LIST: readonly number[] = [1, 121, 3, 6, 15, 26, 28, 42, 51, 58, 59, 119];
/** Set by the client itself, or meant for a server. */
const OWN_OPTIONS: ReadonlySet<number> = new Set([12, 50, 51, 52, 53, 54, 55, 57, 58, 59, 60, 61, 80, 82, 90, 108, 145]);
