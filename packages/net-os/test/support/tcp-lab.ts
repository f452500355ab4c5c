import { type Ipv4Address, type MacAddress, type Millis, NEVER, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { decodeTcp, encodeTcp, IP_PROTOCOL, type TcpOption, type TcpSegment } from '@nexus-net/wire';
import type { SendOutcome, TcpConnection, TcpEvent, TcpLimits, TcpListener, TcpOptions } from '../../src/index.js';
import type { Ipv4Arrival } from '../../src/ipv4/ipv4-input.js';
import type { Ipv4Fields } from '../../src/ipv4/ipv4-output.js';
import { FRAME_HEADROOM } from '../../src/ipv4/packet-frame.js';
import type { CongestionFactory } from '../../src/tcp/congestion.js';
import { TcpLayer } from '../../src/tcp/tcp-layer.js';
import { resolveTcpLimits } from '../../src/tcp/tcp-options.js';

export const OUR_ADDRESS: Ipv4Address = parseIpv4('10.1.0.1');
export const PEER_ADDRESS: Ipv4Address = parseIpv4('10.1.0.2');
export const OUR_PORT = 80;
export const PEER_PORT = 4_000;
/** The peer's initial sequence number. */
export const IRS = 0x7000_0000;

/**
 * A segment in short. Numbers count from the initial ones: `seq` 0 is the SYN of its sender, `ack` 1 acknowledges the other's SYN. Flags: S, A, F, R, P, U.
 */
export interface Short {
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly win?: number;
  readonly text?: string | Uint8Array;
  readonly urg?: number;
  readonly options?: readonly TcpOption[];
}

export interface LabConfig {
  readonly limits?: Partial<TcpLimits>;
  readonly mtu?: number;
  readonly seed?: string;
  readonly congestion?: CongestionFactory;
}

/** One TCP layer on a bench: segments in, segments out, as short text, time by hand. */
export class Lab {
  readonly layer: TcpLayer;
  now: Millis = 1_000;
  mtu: number;
  outcome: SendOutcome = 'sent';
  /** What the last IPv4 header was to say. */
  fields: Ipv4Fields | undefined;
  /** The source of every packet that was sent. */
  readonly sources: Ipv4Address[] = [];
  readonly counted: string[] = [];
  readonly suspected: number[] = [];
  /** Our initial sequence number: of the last SYN that we sent. */
  iss = 0;
  irs: number = IRS;
  peerPort: number = PEER_PORT;
  ourPort: number = OUR_PORT;
  readonly #frames: Uint8Array[] = [];

  constructor({ limits = {}, mtu = 1_500, seed = 'lab', congestion }: LabConfig = {}) {
    this.mtu = mtu;
    this.layer = new TcpLayer({
      limits: resolveTcpLimits(limits),
      entropy: new SeededEntropy(seed),
      network: {
        sourceFor: (destination, source) => {
          if (source !== undefined && source !== OUR_ADDRESS) return 'no-address';
          return destination >>> 8 === OUR_ADDRESS >>> 8 ? OUR_ADDRESS : 'no-route';
        },
        pathMtu: () => this.mtu,
        suspectPath: (_now, _destination, octets) => {
          this.suspected.push(octets);
          return 576;
        },
        sendFrame: (_now, frame, source, fields) => {
          this.fields = fields;
          this.sources.push(source);
          if (this.outcome === 'sent') this.#frames.push(frame);
          return this.outcome;
        },
        advance: (now) => {
          this.now = Math.max(this.now, now);
          return this.now;
        },
        count: (label) => this.counted.push(label),
      },
      ...(congestion === undefined ? {} : { congestion }),
    });
  }

  listen(options?: TcpOptions, backlog = 4): TcpListener {
    const listener = this.layer.listen(this.now, { port: OUR_PORT, backlog }, options);
    if (typeof listener === 'string') throw new Error(listener);
    return listener;
  }

  connect(options?: TcpOptions, local: { readonly port?: number } = { port: OUR_PORT }): TcpConnection {
    const connection = this.layer.connect(this.now, { remote: { address: PEER_ADDRESS, port: PEER_PORT }, local }, options);
    if (typeof connection === 'string') throw new Error(connection);
    this.ourPort = connection.local.port;
    return connection;
  }

  /** Gives the layer a segment of the peer; the label of its drop. */
  send(short: Short): string | undefined {
    const bytes = encodeTcp(this.segment(short), { source: PEER_ADDRESS, destination: OUR_ADDRESS });
    return this.sendRaw(bytes);
  }

  sendRaw(
    payload: Uint8Array,
    { source = PEER_ADDRESS, reach = 'unicast' }: { source?: Ipv4Address; reach?: 'unicast' | 'broadcast' } = {},
  ): string | undefined {
    return this.layer.input(this.now, arrivalOf(payload, source, reach));
  }

  /** A segment as it comes from another address. */
  arrival(short: Short, source: number): Ipv4Arrival {
    const from = source as Ipv4Address;
    return arrivalOf(encodeTcp(this.segment(short), { source: from, destination: OUR_ADDRESS }), from, 'unicast');
  }

  segment({ flags, seq = 0, ack, win = 65_535, text = '', urg = 0, options = [] }: Short): TcpSegment {
    return {
      sourcePort: this.peerPort,
      destinationPort: this.ourPort,
      sequence: (this.irs + seq) >>> 0,
      acknowledgment: ack === undefined ? 0 : (this.iss + ack) >>> 0,
      flags: {
        fin: flags.includes('F'),
        syn: flags.includes('S'),
        rst: flags.includes('R'),
        psh: flags.includes('P'),
        ack: flags.includes('A'),
        urg: flags.includes('U'),
        ece: false,
        cwr: false,
      },
      window: win,
      urgentPointer: urg,
      options,
      payload: typeof text === 'string' ? new TextEncoder().encode(text) : text,
    };
  }

  /** Everything that the layer has to send now. */
  take(): TcpSegment[] {
    while (this.layer.pump(this.now));
    return this.#frames.splice(0).map((frame) => {
      const decoded = decodeTcp(frame.subarray(FRAME_HEADROOM), { source: OUR_ADDRESS, destination: PEER_ADDRESS });
      if (!decoded.ok) throw new Error(`our own segment is ${decoded.error}`);
      if (decoded.value.flags.syn) this.iss = decoded.value.sequence;
      return decoded.value;
    });
  }

  /** The same as octets. */
  frames(): Uint8Array[] {
    while (this.layer.pump(this.now));
    return this.#frames.splice(0).map((frame) => frame.subarray(FRAME_HEADROOM));
  }

  /** Throws away what is to be sent. */
  discard(): void {
    while (this.layer.pump(this.now));
    this.#frames.length = 0;
  }

  /** The same in short: `SA 0:1 w65535`, `A 1:1 "abc"`, `R 5`. */
  sent(): string[] {
    return this.take().map((segment) => this.#short(segment));
  }

  /** Sends and tells what came back. */
  ask(short: Short): string[] {
    this.send(short);
    return this.sent();
  }

  events(): string[] {
    const told: string[] = [];
    for (let event = this.layer.pollEvent(); event !== undefined; event = this.layer.pollEvent()) told.push(nameOf(event));
    return told;
  }

  /** Time goes on to `at`; every timer on the way runs. What was sent, with its time. */
  until(at: Millis): string[] {
    const told: string[] = [];
    for (;;) {
      for (const text of this.sent()) told.push(`${this.now - 1_000} ${text}`);
      const next = this.layer.nextTimeout();
      if (next > at) break;
      this.now = Math.max(this.now, next);
      this.layer.runNext(this.now);
    }
    if (at !== NEVER) this.now = Math.max(this.now, at);
    return told;
  }

  wait(ms: Millis): string[] {
    return this.until(this.now + ms);
  }

  /** A passive connection in ESTABLISHED, everything sent taken. `syn`: options of the peer's SYN. */
  established(
    options: TcpOptions = {},
    syn: readonly TcpOption[] = [{ type: 'mss', octets: 1_460 }],
    win = 65_535,
  ): TcpConnection {
    const listener = this.listen(options);
    this.send({ flags: 'S', seq: 0, win, options: syn });
    this.take();
    this.send({ flags: 'A', seq: 1, ack: 1, win, options: echo(syn) });
    const connection = listener.accept(this.now);
    if (typeof connection === 'string') throw new Error(connection);
    this.take();
    this.events();
    return connection;
  }

  #short({ flags, sequence, acknowledgment, window, payload, urgentPointer }: TcpSegment): string {
    const bits = `${flags.syn ? 'S' : ''}${flags.fin ? 'F' : ''}${flags.rst ? 'R' : ''}${flags.urg ? 'U' : ''}${flags.ack ? 'A' : ''}`;
    const seq = (sequence - this.iss) | 0;
    const ack = flags.ack ? `:${(acknowledgment - this.irs) | 0}` : '';
    const text =
      payload.length === 0 ? '' : payload.length <= 12 ? ` "${new TextDecoder().decode(payload)}"` : ` +${payload.length}`;
    return `${bits} ${seq}${ack}${window === 65_535 || flags.rst ? '' : ` w${window}`}${text}${flags.urg ? ` u${urgentPointer}` : ''}`;
  }
}

function arrivalOf(payload: Uint8Array, source: Ipv4Address, reach: 'unicast' | 'broadcast'): Ipv4Arrival {
  const packet = {
    trafficClass: 0,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: IP_PROTOCOL.tcp,
    source,
    destination: OUR_ADDRESS,
    options: new Uint8Array(0),
    payload,
  };
  return { packet, bytes: payload, linkSource: 2 as MacAddress, reach };
}

/** The timestamps that a peer who offered them sends in its next segment. */
export function echo(syn: readonly TcpOption[]): TcpOption[] {
  return syn.filter((option) => option.type === 'timestamps');
}

export function text(count: number, octet = 120): Uint8Array {
  return new Uint8Array(count).fill(octet);
}

export function mss(octets: number): TcpOption {
  return { type: 'mss', octets };
}

export function sack(lab: Lab, ...edges: readonly (readonly [number, number])[]): TcpOption {
  return {
    type: 'sack',
    blocks: edges.map(([left, right]) => ({ left: (lab.iss + left) >>> 0, right: (lab.iss + right) >>> 0 })),
  };
}

export function stamps(value: number, echoed = 0): TcpOption {
  return { type: 'timestamps', value: value >>> 0, echo: echoed >>> 0 };
}

function nameOf(event: TcpEvent): string {
  return event.type === 'tcp-closed' ? `closed ${event.reason}` : event.type.slice(4);
}

/** Windows of exactly 65 535 are left out of the short text, so most tests use that. */
export const PLAIN: TcpOptions = { receiveBufferMax: 65_535, sendBufferMax: 65_535, timestamps: false, windowScaling: false };
