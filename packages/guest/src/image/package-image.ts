import { concatBytes } from '@nexus-net/sansio';
import { newcArchive, parentDirectories } from './newc.js';

/** The image that packagefs of the guest serves: a `newc` archive of files below `system/`. `properties` become its `build.prop`. */
export function packageImage(properties: Readonly<Record<string, string>>): Uint8Array {
  const text = Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
  const file = { type: 'file', path: 'system/build.prop', bytes: new TextEncoder().encode(text) } as const;
  return concatBytes([...newcArchive([...parentDirectories([file.path]), file])]);
}

/** Where the image lies in the guest. */
export const PACKAGE_IMAGE_PATH = 'packages.img';
