import { bytesEqual } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import { rootOf } from '../../src/evidence/hash-tree.js';
import { signRoot } from '../../src/evidence/keys.js';
import { encodeLeaves } from '../../src/evidence/leaves-file.js';
import { sealedLeaves } from '../../src/evidence/seal.js';
import { encodeSealRecord } from '../../src/evidence/seal-record.js';
import {
  type ArchiveFile,
  decodeArchive,
  encodeArchive,
  examine,
  exitOf,
  fingerprintOf,
  GUESTS,
  readPrivateKey,
  readPublicKey,
  recompute,
  seal,
} from '../../src/index.js';
import { recordRun } from '../support/recorded-run.js';
import { filesOfRun, newKey, sealFiles, sealRun } from './support/sealed-run.js';

const DHCP = { environment: { REQUIRE_QEMU_DHCP: '1' } };
const key = newKey();
const recorded = recordRun(DHCP);
const files = filesOfRun(recorded);
const { bytes: SEALED, root } = sealFiles(files, key);

/** The files of the archive, changed and put together again as if nobody had to be asked. */
function rebuilt(change: (files: readonly ArchiveFile[]) => readonly ArchiveFile[]): Uint8Array {
  const decoded = decodeArchive(SEALED);
  if (!decoded.ok) throw new Error(decoded.error);
  return encodeArchive(change(decoded.files));
}

const replaced = (name: string, bytes: (old: Uint8Array) => Uint8Array): Uint8Array =>
  rebuilt((list) => list.map((file) => (file.name === name ? { name, bytes: bytes(file.bytes) } : file)));

describe('a run that nobody touched', () => {
  test('is intact, has its root, and is signed by the key that signed it', () => {
    expect(examine(SEALED)).toMatchObject({
      state: 'intact',
      root,
      signedBy: { fingerprint: fingerprintOf(key.publicKey) },
      manifest: { run: 'run-1', verdict: { outcome: 'passed', profile: 'dhcp' }, guest: 'nexus', absent: ['report.html'] },
    });
  });

  test('sealed twice gives the same octets, signed or not', () => {
    expect(bytesEqual(sealFiles(files, key).bytes, SEALED)).toBe(true);
    expect(bytesEqual(sealFiles(files).bytes, sealFiles(files).bytes)).toBe(true);
  });

  test('its verdict follows from its evidence', async () => {
    expect(await recompute(files, { guests: GUESTS })).toEqual({ state: 'follows' });
  });

  test.each<[string, Parameters<typeof recordRun>[0]]>([
    ['no DHCP server', { ...DHCP, dhcpServer: false }],
    ['a cable that is cut', { cut: 0 }],
    ['the bus', { environment: { REQUIRE_DSOFTBUS: '1' } }],
  ])('so does that of %s', async (_what, options) => {
    expect(await recompute(filesOfRun(recordRun(options)), { guests: GUESTS })).toEqual({ state: 'follows' });
  });
});

describe('whatever is altered is found', () => {
  test('property: a single octet, anywhere', () => {
    fc.assert(
      fc.property(fc.nat(SEALED.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = SEALED.slice();
        changed[at] = (changed[at] as number) ^ flip;
        expect(examine(changed).state).toBe('altered');
      }),
      { numRuns: runs(40) },
    );
  });

  test('property: an octet of each part of the file', () => {
    const decoded = decodeArchive(SEALED);
    if (!decoded.ok) throw new Error(decoded.error);
    for (const { name, bytes } of decoded.files)
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const changed = SEALED.slice();
        const place = bytes.byteOffset - SEALED.byteOffset + at;
        changed[place] = (changed[place] as number) ^ 0x20;
        expect([name, at, examine(changed).state]).toEqual([name, at, 'altered']);
      }
  });

  test('property: the end cut off, anywhere, and anything behind it', () => {
    fc.assert(
      fc.property(fc.nat(SEALED.length - 1), (length) => {
        expect(examine(SEALED.subarray(0, length)).state).toBe('altered');
      }),
      { numRuns: runs(40) },
    );
    expect(examine(Uint8Array.of(...SEALED, 0)).state).toBe('altered');
  });

  test.each<[string, Uint8Array, readonly { file: string; what: unknown }[]]>([
    [
      'a line of the events, with its place',
      replaced('run/events.ndjson', (old) =>
        new TextEncoder().encode(new TextDecoder().decode(old).replace('ping ok', 'ping OK')),
      ),
      [{ file: 'run/events.ndjson', what: expect.stringMatching(/^line \d+ \(octets \d+ to \d+\)$/) }],
    ],
    [
      'an octet of a frame, with its number',
      replaced('run/wire.pcapng', (old) => old.with(old.length - 40, 0xee)),
      [{ file: 'run/wire.pcapng', what: expect.stringMatching(/^frame \d+ \(octets \d+ to \d+\)$/) }],
    ],
    [
      'a file that is gone',
      rebuilt((list) => list.filter(({ name }) => name !== 'run/uart.log')),
      [{ file: 'run/uart.log', what: 'it was sealed and is gone' }],
    ],
    [
      'a file put in',
      rebuilt((list) => list.toSpliced(2, 0, { name: 'run/more.log', bytes: new Uint8Array(1) })),
      [{ file: 'run/more.log', what: 'it was not sealed and is there' }],
    ],
    [
      'two files in another order',
      rebuilt((list) => list.with(1, list[2] as ArchiveFile).with(2, list[1] as ArchiveFile)),
      [{ file: 'archive', what: 'the files are in another order than sealed' }],
    ],
    [
      'the octets of two files exchanged',
      rebuilt((list) =>
        list.map((file) => {
          const other = { 'run/uart.log': 'run/events.ndjson', 'run/events.ndjson': 'run/uart.log' }[file.name];
          return { name: file.name, bytes: list.find(({ name }) => name === other)?.bytes ?? file.bytes };
        }),
      ),
      [
        { file: 'run/events.ndjson', what: expect.any(String) },
        { file: 'run/uart.log', what: expect.any(String) },
      ],
    ],
    [
      'leaves that are made to fit',
      (() => {
        const other = sealRun({ environment: { REQUIRE_QEMU_DHCP: '1' }, seed: 2 }).bytes;
        const decoded = decodeArchive(other);
        if (!decoded.ok) throw new Error(decoded.error);
        return rebuilt((list) => [...decoded.files.slice(0, -1), list.at(-1) as ArchiveFile]);
      })(),
      [
        {
          file: 'seal.json',
          what: expect.stringMatching(/^the leaves make the root [0-9a-f]{64}, and [0-9a-f]{64} was sealed$/),
        },
      ],
    ],
    ['no seal at all', rebuilt((list) => list.slice(0, -1)), [{ file: 'archive', what: expect.any(String) }]],
    [
      'a record of the same meaning in other words',
      replaced('seal.json', (old) => new TextEncoder().encode(JSON.stringify(JSON.parse(new TextDecoder().decode(old))))),
      [{ file: 'seal.json', what: 'it is not the record of a seal' }],
    ],
  ])('%s', (_what, changed, alterations) => {
    expect(examine(changed)).toEqual({ state: 'altered', alterations });
  });

  test('property: octets of anybody are altered, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_500 }), (octets) => {
        expect(examine(Uint8Array.from(octets)).state).toBe('altered');
      }),
      { numRuns: runs(30) },
    );
  });
});

describe('signatures', () => {
  const sealOf = (bytes: Uint8Array): ArchiveFile => {
    const decoded = decodeArchive(bytes);
    if (!decoded.ok) throw new Error(decoded.error);
    return decoded.files.at(-1) as ArchiveFile;
  };

  test('one of another run is not one of this: a signature can’t be used again', () => {
    const other = sealOf(sealRun({ ...DHCP, seed: 2 }, key).bytes);
    expect(examine(replaced('seal.json', () => other.bytes))).toMatchObject({ state: 'altered' });
    const value = (text: string): string => /"value": "([0-9a-f]+)"/.exec(text)?.[1] as string;
    const foreign = value(new TextDecoder().decode(other.bytes));
    const changed = replaced('seal.json', (old) => {
      const text = new TextDecoder().decode(old);
      return new TextEncoder().encode(text.replace(value(text), foreign));
    });
    expect(examine(changed)).toEqual({
      state: 'altered',
      alterations: [{ file: 'seal.json', what: 'the signature is not one of this root by this key' }],
    });
  });

  test('the same signature under another key is none', () => {
    const mine = Buffer.from(key.publicKey).toString('hex');
    const theirs = Buffer.from(newKey().publicKey).toString('hex');
    const changed = replaced('seal.json', (old) => new TextEncoder().encode(new TextDecoder().decode(old).replace(mine, theirs)));
    expect(examine(changed).state).toBe('altered');
  });

  test('sealed anew by somebody else, it is intact, and signed by somebody else', () => {
    const other = newKey();
    const forged = filesOfRun(recorded, { outcome: 'passed', guest: 'u-boot' });
    expect(examine(sealFiles(forged, other).bytes)).toMatchObject({
      state: 'intact',
      signedBy: { fingerprint: fingerprintOf(other.publicKey) },
    });
  });

  test('nobody signed: that is said by the absence of a signer', () => {
    expect(examine(sealFiles(files).bytes)).not.toHaveProperty('signedBy');
  });

  test.each([
    ['', 'is not an Ed25519 private key'],
    ['-----BEGIN NONSENSE-----', 'is not an Ed25519 private key'],
    [key.publicPem, 'is not an Ed25519 private key'],
  ])('%j is no key to sign with', (pem, sentence) => {
    expect(() => readPrivateKey(pem, 'k')).toThrow(sentence);
  });

  test('a private key is not taken for a public one', () => {
    expect(() => readPublicKey(key.privatePem, 'k')).toThrow('this is a private key');
    expect(readPublicKey(key.publicPem, 'k')).toEqual(key.publicKey);
  });
});

describe('a verdict that was edited before it was sealed does not follow from the evidence', () => {
  const { failure: _failure, ...rest } = recordRun({ ...DHCP, dhcpServer: false }).verdict;
  const failed = recordRun({ ...DHCP, dhcpServer: false });
  test.each<[string, readonly ArchiveFile[], string]>([
    [
      'a failure called a pass',
      filesOfRun({ ...failed, verdict: { ...rest, outcome: 'passed' } }, { exit: 'passed' }),
      'outcome: the evidence says "failed"',
    ],
    ['another exit', filesOfRun(failed, { exit: 'passed' }), 'exit: the evidence says failed'],
    ['a marker more', filesOfRun(recorded, { markers: [...recorded.verdict.markers, recorded.verdict.markers[0]] }), 'markers: '],
    ['a faster run', filesOfRun(recorded, { durationMs: 1 }), 'durationMs: '],
    ['an unbacked marker kept silent', filesOfRun(recorded, { unbacked: [] }), 'unbacked: '],
    ['a fact that the capture has not', filesOfRun(recorded, { facts: recorded.facts.slice(1) }), 'facts: '],
    [
      'a fact of another address',
      filesOfRun(recorded, { facts: recorded.facts.map((fact) => ({ ...fact, mac: 'x' })) }),
      'facts: ',
    ],
  ])('%s', async (_what, edited, words) => {
    const result = await recompute(edited, { guests: GUESTS });
    expect(result).toEqual({ state: 'does-not-follow', differences: expect.arrayContaining([expect.stringContaining(words)]) });
  });

  test('a run without its capture can’t be judged, and no path of this machine is in the sentence', async () => {
    const result = await recompute(
      files.filter(({ name }) => name !== 'wire.pcapng'),
      { guests: GUESTS },
    );
    expect(result).toMatchObject({ state: 'not-judged', reason: expect.stringContaining('ENOENT') });
    expect(JSON.stringify(result)).not.toContain('nexus-evidence-');
  });

  test.each<[string, (manifest: string) => string, string]>([
    ['another outcome', (manifest) => manifest.replace('"exit": "passed"', '"exit": "failed"'), 'what they don’t say'],
    ['another command line', (manifest) => manifest.replace('console=ttyS1', 'console=ttyS0'), 'what they don’t say'],
    ['another spelling', (manifest) => `${manifest} `, 'what they don’t say'],
    ['a kind of secrets that is none', (manifest) => manifest.replace('"allowed": []', '"allowed": ["x"]'), 'no manifest'],
    ['nothing', () => '', 'no manifest'],
  ])('a manifest that says %s than its files, under a root and a signature that are right', (_what, change, sentence) => {
    const changed = rebuilt((list) => {
      const content = list.slice(0, -2);
      const text = new TextDecoder().decode(content[0]?.bytes);
      content[0] = { name: 'manifest.json', bytes: new TextEncoder().encode(change(text)) };
      const leaves = sealedLeaves(content);
      const top = rootOf(leaves);
      const signed = { publicKey: key.publicKey, signature: signRoot(top, key) };
      const seals = [encodeLeaves(leaves), encodeSealRecord({ root: top, signed })];
      return [...content, ...list.slice(-2).map(({ name }, i) => ({ name, bytes: seals[i] as Uint8Array }))];
    });
    const what = expect.stringContaining(sentence);
    expect(examine(changed)).toEqual({ state: 'altered', alterations: [{ file: 'manifest.json', what }] });
  });

  test('a run that is no run is refused', () => {
    expect(seal({ run: 'x', files: [], secrets: { allowed: [], found: [] } })).toContain('there is no verdict.json');
    const broken = [{ name: 'verdict.json', bytes: new TextEncoder().encode('{"failure":null}') }];
    expect(seal({ run: 'x', files: broken, secrets: { allowed: [], found: [] } })).toBe('verdict.json is no verdict');
    expect(exitOf(recorded.verdict)).toBe('passed');
  });
});
