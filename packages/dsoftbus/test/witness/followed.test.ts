import { readFileSync } from 'node:fs';
import { concatBytes, fromHex, SeededEntropy, toHex, uniform } from '@nexus-net/sansio';
import type { ObservedFrame } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import { nodeCrypto } from '../../src/crypto-node.js';
import { encodeReply, encodeRequest } from '../../src/gateway/messages.js';
import { encodeAnnounce, PUBLICLY_KNOWN_TEST_KEYS, publiclyKnownTestSecret, QdSession, resolveOsKeys } from '../../src/index.js';
import { DsoftbusWitness, type WitnessKeys } from '../../src/witness/index.js';
import { CLIENT, hostClient, hostServer, run, SERVER } from '../support/host-pair.js';
import { flipBit, keyOf } from '../support/noise-pair.js';
import { NULL_TAG, nullCrypto } from '../support/null-crypto.js';
import type { CrossVmVector } from '../support/vectors/sessions.js';
import {
  busKeys,
  busTalk,
  CLIENT_AT,
  eventsOf,
  keysOf,
  linesOf,
  SERVER_AT,
  type Side,
  type Spoken,
  witnessOf,
} from '../support/witnessed.js';

const SIDES = ['client', 'server'] as const;

describe('dialect bus', () => {
  const talk = busTalk();
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const opened = talk.client.openStream(0, { name: 'gateway/1', priority: 3 });
  const id = opened.ok ? opened.value : 0;
  talk.settle();
  talk.client.write(0, id as never, encodeRequest({ correlation: 9, service: 4, operation: 2, body: text('k') }));
  talk.settle();
  talk.server.write(0, id as never, encodeReply({ correlation: 9, status: 1, body: text('') }));
  talk.settle();
  talk.client.finish(0, id as never);
  talk.server.finish(0, id as never);
  talk.settle();
  talk.client.abort(0);
  talk.settle();
  const SEEN = [
    `identified side=server noiseStatic=${toHex(keyOf('server').publicKey)} deviceId=the server`,
    `identified side=client noiseStatic=${toHex(keyOf('client').publicKey)} deviceId=the client`,
    'session-opened handshake=54 81 97',
    'session-established clientDevice=the client serverDevice=the server',
    'stream-opened sender=client stream=1 name=gateway/1 priority=3',
    'stream-data sender=client stream=1 octets=14',
    'gateway-asked sender=client correlation=9 service=statefs operation=get',
    'stream-data sender=server stream=1 octets=10',
    'gateway-answered sender=server correlation=9 service=statefs operation=get status=denied',
    'stream-closed stream=1 how=closed clientOctets=14 serverOctets=10',
    'goodbye sender=client code=0 detail=',
    'goodbye sender=server code=0 detail=',
  ];

  test.each(SIDES)('the secrets of the %s are enough to read all of it', (side) => {
    expect(linesOf(witnessOf(talk.spoken, { keys: [busKeys(side)] }))).toEqual(SEEN);
  });

  test('from outside: opened, so many records, and nothing of what they say', () => {
    const witness = witnessOf(talk.spoken);
    witness.handleStreamEnd(99, { client: CLIENT_AT, server: SERVER_AT });
    const [first, second, ...rest] = eventsOf(witness);
    expect(first).toMatchObject({
      fact: { kind: 'dsoftbus.session-opened', dialect: 'bus', clientPort: 40_000, serverPort: 34_568 },
    });
    const records = talk.spoken.slice(3);
    const octets = records.reduce((sum, [, bytes]) => sum + bytes.length, 0);
    expect(second).toMatchObject({ fact: { kind: 'dsoftbus.session-ended', records: records.length, octets } });
    expect(rest).toEqual([]);
  });

  test('keys of another session say nothing; of several those that fit are taken', () => {
    const other = keysOf('client', keyOf('client'), 'another draw', keyOf('server').publicKey);
    const stranger = keysOf('server', keyOf('x'), 'server', keyOf('x').publicKey);
    expect(linesOf(witnessOf(talk.spoken, { keys: [other, stranger] }))).toEqual(['session-opened handshake=54 81 97']);
    expect(linesOf(witnessOf(talk.spoken, { keys: [other, stranger, busKeys('server')] }))).toEqual(SEEN);
  });

  test('a server that refuses has not opened the session', () => {
    const refused = busTalk({ judge: () => 'unknown-device' });
    const outside = witnessOf(refused.spoken);
    outside.handleStreamEnd(9, { client: CLIENT_AT, server: SERVER_AT });
    expect(linesOf(outside)).toEqual(['handshake-failed messages=3 handshake=54 81 97']);
    const inside = linesOf(witnessOf(refused.spoken, { keys: [busKeys('client')] }));
    expect(inside.filter((line) => !line.startsWith('identified'))).toEqual([
      'goodbye sender=server code=2 detail=identity-refused',
      'goodbye sender=client code=0 detail=',
    ]);
  });

  test('another key after every other record is followed', () => {
    const rekeyed = busTalk({ rekeyRecords: 2 });
    rekeyed.client.openStream(0, { name: 'a', priority: 0 });
    rekeyed.settle();
    rekeyed.client.openStream(0, { name: 'b', priority: 0 });
    rekeyed.settle();
    const lines = linesOf(witnessOf(rekeyed.spoken, { keys: [busKeys('server')] }));
    expect(lines.slice(-2)).toEqual([
      'stream-opened sender=client stream=1 name=a priority=0',
      'stream-opened sender=client stream=3 name=b priority=0',
    ]);
  });

  test('an octet changed on the way is found where its end finds it', () => {
    for (const [index, wanted] of [
      [1, '! dsoftbus.bad-handshake message 2 is refused by whoever gets it'],
      [2, '! dsoftbus.bad-handshake message 3 is refused by whoever gets it'],
      [3, '! dsoftbus.undecryptable record 1 of the client: bad-tag'],
    ] as const) {
      const spoken = talk.spoken.map(
        ([side, bytes], i) => [side, i === index ? flipBit(bytes, 8 * bytes.length - 1) : bytes] as const,
      );
      expect(linesOf(witnessOf(spoken, { keys: [busKeys('client')] }))).toContain(wanted);
    }
  });

  test('mux frames before both have accepted are found', () => {
    const { spoken } = busTalk({ provider: nullCrypto });
    const key = (name: string) => keyOf(name, nullCrypto);
    const keys: WitnessKeys = { side: 'server', staticKey: key('server'), ephemeral: key('server') };
    const ping = Uint8Array.of(0, 33, 6, 7, 0, 0, 0, 0, 0, 0, 8, ...new Uint8Array(8), ...NULL_TAG);
    const early: Spoken = [...spoken.slice(0, 3), ['client', ping.slice()]];
    expect(linesOf(witnessOf(early, { keys: [keys], provider: nullCrypto })).at(-1)).toMatch(/^! dsoftbus.early-record /);
  });

  test('property: any split of the streams gives the same facts', () => {
    const entropy = new SeededEntropy('splits');
    for (let run = 0; run < 8; run++)
      expect(
        linesOf(witnessOf(talk.spoken, { keys: [busKeys('client')], size: 1 + uniform(entropy, { low: 0, high: 59 }) })),
      ).toEqual(SEEN);
  });
});

describe('dialect host', () => {
  test.each(SIDES)('the secrets of the %s tell identities, the answer and the frames', (side) => {
    const spoken: [Side, Uint8Array][] = [];
    const [client, server] = [hostClient(), hostServer()];
    const see = (bytes: Uint8Array, from: Side): readonly Uint8Array[] => {
      spoken.push([from, bytes]);
      return [bytes];
    };
    client.start(0);
    server.start(0);
    run(client, server, see);
    client.send({ channel: 7, payload: new Uint8Array(100) });
    run(client, server, see);
    const identity = side === 'client' ? CLIENT : SERVER;
    const keys = keysOf(side, identity.noiseStatic, side, SERVER.noiseStatic.publicKey);
    expect(linesOf(witnessOf(spoken, { keys: [keys] }))).toEqual([
      `identified side=server noiseStatic=${toHex(SERVER.noiseStatic.publicKey)} deviceId=${SERVER.deviceId}`,
      `identified side=client noiseStatic=${toHex(CLIENT.noiseStatic.publicKey)} deviceId=${CLIENT.deviceId}`,
      `session-opened handshake=${spoken
        .slice(0, 3)
        .map(([, { length }]) => length)
        .join(' ')}`,
      `session-established clientDevice=${CLIENT.deviceId} serverDevice=${SERVER.deviceId}`,
      'frame sender=client channel=7 octets=100',
    ]);
  });
});

describe('dialect os', () => {
  const [vector] = (
    JSON.parse(readFileSync(new URL('../vectors/os-session-cross-vm.json', import.meta.url), 'utf8')) as {
      vectors: CrossVmVector[];
    }
  ).vectors as [CrossVmVector];
  const { nodeA, nodeB } = PUBLICLY_KNOWN_TEST_KEYS.crossVm;
  const pairOf = (secret: { readonly tag: number; readonly port: number }) =>
    nodeCrypto.x25519KeyPair(publiclyKnownTestSecret(secret));
  const serverStatic = nodeCrypto.x25519PublicKey(pairOf(nodeB.staticKey).publicKey);
  const keys: Readonly<Record<Side, WitnessKeys>> = {
    client: { side: 'client', staticKey: pairOf(nodeA.staticKey), ephemeral: pairOf(nodeA.ephemeral), serverStatic },
    server: { side: 'server', staticKey: pairOf(nodeB.staticKey), ephemeral: pairOf(nodeB.ephemeral) },
  };
  const [a, b] = [vector.tcp.a_to_b_first.map(fromHex), vector.tcp.b_to_a_first.map(fromHex)];
  const turns = a.flatMap((bytes, i): [Side, Uint8Array][] => {
    // The third message and the first step go out together; each later piece of one side follows one of the other.
    const answer = i === 0 ? b[0] : i === 1 ? undefined : b[i - 1];
    return answer === undefined
      ? [['client', bytes]]
      : [
          ['client', bytes],
          ['server', answer],
        ];
  });

  test.each(SIDES)('a recorded session of two OS nodes is read with the secrets of the %s', (side) => {
    const witness = new DsoftbusWitness({ follow: { provider: nodeCrypto, keys: [keys[side]] } });
    for (const [i, datagram] of vector.udp_datagrams.entries()) witness.handleFrame(0, udpFrame(i + 1, fromHex(datagram.bytes)));
    eventsOf(witness);
    for (const [i, [from, bytes]] of turns.entries())
      witness.handleStreamBytes(i, { client: CLIENT_AT, server: SERVER_AT }, from, bytes, 10 + i);
    const lines = linesOf(witness);
    expect(lines).toEqual([
      expect.stringMatching(/^identified side=server noiseStatic=[0-9a-f]{64} deviceId=node-b$/),
      expect.stringMatching(/^identified side=client noiseStatic=[0-9a-f]{64} deviceId=node-a$/),
      'stream-opened sender=client stream=1 name=crossvm/control priority=0',
      'stream-opened sender=client stream=2 name=crossvm/bulk priority=4',
      'session-opened handshake=32 96 64',
      'stream-data sender=client stream=1 octets=32',
      'stream-data sender=client stream=2 octets=96',
      'stream-data sender=server stream=1 octets=24',
      'stream-data sender=server stream=2 octets=64',
      'session-established clientDevice=node-a serverDevice=node-b',
      'gateway-asked sender=client service=samgrd operation=resolveStatus correlation=1',
      'gateway-answered sender=server service=samgrd operation=resolveStatus correlation=1 status=ok',
      'gateway-asked sender=client service=samgrd operation=resolveStatus correlation=2',
      'gateway-answered sender=server service=samgrd operation=resolveStatus correlation=2 status=ok',
    ]);
  });

  test('the same session in pieces of one octet', () => {
    const whole = linesOf(witnessOf(turns, { keys: [keys.client] }));
    expect(whole).toContain('session-established');
    expect(linesOf(witnessOf(turns, { keys: [keys.client], size: 1 }))).toEqual(whole);
  });

  test('the datagram session: seen from outside, and with keys who it is', () => {
    const { client: ofClient, server: ofServer } = PUBLICLY_KNOWN_TEST_KEYS.qd;
    const options = { type: 'publicly-known-test-keys', ephemeral: 'publicly-known' } as const;
    const [own, peer] = [
      { ...CLIENT_AT, port: 34_569 },
      { ...SERVER_AT, port: 34_567 },
    ];
    const common = { provider: nodeCrypto, entropy: new SeededEntropy('qd') };
    const client = new QdSession({
      ...common,
      role: 'client',
      keys: resolveOsKeys(nodeCrypto, options, { own: ofClient, peer: ofServer }),
      own,
      peer,
    });
    const server = new QdSession({
      ...common,
      role: 'server',
      keys: resolveOsKeys(nodeCrypto, options, { own: ofServer, peer: ofClient }),
      own: peer,
    });
    const known: WitnessKeys = { side: 'server', staticKey: pairOf(ofServer.staticKey), ephemeral: pairOf(ofServer.ephemeral) };
    const witness = new DsoftbusWitness({ follow: { provider: nodeCrypto, keys: [known] } });
    client.start(0);
    server.start(0);
    for (let number = 1, moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const)
        for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
          moved = true;
          witness.handleFrame(number, udpFrame(number++, out.payload, out));
          to.handleDatagram(0, out);
        }
    }
    const events = eventsOf(witness);
    expect(events.at(-1)).toMatchObject({
      fact: { kind: 'dsoftbus.session-opened', dialect: 'qd', clientPort: 34_569, serverPort: 34_567, frames: [1, 2, 3, 4, 5] },
    });
    expect(events.slice(0, -1)).toMatchObject([
      { fact: { kind: 'dsoftbus.identified', side: 'server', dialect: 'qd' } },
      { fact: { kind: 'dsoftbus.identified', side: 'client', dialect: 'qd' } },
    ]);
  });

  test('an announce tells whose key it is; the oldest is forgotten', () => {
    const witness = new DsoftbusWitness({ deviceCountMax: 2 });
    for (const deviceId of ['a', 'b', 'c']) {
      const announce = encodeAnnounce({ deviceId, port: 1, noiseStatic: keyOf(deviceId).publicKey, services: [] });
      witness.handleFrame(0, udpFrame(1, announce));
    }
    expect(witness.inspect()).toMatchObject({ devices: 2, eventsDropped: 0 });
  });
});

test('property: any octets in any pieces are told in bounded events, whatever keys there are', () => {
  const entropy = new SeededEntropy('noise');
  for (let run = 0; run < runs(40); run++) {
    const spoken: Spoken = Array.from({ length: 6 }, (_, i): [Side, Uint8Array] => {
      const bytes = new Uint8Array(1 + uniform(entropy, { low: 0, high: 399 }));
      entropy.fill(bytes);
      const heads = [[0x4e, 0x42, 1, 1, 0, 48], [0, 0, 0, 48], []];
      return [
        SIDES[uniform(entropy, { low: 0, high: 1 })] as Side,
        i === 0 ? concatBytes([Uint8Array.from(heads[run % 3] as number[]), bytes]) : bytes,
      ];
    });
    const witness = witnessOf(spoken, {
      keys: [busKeys('client'), busKeys('server')],
      size: 1 + uniform(entropy, { low: 0, high: 49 }),
    });
    expect(eventsOf(witness).length).toBeLessThan(20);
    expect(witness.inspect()).toMatchObject({ sessions: 1, eventsDropped: 0 });
  }
});

function udpFrame(
  number: number,
  payload: Uint8Array,
  ends = { source: { ...CLIENT_AT, port: 37_020 }, destination: { ...SERVER_AT, port: 37_020 } },
): ObservedFrame {
  const { source, destination } = ends;
  return {
    number,
    at: 0,
    bytes: payload,
    layers: {
      udp: { sourcePort: source.port, destinationPort: destination.port, payload },
      ipv4: { source: source.address, destination: destination.address },
    },
  } as unknown as ObservedFrame;
}
