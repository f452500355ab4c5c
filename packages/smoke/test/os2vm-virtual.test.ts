import { ADDRESS_PLAN, decodeEthernet, encodeEthernet } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { exitOf, ladderOptionsOf, os2vmExitCode, readWireFaults, verifyRecording } from '../src/index.js';
import { type PairOptions, type PairRun, runPair } from './support/pair-run.js';

const NODES = ['a', 'b'];
const LOSSY = readWireFaults({ loss: '10%', delay: '5ms+5ms', duplicate: '3%', reorder: '3%', seed: 'x' }, NODES) ?? {};

/** So that the phases come one after another. */
const SLOW = readWireFaults({ delay: '40ms', seed: 'x' }, NODES) ?? {};

const failureOf = (options: PairOptions) => {
  const { verdict } = runPair(options);
  const { phase, node, cause } = verdict.failure ?? {};
  return [phase, node, cause, os2vmExitCode({ exit: exitOf(verdict), ...(verdict.failure && { failure: verdict.failure }) })];
};

/** Judged again from its recording, a run has the verdict that it had. */
function expectSameOffline({ request, frames, inputs, verdict }: PairRun): void {
  expect(verifyRecording(ladderOptionsOf(request), { frames, inputs })).toEqual(verdict);
}

describe.each(['bus', 'os'] as const)('two machines of ours, dialect %s', (dialect) => {
  test('pass: every line is proven by frames between the two, live and from the recording', () => {
    const run = runPair({ dialect });
    expect(run.verdict.failure).toBeUndefined();
    const unproven = run.verdict.markers.filter(({ evidence }) => evidence !== 'proven').map(({ id }) => id);
    expect(unproven).toEqual(['netstackd-ready', 'netstackd-ready']);
    expect(run.facts.filter(({ kind }) => String(kind).startsWith('dhcp.'))).toEqual([]);
    expectSameOffline(run);
  });

  test('a machine that begins again finds what it wrote', () => {
    const kill = { node: 'b', from: { type: 'phase', phase: 'persist' }, restart: true } as const;
    const run = runPair({ dialect, profile: 'os2vm-restart', faults: { kill } });
    expect(run.verdict.failure).toBeUndefined();
    expect(run.events.flatMap((event) => (event.type === 'fault' ? [event.action] : []))).toEqual([
      { type: 'power', node: 'b', state: 'off' },
      { type: 'power', node: 'b', state: 'on' },
    ]);
    expectSameOffline(run);
  });
});

test('a wire that loses, delays, doubles and reorders: the run passes, and the same seed gives the same run', () => {
  const run = runPair({ dialect: 'os', faults: LOSSY });
  expect(run.verdict.failure).toBeUndefined();
  expectSameOffline(run);
  const frames = ({ frames: all }: PairRun): unknown => all.map(({ at, bytes }) => [at, bytes.length]);
  expect(frames(runPair({ dialect: 'os', faults: LOSSY }))).toEqual(frames(run));
});

test('one machine may come up long after the other', () => {
  expect(runPair({ dialect: 'os', bootMs: { a: 0, b: 45_000 } }).verdict.failure).toBeUndefined();
});

test('a partition is waited out', () => {
  const partition = { from: { type: 'phase', phase: 'iface' }, forMs: 8_000 } as const;
  const run = runPair({ dialect: 'os', faults: { partition } });
  expect(run.verdict.failure).toBeUndefined();
  expect(run.verdict.durationMs).toBeGreaterThan(8_000);
  expectSameOffline(run);
});

describe('what is taken away is found, in its phase, for its cause, with its number', () => {
  test('the key of the peer', () => {
    expect(failureOf({ fault: 'wrong-peer-key' })).toEqual(['session', 'b', 'failure-marker', 99]);
  });

  test('the cable, from the beginning', () => {
    const cut = { node: 'b', from: { type: 'phase', phase: 'boot' } } as const;
    expect(failureOf({ faults: { cut } })).toEqual(['iface', 'b', 'unproven-marker', 3]);
  });

  test('the power of a machine', () => {
    const kill = { node: 'b', from: { type: 'phase', phase: 'session' }, restart: false } as const;
    expect(failureOf({ faults: { ...SLOW, kill } })).toEqual(['session', 'b', 'guest-exit', 43]);
  });

  test('what was written, with the machine that had it', () => {
    const kill = { node: 'b', from: { type: 'phase', phase: 'persist' }, restart: true } as const;
    const wish = { profile: 'os2vm-restart', faults: { kill }, isForgetful: true };
    expect(failureOf(wish)).toEqual(['persist', 'a', 'failure-marker', 99]);
  });

  test('the exchange behind a line: forged', () => {
    const [phase, , cause, code] = failureOf({ fault: 'forged-marker' });
    expect([phase, cause, code]).toEqual(['remote', 'unproven-marker', 3]);
  });

  test('a line of the ladder', () => {
    const lie = (_node: string, line: string): string | undefined => (line === 'SELFTEST: remote query ok' ? undefined : line);
    expect(failureOf({ lie })).toEqual(['remote', 'a', 'out-of-order', 52]);
  });
});

test('a machine that speaks as the other one fails the run', () => {
  const { nodeAMac, nodeBMac } = ADDRESS_PLAN.os2vm;
  const inject = (node: string, frame: Uint8Array): readonly Uint8Array[] => {
    const decoded = decodeEthernet(frame);
    if (node !== 'a' || !decoded.ok) return [];
    return [encodeEthernet({ ...decoded.value, source: nodeBMac, destination: nodeAMac })];
  };
  expect(failureOf({ inject })).toEqual(['boot', undefined, 'wire-violation', 5]);
});

test('a fault for a phase that was over at once has not been, and the run says so', () => {
  const kill = { node: 'b', from: { type: 'phase', phase: 'discovery' }, restart: false } as const;
  const run = runPair({ faults: { kill } });
  expect([run.verdict.outcome, run.faultsPending]).toEqual(['passed', ['power of b, phase discovery']]);
});
