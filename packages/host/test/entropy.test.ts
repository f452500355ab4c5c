import { describe, expect, test } from 'vitest';
import { systemEntropy } from '../src/index.js';

describe('system entropy', () => {
  test('numbers are whole, in range, and use all 32 bits', () => {
    const entropy = systemEntropy();
    let ones = 0;
    let zeros = 0;
    let inRange = true;
    // 3000 draws go through several pools; that a given bit is the same in all of them has a chance of 2^-2999.
    for (let i = 0; i < 3000; i++) {
      const value = entropy.u32();
      inRange &&= Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
      ones |= value;
      zeros |= ~value;
    }
    expect(inRange).toBe(true);
    expect([ones >>> 0, zeros >>> 0]).toEqual([0xffffffff, 0xffffffff]);
  });

  test('no draw is repeated by the next pool or another source', () => {
    const sources = [systemEntropy(), systemEntropy()];
    const draws = sources.flatMap((entropy) => Array.from({ length: 1500 }, () => `${entropy.u32()} ${entropy.u32()}`));
    expect(new Set(draws).size).toBe(draws.length); // 64 bits each: an accident has a chance of 2^-42
  });

  test('fill fills all of any length', () => {
    const entropy = systemEntropy();
    for (const length of [0, 1, 32, 10_000]) {
      const bytes = new Uint8Array(length);
      entropy.fill(bytes);
      const tail = bytes.subarray(Math.max(0, length - 32));
      if (length >= 32) expect(tail.some((octet) => octet !== 0)).toBe(true);
    }
  });

  test('after discard nothing drawn in advance is handed out', () => {
    const entropy = systemEntropy();
    entropy.u32();
    entropy.discard();
    const draws = Array.from({ length: 8 }, () => entropy.u32());
    expect(draws.some((value) => value !== 0)).toBe(true); // the wiped pool is not drawn from
  });
});
