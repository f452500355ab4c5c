// Sets up what is missing, then hands over to `nexus-net`.
import { spawn } from 'node:child_process';
import { CLI, DEFAULT_GUEST, setUpGuest, setUpGuestConfig, setUpImage, setUpNode } from './setup.mjs';

/** Runs a command of the harness with the words of our own command line, and ends as it ends. */
export function runHarness(command) {
  const guest = option('--guest') ?? DEFAULT_GUEST;
  setUpNode();
  const config = option('--guest-config');
  if (config !== undefined) setUpGuestConfig(config, option('--wire'));
  else {
    setUpGuest(guest, option('--wire'));
    setUpImage(guest, option('--boot'));
  }
  const child = spawn(process.execPath, [CLI, command, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches the whole foreground group; a signal to npm alone has to be handed on.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}

/** The value of an option of the harness that the set-up needs to know as well. */
function option(name) {
  const words = process.argv.slice(2);
  const joined = words.find((word) => word.startsWith(`${name}=`));
  return joined?.slice(name.length + 1) ?? (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
}
