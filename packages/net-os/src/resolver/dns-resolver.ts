import { type Entropy, type Ipv4Address, ipv4FromU32, type Millis, NEVER, readU32, requireArgument } from '@nexus-net/sansio';
import {
  DNS_CLASS,
  DNS_RCODE,
  DNS_TYPE,
  type DnsMessage,
  decodeDns,
  encodeDns,
  encodeDnsName,
  readDnsName,
} from '@nexus-net/wire';
import { ByteFifo } from '../sockets/byte-fifo.js';
import type { Sockets, TcpStream, UdpSocket } from '../sockets/sockets.js';

export interface DnsResolverConfig {
  readonly sockets: Sockets;
  /** Ids of queries. */
  readonly entropy: Entropy;
  /** Name servers, asked in this order: those of a lease, for example. At least one. */
  readonly servers: readonly Ipv4Address[];
  /** Default 53. */
  readonly port?: number;
  /** How long one server may take, over UDP and again over TCP. Default 2 000 ms. */
  readonly timeoutMs?: Millis;
  /** How often all servers are asked. Default 2. */
  readonly roundCountMax?: number;
  /** Lookups at a time. Default 16. */
  readonly lookupCountMax?: number;
}

/**
 * Why there are no addresses. `no-such-name`: NXDOMAIN. `no-address`: the name exists and has none. `failed`: every server said that it can not.
 * `timed-out`: none answered. `bad-name`, `busy`: nothing was asked.
 */
export type DnsLookupError = 'no-such-name' | 'no-address' | 'failed' | 'timed-out' | 'bad-name' | 'busy';

export type DnsLookupResult =
  | { readonly ok: true; readonly addresses: readonly Ipv4Address[]; readonly server: Ipv4Address }
  | { readonly ok: false; readonly error: DnsLookupError };

/** A question under way, then its result. */
export interface DnsQuestionHandle {
  readonly name: string;
  /** `undefined` until it is there. */
  readonly result: DnsLookupResult | undefined;
}

/**
 * A stub resolver (RFC 1035, RFC 5452): asks the servers in turn over UDP, and over TCP where an answer was cut. An answer counts only from
 * the server that was asked, for the id, port and question that were asked. `run` whenever the sockets have moved, and at `nextTimeout`.
 */
export class DnsResolver {
  readonly #config: Required<Omit<DnsResolverConfig, 'sockets' | 'entropy' | 'servers'>> & DnsResolverConfig;
  readonly #lookups = new Set<Lookup>();

  constructor(config: DnsResolverConfig) {
    requireArgument(config.servers.length > 0, 'there is at least one server');
    this.#config = { port: 53, timeoutMs: 2_000, roundCountMax: 2, lookupCountMax: 16, ...config };
  }

  /** Asks for the IPv4 addresses of a name. */
  lookup(now: Millis, name: string): DnsQuestionHandle {
    const { sockets, entropy, servers, port, timeoutMs, roundCountMax, lookupCountMax } = this.#config;
    if (!isName(name)) return { name, result: { ok: false, error: 'bad-name' } };
    if (this.#lookups.size >= lookupCountMax) return { name, result: { ok: false, error: 'busy' } };
    const tries = Array.from({ length: roundCountMax }, () => servers).flat();
    const lookup = new Lookup({ sockets, entropy, name, tries, port, timeoutMs });
    this.#lookups.add(lookup);
    lookup.run(now);
    return lookup;
  }

  run(now: Millis): void {
    for (const lookup of [...this.#lookups]) {
      lookup.run(now);
      if (lookup.result !== undefined) this.#lookups.delete(lookup);
    }
  }

  nextTimeout(): Millis {
    let next = NEVER;
    for (const { nextAt } of this.#lookups) next = Math.min(next, nextAt);
    return next;
  }
}

interface LookupConfig {
  readonly sockets: Sockets;
  readonly entropy: Entropy;
  readonly name: string;
  /** Servers in the order in which they are asked. */
  readonly tries: readonly Ipv4Address[];
  readonly port: number;
  readonly timeoutMs: Millis;
}

type State =
  | { readonly type: 'idle' }
  | {
      readonly type: 'udp';
      readonly server: Ipv4Address;
      readonly id: number;
      readonly socket: UdpSocket;
      readonly until: Millis;
    }
  | {
      readonly type: 'tcp';
      readonly server: Ipv4Address;
      readonly id: number;
      readonly stream: TcpStream;
      readonly received: ByteFifo;
      unsent: Uint8Array;
      /** Of the answer, once its first two octets are there. */
      length: number | undefined;
      readonly until: Millis;
    };

class Lookup implements DnsQuestionHandle {
  readonly name: string;
  result: DnsLookupResult | undefined;
  readonly #config: LookupConfig;
  #state: State = { type: 'idle' };
  #tried = 0;
  /** Some server answered, though it could not. */
  #isAnswered = false;

  constructor(config: LookupConfig) {
    this.#config = config;
    this.name = config.name;
  }

  get nextAt(): Millis {
    return this.#state.type === 'idle' ? NEVER : this.#state.until;
  }

  run(now: Millis): void {
    // Each turn is a step towards an end: the number of tries is bounded.
    while (this.result === undefined) {
      const state = this.#state;
      if (state.type === 'idle') this.#ask(now);
      else if (!(state.type === 'udp' ? this.#hearUdp(now, state) : this.#hearTcp(state))) {
        if (now < state.until) return;
        this.#giveUp();
      }
    }
  }

  #ask(now: Millis): void {
    const { sockets, entropy, tries, port, timeoutMs } = this.#config;
    const server = tries[this.#tried++];
    if (server === undefined) {
      this.result = { ok: false, error: this.#isAnswered ? 'failed' : 'timed-out' };
      return;
    }
    // A port of its own for each try: what a blind attacker has to guess as well (RFC 5452 §9.2).
    const bound = sockets.udpBind({ address: ipv4FromU32(0), port: 0 });
    if (!bound.ok) return;
    const socket = bound.value;
    const id = entropy.u32() & 0xffff;
    if (!socket.sendTo({ address: server, port }, queryOf(this.name, id)).ok) {
      socket.close();
      return;
    }
    this.#state = { type: 'udp', server, id, socket, until: now + timeoutMs };
  }

  /** True where the state has changed. */
  #hearUdp(now: Millis, { server, id, socket }: Extract<State, { type: 'udp' }>): boolean {
    const { port } = this.#config;
    for (let received = socket.receiveFrom(); received.ok; received = socket.receiveFrom()) {
      const { from, payload } = received.value;
      if (from.address !== server || from.port !== port) continue;
      const answer = this.#answerOf(payload, id);
      if (answer === undefined) continue;
      socket.close();
      if (answer.truncated) this.#askAgain(now, server);
      else this.#take(answer, server);
      return true;
    }
    if (socket.takeError() === undefined) return false;
    this.#giveUp();
    return true;
  }

  /** RFC 7766 §5: what was cut over UDP is asked for over TCP. */
  #askAgain(now: Millis, server: Ipv4Address): void {
    const { sockets, entropy, port, timeoutMs } = this.#config;
    const until = now + timeoutMs;
    const dialled = sockets.tcpConnect({ address: server, port }, { deadline: until });
    if (!dialled.ok) {
      this.#state = { type: 'idle' };
      return;
    }
    const id = entropy.u32() & 0xffff;
    const query = queryOf(this.name, id);
    const unsent = new Uint8Array(2 + query.length);
    unsent[0] = query.length >>> 8;
    unsent[1] = query.length;
    unsent.set(query, 2);
    this.#state = { type: 'tcp', server, id, stream: dialled.value, received: new ByteFifo(), unsent, length: undefined, until };
  }

  #hearTcp(state: Extract<State, { type: 'tcp' }>): boolean {
    const { stream, received, server, id } = state;
    while (state.unsent.length > 0) {
      const wrote = stream.write(state.unsent);
      if (!wrote.ok) return this.#lose(wrote.error);
      state.unsent = state.unsent.subarray(wrote.value);
    }
    for (;;) {
      const read = stream.read(READ_OCTETS);
      if (!read.ok) return this.#lose(read.error);
      if (read.value.length === 0) return this.#lose('disconnected');
      received.push(read.value);
      if (state.length === undefined && received.length >= 2) {
        const [high = 0, low = 0] = received.take(2);
        state.length = (high << 8) | low;
      }
      if (state.length === undefined || received.length < state.length) continue;
      const answer = this.#answerOf(received.take(state.length), id);
      if (answer === undefined) return this.#lose('disconnected');
      stream.close();
      this.#take(answer, server);
      return true;
    }
  }

  #lose(error: string): boolean {
    if (error === 'would-block') return false;
    this.#giveUp();
    return true;
  }

  #giveUp(): void {
    const state = this.#state;
    if (state.type === 'udp') state.socket.close();
    else if (state.type === 'tcp') state.stream.abort();
    this.#state = { type: 'idle' };
  }

  /** `undefined` for what is not the answer to our question. */
  #answerOf(bytes: Uint8Array, id: number): DnsMessage | undefined {
    const decoded = decodeDns(bytes);
    if (!decoded.ok) return undefined;
    const message = decoded.value;
    const [question] = message.questions;
    const isOurs = message.response && message.id === id && message.questions.length === 1 && question !== undefined;
    if (!isOurs || question.type !== DNS_TYPE.a || question.class !== DNS_CLASS.in) return undefined;
    return sameName(question.name, this.name) ? message : undefined;
  }

  #take(message: DnsMessage, server: Ipv4Address): void {
    this.#state = { type: 'idle' };
    if (message.responseCode === DNS_RCODE.nxDomain) this.result = { ok: false, error: 'no-such-name' };
    else if (message.responseCode !== DNS_RCODE.noError) this.#isAnswered = true;
    else {
      const addresses = addressesOf(message, this.name);
      this.result = addresses.length > 0 ? { ok: true, addresses, server } : { ok: false, error: 'no-address' };
    }
  }
}

/** The addresses of a name, through the aliases in the same answer. */
function addressesOf({ answers }: DnsMessage, name: string): Ipv4Address[] {
  let owner = name;
  for (let aliases = 0; aliases <= ALIAS_COUNT_MAX; aliases++) {
    const own = answers.filter((record) => record.class === DNS_CLASS.in && sameName(record.name, owner));
    const addresses = own.filter(({ type, data }) => type === DNS_TYPE.a && data.length === 4);
    if (addresses.length > 0) return addresses.map(({ data }) => ipv4FromU32(readU32(data, 0)));
    const alias = own.find(({ type }) => type === DNS_TYPE.cname);
    const target = alias && targetOf(alias.data);
    if (target === undefined) return [];
    owner = target;
  }
  return [];
}

function targetOf(data: Uint8Array): string | undefined {
  const read = readDnsName(data, 0);
  return read.ok ? read.value.name : undefined;
}

function queryOf(name: string, id: number): Uint8Array {
  return encodeDns({
    id,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: 0,
    questions: [{ name, type: DNS_TYPE.a, class: DNS_CLASS.in }],
    answers: [],
    authorities: [],
    additionals: [],
  });
}

function isName(name: string): boolean {
  try {
    return encodeDnsName(name).length > 1;
  } catch {
    return false; // a label too long, or an escape that is none
  }
}

/** Without regard to case, and to a dot at the end (RFC 4343). */
function sameName(a: string, b: string): boolean {
  return a.replace(/\.$/, '').toLowerCase() === b.replace(/\.$/, '').toLowerCase();
}

const ALIAS_COUNT_MAX = 8;
const READ_OCTETS = 16_384;
