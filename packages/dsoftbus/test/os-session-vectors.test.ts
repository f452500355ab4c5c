import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type CrossVmVector, checkCrossVm, checkLocalIpc, type LocalIpcVector } from './support/vectors/sessions.js';

const vectorsOf = <T>(name: string): T[] =>
  (JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8')) as { vectors: T[] }).vectors;

describe('a session of two real OS nodes', () => {
  test('every datagram and every octet of the stream, in both roles', () => {
    expect(vectorsOf<CrossVmVector>('os-session-cross-vm').map(checkCrossVm)).toEqual([undefined]);
  });

  test('every answer to a local request, and what crossed the session for it', () => {
    const check = checkLocalIpc();
    const problems = vectorsOf<LocalIpcVector>('local-ipc-ds').map((vector) => [vector.name, check(vector)]);
    expect(problems.filter(([, problem]) => problem !== undefined)).toEqual([]);
  });
});
