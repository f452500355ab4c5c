import { MARKER_IDS, MARKERS } from './markers.js';
import { PROFILES } from './profile.js';
import { CAUSES } from './verdict.js';

/** The text of `docs/markers.md`, made of the tables of markers, profiles and causes. */
export function markersDocument(): string {
  return [
    '# Markers',
    '',
    'Generated from the tables in `packages/verdict`; a test keeps the two equal.',
    '',
    'A marker is a line of the contract between a guest and its harness. It counts only if what stands behind it agrees: `wire`, a fact seen on the',
    'segment; `loopback`, a fact seen on the guest’s own loopback interface, which it exports; `local`, nothing outside of the guest can confirm it, and the',
    'verdict counts it as unbacked.',
    '',
    ...MARKER_IDS.flatMap((id) => {
      const { form, meaning, backing, evidence, compatibility } = MARKERS[id];
      return [
        `## \`${form}\``,
        '',
        meaning,
        '',
        `- id: \`${id}\``,
        `- backing: \`${backing}\`${evidence === undefined ? '' : `: ${evidence}`}`,
        ...(compatibility === undefined ? [] : [`- ${compatibility}`]),
        '',
      ];
    }),
    '# Profiles',
    '',
    ...PROFILES.flatMap(({ name, description, phases, forbidden }) => [
      `## ${name}`,
      '',
      `${description}.`,
      '',
      ...phases.map(
        ({ name: phase, markers, budgetMs }) =>
          `- \`${phase}\`, ${budgetMs / 1_000} s: ${markers.map((id) => `\`${MARKERS[id].form}\``).join(', ')}`,
      ),
      ...forbidden.map((id) => `- forbidden: \`${MARKERS[id].form}\``),
      '',
    ]),
    '# Causes',
    '',
    'Why a run failed: `failure.cause` in `verdict.json`.',
    '',
    ...Object.entries(CAUSES).map(([cause, meaning]) => `- \`${cause}\`: ${meaning}`),
    '',
  ].join('\n');
}
