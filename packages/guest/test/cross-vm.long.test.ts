import { InMemoryStatefs } from '@nexus-net/dsoftbus';
import { bothWays } from '@nexus-net/lan';
import { describe, expect, test } from 'vitest';
import { type Dialect, LAST_LINE, TwoMachines } from './support/two-machines.js';

const LOSSY = { loss: 0.1, delayMs: 5, jitterMs: 10, duplicate: 0.05, reorder: 0.05 };
const SEEDS = Array.from({ length: 40 }, (_, i) => i);
const NODES = ['node-a', 'node-b'] as const;

/** Nothing but the ladder, its order kept and no line of it twice. */
function expectLadder(two: TwoMachines): void {
  for (const node of NODES) {
    const lines = two.lines(node).filter((line) => !/session lost/.test(line));
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => /FAIL|fail|mismatch/.test(line))).toEqual([]);
  }
}

function untilBothAreDone(two: TwoMachines, withinMs: number): void {
  for (const node of NODES) two.until(node, LAST_LINE[node], withinMs);
}

describe.each<Dialect>(['bus', 'os'])('two machines, dialect %s', (dialect) => {
  test('10 % loss each way, delay, duplicates, reordering: the whole ladder, whatever the seed', () => {
    const times = SEEDS.map((seed) => {
      const two = new TwoMachines({ dialect, seed, impairment: LOSSY });
      untilBothAreDone(two, 120_000);
      expectLadder(two);
      return Math.max(...NODES.map((node) => two.printed[node].at(-1)?.at ?? 0));
    }).sort((a, b) => a - b);
    expect(times[SEEDS.length / 2]).toBeLessThan(10_000);
    expect(times.at(-1)).toBeLessThan(60_000);
  });

  test('cut off in the middle, at every place: what was shown is not said again, the rest is when the cable is back', () => {
    for (let at = 0; at <= 400; at += 20) {
      const two = new TwoMachines({ dialect, seed: at, impairment: { delayMs: 5 } });
      two.sim.runFor(at);
      two.sim.lan.setLink(two.sim.now, 'node-b', bothWays({ cut: true }));
      two.sim.runFor(20_000);
      two.sim.lan.setLink(two.sim.now, 'node-b', bothWays({}));
      untilBothAreDone(two, 60_000);
      expectLadder(two);
    }
  });

  test('node-b loses its power in the middle, at every place: node-a goes on with the next one, and finds what it wrote', () => {
    let persisted = 0;
    for (let at = 0; at <= 400; at += 20) {
      const statefs = new InMemoryStatefs();
      const two = new TwoMachines({ dialect, seed: at, statefs, impairment: { delayMs: 5 } });
      two.sim.runFor(at);
      two.kill('node-b');
      two.sim.runFor(3_000);
      const wasWritten = two.lines('node-a').includes('SELFTEST: remote statefs rw ok');
      two.printed['node-b'].length = 0;
      two.boot('node-b', { statefs });
      untilBothAreDone(two, 60_000);
      two.sim.runFor(3_000);
      expectLadder(two);
      expect(two.lines('node-a').includes('SELFTEST: remote statefs persist ok')).toBe(wasWritten);
      if (wasWritten) persisted++;
    }
    expect(persisted).toBeGreaterThan(0);
  });

  test('the network is cut and heals, and nobody has restarted: nothing is said of persistence', () => {
    const two = new TwoMachines({ dialect });
    untilBothAreDone(two, 10_000);
    two.sim.lan.setLink(two.sim.now, 'node-b', bothWays({ cut: true }));
    two.until('node-a', /session lost/, 60_000);
    two.sim.lan.setLink(two.sim.now, 'node-b', bothWays({}));
    two.sim.runFor(60_000);
    expect(two.sim.now).toBeGreaterThan(0);
    expect(two.lines('node-a').filter((line) => /persist/.test(line))).toEqual([]);
    expectLadder(two);
  });

  test.each([
    ['node-a', 'node-b'],
    ['node-b', 'node-a'],
  ] as const)('%s has a wrong key for %s: it says so once, and nobody has a session', (node, peer) => {
    const two = new TwoMachines({ dialect, faults: { [node]: 'wrong-peer-key' } });
    two.sim.runFor(20_000);
    expect(two.lines(node)).toEqual(['dsoftbusd: discovery cross-vm up', `dsoftbusd: identity mismatch peer=${peer}`]);
    expect(two.lines(peer)).toEqual(['dsoftbusd: discovery cross-vm up']);
  });

  test('node-b is replaced by a new machine with an empty disk: what was written is gone, and that is said', () => {
    const two = new TwoMachines({ dialect });
    untilBothAreDone(two, 10_000);
    two.kill('node-b');
    two.sim.runFor(500);
    two.boot('node-b');
    two.until('node-a', 'SELFTEST: remote statefs persist FAIL get: not-found', 60_000);
    two.sim.runFor(20_000);
    expect(two.lines('node-a').filter((line) => /persist/.test(line))).toHaveLength(1);
  });
});
