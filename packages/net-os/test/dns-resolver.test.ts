import { type Ipv4Address, ipv4, type Millis, SeededEntropy, UsageError, writeU32 } from '@nexus-net/sansio';
import {
  DNS_CLASS,
  DNS_RCODE,
  DNS_TYPE,
  type DnsMessage,
  type DnsRecord,
  decodeDns,
  encodeDns,
  encodeDnsName,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DnsResolver, type DnsResolverConfig, type FakeHost, FakeNet, type UdpSocket } from '../src/index.js';
import { value } from './sockets/contract-world.js';

const CLIENT = ipv4(10, 0, 2, 15);
const FIRST = ipv4(10, 0, 2, 3);
const SECOND = ipv4(10, 0, 2, 4);
const ANSWER = ipv4(10, 9, 9, 9);

function address(name: string, at: Ipv4Address): DnsRecord {
  const data = new Uint8Array(4);
  writeU32(data, 0, at);
  return { name, type: DNS_TYPE.a, class: DNS_CLASS.in, ttl: 60, data };
}

type Reply = (query: DnsMessage) => Partial<DnsMessage> | undefined;

/** A resolver, and two servers that answer what a test tells them to. */
class World {
  readonly net = new FakeNet({ latencyMs: 2 });
  readonly client = this.net.addHost({ address: CLIENT });
  readonly resolver: DnsResolver;
  readonly asked: string[] = [];
  readonly #run: (() => void)[] = [];

  constructor(
    replies: { readonly first?: Reply; readonly second?: Reply; readonly tcp?: Reply },
    config: Partial<DnsResolverConfig> = {},
  ) {
    const { first, second, tcp } = replies;
    this.resolver = new DnsResolver({ sockets: this.client, entropy: new SeededEntropy(1), servers: [FIRST, SECOND], ...config });
    const host = this.net.addHost({ address: FIRST });
    if (first !== undefined) this.#serveUdp('first', value(host.udpBind({ address: FIRST, port: 53 })), first);
    if (tcp !== undefined) this.#serveTcp(host, tcp);
    if (second !== undefined) {
      const other = this.net.addHost({ address: SECOND });
      this.#serveUdp('second', value(other.udpBind({ address: SECOND, port: 53 })), second);
    }
  }

  lookup(name: string): unknown {
    const question = this.resolver.lookup(this.net.now, name);
    for (const limit: Millis = this.net.now + 60_000; question.result === undefined && this.net.now < limit; ) {
      this.net.poll(Math.min(limit, this.net.nextWake(), this.resolver.nextTimeout()));
      for (const run of this.#run) run();
      this.resolver.run(this.net.now);
    }
    return question.result;
  }

  #serveUdp(who: string, socket: UdpSocket, reply: Reply): void {
    this.#run.push(() => {
      for (let got = socket.receiveFrom(); got.ok; got = socket.receiveFrom()) {
        this.asked.push(who);
        const bytes = replyOf(got.value.payload, reply);
        if (bytes !== undefined) socket.sendTo(got.value.from, bytes);
      }
    });
  }

  #serveTcp(host: FakeHost, reply: Reply): void {
    const listener = value(host.tcpListen({ address: FIRST, port: 53 }, 4));
    this.#run.push(() => {
      const accepted = listener.accept();
      if (!accepted.ok) return;
      const stream = accepted.value;
      this.#run.push(() => {
        const read = stream.read(1_000);
        if (!read.ok || read.value.length === 0) return;
        this.asked.push('tcp');
        const bytes = replyOf(read.value.subarray(2), reply) as Uint8Array;
        stream.write(Uint8Array.of(bytes.length >> 8));
        stream.write(Uint8Array.of(bytes.length, ...bytes));
      });
    });
  }
}

function replyOf(bytes: Uint8Array, reply: Reply): Uint8Array | undefined {
  const decoded = decodeDns(bytes);
  if (!decoded.ok) throw new Error('no query');
  const changes = reply(decoded.value);
  return changes && encodeDns({ ...decoded.value, response: true, ...changes });
}

const found: Reply = ({ questions }) => ({ answers: [address(questions[0]?.name ?? '', ANSWER)] });
const silent: Reply = () => undefined;
const OK = { ok: true, addresses: [ANSWER], server: FIRST };

describe('a stub resolver', () => {
  test('takes the addresses of the first server that answers', () => {
    const world = new World({ first: found, second: found });
    expect(world.lookup('a.test')).toEqual(OK);
    expect(world.asked).toEqual(['first']);
    expect(world.resolver.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('follows aliases in the answer, not for ever, and without regard to case', () => {
    const alias = (name: string, to: string): DnsRecord => ({
      name,
      type: DNS_TYPE.cname,
      class: DNS_CLASS.in,
      ttl: 1,
      data: encodeDnsName(to),
    });
    const chain = new World({
      first: () => ({ answers: [alias('A.test', 'b.test'), alias('b.test', 'C.test'), address('c.TEST', ANSWER)] }),
    });
    expect(chain.lookup('a.test')).toEqual(OK);
    const loop = new World({ first: () => ({ answers: [alias('a.test', 'b.test'), alias('b.test', 'a.test')] }) });
    expect(loop.lookup('a.test')).toEqual({ ok: false, error: 'no-address' });
  });

  test('what was cut is asked for over TCP', () => {
    const world = new World({ first: () => ({ truncated: true }), tcp: found });
    expect(world.lookup('a.test')).toEqual(OK);
    expect(world.asked).toEqual(['first', 'tcp']);
  });

  test('no such name, no address: the end; a server that can not, or is not there, is passed over', () => {
    expect(new World({ first: () => ({ responseCode: DNS_RCODE.nxDomain }) }).lookup('a.test')).toEqual({
      ok: false,
      error: 'no-such-name',
    });
    expect(new World({ first: () => ({}) }).lookup('a.test')).toEqual({ ok: false, error: 'no-address' });
    const failing: Reply = () => ({ responseCode: DNS_RCODE.servFail });
    expect(new World({ first: failing, second: found }).lookup('a.test')).toEqual({ ...OK, server: SECOND });
    expect(new World({ first: failing, second: failing }).lookup('a.test')).toEqual({ ok: false, error: 'failed' });
    const closed = new World({ second: found });
    expect(closed.lookup('a.test')).toEqual({ ...OK, server: SECOND });
    expect(closed.net.now).toBeLessThan(100); // the closed port said so
  });

  test('silence: each server in turn, each round, each its time', () => {
    const world = new World({ first: silent, second: silent }, { timeoutMs: 500, roundCountMax: 2 });
    expect(world.lookup('a.test')).toEqual({ ok: false, error: 'timed-out' });
    expect([world.asked, world.net.now]).toEqual([['first', 'second', 'first', 'second'], 2_000]);
  });

  test.each<[string, (query: DnsMessage) => Partial<DnsMessage>]>([
    ['another id', ({ id }) => ({ id: id ^ 1 })],
    ['another question', () => ({ questions: [{ name: 'b.test', type: DNS_TYPE.a, class: DNS_CLASS.in }] })],
    ['a query', () => ({ response: false })],
    ['no question', () => ({ questions: [] })],
  ])('%s is no answer (RFC 5452)', (_, changes) => {
    const world = new World({
      first: (query) => ({ answers: [address('a.test', ipv4(6, 6, 6, 6))], ...changes(query) }),
      second: found,
    });
    expect(world.lookup('a.test')).toEqual({ ...OK, server: SECOND });
  });

  test('names that are none, and more lookups than allowed, are not asked', () => {
    const world = new World({ first: silent }, { lookupCountMax: 1 });
    expect(world.resolver.lookup(0, 'x'.repeat(64)).result).toEqual({ ok: false, error: 'bad-name' });
    expect(world.resolver.lookup(0, '').result).toEqual({ ok: false, error: 'bad-name' });
    expect(world.resolver.lookup(0, 'a.test').result).toBeUndefined();
    expect(world.resolver.lookup(0, 'a.test').result).toEqual({ ok: false, error: 'busy' });
    expect(() => new DnsResolver({ sockets: world.client, entropy: new SeededEntropy(1), servers: [] })).toThrow(UsageError);
  });
});
