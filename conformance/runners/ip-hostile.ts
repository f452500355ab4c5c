import { Host, type HostEvent, type HostSnapshot } from '@nexus-net/net-os';
import { formatIpv4, fromHex, type Ipv4Address, type MacAddress, parseIpv4, parseMac, SeededEntropy } from '@nexus-net/sansio';
import {
  ARP_REPLY,
  ARP_REQUEST,
  type Dissection,
  dissect,
  ETHERTYPE,
  encodeArp,
  encodeEthernet,
  FrameDissector,
} from '@nexus-net/wire';
import type { CaseReport } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';
import { establish, listening, type TcpFixture } from './tcp-fixture.js';

export interface HostileFrames {
  readonly id: string;
  readonly name: string;
  readonly layer: string;
  readonly frames: readonly string[];
  readonly pre: string;
  readonly expect: string;
}

export interface Reaction {
  /** What the host sent, ARP requests of its own left out. */
  readonly sent: readonly Dissection[];
  readonly octets: readonly Uint8Array[];
  /** What it sent in the two minutes after that. */
  readonly later: readonly Dissection[];
  readonly events: readonly HostEvent[];
  /** The listener on port 80, or a connection of it, where the case begins with one. */
  readonly tcp?: TcpFixture;
  /** What the host knew of itself after the frames. */
  readonly state: HostSnapshot;
}

const OUR_IP = parseIpv4('10.1.0.1');
const OUR_MAC = parseMac('02:00:00:00:00:01');
const PEER_IP = parseIpv4('10.1.0.2');
const PEER_MAC = parseMac('02:00:00:00:00:02');
const ROUTER_IP = parseIpv4('10.1.0.254');
const ROUTER_MAC = parseMac('02:00:00:00:00:fe');

/** Frames meant to hurt a host, each against a fresh one in the state that the case names. */
export function checkIpHostile(file: VectorFile): CaseReport {
  const { cases } = jsonOf<{ readonly cases: readonly HostileFrames[] }>(file);
  const failed: { id: string; problem: string }[] = [];
  let passed = 0;
  for (const one of cases) {
    const reaction = react(one); // in any case: whatever the frames are, nothing throws
    const check = CHECKS[one.id];
    if (check === undefined) failed.push({ id: one.id, problem: `no outcome is known: ${one.name}: ${one.expect}` });
    else {
      const problem = check(reaction);
      if (problem === undefined) passed++;
      else failed.push({ id: one.id, problem: `${one.name}: ${problem}; expected: ${one.expect}` });
    }
  }
  return { passed, failed, notRun: [] };
}

export function react({ frames, pre }: HostileFrames): Reaction {
  const host = new Host({ mac: OUR_MAC, entropy: new SeededEntropy('ip-hostile') });
  host.configure(0, { address: OUR_IP, prefixLength: 24 });
  // Announcements are over, and the peer is known: an answer needs no question first.
  while (host.nextTimeout() < 60_000) host.handleTimeout(host.nextTimeout());
  if (pre.includes('resolving')) host.ping(60_000, { destination: ROUTER_IP });
  host.handleFrame(60_000, arpFrame(PEER_IP, PEER_MAC, ARP_REQUEST));
  if (pre.includes('cache')) host.handleFrame(60_000, arpFrame(ROUTER_IP, ROUTER_MAC, ARP_REQUEST));
  const octets: Uint8Array[] = [];
  const events: HostEvent[] = [];
  take(host, [], []);
  const tcp = pre.startsWith('ESTABLISHED') ? establish(host) : listening(host, pre);
  for (const frame of frames) {
    host.handleFrame(61_000, tcp?.translate(fromHex(frame)) ?? fromHex(frame));
    take(host, octets, events);
  }
  const state = host.inspect();
  const afterwards: Uint8Array[] = [];
  while (host.nextTimeout() <= 181_000) {
    host.handleTimeout(host.nextTimeout());
    take(host, afterwards, []);
  }
  return { sent: replies(octets), octets, later: replies(afterwards), events, state, ...(tcp === undefined ? {} : { tcp }) };
}

function replies(octets: readonly Uint8Array[]): Dissection[] {
  return octets.map((bytes) => dissect(bytes)).filter(({ arp }) => arp?.operation !== ARP_REQUEST);
}

function take(host: Host, octets: Uint8Array[], events: HostEvent[]): void {
  for (let frame = host.pollTransmit(); frame !== undefined; frame = host.pollTransmit()) octets.push(frame);
  for (let event = host.pollEvent(); event !== undefined; event = host.pollEvent()) events.push(event);
}

function arpFrame(senderIp: Ipv4Address, senderMac: MacAddress, operation: number): Uint8Array {
  const payload = encodeArp({ operation, senderMac, senderIp, targetMac: OUR_MAC, targetIp: OUR_IP });
  return encodeEthernet({ source: senderMac, destination: OUR_MAC, etherType: ETHERTYPE.arp, payload });
}

type Check = (reaction: Reaction) => string | undefined;

function describeSent({ sent }: Reaction): string {
  const texts = sent.map(({ arp, icmp, ipv4 }) =>
    arp !== undefined ? `ARP ${arp.operation}` : `${icmp?.type ?? ipv4?.protocol}`,
  );
  return `sent ${texts.join(', ') || 'nothing'}`;
}

/** Nothing is sent, and nobody is told. */
const silent: Check = (reaction) => {
  const told = reaction.events.filter(({ type }) => type !== 'arp-failed').map(({ type }) => type);
  return reaction.sent.length === 0 && told.length === 0 ? undefined : `${describeSent(reaction)}; told ${told.join()}`;
};

/** Silent, and counted under one label. */
function dropped(label?: string): Check {
  return (reaction) => {
    const { drops } = reaction.state;
    const labels = Object.keys(drops);
    const counted = label === undefined ? labels.length > 0 : labels.includes(label);
    return silent(reaction) ?? (counted ? undefined : `counted as ${labels.join() || 'nothing'}`);
  };
}

function knows(address: string, mac: string | undefined): Check {
  return ({ state }) => {
    const known = state.neighbours.known.find((entry) => entry.address === address)?.mac;
    return known === mac ? undefined : `${address} is at ${known}`;
  };
}

function all(...checks: readonly Check[]): Check {
  return (reaction) => checks.map((check) => check(reaction)).find((problem) => problem !== undefined);
}

function unreachable(code: number): Check {
  return (reaction) => {
    const [only, ...more] = reaction.sent;
    const icmp = only?.icmp;
    const good =
      more.length === 0 && icmp?.type === 'destination-unreachable' && icmp.code === code && icmp.original.length === 28;
    return good ? undefined : describeSent(reaction);
  };
}

/** One echo reply with so many octets of data, in fragments. */
function echoOf(length: number): Check {
  return ({ octets }) => {
    const observer = new FrameDissector();
    const whole = octets.map((bytes) => observer.dissect(0, bytes)).filter(({ icmp }) => icmp?.type === 'echo-reply');
    const [icmp] = whole.map(({ icmp: message }) => message);
    const data = icmp?.type === 'echo-reply' ? icmp.payload.length : -1;
    return whole.length === 1 && octets.length > 1 && data === length ? undefined : `${data} octets in ${octets.length} packets`;
  };
}

/** Silent, the listener listens, and nobody has connected. */
const listenerUnmoved: Check = (reaction) => {
  const accepted = reaction.tcp?.listener.accept(181_000);
  return silent(reaction) ?? (accepted === 'would-block' ? undefined : `accept gives ${typeof accepted}`);
};

/** The handshake goes on at most: nothing is delivered, and the listener listens. */
const handshakeAtMost: Check = (reaction) => {
  const accepted = reaction.tcp?.listener.accept(181_000);
  const fine = reaction.sent.every(({ tcp }) => tcp?.flags.syn === true && tcp.flags.ack && tcp.acknowledgment === 1_001);
  return reaction.sent.length <= 1 && fine && accepted === 'would-block' ? undefined : describeSent(reaction);
};

/** The connection stands, with so many octets to read, and answers so many segments at once, each acknowledging 5000. */
function stands({
  readable = 0,
  acks,
  acknowledged = 5_000,
}: {
  readable?: number;
  acks?: number;
  acknowledged?: number;
}): Check {
  return ({ tcp, sent, later, events }) => {
    const { connection, firstSent } = tcp ?? {};
    if (connection === undefined || connection.state !== 'ESTABLISHED') return `it is ${connection?.state}`;
    if (events.some(({ type }) => type === 'tcp-closed' || type === 'tcp-peer-closed')) return 'it is told to end';
    if (connection.readableCount !== readable) return `${connection.readableCount} octets to read`;
    if (acks !== undefined && sent.length !== acks) return `${sent.length} segments`;
    const wrong = [...sent, ...later].find(({ tcp: segment }) => {
      return (
        segment === undefined || segment.flags.rst || segment.sequence !== firstSent || segment.acknowledgment !== acknowledged
      );
    });
    return wrong === undefined ? undefined : `seq ${wrong.tcp?.sequence} ack ${wrong.tcp?.acknowledgment}`;
  };
}

const CHECKS: Readonly<Record<string, Check>> = {
  I001: dropped('frame-runt'),
  I003: all(dropped('frame-group-source'), ({ state }) => {
    return state.neighbours.known.length === 1 ? undefined : 'a new neighbour';
  }),
  I004: dropped('ipv4-bad-version'),
  I006: dropped('arp-truncated'),
  I007: dropped('arp-unsupported'),
  I009: all(knows('10.1.0.254', '02:00:00:00:00:fe'), ({ events }) => {
    return events.some(({ type }) => type === 'arp-conflict') ? undefined : 'nobody is told';
  }),
  I010: all(dropped(), ({ state }) => (state.neighbours.known.length === 1 ? undefined : 'a new neighbour')),
  I012: all(knows('0.0.0.0', undefined), ({ sent }) => (sent[0]?.arp?.operation === ARP_REPLY ? undefined : 'no reply')),
  I013: all(knows('10.1.0.254', undefined), dropped('arp-bad-sender-mac')),
  I015: ({ sent, state }) => {
    const { known } = state.neighbours;
    const peer = known.some(({ address }) => address === formatIpv4(PEER_IP));
    const bounded = known.length <= 256 && sent.length <= 256;
    return bounded && peer
      ? undefined
      : `${known.length} neighbours, ${sent.length} replies, the peer is ${peer ? '' : 'not '}known`;
  },
  I016: dropped('ipv4-bad-total-length'),
  I018: dropped('ipv4-bad-header-length'),
  I019: dropped(),
  I021: ({ sent: [reply], octets: [octets] }) => {
    const icmp = reply?.icmp;
    const data = icmp?.type === 'echo-reply' ? icmp.payload.length : -1;
    // Everything behind the header and that octet would be memory of somebody.
    const padding = octets?.subarray(14 + 20 + 8 + 1).some((octet) => octet !== 0) ?? true;
    return data === 1 && !padding ? undefined : `${data} octets of data, padding ${padding ? 'with content' : 'empty'}`;
  },
  I022: dropped('ipv4-bad-source'),
  I024: dropped('ipv4-bad-source'),
  I025: dropped('ipv4-bad-source'),
  I027: dropped('ipv4-own-source'),
  I028: dropped('ipv4-bad-source'),
  I030: ({ sent }) => (sent.every(({ icmp }) => icmp?.type === 'echo-reply') ? undefined : 'an ICMP error'),
  I031: ({ sent }) => {
    // An option that a host may leave alone: an answer has to be without it.
    return sent.every(({ ipv4 }) => ipv4?.options.length === 0) ? undefined : 'the answer has the options';
  },
  I033: dropped('ipv4-bad-options'),
  I034: dropped('ipv4-source-route'),
  I036: unreachable(2),
  I037: echoOf(2_992),
  I039: echoOf(2_992),
  // Its first fragment has 36 octets and more to follow: it goes by that rule, and the second waits for nothing.
  I040: all(dropped('fragment-bad-length'), ({ later }) => (later.length === 0 ? undefined : 'somebody is told')),
  I042: dropped('fragment-too-long'),
  I043: dropped('fragment-bad-length'),
  I045: dropped('fragment-bad-end'),
  I048: all(silent, ({ later }) => {
    const [only, ...more] = later;
    const icmp = only?.icmp;
    const good = more.length === 0 && icmp?.type === 'time-exceeded' && icmp.code === 1 && icmp.original.length === 28;
    return good ? undefined : `later ${later.length} packets`;
  }),
  // DF asks routers, not receivers: it is a fragment like any other, and waits for the rest.
  I049: all(silent, ({ state }) => (state.reassembly.datagrams === 1 ? undefined : 'not kept')),
  I046: handshakeAtMost,
  I051: dropped('icmp-bad-checksum'),
  I052: dropped('icmp-truncated'),
  I054: dropped('icmp-bad-quote'),
  I055: dropped('icmp-foreign-quote'),
  I060: dropped('icmp-ignored'),
  I063: dropped('udp-bad-length'),
  I064: dropped('udp-bad-checksum'),
  I066: unreachable(3),
  I067: dropped('udp-port-closed'),
  I057: stands({ acks: 0 }),
  I058: all(stands({ acks: 0 }), ({ state }) => {
    return state.paths.every(({ mtu }) => mtu >= 552) ? undefined : `a path of ${state.paths[0]?.mtu}`;
  }),
  I061: all(stands({ acks: 0 }), ({ state }) => (state.drops['icmp-ignored'] === 1 ? undefined : 'not ignored')),
  I069: dropped(),
  I070: all(listenerUnmoved, dropped('ipv4-own-source')),
  I072: listenerUnmoved,
  I073: all(listenerUnmoved, dropped('ipv4-bad-source')),
  I075: listenerUnmoved,
  I076: listenerUnmoved,
  I078: listenerUnmoved,
  I079: listenerUnmoved,
  I081: listenerUnmoved,
  I082: handshakeAtMost,
  I084: handshakeAtMost,
  I085: handshakeAtMost,
  I087: handshakeAtMost,
  I088: handshakeAtMost,
  I090: stands({ acks: 1 }),
  I091: stands({ acks: 0 }),
  I093: stands({ acks: 1 }),
  I094: stands({ acks: 1 }),
  I096: stands({ acks: 1 }),
  I097: stands({ acks: 1 }),
  I099: stands({ acks: 0 }),
  I100: stands({ acks: 1 }),
  // What lies within the window is kept until the gap before it is filled; nothing of it can be read.
  I102: stands({ acks: 1 }),
  I103: stands({ acks: 1 }),
  I105: stands({ readable: 2, acknowledged: 5_002 }),
  I106: stands({}),
  I108: all(stands({}), ({ tcp }) => (tcp?.connection?.inspect().send.wnd === 0 ? undefined : 'the window is not zero')),
  I109: all(stands({ readable: 1_000, acknowledged: 6_000 }), ({ sent, later }) => {
    return [...sent, ...later].every(({ tcp }) => tcp?.window === 0) ? undefined : 'the window is not zero';
  }),
};
