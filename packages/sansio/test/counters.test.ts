import { expect, test } from 'vitest';
import { Counters } from '../src/index.js';

test('labels that never occurred read as 0 and are absent from the snapshot', () => {
  const counters = new Counters<'bad-magic' | 'truncated'>();
  expect([counters.get('truncated'), counters.snapshot()]).toEqual([0, {}]);
  counters.increment('truncated');
  counters.increment('truncated');
  expect([counters.get('truncated'), counters.get('bad-magic'), counters.snapshot()]).toEqual([2, 0, { truncated: 2 }]);
});

test('a snapshot is a plain object of its own, in the order of first occurrence', () => {
  const counters = new Counters<'a' | 'b'>();
  for (const label of ['b', 'a', 'b'] as const) counters.increment(label);
  const before = counters.snapshot();
  expect(JSON.stringify(before)).toBe('{"b":2,"a":1}');
  counters.increment('a');
  expect(before).toEqual({ b: 2, a: 1 });
});

test('labels that mean something to objects are labels like others', () => {
  const counters = new Counters<string>();
  for (const label of ['__proto__', 'constructor', 'toString']) counters.increment(label);
  expect(Object.entries(counters.snapshot())).toEqual([
    ['__proto__', 1],
    ['constructor', 1],
    ['toString', 1],
  ]);
  expect(counters.get('valueOf')).toBe(0);
});
