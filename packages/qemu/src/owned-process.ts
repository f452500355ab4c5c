import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { type Millis, requireArgument } from '@nexus-net/sansio';
import { BoundedCapture } from './bounded-capture.js';
import { type DeathGuard, detectDeathGuard, guardCommand, LIFELINE_DONE } from './death-guard.js';

export interface ProcessOptions {
  /** An absolute path, or a name to be found on PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Default: this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Socket pairs handed over as descriptors 3, 4, … Default 0, at most 13; with the guard `lifeline` 6. */
  readonly socketCount?: number;
  /** Default: the best there is ({@link detectDeathGuard}). */
  readonly guard?: DeathGuard;
  /** Octets kept of the beginning of stderr, and as many times seven of its end. Default 8 KiB. */
  readonly stderrHeadBytesMax?: number;
  /** How long output may still come after the process has ended, from something that it left behind. Default 500 ms. */
  readonly drainMs?: Millis;
}

export interface ProcessExit {
  /** The exit code, or `undefined` where a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** The strongest signal that we had sent before: `undefined` means that it went by itself or by another's hand. */
  readonly requested: NodeJS.Signals | undefined;
  /** The beginning and the end of stderr. */
  readonly stderr: string;
  readonly stderrDroppedBytes: number;
  readonly durationMs: Millis;
}

export interface TerminateOptions {
  /** From SIGTERM to SIGKILL. Default 2000 ms. */
  readonly graceMs?: Millis;
  /** From SIGKILL to giving up. Default 5000 ms. */
  readonly killMs?: Millis;
}

export type ProcessErrorCode =
  /** The system could not start it. */
  | 'spawn-failed'
  /** SIGKILL did not end it in time: it hangs in the kernel. */
  | 'unkillable'
  /** Nothing on this system can end it when Node dies; `guard: 'none'` accepts that. */
  | 'no-death-guard';

export class ProcessError extends Error {
  override readonly name = 'ProcessError';
  readonly code: ProcessErrorCode;

  constructor(code: ProcessErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/**
 * A child process in a group of its own. Signals go to its pid alone, and only until its end has been seen: the pid can't be
 * another's by then, since the system gives it away only after we have waited for it.
 */
export class OwnedProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** To be read: a process whose output nobody takes stops at a full pipe. */
  readonly stdout: Readable;
  /** Our ends of descriptors 3, 4, … of the child. */
  readonly sockets: readonly Socket[];
  readonly guard: DeathGuard;
  /** Never rejects. Resolves after the last output. */
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  #requested: NodeJS.Signals | undefined;
  #terminating: Promise<ProcessExit> | undefined;

  private constructor(child: ChildProcess, pid: number, guard: DeathGuard, options: ProcessOptions) {
    const { socketCount = 0, stderrHeadBytesMax = 8192, drainMs = 500 } = options;
    const startedAt = performance.now();
    const stderr = new BoundedCapture({ headBytesMax: stderrHeadBytesMax, tailBytesMax: 7 * stderrHeadBytesMax });
    this.#child = child;
    this.pid = pid;
    this.guard = guard;
    this.stdin = child.stdin as Writable;
    this.stdout = child.stdout as Readable;
    this.sockets = child.stdio.slice(3, 3 + socketCount) as unknown[] as Socket[];
    child.stderr?.on('data', (bytes: Uint8Array) => stderr.push(bytes));
    // A child that ends leaves EPIPE and ECONNRESET behind. Its end is told by `exited`; an unheard 'error' would end Node.
    for (const stream of child.stdio) stream?.on('error', ignore);
    const lifeline = child.stdio[3 + socketCount] as Writable | undefined;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        lifeline?.end(LIFELINE_DONE);
        if (this.#requested !== undefined) killGroup(pid);
        const drained = setTimeout(() => {
          for (const stream of child.stdio) stream?.destroy();
        }, drainMs);
        child.once('close', () => {
          clearTimeout(drained);
          resolve({
            code: code ?? undefined,
            signal: signal ?? undefined,
            requested: this.#requested,
            stderr: stderr.text(),
            stderrDroppedBytes: stderr.droppedBytes,
            durationMs: performance.now() - startedAt,
          });
        });
      });
    });
  }

  /** Resolves when the process runs; rejects with {@link ProcessError} where it can't. */
  static async start(options: ProcessOptions): Promise<OwnedProcess> {
    const { command, args, cwd, env, socketCount = 0, guard = await detectDeathGuard() } = options;
    requireArgument(Number.isInteger(socketCount) && socketCount >= 0 && socketCount <= SOCKET_COUNT_MAX, 'socketCount is 0..13');
    if (guard === 'none' && options.guard === undefined) {
      throw new ProcessError('no-death-guard', 'neither setpriv nor /bin/sh is there to end the process with Node');
    }
    const fdCount = 3 + socketCount;
    if (guard === 'lifeline' && fdCount > LIFELINE_FD_MAX) {
      throw new ProcessError(
        'no-death-guard',
        `setpriv is not there, and a shell can’t guard a process with ${fdCount} descriptors`,
      );
    }
    const guarded = guardCommand(guard, { command, args, fdCount });
    const stdioCount = fdCount + (guarded.lifelineFd === undefined ? 0 : 1);
    const child = spawn(guarded.command, guarded.args, {
      stdio: Array.from({ length: stdioCount }, () => 'pipe' as const),
      detached: true, // a group of its own: a Ctrl-C at our terminal is ours to handle
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env: { ...env } }),
    });
    const failure = await new Promise<Error | undefined>((resolve) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', resolve);
    });
    if (failure !== undefined || child.pid === undefined) {
      throw new ProcessError('spawn-failed', `${command}: ${failure?.message}`, { cause: failure });
    }
    child.on('error', ignore); // a signal that could not be delivered: the process ended meanwhile
    return new OwnedProcess(child, child.pid, guard, options);
  }

  /** Its end has been seen. */
  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Sends a signal to this one process. False where it has ended already. */
  signal(name: NodeJS.Signals): boolean {
    if (this.hasExited) return false;
    if (name === 'SIGKILL' || (name === 'SIGTERM' && this.#requested !== 'SIGKILL')) this.#requested = name;
    return this.#child.kill(name);
  }

  /**
   * Ends the process: SIGTERM, then SIGKILL; when it has ended, what it has left in its group is killed. Idempotent; the first
   * call's deadlines count. Rejects with `unkillable` where not even that helps.
   */
  terminate({ graceMs = 2_000, killMs = 5_000 }: TerminateOptions = {}): Promise<ProcessExit> {
    requireArgument(graceMs >= 0 && killMs > 0, 'graceMs is at least 0 and killMs above 0');
    this.#terminating ??= this.#terminate({ graceMs, killMs });
    return this.#terminating;
  }

  async #terminate({ graceMs, killMs }: Required<TerminateOptions>): Promise<ProcessExit> {
    let timer: NodeJS.Timeout | undefined;
    const unkillable = new Promise<never>((_resolve, reject) => {
      const kill = (): void => {
        this.signal('SIGKILL');
        timer = setTimeout(
          () => reject(new ProcessError('unkillable', `pid ${this.pid} outlived SIGKILL by ${killMs} ms`)),
          killMs,
        );
      };
      if (graceMs === 0) kill();
      else {
        this.signal('SIGTERM');
        timer = setTimeout(kill, graceMs);
      }
    });
    try {
      return await Promise.race([this.exited, unkillable]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * What the process has started goes with it where its end was asked for. Called as soon as that end is seen: the number of a
 * group that has members is given to nobody else, and that of one without is not given again so soon.
 */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody is left in it
  }
}

function ignore(): void {}

const SOCKET_COUNT_MAX = 13;
/** The lifeline's shell knows descriptors of one digit only: its own is the last of them. */
const LIFELINE_FD_MAX = 9;
