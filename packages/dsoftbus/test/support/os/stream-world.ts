import {
  type Datagram,
  type Endpoint,
  formatIpv4,
  isIpv4Multicast,
  type Millis,
  NEVER,
  SeededEntropy,
  uniform,
} from '@nexus-net/sansio';
import type { NodeMachine, NodeTransmit, StreamId } from '../../../src/node/node-io.js';

interface Member<Event> {
  readonly name: string;
  readonly node: NodeMachine<Event>;
  readonly address: number;
  up: boolean;
  /** Odd, for what it accepts. */
  nextAccepted: number;
}

interface Link {
  /** Both ends: the one that dialled first. */
  readonly ends: readonly [End, End];
}

interface End {
  readonly member: number;
  readonly stream: StreamId;
  /** When what this end sent last arrives: a stream keeps its order. */
  arrivesAt: Millis;
  open: boolean;
}

export interface WorldOptions {
  readonly seed: number | string;
  /** Delay of everything, from..to. Default 1..1 ms. */
  readonly delayMs?: readonly [Millis, Millis];
  /** Probability that a datagram is lost. */
  readonly loss?: number;
  /** Probability that it arrives twice. */
  readonly duplicate?: number;
  /** Octets of a stream arrive in pieces of 1..n. Default: as they were sent. */
  readonly pieceMax?: number;
  /** Changes octets of streams on their way. */
  readonly tamper?: (from: string, bytes: Uint8Array) => Uint8Array;
}

/**
 * A deterministic world for whole nodes: datagrams that are lost, doubled and late, byte streams in order but cut anywhere, each
 * connection with delays of its own. From one seed comes one trace.
 */
export class StreamWorld<Event extends { readonly type: string }> {
  readonly trace: string[] = [];
  readonly events: { readonly node: string; readonly event: Event }[] = [];
  readonly sent: { readonly from: string; readonly transmit: NodeTransmit }[] = [];
  now: Millis = 0;
  /** While it says so, nothing passes between two nodes: connections stall, dials are not answered. */
  partitioned: (from: string, to: string) => boolean = () => false;
  readonly #options: WorldOptions;
  readonly #entropy: SeededEntropy;
  readonly #members: Member<Event>[] = [];
  readonly #links = new Map<string, Link>();
  #queue: { readonly at: Millis; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#entropy = new SeededEntropy(options.seed);
  }

  add(name: string, node: NodeMachine<Event>): void {
    const { address } = node.bindings.streams[0] as Endpoint;
    this.#members.push({ name, node, address, up: true, nextAccepted: 1 });
  }

  /** Calls into a node and takes what comes of it. */
  act(name: string, command: (now: Millis) => void): void {
    command(this.now);
    this.#drain(this.#index(name));
  }

  /** A datagram from anywhere, as forged as one likes. */
  inject(to: string, datagram: Datagram): void {
    const member = this.#members[this.#index(to)] as Member<Event>;
    member.node.handleDatagram(this.now, datagram);
    this.#drain(this.#index(to));
  }

  /** The node is gone, with all that it knew; another one takes its place. */
  replace(name: string, node: NodeMachine<Event>): void {
    const index = this.#index(name);
    for (const link of this.#links.values())
      for (const [i, end] of link.ends.entries())
        if (end.member === index && end.open) {
          end.open = false;
          const other = link.ends[1 - i] as End;
          this.#later(() => this.#close(link, other, 'reset'));
        }
    (this.#members[index] as { node: NodeMachine<Event> }).node = node;
  }

  /** Runs until `until`, or until `stop` says so. */
  run(until: Millis, stop: () => boolean = () => false): void {
    for (const index of this.#members.keys()) this.#drain(index);
    for (let steps = 0; !stop(); steps++) {
      if (steps > STEPS_MAX) throw new Error('the world does not come to rest');
      const next = this.#next();
      if (next > until) {
        this.now = until === NEVER ? this.now : until;
        return;
      }
      this.now = Math.max(this.now, next);
      const due = this.#queue.filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due !== undefined) {
        this.#queue = this.#queue.filter((one) => one !== due);
        due.run();
        continue;
      }
      for (const [index, { node }] of this.#members.entries())
        if (node.nextTimeout() <= this.now) {
          node.handleTimeout(this.now);
          this.#drain(index);
        }
    }
  }

  eventsOf(name: string, type: string): Event[] {
    return this.events.filter(({ node, event }) => node === name && event.type === type).map(({ event }) => event);
  }

  /** Octets that a node has put into streams, as hexadecimal pieces in order. */
  streamBytes(name: string): Uint8Array[] {
    return this.sent.flatMap(({ from, transmit }) => (from === name && transmit.type === 'stream-bytes' ? [transmit.bytes] : []));
  }

  #index(name: string): number {
    return this.#members.findIndex((member) => member.name === name);
  }

  #next(): Millis {
    let at: Millis = NEVER;
    for (const entry of this.#queue) at = Math.min(at, entry.at);
    for (const { node } of this.#members) at = Math.min(at, node.nextTimeout());
    return at;
  }

  #delay(): Millis {
    const [low, high] = this.#options.delayMs ?? [1, 1];
    return uniform(this.#entropy, { low, high });
  }

  #chance(p: number | undefined): boolean {
    return p !== undefined && p > 0 && this.#entropy.u32() < p * 2 ** 32;
  }

  #later(run: () => void, at: Millis = this.now + this.#delay()): void {
    this.#queue.push({ at, order: this.#order++, run });
  }

  #drain(index: number): void {
    const { name, node } = this.#members[index] as Member<Event>;
    for (let transmit = node.pollTransmit(); transmit !== undefined; transmit = node.pollTransmit()) {
      this.sent.push({ from: name, transmit });
      this.trace.push(`${this.now} ${name} > ${describe(transmit)}`);
      this.#send(index, transmit);
    }
    for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent()) {
      this.events.push({ node: name, event });
      this.trace.push(`${this.now} ${name} ${event.type}`);
    }
  }

  #send(index: number, transmit: NodeTransmit): void {
    switch (transmit.type) {
      case 'datagram': {
        const datagram = { ...transmit, payload: transmit.payload.slice() };
        for (const [to, member] of this.#members.entries()) {
          const { address } = transmit.destination;
          const reaches = to !== index && (isIpv4Multicast(address) || address === 0xffffffff || address === member.address);
          if (!reaches || this.#isCut(index, to) || this.#chance(this.#options.loss)) continue;
          const copies = this.#chance(this.#options.duplicate) ? 2 : 1;
          for (let copy = 0; copy < copies; copy++)
            this.#later(() => {
              member.node.handleDatagram(this.now, datagram);
              this.#drain(to);
            });
        }
        return;
      }
      case 'stream-open':
        this.#open(index, transmit);
        return;
      case 'stream-bytes':
        this.#bytes(index, transmit.stream, transmit.bytes);
        return;
      case 'stream-end':
      case 'stream-reset':
        this.#finish(index, transmit);
        return;
    }
  }

  #open(index: number, { stream, source, destination }: Extract<NodeTransmit, { type: 'stream-open' }>): void {
    const to = this.#members.findIndex(({ node }) =>
      node.bindings.streams.some((one) => one.address === destination.address && one.port === destination.port),
    );
    const dialler = this.#members[index] as Member<Event>;
    if (to >= 0 && this.#isCut(index, to)) return; // no answer ever: the node's own deadline ends it
    if (to < 0) {
      this.#later(() => {
        dialler.node.handleStreamClosed(this.now, stream, 'refused');
        this.#drain(index);
      });
      return;
    }
    const listener = this.#members[to] as Member<Event>;
    const accepted = listener.nextAccepted;
    listener.nextAccepted += 2;
    const ends: [End, End] = [
      { member: index, stream, arrivesAt: 0, open: true },
      { member: to, stream: accepted, arrivesAt: 0, open: true },
    ];
    const link: Link = { ends };
    this.#links.set(`${index}/${stream}`, link);
    this.#links.set(`${to}/${accepted}`, link);
    const from = { address: source.address, port: 50_000 + stream };
    this.#later(() => {
      if (!ends[1].open) return;
      listener.node.handleStreamOpened(this.now, { stream: accepted, local: destination, remote: from });
      this.#drain(to);
      this.#later(() => {
        if (!ends[0].open) return;
        dialler.node.handleStreamOpened(this.now, { stream, local: from, remote: destination });
        this.#drain(index);
      });
    });
  }

  #bytes(index: number, stream: StreamId, bytes: Uint8Array): void {
    const found = this.#endsOf(index, stream);
    if (found === undefined) return;
    const { link, own, other } = found;
    const { tamper, pieceMax = bytes.length } = this.#options;
    const octets = (tamper?.((this.#members[index] as Member<Event>).name, bytes) ?? bytes).slice();
    for (let at = 0; at < octets.length; ) {
      const length = uniform(this.#entropy, { low: 1, high: Math.max(1, pieceMax) });
      const piece = octets.slice(at, at + length);
      at += length;
      this.#inOrder(link, own, () => {
        if (!other.open) return;
        const member = this.#members[other.member] as Member<Event>;
        member.node.handleStreamBytes(this.now, other.stream, piece);
        this.#drain(other.member);
      });
    }
  }

  #finish(index: number, { type, stream }: Extract<NodeTransmit, { type: 'stream-end' | 'stream-reset' }>): void {
    const found = this.#endsOf(index, stream);
    if (found === undefined) return;
    const { link, own, other } = found;
    own.open = false;
    this.#inOrder(link, own, () => {
      if (!other.open) return;
      if (type === 'stream-reset') this.#close(link, other, 'reset');
      else {
        (this.#members[other.member] as Member<Event>).node.handleStreamEnd(this.now, other.stream);
        this.#drain(other.member);
      }
    });
  }

  #close(_link: Link, end: End, cause: 'reset'): void {
    if (!end.open) return;
    end.open = false;
    (this.#members[end.member] as Member<Event>).node.handleStreamClosed(this.now, end.stream, cause);
    this.#drain(end.member);
  }

  /** After whatever this end sent before; while the two are cut off it waits, as TCP would. */
  #inOrder(link: Link, own: End, run: () => void): void {
    own.arrivesAt = Math.max(own.arrivesAt, this.now + this.#delay());
    const [a, b] = link.ends;
    const deliver = (): void => {
      if (this.#isCut(a.member, b.member)) this.#later(deliver, this.now + RETRANSMIT_MS);
      else run();
    };
    this.#later(deliver, own.arrivesAt);
  }

  #endsOf(index: number, stream: StreamId): { link: Link; own: End; other: End } | undefined {
    const link = this.#links.get(`${index}/${stream}`);
    if (link === undefined) return undefined;
    const [a, b] = link.ends;
    const own = a.member === index && a.stream === stream ? a : b;
    return { link, own, other: own === a ? b : a };
  }

  #isCut(from: number, to: number): boolean {
    const name = (index: number): string => (this.#members[index] as Member<Event>).name;
    return this.partitioned(name(from), name(to)) || this.partitioned(name(to), name(from));
  }
}

function describe(transmit: NodeTransmit): string {
  const at = ({ address, port }: Endpoint): string => `${formatIpv4(address)}:${port}`;
  switch (transmit.type) {
    case 'datagram':
      return `${at(transmit.source)} > ${at(transmit.destination)} ${transmit.payload.length} octets`;
    case 'stream-open':
      return `#${transmit.stream} open ${at(transmit.destination)}`;
    case 'stream-bytes':
      return `#${transmit.stream} ${transmit.bytes.length} octets`;
    default:
      return `#${transmit.stream} ${transmit.type === 'stream-end' ? 'end' : 'reset'}`;
  }
}

const STEPS_MAX = 200_000;
const RETRANSMIT_MS = 200;
