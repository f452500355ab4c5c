import { PROOFS } from './evidence.js';
import type { MarkerId } from './marker.js';
import { CATALOGUE, MARKER_IDS } from './markers.js';
import { PROFILE_SPECS, profileNamed } from './profiles.js';
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
      const { form, meaning, backing, proof, failures = [], compatibility } = CATALOGUE.get(id);
      return [
        `## \`${form}\``,
        '',
        meaning,
        '',
        `- id: \`${id}\``,
        `- backing: \`${backing}\`${proof === undefined ? '' : `: ${PROOFS[proof].wants} (\`${proof}\`)`}`,
        ...(failures.length === 0
          ? []
          : [`- forbidden wherever it is demanded: ${failures.map((line) => `\`${line}\``).join(', ')}`]),
        ...(compatibility === undefined ? [] : [`- ${compatibility}`]),
        '',
      ];
    }),
    '# Profiles',
    '',
    ...PROFILE_SPECS.flatMap(({ name, extends: parents = [] }) => {
      const { description, phases, forbidden, order, outcomes, nodes, notes, catalogue } = profileNamed(name);
      const form = (id: MarkerId): string => `\`${catalogue.get(id).form}\``;
      const own = [...new Set(phases.flatMap(({ markers }) => markers.map(({ marker }) => marker)))];
      return [
        `## ${name}`,
        '',
        `${description}.${parents.length === 0 ? '' : ` Extends ${parents.map((parent) => `\`${parent}\``).join(', ')}.`}`,
        '',
        ...(nodes.length === 1 ? [] : [`- nodes: ${nodes.join(', ')}`]),
        ...phases.map(({ name: phase, markers, budgetMs }) => {
          const demanded = [...new Set(markers.map(({ marker }) => marker))].map((id) => {
            const of = markers.filter(({ marker }) => marker === id).map(({ node }) => node);
            return of.length === nodes.length ? form(id) : `${form(id)} [${of.join(', ')}]`;
          });
          return `- \`${phase}\`, ${budgetMs / 1_000} s: ${demanded.join(', ')}`;
        }),
        ...forbidden.map((id) => `- forbidden: ${form(id)}`),
        ...outcomes.map(
          ({ of, interchangeable }) =>
            `- ${interchangeable ? 'either will do' : 'exclude each other'}: ${of.map(form).join(', ')}`,
        ),
        ...order
          .filter(({ earlier, later }) => own.includes(earlier) && own.includes(later))
          .map(({ earlier, later }) => `- order: ${form(earlier)} before ${form(later)}`),
        ...notes.map((note) => `- ${note}`),
        '',
      ];
    }),
    '# Causes',
    '',
    'Why a run failed: `failure.cause` in `verdict.json`.',
    '',
    ...Object.entries(CAUSES).map(([cause, meaning]) => `- \`${cause}\`: ${meaning}`),
    '',
  ].join('\n');
}
