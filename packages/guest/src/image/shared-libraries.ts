import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@nexus-net/sansio';
import { elfNeeds } from './elf.js';
import type { ArchiveEntry } from './newc.js';

/** Where the loader of Debian for x86-64 looks, in order. */
const LIBRARY_FOLDERS = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64', '/lib', '/usr/lib'];

/**
 * A program's loader and libraries, and theirs, as entries of an image: each where the loader looks for it. Throws
 * {@link UsageError} for a library that isn't there.
 */
export function sharedLibraries(program: Uint8Array, folders: readonly string[] = LIBRARY_FOLDERS): readonly ArchiveEntry[] {
  const found = new Map<string, ArchiveEntry>();
  const visit = (bytes: Uint8Array, who: string): void => {
    const needs = elfNeeds(bytes);
    if (!needs.ok) throw new UsageError(`${who}: ${needs.error}`);
    const { interpreter, libraries } = needs.value;
    if (interpreter !== undefined) add(interpreter, interpreter.slice(1));
    for (const name of libraries) {
      const folder = folders.find((each) => existsSync(join(each, name)));
      if (folder === undefined) throw new UsageError(`${who} needs ${name}, which is in none of ${folders.join(', ')}`);
      add(join(folder, name), `lib/x86_64-linux-gnu/${name}`);
    }
  };
  const add = (source: string, path: string): void => {
    if (found.has(path)) return;
    const bytes = readFileSync(realpathSync(source));
    found.set(path, { type: 'file', path, bytes, mode: 0o755 });
    visit(bytes, source);
  };
  visit(program, 'the program');
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
