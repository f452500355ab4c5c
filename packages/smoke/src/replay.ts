import {
  clientMac,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  DhcpClient,
  DhcpServer,
  decodeDhcpMessage,
  dhcpMessageTypeName,
  messageType,
} from '@nexus-net/dhcp';
import { Host } from '@nexus-net/net-os';
import {
  type Datagram,
  formatIpv4,
  formatMac,
  isMacGroup,
  prefixLength,
  readU32,
  SeededEntropy,
  writeU32,
} from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Dissection, describeFact, dissect, type Fact, FrameDissector, type Violation } from '@nexus-net/wire';
import type { CaptureFrame, CaptureFrames } from './capture-file.js';
import { counted, witnessFrames } from './inspect.js';
import { printable } from './printable.js';

/** What each machine made of a capture. */
export interface Replay {
  readonly schema: 'nexus-net/replay/1';
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  readonly violations: readonly Violation[];
  /** What our server answers to the clients of the capture: `OFFER 10.0.2.15 to 52:54:00:12:34:56`. */
  readonly server: readonly string[];
  /** What a client of ours makes of the replies to the first client of the capture. */
  readonly client: readonly string[];
  /** What a host of ours at the gateway's address answers. */
  readonly host: { readonly frames: number; readonly answers: number };
  /** With a run's verdict beside the capture: are the facts of the live run those of the replay? */
  readonly sameFacts?: boolean;
  readonly endsEarly?: string;
}

/** The facts that a live run listed in its report. */
export interface LiveFacts {
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  /** Were all of them listed? Otherwise only the first ones are compared. */
  readonly isWhole: boolean;
}

/** Feeds a capture to witness, server, client and host machines, without QEMU and without a clock. Total: any frames. */
export function replayFrames(capture: CaptureFrames, live?: LiveFacts): Replay {
  const { facts, violations } = witnessFrames(capture.frames);
  const described = facts.map(describedFact);
  const seed = new SeededEntropy('replay');
  return {
    schema: 'nexus-net/replay/1',
    facts: described,
    violations,
    server: replayServer(capture.frames),
    client: replayClient(capture.frames, seed.fork('client')),
    host: replayHost(capture.frames, seed.fork('host')),
    ...(live !== undefined && { sameFacts: sameFacts(described, live) }),
    ...(capture.endsEarly !== undefined && { endsEarly: capture.endsEarly }),
  };
}

/** Are these the facts that a live run listed? */
export function sameFacts(replayed: readonly Readonly<Record<string, unknown>>[], { facts, isWhole }: LiveFacts): boolean {
  const compared = isWhole ? replayed : replayed.slice(0, facts.length);
  return JSON.stringify(compared.map(comparable)) === JSON.stringify(facts.map(comparable));
}

export function describedFact(fact: Fact): Readonly<Record<string, unknown>> {
  return { ...describeFact(fact), frames: fact.frames };
}

/** A fact without what two clocks see differently: its instant (the frames say it), and a round trip below the microsecond. */
function comparable({ at: _at, roundTripMs, ...fact }: Readonly<Record<string, unknown>>): object {
  return typeof roundTripMs === 'number' ? { ...fact, roundTripUs: Math.round(roundTripMs * 1_000) } : fact;
}

/** The UDP datagrams of a capture whose checksums are right. */
function* datagrams(
  frames: readonly CaptureFrame[],
): Generator<{ readonly at: number; readonly layers: Dissection; readonly datagram: Datagram }> {
  const dissector = new FrameDissector();
  for (const { at, bytes } of frames) {
    const layers = dissector.dissect(at, bytes);
    const { ipv4, udp, problem } = layers;
    if (ipv4 === undefined || udp === undefined || problem !== undefined) continue;
    const source = { address: ipv4.source, port: udp.sourcePort };
    yield {
      at,
      layers,
      datagram: { source, destination: { address: ipv4.destination, port: udp.destinationPort }, payload: udp.payload },
    };
  }
}

function replayServer(frames: readonly CaptureFrame[]): readonly string[] {
  const { gateway, network, pool, dns } = ADDRESS_PLAN.smoke;
  const server = new DhcpServer({ address: gateway, prefix: network, pool, routers: [gateway], dnsServers: [dns] });
  const said: string[] = [];
  for (const { at, datagram } of datagrams(frames)) {
    if (datagram.destination.port !== DHCP_SERVER_PORT) continue;
    server.handleDatagram(at, datagram);
    for (let reply = server.pollTransmit(); reply !== undefined; reply = server.pollTransmit()) {
      const message = decodeDhcpMessage(reply.payload);
      if (!message.ok) continue;
      const { value } = message;
      said.push(`${nameOf(messageType(value))} ${formatIpv4(value.yiaddr)} to ${formatMac(clientMac(value))}`);
    }
    while (server.pollEvent() !== undefined);
  }
  return said;
}

/** The transaction id is the client's own draw, so the replies are given the id that the replaying client drew. */
function replayClient(frames: readonly CaptureFrame[], entropy: SeededEntropy): readonly string[] {
  const all = [...datagrams(frames)];
  const first = all.find(({ datagram }) => datagram.source.port === DHCP_CLIENT_PORT && decodeDhcpMessage(datagram.payload).ok);
  const message = first === undefined ? undefined : decodeDhcpMessage(first.datagram.payload);
  if (first === undefined || message === undefined || !message.ok) return [];
  const mac = clientMac(message.value);
  if (isMacGroup(mac)) return [];
  const client = new DhcpClient({ mac, entropy });
  const said: string[] = [];
  let xid = 0;
  const drain = (): void => {
    for (let sent = client.pollTransmit(); sent !== undefined; sent = client.pollTransmit()) xid = readU32(sent.payload, 4);
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) {
      if (event.type === 'state') said.push(`${event.from} → ${event.to}`);
      if (event.type === 'bound') said.push(`bound ${formatIpv4(event.lease.address)} (${event.cause})`);
    }
  };
  client.start(first.at);
  drain();
  for (const { at, datagram } of all) {
    if (at < first.at || datagram.destination.port !== DHCP_CLIENT_PORT) continue;
    const reply = decodeDhcpMessage(datagram.payload);
    if (!reply.ok || clientMac(reply.value) !== mac) continue;
    const payload = datagram.payload.slice();
    writeU32(payload, 4, xid);
    client.handleDatagram(at, { ...datagram, payload });
    drain();
  }
  return said;
}

function replayHost(frames: readonly CaptureFrame[], entropy: SeededEntropy): Replay['host'] {
  const { gateway, gatewayMac, network } = ADDRESS_PLAN.smoke;
  const host = new Host({ mac: gatewayMac, entropy });
  host.configure(0, { address: gateway, prefixLength: prefixLength(network) });
  let fed = 0;
  let answers = 0;
  const drain = (): number => {
    let count = 0;
    while (host.pollTransmit() !== undefined) count++;
    while (host.pollEvent() !== undefined);
    return count;
  };
  drain();
  for (const { at, bytes } of frames) {
    if (dissect(bytes).ethernet?.source === gatewayMac) continue; // its own
    host.handleFrame(at, bytes);
    fed++;
    answers += drain();
  }
  return { frames: fed, answers };
}

function nameOf(type: number | undefined): string {
  return (type === undefined ? 'BOOTP' : (dhcpMessageTypeName(type) ?? `type ${type}`)).toUpperCase();
}

/** A replay as lines for a person. */
export function replayLines({ facts, violations, server, client, host, sameFacts, endsEarly }: Replay): readonly string[] {
  const lines = [
    `witness  ${facts.length} facts, ${counted(violations.length, 'rule')} broken`,
    ...facts.map(({ kind, at: _at, frames, ...details }) => {
      const text = Object.entries(details)
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(' ');
      return `         ${String(kind)} ${text} (frames ${(frames as readonly number[]).join(', ')})`;
    }),
    ...labelled('server', server),
    ...labelled('client', client),
    `host     ${host.frames} frames in, ${host.answers} answers`,
    ...(sameFacts === undefined
      ? []
      : [sameFacts ? 'the facts are those of the live run' : 'the facts DIFFER from those of the live run']),
    ...(endsEarly === undefined ? [] : [endsEarly]),
  ];
  return lines.map(printable);
}

function labelled(label: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? [`${label.padEnd(9)}nothing`]
    : lines.map((line, i) => `${(i === 0 ? label : '').padEnd(9)}${line}`);
}
