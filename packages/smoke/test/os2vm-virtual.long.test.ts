import { describe, expect, test } from 'vitest';
import { ladderOptionsOf, readWireFaults, verifyRecording } from '../src/index.js';
import { runPair } from './support/pair-run.js';

const SEEDS = Array.from({ length: 20 }, (_, i) => i);

describe.each(['bus', 'os'] as const)('two machines of ours on a bad wire, dialect %s', (dialect) => {
  test.each([
    { loss: '10%' },
    { loss: '20%', delay: '30ms+20ms' },
    { loss: '10%', delay: '5ms+5ms', duplicate: '5%', reorder: '5%' },
  ])('%j: the run passes whatever the seed, and from its recording too', (wire) => {
    for (const seed of SEEDS) {
      const faults = readWireFaults({ ...wire, seed: `${seed}` }, ['a', 'b']) ?? {};
      const { verdict, request, frames, inputs } = runPair({ dialect, seed, faults });
      expect([seed, verdict.failure]).toEqual([seed, undefined]);
      expect(verifyRecording(ladderOptionsOf(request), { frames, inputs })).toEqual(verdict);
    }
  });

  test.each(['link', 'iface', 'session', 'mux', 'remote', 'persist'])('a machine that begins again when %s begins', (phase) => {
    const kill = { node: 'b', from: { type: 'phase', phase }, restart: true } as const;
    const profile = phase === 'persist' ? 'os2vm-restart' : 'os2vm';
    for (const seed of SEEDS.slice(0, 5)) {
      const faults = { ...readWireFaults({ delay: '40ms', seed: `${seed}` }, ['a', 'b']), kill };
      expect([seed, runPair({ dialect, seed, profile, faults }).verdict.failure]).toEqual([seed, undefined]);
    }
  });
});
