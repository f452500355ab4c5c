import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { main } from '../conformance/main.js';
import { ROOT } from './support/packages.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-net-conformance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});

/** An ARP request: as good a frame as any. */
const ARP = Buffer.from('ffffffffffff020000000002080600010800060400010200000000020a0100020000000000000a010001', 'hex');

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

async function runAt(root: string, ...args: string[]): Promise<{ code: number; lines: string[]; complaints: string[] }> {
  const lines: string[] = [];
  const complaints: string[] = [];
  const code = await main(args, root, { print: (line) => lines.push(line), complain: (line) => complaints.push(line) });
  return { code, lines, complaints };
}

const run = (...args: string[]): ReturnType<typeof runAt> => runAt(ROOT, ...args);

test('files that pass, are not run, or are documents: exit 0', async () => {
  put('frame-corpus/arp.bin', ARP);
  put('ip-hostile/linux-reactions.json', '{}');
  put('README.md', 'words');
  const { code, lines } = await run(folder);
  expect(lines.slice(0, 4)).toEqual([
    '✓ frame-corpus/arp.bin: 2 passed',
    '- ip-hostile/linux-reactions.json: 0 passed, 1 not run',
    '    - not run: there are no reactions in it',
    '',
  ]);
  expect(code).toBe(0);
});

test('the same below folders named own and public', async () => {
  put('own/frame-corpus/arp.bin', ARP);
  expect((await run(folder)).lines[0]).toBe('✓ own/frame-corpus/arp.bin: 2 passed');
});

test('a file that fails: exit 1, and the problem is said', async () => {
  put('pcap/none.pcap', 'this is text');
  const { code, lines } = await run(folder);
  expect(lines.slice(0, 2)).toEqual([
    '✗ pcap/none.pcap: 0 passed, 1 FAILED',
    '    ✗ decodeFrames: this is no capture: neither pcap nor pcapng',
  ]);
  expect(code).toBe(1);
});

test.each([
  ['a name that no runner knows', 'odd/thing.xyz', 'x', 'not understood'],
  ['a known name with other content', 'dhcp/a--b--c.json', '[1, 2', 'SyntaxError'],
  [
    'a probe that nobody has thought of',
    'dhcp/CRAFTED-requests.json',
    '{"probes":[{"name":"new","servers":{}}]}',
    'no outcome is known',
  ],
  ['a file without a case', 'dhcp-hostile/cases.json', '{"cases":[]}', 'no case'],
])('%s: exit 1', async (_, path, content, problem) => {
  put(path, content);
  const { code, lines } = await run(folder);
  expect(lines.join('\n')).toContain(problem);
  expect(code).toBe(1);
});

test('--json gives one document', async () => {
  put('frame-corpus/arp.bin', ARP);
  const { code, lines } = await run('--json', folder);
  expect(JSON.parse(lines.join('\n'))).toMatchObject({
    schema: 'nexus-net/conformance/1',
    files: [{ file: 'frame-corpus/arp.bin', passed: 2, failed: [], notRun: [] }],
    totals: { files: 1, passed: 2, failed: 0, notRun: 0 },
  });
  expect(code).toBe(0);
});

test('no folder: the default one is named and nothing is wrong; a named one is an error, and so is an empty one', async () => {
  expect(await runAt(join(folder, 'deep/root'))).toEqual({
    code: 0,
    lines: ['no vectors: ../shared/vectors does not exist'],
    complaints: [],
  });
  const absent = join(folder, 'absent');
  expect(await run(absent)).toEqual({ code: 1, lines: [], complaints: [`no vectors: ${absent} does not exist`] });
  expect(await run(folder)).toMatchObject({ code: 1, complaints: [`no vectors: ${folder} holds no vector file`] });
  expect(await run('--loud')).toMatchObject({ code: 1, lines: [] });
});
