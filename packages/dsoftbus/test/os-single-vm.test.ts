import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkSingleVm, type SingleVmVector } from './support/vectors/single-vm.js';

test('the recorded session of one OS machine with itself, octet for octet, in both roles', () => {
  const text = readFileSync(new URL('vectors/os-session-single-vm.json', import.meta.url), 'utf8');
  const { vectors } = JSON.parse(text) as { readonly vectors: readonly SingleVmVector[] };
  expect(vectors.map(checkSingleVm)).toEqual([undefined]);
});
