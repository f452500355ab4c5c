import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CrossedFrame, MirrorMerge } from '../src/index.js';

const frame = (...octets: number[]): Uint8Array => Uint8Array.from(octets);

function drain(merge: MirrorMerge): CrossedFrame[] {
  const told: CrossedFrame[] = [];
  for (let next = merge.poll(); next !== undefined; next = merge.poll()) told.push(next);
  return told;
}

describe('three views of one cable', () => {
  test('a frame is told when the view of its origin has it', () => {
    const merge = new MirrorMerge();
    merge.push('both', frame(1));
    expect(drain(merge)).toEqual([]);
    merge.push('netdev', frame(1));
    expect(drain(merge)).toEqual([{ origin: 'netdev', frame: frame(1) }]);
  });

  test('an answer that is read before its question is told after it', () => {
    const merge = new MirrorMerge();
    merge.push('netdev', frame(2));
    merge.push('both', frame(1));
    merge.push('both', frame(2));
    expect(drain(merge)).toEqual([]);
    merge.push('guest', frame(1));
    expect(drain(merge).map(({ origin }) => origin)).toEqual(['guest', 'netdev']);
  });

  test('views that contradict each other end it', () => {
    const merge = new MirrorMerge();
    merge.push('guest', frame(1));
    merge.push('netdev', frame(2));
    merge.push('both', frame(3));
    expect(drain(merge)).toEqual([]);
    expect(merge.isBroken).toBe(true);
    merge.push('both', frame(1));
    expect(drain(merge)).toEqual([]);
  });

  test('a view that falls too far behind ends it', () => {
    const merge = new MirrorMerge({ waitingCountMax: 2 });
    for (const octet of [1, 2, 3]) merge.push('both', frame(octet));
    expect(merge.isBroken).toBe(true);
  });
});

type Crossing = { readonly origin: 'guest' | 'netdev'; readonly octet: number };

/** Reads three views of these crossings in the order of `turns`. */
function readViews(crossed: readonly Crossing[], turns: Iterator<number>): { told: CrossedFrame[]; merge: MirrorMerge } {
  const merge = new MirrorMerge();
  const of = (view: string): number[] => crossed.flatMap(({ origin, octet }) => (origin === view ? [octet] : []));
  const unread = { both: crossed.map(({ octet }) => octet), guest: of('guest'), netdev: of('netdev') };
  const told: CrossedFrame[] = [];
  while (Object.values(unread).some((view) => view.length > 0)) {
    const view = (['both', 'guest', 'netdev'] as const)[turns.next().value as 0 | 1 | 2];
    const octet = unread[view].shift();
    if (octet !== undefined) merge.push(view, frame(octet));
    told.push(...drain(merge));
  }
  return { told, merge };
}

const origin = fc.constantFrom('guest' as const, 'netdev' as const);
const turns = fc.infiniteStream(fc.nat(2));

test('property: however the views are read, the frames come in their order, and each is of its origin', () => {
  const crossings = fc.array(fc.record({ origin, octet: fc.nat(2) }), { maxLength: 12 });
  fc.assert(
    fc.property(crossings, turns, (drawn, order) => {
      const crossed = drawn.map((each) => ({ ...each, octet: each.octet + (each.origin === 'guest' ? 0 : 100) }));
      const { told, merge } = readViews(crossed, order);
      expect(told.map((each) => ({ origin: each.origin, octet: each.frame[0] }))).toEqual(crossed);
      expect(merge.isBroken).toBe(false);
    }),
  );
});

test('property: where both ends send the same frames, what is told is in order, and the rest is known to be missing', () => {
  const crossings = fc.array(fc.record({ origin, octet: fc.nat(1) }), { maxLength: 12 });
  fc.assert(
    fc.property(crossings, turns, (crossed, order) => {
      const { told, merge } = readViews(crossed, order);
      const octets = crossed.map(({ octet }) => octet);
      expect(told.map((each) => each.frame[0])).toEqual(octets.slice(0, told.length));
      expect(merge.isBroken || merge.waiting === octets.length - told.length).toBe(true);
    }),
  );
});
