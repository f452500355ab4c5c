import { MemoryFiles } from '@nexus-net/lan';

/** Short, as some guests are slow to type at. The name of the gateway under which a guest that can resolve names fetches its file. */
export const FILE_HOST = 'gw.test';

/** The path of the file that there is to fetch. */
export const FILE_PATH = '/file';

/** What the gateway's HTTP server has. */
export function servedFiles(): MemoryFiles {
  return new MemoryFiles({ [FILE_PATH]: 'nexus-net: this file came over the wire\n' });
}
