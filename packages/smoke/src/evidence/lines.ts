import type { Millis } from '@nexus-net/sansio';
import { printable } from '../printable.js';
import type { EvidenceVerification } from './command.js';
import type { ListDiff, RunDiff } from './diff.js';

/** The verification of a sealed run for a person. */
export function evidenceLines(verification: EvidenceVerification): readonly string[] {
  if (verification.state === 'altered')
    return ['ALTERED', ...verification.alterations.map(({ file, what }) => `  ${file}: ${what}`)].map(printable);
  const { root, run, purpose, sealedVerdict, signature, fingerprint, verdict, secrets } = verification;
  const { outcome, profile, phase, cause } = sealedVerdict;
  const lines = [
    'intact: every octet is as it was sealed',
    `  root     ${root}`,
    `  run      ${run}, ${profile}: ${outcome}${cause === undefined ? '' : ` in phase ${phase}, ${cause}`}`,
    ...(purpose === undefined ? [] : [`  purpose  ${purpose}`]),
    `  signed   ${fingerprint === undefined ? 'by nobody: whoever changed the file could have sealed it anew' : `by ${fingerprint}`}`,
    `  trust    ${TRUST[signature]}`,
    ...(secrets.length === 0 ? [] : [`  secrets  allowed when it was sealed: ${secrets.join(', ')}`]),
  ];
  if (verdict.state === 'follows') lines.push('  verdict  follows from the evidence: judged again, it is the same');
  else if (verdict.state === 'not-judged') lines.push(`  verdict  could not be judged again: ${verdict.reason}`);
  else {
    lines.push('  verdict  DOES NOT FOLLOW FROM THE EVIDENCE');
    for (const difference of verdict.differences) lines.push(`           ${difference}`);
  }
  if (verification.wrongPurpose)
    lines.push('  purpose  NOT THE ONE THAT WAS ASKED FOR: this may be the evidence of something else');
  return lines.map(printable);
}

const TRUST = {
  trusted: 'the key is the one that was given',
  'other-key': 'NOT THE KEY THAT WAS GIVEN',
  unsigned: 'NONE: it is not signed, and a key was given',
  'not-asked': 'not asked: without --public-key anybody may have signed it',
} as const;

/** How two runs differ, for a person. */
export function diffLines(diff: RunDiff): readonly string[] {
  const { header, markers, facts, violations, times, thresholdMs, same } = diff;
  const lines = [
    ...header.flatMap(({ what, a, b }) => [`${what}:`, `  - ${short(a)}`, `  + ${short(b)}`]),
    ...listLines('markers', markers),
    ...listLines('facts', facts),
    ...listLines('broken rules', violations),
    'time from one marker to the next:',
    ...times.map(
      ({ what, aMs, bMs, beyond }) =>
        `  ${beyond ? '!' : ' '} ${ms(aMs)} → ${ms(bMs)}  (${bMs < aMs ? '−' : '+'}${ms(Math.abs(bMs - aMs)).trim()})  ${what}`,
    ),
    same
      ? 'the two runs show the same'
      : `the two runs differ${thresholdMs === undefined ? '' : ` (times beyond ${thresholdMs} ms count)`}`,
  ];
  return lines.map(printable);
}

function listLines(title: string, { changes, repeats, divergence }: ListDiff): readonly string[] {
  if (changes.length === 0 && repeats.length === 0) return [];
  const sign = { missing: '-', added: '+', moved: '~' } as const;
  return [
    `${title}:`,
    ...changes.map(({ what, change, a, b }) => `  ${sign[change]} ${what}  (${change}${spot(a, b)})`),
    ...repeats.map(({ what, a, b }) => `    ${what}  (${a} × → ${b} ×)`),
    ...(divergence === undefined
      ? []
      : [`  first divergence at ${divergence.position}: ${divergence.a ?? 'the end'}  |  ${divergence.b ?? 'the end'}`]),
  ];
}

function spot(a: number | undefined, b: number | undefined): string {
  if (a !== undefined && b !== undefined) return `, ${a} → ${b}`;
  return `, ${a ?? b}`;
}

function ms(value: Millis): string {
  return `${value.toFixed(0).padStart(6)} ms`;
}

function short(text: string): string {
  return text.length <= 400 ? text : `${text.slice(0, 400)}…`;
}
