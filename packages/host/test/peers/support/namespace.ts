import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

/**
 * A network namespace of our own: no interface, address or route of this machine is in it. Its name begins with the id of
 * this process, so that whoever finds one of a process that is gone may remove it (`scripts/setup-peers.mjs` does).
 *
 * Nothing here blocks: while one situation is set up, the machines of others live on the same event loop.
 */
export class Namespace {
  readonly name: string;
  readonly path: string;

  private constructor() {
    made += 1;
    this.name = `nexus-${process.pid}-${threadId}-${made}`;
    this.path = `/run/netns/${this.name}`;
  }

  static async make(): Promise<Namespace> {
    const namespace = new Namespace();
    await run('sh', ['-c', MAKE, 'sh', namespace.name]);
    return namespace;
  }

  /** Runs commands of `ip` inside of the namespace, one on a line; returns what they print. */
  ip(...commands: readonly string[]): Promise<string> {
    return run('ip', ['-n', this.name, '-batch', '-'], `${commands.join('\n')}\n`);
  }

  /** What `ip` shows of something, with its statistics, as JSON. */
  async show(...what: readonly string[]): Promise<unknown> {
    return JSON.parse(await run('ip', ['-n', this.name, '-json', '-stats', ...what]));
  }

  /** The IPv4 addresses of an interface, as `10.77.0.100/24`. */
  async addresses(device: string): Promise<readonly string[]> {
    const text = await run('ip', ['-n', this.name, '-4', '-o', 'addr', 'show', 'dev', device]);
    return text.split('\n').flatMap((line) => / inet (\S+)/.exec(line)?.[1] ?? []);
  }

  /** Ends what is left in the namespace, by pid, and removes it. Everything in it was started by us. */
  async remove(): Promise<void> {
    const pids = await run('ip', ['netns', 'pids', this.name]);
    for (const pid of pids.split('\n').filter((line) => /^\d+$/.test(line))) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    await run('ip', ['netns', 'del', this.name]);
  }
}

/** Without IPv6, which is absent from some kernels anyway: the captures are to hold what was asked for. */
const MAKE = `
ip netns add "$1" &&
ip -n "$1" link set lo up &&
ip netns exec "$1" sh -c '
  for each in all default; do
    path=/proc/sys/net/ipv6/conf/$each/disable_ipv6
    [ ! -e $path ] || echo 1 > $path
  done'`;

/** Folders that stand for the machine's own in the eyes of a peer: it writes where it is used to, and touches nothing. */
export class PeerFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    for (const folder of ['run/dhcpcd', 'run/kea', 'lib/dhcp', 'lib/dhcpcd', 'lib/kea', 'lib/misc'])
      mkdirSync(join(path, folder), { recursive: true });
    writeFileSync(join(path, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  }

  /** Writes a file and returns its path. */
  file(name: string, text: string, mode = 0o644): string {
    const path = join(this.path, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  /** An empty file, where there is none yet. Returns its path. */
  touch(name: string): string {
    const path = join(this.path, name);
    closeSync(openSync(path, 'a'));
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Runs a command to its end; rejects with what it said where it failed. */
function run(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`));
    });
    child.stdin.on('error', () => {}); // it ended before it had read: its exit code says why
    child.stdin.end(input);
  });
}

let made = 0;
