import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Refusal } from '../refusal.js';
import { readBytes } from '../verify/run-files.js';
import { ARCHIVE_FILES_MAX, type ArchiveFile, isArchiveName } from './archive.js';

/** Octets of all files of a run that is sealed; they are held in memory. */
const RUN_OCTETS_MAX = 1_024 * 2 ** 20;
/** What a sealed run adds itself. */
const OWN_FILES = 3;

/**
 * All files of a run's folder in the order of their names. Throws {@link Refusal} where the folder holds anything else than plain files with plain
 * names: what would be left out silently is no evidence.
 */
export async function readRunFiles(folder: string): Promise<{ readonly name: string; readonly files: readonly ArchiveFile[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw new Refusal(`${folder}: ${error.message}`, 'unreadable');
  });
  const odd = entries.find((entry) => !entry.isFile() || !isArchiveName(entry.name));
  if (odd !== undefined) throw new Refusal(`${join(folder, odd.name)}: not a plain file with a plain name`, 'unreadable');
  if (entries.length > ARCHIVE_FILES_MAX - OWN_FILES) throw new Refusal(`${folder}: more files than a run has`, 'unreadable');
  const name = basename(resolve(folder));
  const files: ArchiveFile[] = [];
  let room = RUN_OCTETS_MAX;
  for (const file of entries.map((entry) => entry.name).sort()) {
    const bytes = await readBytes(join(folder, file), room);
    room -= bytes.length;
    files.push({ name: file, bytes });
  }
  return { name, files };
}
