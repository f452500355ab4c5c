import { concatBytes, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import type { ObservedFrame, WitnessEvent } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto-node.js';
import { encodeAnnounce } from '../../src/index.js';
import { DsoftbusWitness, type DsoftbusWitnessOptions, type ObservedStream } from '../../src/witness/index.js';
import { CLIENT, hostClient, hostServer, run, SERVER } from '../support/host-pair.js';
import { flipBit } from '../support/noise-pair.js';

const STREAM: ObservedStream = {
  client: { address: parseIpv4('10.42.0.10'), port: 40_000 },
  server: { address: parseIpv4('10.42.0.11'), port: 34_568 },
};

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
      fact: { kind: 'dsoftbus.session-opened', dialect: 'host', frames: [1, 2, 3, 4, 5] },
    });
    expect(ended).toMatchObject({ type: 'fact', fact: { kind: 'dsoftbus.session-ended', records: 3, clientPort: 40_000 } });
  });

  test('any split of the streams gives the same', () => {
    expect(kinds(watch({}, { size: 1 }))).toEqual(kinds(watch({})));
  });

  test('with the keys of a test the frames are told; a changed one is found', () => {
    const ephemeral = new Uint8Array(32);
    new SeededEntropy('client').fill(ephemeral);
    const keys = {
      provider: nodeCrypto,
      clientStatic: CLIENT.noiseStatic,
      clientEphemeral: ephemeral,
      serverStatic: nodeCrypto.x25519PublicKey(SERVER.noiseStatic.publicKey),
    };
    expect(eventsOf(watch({ keys })).at(-1)).toMatchObject({ fact: { kind: 'dsoftbus.frame', channel: 7, octets: 100 } });
    const spoiled = watch({ keys }, { change: (bytes, index) => (index === 5 ? flipBit(bytes, 300) : bytes) });
    expect(kinds(spoiled)).toEqual(['dsoftbus.session-opened', 'dsoftbus.undecryptable']);
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
    const plain = new DsoftbusWitness();
    const text = new TextEncoder().encode('{"device_id":"a","verifying_key":[1]}');
    plain.handleStreamBytes(0, STREAM, 'client', Uint8Array.of(0, 0, 0, 48, ...new Uint8Array(48).fill(9)), 1);
    plain.handleStreamBytes(1, STREAM, 'server', Uint8Array.of(0, 0, 0, text.length, ...text), 2);
    expect(kinds(plain)).toEqual(['dsoftbus.plaintext']);
    plain.handleStreamBytes(2, STREAM, 'server', Uint8Array.of(0, 0, 0, 1, 7), 3);
    plain.handleStreamBytes(2, STREAM, 'client', Uint8Array.of(0, 1, 0, 1), 4);
    expect(kinds(plain)).toEqual(['dsoftbus.out-of-turn', 'dsoftbus.oversize-message']);
  });

  test('limits: the oldest session makes room', () => {
    const witness = new DsoftbusWitness({ sessionCountMax: 2 });
    for (const port of [1, 2, 3])
      witness.handleStreamBytes(0, { ...STREAM, client: { ...STREAM.client, port } }, 'client', Uint8Array.of(1), port);
    expect(witness.inspect()).toEqual({ sessions: 2, evicted: 1, eventsDropped: 0 });
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
