import {
  chance,
  DeadlineHeap,
  type Ipv4Address,
  type Millis,
  NEVER,
  parseIpv4,
  parseMac,
  SeededEntropy,
  uniform,
} from '@nexus-net/sansio';
import {
  Host,
  type HostEvent,
  type HostOptions,
  type TcpConnection,
  type TcpListener,
  type TcpOptions,
} from '../../src/index.js';

/** What a cable does to frames, each way. */
export interface CableConfig {
  readonly delayMs?: Millis;
  /** Further delay, uniform up to this: frames overtake each other. */
  readonly jitterMs?: Millis;
  /** Probabilities. */
  readonly loss?: number;
  /** Frames that are never lost by chance. */
  readonly spares?: (frame: Uint8Array) => boolean;
  readonly duplicate?: number;
  /** One octet changed. */
  readonly corrupt?: number;
  /** Octets a millisecond; frames queue up. Default: no limit. */
  readonly rate?: number;
  /** Frames in that queue. */
  readonly queueMax?: number;
  /** Decides for each frame, numbered from 1 in each direction; true loses it. */
  readonly drop?: (frame: Uint8Array, number: number, from: 'a' | 'b') => boolean;
}

export interface PairConfig {
  readonly seed?: number | string;
  readonly cable?: CableConfig;
  readonly a?: Partial<HostOptions>;
  readonly b?: Partial<HostOptions>;
}

export const A_IP: Ipv4Address = parseIpv4('10.0.0.1');
export const B_IP: Ipv4Address = parseIpv4('10.0.0.2');

/** Two hosts on one cable with virtual time. They know each other's MAC before time zero, so that only TCP is tried. */
export class TcpPair {
  readonly a: Host;
  readonly b: Host;
  cable: CableConfig;
  now: Millis = 0;
  /** Every frame, as it leaves. */
  onFrame: ((now: Millis, from: 'a' | 'b', frame: Uint8Array) => void) | undefined;
  readonly events: { readonly at: Millis; readonly host: 'a' | 'b'; readonly event: HostEvent }[] = [];
  /** Called after every step. */
  onStep: (() => void) | undefined;
  readonly #entropy: SeededEntropy;
  readonly #air = new DeadlineHeap<{ readonly to: 'a' | 'b'; readonly frame: Uint8Array }>(1_000_000);
  readonly #busyUntil = { a: 0, b: 0 };
  readonly #counts = { a: 0, b: 0 };
  readonly #inQueue = { a: 0, b: 0 };

  constructor({ seed = 1, cable = {}, a = {}, b = {} }: PairConfig = {}) {
    this.#entropy = new SeededEntropy(`cable ${seed}`);
    this.a = new Host({ mac: parseMac('52:54:00:00:00:01'), entropy: new SeededEntropy(`a ${seed}`), ...LASTING, ...a });
    this.b = new Host({ mac: parseMac('52:54:00:00:00:02'), entropy: new SeededEntropy(`b ${seed}`), ...LASTING, ...b });
    this.cable = {};
    this.now = -10_000;
    this.a.configure(this.now, { address: A_IP, prefixLength: 24 });
    this.b.configure(this.now, { address: B_IP, prefixLength: 24 });
    this.a.ping(this.now, { destination: B_IP });
    this.run({ until: -1 });
    this.now = 0;
    this.events.length = 0;
    this.#counts.a = 0;
    this.#counts.b = 0;
    this.cable = cable;
  }

  listen(port = 80, options?: TcpOptions, backlog?: number): TcpListener {
    const listener = this.b.tcp.listen(this.now, { port, ...(backlog === undefined ? {} : { backlog }) }, options);
    if (typeof listener === 'string') throw new Error(listener);
    return listener;
  }

  connect(port = 80, options?: TcpOptions, localPort?: number): TcpConnection {
    const local = localPort === undefined ? {} : { local: { port: localPort } };
    const connection = this.a.tcp.connect(this.now, { remote: { address: B_IP, port }, ...local }, options);
    if (typeof connection === 'string') throw new Error(connection);
    return connection;
  }

  /** A connection, its handshake done, from `a` to `b`. */
  open(optionsA?: TcpOptions, optionsB?: TcpOptions): { client: TcpConnection; server: TcpConnection; listener: TcpListener } {
    const listener = this.listen(80, optionsB);
    const client = this.connect(80, optionsA);
    let server: TcpConnection | undefined;
    this.run({
      until: this.now + 200_000,
      stop: () => {
        if (server === undefined) {
          const got = listener.accept(this.now);
          if (typeof got !== 'string') server = got;
        }
        return server !== undefined && client.state === 'ESTABLISHED';
      },
    });
    if (server === undefined) throw new Error('no connection');
    return { client, server, listener };
  }

  /** Moves frames and time until `until`, until `stop` says so, or until nothing is left to happen. */
  run({ until = NEVER, stop }: { readonly until?: Millis; readonly stop?: () => boolean } = {}): void {
    for (let steps = 0; steps < 50_000_000; steps++) {
      this.#collect('a');
      this.#collect('b');
      this.onStep?.();
      this.#collect('a');
      this.#collect('b');
      if (stop?.() === true) return;
      const next = Math.min(this.#air.nextAt, this.a.nextTimeout(), this.b.nextTimeout());
      if (next === NEVER || next > until) {
        if (until !== NEVER) this.now = Math.max(this.now, until);
        return;
      }
      this.now = Math.max(this.now, next);
      if (this.#air.nextAt <= this.now) {
        const item = this.#air.popDue(this.now);
        if (item !== undefined) {
          this.#inQueue[item.to === 'a' ? 'b' : 'a'] -= 1;
          this[item.to].handleFrame(this.now, item.frame);
        }
        continue;
      }
      if (this.a.nextTimeout() <= this.now) this.a.handleTimeout(this.now);
      if (this.b.nextTimeout() <= this.now) this.b.handleTimeout(this.now);
    }
    throw new Error('the pair never falls silent');
  }

  runFor(ms: Millis): void {
    this.run({ until: this.now + ms });
  }

  /** Puts a frame of the test's own on the cable; it arrives at once. */
  inject(to: 'a' | 'b', frame: Uint8Array): void {
    this[to].handleFrame(this.now, frame);
  }

  #collect(from: 'a' | 'b'): void {
    const host = this[from];
    for (let frame = host.pollTransmit(); frame !== undefined; frame = host.pollTransmit()) this.#put(from, frame);
    for (let event = host.pollEvent(); event !== undefined; event = host.pollEvent())
      if (this.events.length < EVENTS_KEPT) this.events.push({ at: this.now, host: from, event });
  }

  #put(from: 'a' | 'b', frame: Uint8Array): void {
    this.onFrame?.(this.now, from, frame);
    const { loss = 0, spares, duplicate = 0, corrupt = 0, drop, queueMax = Number.POSITIVE_INFINITY } = this.cable;
    this.#counts[from] += 1;
    if (drop?.(frame, this.#counts[from], from) === true) return;
    if (loss > 0 && spares?.(frame) !== true && chance(this.#entropy, loss)) return;
    if (this.#inQueue[from] >= queueMax) return;
    this.#fly(from, corrupt > 0 && chance(this.#entropy, corrupt) ? this.#corrupted(frame) : frame);
    if (duplicate > 0 && chance(this.#entropy, duplicate)) this.#fly(from, frame);
  }

  #fly(from: 'a' | 'b', frame: Uint8Array): void {
    const { delayMs = 0, jitterMs = 0, rate } = this.cable;
    let leavesAt = this.now;
    if (rate !== undefined) {
      leavesAt = Math.max(this.now, this.#busyUntil[from]) + frame.length / rate;
      this.#busyUntil[from] = leavesAt;
    }
    const jitter = jitterMs > 0 ? uniform(this.#entropy, { low: 0, high: jitterMs }) : 0;
    this.#inQueue[from] += 1;
    this.#air.push(leavesAt + delayMs + jitter, { to: from === 'a' ? 'b' : 'a', frame });
  }

  #corrupted(frame: Uint8Array): Uint8Array {
    const copy = frame.slice();
    const at = uniform(this.#entropy, { low: 14, high: copy.length - 1 });
    copy[at] = (copy[at] as number) ^ (1 << uniform(this.#entropy, { low: 0, high: 7 }));
    return copy;
  }
}

/** Neighbours stay known for as long as a test takes: what is tried is TCP. */
const LASTING: Partial<HostOptions> = { neighbourAgeMs: 1e12, defence: 'defend-always' };
const EVENTS_KEPT = 100_000;

/** The octet at a place in the test stream: no period that a buffer could hide. */
export function octetAt(position: number): number {
  return (Math.imul(position ^ (position >>> 9), 0x9e3779b1) >>> 24) & 0xff;
}

export function streamOf(from: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = octetAt(from + i);
  return bytes;
}

/** Sends `total` octets of the test stream and then FIN, as fast as the buffer takes them. */
export class StreamSource {
  readonly #connection: TcpConnection;
  readonly #total: number;
  readonly #chunk: number;
  sent = 0;
  isDone = false;

  constructor(connection: TcpConnection, total: number, chunk = 65_536) {
    this.#connection = connection;
    this.#total = total;
    this.#chunk = chunk;
  }

  push(now: Millis): void {
    while (!this.isDone) {
      if (this.sent === this.#total) {
        this.#connection.shutdown(now);
        this.isDone = true;
        return;
      }
      const room = Math.min(this.#chunk, this.#total - this.sent, this.#connection.writableCount);
      if (room === 0) {
        if (this.#connection.end !== undefined) this.isDone = true;
        return;
      }
      const accepted = this.#connection.send(now, streamOf(this.sent, room));
      if (typeof accepted !== 'number') return;
      this.sent += accepted;
    }
  }
}

/** Reads to the end and compares every octet. */
export class StreamSink {
  readonly #connection: TcpConnection;
  readonly #chunk: Uint8Array;
  received = 0;
  isAtEnd = false;
  isExact = true;

  constructor(connection: TcpConnection, chunk = 65_536) {
    this.#connection = connection;
    this.#chunk = new Uint8Array(chunk);
  }

  pull(now: Millis): void {
    while (!this.isAtEnd) {
      const count = this.#connection.receiveInto(now, this.#chunk);
      if (typeof count !== 'number') {
        if (count !== 'would-block') this.isAtEnd = true;
        return;
      }
      for (let i = 0; i < count; i++) if (this.#chunk[i] !== octetAt(this.received + i)) this.isExact = false;
      this.received += count;
    }
  }
}

/** One stream from `a` to `b` to its end; the virtual time that it took. */
export function transfer(
  pair: TcpPair,
  {
    total,
    optionsA,
    optionsB,
    chunk,
    until = 1e10,
  }: {
    readonly total: number;
    readonly optionsA?: TcpOptions;
    readonly optionsB?: TcpOptions;
    readonly chunk?: number;
    readonly until?: Millis;
  },
): { readonly ms: Millis; readonly client: TcpConnection; readonly server: TcpConnection; readonly sink: StreamSink } {
  const { client, server } = pair.open(optionsA, optionsB);
  const startedAt = pair.now;
  const source = new StreamSource(client, total, chunk);
  const sink = new StreamSink(server, chunk);
  let endedAt = pair.now;
  pair.onStep = () => {
    source.push(pair.now);
    if (!sink.isAtEnd) {
      sink.pull(pair.now);
      endedAt = pair.now;
      if (sink.isAtEnd) server.close(pair.now);
    }
  };
  pair.run({ until, stop: () => sink.isAtEnd && client.end !== undefined });
  pair.onStep = undefined;
  return { ms: endedAt - startedAt, client, server, sink };
}
