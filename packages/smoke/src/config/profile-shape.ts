import { CAPABILITIES, PROOFS } from '@nexus-net/verdict';
import type { Field, Shape } from './shape.js';

const NAME: Shape = {
  kind: 'text',
  form: { pattern: /^[a-z0-9][a-z0-9.-]{0,63}$/, is: 'a name of small letters, digits, dots and hyphens' },
};
const SENTENCE: Shape = { kind: 'text' };
const names = (countMax = 1_024): Shape => ({ kind: 'list', of: NAME, countMax });

const MARKER_FIELDS: Readonly<Record<string, Field>> = {
  form: {
    shape: SENTENCE,
    meaning: 'The line, with `{address}`, `{prefix}`, `{gateway}` and `{peer}` where these values stand.',
    isNeeded: true,
  },
  match: {
    shape: { kind: 'one-of', of: ['line', 'beginning'] },
    meaning: 'Is the form the whole line (default) or its beginning?',
  },
  meaning: { shape: SENTENCE, meaning: 'What the line claims, in a sentence.', isNeeded: true },
  backing: {
    shape: { kind: 'one-of', of: ['wire', 'loopback', 'local'] },
    meaning: 'What stands behind it; `local`: nothing outside of the guest can confirm it.',
    isNeeded: true,
  },
  proof: {
    shape: { kind: 'one-of', of: Object.keys(PROOFS) },
    meaning: 'What the wire has to show; needed unless it is `local`.',
  },
  times: {
    shape: { kind: 'integer', low: 1, high: 1_024 },
    meaning: 'How many exchanges the proof wants, where it counts them. Default 1.',
  },
  evidenceWithinMs: {
    shape: { kind: 'integer', low: 1, high: 3_600_000 },
    meaning: 'Milliseconds that the wire has to agree. Default 2000.',
  },
  failures: {
    shape: { kind: 'list', of: SENTENCE, countMax: 64 },
    meaning: 'Beginnings of lines that are its opposite: they fail a run that demands it.',
  },
  nodes: { shape: { kind: 'integer', low: 1, high: 2 }, meaning: 'How many machines it takes. Default 1.' },
  compatibility: { shape: SENTENCE, meaning: 'What a reader has to know of its wording.' },
};

/** The fields of a profile. */
export const PROFILE_FIELDS: Readonly<Record<string, Field>> = {
  name: { shape: NAME, meaning: 'What it is called at `--profile`.', isNeeded: true },
  description: { shape: SENTENCE, meaning: 'One sentence: what a run of it proves.', isNeeded: true },
  extends: { shape: names(16), meaning: 'Profiles whose demands are part of this one.' },
  nodes: { shape: names(2), meaning: 'The machines of a run. Default: those of the parents, or `guest`.' },
  markers: {
    shape: { kind: 'map', of: { kind: 'object', fields: MARKER_FIELDS }, countMax: 1_024 },
    meaning: 'Markers beside [those that there are](markers.md), by id.',
  },
  phases: {
    shape: {
      kind: 'list',
      countMax: 64,
      of: {
        kind: 'object',
        fields: {
          name: { shape: NAME, meaning: 'What it is called at `RUN_PHASE`.', isNeeded: true },
          markers: {
            shape: {
              kind: 'list',
              countMax: 1_024,
              countMin: 1,
              of: {
                kind: 'either',
                of: [
                  NAME,
                  {
                    kind: 'object',
                    fields: {
                      marker: { shape: NAME, meaning: 'Its id.', isNeeded: true },
                      nodes: { shape: names(2), meaning: 'Of whom it is demanded.', isNeeded: true },
                    },
                  },
                ],
              },
            },
            meaning: 'Ids of the markers that it demands.',
            isNeeded: true,
          },
          budgetMs: {
            shape: { kind: 'integer', low: 1, high: 86_400_000 },
            meaning: 'Milliseconds from the end of the phase before.',
            isNeeded: true,
          },
          after: { shape: NAME, meaning: 'The phase that it follows. Default: the last one so far.' },
        },
      },
    },
    meaning: 'The steps of the ladder, in order.',
  },
  order: {
    shape: { kind: 'list', countMax: 1_024, of: { kind: 'list', of: NAME, countMax: 2, countMin: 2 } },
    meaning: 'Pairs of ids: the first has to be claimed before the second.',
  },
  outcomes: {
    shape: {
      kind: 'list',
      countMax: 64,
      of: {
        kind: 'object',
        fields: {
          name: { shape: NAME, meaning: 'What the group is called.', isNeeded: true },
          of: { shape: names(16), meaning: 'Ids that exclude each other.', isNeeded: true },
          interchangeable: { shape: { kind: 'flag' }, meaning: 'A phase that demands one is content with any. Default false.' },
        },
      },
    },
    meaning: 'Groups of markers of which only one can be true.',
  },
  forbidden: { shape: names(), meaning: 'Ids of markers that fail the run at once.' },
  forbiddenLines: { shape: { kind: 'list', of: SENTENCE, countMax: 1_024 }, meaning: 'Beginnings of lines that do.' },
  allowedLines: {
    shape: { kind: 'list', of: SENTENCE, countMax: 1_024 },
    meaning: 'Beginnings of lines that are some marker’s opposite and are let pass here.',
  },
  capabilities: {
    shape: { kind: 'list', of: { kind: 'one-of', of: CAPABILITIES }, countMax: 64 },
    meaning: 'What a guest must be able to do.',
  },
  notes: { shape: { kind: 'list', of: SENTENCE, countMax: 64 }, meaning: 'What a reader of the verdict has to know.' },
};

export const PROFILES: Shape = { kind: 'list', of: { kind: 'object', fields: PROFILE_FIELDS }, countMax: 64 };
