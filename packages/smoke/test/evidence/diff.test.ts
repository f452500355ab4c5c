import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../sansio/test/support/runs.js';
import { diffRuns, type RunReport } from '../../src/index.js';
import { recordRun } from '../support/recorded-run.js';
import { filesOfRun } from './support/sealed-run.js';

function reportOf(options: Parameters<typeof recordRun>[0]): RunReport {
  const file = filesOfRun(recordRun(options)).find(({ name }) => name === 'verdict.json')!;
  return JSON.parse(new TextDecoder().decode(file.bytes));
}

const DHCP = { REQUIRE_QEMU_DHCP: '1' };
const run = reportOf({ environment: DHCP });

test('a run and itself are the same, and so are two runs that drew other numbers', () => {
  expect(diffRuns(run, run, { thresholdMs: 0 })).toMatchObject({ same: true, header: [], markers: { changes: [], repeats: [] } });
  const other = reportOf({ environment: DHCP, seed: 2 });
  expect(other.facts).not.toEqual(run.facts);
  expect(diffRuns(run, other).same).toBe(true);
});

test('a run that failed beside one that passed: the cause, what is missing, and where they part', () => {
  const diff = diffRuns(run, reportOf({ environment: DHCP, dhcpServer: false }));
  expect(diff.same).toBe(false);
  expect(diff.header).toContainEqual({ what: 'cause', a: 'none', b: '"no-dhcp-offer"' });
  expect(diff.markers.changes[0]).toMatchObject({ change: 'missing', a: 3, what: expect.stringContaining('dhcp bound') });
  expect(diff.markers.divergence).toMatchObject({ position: 3, a: expect.stringContaining('dhcp bound') });
  expect(diff.facts.divergence?.a).toContain('dhcp.offered');
});

describe('markers and facts', () => {
  const moved = { ...run, markers: [...run.markers.slice(1), run.markers[0]!] };
  test('a thing that moved is one that moved, and the rest stayed', () => {
    expect(diffRuns(run, moved).markers.changes).toMatchObject([{ change: 'moved', a: 1, b: run.markers.length }]);
  });

  test('a marker that is no longer believed is another', () => {
    const lied = { ...run, markers: run.markers.map((each, i) => (i === 2 ? { ...each, evidence: 'missing' as const } : each)) };
    expect(diffRuns(run, lied).markers.changes.map(({ change }) => change)).toEqual(['missing', 'added']);
  });

  test('a thing that happened more often is told, and is no difference', () => {
    const often = { ...run, facts: [...run.facts, run.facts[0]!] };
    const diff = diffRuns(run, often);
    expect([diff.same, diff.facts.repeats]).toEqual([true, [expect.objectContaining({ a: 1, b: 2 })]]);
  });

  test('a rule that was broken in one of them', () => {
    const violation = { rule: 'arp.x', reference: 'RFC 826', message: 'm', frames: [1], fatal: false };
    expect(diffRuns(run, { ...run, violations: [violation] })).toMatchObject({
      same: false,
      violations: { changes: [{ change: 'added' }] },
    });
  });

  test('property: what is missing there is added here, and a permutation only moves', () => {
    fc.assert(
      fc.property(fc.subarray([...run.markers]), fc.shuffledSubarray([...run.markers]), (one, other) => {
        const [a, b] = [
          { ...run, markers: one },
          { ...run, markers: other },
        ];
        const count = (diff: ReturnType<typeof diffRuns>, what: string): number =>
          diff.markers.changes.filter(({ change }) => change === what).length;
        expect(count(diffRuns(a, b), 'missing')).toBe(count(diffRuns(b, a), 'added'));
        expect(count(diffRuns(a, b), 'moved')).toBe(count(diffRuns(b, a), 'moved'));
        expect(diffRuns(a, a).same).toBe(true);
      }),
      { numRuns: runs(30) },
    );
  });
});

describe('times', () => {
  const slow = { ...run, markers: run.markers.map((each, i) => (i >= 2 ? { ...each, atMs: each.atMs + 500 } : each)) };
  test('only the step that took longer is beyond the threshold, not what came after it', () => {
    const diff = diffRuns(run, slow, { thresholdMs: 100 });
    expect(diff.times.filter(({ beyond }) => beyond).map(({ what }) => what)).toEqual([expect.stringContaining('dhcp bound')]);
    expect(diff.same).toBe(false);
  });

  test('without a threshold they are shown and not judged', () => {
    expect(diffRuns(run, slow)).toMatchObject({ same: true });
  });
});
