import { readFileSync } from 'node:fs';
import { SeededEntropy } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { greet } from './support/example.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the README shows the example that is tested', () => {
  const shown = [...read('README.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(shown).toContain(read('test/support/example.ts'));
  expect(greet(new SeededEntropy(1), [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)])).toBe('hello');
  expect(greet(new SeededEntropy(1), [new Uint8Array(32).fill(2), new Uint8Array(32).fill(2)])).toBe('refused: reflected-key');
});
