import {
  type Endpoint,
  formatIpv4,
  type Ipv4Address,
  type Millis,
  NEVER,
  Queue,
  requireArgument,
  toHex,
} from '@nexus-net/sansio';
import type { DsoftbusSession, Fact, ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';
import { decodeAnnounce } from '../discovery/index.js';
import { decodeQd, QD_OPCODE, type QdDatagram } from '../os/qd/datagram.js';
import { DatagramSession } from './datagram-session.js';
import { FollowedSession, type FollowWith } from './followed-session.js';
import {
  type Dialect,
  DSOFTBUS_RULES,
  type DsoftbusRule,
  type SessionFactDetail,
  type SessionFactKind,
  type SessionTeller,
  type Side,
} from './session-teller.js';
import { StreamSession } from './stream-session.js';

/** A TCP byte stream as whoever reassembles it names it. */
export interface ObservedStream {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

export interface DsoftbusWitnessOptions {
  /** Secrets of tests; sessions that none of them fits are seen from outside only. */
  readonly follow?: FollowWith;
  /** Sessions followed at one time, of streams and of datagrams each; the oldest is forgotten, counted. Default 256. */
  readonly sessionCountMax?: number;
  /** Announced keys whose devices are remembered; the oldest makes room. Default 256. */
  readonly deviceCountMax?: number;
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 4 096. */
  readonly eventCountMax?: number;
}

export interface DsoftbusWitnessSnapshot {
  readonly sessions: number;
  readonly datagramSessions: number;
  readonly devices: number;
  /** Sessions forgotten to make room. */
  readonly evicted: number;
  readonly eventsDropped: number;
}

interface Told<Session> {
  readonly session: Session;
  readonly teller: Teller;
}

/**
 * Watches DSoftBus on a segment: announces and the OS's datagram sessions in UDP frames, sessions of dialects `bus`, `os` and `host` in the
 * TCP streams that are handed to it reassembled. From outside it says which dialect, how long the messages, how far a handshake came,
 * and what is in clear that must not be. With the keys of a test it opens the records and says who is there, what streams and what
 * requests. It never transmits.
 */
export class DsoftbusWitness implements Witness {
  readonly #follow: FollowWith | undefined;
  readonly #limits: { readonly sessions: number; readonly devices: number };
  readonly #events: Queue<WitnessEvent>;
  readonly #streams = new Map<string, Told<StreamSession>>();
  readonly #datagrams = new Map<string, Told<DatagramSession>>();
  /** Device ids by announced static key. */
  readonly #devices = new Map<string, string>();
  #evicted = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor({ follow, sessionCountMax = 256, deviceCountMax = 256, eventCountMax = 4_096 }: DsoftbusWitnessOptions = {}) {
    requireArgument(sessionCountMax >= 1 && deviceCountMax >= 1 && eventCountMax >= 1, 'limits are at least 1');
    this.#follow = follow;
    this.#limits = { sessions: sessionCountMax, devices: deviceCountMax };
    this.#events = new Queue(eventCountMax);
  }

  /** Announces, to their port, and datagrams of the OS, by their magic. Others say nothing. */
  handleFrame(now: Millis, frame: ObservedFrame): void {
    const at = this.#advance(now);
    const { udp, ipv4, problem } = frame.layers;
    if (udp === undefined || ipv4 === undefined) return;
    if (problem !== undefined && problem.error !== 'partial-checksum') return;
    const { payload } = udp;
    if (udp.destinationPort === DISCOVERY_PORT) this.#announce(at, frame.number, ipv4.source, payload);
    else if (payload[0] === 0x51 && payload[1] === 0x44) {
      const datagram = decodeQd(payload);
      if (!datagram.ok) return;
      const source = { address: ipv4.source, port: udp.sourcePort };
      const destination = { address: ipv4.destination, port: udp.destinationPort };
      this.#datagram(at, frame.number, { source, destination, datagram: datagram.value });
    }
  }

  /** A connection begins: what was known of an older one between the same ports is over. */
  handleStreamStart(now: Millis, stream: ObservedStream): void {
    this.#advance(now);
    this.#streams.delete(keyOf(stream));
  }

  /** Octets of one direction, in order; `frame` is the number of the frame that completed them. Borrowed for the call. */
  handleStreamBytes(now: Millis, stream: ObservedStream, side: Side, bytes: Uint8Array, frame: number): void {
    const at = this.#advance(now);
    const told = this.#streamOf(stream);
    told.teller.see(at, frame);
    told.session.handleBytes(side, bytes);
  }

  /** One side, or without one both, will send no more. A session that has not opened by then has failed, as far as can be seen. */
  handleStreamEnd(now: Millis, stream: ObservedStream, side?: Side): void {
    const at = this.#advance(now);
    const told = this.#streams.get(keyOf(stream));
    told?.teller.see(at);
    told?.session.handleEnd(side);
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): DsoftbusWitnessSnapshot {
    return {
      sessions: this.#streams.size,
      datagramSessions: this.#datagrams.size,
      devices: this.#devices.size,
      evicted: this.#evicted,
      eventsDropped: this.#events.dropped,
    };
  }

  #advance(now: Millis): Millis {
    this.#now = Math.max(this.#now, now);
    return this.#now;
  }

  #announce(at: Millis, frame: number, source: Ipv4Address, payload: Uint8Array): void {
    const announce = decodeAnnounce(payload);
    if (!announce.ok) {
      const rule = 'dsoftbus.malformed-announce';
      const message = `${formatIpv4(source)}: ${announce.error}`;
      this.#events.push({
        type: 'violation',
        violation: { rule, reference: DSOFTBUS_RULES[rule], at, frames: [frame], message },
      });
      return;
    }
    const { deviceId, port, services, noiseStatic } = announce.value;
    const key = toHex(noiseStatic);
    this.#devices.delete(key);
    if (this.#devices.size >= this.#limits.devices) forgetOldest(this.#devices);
    this.#devices.set(key, deviceId);
    const detail = { source, deviceId, sessionPort: port, services: services.length };
    this.#events.push({ type: 'fact', fact: { kind: 'dsoftbus.announced', at, frames: [frame], ...detail } });
  }

  #datagram(
    at: Millis,
    frame: number,
    {
      source,
      destination,
      datagram,
    }: { readonly source: Endpoint; readonly destination: Endpoint; readonly datagram: QdDatagram },
  ): void {
    const fromClient = { client: source, server: destination };
    const key = `${keyOf(fromClient)}#${datagram.sessionNonce}`;
    if (datagram.opcode === QD_OPCODE.msg1) this.#begin(key, fromClient);
    const own = this.#datagrams.get(key);
    const told = own ?? this.#datagrams.get(`${keyOf({ client: destination, server: source })}#${datagram.sessionNonce}`);
    if (told === undefined) return;
    told.teller.see(at, frame);
    told.session.handleDatagram(own === undefined ? 'server' : 'client', datagram);
  }

  /** A first message begins a session, or begins it anew. */
  #begin(key: string, stream: ObservedStream): void {
    this.#datagrams.delete(key);
    this.#makeRoom(this.#datagrams);
    const teller = new Teller(stream, this.#events);
    teller.dialect = 'qd';
    this.#datagrams.set(key, { teller, session: new DatagramSession(teller, this.#followed(teller, 'qd')) });
  }

  #streamOf(stream: ObservedStream): Told<StreamSession> {
    const key = keyOf(stream);
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    this.#makeRoom(this.#streams);
    const teller = new Teller(stream, this.#events);
    const session = new StreamSession({
      teller,
      follow: (dialect) => {
        teller.dialect = dialect;
        return this.#followed(teller, dialect);
      },
    });
    const told = { session, teller };
    this.#streams.set(key, told);
    return told;
  }

  #followed(teller: Teller, dialect: Dialect): FollowedSession | undefined {
    const follow = this.#follow;
    if (follow === undefined) return undefined;
    return new FollowedSession(teller, dialect, { follow, deviceOf: (key) => this.#devices.get(key) });
  }

  #makeRoom(sessions: Map<string, unknown>): void {
    if (sessions.size < this.#limits.sessions) return;
    forgetOldest(sessions);
    this.#evicted++;
  }
}

/** Says what is found in one session, with its ends, its dialect and the frames that show it. */
class Teller implements SessionTeller {
  dialect: Dialect = 'os';
  readonly #stream: ObservedStream;
  readonly #events: Queue<WitnessEvent>;
  /** The first frames of the session, ascending. */
  readonly #frames: number[] = [];
  #at: Millis = 0;
  #frame: number | undefined;

  constructor(stream: ObservedStream, events: Queue<WitnessEvent>) {
    this.#stream = stream;
    this.#events = events;
  }

  /** What comes next is of this time and this frame. */
  see(at: Millis, frame?: number): void {
    this.#at = at;
    if (frame === undefined) return;
    this.#frame = frame;
    if (this.#frames.length < FRAMES_MAX && this.#frames.at(-1) !== frame) this.#frames.push(frame);
  }

  addressOf(side: Side): Ipv4Address {
    return this.#stream[side].address;
  }

  fact<K extends SessionFactKind>(kind: K, detail: SessionFactDetail<K>, whole?: 'whole'): void {
    const frames = whole === undefined ? this.#one() : [...this.#frames];
    // The compiler can't see that detail and ends make up the fact of this kind.
    const fact = { kind, at: this.#at, frames, ...this.#ends(), ...detail } as unknown as Fact;
    this.#events.push({ type: 'fact', fact });
  }

  violation(rule: DsoftbusRule, message: string): void {
    const { client, server } = this.#stream;
    const where = `${endText(client)} > ${endText(server)}: ${message}`;
    const violation = { rule, reference: DSOFTBUS_RULES[rule], at: this.#at, frames: this.#one(), message: where };
    this.#events.push({ type: 'violation', violation });
  }

  #one(): number[] {
    return this.#frame === undefined ? [] : [this.#frame];
  }

  #ends(): DsoftbusSession {
    const { client, server } = this.#stream;
    return {
      client: client.address,
      clientPort: client.port,
      server: server.address,
      serverPort: server.port,
      dialect: this.dialect,
    };
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

function endText({ address, port }: Endpoint): string {
  return `${formatIpv4(address)}:${port}`;
}

function keyOf({ client, server }: ObservedStream): string {
  return `${client.address}:${client.port}>${server.address}:${server.port}`;
}

const DISCOVERY_PORT = 37_020;
/** Of a session, the handshake and what follows it. */
const FRAMES_MAX = 64;
