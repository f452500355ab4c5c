import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';

/**
 * What ends a child process when Node dies, however it dies:
 * - `pdeathsig`: the kernel sends SIGKILL when the thread that started the child ends (Linux, `setpriv` of util-linux 2.33).
 * - `lifeline`: a small shell waits on a pipe that only Node holds, and sends SIGKILL when it breaks.
 * - `none`: nothing does; the child is then left behind by a Node that is killed.
 */
export type DeathGuard = 'pdeathsig' | 'lifeline' | 'none';

export interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The descriptor at which the guard expects its pipe, or `undefined` where it needs none. */
  readonly lifelineFd: number | undefined;
}

/** The best guard of this system. Asked once for each process of ours. */
export function detectDeathGuard(): Promise<DeathGuard> {
  detected ??= detect();
  return detected;
}

/**
 * Wraps a command so that it dies with this process. The process that is started *becomes* the command (`exec`), so its pid
 * is the command's own. `fdCount`: descriptors 0..fdCount-1 are the command's; the lifeline, where one is used, is the next.
 */
export function guardCommand(
  guard: DeathGuard,
  { command, args, fdCount }: { readonly command: string; readonly args: readonly string[]; readonly fdCount: number },
): GuardedCommand {
  switch (guard) {
    case 'pdeathsig':
      return {
        command: 'setpriv',
        args: ['--pdeathsig', 'KILL', '--', SHELL, '-c', STILL_OURS, 'sh', String(process.pid), command, ...args],
        lifelineFd: undefined,
      };
    case 'lifeline':
      return { command: SHELL, args: ['-c', lifelineScript(fdCount), 'sh', command, ...args], lifelineFd: fdCount };
    case 'none':
      return { command, args, lifelineFd: undefined };
  }
}

/** What Node writes into the lifeline when the command has ended: the watcher leaves and touches no pid. */
export const LIFELINE_DONE = 'done\n';

/** A parent that died before the signal was asked for sends none: so ask, then look whether it is still there. */
const STILL_OURS = '[ "$PPID" = "$1" ] || exit 125; shift; exec "$@"';

/**
 * The watcher is a child of the command (`$$` keeps its pid over `exec`). It holds no descriptor of the command, or Node
 * would never see them close. It kills only while the command is its parent: a pid that came into other hands is left alone.
 */
function lifelineScript(fdCount: number): string {
  const closeAll = Array.from({ length: fdCount - 3 }, (_, i) => `${i + 3}<&-`).join(' ');
  return `(
  exec </dev/null >/dev/null 2>&1 ${closeAll}
  read -r word <&${fdCount} && exit
  parent=
  while read -r key value; do [ "$key" = PPid: ] && parent=$value; done </proc/self/status
  [ -z "$parent" ] || [ "$parent" = $$ ] || exit
  kill -KILL $$
) &
exec ${fdCount}<&-
exec "$@"`;
}

async function detect(): Promise<DeathGuard> {
  if (process.platform === 'linux') {
    const works = await new Promise<boolean>((resolve) => {
      execFile('setpriv', ['--pdeathsig', 'KILL', '--', SHELL, '-c', 'exit 0'], (error) => resolve(error === null));
    });
    if (works) return 'pdeathsig';
  }
  const shell = await access(SHELL, constants.X_OK).then(
    () => true,
    () => false,
  );
  return shell ? 'lifeline' : 'none';
}

const SHELL = '/bin/sh';
let detected: Promise<DeathGuard> | undefined;
