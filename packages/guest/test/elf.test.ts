import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elfNeeds, withoutSections } from '../src/image/elf.js';
import { moduleDependencies, modulesInOrder } from '../src/image/kernel-modules.js';
import { sharedLibraries } from '../src/image/shared-libraries.js';

// The process has a program of this kind at hand: what the system's own loader loads.
const loader = readFileSync('/proc/self/exe').subarray(0, 4).toString('latin1') === '\x7fELF';

describe('an ELF file', () => {
  const program = readFileSync(process.execPath);

  test('names its loader and its libraries', () => {
    expect(loader).toBe(true);
    const needs = elfNeeds(program);
    expect(needs.ok && needs.value.libraries).toContain('libc.so.6');
    expect(needs.ok && needs.value.interpreter).toMatch(/^\/lib.*\/ld-linux/);
  });

  test('without its sections it is shorter and needs the same', () => {
    const cut = withoutSections(program);
    expect(cut.length).toBeLessThan(program.length);
    expect(elfNeeds(cut)).toEqual(elfNeeds(program));
  });

  test('its libraries are found, with theirs, each once', () => {
    const paths = sharedLibraries(program).map(({ path }) => path);
    expect(paths).toContain('lib/x86_64-linux-gnu/libc.so.6');
    expect(new Set(paths).size).toBe(paths.length);
  });

  test('property: any octets give a value or an error', () => {
    const head = [...program.subarray(0, 64)];
    const law = fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, headed) => {
      const result = elfNeeds(Uint8Array.from(headed ? [...head, ...bytes] : bytes));
      if (!result.ok) expect(['not-elf64-little-endian', 'truncated']).toContain(result.error);
    });
    fc.assert(law);
  });
});

describe('kernel modules', () => {
  const module = (depends: string): Uint8Array => Buffer.from(`\x7fELF…\0license=GPL\0depends=${depends}\0name=x\0`);

  test('name what they depend on, with underscores', () => {
    expect(moduleDependencies(module('virtio-ring,virtio'))).toEqual(['virtio_ring', 'virtio']);
    expect(moduleDependencies(module(''))).toEqual([]);
  });

  test('are loaded after what they depend on, each once', () => {
    const tree: Record<string, string> = { net: 'virtio,failover', virtio: 'ring', ring: '', failover: '', pci: 'virtio,ring' };
    expect(modulesInOrder(['pci', 'net'], (name) => module(tree[name] as string)).map(({ name }) => name)).toEqual([
      'ring',
      'virtio',
      'pci',
      'failover',
      'net',
    ]);
  });

  test('that depend on each other are refused', () => {
    expect(() => modulesInOrder(['a'], (name) => module(name === 'a' ? 'b' : 'a'))).toThrow('a → b → a');
  });
});
