import { UsageError } from '@nexus-net/sansio';

/** Where the file of a kernel module is looked up, by its name with underscores: `virtio_net`. */
export type ReadModule = (name: string) => Uint8Array;

export interface KernelModule {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The modules that are wanted and all that they depend on, in an order in which each finds its own already loaded. */
export function modulesInOrder(wanted: readonly string[], read: ReadModule): readonly KernelModule[] {
  const ordered = new Map<string, KernelModule>();
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.has(name)) return;
    if (path.includes(name)) throw new UsageError(`modules depend on each other: ${[...path, name].join(' → ')}`);
    const bytes = read(name);
    for (const dependency of moduleDependencies(bytes)) visit(dependency, [...path, name]);
    ordered.set(name, { name, bytes });
  };
  for (const name of wanted) visit(name, []);
  return [...ordered.values()];
}

/** The names that a module's own `depends=` gives, with underscores. */
export function moduleDependencies(module: Uint8Array): readonly string[] {
  const text = new TextDecoder('latin1').decode(module);
  const depends = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return depends
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}
