import { UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import { BoundedCapture } from '../src/bounded-capture.js';

function captured(parts: readonly string[], limits = { headBytesMax: 4, tailBytesMax: 4 }): BoundedCapture {
  const capture = new BoundedCapture(limits);
  for (const part of parts) capture.push(new TextEncoder().encode(part));
  return capture;
}

test('what fits is kept whole', () => {
  const capture = captured(['01', '234', '567']);
  expect([capture.text(), capture.droppedBytes]).toEqual(['01234567', 0]);
});

test('a character cut between head and tail is whole again', () => {
  expect(captured(['012→4']).text()).toBe('012→4');
});

test('of what does not fit the middle goes', () => {
  const capture = captured(['01234', '56', '789']);
  expect(capture.text()).toBe('0123\n[… 2 octets left out …]\n6789');
  expect(capture.droppedBytes).toBe(2);
});

test('limits that hold nothing are refused', () => {
  expect(() => captured([], { headBytesMax: -1, tailBytesMax: 4 })).toThrow(UsageError);
  expect(() => captured([], { headBytesMax: 4, tailBytesMax: 0 })).toThrow(UsageError);
});

property('beginning and end are kept, the rest is counted, however it is cut', {
  law: (make: () => BoundedCapture) =>
    fc.property(fc.array(fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c', 'd') }), { maxLength: 10 }), (parts) => {
      const capture = make();
      for (const part of parts) capture.push(new TextEncoder().encode(part));
      const whole = parts.join('');
      const dropped = Math.max(0, whole.length - 8);
      const expected = dropped === 0 ? whole : `${whole.slice(0, 4)}\n[… ${dropped} octets left out …]\n${whole.slice(-4)}`;
      return capture.droppedBytes === dropped && capture.text() === expected && capture.text() === expected;
    }),
  real: () => new BoundedCapture({ headBytesMax: 4, tailBytesMax: 4 }),
  planted: {
    'the tail is not cut': () => new BoundedCapture({ headBytesMax: 4, tailBytesMax: 5 }),
    'no head': () => new BoundedCapture({ headBytesMax: 0, tailBytesMax: 8 }),
  },
});
