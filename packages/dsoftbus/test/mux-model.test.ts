import { expect, test } from 'vitest';
import { places, runs } from '../../sansio/test/support/runs.js';
import { explored } from './support/mux-interleavings.js';
import { walk } from './support/mux-walk.js';

test('property: fault/M20 the mux and its model agree on credit, states and failures after each of many random steps', () => {
  const { problem, ends } = walk('mux', { count: runs(8_000, { fast: 2_000 }), stepCountMax: 24 });
  expect(problem).toBeUndefined();
  // A walk that never gets anywhere would prove little: every failure that it can reach is reached.
  const reached = [...ends.keys()].sort();
  expect(reached).toEqual([
    'alive',
    'bad-credit',
    'bad-frame',
    'bad-goaway',
    'bad-name',
    'bad-priority',
    'bad-state',
    'bad-stream-id',
    'credit-exceeded',
    'credit-overflow',
    'late-flood',
    'ping-flood',
    'reset-flood',
    'unknown-kind',
    'unknown-stream',
  ]);
});

test.each([
  ['closing from both sides', ['frame-close', 'finish']],
  ['data and resets', ['frame-data', 'frame-reset']],
] as const)('every interleaving of two streams and six frames ends as the model says: %s', (_name, alphabet) => {
  const ways = places(20, 3);
  const { problem, count } = explored(alphabet, ways);
  expect(problem).toBeUndefined();
  expect(count).toBe(8 * 8 * ways.length);
});
