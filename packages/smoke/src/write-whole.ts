import { rename, rm, writeFile } from 'node:fs/promises';

/** Writes a file in one step: whoever looks finds what was there before, or all of the new one, and after a failure no piece of it. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  const draft = `${path}.new`;
  try {
    await writeFile(draft, data);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined); // the first failure is the one to tell of
    throw error;
  }
}
