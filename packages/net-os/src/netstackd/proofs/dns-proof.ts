import {
  type Entropy,
  IPV4_ANY,
  type Ipv4Address,
  ipv4FromU32,
  type Millis,
  NEVER,
  readU32,
  requireArgument,
} from '@nexus-net/sansio';
import { DNS_TYPE, type DnsMessage, decodeDns, encodeDns } from '@nexus-net/wire';
import type { Host } from '../../host.js';
import type { HostEvent, UdpSocketId } from '../../host-event.js';
import type { DnsProofOptions, ProofNetwork, ProofOutcome } from './proof.js';
import type { ProofStep } from './proof-runner.js';

type Outcome = Extract<ProofOutcome, { readonly proof: 'dns' }>;
type Failure = Extract<Outcome, { readonly passed: false }>;

type State =
  | {
      readonly type: 'waiting';
      readonly attempt: number;
      readonly id: number;
      readonly server: Ipv4Address;
      readonly nextAt: Millis;
      /** What the last attempt that was answered came to. */
      readonly failure: Pick<Failure, 'reason' | 'responseCode'>;
    }
  | { readonly type: 'done'; readonly outcome: Outcome };

/**
 * Proves that a name is resolved: queries from a port of its own with ids drawn at random, to the servers in turn. An answer counts
 * from the server that was asked, with the id and the question of the query (RFC 5452 §4.2), and with a record of the type.
 */
export class DnsProof implements ProofStep {
  readonly #host: Host;
  readonly #entropy: Entropy;
  readonly #name: string;
  readonly #type: number;
  readonly #servers: readonly Ipv4Address[];
  readonly #attempts: number;
  readonly #timeoutMs: Millis;
  readonly #socket: UdpSocketId;
  #state: State;

  constructor(
    now: Millis,
    { host, entropy }: { readonly host: Host; readonly entropy: Entropy },
    options: DnsProofOptions,
    network: ProofNetwork,
  ) {
    const { name, type = DNS_TYPE.a, servers = network.dnsServers, attempts = 4, timeoutMs = 1_000 } = options;
    requireArgument(Number.isSafeInteger(attempts) && attempts >= 1, 'attempts is a positive integer');
    requireArgument(timeoutMs > 0, 'timeoutMs is positive');
    this.#host = host;
    this.#entropy = entropy;
    this.#name = name;
    this.#type = type;
    this.#servers = servers;
    this.#attempts = attempts;
    this.#timeoutMs = timeoutMs;
    this.#socket = host.bindUdp({ port: 0 });
    this.#state = { type: 'done', outcome: this.#failed({ reason: 'no-server' }) };
    if (servers.length === 0) this.#end({ reason: 'no-server' });
    else this.#ask(now, 1, { reason: 'timeout' });
  }

  get outcome(): Outcome | undefined {
    return this.#state.type === 'done' ? this.#state.outcome : undefined;
  }

  onHostEvent(now: Millis, event: HostEvent): boolean {
    if (!('socket' in event) || event.socket !== this.#socket) return false;
    const state = this.#state;
    if (state.type === 'done') return true;
    if (event.type === 'datagram-unreachable') this.#ask(now, state.attempt + 1, { reason: 'timeout' });
    if (event.type !== 'datagram') return true;
    const { source, payload } = event.datagram;
    if (source.address !== state.server || source.port !== DNS_PORT) return true;
    const decoded = decodeDns(payload);
    if (!decoded.ok || !this.#answers(decoded.value, state.id)) return true;
    this.#judge(now, state, decoded.value);
    return true;
  }

  abort(): void {
    if (this.#state.type === 'waiting') this.#end({ reason: 'interface-down' });
  }

  runNext(now: Millis): void {
    const state = this.#state;
    if (state.type === 'waiting' && state.nextAt <= now) this.#ask(now, state.attempt + 1, state.failure);
  }

  nextTimeout(): Millis {
    return this.#state.type === 'waiting' ? this.#state.nextAt : NEVER;
  }

  #judge(now: Millis, state: Extract<State, { readonly type: 'waiting' }>, { responseCode, answers }: DnsMessage): void {
    if (responseCode !== 0) {
      this.#ask(now, state.attempt + 1, { reason: 'refused', responseCode });
      return;
    }
    const records = answers.filter(({ type }) => type === this.#type);
    const [first] = records;
    if (first === undefined) {
      this.#ask(now, state.attempt + 1, { reason: 'no-answer' });
      return;
    }
    const isAddress = this.#type === DNS_TYPE.a && first.data.length === 4;
    this.#finish({
      proof: 'dns',
      passed: true,
      server: state.server,
      name: this.#name,
      answerCount: records.length,
      ...(isAddress ? { address: ipv4FromU32(readU32(first.data, 0)) } : {}),
    });
  }

  #answers({ response, id, questions: [question] }: DnsMessage, asked: number): boolean {
    if (!response || id !== asked || question === undefined) return false;
    return question.name.toLowerCase() === this.#name.toLowerCase() && question.type === this.#type;
  }

  /** Asks the next server, or ends with what the last attempt came to. */
  #ask(now: Millis, attempt: number, failure: Pick<Failure, 'reason' | 'responseCode'>): void {
    if (attempt > this.#attempts) {
      this.#end(failure);
      return;
    }
    const server = this.#servers[(attempt - 1) % this.#servers.length] as Ipv4Address;
    const id = this.#entropy.u32() & 0xffff;
    const source = { address: IPV4_ANY, port: this.#host.udpPort(this.#socket) ?? 0 };
    const destination = { address: server, port: DNS_PORT };
    const sent = this.#host.sendUdp(now, { socket: this.#socket, datagram: { source, destination, payload: this.#query(id) } });
    const left = sent === 'sent' ? failure : ({ reason: 'not-sent' } as const);
    this.#state = { type: 'waiting', attempt, id, server, nextAt: now + this.#timeoutMs, failure: left };
  }

  #query(id: number): Uint8Array {
    return encodeDns({
      id,
      response: false,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      responseCode: 0,
      questions: [{ name: this.#name, type: this.#type, class: CLASS_INTERNET }],
      answers: [],
      authorities: [],
      additionals: [],
    });
  }

  #failed(failure: Pick<Failure, 'reason' | 'responseCode'>): Failure {
    return { proof: 'dns', passed: false, name: this.#name, ...failure };
  }

  #end(failure: Pick<Failure, 'reason' | 'responseCode'>): void {
    this.#finish(this.#failed(failure));
  }

  #finish(outcome: Outcome): void {
    this.#host.closeUdp(this.#socket);
    this.#state = { type: 'done', outcome };
  }
}

const DNS_PORT = 53;
const CLASS_INTERNET = 1;
