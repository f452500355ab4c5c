// `npm run flakes -- [--runs N] [--boot cold|restored] [options of test-os]`: consecutive runs, every attempt kept, and how often
// one failed. The same set-up as `npm run test-os`, made once.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { CLI, DEFAULT_GUEST, setUpGuest, setUpImage, setUpNode } from './setup.mjs';

const { values, tokens } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '200' },
    boot: { type: 'string', default: 'cold' },
    guest: { type: 'string', default: DEFAULT_GUEST },
  },
  strict: false,
  tokens: true,
});
setUpNode();
setUpGuest(values.guest);
setUpImage(values.guest, values.boot);
// `--runs` is the number here; in test-os it is a folder.
const skipped = new Set(
  tokens.flatMap(({ kind, name, index, inlineValue }) =>
    kind === 'option' && name === 'runs' ? [index, ...(inlineValue ? [] : [index + 1])] : [],
  ),
);
const words = process.argv.slice(2).filter((_word, index) => !skipped.has(index));
const child = spawn(process.execPath, [CLI, 'test-os', '--repeat', values.runs, ...words], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
