import {
  type Datagram,
  type Entropy,
  formatIpv4,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  parseIpv4,
  parseMac,
  readU32,
  writeU32,
} from '@nexus-net/sansio';
import {
  type CommandOutcome,
  DHCP_MESSAGE_TYPE,
  DhcpClient,
  type DhcpClientConfig,
  type DhcpClientEvent,
  type DhcpLease,
  type DhcpMessage,
  decodeDhcpMessage,
  dhcpMessage,
  dhcpMessageTypeName,
  encodeDhcpMessage,
  messageType,
  optionValue,
} from '../../src/index.js';

export const MAC: MacAddress = parseMac('52:54:00:12:34:56');
export const SERVER: Ipv4Address = parseIpv4('10.0.2.2');
export const OTHER_SERVER: Ipv4Address = parseIpv4('10.0.2.9');
export const ADDRESS: Ipv4Address = parseIpv4('10.0.2.15');
export const OTHER_ADDRESS: Ipv4Address = parseIpv4('10.0.2.16');
export const LEASE_S = 3600;
export const S = 1000;

/** Every draw is new (so xids differ) and stands for the same jitter: -1000, 0 or +1000 ms. */
export class SteadyEntropy implements Entropy {
  #draws = 0;
  readonly #offset: number;

  constructor(jitterMs: number) {
    this.#offset = 1000 + jitterMs;
  }

  u32(): number {
    return 2001 * this.#draws++ + this.#offset;
  }

  fill(bytes: Uint8Array): void {
    bytes.fill(0);
  }
}

/** What a scripted server says differently. An option set to `undefined` is left out. */
export interface Patch {
  readonly op?: number;
  readonly htype?: number;
  readonly hlen?: number;
  readonly hops?: number;
  readonly xid?: number;
  readonly secs?: number;
  readonly flags?: number;
  readonly yiaddr?: Ipv4Address;
  readonly chaddr?: Uint8Array;
  readonly options?: Readonly<Record<number, Uint8Array | readonly number[] | undefined>>;
  /** Changes the encoded octets. */
  readonly raw?: (payload: Uint8Array) => Uint8Array;
  readonly from?: Datagram['source'];
  readonly to?: Datagram['destination'];
}

export interface Sent {
  readonly at: Millis;
  readonly datagram: Datagram;
  readonly message: DhcpMessage;
  /** `discover`, `request` … */
  readonly type: string;
}

export type ReplyType = 'offer' | 'ack' | 'nak' | 'forceRenew' | number;

/** A client on a virtual clock, with a server that says what the test tells it. */
export class ClientLab {
  readonly client: DhcpClient;
  now: Millis = 0;
  readonly sent: Sent[] = [];
  readonly events: DhcpClientEvent[] = [];
  #ladder: string[] = [];

  constructor(
    config: Partial<DhcpClientConfig> = {},
    { jitterMs = 0, now = 0 }: { readonly jitterMs?: number; readonly now?: Millis } = {},
  ) {
    this.client = new DhcpClient({ mac: MAC, entropy: new SteadyEntropy(jitterMs), ...config });
    this.now = now;
  }

  get state(): string {
    return this.client.state;
  }

  get last(): Sent {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error('nothing sent yet');
    return last;
  }

  get lease(): DhcpLease {
    const { lease } = this.client;
    if (lease === undefined) throw new Error('no lease in use');
    return lease;
  }

  counter(label: keyof ReturnType<DhcpClient['inspect']>['counters']): number {
    return this.client.inspect().counters[label] ?? 0;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.client.inspect().counters;
  }

  start(): this {
    return this.run((client, now) => client.start(now));
  }

  /** A command, or any other call, at this instant. */
  run(command: (client: DhcpClient, now: Millis) => CommandOutcome | undefined): this {
    const outcome = command(this.client, this.now);
    if (outcome === 'ignored') throw new Error(`ignored in ${this.state}`);
    this.#drain();
    return this;
  }

  /** Lets time pass up to `at`, with a call at each deadline. */
  runTo(at: Millis): this {
    for (let deadline = this.client.nextTimeout(); deadline <= at; deadline = this.client.nextTimeout()) {
      this.now = Math.max(this.now, deadline);
      this.client.handleTimeout(this.now);
      this.#drain();
      if (this.client.nextTimeout() <= deadline) throw new Error(`a deadline stays due at ${deadline}`);
    }
    this.now = at;
    this.client.handleTimeout(at);
    this.#drain();
    return this;
  }

  runFor(duration: Millis): this {
    return this.runTo(this.now + duration);
  }

  /** One late call, without the deadlines between. */
  jumpTo(at: Millis): this {
    this.now = at;
    this.client.handleTimeout(at);
    this.#drain();
    return this;
  }

  /** The octets of a reply to the last message sent. */
  reply(type: ReplyType, patch: Patch = {}): Uint8Array {
    const request = this.sent.at(-1)?.message;
    const value = typeof type === 'number' ? type : DHCP_MESSAGE_TYPE[type];
    const grants = type === 'offer' || type === 'ack';
    const options: Record<number, Uint8Array | readonly number[] | undefined> = {
      53: [value],
      54: u32(SERVER),
      ...(grants ? { 51: u32(LEASE_S), 1: [255, 255, 255, 0], 3: u32(SERVER), 6: [10, 0, 2, 3] } : {}),
      ...patch.options,
    };
    const message = dhcpMessage({
      op: patch.op ?? 2,
      xid: patch.xid ?? request?.xid ?? 0,
      htype: patch.htype ?? 1,
      hlen: patch.hlen ?? 6,
      hops: patch.hops ?? 0,
      secs: patch.secs ?? 0,
      flags: patch.flags ?? 0,
      yiaddr: patch.yiaddr ?? (grants ? ADDRESS : (0 as Ipv4Address)),
      chaddr: patch.chaddr ?? MAC,
      // Integer keys come in ascending order: 53 is put first, as servers do.
      options: Object.entries(options)
        .sort(([a], [b]) => Number(b === '53') - Number(a === '53'))
        .flatMap(([code, octets]) => (octets === undefined ? [] : [{ code: Number(code), value: Uint8Array.from(octets) }])),
    });
    return (patch.raw ?? ((payload) => payload))(encodeDhcpMessage(message));
  }

  receive(type: ReplyType, patch: Patch = {}): this {
    return this.receiveBytes(this.reply(type, patch), patch);
  }

  receiveBytes(payload: Uint8Array, { from, to }: Pick<Patch, 'from' | 'to'> = {}): this {
    this.client.handleDatagram(this.now, {
      source: from ?? { address: SERVER, port: 67 },
      destination: to ?? { address: ADDRESS, port: 68 },
      payload,
    });
    this.#drain();
    return this;
  }

  /** From here to BOUND: OFFER and ACK, the same patch for both. */
  acquire(patch: Patch = {}): this {
    return this.receive('offer', patch).receive('ack', patch);
  }

  /** What was sent and what happened since the last call, a line each. */
  ladder(): string[] {
    const lines = this.#ladder;
    this.#ladder = [];
    return lines;
  }

  /** Messages sent, as `discover@0`. Seconds. */
  sentLog(): string[] {
    return this.sent.map(({ type, at }) => `${type}@${at / S}`);
  }

  eventsOf<T extends DhcpClientEvent['type']>(type: T): Extract<DhcpClientEvent, { readonly type: T }>[] {
    return this.events.filter((event) => event.type === type) as Extract<DhcpClientEvent, { readonly type: T }>[];
  }

  #drain(): void {
    for (let datagram = this.client.pollTransmit(); datagram !== undefined; datagram = this.client.pollTransmit()) {
      const decoded = decodeDhcpMessage(datagram.payload, { strict: true });
      if (!decoded.ok) throw new Error(`the client sends what cannot be read: ${decoded.error}`);
      const message = decoded.value;
      const type = dhcpMessageTypeName(messageType(message) ?? 0) ?? 'none';
      this.sent.push({ at: this.now, datagram, message, type });
      this.#ladder.push(`${this.now / S} > ${describe(datagram, message)}`);
    }
    for (let event = this.client.pollEvent(); event !== undefined; event = this.client.pollEvent()) {
      this.events.push(event);
      this.#ladder.push(`${event.at / S} ${describeEvent(event)}`);
    }
  }
}

/** A client that has its lease since 0 s: T1 1800 s, T2 3150 s, end 3600 s. */
export function boundLab(config: Partial<DhcpClientConfig> = {}, patch: Patch = {}): ClientLab {
  const lab = new ClientLab(config).start().acquire(patch);
  if (lab.state !== 'bound') throw new Error(`bound expected, ${lab.state} found`);
  return lab;
}

export function u32(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  writeU32(octets, 0, value);
  return octets;
}

/** Option codes in the order in which they were sent. */
export function codes(sent: Sent): number[] {
  return sent.message.options.map(({ code }) => code);
}

/** The octets of an option as text: dotted where there are four. */
export function optionText(message: DhcpMessage, code: number): string | undefined {
  const value = optionValue(message.options, code);
  if (value === undefined) return undefined;
  return value.length === 4 ? formatIpv4(readU32(value, 0) as Ipv4Address) : Array.from(value).join(' ');
}

export function describe({ source, destination }: Datagram, message: DhcpMessage): string {
  const name = (dhcpMessageTypeName(messageType(message) ?? 0) ?? '?').toUpperCase();
  const fields = [`xid ${message.xid}`, `secs ${message.secs}`];
  if (message.ciaddr !== 0) fields.push(`ciaddr ${formatIpv4(message.ciaddr)}`);
  for (const code of [50, 54]) {
    const text = optionText(message, code);
    if (text !== undefined) fields.push(`${code} ${text}`);
  }
  const from = `${formatIpv4(source.address)}:${source.port}`;
  return `${name} ${from} → ${formatIpv4(destination.address)}:${destination.port}, ${fields.join(', ')}`;
}

export function describeEvent(event: DhcpClientEvent): string {
  switch (event.type) {
    case 'state':
      return `${event.from} → ${event.to}`;
    case 'bound':
      return `bound ${event.cause} ${formatIpv4(event.lease.address)}/${event.lease.prefixLength}${event.changes.length > 0 ? ` (${event.changes.join(' ')})` : ''}`;
    case 'unbound':
      return `unbound ${event.reason} ${formatIpv4(event.address)}`;
    case 'probe':
      return `probe ${formatIpv4(event.address)}`;
    case 'detect':
      return `detect ${event.lease.routers.map(formatIpv4).join(' ')}`;
    case 'informed':
      return `informed ${formatIpv4(event.address)}`;
    case 'declined':
      return `declined ${formatIpv4(event.address)}`;
    case 'refused':
      return `refused by ${formatIpv4(event.server)}, wait ${event.waitMs / S}`;
    case 'gave-up':
      return `gave up in ${event.state}`;
    case 'ipv6-only':
      return `ipv6-only ${event.waitMs / S}`;
    case 'rejected':
      return `rejected ${event.label}`;
  }
}
