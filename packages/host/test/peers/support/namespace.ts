import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

/**
 * A network namespace of our own: no interface, address or route of this machine is in it. Its name begins with the id of
 * this process, so that whoever finds one of a process that is gone may remove it (`scripts/setup-peers.mjs` does).
 */
export class Namespace {
  readonly name: string;
  readonly path: string;

  constructor() {
    made += 1;
    this.name = `nexus-${process.pid}-${threadId}-${made}`;
    this.path = `/run/netns/${this.name}`;
    run('ip', ['netns', 'add', this.name]);
    this.#sysctl('net/ipv6/conf/all/disable_ipv6', '1');
    this.#sysctl('net/ipv6/conf/default/disable_ipv6', '1');
    this.ip('link', 'set', 'lo', 'up');
  }

  /** `ip` inside of the namespace; returns what it prints. */
  ip(...args: readonly string[]): string {
    return run('ip', ['-n', this.name, ...args]);
  }

  /** The IPv4 addresses of an interface, as `10.77.0.100/24`. */
  addresses(device: string): readonly string[] {
    return this.ip('-4', '-o', 'addr', 'show', 'dev', device)
      .split('\n')
      .flatMap((line) => / inet (\S+)/.exec(line)?.[1] ?? []);
  }

  /** Ends what is left in the namespace, by pid, and removes it. Everything in it was started by us. */
  remove(): void {
    const { stdout } = spawnSync('ip', ['netns', 'pids', this.name], { encoding: 'utf8' });
    for (const pid of stdout.split('\n').filter((line) => /^\d+$/.test(line))) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    spawnSync('ip', ['netns', 'del', this.name]);
  }

  #sysctl(path: string, value: string): void {
    // Absent in a kernel without IPv6, where there is nothing to switch off.
    spawnSync('ip', ['netns', 'exec', this.name, 'sh', '-c', `[ ! -e /proc/sys/${path} ] || echo ${value} > /proc/sys/${path}`]);
  }
}

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

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

let made = 0;
