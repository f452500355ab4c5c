import type { Millis } from '@nexus-net/sansio';
import { printable } from '../printable.js';
import type { RepeatProgress, RepeatReport } from './repeat.js';
import type { Rate } from './statistics.js';

/** One line for an attempt that is over. */
export function progressLine({ attempt, report, leftMs }: RepeatProgress): string {
  const { number, outcome, phase, cause, folder, durationMs } = attempt;
  const width = String(report.requested).length;
  const what = outcome === 'passed' ? 'passed' : `${outcome} ${[phase, cause].filter((each) => each !== undefined).join(': ')}`;
  const parts = [
    `${String(number).padStart(width)}/${report.requested}  ${what}`,
    seconds(durationMs),
    `${report.failed} failed so far`,
    ...(leftMs > 0 ? [`about ${spoken(leftMs)} left`] : []),
    ...(outcome === 'passed' || folder === undefined ? [] : [folder]),
  ];
  return printable(`  ${parts.join('  ·  ')}`);
}

/** What a series comes to, for a person. */
export function repeatLines(report: RepeatReport): readonly string[] {
  const { requested, attempts, passed, failed, flakeRate, durationMs, failures, endedBy } = report;
  const judged = passed + failed;
  const lines = [
    `${judged} of ${requested} attempts judged: ${passed} passed, ${failed} failed${endedBy === 'done' ? '' : ` (ended: ${endedBy})`}`,
    ...(flakeRate === undefined ? [] : [`  flake rate  ${rateText(flakeRate)}`]),
    ...(durationMs === undefined
      ? []
      : [
          `  duration    median ${seconds(durationMs.median)}, 95th percentile ${seconds(durationMs.p95)}, longest ${seconds(durationMs.max)}`,
        ]),
    ...failures.map(
      ({ phase, cause, count, attempts: numbers, message }) =>
        `  ${count} ×  ${phase}: ${cause}  (attempts ${numbers.join(', ')})  ${message}`,
    ),
    ...attempts.flatMap(({ number, outcome, message = '' }) =>
      outcome === 'refused' || outcome === 'interrupted' ? [`  attempt ${number} ${outcome}: ${message}`] : [],
    ),
  ];
  return lines.map(printable);
}

/** `0.50 % (95 % interval 0.09 % to 2.78 %)` */
export function rateText({ rate, low, high }: Rate): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  return `${percent(rate)} (95 % interval ${percent(low)} to ${percent(high)})`;
}

function seconds(ms: Millis): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

function spoken(ms: Millis): string {
  const whole = Math.ceil(ms / 1_000);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
