import { expect, test } from 'vitest';
import { Queue, UsageError } from '../src/index.js';

test('first in, first out', () => {
  const queue = new Queue<string>(3);
  for (const item of ['a', 'b', 'c']) expect(queue.push(item)).toBe(true);
  expect([queue.length, queue.peek()]).toEqual([3, 'a']);
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual(['a', 'b', 'c', undefined]);
  expect([queue.length, queue.peek()]).toEqual([0, undefined]);
});

test('a full queue keeps what it has, refuses the new entry and counts it', () => {
  const queue = new Queue<number>(2);
  expect([queue.push(1), queue.push(2), queue.push(3), queue.push(4)]).toEqual([true, true, false, false]);
  expect([queue.dropped, queue.length]).toEqual([2, 2]);
  queue.shift();
  expect([queue.push(5), queue.dropped]).toEqual([true, 2]);
  expect([queue.shift(), queue.shift()]).toEqual([2, 5]);
});

test('clear forgets the entries, not how many were dropped', () => {
  const queue = new Queue<number>(1);
  queue.push(1);
  queue.push(2);
  queue.clear();
  expect([queue.length, queue.peek(), queue.shift(), queue.dropped]).toEqual([0, undefined, undefined, 1]);
  expect(queue.push(3)).toBe(true);
});

test('taking an entry makes room for one at once', () => {
  const queue = new Queue<number>(1);
  const refused = Array.from({ length: 5_000 }, (_, i) => i).filter((i) => !queue.push(i) || queue.shift() !== i);
  expect(refused).toEqual([]);
});

test('a queue that never runs empty stays in order past its compaction', () => {
  const queue = new Queue<number>(Number.POSITIVE_INFINITY);
  let pushed = 0;
  for (; pushed < 1_500; pushed++) queue.push(pushed);
  const wrong: number[] = [];
  for (let taken = 0; taken < 10_000; taken++) {
    if (queue.shift() !== taken || queue.length !== 1_499) wrong.push(taken);
    queue.push(pushed++);
  }
  expect(wrong).toEqual([]);
});

test('a bound below 1 is the mistake of the caller', () => {
  for (const countMax of [0, -1, Number.NaN]) expect(() => new Queue(countMax)).toThrow(UsageError);
});
