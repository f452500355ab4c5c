import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto-node.js';
import { checkFrameVector, checkHostNoiseVector, type FrameVector, type HostNoiseVector } from '../support/host-vectors.js';

function vectorsOf<T>(file: string): readonly T[] {
  return (JSON.parse(readFileSync(join(import.meta.dirname, '../vectors', file), 'utf8')) as { readonly vectors: readonly T[] })
    .vectors;
}

describe('what the upstream code wrote and read: messages', () => {
  test.each(vectorsOf<FrameVector>('host-frames-capnp.json'))('$name', (vector) => {
    expect(checkFrameVector(nodeCrypto, vector)).toBeUndefined();
  });
});

describe('what the upstream code wrote and read: identities and sessions', () => {
  test.each(vectorsOf<HostNoiseVector>('host-noise-xk.json'))('$name', (vector) => {
    expect(checkHostNoiseVector(nodeCrypto, vector)).toBeUndefined();
  });
});
