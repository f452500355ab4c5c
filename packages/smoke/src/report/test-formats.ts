import { CAUSES, type Verdict } from '@nexus-net/verdict';
import { escapeXml, visible } from './escape.js';

/** One demanded marker of one node as a test case. */
interface Case {
  readonly phase: string;
  readonly name: string;
  readonly seconds: number;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly message: string;
}

/** A verdict with a name in front of its suites and cases, where there are several. */
export interface NamedVerdict {
  /** As `attempt 3`. Default none. */
  readonly name?: string;
  readonly verdict: Verdict;
}

/** A verdict as JUnit XML: a suite for each phase, a case for each marker that it demands of a node, with the time of its phase. */
export function junitXml(verdict: Verdict): string {
  return junitXmlOf([{ verdict }]);
}

/** Several verdicts of one profile as one JUnit XML: the suites of each, in order. */
export function junitXmlOf(verdicts: readonly NamedVerdict[]): string {
  const profile = verdicts[0]?.verdict.profile ?? '';
  const cases = verdicts.flatMap(({ verdict }) => casesOf(verdict));
  const durationMs = verdicts.reduce((sum, { verdict }) => sum + verdict.durationMs, 0);
  const failures = cases.filter(({ outcome }) => outcome === 'failed').length;
  const head = `<testsuites name="nexus-net ${escapeXml(profile)}" tests="${cases.length}" failures="${failures}" time="${(durationMs / 1_000).toFixed(6)}">`;
  return ['<?xml version="1.0" encoding="UTF-8"?>', head, ...verdicts.flatMap(suitesOf), '</testsuites>', ''].join('\n');
}

function suitesOf({ name: title, verdict }: NamedVerdict): readonly string[] {
  const cases = casesOf(verdict);
  const titled = (name: string): string => (title === undefined ? name : `${title} · ${name}`);
  return verdict.phases.map(({ name, startedMs = 0, endedMs = 0 }) => {
    const own = cases.filter(({ phase }) => phase === name);
    const count = (outcome: Case['outcome']): number => own.filter((each) => each.outcome === outcome).length;
    const rows = own.map(({ name: marker, seconds, outcome, message }) => {
      const attributes = `classname="${escapeXml(titled(`${verdict.profile}.${name}`))}" name="${escapeXml(marker)}" time="${seconds.toFixed(6)}"`;
      if (outcome === 'passed') return `    <testcase ${attributes}/>`;
      const inner =
        outcome === 'skipped'
          ? `<skipped message="${escapeXml(message)}"/>`
          : `<failure type="${escapeXml(verdict.failure?.cause ?? '')}" message="${escapeXml(message)}"/>`;
      return `    <testcase ${attributes}>${inner}</testcase>`;
    });
    return [
      `  <testsuite name="${escapeXml(titled(name))}" tests="${own.length}" failures="${count('failed')}" skipped="${count('skipped')}" time="${((endedMs - startedMs) / 1_000).toFixed(6)}">`,
      ...rows,
      '  </testsuite>',
    ].join('\n');
  });
}

/** The same as TAP version 13. */
export function tapText(verdict: Verdict): string {
  return tapTextOf([{ verdict }]);
}

/** Several verdicts as one TAP, numbered through. */
export function tapTextOf(verdicts: readonly NamedVerdict[]): string {
  const cases = verdicts.flatMap(({ name: run, verdict }) =>
    casesOf(verdict).map((each) => ({ ...each, cause: verdict.failure?.cause, run: run === undefined ? '' : `${run}: ` })),
  );
  const lines = cases.map(({ phase, name, outcome, message, seconds, cause, run }, i) => {
    const title = `${i + 1} - ${tapWord(run)}${tapWord(phase)}: ${tapWord(name)}`;
    if (outcome === 'passed') return `ok ${title} # time=${(seconds * 1_000).toFixed(3)}ms`;
    if (outcome === 'skipped') return `not ok ${title} # SKIP ${tapWord(message)}`;
    return [`not ok ${title}`, '  ---', `  cause: ${cause}`, `  message: ${JSON.stringify(visible(message))}`, '  ...'].join(
      '\n',
    );
  });
  return ['TAP version 13', `1..${cases.length}`, ...lines, ''].join('\n');
}

function casesOf({ phases, markers, failure }: Verdict): readonly Case[] {
  return phases.flatMap(({ name: phase, outcome, markers: demanded, startedMs = 0, endedMs = 0 }) => {
    const cases = demanded.map(({ marker, node }): Case => {
      const claims = markers.filter((each) => each.id === marker && each.node === node);
      const isBelieved = claims.length > 0 && claims.every(({ evidence }) => evidence === 'proven' || evidence === 'unbacked');
      const done = outcome === 'passed' || (outcome === 'failed' && isBelieved);
      const name = `${node}: ${claims[0]?.marker ?? marker}`;
      const seconds = (endedMs - startedMs) / 1_000;
      if (done) return { phase, name, seconds, outcome: 'passed', message: '' };
      if (outcome === 'not-reached') return { phase, name, seconds: 0, outcome: 'skipped', message: 'the phase was not reached' };
      const message = failure === undefined ? 'not claimed' : `${CAUSES[failure.cause]}: ${failure.message}`;
      return { phase, name, seconds, outcome: 'failed', message };
    });
    // A phase may fail by a crash when all of its markers are there: that is a case too.
    if (outcome !== 'failed' || cases.some((each) => each.outcome === 'failed') || failure === undefined) return cases;
    const name = `${failure.node ?? 'run'}: ${failure.cause}`;
    return [
      ...cases,
      { phase, name, seconds: (endedMs - startedMs) / 1_000, outcome: 'failed' as const, message: failure.message },
    ];
  });
}

function tapWord(text: string): string {
  return visible(text).replaceAll(/[#\n]/g, ' ');
}
