import {
  bytesEqual,
  type Datagram,
  formatIpv4,
  fromHex,
  IPV4_BROADCAST,
  type Ipv4Address,
  MAC_BROADCAST,
  parseIpv4,
  parseMac,
  parsePrefix,
  readMac,
  readU32,
} from '@nexus-net/sansio';
import { encodeUdpFrame, type Violation } from '@nexus-net/wire';
import {
  type DhcpMessage,
  DhcpServer,
  type DhcpServerEvent,
  type DhcpServerOptions,
  type DhcpServerTransmit,
  decodeDhcpMessage,
  dhcpMessageTypeName,
  messageType,
  optionValue,
} from '../../src/index.js';
import { CRAFTED_OUTCOMES } from './crafted-outcomes.js';
import { observe } from './scene.js';
import { datagramIn, editFrame, type VectorCase, type VectorFrame } from './vector-frames.js';
import type { VectorReport } from './vectors.js';

/** Hand-made requests of one client or several, and what each of some real servers answered. */
export interface CraftedProbe {
  readonly name: string;
  readonly cases: readonly VectorCase[];
  readonly servers: Readonly<Record<string, readonly CraftedExchange[]>>;
}

export interface CraftedExchange {
  readonly request: VectorFrame;
  readonly replies: readonly VectorFrame[];
}

/** One request and what our server did. */
export interface CraftedStep {
  /** As the transport delivers it; `undefined` where it doesn't. */
  readonly datagram: Datagram | undefined;
  /** `undefined` for what is no DHCP message. */
  readonly request: DhcpMessage | undefined;
  readonly reply: CraftedReply | undefined;
  /** Why there is no reply, and all else that the server told. */
  readonly events: readonly DhcpServerEvent[];
}

export interface CraftedReply {
  readonly type: string;
  readonly message: DhcpMessage;
  readonly transmit: DhcpServerTransmit;
}

const SERVER = parseIpv4('10.77.0.1');
const SERVER_MAC = parseMac('02:5e:77:00:00:01');

/** The server of the captures: pool .100 to .189, leases of 600 s, T1 300 s, T2 525 s, authoritative. */
export const CRAFTED_SERVER: DhcpServerOptions = {
  address: SERVER,
  prefix: parsePrefix('10.77.0.0/24'),
  pool: { first: parseIpv4('10.77.0.100'), last: parseIpv4('10.77.0.189') },
  leaseMs: 600_000,
  routers: [SERVER],
  dnsServers: [SERVER, parseIpv4('10.77.0.2')],
  domainName: 'lab.example',
  options: [{ code: 121, value: Uint8Array.of(0, 10, 77, 0, 1, 16, 10, 88, 10, 77, 0, 254) }],
};

/** Runs our server through each probe; a probe without a required outcome is a failure. */
export function checkCrafted(probes: readonly CraftedProbe[], progress: (id: string) => void = () => {}): VectorReport {
  const failed: { id: string; problem: string }[] = [];
  const notRun: { id: string; why: string }[] = [];
  let passed = 0;
  for (const probe of probes) {
    progress(probe.name);
    const problem = checkProbe(probe);
    if (problem === undefined) passed++;
    else if (typeof problem === 'string') failed.push({ id: probe.name, problem });
    else notRun.push({ id: probe.name, ...problem });
  }
  return { passed, failed, notRun };
}

function checkProbe(probe: CraftedProbe): string | { readonly why: string } | undefined {
  const outcomes = CRAFTED_OUTCOMES[probe.name];
  if (outcomes === undefined) return 'no outcome is known for this probe';
  for (const { options = {}, types, check = () => undefined } of outcomes) {
    const steps = runCrafted(probe, { ...CRAFTED_SERVER, ...options });
    const got = steps.map(({ reply }) => reply?.type ?? 'silent').join(' ');
    if (got !== types) {
      const labels = steps.flatMap(({ events }) => events.flatMap((event) => (event.type === 'rejected' ? [event.label] : [])));
      // A whole kind of message that the server doesn't speak; any other difference is a failure.
      if (types.includes('lease') && labels.includes('unexpected-type')) return { why: 'the server has no lease query' };
      return `answers ${got} (${labels.join(', ')}), expected ${types}`;
    }
    const problem = steps.map(checkReply).find((one) => one !== undefined) ?? checkWitness(steps) ?? check(steps);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

export function runCrafted({ servers }: CraftedProbe, options: DhcpServerOptions): CraftedStep[] {
  // Some servers stopped answering in the middle: the one that was asked most tells what the client did.
  const recorded = Object.values(servers).reduce((a, b) => (b.length > a.length ? b : a), []);
  const server = new DhcpServer(options);
  const addresses = new Map<number, number>();
  const steps: CraftedStep[] = [];
  for (const [i, { request, replies }] of recorded.entries()) {
    const frame = editFrame(fromHex(request.frame), { addresses });
    const datagram = datagramIn(frame);
    if (datagram !== undefined) server.handleDatagram(i * 1000, datagram);
    const step = { datagram, request: messageIn(datagram?.payload), ...drain(server) };
    steps.push(step);
    // The client goes on with the address that our server gave it, where the recorded one gave another.
    const theirs = messageIn(datagramIn(fromHex(replies[0]?.frame ?? ''))?.payload)?.yiaddr ?? 0;
    const ours = step.reply?.message.yiaddr ?? 0;
    if (theirs !== 0 && ours !== 0) addresses.set(theirs, ours);
  }
  return steps;
}

function drain(server: DhcpServer): Pick<CraftedStep, 'reply' | 'events'> {
  const transmit = server.pollTransmit();
  if (server.pollTransmit() !== undefined) throw new Error('two replies to one request');
  const events: DhcpServerEvent[] = [];
  for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) events.push(event);
  if (transmit === undefined) return { reply: undefined, events };
  const decoded = decodeDhcpMessage(transmit.payload, { strict: true });
  if (!decoded.ok) throw new Error(`the server sends what cannot be read: ${decoded.error}`);
  const type = dhcpMessageTypeName(messageType(decoded.value) ?? 0) ?? 'none';
  return { reply: { type, message: decoded.value, transmit }, events };
}

/** What holds for every reply: RFC 2131 table 3, §4.1 for where it goes, and the options that have to come back. */
function checkReply({ request, datagram, reply }: CraftedStep): string | undefined {
  if (reply === undefined) return undefined;
  if (request === undefined || datagram === undefined) return 'a reply to what is no message';
  const { message, type } = reply;
  for (const field of ['xid', 'htype', 'hlen', 'giaddr'] as const)
    if (message[field] !== request[field]) return `${field} is ${message[field]}, not ${request[field]}`;
  if (!bytesEqual(message.chaddr, request.chaddr)) return 'chaddr is not the one of the request';
  const broadcast = type === 'nak' && request.giaddr !== 0 ? 0x8000 : request.flags & 0x8000;
  if (message.flags !== broadcast) return `flags are 0x${message.flags.toString(16)}`;
  const destination = destinationOf(request, datagram, reply);
  const got = `${formatIpv4(reply.transmit.destination.address)}:${reply.transmit.destination.port}`;
  if (got !== destination) return `sent to ${got}, not ${destination}`;
  const clientId = optionValue(request.options, 61);
  if (
    clientId !== undefined &&
    clientId.length > 1 &&
    !bytesEqual(optionValue(message.options, 61) ?? new Uint8Array(0), clientId)
  )
    return 'option 61 does not come back';
  const relay = optionValue(request.options, 82);
  const last = [...message.options].at(-1);
  if (relay !== undefined && !(last?.code === 82 && bytesEqual(last.value, relay)))
    return 'option 82 does not come back as the last';
  return type === 'offer' || type === 'ack' ? checkGrant(request, message) : undefined;
}

function checkGrant(request: DhcpMessage, message: DhcpMessage): string | undefined {
  const times = [58, 59, 51].map((code) => optionValue(message.options, code)).map((value) => (value ? readU32(value, 0) : -1));
  if (messageType(request) === 8)
    return message.yiaddr === 0 && times.every((time) => time === -1) ? undefined : 'the ACK of an INFORM grants an address';
  const { yiaddr } = message;
  const { pool } = CRAFTED_SERVER as { pool: { first: Ipv4Address; last: Ipv4Address } };
  if (yiaddr < pool.first || yiaddr > pool.last) return `yiaddr is ${formatIpv4(yiaddr)}, which is in no pool`;
  const [renew, rebind, lease] = times as [number, number, number];
  if (!(0 < renew && renew < rebind && rebind < lease)) return `T1 ${renew}, T2 ${rebind}, lease ${lease}`;
  return optionValue(message.options, 1) === undefined ? 'no subnet mask' : undefined;
}

/** RFC 2131 §4.1 and §4.3.2, RFC 8357 for the port of a relay. */
function destinationOf(request: DhcpMessage, { source }: Datagram, { type, message }: CraftedReply): string {
  const { giaddr, ciaddr, flags, htype, hlen } = request;
  const inform = messageType(request) === 8;
  if (giaddr !== 0 && !inform) {
    const port = optionValue(request.options, 82)?.[0] === 19 ? source.port : 67;
    return `${formatIpv4(giaddr)}:${port}`;
  }
  if (inform) return `${formatIpv4(ciaddr === 0 ? source.address : ciaddr)}:68`;
  if (type !== 'nak') {
    if (messageType(request) === 3 && ciaddr !== 0) return `${formatIpv4(ciaddr)}:68`;
    if (flags < 0x8000 && htype === 1 && hlen === 6) return `${formatIpv4(message.yiaddr)}:68`;
  }
  return `${formatIpv4(IPV4_BROADCAST)}:68`;
}

/** The witness finds nothing wrong with a reply but what it had to copy. The requests are meant to be wrong. */
function checkWitness(steps: readonly CraftedStep[]): string | undefined {
  const frames: { at: number; bytes: Uint8Array; reply: boolean }[] = [];
  const isReply = ({ frames: numbers }: Violation): boolean => frames[(numbers.at(-1) as number) - 1]?.reply === true;
  for (const [i, { datagram, request, reply }] of steps.entries()) {
    if (datagram === undefined || request === undefined) continue;
    const mac = request.hlen === 6 ? readMac(request.chaddr, 0) : parseMac('02:00:00:00:00:07');
    const link = { source: request.giaddr === 0 ? mac : parseMac('02:00:00:00:00:09'), destination: MAC_BROADCAST };
    frames.push({ at: i * 1000, bytes: encodeUdpFrame({ link, datagram }), reply: false });
    if (reply === undefined) continue;
    const { linkDestination, ...answer } = reply.transmit;
    const back = { source: SERVER_MAC, destination: linkDestination ?? MAC_BROADCAST };
    frames.push({ at: i * 1000, bytes: encodeUdpFrame({ link: back, datagram: answer }), reply: true });
  }
  const { violations } = observe(frames);
  const copied = new Set(violations.filter((one) => !isReply(one)).map(({ rule }) => rule));
  const blamed = violations.find((one) => isReply(one) && !copied.has(one.rule));
  return blamed === undefined ? undefined : `a reply breaks ${blamed.rule}: ${blamed.message}`;
}

function messageIn(payload: Uint8Array | undefined): DhcpMessage | undefined {
  const decoded = payload === undefined ? undefined : decodeDhcpMessage(payload);
  return decoded?.ok ? decoded.value : undefined;
}
