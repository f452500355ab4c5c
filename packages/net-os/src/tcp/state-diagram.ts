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
  const cells = [
    ['state', ...events],
    ...TCP_STATE_NAMES.map((state) => [state, ...events.map((event) => TCP_STATES[state][event])]),
  ];
  const widths = ['state', ...events].map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
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
    lines[0] ?? '',
    rule,
    ...lines.slice(1),
    '',
  ].join('\n');
}

/** Mermaid takes a hyphen for an operator. */
function idOf(state: string): string {
  return state.replaceAll('-', '_');
}
