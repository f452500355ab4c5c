import type { Datagram } from '@nexus-net/sansio';
import { bytesEqual, fromHex, IPV4_BROADCAST, toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { decodeTftp, encodeTftp, MemoryFiles, type TftpPacket, TftpService, type TftpServiceConfig } from '../src/index.js';
import { CLIENT_AT, eventsOf, octetsOf, pattern, SERVER_AT, ServiceWorld } from './support/services.js';

const FILES = {
  '/small': pattern(100),
  '/even': pattern(1_024),
  '/empty': new Uint8Array(0),
  '/boot/kernel': pattern(20_000),
  '/words': 'a\nb\r',
};
const serve = (config: Partial<TftpServiceConfig> = {}, world = new ServiceWorld()) => {
  const files = new MemoryFiles(FILES);
  return { world, files, service: world.serve(new TftpService({ sockets: world.server, files, ...config })) };
};

/** Sends a packet to the server and gives what comes back, with the port that it came from. */
function raw(world: ServiceWorld, packets: readonly Uint8Array[], to = 69) {
  const bound = world.client.udpBind({ address: CLIENT_AT, port: 0 });
  if (!bound.ok) throw new Error(bound.error);
  const socket = bound.value;
  for (const packet of packets) socket.sendTo({ address: SERVER_AT, port: to }, packet);
  world.run(10);
  const replies: { readonly port: number; readonly hex: string; readonly packet: TftpPacket }[] = [];
  for (let got = socket.receiveFrom(); got.ok; got = socket.receiveFrom()) {
    const packet = decodeTftp(got.value.payload);
    if (!packet.ok) throw new Error(packet.error);
    replies.push({ port: got.value.from.port, hex: toHex(got.value.payload), packet: packet.value });
  }
  return { socket, replies };
}

const request = (words: string, opcode = 1): Uint8Array =>
  Uint8Array.of(0, opcode, ...octetsOf(`${words.replaceAll('|', '\0')}\0`));

describe('packets', () => {
  // Octets by hand, after RFC 1350 §5 and RFC 2347.
  test.each<[string, TftpPacket]>([
    ['0001 666f6f00 6f6374657400', { type: 'read', file: 'foo', mode: 'octet', options: new Map() }],
    [
      '0002 666f6f00 6f6374657400 7473697a6500 3700',
      { type: 'write', file: 'foo', mode: 'octet', options: new Map([['tsize', '7']]) },
    ],
    ['0003 0001 abcd', { type: 'data', block: 1, bytes: fromHex('abcd') }],
    ['0004 ffff', { type: 'ack', block: 65_535 }],
    ['0005 0001 6e6f00', { type: 'error', code: 1, message: 'no' }],
    ['0006 626c6b73697a6500 3800', { type: 'option-ack', options: new Map([['blksize', '8']]) }],
  ])('%s', (hex, packet) => {
    expect(encodeTftp(packet)).toEqual(fromHex(hex));
    expect(decodeTftp(fromHex(hex))).toEqual({ ok: true, value: packet });
  });

  test.each([
    ['00', 'truncated'],
    ['0001 666f6f00 6f63', 'truncated'],
    ['0003 00', 'truncated'],
    ['0006 6100', 'bad-request'],
    ['0001 00 6f6374657400', 'bad-request'],
    ['0001 666f6f00', 'bad-request'],
    ['0001 666f6f00 6f6374657400 6100', 'bad-request'],
    ['0007', 'bad-opcode'],
  ])('%s is no packet: %s', (hex, error) => {
    expect(decodeTftp(fromHex(hex))).toEqual({ ok: false, error });
  });

  test('an error without its final zero is one; names of options and modes have no case', () => {
    expect(decodeTftp(fromHex('0005 0001 6e6f'))).toEqual({ ok: true, value: { type: 'error', code: 1, message: 'no' } });
    expect(decodeTftp(request('f|OCTET|BlkSize|8'))).toMatchObject({
      value: { mode: 'octet', options: new Map([['blksize', '8']]) },
    });
  });
});

describe('reading', () => {
  test.each(['/small', '/even', '/empty', '/boot/kernel'])('%s, with and without options', (file) => {
    const { world, service } = serve();
    const expected = FILES[file as '/small'];
    for (const terms of [{ blockOctets: 'none' }, {}, { blockOctets: 1_468, windowBlocks: 8 }, { blockOctets: 200 }] as const) {
      const result = world.transfer({ file, ...terms });
      expect(result.ok && bytesEqual(result.bytes, expected)).toBe(true);
    }
    expect(service.inspect()).toMatchObject({ transfers: 0, ends: { done: 4 }, labels: {} });
  });

  test('the first packets on the wire: options agreed to, and only those', () => {
    const { world } = serve();
    const { replies } = raw(world, [request('small|octet|tsize|0|blksize|65464|windowsize|99|timeout|3|multicast|')]);
    expect(replies.map(({ packet }) => packet)).toEqual([
      {
        type: 'option-ack',
        options: new Map([
          ['blksize', '1468'],
          ['windowsize', '16'],
          ['timeout', '3'],
          ['tsize', '100'],
        ]),
      },
    ]);
    expect(replies[0]?.port).not.toBe(69);
  });

  test('options that make no sense are left out; without one that is left there is no OACK', () => {
    const { world } = serve();
    const { replies } = raw(world, [request('small|octet|blksize|7|windowsize|0|timeout|256|tsizes|0')]);
    expect(replies.map(({ packet }) => packet)).toEqual([{ type: 'data', block: 1, bytes: pattern(100) }]);
  });

  test('netascii', () => {
    const { world } = serve();
    const { replies } = raw(world, [request('words|netascii')]);
    expect(replies.map(({ hex }) => hex)).toEqual([`00030001${toHex(octetsOf('a\r\nb\r\0'))}`]);
  });

  test('a repeated acknowledgment brings no second copy of a block (RFC 1123 §4.2.3.1)', () => {
    const { world } = serve();
    const { socket, replies } = raw(world, [request('boot/kernel|octet')]);
    const tid = { address: SERVER_AT, port: replies[0]?.port as number };
    for (let i = 0; i < 3; i++) socket.sendTo(tid, fromHex('0004 0001'));
    world.run(10);
    const blocks: number[] = [];
    for (let got = socket.receiveFrom(); got.ok; got = socket.receiveFrom()) blocks.push(got.value.payload[3] as number);
    expect(blocks).toEqual([2]);
  });
});

describe('what is refused', () => {
  test.each([
    ['nothing|octet', 1, 'file not found', 'not-found'],
    ['../etc|octet', 2, 'access violation', 'access'],
    ['small|mail', 4, 'mode is octet or netascii', 'bad-mode'],
  ])('%s', (words, code, message, label) => {
    const { world, service } = serve();
    expect(raw(world, [request(words)]).replies.map(({ packet }) => packet)).toEqual([{ type: 'error', code, message }]);
    expect(service.inspect()).toMatchObject({ transfers: 0, labels: { [label]: 1 } });
    expect(eventsOf(service)).toMatchObject([{ type: 'rejected', label, client: { address: CLIENT_AT } }]);
  });

  test('writing, unless it is allowed; then only new files, within a bound', () => {
    const { world } = serve();
    expect(world.transfer({ file: 'new', upload: pattern(9) })).toEqual({
      ok: false,
      error: 'refused',
      code: 2,
      message: 'access violation',
    });
    const writable = serve({ writable: true, writeOctetsMax: 3_000 });
    for (const upload of [pattern(3_000), pattern(1_024), new Uint8Array(0)]) {
      const file = `new${upload.length}`;
      expect(writable.world.transfer({ file, upload, blockOctets: 512, windowBlocks: 3 })).toMatchObject({ ok: true });
      expect(bytesEqual(writable.files.read(`/${file}`) as Uint8Array, upload)).toBe(true);
    }
    expect(writable.world.transfer({ file: 'small', upload: pattern(9) })).toMatchObject({ code: 6 });
    expect(writable.world.transfer({ file: 'huge', upload: pattern(3_001) })).toMatchObject({ code: 3 });
    expect(writable.world.transfer({ file: 'huge', upload: pattern(3_001), blockOctets: 'none' })).toMatchObject({ code: 3 });
    expect(writable.files.paths).not.toContain('/huge');
  });

  test('a request to everybody, packets that are none, and what is no request: silence', () => {
    const { world, service } = serve();
    const bound = world.client.udpBind({ address: CLIENT_AT, port: 0 });
    if (bound.ok) bound.value.sendTo({ address: IPV4_BROADCAST, port: 69 }, request('small|octet'));
    expect(raw(world, [fromHex('0004 0001'), fromHex('0009'), fromHex('00')]).replies).toEqual([]);
    expect(service.inspect().labels).toEqual({ broadcast: 1, 'no-request': 1, 'bad-opcode': 1, truncated: 1 });
  });

  test('a stranger at the port of a transfer is told so, and disturbs nothing', () => {
    const { world, service } = serve();
    const { socket, replies } = raw(world, [request('even|octet')]);
    const port = replies[0]?.port as number;
    expect(raw(world, [fromHex('0004 0001')], port).replies.map(({ packet }) => packet)).toEqual([
      { type: 'error', code: 5, message: 'unknown transfer' },
    ]);
    for (const block of ['0001', '0002', '0003']) {
      socket.sendTo({ address: SERVER_AT, port }, fromHex(`0004${block}`));
      world.run(5);
    }
    expect(service.inspect()).toMatchObject({ ends: { done: 1 }, labels: { stranger: 1 } });
  });

  test('transfers are bounded; a request for one more, or the same again, waits in silence', () => {
    const { world, service } = serve({ transferCountMax: 1 });
    raw(world, [request('small|octet'), request('small|octet')]);
    expect(raw(world, [request('small|octet')]).replies).toEqual([]);
    expect(service.inspect()).toMatchObject({ transfers: 1, labels: { repeated: 1, busy: 1 } });
    world.run(10_000);
    expect(service.inspect()).toMatchObject({ transfers: 0, ends: { 'timed-out': 1 } });
  });
});

test('a client that leaves with an error ends the transfer', () => {
  const { world, service } = serve();
  const { socket, replies } = raw(world, [request('even|octet')]);
  socket.sendTo({ address: SERVER_AT, port: replies[0]?.port as number }, fromHex('0005 0000 6e6f00'));
  world.run(10);
  expect(service.inspect()).toMatchObject({ transfers: 0, ends: { 'peer-error': 1 } });
});

test('property: whatever is lost on the way, a transfer is exact, or times out', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat({ max: 6_000 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      (seed, length, windowBlocks, isUpload) => {
        let count = 0;
        const loses = (_: Datagram): boolean => Math.imul(++count + seed, 0x9e3779b1) >>> 24 < 50;
        const bytes = pattern(length, seed);
        const world = new ServiceWorld({ latencyMs: 1, loses });
        const { files } = serve({ writable: true, files: new MemoryFiles({ '/f': bytes }), retryCountMax: 12 }, world);
        const terms = { blockOctets: 512, windowBlocks, retryCountMax: 12 };
        const result = world.transfer(isUpload ? { file: 'new', upload: bytes, ...terms } : { file: 'f', ...terms });
        expect(result.ok && bytesEqual(result.bytes, bytes)).toBe(true);
        expect(files.paths).not.toContain('/none');
      },
    ),
    { numRuns: runs(6) },
  );
});

test('property: any packets at all do no harm', () => {
  const packet = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 12 }))
      .map(([opcode, rest]) => Uint8Array.of(0, opcode, ...rest)),
    fc.constantFrom(request('small|octet'), request('x|octet|tsize|5', 2)),
  );
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 12 }), (packets) => {
      const { world, service } = serve({ writable: true, transferCountMax: 3 });
      raw(world, packets);
      world.run(20_000);
      expect(service.inspect().transfers).toBe(0);
      expect(world.transfer({ file: 'small' })).toMatchObject({ ok: true });
    }),
    { numRuns: runs(7) },
  );
});
