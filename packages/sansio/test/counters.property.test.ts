import fc from 'fast-check';
import { Counters } from '../src/index.js';
import { property } from './support/law.js';

const LABELS = ['a', 'b', 'c', 'd'] as const;
type Label = (typeof LABELS)[number];

property('each counter is how often its label occurred', {
  law: (create: () => Counters<Label>) =>
    fc.property(fc.array(fc.constantFrom(...LABELS), { maxLength: 30 }), (occurred) => {
      const counters = create();
      for (const label of occurred) counters.increment(label);
      const snapshot = counters.snapshot();
      return LABELS.every((label) => {
        const times = occurred.filter((each) => each === label).length;
        return counters.get(label) === times && snapshot[label] === (times === 0 ? undefined : times);
      });
    }),
  real: () => new Counters<Label>(),
  planted: {
    'a label in a row counts once': () => {
      let last: Label | undefined;
      return new (class extends Counters<Label> {
        override increment(label: Label): void {
          if (label !== last) super.increment(label);
          last = label;
        }
      })();
    },
    'one counter for all': () =>
      new (class extends Counters<Label> {
        override increment(): void {
          super.increment('a');
        }
      })(),
    'absent labels are zeros in the snapshot': () =>
      new (class extends Counters<Label> {
        override snapshot(): Partial<Record<Label, number>> {
          return { a: 0, b: 0, c: 0, d: 0, ...super.snapshot() };
        }
      })(),
  },
});
