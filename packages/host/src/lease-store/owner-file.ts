import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { LeaseStoreError, storeErrorOf } from './lease-store.js';

/**
 * Makes this process the only owner of a path: `<path>.owner` names it. An owner that is dead is replaced, so a kill or a
 * power cut needs no hand; one that is alive, or another store of this process, means `in-use`. The returned function gives
 * it up.
 *
 * A process is known by its number and the instant at which it started, for numbers are used again (in a container every time).
 */
export function takeOwnership(path: string): () => void {
  const ownerPath = `${path}.owner`;
  const self = describe(process.pid);
  const draft = `${ownerPath}.${randomUUID()}`;
  try {
    writeFileSync(draft, self, { flag: 'wx', mode: 0o640 });
    try {
      for (let attempt = 0; !link(draft, ownerPath); attempt++) {
        const owner = read(ownerPath);
        if (owner === undefined) continue;
        if (isAlive(owner) || attempt >= ATTEMPTS_MAX) throw inUse(path, owner);
        evict(ownerPath, owner, draft);
      }
    } finally {
      unlinkSync(draft);
    }
  } catch (error) {
    throw storeErrorOf(error, `owning ${path}`);
  }
  return () => {
    if (read(ownerPath) === self) unlinkSync(ownerPath);
  };
}

const ATTEMPTS_MAX = 10;

/** Takes a dead owner's file away, unless another process was faster and it is alive. */
function evict(ownerPath: string, owner: string, draft: string): void {
  const evicted = `${draft}.evicted`;
  try {
    renameSync(ownerPath, evicted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = read(evicted) ?? '';
  if (moved !== owner && isAlive(moved)) link(evicted, ownerPath);
  unlinkSync(evicted);
}

/** `false` where the name is taken. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function inUse(path: string, owner: string): LeaseStoreError {
  return new LeaseStoreError('in-use', `${path} belongs to process ${owner.split('\n')[0]}`);
}

/** The number of the process, and where the system tells it, which process with this number it is. */
function describe(pid: number): string {
  return `${pid}\n${bootId()}\n${startedAt(pid)}\n`;
}

function isAlive(owner: string): boolean {
  const pid = Number(owner.split('\n')[0]);
  if (!Number.isInteger(pid) || pid < 1 || !exists(pid)) return false;
  return describe(pid) === owner;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** Field 22 of the process's `stat`: clock ticks from the start of the system. The name in field 2 may hold anything. */
function startedAt(pid: number): string {
  const stat = read(`/proc/${pid}/stat`) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
