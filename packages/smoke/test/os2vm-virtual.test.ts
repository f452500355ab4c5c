import { ADDRESS_PLAN, decodeEthernet, encodeEthernet } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { readWireFaults } from '../src/index.js';
import { expectSameOffline, failureOf, runPair, unprovenIn } from './support/pair-run.js';

// A run of two machines takes a tenth of a second: here is what every change has to keep, the rest is in the long suite.

describe.each(['bus', 'os'] as const)('two machines of ours, dialect %s', (dialect) => {
  test('pass, and one that begins again finds what it wrote: proven by frames between the two, live and from the recording', () => {
    const kill = { node: 'b', from: { type: 'phase', phase: 'persist' }, restart: true } as const;
    const run = runPair({ dialect, profile: 'os2vm-restart', faults: { kill } });
    expect(run.verdict.failure).toBeUndefined();
    expect(run.events.flatMap((event) => (event.type === 'fault' ? [event.action] : []))).toEqual([
      { type: 'power', node: 'b', state: 'off' },
      { type: 'power', node: 'b', state: 'on' },
    ]);
    expect(run.facts.filter(({ kind }) => String(kind).startsWith('dhcp.'))).toEqual([]);
    expectSameOffline(run);
  });
});

test('a wire that loses, delays, doubles and reorders: the run passes', () => {
  const wire = { loss: '10%', delay: '5ms+5ms', duplicate: '3%', reorder: '3%', seed: 'x' };
  const run = runPair({ dialect: 'os', faults: readWireFaults(wire, ['a', 'b']) ?? {} });
  expect(run.verdict.failure).toBeUndefined();
  expectSameOffline(run);
});

test('a fault whose moment never came has not been, and the run says so; every line is proven', () => {
  const partition = { from: { type: 'at', ms: 500_000 }, forMs: 10 } as const;
  const run = runPair({ faults: { partition } });
  expect([run.verdict.outcome, run.faultsPending]).toEqual(['passed', ['cable of b, 500000 ms']]);
  expect(unprovenIn(run)).toEqual(['netstackd-ready', 'netstackd-ready']);
});

describe('what is taken away is found, in its phase, for its cause, with its number', () => {
  test('the key of the peer', () => {
    expect(failureOf({ fault: 'wrong-peer-key' })).toEqual(['session', 'b', 'failure-marker', 99]);
  });

  test('the cable, from the beginning', () => {
    const cut = { node: 'b', from: { type: 'phase', phase: 'boot' } } as const;
    expect(failureOf({ faults: { cut } })).toEqual(['iface', 'b', 'unproven-marker', 3]);
  });

  test('the exchange behind a line: forged', () => {
    const [phase, , cause, code] = failureOf({ fault: 'forged-marker' });
    expect([phase, cause, code]).toEqual(['remote', 'unproven-marker', 3]);
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
