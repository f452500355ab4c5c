import {
  InMemoryBundlemgr,
  InMemoryPackagefs,
  InMemorySamgr,
  InMemoryStatefs,
  type OsServices,
  type StatefsService,
} from '@nexus-net/dsoftbus';
import { UsageError } from '@nexus-net/sansio';
import { readNewcArchive } from '../../image/newc-reader.js';

/**
 * What is behind a gateway: samgrd with the services that run here, bundlemgrd with the packages of the image, packagefs with its files,
 * and statefs. `statefs` outlives the node that uses it where the caller keeps it. Throws `UsageError` for an image that is none.
 */
export function nodeServices(packageImage: Uint8Array, statefs: StatefsService = new InMemoryStatefs()): OsServices {
  const files = readNewcArchive(packageImage);
  if (!files.ok) throw new UsageError(`the package image can’t be read: ${files.error}`);
  const bundles = new Set([...files.value.keys()].map((path) => path.split('/', 1)[0] as string));
  return {
    samgr: new InMemorySamgr({ names: ['samgrd', 'bundlemgrd', 'packagefsd', 'statefsd', 'netstackd', 'dsoftbusd'] }),
    bundlemgr: new InMemoryBundlemgr({ bundles: [...bundles] }),
    packagefs: new InMemoryPackagefs(Object.fromEntries(files.value)),
    statefs,
  };
}
