import { TCP_STATE_NAMES, TCP_STATES, type TcpTransitionEvent } from './states.js';

/** `docs/tcp-states.md`: the table as a diagram and as itself. */
export function stateDiagram(): string {
  const events = Object.keys(TCP_STATES.CLOSED) as TcpTransitionEvent[];
  const arcs = TCP_STATE_NAMES.flatMap((from) => {
    const targets = new Map<string, string[]>();
    for (const event of events) {
      const to = TCP_STATES[from][event];
      if (to !== '-') targets.set(to, [...(targets.get(to) ?? []), event]);
    }
    return [...targets].map(([to, names]) => `  ${idOf(from)} --> ${idOf(to)}: ${names.join(', ')}`);
  });
  const head = `| state | ${events.join(' | ')} |`;
  const rows = TCP_STATE_NAMES.map((state) => `| ${state} | ${events.map((event) => TCP_STATES[state][event]).join(' | ')} |`);
  return [
    '# States of a TCP connection',
    '',
    'Generated from `TCP_STATES` (packages/net-os/src/tcp/states.ts); a test compares. `vitest -u` writes it anew.',
    'Every change of state goes through this table; `-` leaves the state as it is. `close` is the moment at which our FIN is queued.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> CLOSED',
    ...arcs,
    '```',
    '',
    head,
    `|${' --- |'.repeat(events.length + 1)}`,
    ...rows,
    '',
  ].join('\n');
}

/** Mermaid takes a hyphen for an operator. */
function idOf(state: string): string {
  return state.replaceAll('-', '_');
}
