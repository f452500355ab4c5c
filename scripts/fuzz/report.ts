import type { Crash, Fuzzer } from './fuzzer.js';

/** One line about where a run stands. */
export function progressLine(fuzzer: Fuzzer, elapsedMs: number): string {
  const { executions, corpus, coverage, crashes } = fuzzer;
  const rate = Math.round((1000 * executions) / Math.max(1, elapsedMs));
  return [
    `${(elapsedMs / 1000).toFixed(0)} s`,
    `${grouped(executions)} executions`,
    `${grouped(rate)}/s`,
    `corpus ${corpus.entries.length}`,
    `reached ${coverage.reached.length} of ${coverage.total}`,
    ...(crashes.length > 0 ? [`${crashes.length} found`] : []),
  ].join(' · ');
}

/** What was found, its octets, and where they were put. */
export function crashText({ finding, bytes, execution }: Crash, path: string): string {
  const shown = Buffer.from(bytes.subarray(0, 64)).toString('hex');
  return [
    `✗ ${finding.kind}: ${finding.message}`,
    `  ${bytes.length} octets, execution ${execution}: ${shown}${bytes.length > 64 ? '…' : ''}`,
    `  ${path}`,
  ].join('\n');
}

function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}
