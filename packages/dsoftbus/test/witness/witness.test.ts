import { concatBytes, parseIpv4 } from '@nexus-net/sansio';
import type { ObservedFrame, WitnessEvent } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { encodeAnnounce } from '../../src/index.js';
import { DsoftbusWitness, type DsoftbusWitnessOptions, type ObservedStream } from '../../src/witness/index.js';
import { hostClient, hostServer, run } from '../support/host-pair.js';
import { flipBit } from '../support/noise-pair.js';

const STREAM: ObservedStream = {
  client: { address: parseIpv4('10.42.0.10'), port: 40_000 },
  server: { address: parseIpv4('10.42.0.11'), port: 34_568 },
};

const MESSAGE = '10.42.0.10:40000 > 10.42.0.11:34568: the server sends a proof of identity where there has to be ciphertext';
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function eventsOf(witness: DsoftbusWitness): WitnessEvent[] {
  const all: WitnessEvent[] = [];
  for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) all.push(event);
  return all;
}

function kinds(witness: DsoftbusWitness): string[] {
  return eventsOf(witness).map((event) => (event.type === 'fact' ? event.fact.kind : event.violation.rule));
}

/** A host session with one frame each way, seen by a witness in pieces of `size` octets. */
function watch(options: DsoftbusWitnessOptions, { size = 1_000, change = (bytes: Uint8Array, _index: number) => bytes } = {}) {
  const witness = new DsoftbusWitness(options);
  const [client, server] = [hostClient(), hostServer()];
  let [number, index] = [0, 0];
  const see = (bytes: Uint8Array, from: 'client' | 'server'): readonly Uint8Array[] => {
    const seen = change(bytes, index++);
    number++;
    for (let at = 0; at < seen.length; at += size)
      witness.handleStreamBytes(number, STREAM, from, seen.subarray(at, at + size), number);
    return [seen];
  };
  client.start(0);
  server.start(0);
  run(client, server, see);
  client.send({ channel: 7, payload: new Uint8Array(100) });
  run(client, server, see);
  return witness;
}

describe('sessions', () => {
  test('a host session from outside: opened, so many messages, nothing in clear', () => {
    const witness = watch({});
    witness.handleStreamEnd(100, STREAM);
    const [opened, ended] = eventsOf(witness);
    expect(opened).toMatchObject({
      type: 'fact',
      fact: {
        kind: 'dsoftbus.session-opened',
        dialect: 'host',
        frames: [1, 2, 3, 4, 5],
        handshake: expect.stringMatching(/^52 \d+ \d+$/),
      },
    });
    expect(ended).toMatchObject({
      type: 'fact',
      fact: { kind: 'dsoftbus.session-ended', records: 3, clientPort: 40_000, serverPort: 34_568 },
    });
  });

  test('any split of the streams gives the same', () => {
    expect(kinds(watch({}, { size: 1 }))).toEqual(kinds(watch({})));
  });

  test('a handshake that goes no further has failed', () => {
    const witness = watch({}, { change: (bytes, index) => (index === 2 ? flipBit(bytes, 400) : bytes) });
    witness.handleStreamEnd(100, STREAM);
    expect(kinds(witness)).toEqual(['dsoftbus.handshake-failed']);
  });

  test('the handshake of the OS is told by its lengths', () => {
    const witness = new DsoftbusWitness();
    const octets = (length: number): Uint8Array => new Uint8Array(length).fill(0xa5);
    witness.handleStreamBytes(1, STREAM, 'client', octets(32), 1);
    witness.handleStreamBytes(2, STREAM, 'server', octets(96), 2);
    witness.handleStreamBytes(3, STREAM, 'client', concatBytes([octets(64), octets(30)]), 3);
    witness.handleStreamBytes(4, STREAM, 'server', octets(30), 4);
    expect(eventsOf(witness)).toMatchObject([{ fact: { kind: 'dsoftbus.session-opened', dialect: 'os', frames: [1, 2, 3, 4] } }]);
  });

  test('plaintext, a side out of turn, and a length beyond Noise are violations', () => {
    const framed = (bytes: Uint8Array): Uint8Array => concatBytes([Uint8Array.of(0, 0, 0, bytes.length), bytes]);
    const first = framed(new Uint8Array(48).fill(9));
    const started = (): DsoftbusWitness => {
      const witness = new DsoftbusWitness();
      witness.handleStreamBytes(0, STREAM, 'client', first, 1);
      return witness;
    };
    const plain = started();
    plain.handleStreamBytes(1, STREAM, 'server', framed(text('{"device_id":"a","verifying_key":[1]}')), 2);
    expect(eventsOf(plain)).toMatchObject([{ violation: { rule: 'dsoftbus.plaintext', frames: [2], message: MESSAGE } }]);
    const early = started();
    early.handleStreamBytes(2, STREAM, 'client', Uint8Array.of(7), 3);
    early.handleStreamBytes(3, STREAM, 'server', first, 4);
    expect(kinds(early), 'told once; what comes then has no meaning').toEqual(['dsoftbus.out-of-turn']);
    early.handleStreamEnd(4, STREAM);
    expect(kinds(early)).toEqual(['dsoftbus.handshake-failed']);
    const long = started();
    long.handleStreamBytes(1, STREAM, 'server', Uint8Array.of(0, 1, 0, 1), 2);
    expect(kinds(long)).toEqual(['dsoftbus.oversize-message']);
  });

  test.each([
    ['a frame of samgrd', Uint8Array.of(1, 12, 0, 0x53, 0x4d, 1, 6, 6, ...text('samgrd'), ...new Uint8Array(261))],
    ['a step of the ladder', Uint8Array.of(0x31, 4, 0, 0x4d, 0x58, 1, 0, ...new Uint8Array(268))],
    ['text', Uint8Array.from(text('nobody on the way may read this, and here it is'.padEnd(275, '.')))],
  ])('%s in clear after the handshake of the OS is told', (_name, record) => {
    const witness = new DsoftbusWitness();
    const octets = (length: number): Uint8Array => new Uint8Array(length).fill(0xa5);
    witness.handleStreamBytes(1, STREAM, 'client', octets(32), 1);
    witness.handleStreamBytes(2, STREAM, 'server', octets(96), 2);
    witness.handleStreamBytes(3, STREAM, 'client', concatBytes([octets(64), record]), 3);
    expect(kinds(witness)).toEqual(['dsoftbus.plaintext']);
  });

  test('a half that ends is not the end of the session', () => {
    const witness = watch({});
    expect(kinds(witness)).toEqual(['dsoftbus.session-opened']);
    witness.handleStreamEnd(100, STREAM, 'client');
    expect(kinds(witness)).toEqual([]);
    witness.handleStreamEnd(101, STREAM, 'server');
    witness.handleStreamBytes(102, STREAM, 'server', Uint8Array.of(1), 99);
    expect(kinds(witness)).toEqual(['dsoftbus.session-ended']);
    witness.handleStreamStart(103, STREAM);
    witness.handleStreamBytes(104, STREAM, 'server', Uint8Array.of(1), 100);
    expect(kinds(witness), 'another connection of the same ports').toEqual(['dsoftbus.out-of-turn']);
  });

  test('limits: the oldest session makes room', () => {
    const witness = new DsoftbusWitness({ sessionCountMax: 2 });
    for (const port of [1, 2, 3])
      witness.handleStreamBytes(0, { ...STREAM, client: { ...STREAM.client, port } }, 'client', Uint8Array.of(1), port);
    expect(witness.inspect()).toMatchObject({ sessions: 2, evicted: 1, eventsDropped: 0 });
  });
});

describe('announces', () => {
  const frameOf = (payload: Uint8Array): ObservedFrame =>
    ({
      number: 9,
      at: 0,
      bytes: payload,
      layers: { udp: { sourcePort: 37_020, destinationPort: 37_020, payload }, ipv4: { source: STREAM.client.address } },
    }) as unknown as ObservedFrame;

  test('who says that it is there, and what is no announce', () => {
    const witness = new DsoftbusWitness();
    const announce = encodeAnnounce({ deviceId: 'node-a', port: 34_567, noiseStatic: new Uint8Array(32), services: ['samgrd'] });
    witness.handleFrame(5, frameOf(announce));
    witness.handleFrame(6, frameOf(announce.subarray(0, 30)));
    expect(eventsOf(witness)).toMatchObject([
      { fact: { kind: 'dsoftbus.announced', deviceId: 'node-a', sessionPort: 34_567, services: 1, frames: [9] } },
      { violation: { rule: 'dsoftbus.malformed-announce', message: '10.42.0.10: truncated' } },
    ]);
  });
});
