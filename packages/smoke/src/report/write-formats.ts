import { writeFile } from 'node:fs/promises';
import { Refusal } from '../refusal.js';
import { junitXmlOf, type NamedVerdict, tapTextOf } from './test-formats.js';

/** Writes verdicts in the formats that were asked for; `-` is standard output. Throws {@link Refusal} where a file can't be written. */
export async function writeFormats(
  verdicts: readonly NamedVerdict[],
  { junit, tap }: { readonly junit?: string | undefined; readonly tap?: string | undefined },
  { print }: { readonly print: (line: string) => void },
): Promise<void> {
  for (const [path, text] of [
    [junit, junitXmlOf(verdicts)],
    [tap, tapTextOf(verdicts)],
  ] as const) {
    if (path === undefined) continue;
    if (path === '-') print(text.trimEnd());
    else
      await writeFile(path, text).catch((error: Error) => {
        throw new Refusal(`${path}: ${error.message}`, 'unwritable');
      });
  }
}
