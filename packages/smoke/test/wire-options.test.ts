import { describe, expect, test } from 'vitest';
import { FaultSchedule, NEXUS, Refusal, readRequest, readWireFaults } from '../src/index.js';

const NODES = ['a', 'b'];

describe('options of a bad wire', () => {
  test.each([
    [{ loss: '10%' }, { impairment: { loss: 0.1 } }],
    [{ loss: '0.25', delay: '20ms+10ms' }, { impairment: { loss: 0.25, delayMs: 20, jitterMs: 10 } }],
    [{ duplicate: '5%', reorder: '1%' }, { impairment: { duplicate: 0.05, reorder: 0.01 } }],
    [{ partition: '8s:3s' }, { partition: { from: { type: 'at', ms: 8_000 }, forMs: 3_000 } }],
    [{ partition: 'session:500ms' }, { partition: { from: { type: 'phase', phase: 'session' }, forMs: 500 } }],
    [{ cut: 'b@mux' }, { cut: { node: 'b', from: { type: 'phase', phase: 'mux' } } }],
  ])('%j', (values, faults) => {
    expect(readWireFaults(values, NODES)).toMatchObject(faults);
  });

  test('of one machine, its name need not be said', () => {
    expect(readWireFaults({ cut: 'dhcp' }, ['guest'])).toEqual({
      cut: { node: 'guest', from: { type: 'phase', phase: 'dhcp' } },
    });
  });

  test('without a seed one is drawn, and it is in the record', () => {
    expect(readWireFaults({ loss: '1%' }, NODES)?.seed).toMatch(/^[0-9a-f]{8}$/);
    expect(readWireFaults({ loss: '1%', seed: 'mine' }, NODES)?.seed).toBe('mine');
    expect(readWireFaults({}, NODES)).toBeUndefined();
  });

  test.each([
    [{ loss: '101%' }, '--loss is a probability'],
    [{ loss: '-1' }, '--loss is a probability'],
    [{ loss: 'some' }, '--loss is a probability'],
    [{ delay: '5' }, '--delay is a time'],
    [{ delay: '5ms+1ms+1ms' }, '--delay is a time'],
    [{ partition: '8s' }, '--partition is AT:FOR'],
    [{ partition: '8s:0s' }, '--partition is AT:FOR'],
    [{ partition: ':3s' }, '--partition is AT:FOR'],
    [{ cut: 'mux' }, '--cut is NODE@PHASE'],
    [{ cut: 'c@mux' }, '--cut is NODE@PHASE'],
    [{ cut: 'a@' }, '--cut is NODE@PHASE'],
    [{ seed: 'x' }, '--seed goes with'],
  ])('%j is refused in one sentence', (values, sentence) => {
    expect(() => readWireFaults(values, NODES)).toThrow(Refusal);
    expect(() => readWireFaults(values, NODES)).toThrow(sentence);
  });
});

describe('faults and budgets of a request', () => {
  const request = (more: object) => readRequest({}, { guest: NEXUS, dhcpServer: true, profile: 'os2vm', nodeCount: 2, ...more });

  test.each([
    [{ faults: { cut: { node: 'b', from: { type: 'phase', phase: 'dhcp' } } } }, 'has no phase ‘dhcp’'],
    [{ faults: { cut: { node: 'c', from: { type: 'phase', phase: 'mux' } } } }, 'has no machine ‘c’'],
    [{ budgets: { nowhere: 5 } }, 'has no phase ‘nowhere’'],
    [{ nodeCount: 1 }, 'test-os starts one'],
    [{ profile: 'smoke' }, 'test-os2vm starts 2'],
  ])('%j is refused', (more, sentence) => {
    expect(() => request(more)).toThrow(sentence);
  });
});

describe('when faults are due', () => {
  const actions = (schedule: FaultSchedule): unknown[] => {
    const found: unknown[] = [];
    for (let action = schedule.pollEvent(); action !== undefined; action = schedule.pollEvent()) found.push(action);
    return found;
  };
  const pulled = { type: 'cable', node: 'b', state: 'pulled' };

  test('a partition begins with its phase, once, and ends after its time', () => {
    const partition = { from: { type: 'phase', phase: 'mux' }, forMs: 300 } as const;
    const schedule = new FaultSchedule(1_000, { partition }, NODES);
    schedule.handlePhase(1_100, 'session');
    expect([actions(schedule), schedule.nextTimeout()]).toEqual([[], Number.POSITIVE_INFINITY]);
    schedule.handlePhase(1_200, 'mux');
    schedule.handlePhase(1_250, 'mux');
    expect([actions(schedule), schedule.nextTimeout()]).toEqual([[pulled], 1_500]);
    schedule.handleTimeout(1_499);
    expect(actions(schedule)).toEqual([]);
    schedule.handleTimeout(1_500);
    expect(actions(schedule)).toEqual([{ ...pulled, state: 'plugged-in' }]);
  });

  test('instants count from the start of the run', () => {
    const schedule = new FaultSchedule(1_000, { partition: { from: { type: 'at', ms: 50 }, forMs: 10 } }, NODES);
    expect(schedule.nextTimeout()).toBe(1_050);
  });

  test('power comes back only where it is to', () => {
    const kill = { node: 'a', from: { type: 'phase', phase: 'mux' } } as const;
    for (const restart of [true, false]) {
      const schedule = new FaultSchedule(0, { kill: { ...kill, restart } }, NODES);
      schedule.handlePhase(5, 'mux');
      schedule.handleOff('a');
      const off = { type: 'power', node: 'a', state: 'off' };
      expect(actions(schedule)).toEqual(restart ? [off, { ...off, state: 'on' }] : [off]);
    }
  });
});
