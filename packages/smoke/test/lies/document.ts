import { exitOfText, type Lie } from './lies.js';

/** What each kind of lie is about, in the order of the document. */
const KINDS: Readonly<Record<string, string>> = {
  drop: 'A marker that is not there is missing, or something came that has to come after it.',
  duplicate: 'A marker that comes again word for word adds nothing.',
  swap: 'Only the order that the profile demands counts.',
  tear: 'A marker that is not whole is none, and its log is corrupt.',
  splice:
    'So is one that other text stands in, before or behind. Where something else stands in the middle of it nobody can tell that there was a marker.',
  forge: 'A claim is believed where the wire shows it, under the addresses of the run, not long after it.',
  'late panic':
    'A crash ends the run at once. After the last marker a live run is over; a log without times is judged to its end.',
  'failure twin': 'The opposite of a demanded marker fails the run at once, also where the marker is there too.',
  'both outcomes': 'What the profile forbids, or what excludes another outcome, fails the run at once.',
  'empty log': 'Silence proves nothing.',
  cut: 'A run that ends too soon has not passed.',
  noise: 'What a console adds is not the guest’s meaning.',
};

/** The text of `docs/verdict-lies.md`, made of the table of the suite. */
export function liesDocument(lies: readonly Lie[]): string {
  return [
    '# Lies, and what becomes of them',
    '',
    'Generated from the table in `packages/smoke/test/lies`; each row is a test. The truth is a recorded run of our services under the profile `dhcp-strict` that passed. Each lie changes its',
    'console or its capture; then the recording is judged, once with the times of its lines, and once as a log without times, whose lines count at the end of the capture.',
    '',
    ...Object.entries(KINDS).flatMap(([kind, text]) => [
      `## ${kind}`,
      '',
      text,
      '',
      ...table([
        ['lie', 'verdict', 'exit', 'without times', 'exit'],
        ...lies
          .filter((lie) => lie.kind === kind)
          .map(({ what, timed, timeless = timed }) => [what, timed, `${exitOfText(timed)}`, timeless, `${exitOfText(timeless)}`]),
      ]),
      '',
    ]),
    '## What is not caught',
    '',
    '- A line up to two seconds before the frames that show it: console and cable are two channels, and which of them was first nobody can say.',
    '- A marker of backing `local`, such as `netstackd: ready`: nothing outside of the guest can confirm it. The verdict counts it as unbacked.',
    '- Without times: a line that came too early, and a budget that ran out.',
    '- A recording in which log, events and capture were changed together so that they agree: only a signature tells (`nexus-net evidence`).',
    '',
  ].join('\n');
}

/** Rows of a Markdown table, aligned as the formatter has it. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)];
}
