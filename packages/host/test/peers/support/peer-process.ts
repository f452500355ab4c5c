import { type ChildProcess, spawn } from 'node:child_process';
import type { Namespace, PeerFolder } from './namespace.js';

export interface PeerProcessOptions {
  readonly namespace: Namespace;
  readonly folder: PeerFolder;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called when there is more output, and when the process has ended. */
  readonly changed: () => void;
}

/**
 * A peer, inside of its network namespace, with `/run` and `/var/lib` of its own. It dies with the thread that started it.
 * Its pid is that of the child: everything between here and the peer is `exec`.
 */
export class PeerProcess {
  readonly what: string;
  readonly exited: Promise<void>;
  /** It is gone and all that it said is here. Never, where a child of its own keeps its output open. */
  readonly finished: Promise<void>;
  readonly #child: ChildProcess;
  #output = '';

  constructor({ namespace, folder, command, args, env = {}, changed }: PeerProcessOptions) {
    this.what = [command, ...args].join(' ');
    const child = spawn(
      'ip',
      ['netns', 'exec', namespace.name, 'unshare', '--mount', '--', 'sh', '-c', PRIVATE, 'sh', folder.path, command, ...args],
      // A group of its own: a peer that signals its group means its own helpers, not us.
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
        cwd: folder.path,
      },
    );
    this.#child = child;
    const said = (text: string): void => {
      this.#output = (this.#output + text).slice(-OUTPUT_LENGTH_MAX);
      changed();
    };
    child.stdout?.setEncoding('utf8').on('data', said);
    child.stderr?.setEncoding('utf8').on('data', said);
    this.exited = new Promise((resolve) => {
      const ended = (): void => {
        resolve();
        changed();
      };
      child.once('error', ended);
      child.once('exit', ended);
    });
    this.finished = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
  }

  /** Standard output and standard error, as they came; the end of it where it is long. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) this.#child.kill(name);
  }

  /** SIGTERM, and SIGKILL where that does not help in time. */
  async stop(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.signal(name);
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_MS);
    if (this.running) await this.exited;
    clearTimeout(timer);
  }
}

/** $1: the folder; the rest: the command. */
const PRIVATE = `
mount --make-rprivate / &&
mount --bind "$1/run" /run &&
mount --bind "$1/lib" /var/lib &&
{ [ ! -f /etc/resolv.conf ] || mount --bind "$1/resolv.conf" /etc/resolv.conf; } &&
shift &&
exec setpriv --pdeathsig KILL -- "$@"`;

const OUTPUT_LENGTH_MAX = 1_000_000;
const STOP_MS = 3_000;
