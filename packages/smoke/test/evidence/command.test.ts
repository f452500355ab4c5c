import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli } from '../../src/index.js';
import { recordRun } from '../support/recorded-run.js';
import { filesOfRun } from './support/sealed-run.js';

const base = mkdtempSync(join(tmpdir(), 'nexus-evidence-test-'));
afterAll(() => rmSync(base, { recursive: true }));

const DHCP = { environment: { REQUIRE_QEMU_DHCP: '1' } };
const at = (name: string): string => join(base, name);

function folder(name: string, files: ReturnType<typeof filesOfRun>): string {
  mkdirSync(at(name));
  for (const file of files) writeFileSync(join(at(name), file.name), file.bytes);
  return at(name);
}

async function evidence(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await cli({
    arguments: ['evidence', ...words],
    environment: {},
    print: (line) => out.push(line),
    printError: (line) => err.push(line),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const run = folder('run', filesOfRun(recordRun(DHCP)));
const other = folder('other', filesOfRun(recordRun({ ...DHCP, dhcpServer: false })));
const forged = folder('forged', filesOfRun(recordRun(DHCP), { durationMs: 1 }));

beforeAll(async () => {
  expect(await evidence('keygen', '-o', at('key'))).toMatchObject({
    code: 0,
    out: expect.stringMatching(/sha256:[0-9a-f]{64}$/),
  });
  await evidence('keygen', '-o', at('key2'));
  expect(await evidence('seal', run, '--key', at('key'), '-o', at('signed'), '--purpose', 'commit 1')).toMatchObject({ code: 0 });
  expect(await evidence('seal', run)).toMatchObject({ code: 0, out: expect.stringContaining('signed  by nobody') });
});

describe('seal and verify', () => {
  test('without -o the sealed file stands beside the run', () => {
    expect(statSync(`${run}.sealed.tar`).size).toBeGreaterThan(1_000);
  });

  test('only the owner may read the key, and a key is never written over', async () => {
    expect(statSync(at('key')).mode & 0o777).toBe(0o600);
    expect(await evidence('keygen', '-o', at('key'))).toMatchObject({ code: 74, err: expect.stringContaining('EEXIST') });
  });

  test.each<[string, () => readonly string[], number, string]>([
    [
      'signed by the key that is trusted',
      () => [at('signed'), '--public-key', at('key.pub')],
      0,
      'the key is the one that was given',
    ],
    ['signed, and no key given', () => [at('signed')], 0, 'not asked'],
    ['signed by another key', () => [at('signed'), '--public-key', at('key2.pub')], 11, 'NOT THE KEY THAT WAS GIVEN'],
    ['not signed, and a key given', () => [`${run}.sealed.tar`, '--public-key', at('key.pub')], 11, 'NONE: it is not signed'],
    ['not signed', () => [`${run}.sealed.tar`], 0, 'signed   by nobody'],
    ['for the purpose', () => [at('signed'), '--purpose', 'commit 1'], 0, 'purpose  commit 1'],
    ['for another purpose', () => [at('signed'), '--purpose', 'commit 2'], 11, 'NOT THE ONE THAT WAS ASKED FOR'],
    ['with another root', () => [at('signed'), '--root', '0'.repeat(64)], 10, 'was asked for'],
  ])('%s', async (_what, words, code, sentence) => {
    const { code: found, out } = await evidence('verify', ...words());
    expect([found, out]).toEqual([code, expect.stringContaining(sentence)]);
  });

  test('--root of the file itself is right', async () => {
    const { root } = JSON.parse((await evidence('verify', at('signed'), '--json')).out);
    expect(await evidence('verify', at('signed'), '--root', root)).toMatchObject({ code: 0 });
  });

  test('altered, with the place', async () => {
    const bytes = readFileSync(at('signed'));
    bytes.write('DHCP', bytes.indexOf('dhcp bound'));
    writeFileSync(at('changed'), bytes);
    expect(await evidence('verify', at('changed'), '--public-key', at('key.pub'))).toMatchObject({
      code: 10,
      out: expect.stringMatching(/^ALTERED\n {2}run\/\S+: lines? \d+/),
    });
    expect(await evidence('diff', at('changed'), run)).toMatchObject({ code: 10, err: expect.stringContaining('is altered') });
  });

  test('edited before it was sealed: intact, and the verdict does not follow', async () => {
    await evidence('seal', forged, '-o', at('forged.tar'), '--key', at('key'));
    expect(await evidence('verify', at('forged.tar'), '--public-key', at('key.pub'))).toMatchObject({
      code: 1,
      out: expect.stringContaining('DOES NOT FOLLOW FROM THE EVIDENCE'),
    });
  });

  test('a run that failed is as good evidence as one that passed', async () => {
    await evidence('seal', other, '-o', at('failed.tar'));
    const { code, out } = await evidence('verify', at('failed.tar'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'nexus-net/evidence-verification/1',
      state: 'intact',
      signature: 'not-asked',
      sealedVerdict: { outcome: 'failed', cause: 'no-dhcp-offer' },
      verdict: { state: 'follows' },
    });
  });
});

describe('a secret', () => {
  const files = filesOfRun(recordRun(DHCP)).map((file) =>
    file.name === 'uart.log'
      ? { ...file, bytes: new TextEncoder().encode(`${new TextDecoder().decode(file.bytes)}password=hunter22\n`) }
      : file,
  );
  const leaking = folder('leaking', files);

  test('is not sealed, and not printed', async () => {
    const { code, out, err } = await evidence('seal', leaking, '-o', at('leak.tar'));
    expect([code, out]).toEqual([12, '']);
    expect(err).toMatch(/uart\.log, line \d+, column 1: password/);
    expect(err).not.toContain('hunter');
    expect(() => statSync(at('leak.tar'))).toThrow('ENOENT');
  });

  test('is sealed where its kind is allowed, and the sealed file says so', async () => {
    expect(await evidence('seal', leaking, '-o', at('leak.tar'), '--allow', 'token')).toMatchObject({ code: 12 });
    expect(await evidence('seal', leaking, '-o', at('leak.tar'), '--allow', 'password')).toMatchObject({ code: 0 });
    expect(await evidence('verify', at('leak.tar'))).toMatchObject({
      out: expect.stringContaining('allowed when it was sealed: password'),
    });
  });
});

describe('diff', () => {
  test('a run and its sealed file are the same', async () => {
    expect(await evidence('diff', run, at('signed'), '--threshold', '0')).toMatchObject({
      code: 0,
      out: expect.stringContaining('show the same'),
    });
  });

  test('two that differ, as text and as JSON', async () => {
    const { code, out } = await evidence('diff', at('signed'), other);
    expect([code, out]).toEqual([1, expect.stringMatching(/- guest: net: dhcp bound .*\(missing, 3\)/)]);
    expect(JSON.parse((await evidence('diff', run, other, '--json')).out)).toMatchObject({
      schema: 'nexus-net/evidence-diff/1',
      same: false,
    });
  });
});

describe('refused with one sentence', () => {
  const odd = folder('odd', filesOfRun(recordRun(DHCP)));
  symlinkSync('/etc/passwd', join(odd, 'more.log'));
  const empty = folder('empty', []);
  writeFileSync(at('text'), 'no tar');
  test.each<[readonly string[], number, string]>([
    [[], 2, 'evidence is seal, verify, diff or keygen'],
    [['seal'], 2, 'takes the folder of one run'],
    [['seal', run, '--allow', 'all'], 2, '--allow is one of'],
    [['seal', run, '--key', at('key.pub')], 2, 'is not an Ed25519 private key'],
    [['seal', run, '--key', at('absent')], 7, 'ENOENT'],
    [['seal', run, '-o', at('absent/x')], 74, 'ENOENT'],
    [['seal', at('absent')], 7, 'ENOENT'],
    [['seal', odd], 7, 'not a plain file'],
    [['seal', empty], 7, 'there is no verdict.json'],
    [['verify'], 2, 'takes one sealed file'],
    [['verify', at('absent')], 7, 'ENOENT'],
    [['verify', at('signed'), '--root', 'x'], 2, '64 hexadecimal digits'],
    [['verify', at('signed'), '--public-key', at('key')], 2, 'this is a private key'],
    [['diff', run], 2, 'takes two runs'],
    [['diff', run, run, '--threshold', '-1'], 2, 'threshold'],
    [['diff', run, empty], 7, 'there is no verdict.json'],
    [['keygen'], 2, 'takes -o FILE'],
  ])('%j', async (words, code, sentence) => {
    const result = await evidence(...words);
    expect([result.code, result.out, result.err]).toEqual([code, '', expect.stringContaining(sentence)]);
  });

  test('a file of anybody is altered', async () => {
    expect(await evidence('verify', at('text'))).toMatchObject({
      code: 10,
      out: expect.stringContaining('archive: octet 6: truncated'),
    });
  });
});
