import { bytesEqual, concatBytes, type Ipv4Address, ipv4FromU32, writeU16 } from '@nexus-net/sansio';
import { DNS_TYPE, decodeDns, encodeDns } from '@nexus-net/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { DiscardService, DnsResponder, DnsService, DnsTcpService, EchoService } from '../src/index.js';
import { queryOf } from './support/dns.js';
import { CLIENT_AT, eventsOf, pattern, SERVER_AT, ServiceWorld } from './support/services.js';

const MANY: Ipv4Address[] = Array.from({ length: 200 }, (_, i) => ipv4FromU32(0x0a010000 + i + 1));
const HOSTS = [
  { name: 'many.test', addresses: MANY },
  { name: 'one.test', addresses: [SERVER_AT] },
];

/** A message with its length in front. */
function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + message.length);
  writeU16(bytes, 0, message.length);
  bytes.set(message, 2);
  return bytes;
}

/** The messages of a stream. */
function messagesOf(stream: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = ((stream[at] as number) << 8) | (stream[at + 1] as number);
    messages.push(stream.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return messages;
}

function dns(hosts: readonly { readonly name: string; readonly addresses: Ipv4Address[] }[] = HOSTS) {
  const world = new ServiceWorld();
  return { world, service: world.serve(new DnsTcpService({ sockets: world.server, responder: new DnsResponder({ hosts }) })) };
}

describe('DNS over TCP (RFC 7766)', () => {
  test('what is cut over UDP is whole over TCP', () => {
    const udp = new DnsService({ hosts: HOSTS });
    const query = encodeDns(queryOf('many.test'));
    udp.handleDatagram(0, {
      source: { address: CLIENT_AT, port: 9 },
      destination: { address: SERVER_AT, port: 53 },
      payload: query,
    });
    expect(decodeDns(udp.pollTransmit()?.payload as Uint8Array)).toMatchObject({ value: { truncated: true, answers: [] } });
    const { world, service } = dns();
    const [answer] = messagesOf(world.exchange(53, [framed(query)]));
    const decoded = decodeDns(answer as Uint8Array);
    expect(decoded).toMatchObject({ ok: true, value: { id: 0x4242, truncated: false, responseCode: 0 } });
    expect(decoded.ok && decoded.value.answers).toHaveLength(200);
    expect(eventsOf(service)).toMatchObject([{ type: 'answered', name: 'many.test', answerCount: 200, truncated: false }]);
  });

  test('many queries on one connection are answered in order', () => {
    const { world, service } = dns();
    const queries = [1, 2, 3, 4].map((id) =>
      framed(encodeDns(queryOf(id % 2 === 0 ? 'one.test' : 'none.test', DNS_TYPE.a, { id }))),
    );
    const answers = messagesOf(world.exchange(53, [concatBytes(queries)])).map((bytes) => decodeDns(bytes));
    expect(answers.map((one) => one.ok && [one.value.id, one.value.responseCode])).toEqual([
      [1, 3],
      [2, 0],
      [3, 3],
      [4, 0],
    ]);
    expect(service.inspect()).toMatchObject({ answered: 4, rejects: {}, ends: { closed: 1 } });
  });

  test.each([
    ['a response', framed(encodeDns(queryOf('one.test', DNS_TYPE.a, { response: true }))), 'response'],
    ['no header', framed(pattern(11)), 'truncated'],
    ['nothing', framed(new Uint8Array(0)), 'truncated'],
  ])('%s ends the connection without an answer', (_, bytes, label) => {
    const { world, service } = dns();
    const query = framed(encodeDns(queryOf('one.test')));
    expect(messagesOf(world.exchange(53, [query, bytes, query], { end: false }))).toHaveLength(1);
    expect(service.inspect().rejects).toEqual({ [label]: 1 });
  });

  test('a message that is not whole at the end is dropped', () => {
    const { world } = dns();
    expect(world.exchange(53, [framed(encodeDns(queryOf('one.test'))).subarray(0, 9)])).toHaveLength(0);
  });

  test('property: any split of any octets gives the same answers', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.constantFrom('one.test', 'none.test').map((name) => encodeDns(queryOf(name))),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.integer({ min: 3, max: 30 }), (messages, size) => {
        const stream = concatBytes(messages.map(framed));
        const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
          stream.subarray(i * size, (i + 1) * size),
        );
        expect(bytesEqual(dns().world.exchange(53, pieces), dns().world.exchange(53, [stream]))).toBe(true);
      }),
      { numRuns: runs(5) },
    );
  });
});

describe('echo (RFC 862) and discard (RFC 863)', () => {
  test('a stream comes back, whole and in order; discard keeps silent', () => {
    const world = new ServiceWorld();
    const echo = world.serve(new EchoService({ sockets: world.server }));
    const discard = world.serve(new DiscardService({ sockets: world.server }));
    // Less than two buffers: this client reads only after its last word.
    expect(bytesEqual(world.exchange(7, [pattern(20_000)]), pattern(20_000))).toBe(true);
    expect(world.exchange(9, [pattern(20_000)])).toHaveLength(0);
    expect(eventsOf(echo)).toMatchObject([{ type: 'opened' }, { type: 'closed', end: 'closed', received: 20_000, sent: 20_000 }]);
    expect(eventsOf(discard)).toMatchObject([{ type: 'opened' }, { type: 'closed', end: 'closed', received: 20_000, sent: 0 }]);
  });

  test('a datagram comes back from where it was sent to; never to a port that another server may have', () => {
    const world = new ServiceWorld();
    const echo = world.serve(new EchoService({ sockets: world.server }));
    const discard = world.serve(new DiscardService({ sockets: world.server }));
    const low = world.client.udpBind({ address: CLIENT_AT, port: 7 });
    const high = world.client.udpBind({ address: CLIENT_AT, port: 4_000 });
    if (!low.ok || !high.ok) throw new Error('not bound');
    for (const socket of [low.value, high.value])
      for (const port of [7, 9]) socket.sendTo({ address: SERVER_AT, port }, pattern(1_500));
    world.run(10);
    expect(high.value.receiveFrom()).toEqual({
      ok: true,
      value: { from: { address: SERVER_AT, port: 7 }, to: { address: CLIENT_AT, port: 4_000 }, payload: pattern(1_500) },
    });
    expect(high.value.receiveFrom().ok || low.value.receiveFrom().ok).toBe(false);
    expect(echo.inspect()).toMatchObject({ datagrams: 2, labels: { 'no-answer': 1 } });
    expect(discard.inspect()).toMatchObject({ datagrams: 2, labels: {} });
  });
});
