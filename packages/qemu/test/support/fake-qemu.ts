import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a program that takes QEMU's arguments and behaves like it on its channels: QMP greets and obeys `quit`, each cable
 * and each UART sends back what it gets, a cable first says `up`. With `-cpu stubborn` it obeys neither `quit` nor SIGTERM.
 */
export async function writeFakeQemu(directory: string): Promise<string> {
  const path = join(directory, 'fake-qemu');
  await writeFile(path, `#!${process.execPath}\n${PROGRAM}`, { mode: 0o755 });
  return path;
}

/** Writes a program that only runs these lines of shell. */
export async function writeScript(directory: string, lines: string): Promise<string> {
  const path = join(directory, 'script');
  await writeFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  return path;
}

const PROGRAM = `
const { Socket, connect } = require('node:net');
const args = process.argv.slice(2);
const after = (option) => args.flatMap((arg, i) => (args[i - 1] === option ? [arg] : []));
const field = (text, key) => new RegExp('(?:^|,)' + key + '=([^,]*)').exec(text)?.[1];
const stubborn = after('-cpu').includes('stubborn');
if (stubborn) process.on('SIGTERM', () => {});
for (const netdev of after('-netdev').filter((text) => text.startsWith('stream'))) {
  const path = field(netdev, 'addr.path');
  const cable = path === undefined ? new Socket({ fd: Number(field(netdev, 'addr.str')) }) : connect(path);
  cable.on('error', () => {});
  cable.write(Buffer.from([0, 0, 0, 2, 117, 112]));
  cable.on('data', (bytes) => cable.write(bytes));
}
for (const chardev of after('-chardev')) {
  if (chardev.startsWith('stdio')) process.stdin.pipe(process.stdout);
  const channel = chardev.startsWith('socket') ? new Socket({ fd: Number(field(chardev, 'fd')) }) : undefined;
  channel?.on('error', () => {});
  if (field(chardev, 'id') !== 'qmp') channel?.on('data', (bytes) => channel.write(bytes));
  else qmp(channel);
}
function qmp(channel) {
  const say = (message) => channel.write(JSON.stringify(message) + '\\r\\n');
  say({ QMP: { version: { qemu: { major: 9, minor: 1, micro: 2 }, package: 'fake' }, capabilities: [] } });
  let text = '';
  channel.on('data', (bytes) => {
    const lines = (text += bytes).split('\\n');
    text = lines.pop();
    for (const { execute, arguments: given, id } of lines.map(JSON.parse)) {
      if (execute === 'quit' && !stubborn) {
        say({ event: 'SHUTDOWN', data: { guest: false, reason: 'host-qmp-quit' }, timestamp: { seconds: 1, microseconds: 0 } });
        say({ return: {}, id });
        setImmediate(() => process.exit(0));
      } else if (execute === 'quit') continue;
      else if (execute === 'qmp_capabilities') say({ return: {}, id });
      else if (execute === 'echo' || execute === 'set_link') say({ return: given, id });
      else say({ error: { class: 'CommandNotFound', desc: execute + ' has not been found' }, id });
    }
  });
}
`;
