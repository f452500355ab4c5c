import { type Endpoint, fromHex, ipv4, UsageError } from '@nexus-net/sansio';
import { DNS_RCODE, DNS_TYPE, type DnsMessage, decodeDns, encodeDns, encodeDnsName } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DnsService, type DnsServiceConfig, reverseName, reverseName6 } from '../src/index.js';
import { CLIENT, optOf, queryOf, SERVER } from './support/dns.js';
import { drain } from './support/frames.js';

const V6 = fromHex('20010db8000000000000000000000002');
const HOSTS: DnsServiceConfig = {
  hosts: [
    { name: 'gateway.test', addresses: [ipv4(10, 0, 2, 2)], addresses6: [V6] },
    { name: 'many.test', addresses: Array.from({ length: 40 }, (_, i) => ipv4(10, 1, 0, i + 1)) },
    { name: 'deep.zone.test.', addresses: [ipv4(10, 0, 2, 9)] },
  ],
};

/** The decoded answer to a query, or to raw octets. */
function ask(query: DnsMessage | Uint8Array, service: DnsService = new DnsService(HOSTS), source: Endpoint = CLIENT): DnsMessage {
  const payload = query instanceof Uint8Array ? query : encodeDns(query);
  service.handleDatagram(0, { source, destination: SERVER, payload });
  const answer = service.pollTransmit();
  expect(answer).toMatchObject({ source: SERVER, destination: source });
  const decoded = decodeDns(answer?.payload as Uint8Array);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

const dataOf = (message: DnsMessage): number[][] => message.answers.map(({ data }) => [...data]);

describe('names that are known', () => {
  test('A: the address, from the endpoint that was asked, with the id and the question', () => {
    const answer = ask(queryOf('gateway.test'));
    expect(answer).toMatchObject({
      id: 0x4242,
      response: true,
      authoritative: true,
      recursionDesired: true,
      recursionAvailable: true,
      responseCode: DNS_RCODE.noError,
      questions: [{ name: 'gateway.test', type: DNS_TYPE.a, class: 1 }],
    });
    expect(answer.answers).toEqual([
      { name: 'gateway.test', type: DNS_TYPE.a, class: 1, ttl: 60, data: Uint8Array.of(10, 0, 2, 2) },
    ]);
  });

  test('the case of the question does not matter, and comes back as it was', () => {
    const answer = ask(queryOf('GaTeWaY.tEsT'));
    expect(answer.questions[0]?.name).toBe('GaTeWaY.tEsT');
    expect(answer.answers[0]?.name).toBe('GaTeWaY.tEsT');
  });

  test('AAAA, ANY and PTR', () => {
    expect(dataOf(ask(queryOf('gateway.test', DNS_TYPE.aaaa)))).toEqual([[...V6]]);
    expect(ask(queryOf('gateway.test', DNS_TYPE.any)).answers.map(({ type }) => type)).toEqual([DNS_TYPE.a, DNS_TYPE.aaaa]);
    const name = encodeDnsName('gateway.test');
    expect(dataOf(ask(queryOf('2.2.0.10.in-addr.arpa', DNS_TYPE.ptr)))).toEqual([[...name]]);
    expect(dataOf(ask(queryOf(reverseName6(V6), DNS_TYPE.ptr)))).toEqual([[...name]]);
    expect(dataOf(ask(queryOf('9.2.0.10.in-addr.arpa', DNS_TYPE.ptr)))).toEqual([[...encodeDnsName('deep.zone.test')]]);
  });

  test('a type that the name lacks: no error, no answer', () => {
    expect(ask(queryOf('gateway.test', DNS_TYPE.mx))).toMatchObject({ responseCode: DNS_RCODE.noError, answers: [] });
  });

  test('a name above a known one exists (RFC 8020)', () => {
    for (const name of ['zone.test', 'TEST', '.', 'in-addr.arpa'])
      expect(ask(queryOf(name))).toMatchObject({ responseCode: DNS_RCODE.noError, answers: [] });
  });

  test('reverse names', () => {
    expect(reverseName(ipv4(10, 0, 2, 15))).toBe('15.2.0.10.in-addr.arpa');
    expect(reverseName6(V6)).toBe('2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa');
  });
});

test('all other names do not exist', () => {
  for (const name of ['nobody.test', 'x.gateway.test', 'est', '15.2.0.10.in-addr.arpa', '\\000.test'])
    expect(ask(queryOf(name)).responseCode).toBe(DNS_RCODE.nxDomain);
});

describe('queries that are refused', () => {
  test.each<[string, number, DnsMessage | Uint8Array]>([
    ['NOTIMP for another opcode', DNS_RCODE.notImp, queryOf('gateway.test', DNS_TYPE.a, { opcode: 2 })],
    ['NOTIMP for another opcode, whatever follows', DNS_RCODE.notImp, fromHex('4242 2800 0001 0000 0000 0000 ff')],
    ['NOTIMP for MAILA', DNS_RCODE.notImp, queryOf('gateway.test', 254)],
    ['REFUSED for a zone transfer', DNS_RCODE.refused, queryOf('gateway.test', 252)],
    ['REFUSED for class CH', DNS_RCODE.refused, queryOf('a', 16, { questions: [{ name: 'version.bind', type: 16, class: 3 }] })],
    ['FORMERR without a question', DNS_RCODE.formErr, queryOf('a', 1, { questions: [] })],
    [
      'FORMERR for two questions',
      DNS_RCODE.formErr,
      queryOf('a', 1, { questions: [...queryOf('a').questions, ...queryOf('b').questions] }),
    ],
    ['FORMERR for the type OPT', DNS_RCODE.formErr, queryOf('gateway.test', DNS_TYPE.opt)],
    ['FORMERR for octets that end early', DNS_RCODE.formErr, fromHex('4242 0100 0001 0000 0000 0000 0367')],
    ['FORMERR for a pointer to itself', DNS_RCODE.formErr, fromHex('4242 0100 0001 0000 0000 0000 c00c 0001 0001')],
    ['FORMERR for counts that cannot be', DNS_RCODE.formErr, fromHex('4242 0100 ffff ffff ffff ffff 00 0001 0001')],
    ['FORMERR for two OPT', DNS_RCODE.formErr, queryOf('gateway.test', 1, { additionals: [optOf(512), optOf(512)] })],
    ['FORMERR for OPT of a name', DNS_RCODE.formErr, queryOf('gateway.test', 1, { additionals: [optOf(512, { name: 'x' })] })],
    ['FORMERR for OPT among the answers', DNS_RCODE.formErr, queryOf('gateway.test', 1, { answers: [optOf(512)] })],
  ])('%s', (_, responseCode, query) => {
    expect(ask(query)).toMatchObject({ id: 0x4242, response: true, responseCode, answers: [], additionals: [] });
  });
});

describe('EDNS', () => {
  test('OPT is answered with OPT, and its size is used', () => {
    const answer = ask(queryOf('many.test', DNS_TYPE.a, { additionals: [optOf(4_096)] }));
    expect(answer).toMatchObject({ truncated: false, additionals: [{ name: '.', type: DNS_TYPE.opt, class: 1_232, ttl: 0 }] });
    expect(answer.answers).toHaveLength(40);
  });

  test('without it 512 octets are the limit: TC, and no half answer', () => {
    expect(ask(queryOf('many.test'))).toMatchObject({ truncated: true, answers: [], additionals: [] });
    expect(ask(queryOf('many.test', DNS_TYPE.a, { additionals: [optOf(0)] }))).toMatchObject({ truncated: true, answers: [] });
  });

  test('a version from the future: BADVERS', () => {
    const answer = ask(queryOf('gateway.test', DNS_TYPE.a, { additionals: [optOf(1_232, { ttl: 1 << 16 })] }));
    expect(answer).toMatchObject({ responseCode: 0, answers: [], additionals: [{ ttl: 1 << 24 }] });
  });

  test('options inside OPT are ignored', () => {
    const answer = ask(queryOf('gateway.test', DNS_TYPE.a, { additionals: [optOf(1_232, { data: fromHex('000a0002abcd') })] }));
    expect(answer.answers).toHaveLength(1);
  });
});

describe('datagrams that get no answer', () => {
  test.each<[string, Endpoint, Uint8Array]>([
    ['truncated', CLIENT, new Uint8Array(11)],
    ['response', CLIENT, encodeDns(queryOf('gateway.test', 1, { response: true }))],
    ['no-return-port', { ...CLIENT, port: 0 }, encodeDns(queryOf('gateway.test'))],
  ])('%s', (label, source, payload) => {
    const service = new DnsService(HOSTS);
    service.handleDatagram(5, { source, destination: SERVER, payload });
    expect(service.pollTransmit()).toBeUndefined();
    expect(service.inspect().rejects).toEqual({ [label]: 1 });
    expect(service.pollEvent()).toEqual({ type: 'rejected', at: 5, client: source, label });
  });

  test('transmit-full: a driver that does not poll costs bounded memory', () => {
    const service = new DnsService({ ...HOSTS, transmitCountMax: 2, eventCountMax: 1 });
    for (let i = 0; i < 5; i++)
      service.handleDatagram(0, { source: CLIENT, destination: SERVER, payload: encodeDns(queryOf('gateway.test')) });
    expect(drain(() => service.pollTransmit())).toHaveLength(2);
    expect(service.inspect()).toEqual({ answered: 2, rejects: { 'transmit-full': 3 }, eventsDropped: 4 });
  });
});

test('each answer is an event', () => {
  const service = new DnsService(HOSTS);
  ask(queryOf('many.test'), service);
  expect(drain(() => service.pollEvent())).toEqual([
    {
      type: 'answered',
      at: 0,
      client: CLIENT,
      name: 'many.test',
      questionType: DNS_TYPE.a,
      responseCode: 0,
      answerCount: 0,
      truncated: true,
    },
  ]);
});

test.each<[string, DnsServiceConfig]>([
  ['ttlS', { hosts: [], ttlS: -1 }],
  ['udpOctetsMax', { udpOctetsMax: 511 }],
  ['16 octets', { hosts: [{ name: 'a', addresses6: [new Uint8Array(4)] }] }],
  ['label', { hosts: [{ name: 'a..b', addresses: [ipv4(1, 2, 3, 4)] }] }],
  ['countMax', { transmitCountMax: 0 }],
])('a bad configuration is refused: %s', (name, config) => {
  expect(() => new DnsService(config)).toThrow(UsageError);
  expect(() => new DnsService(config)).toThrow(name);
});
