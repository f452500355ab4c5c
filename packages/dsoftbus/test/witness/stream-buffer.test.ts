import { SeededEntropy, uniform } from '@nexus-net/sansio';
import { expect, test, vi } from 'vitest';
import { StreamBuffer } from '../../src/witness/stream-buffer.js';

test('property: what goes in comes out, in order, whatever the pieces', () => {
  const entropy = new SeededEntropy('stream buffer');
  const [buffer, model]: [StreamBuffer, number[]] = [new StreamBuffer(), []];
  const differing: number[] = [];
  for (let i = 0, octet = 0; i < 300; i++) {
    const piece = Uint8Array.from({ length: uniform(entropy, { low: 0, high: 90 }) }, () => octet++);
    buffer.push(piece);
    model.push(...piece);
    const count = uniform(entropy, { low: 0, high: 120 });
    const wanted = model.length < count ? undefined : model.splice(0, count);
    const taken = buffer.take(count);
    if (String(taken) !== String(wanted) || buffer.length !== model.length) differing.push(i);
  }
  expect(differing).toEqual([]);
});

test('many tiny pieces are copied a bounded number of times each', () => {
  const buffer = new StreamBuffer();
  const set = vi.spyOn(Uint8Array.prototype, 'set');
  for (let i = 0; i < 20_000; i++) buffer.push(Uint8Array.of(i));
  const copied = set.mock.calls.reduce((sum, [bytes]) => sum + bytes.length, 0);
  set.mockRestore();
  expect(buffer.take(20_000)?.[19_999]).toBe(19_999 & 0xff);
  expect(copied).toBeLessThan(4 * 20_000);
});
