import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A target module of a package and the folder of its corpus. */
export interface Target {
  /** `wire/dns`: package and file. */
  readonly name: string;
  readonly entry: string;
  readonly corpus: string;
}

/** Every `packages/<package>/test/fuzz/<target>.ts`, in the order of names. */
export function findTargets(root: string): Target[] {
  const packages = join(root, 'packages');
  return readdirSync(packages)
    .sort()
    .flatMap((name) => {
      const folder = join(packages, name, 'test/fuzz');
      if (!existsSync(folder)) return [];
      const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
      return files.sort().map((file) => {
        const target = basename(file, '.ts');
        return { name: `${name}/${target}`, entry: join(folder, file), corpus: join(packages, name, 'test/corpus', target) };
      });
    });
}

/** The target with that name; the package may be left out where no other has such a target. */
export function chooseTarget(targets: readonly Target[], name: string): Target | undefined {
  const matches = targets.filter((target) => target.name === name || target.name.endsWith(`/${name}`));
  return matches.length === 1 ? matches[0] : undefined;
}

/** The files of a corpus in the order of names. */
export function readCorpus(folder: string): { readonly file: string; readonly bytes: Uint8Array }[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.bin'));
  return files.sort().map((file) => ({ file, bytes: new Uint8Array(readFileSync(join(folder, file))) }));
}

/** Writes an input under a name made of its kind and its hash; the same input gets the same name. */
export function writeInput(folder: string, kind: 'crash' | 'seed', bytes: Uint8Array): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${kind}-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(path, bytes);
  return path;
}

/** Puts `seeds` in the place of the seeds that an earlier run found. Crashes and files of other names stay. */
export function replaceSeeds(folder: string, seeds: readonly Uint8Array[]): void {
  for (const { file } of readCorpus(folder)) if (file.startsWith('seed-')) rmSync(join(folder, file));
  for (const bytes of seeds) writeInput(folder, 'seed', bytes);
}
