import { closeSync, mkdtempSync, openSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TapPoller } from '../src/tap/tap-poller.js';
import type { TapSystem } from '../src/tap/tap-system.js';

/** A system whose waits end when the test says so. Its descriptors are of files. */
class ManualSystem implements TapSystem {
  readonly #folder: string;
  wakeups = 0;
  wait: { readonly fds: readonly number[]; readonly done: (readable: readonly boolean[]) => void } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  openTap({ name }: { readonly name: string }): number {
    return openSync(join(this.#folder, name), 'w+');
  }

  openWakeup(): number {
    this.wakeups++;
    return openSync(join(this.#folder, 'wakeup'), 'w+');
  }

  closeWakeup(fd: number): void {
    this.wakeups--;
    closeSync(fd);
  }

  poll(fds: readonly number[], _timeoutMs: number, done: (readable: readonly boolean[]) => void): void {
    expect(this.wait).toBeUndefined(); // one thread waits, for all
    this.wait = { fds, done };
  }

  /** Ends the wait that is under way: these descriptors are readable. */
  end(...readable: readonly number[]): void {
    const { wait } = this;
    this.wait = undefined;
    wait?.done(wait.fds.map((fd) => readable.includes(fd)));
  }
}

let folder = '';
let system: ManualSystem;
let poller: TapPoller;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-net-poller-'));
  system = new ManualSystem(folder);
  poller = new TapPoller(system);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Opens a descriptor and watches it; `heard` counts. */
function watch(name: string): { readonly fd: number; heard: number } {
  const watched = { fd: system.openTap({ name }), heard: 0 };
  poller.watch(watched.fd, () => {
    watched.heard++;
  });
  return watched;
}

/** Is it still the file of this test? Tests of other files run in threads of one process and may get its number once it is closed. */
function isOpen(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(realpathSync(folder));
  } catch {
    return false;
  }
}

test('who is readable is told, who is not is left alone, and the wait goes on', () => {
  const a = watch('a');
  const b = watch('b');
  system.end(); // the second watch has woken the wait for the first
  expect(system.wait?.fds.slice(1)).toEqual([a.fd, b.fd]);
  system.end(b.fd);
  expect([a.heard, b.heard]).toEqual([0, 1]);
  system.end(a.fd, b.fd);
  expect([a.heard, b.heard]).toEqual([1, 2]);
  expect(system.wait).toBeDefined();
});

test('a descriptor is not closed while somebody waits for it: its number could be another’s by then', () => {
  const a = watch('a');
  let closed = false;
  poller.close(a.fd, () => {
    closed = true;
  });
  expect([closed, isOpen(a.fd)]).toEqual([false, true]);
  system.end(a.fd);
  expect([closed, isOpen(a.fd), a.heard]).toEqual([true, false, 0]);
});

test('with the last descriptor the waiting ends, and it begins again with the next', () => {
  const a = watch('a');
  poller.close(a.fd, () => {});
  system.end();
  expect([system.wakeups, system.wait]).toEqual([0, undefined]);
  const b = watch('b');
  system.end(b.fd);
  expect([system.wakeups, b.heard]).toEqual([1, 1]);
});

test('a descriptor that is closed by what another one said is not asked any more', () => {
  const a = { fd: system.openTap({ name: 'a' }) };
  const b = { fd: system.openTap({ name: 'b' }), heard: 0 };
  poller.watch(a.fd, () => poller.close(b.fd, () => {}));
  poller.watch(b.fd, () => {
    b.heard++;
  });
  system.end();
  system.end(a.fd, b.fd);
  expect([b.heard, isOpen(b.fd)]).toEqual([0, false]);
});

test('a callback that throws stops nobody else', () => {
  const a = system.openTap({ name: 'a' });
  poller.watch(a, () => {
    throw new Error('planted');
  });
  expect(() => system.end(a)).toThrow('planted');
  expect(system.wait?.fds).toContain(a);
});
