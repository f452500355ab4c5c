import fc from 'fast-check';
import { Queue } from '../src/index.js';
import { property } from './support/law.js';

/** What a queue is, without any thought of speed. */
interface Model {
  readonly countMax: number;
  items: number[];
  dropped: number;
  /** Entries made so far: each is unique, so that order can be seen. */
  made: number;
}

type QueueCommand = fc.Command<Model, Queue<number>>;

function agree(model: Model, queue: Queue<number>): void {
  const [seen, expected] = [
    [queue.length, queue.dropped, queue.peek()],
    [model.items.length, model.dropped, model.items[0]],
  ];
  if (seen.some((value, i) => value !== expected[i])) throw new Error(`${seen} instead of ${expected}`);
}

class Push implements QueueCommand {
  readonly count: number;
  constructor(count: number) {
    this.count = count;
  }
  check = (): boolean => true;
  run(model: Model, queue: Queue<number>): void {
    for (let i = 0; i < this.count; i++) {
      const item = model.made++;
      const fits = model.items.length < model.countMax;
      if (fits) model.items.push(item);
      else model.dropped++;
      if (queue.push(item) !== fits) throw new Error(`push of ${item} is ${!fits}`);
    }
    agree(model, queue);
  }
  toString = (): string => `push × ${this.count}`;
}

class Shift implements QueueCommand {
  readonly count: number;
  constructor(count: number) {
    this.count = count;
  }
  check = (): boolean => true;
  run(model: Model, queue: Queue<number>): void {
    const expected = model.items.slice(0, this.count);
    model.items = model.items.slice(this.count);
    for (let i = 0; i < this.count; i++) {
      const item = queue.shift();
      if (item !== expected[i]) throw new Error(`shift gives ${item} instead of ${expected[i]}`);
    }
    agree(model, queue);
  }
  toString = (): string => `shift × ${this.count}`;
}

class Clear implements QueueCommand {
  check = (): boolean => true;
  run(model: Model, queue: Queue<number>): void {
    model.items = [];
    queue.clear();
    agree(model, queue);
  }
  toString = (): string => 'clear';
}

// Counts reach past 1024, where the queue compacts itself.
const count = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 400, max: 1_300 }));
const commands = fc.commands(
  [count.map((n) => new Push(n)), count.map((n) => new Shift(n)), fc.constant(0).map(() => new Clear())],
  { maxCommands: 16 },
);

/** A queue on an array, right but slow: what the planted bugs are made of. */
class ArrayQueue extends Queue<number> {
  readonly countMax: number;
  items: number[] = [];
  refused = 0;
  constructor(countMax: number) {
    super(countMax);
    this.countMax = countMax;
  }
  override get length(): number {
    return this.items.length;
  }
  override get dropped(): number {
    return this.refused;
  }
  override push(item: number): boolean {
    if (this.items.length >= this.countMax) {
      this.refused++;
      return false;
    }
    this.items.push(item);
    return true;
  }
  override shift(): number | undefined {
    return this.items.shift();
  }
  override peek(): number | undefined {
    return this.items[0];
  }
  override clear(): void {
    this.items = [];
  }
}

property('queue and model agree after every command', {
  law: (create: (countMax: number) => Queue<number>) =>
    fc.property(fc.constantFrom(1, 2, 1_100, 5_000), commands, (countMax, run) => {
      fc.modelRun(() => ({ model: { countMax, items: [], dropped: 0, made: 0 }, real: create(countMax) }), run);
    }),
  real: (countMax) => new Queue(countMax),
  planted: {
    'last in, first out': (countMax) =>
      new (class extends ArrayQueue {
        override shift(): number | undefined {
          return this.items.pop();
        }
      })(countMax),
    'one entry too many': (countMax) => new ArrayQueue(countMax + 1),
    'a full queue drops its oldest entry': (countMax) =>
      new (class extends ArrayQueue {
        override push(item: number): boolean {
          if (this.items.length < this.countMax) return super.push(item);
          this.items.shift();
          this.items.push(item);
          this.refused++;
          return false;
        }
      })(countMax),
    'refused entries are not counted': (countMax) =>
      new (class extends ArrayQueue {
        override get dropped(): number {
          return 0;
        }
      })(countMax),
    'compaction at 1024 loses an entry': (countMax) =>
      new (class extends ArrayQueue {
        #taken = 0;
        override shift(): number | undefined {
          if (++this.#taken % 1_024 === 0) this.items.shift();
          return super.shift();
        }
      })(countMax),
    'clear forgets the count of the dropped': (countMax) =>
      new (class extends ArrayQueue {
        override clear(): void {
          super.clear();
          this.refused = 0;
        }
      })(countMax),
    'the bound counts entries ever pushed': (countMax) =>
      new (class extends ArrayQueue {
        #pushed = 0;
        override push(item: number): boolean {
          return this.#pushed++ < this.countMax && super.push(item);
        }
      })(countMax),
  },
  count: 60,
});
