import { expect, test } from 'vitest';
import { explored } from './support/mux-interleavings.js';
import { walk } from './support/mux-walk.js';

test('property: fault/M20 the mux and its model agree over 1 000 000 random sequences of frames', () => {
  const ends = new Map<string, number>();
  for (let batch = 0; batch < 100; batch++) {
    const outcome = walk(`batch ${batch}`, { count: 10_000, stepCountMax: 32 });
    expect(outcome.problem).toBeUndefined();
    for (const [end, count] of outcome.ends) ends.set(end, (ends.get(end) ?? 0) + count);
  }
  expect([...ends.values()].reduce((sum, count) => sum + count, 0)).toBe(1_000_000);
});

test('every interleaving of two streams and six frames, with all that a stream can meet', () => {
  const { problem, count } = explored(['frame-data', 'frame-close', 'frame-reset', 'frame-credit', 'finish', 'reset']);
  expect(problem).toBeUndefined();
  expect(count).toBe(216 * 216 * 20);
});
