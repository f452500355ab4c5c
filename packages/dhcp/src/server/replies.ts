import { IPV4_ANY, type Ipv4Address, type Millis, SECOND, writeU32 } from '@nexus-net/sansio';
import type { DhcpMessage } from '../message.js';
import { encodeDhcpMessage } from '../message-encode.js';
import { fitDhcpMessage } from '../message-fit.js';
import { BOOT_REPLY, BROADCAST_FLAG, DHCP_MESSAGE_TYPE } from '../names.js';
import type { DhcpOption } from '../option-list.js';
import { addressOctets, type ResolvedConfig, type ResolvedSubnet } from './config.js';
import { OPTION } from './option-codes.js';
import type { ReplyBuffer } from './reply-buffer.js';
import type { RequestHeader, ServerRequest } from './request.js';

export interface ReplyContext {
  readonly config: ResolvedConfig;
  readonly subnet: ResolvedSubnet;
  readonly request: ServerRequest;
  /** Where the reply is written. */
  readonly buffer: ReplyBuffer;
}

export interface LeaseReply {
  readonly type: 'offer' | 'ack';
  readonly yiaddr: Ipv4Address;
  readonly ciaddr: Ipv4Address;
  /** `Infinity` for ever. */
  readonly leaseMs: Millis;
  readonly rapidCommit: boolean;
}

const EMPTY_FILE: Uint8Array = new Uint8Array(128);
const EMPTY_NAME: Uint8Array = new Uint8Array(64);
const EMPTY: Uint8Array = new Uint8Array(0);

/** An OFFER or ACK of an address (RFC 2131 §4.3.1, table 3). */
export function encodeLeaseReply(context: ReplyContext, reply: LeaseReply): Uint8Array {
  const { config, request } = context;
  const options = openOptions(context, reply.type);
  const seconds = leaseSeconds(reply.leaseMs);
  options.push(...timesOf(config, seconds));
  if (reply.rapidCommit) options.push({ code: OPTION.rapidCommit, value: EMPTY });
  return encodeReply(context, {
    mandatory: options,
    ciaddr: reply.ciaddr,
    yiaddr: reply.yiaddr,
    flags: request.message.flags & BROADCAST_FLAG,
  });
}

/** The ACK of an INFORM: parameters, but no address and no time (RFC 2131 §4.3.5). */
export function encodeInformReply(context: ReplyContext): Uint8Array {
  const { message } = context.request;
  return encodeReply(context, {
    mandatory: openOptions(context, 'ack'),
    ciaddr: message.ciaddr,
    yiaddr: IPV4_ANY,
    flags: message.flags & BROADCAST_FLAG,
  });
}

/** A NAK carries nothing but who says it, and why (RFC 2131 table 3). */
export function encodeNak(context: Pick<ReplyContext, 'config' | 'request'>, text: string): Uint8Array {
  const { config, request } = context;
  const { message } = request;
  const options = openOptions({ config, request }, 'nak');
  options.push({ code: OPTION.message, value: Uint8Array.from(text, (character) => character.charCodeAt(0)) });
  closeOptions(options, request);
  // §4.3.2: through a relay the broadcast bit is set, so that the client hears the relay though its address is wrong.
  const broadcast = message.giaddr === IPV4_ANY ? message.flags & BROADCAST_FLAG : BROADCAST_FLAG;
  return encodeDhcpMessage({
    ...copied(message),
    ciaddr: IPV4_ANY,
    yiaddr: IPV4_ANY,
    siaddr: IPV4_ANY,
    flags: broadcast,
    sname: EMPTY_NAME,
    file: EMPTY_FILE,
    options,
  });
}

/** RFC 2131 §3.3: 0xffffffff is for ever, so the longest finite time is one second less. At least one second. */
export function leaseSeconds(leaseMs: Millis): number {
  if (leaseMs === Number.POSITIVE_INFINITY) return INFINITE_SECONDS;
  return Math.min(Math.max(1, Math.floor(leaseMs / SECOND)), INFINITE_SECONDS - 1);
}

const INFINITE_SECONDS = 0xffffffff;

/** The identifier that the client shall answer to: the relay's where it insists on one (RFC 5107 §4). */
export function serverIdentifierFor(config: ResolvedConfig, request: ServerRequest): Ipv4Address {
  return request.relay.serverIdOverride ?? config.address;
}

function openOptions(
  { config, request }: Pick<ReplyContext, 'config' | 'request'>,
  type: keyof typeof TYPE_OPTION,
): DhcpOption[] {
  const override = request.relay.serverIdOverride;
  const identifier =
    override === undefined ? config.serverIdentifier : { code: OPTION.serverIdentifier, value: addressOctets([override]) };
  return [TYPE_OPTION[type], identifier];
}

const TYPE_OPTION = {
  offer: { code: OPTION.messageType, value: Uint8Array.of(DHCP_MESSAGE_TYPE.offer) },
  ack: { code: OPTION.messageType, value: Uint8Array.of(DHCP_MESSAGE_TYPE.ack) },
  nak: { code: OPTION.messageType, value: Uint8Array.of(DHCP_MESSAGE_TYPE.nak) },
} as const;

/** Echoes: the client identifier (RFC 6842 §3), and last of all what a relay added (RFC 3046 §2.1). */
function closeOptions(options: DhcpOption[], { clientIdOption, relayInformation }: ServerRequest): void {
  if (clientIdOption !== undefined) options.push({ code: OPTION.clientIdentifier, value: clientIdOption });
  if (relayInformation !== undefined) options.push({ code: OPTION.relayAgentInformation, value: relayInformation });
}

function encodeReply(
  context: ReplyContext,
  reply: {
    readonly mandatory: DhcpOption[];
    readonly ciaddr: Ipv4Address;
    readonly yiaddr: Ipv4Address;
    readonly flags: number;
  },
): Uint8Array {
  const { config, request } = context;
  const options = reply.mandatory;
  addParameters(options, context);
  closeOptions(options, request);
  const { htype, hlen, xid, giaddr, chaddr } = request.message;
  const message: DhcpMessage = {
    // Written out: a spread costs more here than all of the encoder.
    op: BOOT_REPLY,
    htype,
    hlen,
    hops: 0,
    xid,
    secs: 0,
    giaddr,
    chaddr,
    ciaddr: reply.ciaddr,
    yiaddr: reply.yiaddr,
    siaddr: config.nextServer,
    flags: reply.flags,
    sname: config.serverName,
    file: config.bootFile,
    options,
  };
  // What the client's buffer can't hold is left out whole (RFC 2132 §9.10), what only file and sname can hold goes there.
  const { buffer } = context;
  const lengthMax = request.replyLengthMax;
  buffer.reserve(lengthMax);
  const { bytes } = fitDhcpMessage(message, { lengthMax, into: buffer.bytes, offset: buffer.offset });
  buffer.keep(bytes.length);
  return bytes;
}

/**
 * The configured options that the client asks for, in its order (RFC 2131 §4.3.1), and the mask in any case; without a
 * list all of them.
 */
function addParameters(options: DhcpOption[], { subnet, request }: ReplyContext): void {
  const first = options.length;
  const configured = optionsFor(subnet, request);
  const mask = configured.get(OPTION.subnetMask);
  if (mask !== undefined) options.push(mask);
  const list = request.parameterList;
  if (list === undefined) {
    for (const option of configured.values()) if (option !== mask) options.push(option);
    return;
  }
  for (let i = 0; i < list.length; i++) {
    const option = configured.get(list[i] as number);
    if (option !== undefined && !options.includes(option, first)) options.push(option);
  }
}

/** The network's options, and those of the client's classes: the first class that has a code counts, and counts more. */
function optionsFor(subnet: ResolvedSubnet, { classes }: ServerRequest): ReadonlyMap<number, DhcpOption> {
  if (classes.length === 0) return subnet.options;
  const options = new Map(subnet.options);
  for (let i = classes.length - 1; i >= 0; i--) for (const [code, option] of classes[i]?.options ?? []) options.set(code, option);
  return options;
}

type Copied = Pick<DhcpMessage, 'op' | 'htype' | 'hlen' | 'hops' | 'xid' | 'secs' | 'giaddr' | 'chaddr'>;

/** What every reply copies from the request (RFC 2131 table 3): the transaction, the client, the relay. */
function copied({ htype, hlen, xid, giaddr, chaddr }: RequestHeader): Copied {
  return { op: BOOT_REPLY, htype, hlen, hops: 0, xid, secs: 0, giaddr, chaddr };
}

/** Options 51, 58 and 59. Most replies of a server have the same times, so those of the last one are kept. */
function timesOf(config: ResolvedConfig, seconds: number): readonly DhcpOption[] {
  const { lastTimes } = config;
  if (lastTimes.seconds === seconds) return lastTimes.options;
  const options = [seconds32(OPTION.leaseTime, seconds)];
  if (seconds !== INFINITE_SECONDS) {
    // Floors keep T1 <= T2 <= lease in whole seconds, which §4.4.5 asks for.
    options.push(seconds32(OPTION.renewalTime, Math.floor(seconds * config.renewFraction)));
    options.push(seconds32(OPTION.rebindingTime, Math.floor(seconds * config.rebindFraction)));
  }
  lastTimes.seconds = seconds;
  lastTimes.options = options;
  return options;
}

function seconds32(code: number, seconds: number): DhcpOption {
  const value = new Uint8Array(4);
  writeU32(value, 0, seconds);
  return { code, value };
}
