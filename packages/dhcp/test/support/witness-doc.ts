import { DHCP_RULES } from '../../src/index.js';
import { MUTATIONS } from './mutations.js';

/** The text of `docs/dhcp-witness-rules.md`. */
export function renderWitnessRules(): string {
  const rows = Object.entries(DHCP_RULES).map(([id, { reference, text }]) => [
    `\`${id}\``,
    reference,
    text,
    MUTATIONS.filter(({ rule }) => rule === id)
      .map(({ what }) => what)
      .join('; '),
  ]);
  const head = ['rule', 'where', 'what a correct peer does', 'shown to be caught'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  return `${[
    '# Rules of the DHCP witness',
    '',
    'Generated from `packages/dhcp/src/witness/rules.ts` and the list of mutated scenes in its tests; a test compares the two. After a',
    'change write this file anew with `npx vitest run --project host packages/dhcp/test/witness.test.ts -u`.',
    '',
    'A rule is reported with the numbers of the frames that show it. The witness stays silent where a capture may just not show',
    'everything: replies to requests before its first frame, renewals that passed elsewhere, an ACK or NAK that may have been lost.',
    '',
    line(head),
    line(widths.map((width) => '-'.repeat(width))),
    ...rows.map(line),
  ].join('\n')}\n`;
}
