import { describe, expect, test } from 'vitest';
import type { TcpStateName } from '../../src/index.js';
import { stateDiagram } from '../../src/tcp/state-diagram.js';
import { TCP_STATE_NAMES, TCP_STATES, type TcpTransitionEvent } from '../../src/tcp/states.js';

/** RFC 9293 figure 5, typed from its arcs, and the resets of §3.10.7. */
const FIGURE_5: readonly (readonly [TcpStateName, TcpTransitionEvent, TcpStateName])[] = [
  ['CLOSED', 'passive-open', 'LISTEN'],
  ['CLOSED', 'active-open', 'SYN-SENT'],
  ['LISTEN', 'close', 'CLOSED'],
  ['LISTEN', 'syn', 'SYN-RECEIVED'],
  ['SYN-SENT', 'close', 'CLOSED'],
  ['SYN-SENT', 'syn', 'SYN-RECEIVED'],
  ['SYN-SENT', 'syn-ack', 'ESTABLISHED'],
  ['SYN-RECEIVED', 'ack-of-syn', 'ESTABLISHED'],
  ['ESTABLISHED', 'close', 'FIN-WAIT-1'],
  ['ESTABLISHED', 'fin', 'CLOSE-WAIT'],
  ['FIN-WAIT-1', 'ack-of-fin', 'FIN-WAIT-2'],
  ['FIN-WAIT-1', 'fin', 'CLOSING'],
  ['FIN-WAIT-2', 'fin', 'TIME-WAIT'],
  ['CLOSING', 'ack-of-fin', 'TIME-WAIT'],
  ['CLOSE-WAIT', 'close', 'LAST-ACK'],
  ['LAST-ACK', 'ack-of-fin', 'CLOSED'],
  ['TIME-WAIT', 'time-wait-over', 'CLOSED'],
];
const ENDS: readonly TcpTransitionEvent[] = ['reset', 'abort', 'user-timeout'];

describe('the table of states', () => {
  test('no cell is undecided', () => {
    const events = Object.keys(TCP_STATES.CLOSED) as TcpTransitionEvent[];
    expect(Object.keys(TCP_STATES).sort()).toEqual([...TCP_STATE_NAMES].sort());
    for (const row of Object.values(TCP_STATES)) {
      expect(Object.keys(row).sort()).toEqual([...events].sort());
      for (const cell of Object.values(row)) expect(cell === '-' || cell in TCP_STATES).toBe(true);
    }
  });

  test.each(FIGURE_5)('%s, %s: %s', (from, event, to) => {
    expect(TCP_STATES[from][event]).toBe(to);
  });

  test('there is no arc that the figure does not have, but for ends', () => {
    const arcs = Object.entries(TCP_STATES).flatMap(([from, row]) =>
      Object.entries(row)
        .filter(([event, to]) => to !== '-' && !ENDS.includes(event as TcpTransitionEvent))
        .map(([event, to]) => `${from} ${event} ${to}`),
    );
    expect(arcs.sort()).toEqual(FIGURE_5.map((arc) => arc.join(' ')).sort());
  });

  test.each(ENDS)('%s ends every state that it can end', (event) => {
    const alive = TCP_STATE_NAMES.filter((state) => TCP_STATES[state][event] === 'CLOSED');
    const all = TCP_STATE_NAMES.filter((state) => state !== 'CLOSED');
    expect(alive).toEqual(event === 'abort' ? all : all.filter((state) => state !== 'LISTEN' && state !== 'TIME-WAIT'));
  });

  test('docs/tcp-states.md is drawn from it', async () => {
    await expect(stateDiagram()).toMatchFileSnapshot('../../../../docs/tcp-states.md');
  });
});
