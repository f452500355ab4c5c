import type { GroupResult } from './harness.js';
import type { SuiteResult, Table } from './suites/suite.js';

/** The results of a suite as Markdown, which a terminal shows well enough. */
export function markdown({ groups, tables = [], missing = [] }: SuiteResult): string {
  const parts = [...groups.map(groupTable), ...tables].map(({ title, head, rows }) => `**${title}**\n\n${grid(head, rows)}`);
  if (missing.length > 0) parts.push(`Not measured:\n\n${missing.map((each) => `- ${each}`).join('\n')}`);
  return parts.join('\n\n');
}

function groupTable({ title, unit, ratios, figures }: GroupResult): Table {
  const head = ['what', `processor time per ${unit}`, '10 % … 90 % of rounds', 'best', `${unit}s/s`, 'time on the wall'];
  const rows = figures.map((each) => [
    each.name,
    duration(each.median),
    `${duration(each.low)} … ${duration(each.high)}`,
    duration(each.best),
    count(1e9 / each.median),
    duration(each.wall),
    ...(ratios ? [`× ${each.ratio.toFixed(2)}`] : []),
  ]);
  return { title, head: ratios ? [...head, 'against the first'] : head, rows };
}

/** Three digits, in groups of three. */
export function count(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded >= 100 ? Math.round(rounded).toLocaleString('en').replaceAll(',', ' ') : String(rounded);
}

export function duration(ns: number): string {
  if (ns < 1e3) return `${ns.toPrecision(3)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
  return `${(ns / 1e9).toPrecision(3)} s`;
}

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((each, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? each).length)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] as number, fill)).join(' | ')} |`;
  return [
    line(head, ' '),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row, ' ')),
  ].join('\n');
}

/** Replaces what stands between the markers of `name`. Throws where the text has none. */
export function replaceBlock(text: string, name: string, block: string): string {
  const start = `<!-- bench:${name} -->`;
  const end = `<!-- /bench:${name} -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`no markers of ${name} in the README`);
  return `${text.slice(0, from + start.length)}\n\n${block}\n\n${text.slice(to)}`;
}
