import { ipv4, parseMac } from '@nexus-net/sansio';
import {
  dissect,
  ETHERTYPE,
  encodeEthernet,
  encodeIpv4,
  encodeTcp,
  IP_PROTOCOL,
  type ObservedFrame,
  type TcpFlags,
  type WitnessEvent,
} from '@nexus-net/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { TcpEchoWitness, type TcpStreamEvent, TcpStreams } from '../src/index.js';

const CLIENT = { address: ipv4(10, 0, 2, 2), port: 50_000, mac: parseMac('52:55:0a:00:02:02'), isn: 0xffff_fff0 };
const SERVER = { address: ipv4(10, 0, 2, 15), port: 41_000, mac: parseMac('52:54:00:12:34:56'), isn: 1_000 };
type Side = 'client' | 'server';

/** A segment of one side. `at`: octets after the first of its stream. */
function segment(
  from: Side,
  at: number,
  text = '',
  flags: Partial<TcpFlags> = { ack: true },
  clientPort = CLIENT.port,
): Uint8Array {
  const client = { ...CLIENT, port: clientPort };
  const [source, destination] = from === 'client' ? [client, SERVER] : [SERVER, client];
  const none = { fin: false, syn: false, rst: false, psh: false, ack: false, urg: false, ece: false, cwr: false };
  const pseudo = { source: source.address, destination: destination.address };
  const tcp = encodeTcp(
    {
      sourcePort: source.port,
      destinationPort: destination.port,
      sequence: (source.isn + at + (flags.syn ? 0 : 1)) >>> 0,
      acknowledgment: flags.ack ? (destination.isn + 1) >>> 0 : 0,
      flags: { ...none, ...flags },
      window: 1_000,
      urgentPointer: 0,
      options: [],
      payload: new TextEncoder().encode(text),
    },
    pseudo,
  );
  const packet = encodeIpv4({ ...pseudo, protocol: IP_PROTOCOL.tcp, identification: 1, ttl: 64, payload: tcp });
  return encodeEthernet({ destination: destination.mac, source: source.mac, etherType: ETHERTYPE.ipv4, payload: packet });
}

const observed = (bytes: Uint8Array, index: number): ObservedFrame => ({
  number: index + 1,
  at: index,
  bytes,
  layers: dissect(bytes),
});
const SYN = (port = CLIENT.port): Uint8Array => segment('client', 0, '', { syn: true }, port);
const SYN_ACK = (): Uint8Array => segment('server', 0, '', { syn: true, ack: true });

function read(frames: readonly Uint8Array[], options = {}): { events: TcpStreamEvent[]; client: string; server: string } {
  const events: TcpStreamEvent[] = [];
  const streams = new TcpStreams((event) => events.push(event), options);
  for (const [index, frame] of frames.entries()) streams.handleFrame(observed(frame, index));
  const text = (side: Side): string =>
    events
      .flatMap((event) => (event.type === 'bytes' && event.from === side ? [new TextDecoder().decode(event.bytes)] : []))
      .join('');
  return { events, client: text('client'), server: text('server') };
}

describe('the streams of a connection', () => {
  test('both directions, from the handshake to the end, past the turn of the sequence numbers', () => {
    const frames = [
      SYN(),
      SYN_ACK(),
      segment('client', 0, 'hello, this is long enough'),
      segment('server', 0, 'good day'),
      segment('client', 26, '!', { fin: true, ack: true }),
      segment('server', 8, '', { fin: true, ack: true }),
    ];
    const { events, client, server } = read(frames);
    expect([client, server]).toEqual(['hello, this is long enough!', 'good day']);
    expect(events.map(({ type, frame }) => [type, frame])).toEqual([
      ['opened', 1],
      ['bytes', 3],
      ['bytes', 4],
      ['bytes', 5],
      ['end', 5],
      ['end', 6],
    ]);
  });

  test('without a handshake there is no stream: an observer can’t know where it begins', () => {
    expect(read([segment('client', 0, 'x'), segment('server', 0, 'y')]).events).toEqual([]);
  });

  test('a reset at the octet that is waited for closes, another one does not', () => {
    const reset = (at: number) => segment('server', at, '', { rst: true });
    expect(read([SYN(), SYN_ACK(), reset(0)]).events.at(-1)).toMatchObject({ type: 'closed', reason: 'reset' });
    expect(read([SYN(), SYN_ACK(), reset(5)]).events.at(-1)).toMatchObject({ type: 'opened' });
    expect(read([SYN(), reset(0)]).events.at(-1)).toMatchObject({ type: 'closed', reason: 'reset' });
  });

  test('what waits is bounded in octets and in segments', () => {
    const hole = [SYN(), SYN_ACK(), segment('client', 10, 'x'.repeat(100))];
    expect(read(hole, { pendingOctetsMax: 99 }).events.at(-1)).toMatchObject({ type: 'closed', reason: 'gap' });
    const many = Array.from({ length: 600 }, (_, i) => segment('client', 2 + i * 2, 'y'));
    expect(read([SYN(), SYN_ACK(), ...many]).events.at(-1)).toMatchObject({ type: 'closed', reason: 'gap' });
  });

  test('the oldest connection makes room', () => {
    const { events } = read([SYN(), SYN(50_001)], { connectionCountMax: 1 });
    expect(events.map((event) => [event.type, event.connection.clientPort])).toEqual([
      ['opened', 50_000],
      ['closed', 50_000],
      ['opened', 50_001],
    ]);
    expect(events[1]).toMatchObject({ reason: 'forgotten' });
  });

  test('property: any order, repetition and overlap of the segments gives the same streams', () => {
    const law = fc.property(
      fc.string({ unit: fc.constantFrom(...'abcdefgh'), minLength: 1, maxLength: 60 }),
      fc.array(fc.tuple(fc.nat(59), fc.integer({ min: 1, max: 20 })), { maxLength: 20 }),
      fc.infiniteStream(fc.nat()),
      (text, cuts, order) => {
        const whole = Array.from({ length: Math.ceil(text.length / 7) }, (_, i) =>
          segment('client', i * 7, text.slice(i * 7, i * 7 + 7)),
        );
        const extra = cuts
          .filter(([from]) => from < text.length)
          .map(([from, n]) => segment('client', from, text.slice(from, from + n)));
        const shuffled = [...whole, ...extra].map((frame) => [order.next().value as number, frame] as const);
        const frames = shuffled.sort(([a], [b]) => a - b).map(([, frame]) => frame);
        expect(read([SYN(), SYN_ACK(), ...frames]).client).toBe(text);
      },
    );
    fc.assert(law, { numRuns: runs(60) });
  });
});

describe('the fact that something came back', () => {
  const facts = (frames: readonly Uint8Array[]): WitnessEvent[] => {
    const witness = new TcpEchoWitness();
    for (const [index, frame] of frames.entries()) witness.handleFrame(index, observed(frame, index));
    const events: WitnessEvent[] = [];
    for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) events.push(event);
    return events;
  };
  const NONCE = '0123456789abcdef';

  test('names the ends, the octets and the frames', () => {
    const frames = [SYN(), SYN_ACK(), segment('client', 0, NONCE), segment('server', 0, NONCE)];
    expect(facts(frames)).toEqual([
      {
        type: 'fact',
        fact: {
          kind: 'tcp.echoed',
          at: 3,
          frames: [1, 3, 4],
          client: CLIENT.address,
          clientPort: CLIENT.port,
          server: SERVER.address,
          serverPort: SERVER.port,
          octets: 16,
        },
      },
    ]);
  });

  test.each<[string, Uint8Array[]]>([
    ['nothing came back', [segment('client', 0, NONCE)]],
    ['something else came back', [segment('client', 0, NONCE), segment('server', 0, 'Hello, who is it?')]],
    ['less than eight octets came back', [segment('client', 0, NONCE), segment('server', 0, NONCE.slice(0, 7))]],
    ['it was said before it was asked', [segment('server', 0, NONCE), segment('client', 0, NONCE.slice(0, 7))]],
  ])('not where %s', (_what, frames) => {
    expect(facts([SYN(), SYN_ACK(), ...frames])).toEqual([]);
  });
});
