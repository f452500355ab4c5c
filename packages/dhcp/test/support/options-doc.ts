import { OPTIONS, type OptionRow, RELAY_OPTIONS, SHAPES } from '../../src/index.js';

/** The text of `docs/dhcp-options.md`. */
export function renderOptions(): string {
  return `${[
    '# DHCP options with typed values',
    '',
    'Generated from `packages/dhcp/src/options/table.ts`; a test compares the two. After a change write this file anew with',
    '`npx vitest run --project host packages/dhcp/test/option-table.test.ts -u`.',
    '',
    'Every other code is kept as octets, in its place. `readOption(message, name)` reads one, `option(name, value)` writes one.',
    '',
    ...table(OPTIONS),
    '',
    '## Sub-options of option 82',
    '',
    '`readRelayOption(message, name)` reads one, `relayOption(name, value)` writes one.',
    '',
    ...table(RELAY_OPTIONS),
  ].join('\n')}\n`;
}

function table(rows: Readonly<Record<string, OptionRow>>): readonly string[] {
  const cells = Object.entries(rows).map(([name, { code, title, reference, shape }]) => [
    String(code),
    `\`${name}\``,
    title,
    SHAPES[shape].layout,
    reference,
  ]);
  const head = ['code', 'name', 'what', 'octets', 'where'];
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)];
}
