import {
  type Endpoint,
  IPV4_BROADCAST,
  type Ipv4Address,
  ipv4FromU32,
  MAC_BROADCAST,
  MAC_ZERO,
  type MacAddress,
  type Millis,
  parseIpv4,
  parseMac,
  parsePrefix,
} from '@nexus-net/sansio';
import {
  ARP_REQUEST,
  type ArpPacket,
  dissect,
  ETHERTYPE,
  encodeArp,
  encodeEthernet,
  encodeUdpFrame,
  type Fact,
  type Violation,
} from '@nexus-net/wire';
import {
  type DhcpMessage,
  type DhcpOption,
  DhcpServer,
  type DhcpServerOptions,
  DhcpWitness,
  decodeDhcpMessage,
  encodeDhcpMessage,
} from '../../src/index.js';
import { type Ask, datagramOf, SERVER } from './server-lab.js';

export const SERVER_MAC: MacAddress = parseMac('52:55:0a:00:02:02');
export const RELAY_MAC: MacAddress = parseMac('02:00:00:00:00:99');
export const RELAY: Ipv4Address = parseIpv4('10.0.2.99');

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A DHCP message on the wire, in parts, so that a test can change one of them. */
export interface DhcpShot {
  readonly kind: 'dhcp';
  at: Millis;
  link: { source: MacAddress; destination: MacAddress };
  source: Mutable<Endpoint>;
  destination: Mutable<Endpoint>;
  message: Mutable<Omit<DhcpMessage, 'options'>> & { options: DhcpOption[] };
  /** Changes the encoded message. */
  raw?: (payload: Uint8Array) => Uint8Array;
}

export interface ArpShot {
  readonly kind: 'arp';
  at: Millis;
  link: { source: MacAddress; destination: MacAddress };
  arp: Mutable<ArpPacket>;
}

export type Shot = DhcpShot | ArpShot;

/** Frames by name, in the order of their time. */
export class Scene {
  readonly shots: Map<string, Shot> = new Map();

  /** The message of that name, to be changed. */
  dhcp(name: string): DhcpShot {
    const shot = this.shots.get(name);
    if (shot?.kind !== 'dhcp') throw new Error(`the scene has no message ${name}`);
    return shot;
  }

  arp(name: string): ArpShot {
    const shot = this.shots.get(name);
    if (shot?.kind !== 'arp') throw new Error(`the scene has no ARP packet ${name}`);
    return shot;
  }

  set(name: string, code: number, value: Uint8Array | undefined): void {
    const { message } = this.dhcp(name);
    const at = message.options.findIndex((option) => option.code === code);
    if (at >= 0) message.options.splice(at, 1, ...(value === undefined ? [] : [{ code, value }]));
    else if (value !== undefined) message.options.push({ code, value });
  }

  /** A copy under another name, to be changed. */
  repeat(name: string, as: string, at: Millis): Shot {
    const copy = structuredClone({ ...this.shots.get(name), at }) as Shot;
    this.shots.set(as, copy);
    return copy;
  }

  /** `mac` says that it has `address`: an ARP request for the gateway. */
  use(name: string, at: Millis, mac: MacAddress, address: Ipv4Address): void {
    this.shots.set(name, {
      kind: 'arp',
      at,
      link: { source: mac, destination: MAC_BROADCAST },
      arp: { operation: ARP_REQUEST, senderMac: mac, senderIp: address, targetMac: MAC_ZERO, targetIp: SERVER },
    });
  }

  frames(): { at: Millis; bytes: Uint8Array }[] {
    return [...this.shots.values()].sort((a, b) => a.at - b.at).map((shot) => ({ at: shot.at, bytes: encodeShot(shot) }));
  }
}

function encodeShot(shot: Shot): Uint8Array {
  if (shot.kind === 'arp') return encodeEthernet({ ...shot.link, etherType: ETHERTYPE.arp, payload: encodeArp(shot.arp) });
  const encoded = encodeDhcpMessage(shot.message);
  const payload = shot.raw === undefined ? encoded : shot.raw(encoded);
  return encodeUdpFrame({ link: shot.link, datagram: { source: shot.source, destination: shot.destination, payload } });
}

export interface Observation {
  readonly facts: Fact[];
  readonly violations: Violation[];
}

/** What the witness says of frames. */
export function observe(
  frames: readonly { readonly at: Millis; readonly bytes: Uint8Array }[],
  witness: DhcpWitness = new DhcpWitness(),
): Observation {
  const facts: Fact[] = [];
  const violations: Violation[] = [];
  for (const [i, { at, bytes }] of frames.entries()) {
    witness.handleFrame(at, { number: i + 1, at, bytes, layers: dissect(bytes) });
    for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) {
      if (event.type === 'fact') facts.push(event.fact);
      else if (event.type === 'violation') violations.push(event.violation);
    }
  }
  return { facts, violations };
}

/** Writes scenes: what clients send, and what a real server of ours answers. */
export class Director {
  readonly scene: Scene = new Scene();
  readonly #server: DhcpServer;

  constructor(options: DhcpServerOptions) {
    this.#server = new DhcpServer(options);
  }

  /** Sends, and records the answer as `reply`. Returns the address that the answer gives. */
  ask(at: Millis, name: string, ask: Ask, reply?: string): Ipv4Address {
    const datagram = datagramOf(ask);
    const { mac = MAC_ZERO, giaddr = 0 } = ask;
    const sender = giaddr === 0 ? mac : RELAY_MAC;
    const broadcast = datagram.destination.address === IPV4_BROADCAST;
    this.#record(name, at, { source: sender, destination: broadcast ? MAC_BROADCAST : SERVER_MAC }, datagram);
    this.#server.handleDatagram(at, datagram);
    const answer = this.#server.pollTransmit();
    if ((answer === undefined) !== (reply === undefined)) throw new Error(`${name}: ${reply ?? 'no answer'} was expected`);
    if (answer === undefined || reply === undefined) return ipv4FromU32(0);
    const to = answer.destination.address === IPV4_BROADCAST ? MAC_BROADCAST : giaddr === 0 ? mac : RELAY_MAC;
    this.#record(reply, at + 1, { source: SERVER_MAC, destination: answer.linkDestination ?? to }, answer);
    return (this.scene.dhcp(reply).message as DhcpMessage).yiaddr;
  }

  #record(
    name: string,
    at: Millis,
    link: { source: MacAddress; destination: MacAddress },
    { source, destination, payload }: { source: Endpoint; destination: Endpoint; payload: Uint8Array },
  ): void {
    const decoded = decodeDhcpMessage(payload);
    if (!decoded.ok) throw new Error(decoded.error);
    const { anomalies: _, options, chaddr, sname, file, ...fields } = decoded.value;
    this.scene.shots.set(name, {
      kind: 'dhcp',
      at,
      link,
      source: { ...source },
      destination: { ...destination },
      message: {
        ...fields,
        chaddr: chaddr.slice(),
        sname: sname.slice(),
        file: file.slice(),
        options: options.toArray().map(({ code, value }) => ({ code, value: value.slice() })),
      },
    });
  }
}

export const SCENE_SERVER: DhcpServerOptions = {
  address: SERVER,
  prefix: parsePrefix('10.0.2.0/24'),
  pool: { first: parseIpv4('10.0.2.15'), last: parseIpv4('10.0.2.40') },
  routers: [SERVER],
  leaseMs: 600_000,
};
