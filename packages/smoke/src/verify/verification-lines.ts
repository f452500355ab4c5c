import { CAUSES } from '@nexus-net/verdict';
import { printable } from '../printable.js';
import type { Verification } from './command.js';

/** A verification as lines for a person. */
export function verificationLines({ verdict, times, differences }: Verification): readonly string[] {
  const { outcome, profile, phases, markers, violations, failure } = verdict;
  const lines = [
    `profile ${profile}, lines judged ${times === 'recorded' ? 'at their own times' : 'at the end of the capture: they have no times'}`,
    ...markers.map(({ marker, node, evidence, frames, lineNumber }) => {
      const proof = frames.length === 0 ? evidence : `${evidence}, frames ${frames.join(', ')}`;
      return `  line ${lineNumber} ${node}  ${marker}  ·  ${proof}`;
    }),
    ...phases.map(({ name, outcome: passed }) => `  ${passed.padEnd(11)} ${name}`),
    ...violations.map(
      ({ rule, reference, message, frames }) => `  ! ${reference}: ${message} (${rule}, frame ${frames.join(', ')})`,
    ),
  ];
  if (failure === undefined) lines.push(outcome);
  else {
    lines.push(`failed in phase ${failure.phase}: ${failure.cause}, ${CAUSES[failure.cause]}`, `  likely   ${failure.message}`);
    if (failure.marker !== undefined) lines.push(`  missing  ${failure.marker}`);
  }
  for (const difference of differences ?? []) lines.push(`DIFFERS  ${difference}`);
  if (differences?.length === 0) lines.push('the verdict is that of the live run');
  return lines.map(printable);
}
