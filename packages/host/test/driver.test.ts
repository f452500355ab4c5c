import { type Machine, type Millis, NEVER, UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import { Driver, type DriverOptions, monotonicClock, runMachine, systemTimers, TIMER_DELAY_MS_MAX } from '../src/index.js';
import { ManualTime } from './support/manual-time.js';

/** Says what it is told to say, and wants to be called at the instants it is given. */
class Scripted implements Machine<string, string> {
  readonly out: string[] = [];
  readonly events: string[] = [];
  readonly calls: Millis[] = [];
  deadlines: Millis[] = [];

  handleTimeout(now: Millis): void {
    this.calls.push(now);
    for (const due of this.deadlines.filter((at) => at <= now)) this.events.push(`due ${due}`);
    this.deadlines = this.deadlines.filter((at) => at > now);
  }

  pollTransmit(): string | undefined {
    return this.out.shift();
  }

  pollEvent(): string | undefined {
    return this.events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(NEVER, ...this.deadlines);
  }
}

function set(options: Partial<DriverOptions<Scripted>> = {}): {
  machine: Scripted;
  time: ManualTime;
  log: string[];
  driver: Driver<Scripted>;
} {
  const machine = new Scripted();
  const time = new ManualTime();
  const log: string[] = [];
  const driver = new Driver(machine, {
    transmit: (out) => log.push(`out ${out}`),
    event: (event) => log.push(`event ${event}`),
    clock: time,
    timers: time,
    ...options,
  });
  return { machine, time, log, driver };
}

describe('the loop', () => {
  test('mutates once, drains output, then events, then arms the timer', () => {
    const { machine, time, log, driver } = set();
    const result = driver.drive((target, now) => {
      target.out.push('a', 'b');
      target.events.push('c');
      target.deadlines.push(now + 5);
      return 'result';
    });
    expect(result).toBe('result');
    expect(log).toEqual(['out a', 'out b', 'event c']);
    expect(time.delays).toEqual([5]);
    expect(time.advanceTo(10)).toBe(1);
    expect(machine.calls).toEqual([5]);
    expect(log.at(-1)).toBe('event due 5');
    expect(time.armedCount).toBe(0);
  });

  test('a machine that has something to say from the start says it', () => {
    const { machine, time, log } = set();
    machine.out.push('hello');
    machine.deadlines.push(3);
    runMachine(machine, { transmit: (out) => log.push(out), clock: time, timers: time });
    expect(log).toEqual(['hello']);
    expect(time.delays).toEqual([3]);
  });

  test('a callback may drive again: its output leaves before the next event is told', () => {
    const { log, driver } = set({
      event: (event) => {
        log.push(`event ${event}`);
        if (event === 'first') driver.drive((target) => target.out.push('answer'));
      },
    });
    driver.drive((target) => target.events.push('first', 'second'));
    expect(log).toEqual(['event first', 'out answer', 'event second']);
  });

  test('output waits while it cannot be written, and events do not', () => {
    let room = false;
    const { log, driver } = set({ writable: () => room });
    driver.drive((target) => {
      target.out.push('a');
      target.events.push('e');
    });
    expect(log).toEqual(['event e']);
    room = true;
    driver.wake();
    expect(log).toEqual(['event e', 'out a']);
  });

  test('a callback that throws is heard, and the timer lives', () => {
    const { time, log, driver } = set({
      transmit: () => {
        throw new Error('no wire');
      },
    });
    const act = (): unknown =>
      driver.drive((target) => {
        target.out.push('a');
        target.deadlines.push(7);
      });
    expect(act).toThrow('no wire');
    expect(time.advanceTo(7)).toBe(1);
    expect(log).toEqual(['event due 7']);
  });
});

describe('the timer', () => {
  test('is left alone while the deadline is the same, and moved with it', () => {
    const { time, driver } = set();
    driver.drive((target) => target.deadlines.push(50));
    driver.drive(() => undefined);
    expect(time.delays).toEqual([50]);
    driver.drive((target) => target.deadlines.push(20));
    expect(time.delays).toEqual([50, 20]);
    expect(time.armedCount).toBe(1);
  });

  test('a deadline that has passed is due at once; one between two milliseconds is not called early', () => {
    const { time, driver } = set();
    driver.drive((target) => target.deadlines.push(-5));
    driver.drive((target) => (target.deadlines = [1.25]));
    expect(time.delays).toEqual([0, 2]);
  });

  test('an infinite lease: NEVER arms nothing', () => {
    const { time, driver } = set();
    driver.drive((target) => target.deadlines.push(NEVER));
    expect(time.delays).toEqual([]);
  });

  test('the system’s timers fire, and can be disarmed twice', async () => {
    const disarm = systemTimers.after(0, () => expect.unreachable());
    disarm();
    disarm();
    await new Promise<void>((resolve) => systemTimers.after(0, resolve));
  });

  test('the system’s clock does not go backwards', () => {
    const first = monotonicClock.now();
    expect(monotonicClock.now()).toBeGreaterThanOrEqual(first);
  });
});

describe('close', () => {
  test('disarms, is idempotent, and what comes after is refused', () => {
    const { machine, time, log, driver } = set();
    driver.drive((target) => target.deadlines.push(5));
    driver.close();
    driver.close();
    expect(driver.closed).toBe(true);
    machine.out.push('late');
    driver.wake();
    expect(time.advanceTo(10)).toBe(0);
    expect(log).toEqual([]);
    expect(() => driver.drive(() => undefined)).toThrow(UsageError);
  });

  test('from inside a callback stops the loop there', () => {
    const { time, log, driver } = set({
      event: (event) => {
        log.push(event);
        driver.close();
      },
    });
    driver.drive((target) => {
      target.events.push('last', 'never told');
      target.deadlines.push(5);
    });
    expect(log).toEqual(['last']);
    expect(time.armedCount).toBe(0);
  });
});

type Make = (machine: Scripted, time: ManualTime) => Driver<Scripted>;

/** Instants with long gaps: beyond the 2^31-1 ms of Node's timers too. */
const deadlines = fc.array(
  fc.oneof(
    fc.nat(100),
    fc.integer({ min: 0, max: 3 * 2 ** 31 }),
    fc.nat(10_000).map((tenth) => tenth / 10),
  ),
  { maxLength: 5 },
);

property('every deadline is met within a millisecond, never early, with a bounded number of calls', {
  law: (make: Make) =>
    fc.property(deadlines, (given) => {
      const machine = new Scripted();
      const time = new ManualTime();
      const met = new Map<string, Millis>();
      const driver = make(machine, time);
      machine.pollEvent = () => {
        for (const event of machine.events.splice(0)) met.set(event, time.now());
        return undefined;
      };
      driver.drive((target) => target.deadlines.push(...given));
      const horizon = 4 * 2 ** 31;
      const fired = time.advanceTo(horizon, 100);
      const bound = new Set(given.map(Math.ceil)).size + Math.ceil(horizon / TIMER_DELAY_MS_MAX) + 1;
      return (
        fired <= bound && given.every((at) => (met.get(`due ${at}`) ?? -1) >= at && (met.get(`due ${at}`) as number) <= at + 1)
      );
    }),
  real: (machine, time) => new Driver(machine, { transmit: () => undefined, clock: time, timers: time }),
  planted: {
    'delays are not clamped': (machine, time) =>
      withTimers(machine, time, (delay) => (delay === TIMER_DELAY_MS_MAX ? 3 * 2 ** 31 : delay)),
    'delays are rounded down': (machine, time) => withTimers(machine, time, (delay) => Math.max(0, delay - 1)),
    'delays are doubled': (machine, time) => withTimers(machine, time, (delay) => 2 * delay),
    'one-shot: not armed again': (machine, time) => {
      let shots = 0;
      return withTimers(machine, time, (delay) => (shots++ === 0 ? delay : undefined));
    },
  },
});

/** A driver whose delays are changed on the way to the timers; `undefined` arms nothing. */
function withTimers(machine: Scripted, time: ManualTime, change: (delay: Millis) => Millis | undefined): Driver<Scripted> {
  const after = (delay: Millis, run: () => void): (() => void) => {
    const changed = change(delay);
    return changed === undefined ? () => undefined : time.after(changed, run);
  };
  return new Driver(machine, { transmit: () => undefined, clock: time, timers: { after } });
}
