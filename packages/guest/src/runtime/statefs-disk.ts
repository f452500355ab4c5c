import { existsSync } from 'node:fs';
import type { Entropy } from '@nexus-net/sansio';
import { DiskStatefs } from '../statefs/disk-statefs.js';
import { BlockDevice } from './block-device.js';

/**
 * statefs on the disk of the machine, where it has one; `undefined` where it has none. `line` tells what was found. Throws for a disk that
 * can't be read or that is none of ours: it is left as it is.
 */
export function statefsOnDisk(
  path: string,
  options: { readonly entropy: Entropy; readonly line: (text: string) => void },
): DiskStatefs | undefined {
  const { entropy, line } = options;
  if (!existsSync(path)) return undefined;
  const opened = DiskStatefs.open(new BlockDevice(path), entropy);
  if (!opened.ok) {
    line(`statefsd: ${path} FAIL ${opened.error}`);
    throw new Error(`${path}: ${opened.error}`);
  }
  const { generation, keyCount, recovered } = opened.value.inspect();
  line(`statefsd: ${path} generation ${generation}, ${keyCount} keys`);
  if (recovered.isTorn || recovered.isCompactionTorn) line(`statefsd: ${path} what was being written at the end is not there`);
  if (recovered.damagedCount > 0) line(`statefsd: ${path} ${recovered.damagedCount} records are damaged`);
  return opened.value;
}
