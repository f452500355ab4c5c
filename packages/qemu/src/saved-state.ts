import { rename, rm } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import type { Millis } from '@nexus-net/sansio';
import { shellQuoted } from './arguments.js';
import type { QemuMachine } from './qemu-machine.js';
import { QmpError } from './qmp-client.js';

export interface SaveStateOptions {
  /** How long QEMU may take. Default 60 000 ms. */
  readonly timeoutMs?: Millis;
}

/**
 * Stops a machine and writes its whole state to a file, for another one with the same command line and `incoming`. The file is there
 * whole or not at all. The machine stays stopped. Rejects with {@link QmpError}.
 *
 * Everything that the guest remembers is in the file: keys, seeds and counters of random numbers too. A guest that is restored twice
 * draws the same numbers twice, unless it is given fresh entropy after it woke up.
 */
export async function saveState(
  machine: QemuMachine,
  path: string,
  { timeoutMs = 60_000 }: SaveStateOptions = {},
): Promise<void> {
  const part = `${resolvePath(path)}.${process.pid}.part`;
  const { qmp } = machine;
  try {
    await qmp.execute('stop');
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': UNLIMITED });
    await qmp.execute('migrate', { uri: `exec:cat > ${shellQuoted(part)}` });
    await settled(machine, 'completed', timeoutMs);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Lets a machine that was started from a saved state go on, once all of the state is there. */
export async function resumeSavedState(machine: QemuMachine, { timeoutMs = 60_000 }: SaveStateOptions = {}): Promise<void> {
  await settled(machine, 'completed', timeoutMs);
  await machine.qmp.execute('cont');
}

/** Waits for the end of a migration, in or out. QEMU has events for it only where it was asked before the migration began. */
async function settled({ qmp }: QemuMachine, wanted: string, timeoutMs: Millis): Promise<void> {
  for (let waited = 0; ; waited += POLL_MS) {
    const answer = (await qmp.execute('query-migrate')) as { readonly status?: string; readonly 'error-desc'?: string };
    if (answer.status === wanted) return;
    if (answer.status === 'failed' || answer.status === 'cancelled') {
      throw new QmpError('refused', `the state could not be moved: ${answer['error-desc'] ?? answer.status}`);
    }
    if (waited >= timeoutMs) throw new QmpError('timeout', `the state was not moved in ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const POLL_MS: Millis = 5;
/** Octets in a second: more than any disk. The default of QEMU is made for networks. */
const UNLIMITED = 2 ** 40;
