import fc from 'fast-check';
import { type DeadlineEntry, DeadlineHeap, type Millis } from '../src/index.js';
import { property } from './support/law.js';

/** What the law needs of a heap. */
interface Heap {
  schedule(at: Millis, item: number): DeadlineEntry<number> | undefined;
  reschedule(entry: DeadlineEntry<number>, at: Millis): void;
  cancel(entry: DeadlineEntry<number>): void;
  popDue(now: Millis): number | undefined;
  readonly nextAt: Millis;
  readonly length: number;
}
type MakeHeap = () => Heap;

const real: MakeHeap = () => new DeadlineHeap<number>(100);

const step = fc.oneof(
  fc.record({ act: fc.constant('schedule' as const), at: fc.nat({ max: 12 }) }),
  fc.record({ act: fc.constant('reschedule' as const), which: fc.nat({ max: 40 }), at: fc.nat({ max: 12 }) }),
  fc.record({ act: fc.constant('cancel' as const), which: fc.nat({ max: 40 }) }),
  fc.record({ act: fc.constant('pop' as const), at: fc.nat({ max: 12 }) }),
);

/** Against a list that is sorted again for every question. */
const likeSortedList = (make: MakeHeap): fc.IRawProperty<unknown, false> =>
  fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const heap = make();
    const entries: DeadlineEntry<number>[] = [];
    let model: { at: Millis; item: number; order: number }[] = [];
    let order = 0;
    const set = (at: Millis, item: number): void => {
      model = model.filter((each) => each.item !== item);
      model.push({ at, item, order: ++order });
      model.sort((a, b) => a.at - b.at || a.order - b.order);
    };
    const pop = (now: Millis): boolean => {
      const expected = model[0] !== undefined && model[0].at <= now ? model.shift()?.item : undefined;
      return heap.popDue(now) === expected;
    };
    for (const one of steps) {
      if (one.act === 'schedule') {
        const entry = heap.schedule(one.at, entries.length);
        if (entry === undefined) return false;
        set(one.at, entries.length);
        entries.push(entry);
      } else if (one.act === 'pop') {
        if (!pop(one.at)) return false;
      } else {
        const which = one.which % Math.max(1, entries.length);
        const entry = entries[which];
        if (entry === undefined) continue;
        if (one.act === 'reschedule') {
          heap.reschedule(entry, one.at);
          set(one.at, which);
        } else {
          heap.cancel(entry);
          model = model.filter(({ item }) => item !== which);
        }
      }
      if (heap.length !== model.length || heap.nextAt !== (model[0]?.at ?? Number.POSITIVE_INFINITY)) return false;
    }
    while (model.length > 0) if (!pop(12)) return false;
    return heap.popDue(12) === undefined;
  });

/** A heap with one of its methods replaced. */
function altered(change: (heap: DeadlineHeap<number>) => Partial<Heap>): MakeHeap {
  return () => {
    const heap = new DeadlineHeap<number>(100);
    const own = {
      schedule: (at: Millis, item: number) => heap.schedule(at, item),
      reschedule: (entry: DeadlineEntry<number>, at: Millis) => heap.reschedule(entry, at),
      cancel: (entry: DeadlineEntry<number>) => heap.cancel(entry),
      popDue: (now: Millis) => heap.popDue(now),
    };
    const all = { ...own, ...change(heap) };
    return Object.defineProperties(all, {
      nextAt: { get: () => heap.nextAt },
      length: { get: () => heap.length },
    }) as Heap;
  };
}

property('what is due leaves by deadline, then by the order in which it was set', {
  law: likeSortedList,
  real,
  planted: {
    'last in, first out at one deadline': altered((heap) => ({
      schedule: (at, item) => heap.schedule(at - item / 1_000, item),
    })),
    'cancel takes another one out': altered((heap) => ({ cancel: () => void heap.popDue(12) })),
    'a deadline that was moved counts as it was': altered(() => ({ reschedule: () => undefined })),
    'what leaves is due only later': altered((heap) => ({ popDue: (now) => heap.popDue(now - 1) })),
  },
  count: 150,
});
