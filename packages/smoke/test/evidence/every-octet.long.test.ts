import { expect, test } from 'vitest';
import { examine } from '../../src/index.js';
import { newKey, sealRun } from './support/sealed-run.js';

const SEALED = sealRun({ environment: { RUN_PHASE: 'link' } }, newKey()).bytes;

test('every single octet of a sealed run, changed in one bit, is found', () => {
  const changed = SEALED.slice();
  for (let at = 0; at < changed.length; at++) {
    const octet = changed[at] as number;
    changed[at] = octet ^ (1 << (at % 8));
    if (examine(changed).state !== 'altered') expect.fail(`octet ${at}`);
    changed[at] = octet;
  }
});

test('a sealed run cut off at every place is found', () => {
  for (let length = 0; length < SEALED.length; length++)
    if (examine(SEALED.subarray(0, length)).state !== 'altered') expect.fail(`length ${length}`);
});
