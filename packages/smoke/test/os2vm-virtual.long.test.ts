import { describe, expect, test } from 'vitest';
import { readWireFaults } from '../src/index.js';
import { expectSameOffline, failureOf, type PairRun, runPair, unprovenIn } from './support/pair-run.js';

const SEEDS = Array.from({ length: 20 }, (_, i) => i);

describe.each(['bus', 'os'] as const)('two machines of ours on a bad wire, dialect %s', (dialect) => {
  test.each([
    { loss: '10%' },
    { loss: '20%', delay: '30ms+20ms' },
    { loss: '10%', delay: '5ms+5ms', duplicate: '5%', reorder: '5%' },
  ])('%j: the run passes whatever the seed, and from its recording too', (wire) => {
    for (const seed of SEEDS) {
      const faults = readWireFaults({ ...wire, seed: `${seed}` }, ['a', 'b']) ?? {};
      const run = runPair({ dialect, seed, faults });
      expect([seed, run.verdict.failure]).toEqual([seed, undefined]);
      expectSameOffline(run);
    }
  });

  test.each(['link', 'iface', 'session', 'mux', 'remote', 'persist'])('a machine that begins again when %s begins', (phase) => {
    const kill = { node: 'b', from: { type: 'phase', phase }, restart: true } as const;
    const profile = phase === 'persist' ? 'os2vm-restart' : 'os2vm';
    for (const seed of SEEDS.slice(0, 5)) {
      const faults = { ...readWireFaults({ delay: '40ms', seed: `${seed}` }, ['a', 'b']), kill };
      expect([seed, runPair({ dialect, seed, profile, faults }).verdict.failure]).toEqual([seed, undefined]);
    }
  });
});

describe.each(['bus', 'os'] as const)('two machines of ours that nothing befalls, dialect %s', (dialect) => {
  test('pass: every line is proven by frames between the two, live and from the recording', () => {
    const run = runPair({ dialect });
    expect(run.verdict.failure).toBeUndefined();
    expect(unprovenIn(run)).toEqual(['netstackd-ready', 'netstackd-ready']);
    expect(run.facts.filter(({ kind }) => String(kind).startsWith('dhcp.'))).toEqual([]);
    expectSameOffline(run);
  });

  test('one machine may come up long after the other', () => {
    expect(runPair({ dialect, bootMs: { a: 0, b: 45_000 } }).verdict.failure).toBeUndefined();
  });

  test('a partition is waited out', () => {
    const partition = { from: { type: 'phase', phase: 'iface' }, forMs: 8_000 } as const;
    const run = runPair({ dialect, faults: { partition } });
    expect(run.verdict.failure).toBeUndefined();
    expect(run.verdict.durationMs).toBeGreaterThan(8_000);
    expectSameOffline(run);
  });

  test('the same seed gives the same run, on a wire that loses, delays, doubles and reorders too', () => {
    const wire = { loss: '10%', delay: '5ms+5ms', duplicate: '3%', reorder: '3%', seed: 'x' };
    const faults = readWireFaults(wire, ['a', 'b']) ?? {};
    const frames = ({ frames: all }: PairRun): unknown => all.map(({ at, bytes }) => [at, bytes.length]);
    expect(frames(runPair({ dialect, faults }))).toEqual(frames(runPair({ dialect, faults })));
  });
});

describe('what is taken away late is found, in its phase, for its cause, with its number', () => {
  /** So that the phases come one after another. */
  const slow = readWireFaults({ delay: '40ms', seed: 'x' }, ['a', 'b']) ?? {};

  test('the power of a machine', () => {
    const kill = { node: 'b', from: { type: 'phase', phase: 'session' }, restart: false } as const;
    expect(failureOf({ faults: { ...slow, kill } })).toEqual(['session', 'b', 'guest-exit', 43]);
  });

  test('what was written, with the machine that had it', () => {
    const kill = { node: 'b', from: { type: 'phase', phase: 'persist' }, restart: true } as const;
    const wish = { profile: 'os2vm-restart', faults: { kill }, isForgetful: true };
    expect(failureOf(wish)).toEqual(['persist', 'a', 'failure-marker', 99]);
  });

  test('a line of the ladder', () => {
    const lie = (_node: string, line: string): string | undefined => (line === 'SELFTEST: remote query ok' ? undefined : line);
    expect(failureOf({ lie })).toEqual(['remote', 'a', 'out-of-order', 52]);
  });
});
