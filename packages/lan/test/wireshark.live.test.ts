import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Announce, decodeAnnounce, decodeQd, encodeAnnounce, encodeQd } from '@nexus-net/dsoftbus';
import { fromHex, SeededEntropy, toHex, uniform } from '@nexus-net/sansio';
import { ADDRESS_PLAN, dissect, encodePcapng, encodeUdpFrame } from '@nexus-net/wire';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hostClient, events as hostEvents, hostServer, run as runHost } from '../../dsoftbus/test/support/host-pair.js';
import { busTalk, type Spoken } from '../../dsoftbus/test/support/witnessed.js';
import { bothWays, DsoftbusSegmentWitness } from '../src/index.js';
import { busStation } from './support/bus.js';
import { drain } from './support/frames.js';
import { network } from './support/network.js';
import { CLIENT, framesOf, SERVER } from './support/session-frames.js';

const SCRIPT = fileURLToPath(new URL('../../../tools/wireshark/dsoftbus.lua', import.meta.url));
const SHARED = fileURLToPath(new URL('../../../../shared/vectors/own/dsoftbus', import.meta.url));
const { nodeA, nodeAMac, nodeB, nodeBMac } = ADDRESS_PLAN.os2vm;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-wireshark-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach((context) => {
  if (spawnSync('tshark', ['--version']).error !== undefined) context.skip('tshark is not installed');
});

let files = 0;

/** What tshark says of a capture; anything on its standard error but the remark about root fails the test. */
function tshark(frames: readonly Uint8Array[], args: readonly string[], comments: readonly string[] = []): string {
  const path = join(folder, `${files++}.pcapng`);
  const packets = frames.map((bytes, i) => ({ bytes, at: i, ...(comments[i] !== undefined && { comment: comments[i] }) }));
  writeFileSync(path, encodePcapng({ application: 'nexus-net', interfaces: [{ name: 'wire' }], packets }));
  const options = ['-r', path, '-X', `lua_script:${SCRIPT}`, '-o', 'tcp.reassemble_out_of_order:TRUE', ...args];
  const { status, stdout, stderr } = spawnSync('tshark', options, { encoding: 'utf8', maxBuffer: 1 << 30 });
  const said = stderr.split('\n').filter((line) => line !== '' && !line.includes('Running as user "root"'));
  expect([status, said]).toEqual([0, []]);
  expect(stdout).not.toMatch(/Lua Error/i);
  return stdout;
}

/** Values of fields, packet by packet: all that a packet has of each. `-2`: dissected twice, as the graphical program does. */
function fieldsOf(frames: readonly Uint8Array[], names: readonly string[]): Record<string, string[]>[] {
  const args = [
    '-2',
    '-T',
    'fields',
    '-E',
    'separator=/t',
    '-E',
    'aggregator=;',
    ...names.flatMap((name) => ['-e', `dsoftbus.${name}`]),
  ];
  return tshark(frames, args)
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(
        names.map((name, i) => [name, values[i] === '' || values[i] === undefined ? [] : values[i].split(';')]),
      );
    });
}

function udpFrame(payload: Uint8Array, port = 37_020): Uint8Array {
  return encodeUdpFrame({
    link: { source: nodeAMac, destination: nodeBMac },
    datagram: { source: { address: nodeA, port }, destination: { address: nodeB, port }, payload },
  });
}

const octets = (length: number, seed: string): Uint8Array => {
  const bytes = new Uint8Array(length);
  new SeededEntropy(seed).fill(bytes);
  return bytes;
};

const KEY = octets(32, 'key');
const FULL: Announce = {
  deviceId: 'ä'.repeat(32),
  port: 0,
  noiseStatic: KEY,
  services: Array.from({ length: 16 }, (_, i) => `service ${i}`),
};
const PLAIN: Announce = { deviceId: 'node-a', port: 34_567, noiseStatic: KEY, services: ['samgrd', 'bundlemgrd'] };

/** Datagrams of our vectors, where they are, each with its name. */
function vectors(file: string): [string, Uint8Array][] {
  const path = join(SHARED, file);
  if (!existsSync(path)) return [];
  const { vectors: all } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: Record<string, unknown>[] };
  return all.flatMap((vector) => {
    const hex = [vector['input'], vector['expect'], vector['bytes']].find((each) => typeof each === 'string');
    return typeof hex === 'string' && /^([0-9a-f]{2})+$/.test(hex)
      ? [[String(vector['name']), fromHex(hex)] as [string, Uint8Array]]
      : [];
  });
}

/** Every beginning of it. */
function cuts(bytes: Uint8Array): [string, Uint8Array][] {
  return Array.from({ length: bytes.length - 1 }, (_, i) => [`cut to ${i + 1}`, bytes.slice(0, i + 1)]);
}

/** A good announce with each thing wrong that can be wrong with it. */
function announces(): [string, Uint8Array][] {
  const good = encodeAnnounce(PLAIN);
  const changed = (at: number, value: number): Uint8Array => good.map((octet, i) => (i === at ? value : octet));
  return [
    ['plain', good],
    ['largest', encodeAnnounce(FULL)],
    ['trailing octets', Uint8Array.of(...good, 1, 2, 3)],
    ['bad magic', changed(0, 0x4f)],
    ['version 2', changed(4, 2)],
    ['no device id', changed(5, 0)],
    ['a long device id', changed(5, 65)],
    ['bad UTF-8', changed(6, 0xc0)],
    ['17 services', changed(46, 17)],
    ['a nameless service', changed(47, 0)],
    ...cuts(good),
    ...vectors('discovery-announce-v1.json'),
  ];
}

describe('announce v1', () => {
  test('tshark says of each what our decoder says: its fields, or why it is none', () => {
    const cases = announces().filter(([, bytes]) => bytes.length > 0);
    const names = ['announce.device_id', 'announce.port', 'announce.key', 'announce.service', 'reject'];
    const rows = fieldsOf(
      cases.map(([, bytes]) => udpFrame(bytes)),
      names,
    );
    expect(rows.length).toBe(cases.length);
    for (const [i, [name, bytes]] of cases.entries()) {
      const decoded = decodeAnnounce(bytes);
      const row = rows[i] as Record<string, string[]>;
      if (!decoded.ok) {
        expect([name, row['reject']]).toEqual([name, [decoded.error]]);
        continue;
      }
      const { deviceId, port, noiseStatic, services } = decoded.value;
      expect([name, row['reject'], row['announce.port'], row['announce.key']]).toEqual([
        name,
        [],
        [String(port)],
        [toHex(noiseStatic)],
      ]);
      // tshark shows control characters and separators of its own in other ways.
      if ([deviceId, ...services].every((text) => /^[\p{L}\p{N} _.:-]+$/u.test(text)))
        expect([name, row['announce.device_id'], row['announce.service']]).toEqual([name, [deviceId], services]);
    }
  });

  test('is found by its magic on any port, and by a display filter', () => {
    const frames = [udpFrame(encodeAnnounce(PLAIN), 9_999), udpFrame(octets(60, 'noise'), 9_999)];
    expect(tshark(frames, ['-Y', 'dsoftbus.announce.device_id == "node-a"', '-T', 'fields', '-e', 'frame.number'])).toBe('1\n');
  });
});

describe('QD datagrams', () => {
  test('tshark says of each what our decoder says', () => {
    const good = encodeQd({ opcode: 4, sessionNonce: 0x5155_4943, payload: new TextEncoder().encode('PING') });
    const cases: [string, Uint8Array][] = [
      ['PING', good],
      ['no payload', encodeQd({ opcode: 9, sessionNonce: 0, payload: new Uint8Array(0) })],
      ['trailing octets', Uint8Array.of(...good, 7)],
      ['version 2', good.map((octet, i) => (i === 2 ? 2 : octet))],
      ['bad magic', good.map((octet, i) => (i === 0 ? 0 : octet))],
      ...cuts(good),
      ...vectors('quic-frame-qd.json'),
    ];
    const rows = fieldsOf(
      cases.map(([, bytes]) => udpFrame(bytes, 34_569)),
      ['qd.opcode', 'qd.nonce', 'qd.payload', 'reject'],
    );
    for (const [i, [name, bytes]] of cases.entries()) {
      const decoded = decodeQd(bytes);
      const row = rows[i] as Record<string, string[]>;
      if (!decoded.ok) expect([name, row['reject']]).toEqual([name, [decoded.error]]);
      else {
        const { opcode, sessionNonce, payload } = decoded.value;
        const nonce = `0x${sessionNonce.toString(16).padStart(8, '0')}`;
        expect([name, row['qd.opcode'], row['qd.nonce'], row['qd.payload'], row['reject']]).toEqual([
          name,
          [String(opcode)],
          [nonce],
          payload.length === 0 ? [] : [toHex(payload)],
          [],
        ]);
      }
    }
  });
});

/** Sessions as they are spoken, by dialect. */
function spokenBus(): Spoken {
  const { spoken, settle } = busTalk();
  settle();
  return spoken;
}

function spokenHost(): Spoken {
  const spoken: [side: 'client' | 'server', bytes: Uint8Array][] = [];
  const [client, server] = [hostClient(), hostServer()];
  client.start(0);
  server.start(0);
  const carry = (): void =>
    runHost(client, server, (bytes, from) => {
      spoken.push([from, bytes]);
      return [bytes];
    });
  carry();
  hostEvents(client);
  for (const [channel, length] of [
    [1, 10],
    [2, 9_000],
  ] as const)
    client.send({ channel, payload: octets(length, 'frame') });
  carry();
  return spoken;
}

/** Octets that two nodes of the OS really exchanged: see the file for where they come from. */
function spokenOs(): Spoken {
  const file = fileURLToPath(new URL('../../dsoftbus/test/vectors/os-session-cross-vm.json', import.meta.url));
  const { vectors: all } = JSON.parse(readFileSync(file, 'utf8')) as {
    vectors: [{ tcp: { a_to_b_first: string[]; b_to_a_first: string[] } }];
  };
  const { a_to_b_first: client, b_to_a_first: server } = all[0].tcp;
  const [first, second, ...later] = client.map(fromHex);
  const [answer, ...answers] = server.map(fromHex);
  const turns = later.flatMap((bytes, i): [side: 'client' | 'server', bytes: Uint8Array][] => [
    ['client', bytes],
    ['server', answers[i] as Uint8Array],
  ]);
  return [['client', first as Uint8Array], ['server', answer as Uint8Array], ['client', second as Uint8Array], ...turns];
}

/** What our witness says of the sessions in these frames: handshakes, then records and octets. */
function witnessed(frames: readonly Uint8Array[]): { handshakes: string[]; records: string[]; rules: string[] } {
  const witness = new DsoftbusSegmentWitness();
  const all = frames.flatMap((bytes, i) => {
    witness.handleFrame(i, { number: i + 1, at: i, bytes, layers: dissect(bytes) });
    return drain(() => witness.pollEvent());
  });
  const facts = all.flatMap((event) => (event.type === 'fact' ? [event.fact] : []));
  return {
    handshakes: facts.flatMap((fact) => (fact.kind === 'dsoftbus.session-opened' ? [fact.handshake] : [])),
    records: facts.flatMap((fact) => (fact.kind === 'dsoftbus.session-ended' ? [`${fact.records} ${fact.octets}`] : [])),
    rules: all.flatMap((event) => (event.type === 'violation' ? [event.violation.rule] : [])),
  };
}

/** The same of tshark, for a capture of one session. */
function shown(frames: readonly Uint8Array[]): {
  handshakes: string[];
  records: string[];
  dialects: string[];
  rejects: string[];
} {
  const rows = fieldsOf(frames, ['session.dialect', 'handshake.length', 'record.length', 'reject', 'record.plaintext_length']);
  const of = (name: string): string[] => rows.flatMap((row) => row[name] ?? []);
  const records = of('record.length').map(Number);
  expect(of('record.plaintext_length').length).toBe(records.length);
  return {
    handshakes: [of('handshake.length').join(' ')],
    records: [`${records.length} ${records.reduce((sum, length) => sum + length, 0)}`],
    dialects: [...new Set(of('session.dialect'))],
    rejects: of('reject'),
  };
}

describe.each([
  ['bus', spokenBus],
  ['host', spokenHost],
  ['os', spokenOs],
] as const)('a session of dialect %s', (dialect, speak) => {
  test.each([1, 100, 60_000])('in segments of %d octets: the messages that our witness sees, with their lengths', (mss) => {
    const frames = framesOf(speak(), { mss });
    const { handshakes, records } = witnessed(frames);
    expect(handshakes.length).toBe(1);
    expect(shown(frames)).toEqual({ handshakes, records, dialects: [dialect], rejects: [] });
  });

  test('at a port that an announce named, and with segments in another order and twice', () => {
    const server = { ...SERVER, port: 4_711 };
    const session = framesOf(speak(), { server, mss: 90 });
    const mixed = session.flatMap((frame, i) =>
      i > 20 && i % 7 === 0 && session[i + 1] !== undefined ? [frame, frame] : [frame],
    );
    const frames = [udpFrame(encodeAnnounce({ ...PLAIN, port: 4_711 })), ...mixed];
    const { handshakes, records } = witnessed(frames);
    expect(shown(frames)).toEqual({ handshakes, records, dialects: [dialect], rejects: [] });
  });
});

test('two nodes on a rough wire of the simulator: every session that the witness sees is shown', () => {
  const frames: Uint8Array[] = [];
  const sim = network(
    7,
    { gateway: 'off' },
    { onLanEvent: (event) => void (event.type === 'frame' && frames.push(event.observed.bytes)) },
  );
  for (const port of ['a', 'b'])
    sim.lan.setLink(0, port, bothWays({ loss: 0.05, duplicate: 0.05, duplicateLagMs: 100, delayMs: 2, jitterMs: 3 }));
  const [a, b] = ['a', 'b'].map((port) => busStation(sim, { port, seed: 7 }));
  const isOpen = (station: typeof a): boolean => station?.events.some(({ event }) => event.type === 'session-open') ?? false;
  sim.run({ until: 120_000, stop: () => isOpen(a) && isOpen(b) });
  expect([isOpen(a), isOpen(b)]).toEqual([true, true]);
  const { handshakes } = witnessed(frames);
  const rows = fieldsOf(frames, ['announce.device_id', 'handshake.length', 'session.dialect', 'reject']);
  const of = (name: string): string[] => rows.flatMap((row) => row[name] ?? []);
  expect(new Set(of('announce.device_id'))).toEqual(new Set(['a', 'b']));
  expect(of('handshake.length').join(' ')).toContain(handshakes[0]);
  expect([new Set(of('session.dialect')), of('reject')]).toEqual([new Set(['bus']), []]);
});

describe('what no end would take', () => {
  const spoiled = (
    change: (spoken: [side: 'client' | 'server', bytes: Uint8Array][]) => void,
    speak = spokenBus,
  ): Uint8Array[] => {
    const spoken = speak().map(([side, bytes]): ['client' | 'server', Uint8Array] => [side, bytes.slice()]);
    change(spoken);
    return framesOf(spoken);
  };
  test.each<[string, string, Uint8Array[]]>([
    ['another version', 'unsupported-version', spoiled((all) => void ((all[1] as [string, Uint8Array])[1][2] = 2))],
    ['another message', 'bad-message-number', spoiled((all) => void ((all[1] as [string, Uint8Array])[1][3] = 3))],
    ['a long handshake', 'bad-handshake-length', spoiled((all) => void ((all[1] as [string, Uint8Array])[1][4] = 9))],
    ['a short record', 'bad-record-length', spoiled((all) => void all.push(['server', Uint8Array.of(0, 16)]))],
    ['a server that speaks first', 'out-of-turn', spoiled((all) => void all.reverse())],
    [
      'a message without end',
      'oversize-message',
      spoiled((all) => void all.push(['client', Uint8Array.of(0, 1, 0, 0)]), spokenHost),
    ],
  ])('%s is an expert item with the name %s, and the witness says so too', (_what, label, frames) => {
    expect(witnessed(frames).rules.length).toBeGreaterThan(0);
    expect(shown(frames).rejects).toEqual([label]);
    expect(
      tshark(frames, ['-Y', '_ws.expert.group == "Malformed" || dsoftbus.malformed', '-T', 'fields', '-e', 'frame.number']),
    ).toMatch(/^\d+\n$/);
  });
});

/** Octets of a datagram or a stream, changed at random. */
function mutated(bytes: Uint8Array, entropy: SeededEntropy): Uint8Array {
  const cut = bytes.slice(0, uniform(entropy, { low: 0, high: bytes.length }));
  const result = uniform(entropy, { low: 0, high: 2 }) === 0 ? cut : bytes.slice();
  for (let i = uniform(entropy, { low: 0, high: 6 }); i > 0 && result.length > 0; i--)
    result[uniform(entropy, { low: 0, high: Math.min(result.length, 120) - 1 })] = uniform(entropy, { low: 0, high: 255 });
  return result;
}

test('hostile octets are never an error of Lua: thousands of datagrams and sessions, damaged and cut', () => {
  const entropy = new SeededEntropy('hostile');
  const frames: Uint8Array[] = [];
  const seeds = [encodeAnnounce(FULL), encodeAnnounce(PLAIN), encodeQd({ opcode: 1, sessionNonce: 1, payload: octets(32, 'p') })];
  for (let i = 0; i < 3_000; i++) {
    const payload = mutated(seeds[i % seeds.length] as Uint8Array, entropy);
    frames.push(udpFrame(payload, [37_020, 34_569, 5_000][uniform(entropy, { low: 0, high: 2 })] as number));
  }
  const spoken = [spokenBus(), spokenHost(), spokenOs()];
  for (let i = 0; i < 300; i++) {
    const pieces = (spoken[i % 3] as Spoken).map(([side, bytes]): ['client' | 'server', Uint8Array] => [
      uniform(entropy, { low: 0, high: 20 }) === 0 ? 'server' : side,
      uniform(entropy, { low: 0, high: 3 }) === 0 ? mutated(bytes, entropy) : bytes,
    ]);
    const session = framesOf(pieces, {
      client: { ...CLIENT, port: 41_000 + i },
      mss: 1 + uniform(entropy, { low: 0, high: 1_459 }),
    });
    // Some segments are missing, and some frames were captured in part only.
    for (const frame of session) if (uniform(entropy, { low: 0, high: 30 }) > 0) frames.push(frame);
  }
  const text = tshark(frames, ['-2', '-V', '-O', 'dsoftbus']);
  expect(text).toContain('DSoftBus announce');
  expect(text).toContain('Refused: ');
});

test('frames that were captured in part are told as such', () => {
  const whole = udpFrame(encodeAnnounce(FULL));
  const path = join(folder, 'cut.pcapng');
  const packets = [60, 100, 200].map((length, at) => ({ at, bytes: whole.subarray(0, length), originalLength: whole.length }));
  writeFileSync(path, encodePcapng({ application: 'nexus-net', interfaces: [{ name: 'wire' }], packets }));
  const { stdout } = spawnSync('tshark', ['-r', path, '-X', `lua_script:${SCRIPT}`, '-T', 'fields', '-e', 'dsoftbus.reject'], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('truncated\ntruncated\ntruncated\n');
});

test('a capture of ours with comments is read without a word of warning', () => {
  const frames = framesOf(spokenBus());
  const comments = frames.map((_, i) => `backs marker ${i}: größer – 測試`);
  const text = tshark(frames, ['-T', 'fields', '-e', 'frame.comment'], comments);
  expect(text.split('\n').slice(0, -1)).toEqual(comments);
});
