import { describe, expect, test } from 'vitest';
import { recordRun } from '../support/recorded-run.js';
import { after, evidenceOf, judge, verdictText } from './lies.js';
import { noise } from './table.js';

const evidence = evidenceOf(recordRun({ environment: { REQUIRE_QEMU_DHCP: '1' } }));
const MIB = 2 ** 20;

describe('20 MB of noise change nothing', () => {
  test.each([0, 3, evidence.lines.length - 1])('after line %i', (index) => {
    const { timed, timeless } = judge(after(evidence, index, noise(20 * MIB)));
    expect([timed, timeless].map(verdictText)).toEqual(['passed', 'passed']);
  });

  test('as one line', () => {
    const { timed, timeless } = judge(after(evidence, 3, 'x'.repeat(20 * MIB)));
    expect([timed, timeless].map(verdictText)).toEqual(['passed', 'passed']);
  });
});
