import { type Datagram, type Ipv4Address, type Millis, readU32, SECOND } from '@nexus-net/sansio';
import type { DhcpMessage } from '../message.js';
import type { DecodedDhcpMessage } from '../message-decode.js';
import { replyLengthMax } from '../message-fit.js';
import { BROADCAST_FLAG } from '../names.js';
import { classesOf, NO_CLASSES, type ResolvedClass } from './client-class.js';
import { type ClientIdentity, identify } from './identity.js';
import { OPTION, RELAY_SUBOPTION } from './option-codes.js';

/** The fixed fields that decide where a reply goes and what it copies. */
export type RequestHeader = Pick<DhcpMessage, 'htype' | 'hlen' | 'xid' | 'flags' | 'ciaddr' | 'giaddr' | 'chaddr'>;

/** A client's message with the options that the server reads, each checked for its length. Its octets are views of the datagram. */
export interface ServerRequest {
  readonly message: RequestHeader;
  readonly datagram: Pick<Datagram, 'source' | 'destination'>;
  /** Value of option 53. */
  readonly type: number;
  readonly client: ClientIdentity;
  /** Option 61 as it came, for the echo (RFC 6842 §3). */
  readonly clientIdOption: Uint8Array | undefined;
  /** Option 50; `undefined` where absent, malformed or 0.0.0.0. */
  readonly requestedAddress: Ipv4Address | undefined;
  /** Option 54. */
  readonly serverIdentifier: Ipv4Address | undefined;
  /** Option 51, `Infinity` for 0xffffffff. */
  readonly leaseMs: Millis | undefined;
  /** Option 55; `undefined` where absent or empty. */
  readonly parameterList: Uint8Array | undefined;
  /** Octets of DHCP message that the client takes (option 57) and the wire carries. */
  readonly replyLengthMax: number;
  readonly rapidCommit: boolean;
  /** Option 118 (RFC 3011). */
  readonly subnetSelection: Ipv4Address | undefined;
  /** Option 82, to be echoed as it came. */
  readonly relayInformation: Uint8Array | undefined;
  readonly relay: RelayInformation;
  /** The configured classes that the sender belongs to. */
  readonly classes: readonly ResolvedClass[];
}

/** What the server reads of option 82. Empty where no relay forwarded the message: then nobody vouches for it (RFC 3046 §2.1). */
export interface RelayInformation {
  readonly circuit: Uint8Array | undefined;
  readonly remote: Uint8Array | undefined;
  readonly linkSelection: Ipv4Address | undefined;
  readonly serverIdOverride: Ipv4Address | undefined;
  /** Replies go to the port the message came from, not to 67 (RFC 8357 §4.2). */
  readonly answerSourcePort: boolean;
}

const INFINITE_SECONDS = 0xffffffff;
const NO_RELAY: RelayInformation = {
  circuit: undefined,
  remote: undefined,
  linkSelection: undefined,
  serverIdOverride: undefined,
  answerSourcePort: false,
};

/** `undefined` where nothing identifies the client. */
export function readRequest(
  message: DecodedDhcpMessage,
  datagram: Datagram,
  { type, mtu, classes }: { readonly type: number; readonly mtu: number; readonly classes: readonly ResolvedClass[] },
): ServerRequest | undefined {
  const { options } = message;
  const clientIdOption = options.get(OPTION.clientIdentifier);
  const client = identify(message, clientIdOption);
  if (client === undefined) return undefined;
  const seconds = options.u32(OPTION.leaseTime);
  const requestedAddress = options.u32(OPTION.requestedAddress) as Ipv4Address | undefined;
  const relayInformation = options.get(OPTION.relayAgentInformation);
  const parameterList = options.get(OPTION.parameterRequestList);
  const request: ServerRequest = {
    message,
    datagram,
    type,
    client,
    clientIdOption,
    requestedAddress: requestedAddress === 0 ? undefined : requestedAddress,
    serverIdentifier: options.u32(OPTION.serverIdentifier) as Ipv4Address | undefined,
    leaseMs: seconds === undefined ? undefined : seconds === INFINITE_SECONDS ? Number.POSITIVE_INFINITY : seconds * SECOND,
    parameterList: parameterList?.length === 0 ? undefined : parameterList,
    replyLengthMax: replyLengthMax(message, mtu),
    rapidCommit: options.get(OPTION.rapidCommit)?.length === 0,
    subnetSelection: options.u32(OPTION.subnetSelection) as Ipv4Address | undefined,
    relayInformation,
    relay: relayInformation === undefined || message.giaddr === 0 ? NO_RELAY : readRelayInformation(relayInformation),
    classes: NO_CLASSES,
  };
  return classes.length === 0 ? request : { ...request, classes: classesOf(classes, { options, relay: request.relay }) };
}

/** The same request with octets of its own: for one that waits, while the caller reuses the datagram. */
export function keepRequest(request: ServerRequest): ServerRequest {
  const { message, datagram, clientIdOption, parameterList, relayInformation, relay } = request;
  const { htype, hlen, xid, flags, ciaddr, giaddr, chaddr } = message;
  const information = relayInformation && new Uint8Array(relayInformation); // not slice(): that of a Buffer is a view
  return {
    ...request,
    message: { htype, hlen, xid, flags, ciaddr, giaddr, chaddr: new Uint8Array(chaddr) },
    datagram: { source: datagram.source, destination: datagram.destination },
    clientIdOption: clientIdOption && new Uint8Array(clientIdOption),
    parameterList: parameterList && new Uint8Array(parameterList),
    relayInformation: information,
    relay: relay === NO_RELAY || information === undefined ? NO_RELAY : readRelayInformation(information),
  };
}

export function wantsBroadcastReply(request: ServerRequest): boolean {
  return (request.message.flags & BROADCAST_FLAG) !== 0;
}

/** Sub-options of option 82; the first of each counts, one that runs past the end ends the list. */
function readRelayInformation(value: Uint8Array): RelayInformation {
  let circuit: Uint8Array | undefined;
  let remote: Uint8Array | undefined;
  let linkSelection: Ipv4Address | undefined;
  let serverIdOverride: Ipv4Address | undefined;
  let answerSourcePort = false;
  for (let at = 0; at + 2 <= value.length; ) {
    const end = at + 2 + (value[at + 1] as number);
    if (end > value.length) break;
    const content = value.subarray(at + 2, end);
    const code = value[at];
    if (code === RELAY_SUBOPTION.circuitId) circuit ??= content;
    else if (code === RELAY_SUBOPTION.remoteId) remote ??= content;
    else if (code === RELAY_SUBOPTION.linkSelection) linkSelection ??= address(content);
    else if (code === RELAY_SUBOPTION.serverIdOverride) serverIdOverride ??= address(content);
    else if (code === RELAY_SUBOPTION.sourcePort) answerSourcePort = true;
    at = end;
  }
  return { circuit, remote, linkSelection, serverIdOverride, answerSourcePort };
}

function address(value: Uint8Array): Ipv4Address | undefined {
  return value.length === 4 ? (readU32(value, 0) as Ipv4Address) : undefined;
}
