import { ipv4 as ip, MAC_BROADCAST } from '@nexus-net/sansio';
import {
  ARP_REPLY,
  DNS_RCODE,
  DNS_TYPE,
  type DnsMessage,
  dissect,
  encodeDns,
  encodeIcmpv4,
  encodeIpv4,
  IP_PROTOCOL,
  type Witness,
  type WitnessEvent,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { ArpWitness, DnsWitness, IcmpWitness } from '../src/index.js';
import { arp, arpReply, ECHO, icmp, udp } from './support/frames.js';
import { OUR_IP, OUR_MAC, PEER_IP, PEER_MAC, ROUTER_IP, THIRD_MAC } from './support/wire.js';

/** Shows frames to a witness, each with its time, and returns what it says. */
function watch(witness: Witness, frames: readonly (readonly [number, Uint8Array])[]): WitnessEvent[] {
  for (const [i, [at, bytes]] of frames.entries()) witness.handleFrame(at, { number: i + 1, at, bytes, layers: dissect(bytes) });
  const events: WitnessEvent[] = [];
  for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) events.push(event);
  return events;
}

function summary(events: readonly WitnessEvent[]): string[] {
  return events.map((event) =>
    event.type === 'fact'
      ? `${event.fact.kind} ${event.fact.frames.join()}`
      : `${event.violation.rule} ${event.violation.frames.join()}`,
  );
}

/** The request of the peer for our address, and our answer. */
const REQUEST = arp();
const ANSWER = arp({ operation: ARP_REPLY, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac: PEER_MAC, targetIp: PEER_IP });
const RIVAL = arp({ operation: ARP_REPLY, senderMac: THIRD_MAC, senderIp: OUR_IP, targetMac: PEER_MAC, targetIp: PEER_IP });

describe('ArpWitness', () => {
  test('a request and its reply are a fact', () => {
    expect(
      watch(new ArpWitness(), [
        [1_000, REQUEST],
        [1_003, ANSWER],
      ]),
    ).toEqual([
      {
        type: 'fact',
        fact: {
          kind: 'arp.resolved',
          at: 1_003,
          frames: [1, 2],
          askerMac: PEER_MAC,
          askerIp: PEER_IP,
          ownerMac: OUR_MAC,
          ownerIp: OUR_IP,
        },
      },
    ]);
  });

  test.each([
    ['a reply alone', [[0, ANSWER]]],
    [
      'a reply before its request',
      [
        [0, ANSWER],
        [1, REQUEST],
      ],
    ],
    [
      'a reply to somebody else',
      [
        [0, REQUEST],
        [1, arpReply(OUR_IP, THIRD_MAC)],
      ],
    ],
    [
      'a reply about another address',
      [
        [0, REQUEST],
        [1, arp({ operation: ARP_REPLY, senderMac: OUR_MAC, senderIp: ROUTER_IP, targetMac: PEER_MAC, targetIp: PEER_IP })],
      ],
    ],
    [
      'a reply after 10 s',
      [
        [0, REQUEST],
        [10_001, ANSWER],
      ],
    ],
    [
      'the answer to a probe',
      [
        [0, arp({ senderIp: ip(0, 0, 0, 0) })],
        [1, arp({ operation: ARP_REPLY, senderMac: OUR_MAC, senderIp: OUR_IP, targetMac: PEER_MAC, targetIp: ip(0, 0, 0, 0) })],
      ],
    ],
    ['an announcement', [[0, arp({ targetIp: PEER_IP })]]],
  ] as [string, [number, Uint8Array][]][])('%s is nothing', (_, frames) => {
    expect(watch(new ArpWitness(), frames)).toEqual([]);
  });

  test('requests and replies that the network repeats are one fact', () => {
    const frames: [number, Uint8Array][] = [
      [0, REQUEST],
      [0, REQUEST],
      [1, ANSWER],
      [1, ANSWER],
    ];
    expect(summary(watch(new ArpWitness(), frames))).toEqual(['arp.resolved 2,3']);
  });

  describe('two hosts with one address', () => {
    test('two answers to one request', () => {
      const events = watch(new ArpWitness(), [
        [0, REQUEST],
        [1, ANSWER],
        [2, RIVAL],
      ]);
      expect(summary(events)).toEqual(['arp.resolved 1,2', 'arp.address-conflict 1,2,3']);
      expect(events[1]).toMatchObject({
        violation: { message: '10.1.0.1 is claimed by 02:00:00:00:00:01 and by 02:00:00:00:00:03' },
      });
    });

    test('a claim, another one, and the first again', () => {
      const claim = (senderMac: typeof OUR_MAC) => arp({ senderMac, senderIp: OUR_IP, targetIp: OUR_IP });
      expect(
        summary(
          watch(new ArpWitness(), [
            [0, claim(OUR_MAC)],
            [1, claim(THIRD_MAC)],
            [2, claim(OUR_MAC)],
          ]),
        ),
      ).toEqual(['arp.address-conflict 1,2,3']);
    });

    test('an address that moves on is no conflict', () => {
      const claim = (senderMac: typeof OUR_MAC) => arp({ senderMac, senderIp: OUR_IP, targetIp: OUR_IP });
      const frames: [number, Uint8Array][] = [
        [0, claim(OUR_MAC)],
        [1, claim(THIRD_MAC)],
        [2, claim(THIRD_MAC)],
      ];
      expect(watch(new ArpWitness(), frames)).toEqual([]);
    });

    test('an address that comes back after a while is no conflict', () => {
      const claim = (senderMac: typeof OUR_MAC) => arp({ senderMac, senderIp: OUR_IP, targetIp: OUR_IP });
      const frames: [number, Uint8Array][] = [
        [0, claim(OUR_MAC)],
        [1, claim(THIRD_MAC)],
        [20_000, claim(OUR_MAC)],
      ];
      expect(watch(new ArpWitness(), frames)).toEqual([]);
    });

    test('the answer to a probe is a conflict for the prober, not for the wire', () => {
      const probe = arp({ senderIp: ip(0, 0, 0, 0), senderMac: THIRD_MAC });
      expect(
        watch(new ArpWitness(), [
          [0, probe],
          [1, ANSWER],
          [2, probe],
          [3, ANSWER],
        ]),
      ).toEqual([]);
    });
  });

  test.each([
    ['arp.sender-mac 1', arpReply(OUR_IP, MAC_BROADCAST)],
    ['arp.sender-address 1', arp({ senderIp: ip(224, 0, 0, 1) })],
  ])('%s', (line, bytes) => {
    expect(summary(watch(new ArpWitness(), [[0, bytes]]))).toEqual([line]);
  });
});

describe('IcmpWitness', () => {
  const request = icmp(ECHO);
  const reply = icmp({ ...ECHO, type: 'echo-reply' } as typeof ECHO, { source: OUR_IP, destination: PEER_IP });
  const changed = icmp({ ...ECHO, type: 'echo-reply', payload: Uint8Array.of(9) } as typeof ECHO, {
    source: OUR_IP,
    destination: PEER_IP,
  });

  test('a request and the reply that agrees with it are a fact with the round trip', () => {
    expect(
      watch(new IcmpWitness(), [
        [1_000, request],
        [1_012.5, reply],
      ]),
    ).toEqual([
      {
        type: 'fact',
        fact: {
          kind: 'icmp.echo-answered',
          at: 1_012.5,
          frames: [1, 2],
          asker: PEER_IP,
          answerer: OUR_IP,
          identifier: 7,
          sequence: 9,
          roundTripMs: 12.5,
        },
      },
    ]);
  });

  test.each([
    ['another sequence', { sequence: 8 }, {}],
    ['another identifier', { identifier: 8 }, {}],
    ['another answerer', {}, { source: ROUTER_IP }],
    ['another asker', {}, { destination: ROUTER_IP }],
  ])('a reply with %s is nothing', (_, message, packet) => {
    const other = icmp({ ...ECHO, type: 'echo-reply', ...message } as typeof ECHO, {
      source: OUR_IP,
      destination: PEER_IP,
      ...packet,
    });
    expect(
      watch(new IcmpWitness(), [
        [0, request],
        [1, other],
      ]),
    ).toEqual([]);
  });

  test('data that comes back changed is a violation and no fact', () => {
    expect(
      summary(
        watch(new IcmpWitness(), [
          [0, request],
          [1, changed],
        ]),
      ),
    ).toEqual(['icmp.echo-data 1,2']);
  });

  test('a reply that the network repeats is nothing, also when the numbers are used again with other data', () => {
    const again = icmp({ ...ECHO, payload: Uint8Array.of(9) } as typeof ECHO);
    const frames: [number, Uint8Array][] = [
      [0, request],
      [1, reply],
      [2, reply],
      [3, again],
      [4, reply],
      [5, changed],
    ];
    expect(summary(watch(new IcmpWitness(), frames))).toEqual(['icmp.echo-answered 1,2', 'icmp.echo-answered 4,6']);
  });

  test('a reply alone may answer a request from before the capture', () => {
    expect(watch(new IcmpWitness(), [[0, reply]])).toEqual([]);
  });

  test('fault/L07 a reply with a bad checksum proves nothing', () => {
    const corrupt = reply.with(reply.length - 1, 0x55);
    expect(
      watch(new IcmpWitness(), [
        [0, request],
        [1, corrupt],
      ]),
    ).toEqual([]);
  });

  describe('errors that nobody may send (RFC 1122 §3.2.2)', () => {
    function errorAbout(quoted: Parameters<typeof encodeIpv4>[0]): Uint8Array {
      return icmp({ type: 'destination-unreachable', code: 3, nextHopMtu: 0, original: encodeIpv4(quoted) });
    }
    const base = { source: OUR_IP, destination: PEER_IP, protocol: IP_PROTOCOL.udp, payload: new Uint8Array(8) };
    const inner = encodeIcmpv4({ type: 'time-exceeded', code: 0, original: new Uint8Array(28) });

    test.each([
      ['an ICMP error', { ...base, protocol: IP_PROTOCOL.icmp, payload: inner }],
      ['a broadcast', { ...base, destination: ip(255, 255, 255, 255) }],
      ['a multicast', { ...base, destination: ip(239, 42, 0, 1) }],
      ['a later fragment', { ...base, fragmentOffset: 8 }],
    ])('about %s', (_, quoted) => {
      expect(summary(watch(new IcmpWitness(), [[0, errorAbout(quoted)]]))).toEqual(['icmp.error-forbidden 1']);
    });

    test('about a datagram or an echo request they may', () => {
      const echo = { ...base, protocol: IP_PROTOCOL.icmp, payload: encodeIcmpv4(ECHO) };
      expect(
        watch(new IcmpWitness(), [
          [0, errorAbout(base)],
          [1, errorAbout(echo)],
        ]),
      ).toEqual([]);
    });
  });
});

describe('DnsWitness', () => {
  const message: DnsMessage = {
    id: 0x1234,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: 0,
    questions: [{ name: 'localhost', type: DNS_TYPE.a, class: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
  };

  function query(changes: Partial<DnsMessage> = {}): Uint8Array {
    return udp({ sourcePort: 40_000, port: 53, payload: encodeDns({ ...message, ...changes }) });
  }

  function response(changes: Partial<DnsMessage> = {}, ends: Parameters<typeof udp>[0] = {}): Uint8Array {
    const payload = encodeDns({ ...message, response: true, ...changes });
    return udp({ source: OUR_IP, destination: PEER_IP, sourcePort: 53, port: 40_000, payload, ...ends });
  }

  test('a query and its response are a fact, whatever the response code', () => {
    const answer = response({
      responseCode: DNS_RCODE.nxDomain,
      questions: [{ name: 'LOCALHOST', type: DNS_TYPE.a, class: 1 }],
    });
    expect(
      watch(new DnsWitness(), [
        [0, query()],
        [4, answer],
      ]),
    ).toMatchObject([
      {
        type: 'fact',
        fact: {
          kind: 'dns.answered',
          at: 4,
          frames: [1, 2],
          client: PEER_IP,
          server: OUR_IP,
          id: 0x1234,
          responseCode: 3,
        },
      },
    ]);
  });

  test.each([
    ['another id', response({ id: 1 })],
    ['another server', response({}, { source: ROUTER_IP })],
    ['another port', response({}, { port: 40_001 })],
    ['no question', response({ questions: [], responseCode: DNS_RCODE.formErr })],
  ])('a response with %s is nothing', (_, answer) => {
    expect(
      watch(new DnsWitness(), [
        [0, query()],
        [4, answer],
      ]),
    ).toEqual([]);
  });

  test('a response to another question is a violation', () => {
    const other = response({ questions: [{ name: 'example.org', type: DNS_TYPE.a, class: 1 }] });
    expect(
      summary(
        watch(new DnsWitness(), [
          [0, query()],
          [4, other],
        ]),
      ),
    ).toEqual(['dns.question-changed 1,2']);
  });

  test('a repeated query has one fact for each response, and a repeated response none', () => {
    const frames: [number, Uint8Array][] = [
      [0, query()],
      [100, query()],
      [101, response()],
      [102, response()],
      [103, response()],
    ];
    expect(summary(watch(new DnsWitness(), frames))).toEqual(['dns.answered 1,3', 'dns.answered 2,4']);
  });
});

describe('bounds', () => {
  test.each([
    ['arp', new ArpWitness({ exchangeCountMax: 8 }), (i: number) => arp({ targetIp: ip(10, 1, 1, i) })],
    ['icmp', new IcmpWitness({ exchangeCountMax: 8 }), (i: number) => icmp({ ...ECHO, sequence: i } as typeof ECHO)],
  ])('%s remembers so many exchanges and counts what it forgets', (_, witness, bytes) => {
    watch(
      witness,
      Array.from({ length: 100 }, (_unused, i) => [i, bytes(i)] as const),
    );
    expect(witness.inspect()).toMatchObject({ remembered: 8, evicted: 92 });
  });

  test('what is too old is forgotten', () => {
    const witness = new IcmpWitness();
    watch(
      witness,
      Array.from({ length: 100 }, (_unused, i) => [i * 5_000, icmp({ ...ECHO, sequence: i } as typeof ECHO)] as const),
    );
    expect(witness.inspect()).toMatchObject({ remembered: 3, evicted: 0 });
  });

  test('events are bounded and counted', () => {
    const witness = new ArpWitness({ eventCountMax: 1 });
    watch(witness, [[0, arpReply(OUR_IP, MAC_BROADCAST)]]);
    for (let i = 0; i < 5; i++)
      witness.handleFrame(i, { number: i, at: i, bytes: REQUEST, layers: dissect(arpReply(OUR_IP, MAC_BROADCAST)) });
    expect(witness.inspect()).toMatchObject({ violations: 6, eventsDropped: 4 });
  });

  test.each([{ exchangeCountMax: 7 }, { exchangeAgeMs: 0 }, { eventCountMax: 0 }])('%j is refused', (options) => {
    expect(() => new ArpWitness(options)).toThrow();
  });

  test('a witness never transmits and needs no timer', () => {
    for (const witness of [new ArpWitness(), new IcmpWitness(), new DnsWitness()]) {
      witness.handleTimeout(1_000);
      expect([witness.pollTransmit(), witness.nextTimeout()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
    }
  });
});
