import {
  ETHERTYPE,
  encodeEthernet,
  encodeIpv4,
  encodePcapng,
  encodeTcp,
  encodeUdp,
  IP_PROTOCOL,
  type TcpFlags,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { withhold } from '../../src/evidence/withheld.js';
import {
  type ArchiveFile,
  GUEST_PLACE,
  NEXUS,
  readRequest,
  SECRET_KINDS,
  type SecretFinding,
  scanForSecrets,
} from '../../src/index.js';
import { recordRun } from '../support/recorded-run.js';
import { filesOfRun } from './support/sealed-run.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const log = (value: string, name = 'uart.log'): readonly ArchiveFile[] => [{ name, bytes: text(value) }];
const kinds = (files: readonly ArchiveFile[]): readonly string[] => [...new Set(scanForSecrets(files).map(({ kind }) => kind))];

// Written in halves, so that no scan of this repository takes them for real.
const PEM = (what: string): string => `-----BEGIN ${what}PRIVATE KEY-----`;
const BASE64 = 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v'; // 43 characters
const SEED = '0123456789abcdef'.repeat(4);

describe('planted secrets are found', () => {
  test.each<[string, string]>([
    [PEM(''), 'private-key'],
    [PEM('RSA '), 'private-key'],
    [PEM('OPENSSH '), 'private-key'],
    [PEM('ENCRYPTED '), 'private-key'],
    [`x${Buffer.from(`${PEM('')}\n`).toString('base64')}`, 'private-key'],
    [Buffer.from(`${PEM('OPENSSH ')}\n`).toString('base64'), 'private-key'],
    [Buffer.from(`${PEM('EC ')}\n`).toString('base64'), 'private-key'],
    ['PuTTY-User-Key-File-3: ssh-ed25519', 'private-key'],
    [`AGE-SECRET-KEY-1${'Q'.repeat(58)}`, 'private-key'],
    [`{"kty":"OKP","crv":"Ed25519","d":"${BASE64}"}`, 'private-key'],
    [`{\\"d\\": \\"${BASE64}\\"}`, 'private-key'],
    [`ghp_${'a1'.repeat(18)}`, 'token'],
    [`github_pat_${'a1'.repeat(30)}`, 'token'],
    [`glpat-${'a1'.repeat(10)}`, 'token'],
    [`AKIA${'A1'.repeat(8)}`, 'token'],
    [`xoxb-${'12'.repeat(8)}`, 'token'],
    [`npm_${'a1'.repeat(18)}`, 'token'],
    [`AIza${'a1'.repeat(17)}b`, 'token'],
    [`sk_live_${'a1'.repeat(10)}`, 'token'],
    [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${'a1'.repeat(12)}`, 'token'],
    [`Authorization: Bearer ${'a1'.repeat(10)}`, 'token'],
    ['Authorization: Basic dXNlcjpzZWNyZXQ=', 'password'],
    ['https://user:hunter22@example.org/', 'password'],
    ['password=hunter22', 'password'],
    ['{"password": "hunter22"}', 'password'],
    ['{\\"passwd\\":\\"hunter22\\"}', 'password'],
    ['passphrase: hunter22', 'password'],
    ['&quot;password&quot;: &quot;hunter22&quot;', 'password'],
    [`API_KEY=${'a1'.repeat(10)}`, 'named-secret'],
    [`"client_secret":"${'a1'.repeat(10)}"`, 'named-secret'],
    [`AWS_SECRET_ACCESS_KEY=${'a1/+'.repeat(10)}`, 'named-secret'],
    [`{"seed":"${SEED}"}`, 'run-secret'],
    [`{\\"seed\\":\\"${SEED}\\"}`, 'run-secret'],
  ])('%s', (secret, kind) => {
    for (const name of ['uart.log', 'events.ndjson', 'report.html', 'kernel.log', 'verdict.json'])
      expect(kinds(log(`first line\nbefore ${secret} behind\n`, name))).toContain(kind);
  });

  test('with the place, and without the secret', () => {
    const findings = scanForSecrets(log('one\ntwo password=hunter22\n'));
    expect(findings).toEqual<SecretFinding[]>([{ kind: 'password', file: 'uart.log', place: 'line 2, column 5' }]);
    expect(JSON.stringify(findings)).not.toContain('hunter');
  });

  test('on the boundary of two windows of the search', () => {
    const bytes = new Uint8Array(2 ** 19).fill(0x2e);
    for (const at of [2 ** 18 - 8_192 - 10, 2 ** 18 - 10, 2 ** 19 - 100]) bytes.set(text(' password=hunter22 '), at);
    expect(scanForSecrets([{ name: 'uart.log', bytes }])).toHaveLength(3);
  });
});

describe('what is none is not found', () => {
  test.each([
    'Password: ',
    'password:\nnext line',
    'password=********',
    'password=<withheld>',
    '"password": null',
    'token=withheld:sha256:00',
    `sha256 ${SEED}`,
    `"xid":"${SEED}"`,
    `"seed":"${withhold(SEED)}"`,
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----',
    'http://example.org:8080/a@b',
    'dsoftbusd: auth ok',
    'SELFTEST: device key pubkey ok',
  ])('%s', (harmless) => {
    expect(scanForSecrets(log(`${harmless}\n`))).toEqual([]);
  });

  test.each([
    ['smoke', {}],
    ['dhcp-strict', { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' }],
    ['dsoftbus', { REQUIRE_DSOFTBUS: '1' }],
  ])('a whole run: %s', (_name, environment) => {
    expect(scanForSecrets(filesOfRun(recordRun({ environment })))).toEqual([]);
  });

  test('hostile text takes no longer than its length', () => {
    for (const piece of ['eyJ', 'token', 'password=', '"d":"', 'a://b:', '-----BEGIN A ', 'authorization: bearer ', "\\'"]) {
      const bytes = text(piece.repeat(Math.ceil(60_000 / piece.length)));
      const started = performance.now();
      scanForSecrets([{ name: 'uart.log', bytes }]);
      expect([piece, performance.now() - started < 1_000]).toEqual([piece, true]);
    }
  });
});

describe('in a capture', () => {
  const link = { source: GUEST_PLACE.mac, destination: GUEST_PLACE.mac };
  const ip = { source: GUEST_PLACE.address, destination: GUEST_PLACE.gateway };

  function frame(
    payload: Uint8Array,
    protocol: number,
    fragment: { readonly at?: number; readonly more?: boolean } = {},
  ): Uint8Array {
    const { at: fragmentOffset = 0, more: moreFragments = false } = fragment;
    const packet = encodeIpv4({ ...ip, protocol, payload, identification: 7, fragmentOffset, moreFragments });
    return encodeEthernet({ ...link, etherType: ETHERTYPE.ipv4, payload: packet });
  }

  function segment(sequence: number, payload: string, flags: Partial<TcpFlags> = { ack: true }): Uint8Array {
    const none = { fin: false, syn: false, rst: false, psh: false, ack: false, urg: false, ece: false, cwr: false };
    const tcp = {
      sourcePort: 4_000,
      destinationPort: 80,
      sequence,
      acknowledgment: 0,
      flags: { ...none, ...flags },
      window: 1_000,
      urgentPointer: 0,
      options: [],
      payload: text(payload),
    };
    return frame(encodeTcp(tcp, ip), IP_PROTOCOL.tcp);
  }

  function capture(frames: readonly Uint8Array[], comment?: string): ArchiveFile {
    const packets = frames.map((bytes, i) => ({
      interfaceId: 0,
      timestampNs: BigInt(i),
      bytes,
      originalLength: bytes.length,
      ...(comment !== undefined && { comment }),
    }));
    return { name: 'wire.pcapng', bytes: encodePcapng({ interfaces: [{ linkType: 1, name: 'wire' }], packets }) };
  }

  const udp = (payload: Uint8Array): Uint8Array => encodeUdp({ sourcePort: 1, destinationPort: 2, payload }, ip);

  test('in one frame', () => {
    const found = scanForSecrets([
      capture([frame(udp(text('nothing')), IP_PROTOCOL.udp), frame(udp(text('password=hunter22')), IP_PROTOCOL.udp)]),
    ]);
    expect(found).toEqual([{ kind: 'password', file: 'wire.pcapng', place: 'frame 2' }]);
  });

  test('across two segments of a TCP connection that come in another order', () => {
    const split = [segment(9, '', { syn: true }), segment(24, 'd=hunter22\r\n'), segment(10, 'POST / passwor')];
    expect(scanForSecrets([capture(split)])).toEqual([
      { kind: 'password', file: 'wire.pcapng', place: 'frames 2–3 (TCP stream)' },
    ]);
  });

  test('across the fragments of a datagram', () => {
    const datagram = udp(text(`${'.'.repeat(60)} password=hunter22`));
    const [first, second] = [datagram.subarray(0, 72), datagram.subarray(72)];
    const frames = [frame(first, IP_PROTOCOL.udp, { more: true }), frame(second, IP_PROTOCOL.udp, { at: 72 })];
    expect(scanForSecrets([capture(frames)])).toEqual([
      { kind: 'password', file: 'wire.pcapng', place: 'frame 2 (the datagram that it makes whole)' },
    ]);
  });

  test('in a comment', () => {
    expect(kinds([capture([frame(udp(text('x')), IP_PROTOCOL.udp)], 'password=hunter22')])).toEqual(['password']);
  });

  describe('the seed that the run withholds is recognised wherever else it is', () => {
    const events: ArchiveFile = { name: 'events.ndjson', bytes: text(`{"text":"\\"seed\\":\\"${withhold(SEED)}\\""}\n`) };
    test.each<[string, ArchiveFile, string]>([
      ['as octets in a frame', capture([frame(udp(Uint8Array.from(Buffer.from(SEED, 'hex'))), IP_PROTOCOL.udp)]), 'frame 1'],
      ['as text in a frame', capture([frame(udp(text(SEED)), IP_PROTOCOL.udp)]), 'frame 1'],
      ['on the console', { name: 'uart.log', bytes: text(`x\nkey ${SEED.toUpperCase()}\n`) }, 'line 2, column 5'],
    ])('%s', (_what, file, place) => {
      expect(scanForSecrets([events, file])).toEqual([{ kind: 'run-secret', file: file.name, place }]);
      expect(scanForSecrets([file])).toEqual([]); // without its hash it is a number among others
    });

    test('across two segments', () => {
      const frames = [segment(9, '', { syn: true }), segment(10, SEED.slice(0, 30)), segment(40, SEED.slice(30))];
      expect(scanForSecrets([events, capture(frames)])).toMatchObject([{ kind: 'run-secret', place: 'frames 2–3 (TCP stream)' }]);
    });
  });
});

test('the seed that is typed to the guest does not stand in the record of its run', () => {
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
  const { profile } = readRequest({}, { guest: NEXUS, dhcpServer: true });
  const [step] = NEXUS.script(profile, GUEST_PLACE, seed);
  const hex = Buffer.from(seed).toString('hex');
  expect(step?.type).toContain(hex);
  expect(step?.secrets).toEqual([hex]);
  expect(recordRun().events).toMatch(/\\"seed\\":\\"withheld:sha256:[0-9a-f]{64}\\"/);
});

test('every kind has a planted example above', () => {
  expect(SECRET_KINDS).toEqual(['private-key', 'token', 'password', 'named-secret', 'run-secret']);
});
