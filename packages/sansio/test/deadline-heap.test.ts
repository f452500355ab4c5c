import { expect, test } from 'vitest';
import { type DeadlineEntry, DeadlineHeap, NEVER, UsageError } from '../src/index.js';

function drained<T>(heap: DeadlineHeap<T>, now: number): T[] {
  const items: T[] = [];
  for (let item = heap.popDue(now); item !== undefined; item = heap.popDue(now)) items.push(item);
  return items;
}

test('only what is due leaves, the earliest first', () => {
  const heap = new DeadlineHeap<string>(9);
  for (const [at, item] of [
    [3, 'c'],
    [1, 'a'],
    [2, 'b'],
    [4, 'd'],
  ] as const)
    heap.push(at, item);
  expect([heap.nextAt, heap.first, heap.length]).toEqual([1, 'a', 4]);
  expect(drained(heap, 3)).toEqual(['a', 'b', 'c']);
  expect([heap.nextAt, heap.first, drained(heap, 3.9)]).toEqual([4, 'd', []]);
});

test('a heap keeps its bound, and cleared it is empty', () => {
  const heap = new DeadlineHeap<number>(1);
  expect([heap.push(1, 1), heap.push(0, 2), heap.length, heap.nextAt]).toEqual([true, false, 1, 1]);
  expect(heap.schedule(0, 3)).toBeUndefined();
  heap.clear();
  expect([heap.length, heap.nextAt, heap.first, heap.popDue(9)]).toEqual([0, NEVER, undefined, undefined]);
  expect(heap.push(5, 4)).toBe(true);
});

test('an entry moves, leaves and comes back', () => {
  const heap = new DeadlineHeap<string>(9);
  const a = heap.schedule(1, 'a') as DeadlineEntry<string>;
  heap.push(2, 'b');
  heap.reschedule(a, 3);
  expect([heap.first, a.at]).toEqual(['b', 3]);
  heap.cancel(a);
  heap.cancel(a);
  expect([heap.length, a.at]).toEqual([1, NEVER]);
  heap.reschedule(a, 2);
  expect(drained(heap, 2)).toEqual(['b', 'a']); // set later, so it leaves later
  heap.reschedule(a, 7);
  heap.clear();
  expect(a.at).toBe(NEVER);
  heap.cancel(a);
  expect(heap.length).toBe(0);
});

test('a bound below one is refused', () => {
  expect(() => new DeadlineHeap(0)).toThrow(UsageError);
});
