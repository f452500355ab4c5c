import { BusNode, type BusNodeEvent, type BusNodeOptions, type NodeTransmit, TrustStore } from '@nexus-net/dsoftbus';
import { nodeCrypto as crypto } from '@nexus-net/dsoftbus/crypto-node';
import {
  chance,
  DeadlineHeap,
  type Endpoint,
  formatIpv4,
  type Ipv4Address,
  ipv4,
  type Millis,
  SeededEntropy,
  uniform,
} from '@nexus-net/sansio';

/** What the wire does to datagrams, and how long everything takes. */
export interface WirePlan {
  readonly loss?: number;
  readonly duplicate?: number;
  /** A second copy comes up to this much later. */
  readonly duplicateLagMs?: Millis;
  readonly delayMs?: Millis;
  readonly jitterMs?: Millis;
}

interface Half {
  readonly owner: string;
  readonly stream: number;
  /** What is under way to this half, in order. */
  readonly queue: Uint8Array[];
  arriveAt: Millis;
  isEnded: boolean;
  isOpen: boolean;
}

interface Wire {
  readonly halves: readonly [Half, Half];
}

/**
 * Nodes of dialect `bus` over a wire of one seed: datagrams that are lost, repeated and late; byte streams that are reliable, but stall
 * while their direction is cut, and are reset where the other end has crashed. Time jumps from one deadline to the next.
 */
export class BusWorld {
  readonly trace: string[] = [];
  readonly events: { readonly at: Millis; readonly who: string; readonly event: BusNodeEvent }[] = [];
  now: Millis = 0;
  readonly #entropy: SeededEntropy;
  readonly #plan: WirePlan;
  readonly #nodes = new Map<string, { node: BusNode; readonly address: Ipv4Address }>();
  readonly #heap = new DeadlineHeap<() => void>(1_000_000);
  readonly #wires = new Map<string, { readonly wire: Wire; readonly side: 0 | 1 }>();
  /** Directions that are cut: `a>b`. */
  readonly #cuts = new Set<string>();
  readonly #accepted = new Map<string, number>();

  constructor(seed: string, plan: WirePlan = {}) {
    this.#entropy = new SeededEntropy(seed);
    this.#plan = plan;
  }

  node(name: string): BusNode {
    const found = this.#nodes.get(name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found.node;
  }

  /** Adds a node, or starts one anew with empty state under the same name and key. */
  add(name: string, options: Partial<BusNodeOptions> = {}): BusNode {
    const index = this.#nodes.get(name) === undefined ? this.#nodes.size + 1 : [...this.#nodes.keys()].indexOf(name) + 1;
    const address = ipv4(10, 42, 0, index);
    const node = new BusNode({
      crypto,
      entropy: this.#entropy.fork(`node ${name} ${this.now}`),
      address,
      deviceId: name,
      localStatic: keyOf(name),
      trustAnnounced: true,
      ...options,
    });
    this.#nodes.set(name, { node, address });
    node.start(this.now);
    this.#drain();
    return node;
  }

  /** The machine is gone without a word; what is sent to it meets silence. */
  crash(name: string): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    entry.node = new BusNode({
      crypto,
      entropy: new SeededEntropy('dead'),
      address: entry.address,
      deviceId: name,
      localStatic: keyOf(name),
      dial: 'none',
    });
    for (const [key, { wire }] of [...this.#wires])
      if (key.startsWith(`${name} `)) for (const half of wire.halves) if (half.owner === name) half.isOpen = false;
    this.trace.push(`${this.now} ${name} crashes`);
  }

  /** Cuts one direction, until it is healed. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
    for (const { wire } of this.#wires.values()) for (const half of wire.halves) this.#arrive(wire, half);
    this.#drain();
  }

  /** A connection is reset on the way. */
  resetStreams(): void {
    for (const [key, { wire, side }] of [...this.#wires]) {
      const half = wire.halves[side];
      if (!half.isOpen) continue;
      half.isOpen = false;
      this.#wires.delete(key);
      this.#nodes.get(half.owner)?.node.handleStreamClosed(this.now, half.stream, 'reset');
    }
    this.#drain();
  }

  /** Calls `command` now and drains, as a driver does after each mutation. */
  do<T>(command: (now: Millis) => T): T {
    const result = command(this.now);
    this.#drain();
    return result;
  }

  /** Runs for `ms`, or until `stop` is true. */
  run(ms: Millis, stop?: () => boolean): boolean {
    const until = this.now + ms;
    for (let steps = 0; ; steps++) {
      if (stop?.() === true) return true;
      if (steps > 200_000) throw new Error(`no end at ${this.now}`);
      let at = this.#heap.nextAt;
      for (const { node } of this.#nodes.values()) at = Math.min(at, node.nextTimeout());
      if (at > until) {
        this.now = until;
        return stop?.() ?? true;
      }
      this.now = Math.max(this.now, at);
      for (let due = this.#heap.popDue(this.now); due !== undefined; due = this.#heap.popDue(this.now)) {
        due();
        this.#drain();
      }
      for (const { node } of this.#nodes.values()) if (node.nextTimeout() <= this.now) node.handleTimeout(this.now);
      this.#drain();
    }
  }

  /** Both have an open session with each other. */
  areConnected(a: string, b: string): boolean {
    return this.node(a).sessions().includes(b) && this.node(b).sessions().includes(a);
  }

  #drain(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [name, { node }] of this.#nodes) {
        for (let out = node.pollTransmit(); out !== undefined; out = node.pollTransmit()) {
          this.#transmit(name, out);
          moved = true;
        }
        for (let event = node.pollEvent(); event !== undefined; event = node.pollEvent()) {
          this.events.push({ at: this.now, who: name, event });
          const line = describe(event);
          if (line !== undefined) this.trace.push(`${this.now} ${name} ${line}`);
          moved = true;
        }
      }
    }
  }

  #transmit(from: string, out: NodeTransmit): void {
    switch (out.type) {
      case 'datagram':
        this.#datagram(from, out);
        break;
      case 'stream-open':
        this.#open(from, out.stream, out.destination);
        break;
      case 'stream-bytes':
        this.#send(from, out.stream, out.bytes);
        break;
      case 'stream-end':
        this.#send(from, out.stream, undefined);
        break;
      case 'stream-reset':
        this.#reset(from, out.stream);
        break;
    }
  }

  #datagram(from: string, { source, destination, payload }: Extract<NodeTransmit, { readonly type: 'datagram' }>): void {
    const { loss = 0, duplicate = 0, duplicateLagMs = 1_000 } = this.#plan;
    for (const [name, { address }] of this.#nodes) {
      const isMeant = destination.address === address || destination.address > ipv4(224, 0, 0, 0);
      if (name === from || !isMeant || this.#cuts.has(`${from}>${name}`) || chance(this.#entropy, loss)) continue;
      const bytes = payload.slice();
      const deliver = (): void => {
        this.#nodes.get(name)?.node.handleDatagram(this.now, { source, destination, payload: bytes });
      };
      this.#heap.push(this.now + this.#delay(), deliver);
      if (chance(this.#entropy, duplicate))
        this.#heap.push(this.now + this.#delay() + uniform(this.#entropy, { low: 0, high: duplicateLagMs }), deliver);
    }
  }

  #open(from: string, stream: number, destination: Endpoint): void {
    const target = [...this.#nodes].find(([, { address }]) => address === destination.address)?.[0];
    const refuse = (cause: 'refused' | 'timeout'): void => {
      this.#nodes.get(from)?.node.handleStreamClosed(this.now, stream, cause);
    };
    const isCut = (): boolean =>
      target === undefined || this.#cuts.has(`${from}>${target}`) || this.#cuts.has(`${target}>${from}`);
    if (target === undefined || isCut()) {
      this.#heap.push(this.now + 3_000, () => refuse('timeout'));
      return;
    }
    const accepted = (this.#accepted.get(target) ?? -1) + 2;
    this.#heap.push(this.now + this.#delay(), () => {
      if (isCut()) {
        refuse('timeout');
        return;
      }
      const half = (owner: string, id: number): Half => ({
        owner,
        stream: id,
        queue: [],
        arriveAt: this.now,
        isEnded: false,
        isOpen: true,
      });
      const wire: Wire = { halves: [half(from, stream), half(target, accepted)] };
      this.#wires.set(`${from} ${stream}`, { wire, side: 0 });
      this.#wires.set(`${target} ${accepted}`, { wire, side: 1 });
      const [a, b] = [this.#nodes.get(from), this.#nodes.get(target)];
      if (a === undefined || b === undefined) return;
      const near = { address: a.address, port: 40_000 + (stream % 20_000) };
      b.node.handleStreamOpened(this.now, { stream: accepted, local: destination, remote: near });
      a.node.handleStreamOpened(this.now, { stream, local: near, remote: destination });
    });
    this.#accepted.set(target, accepted);
  }

  /** Octets, or `undefined` for the end. */
  #send(from: string, stream: number, bytes: Uint8Array | undefined): void {
    const found = this.#wires.get(`${from} ${stream}`);
    if (found === undefined) return;
    const half = found.wire.halves[found.side === 0 ? 1 : 0];
    half.queue.push(bytes ?? END);
    this.#arrive(found.wire, half);
  }

  #arrive(wire: Wire, half: Half): void {
    if (half.queue.length === 0) return;
    half.arriveAt = Math.max(half.arriveAt, this.now + this.#delay());
    this.#heap.push(half.arriveAt, () => {
      const other = wire.halves.find((each) => each !== half) as Half;
      if (this.#cuts.has(`${other.owner}>${half.owner}`)) return; // waits, like the segments of a TCP
      if (!half.isOpen) {
        half.queue.length = 0;
        this.#reset(half.owner, half.stream);
        return;
      }
      const node = this.#nodes.get(half.owner)?.node;
      for (let next = half.queue.shift(); next !== undefined && node !== undefined; next = half.queue.shift()) {
        if (next !== END) {
          node.handleStreamBytes(this.now, half.stream, next);
          continue;
        }
        half.isEnded = true;
        node.handleStreamEnd(this.now, half.stream);
        if (other.isEnded) for (const each of wire.halves) this.#closed(each, 'ended');
      }
    });
  }

  #reset(from: string, stream: number): void {
    const found = this.#wires.get(`${from} ${stream}`);
    if (found === undefined) return;
    const other = found.wire.halves[found.side === 0 ? 1 : 0];
    this.#wires.delete(`${from} ${stream}`);
    this.#heap.push(Math.max(other.arriveAt, this.now + this.#delay()), () => {
      if (!this.#cuts.has(`${from}>${other.owner}`)) this.#closed(other, 'reset');
    });
  }

  #closed(half: Half, cause: 'ended' | 'reset'): void {
    if (!this.#wires.delete(`${half.owner} ${half.stream}`)) return;
    if (half.isOpen) this.#nodes.get(half.owner)?.node.handleStreamClosed(this.now, half.stream, cause);
    half.isOpen = false;
  }

  #delay(): Millis {
    const { delayMs = 1, jitterMs = 0 } = this.#plan;
    return delayMs + (jitterMs === 0 ? 0 : uniform(this.#entropy, { low: 0, high: jitterMs }));
  }
}

const END = new Uint8Array(0);

/** The same key for the same name in every run. */
export function keyOf(name: string): ReturnType<typeof crypto.x25519KeyPair> {
  const secret = new Uint8Array(32);
  new SeededEntropy(`static ${name}`).fill(secret);
  return crypto.x25519KeyPair(secret);
}

export function trustOf(...names: readonly string[]): TrustStore {
  const trust = new TrustStore();
  for (const name of names) trust.pin(name, keyOf(name).publicKey);
  return trust;
}

function describe(event: BusNodeEvent): string | undefined {
  switch (event.type) {
    case 'peer-found':
      return `finds ${event.peer.deviceId}`;
    case 'peer-lost':
      return `loses ${event.deviceId} (${event.cause})`;
    case 'dialling':
      return `dials ${event.deviceId} at ${formatIpv4(event.to.address)}:${event.to.port}`;
    case 'session-open':
      return `has a session with ${event.deviceId} as ${event.role}`;
    case 'session-closed':
    case 'session-failed': {
      const { end } = event;
      const why = end.type === 'failed' ? end.label : end.type === 'goodbye' ? `goodbye ${end.code} by ${end.by}` : end.cause;
      return `${event.type === 'session-closed' ? 'ends the session with' : 'gets no session with'} ${event.deviceId}: ${why}`;
    }
    case 'pairing':
      return `shows ${event.pin} for ${event.deviceId}`;
    case 'stream':
      return `stream of ${event.deviceId}: ${event.event.type}`;
    case 'audit':
      return `answers ${event.deviceId} #${event.correlation} ${event.service} ${event.operation}: ${event.outcome}`;
    case 'reply':
      return `hears from ${event.deviceId} #${event.correlation}: ${event.result.status}`;
    default:
      return undefined;
  }
}
