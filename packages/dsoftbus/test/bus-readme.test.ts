import { readFileSync } from 'node:fs';
import { SeededEntropy } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { overTheBus } from './support/bus-example.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the README shows the example of dialect bus that is tested, and what it gives', () => {
  const readme = read('README.md');
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(shown).toContain(read('test/support/bus-example.ts'));
  const result = overTheBus('hello', new SeededEntropy(1));
  expect(result).toBe('a says hello');
  expect(readme).toContain(`gives \`${result}\``);
});
