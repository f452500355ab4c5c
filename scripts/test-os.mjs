// `npm run test-os`: sets up what is missing, then boots the guest and judges it.
import { spawn } from 'node:child_process';
import { CLI, setUpGuest, setUpNode } from './setup.mjs';

setUpNode();
setUpGuest();
const child = spawn(process.execPath, [CLI, 'test-os', ...process.argv.slice(2)], { stdio: 'inherit' });
// Ctrl-C reaches the whole foreground group; a signal to npm alone has to be handed on.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
