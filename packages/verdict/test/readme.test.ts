import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failureOfALiar } from './support/example.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the README shows the example that is tested', () => {
  const shown = [...read('README.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(shown).toEqual([read('test/support/example.ts')]);
  expect(failureOfALiar()).toMatchObject({ phase: 'dhcp', cause: 'unproven-marker' });
});
