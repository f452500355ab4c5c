import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { ipv4, parseMac } from '@nexus-net/sansio';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import {
  type Capture,
  type CapturedPacket,
  decodeCapture,
  detectVnetHeader,
  encodePcap,
  encodePcapng,
  encodeUdpFrame,
  type PacketToWrite,
} from '../src/index.js';

/** Ends the test by name where a program is not installed. */
function needs(context: TestContext, ...programs: readonly string[]): void {
  for (const program of programs)
    if (spawnSync(program, ['--version']).error !== undefined) context.skip(`${program} is not installed`);
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(joinPath(tmpdir(), 'nexus-capture-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = joinPath(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** What tshark says of each packet. */
function tshark(path: string): Record<string, string>[] {
  const fields = ['time_epoch', 'cap_len', 'len', 'interface_id', 'interface_name', 'packet_flags', 'comment'];
  const args = [
    '-r',
    path,
    '-T',
    'fields',
    '-E',
    'separator=/t',
    '-E',
    'aggregator=/s',
    ...fields.flatMap((name) => ['-e', `frame.${name}`]),
  ];
  const { stdout } = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 28 }); // its status is 2 for cut files
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Object.fromEntries(line.split('\t').map((value, i) => [fields[i], value])));
}

function seconds({ timestampNs }: CapturedPacket): string {
  return `${timestampNs / 1_000_000_000n}.${String(timestampNs % 1_000_000_000n).padStart(9, '0')}`;
}

const FRAME = encodeUdpFrame({
  link: { source: parseMac('52:54:00:12:34:56'), destination: parseMac('52:55:0a:00:02:02') },
  datagram: {
    source: { address: ipv4(10, 0, 2, 15), port: 40_000 },
    destination: { address: ipv4(10, 0, 2, 2), port: 7 },
    payload: Uint8Array.of(1, 2, 3),
  },
});
const PACKETS: readonly PacketToWrite[] = [
  { timestampNs: 1_700_000_000_123_456_789n, bytes: FRAME, comment: 'the first one' },
  { at: 1_700_000_001_000.5, bytes: FRAME.subarray(0, 42), originalLength: FRAME.length, flags: 1 },
  { timestampNs: 1_700_000_002_000_000_001n, bytes: FRAME, comment: 'größer – 測試' },
];

describe('other programs read what we write', () => {
  test('tshark: pcapng with interfaces, nanoseconds, comments, flags', (context) => {
    needs(context, 'tshark');
    const interfaces = [{ name: 'guest', description: 'port of the guest' }, { name: 'gateway' }];
    const packets = PACKETS.map((packet, i) => ({ ...packet, interfaceId: i % 2 }));
    const rows = tshark(file('ours.pcapng', encodePcapng({ application: 'nexus-net', interfaces, packets })));
    expect(rows).toMatchObject([
      { time_epoch: '1700000000.123456789', cap_len: '45', len: '45', interface_name: 'guest', comment: 'the first one' },
      { time_epoch: '1700000001.000500000', cap_len: '42', len: '45', interface_name: 'gateway', packet_flags: '0x00000001' },
      { time_epoch: '1700000002.000000001', interface_id: '0', comment: 'größer – 測試' },
    ]);
  });

  test('tshark and tcpdump: pcap with nanoseconds', (context) => {
    needs(context, 'tshark', 'tcpdump');
    const path = file('ours.pcap', encodePcap({ packets: PACKETS }));
    expect(tshark(path).map((row) => row['time_epoch'])).toEqual([
      '1700000000.123456789',
      '1700000001.000500000',
      '1700000002.000000001',
    ]);
    const lines = execFileSync('tcpdump', ['-n', '-tt', '--nano', '-r', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(lines.trim().split('\n')).toHaveLength(3);
    expect(lines).toContain('1700000000.123456789 IP 10.0.2.15.40000 > 10.0.2.2.7: UDP, length 3');
  });

  test('capinfos and tcpdump: pcapng', (context) => {
    needs(context, 'capinfos', 'tcpdump');
    const path = file('counted.pcapng', encodePcapng({ application: 'nexus-net', interfaces: [{}], packets: PACKETS }));
    const told = execFileSync('capinfos', ['-M', '-A', path], { encoding: 'utf8' });
    expect(told).toMatch(/Number of packets:\s+3\n/);
    expect(told).toMatch(/Capture application:\s+nexus-net\n/);
    const lines = execFileSync('tcpdump', ['-n', '-r', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(lines.trim().split('\n')).toHaveLength(3);
  });

  test('a file that is cut off: tshark stops where we stop', (context) => {
    needs(context, 'tshark');
    for (const whole of [encodePcap({ packets: PACKETS }), encodePcapng({ interfaces: [{}], packets: PACKETS })]) {
      const cut = whole.subarray(0, whole.length - 5);
      const ours = decodeCapture(cut);
      expect(ours).toMatchObject({ ok: true, value: { packets: { length: 2 }, end: { error: 'truncated', afterPacket: 2 } } });
      expect(tshark(file('cut', cut))).toHaveLength(2);
    }
  });
});

describe('we read what other programs write', () => {
  test.for(['pcap', 'nsecpcap', 'pcapng'])('editcap: %s', (format, context) => {
    needs(context, 'editcap');
    const source = file('source.pcapng', encodePcapng({ interfaces: [{}], packets: PACKETS }));
    const path = joinPath(folder, `converted.${format}`);
    execFileSync('editcap', ['-F', format, '-a', '2:added by editcap', source, path]);
    const result = decodeCapture(Uint8Array.from(readFileSync(path)));
    expect(result).toMatchObject({ ok: true });
    const { packets } = (result as { readonly value: Capture }).value;
    expect(packets.map(seconds)).toEqual(tshark(path).map((row) => row['time_epoch']));
    expect(packets[1]?.comment).toBe(format === 'pcapng' ? 'added by editcap' : undefined);
  });
});

describe('captures of other projects', () => {
  const root = joinPath(process.env['NEXUS_VECTORS'] ?? '../shared/vectors', 'public/pcap');

  test('all are read; counts are those of capinfos, none has a virtio-net header; a sample is packet for packet as tshark has it', (context) => {
    if (!existsSync(root)) context.skip(`${root} is not there`);
    needs(context, 'capinfos', 'tshark');
    const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.pcap(ng)?$/.test(path))
      .sort()
      .map((path) => joinPath(root, path));
    expect(paths.length).toBeGreaterThan(0);
    const captures = paths.map((path) => decodeCapture(Uint8Array.from(readFileSync(path))));
    const counts = captures.map((result) => (result.ok ? result.value.packets.length : -1));
    const table = execFileSync('capinfos', ['-T', '-r', '-B', '-M', '-c', ...paths], { encoding: 'utf8', maxBuffer: 1 << 26 });
    expect(table.trim().split('\n')).toEqual(paths.map((path, i) => `${path}\t${counts[i]}`));
    const packetsOf = (i: number): readonly CapturedPacket[] => (captures[i] as { readonly value: Capture }).value.packets;
    expect(paths.filter((_, i) => detectVnetHeader(packetsOf(i)) !== 0)).toEqual([]);
    // A tshark for each file takes minutes: one in fifteen.
    for (let i = 0; i < paths.length; i += 15)
      expect([paths[i], packetsOf(i).map(ours)]).toEqual([paths[i], tshark(paths[i] as string).map(theirs)]);
  });
});

function ours(packet: CapturedPacket): readonly (string | undefined)[] {
  // tshark reads lengths from 2^31 as 2^31-1.
  return [seconds(packet), String(packet.bytes.length), String(Math.min(packet.originalLength, 0x7fff_ffff))];
}

function theirs(row: Record<string, string>): readonly (string | undefined)[] {
  return [row['time_epoch'], row['cap_len'], row['len']];
}
