import { styleText } from 'node:util';
import type { Millis } from '@nexus-net/sansio';
import { CAUSES } from '@nexus-net/verdict';
import { printable } from './printable.js';
import type { RunRequest } from './request.js';
import type { RunOutcome } from './run.js';
import type { SmokeEvent } from './smoke-machine.js';

/** Where a report is written, line by line. */
export type Print = (line: string) => void;

/** What a person reads while a run goes on, and at its end. */
export class HumanReport {
  readonly #print: Print;
  readonly #style: typeof styleText;

  /** `colour`: the lines are for a terminal that shows ANSI colours. */
  constructor(print: Print, { colour }: { readonly colour: boolean }) {
    this.#print = print;
    this.#style = colour ? styleText : (_format, text) => text;
  }

  begin({ guest, profile, dhcpServer, wire = 'embedded' }: RunRequest): void {
    this.#print(
      `${this.#style('bold', `${guest.name} · ${profile.name}`)}  ${profile.description}${dhcpServer ? '' : '  (DHCP server off)'}${wire === 'embedded' ? '' : `  (wire: ${wire})`}`,
    );
  }

  event(event: SmokeEvent): void {
    if (event.type === 'phase') {
      const { name, outcome, startedMs = 0, endedMs = 0 } = event.report;
      const tick = outcome === 'passed' ? this.#style('green', '✓') : this.#style('red', '✗');
      this.#print(`  ${tick} ${name.padEnd(7)} ${seconds(endedMs - startedMs)}`);
    } else if (event.type === 'marker') {
      const { marker, origin, line, evidence, frames } = event.report;
      const how = origin === 'mapped' ? `mapped from ‘${printable(line)}’` : 'printed';
      const proof = evidence === 'proven' ? `frames ${ranges(frames)}` : evidence;
      this.#print(this.#style('dim', `      ${marker}  ·  ${how}  ·  ${proof}`));
    }
  }

  end({ report, folder }: RunOutcome): void {
    const { failure, violations, durationMs, unbacked, troubles } = report;
    for (const { rule, reference, message, frames } of violations) {
      this.#print(`  ${this.#style('yellow', '!')} ${reference}: ${message} (${rule}, frame ${frames.join(', ')})`);
    }
    for (const trouble of troubles) this.#print(`  ${this.#style('yellow', '!')} ${printable(trouble)}`);
    if (failure === undefined) {
      const unproven =
        unbacked.length === 0 ? '' : `, ${unbacked.length} marker believed without evidence (${unbacked.join(', ')})`;
      const word =
        report.exit === 'passed'
          ? this.#style(['green', 'bold'], 'passed')
          : this.#style(['red', 'bold'], `passed, and ${report.exit}: not all of its proof could be kept, so it is none;`);
      this.#print(`${word} in ${seconds(durationMs)}, ${report.frames} frames${unproven}`);
    } else {
      this.#print(
        `${this.#style(['red', 'bold'], 'failed')} in phase ${this.#style('bold', failure.phase)}: ${failure.cause}, ${CAUSES[failure.cause]}`,
      );
      this.#print(`  likely   ${printable(failure.message)}`);
      if (failure.marker !== undefined) this.#print(`  missing  ${failure.marker}`);
      this.#print(`  console  ${printable(failure.lastLine ?? '(nothing)')}`);
      this.#print(`  wire     ${printable(failure.lastFact ?? '(nothing)')}`);
    }
    this.#print(`  ${this.#style('dim', folder)}`);
  }
}

/** `3, 5–8` for 3, 5, 6, 7, 8. */
function ranges(frames: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const frame of frames) {
    const run = runs.at(-1);
    if (run !== undefined && frame === run.last + 1) run.last = frame;
    else runs.push({ first: frame, last: frame });
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`)).join(', ');
}

function seconds(ms: Millis): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
