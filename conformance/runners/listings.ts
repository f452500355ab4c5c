import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CaseReport, reportOf } from '../report.js';
import { type CheckFile, jsonOf, type VectorFile } from '../vector-file.js';

/** A listing names files beside it: each exists, and each file of their kind is listed. */
export function checkListing(name: (entry: { readonly name: string; readonly file: string }) => string): CheckFile {
  return (file): CaseReport => {
    const listed = jsonOf<{ name: string; file: string }[]>(file).map(name);
    const cases = listed.map((path) => [path, existsSync(join(file.folder, path)) ? undefined : 'the file is missing'] as const);
    const kind = /[^.]*$/.exec(listed[0] ?? '')?.[0] ?? '';
    const present = readdirSync(file.folder).filter((path) => path.endsWith(`.${kind}`) && !path.includes('INDEX'));
    const own = /^(CRAFTED|SCRIPTED)-/;
    const unlisted = present.filter((path) => !listed.includes(path) && !own.test(path));
    return reportOf([...cases, ['completeness', unlisted.length === 0 ? undefined : `not listed: ${unlisted.join(', ')}`]]);
  };
}

/** Names captures with their hashes, from the folder above. */
export function checkManifest(file: VectorFile): CaseReport {
  const entries = jsonOf<{ readonly file: string; readonly sha256: string }[]>(file);
  return reportOf(
    entries.map(({ file: path, sha256 }) => {
      const absolute = join(file.folder, '..', path);
      if (!existsSync(absolute)) return [path, 'the file is missing'] as const;
      const hash = createHash('sha256').update(readFileSync(absolute)).digest('hex');
      return [path, hash === sha256 ? undefined : `sha256 is ${hash}`] as const;
    }),
  );
}

/** Says under which licence each folder may be used. */
export function checkLicences(file: VectorFile): CaseReport {
  const licences = jsonOf<Record<string, string>>(file);
  const folders = readdirSync(file.folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return reportOf(folders.map(({ name }) => [name, licences[name] === undefined ? 'no licence is named' : undefined]));
}
