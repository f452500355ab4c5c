import { Worker } from 'node:worker_threads';

/** Octets of the text that says where the run is. */
const TEXT_OCTETS = 512;

/** Ends the process, and says where it was, when nothing has been said for too long: nothing else stops a loop without end. */
export class Watchdog {
  readonly #count = new Int32Array(new SharedArrayBuffer(4));
  readonly #text = new Uint8Array(new SharedArrayBuffer(TEXT_OCTETS));
  readonly #worker: Worker;

  constructor(limitMs: number) {
    this.#worker = new Worker(WATCH, { eval: true, workerData: { count: this.#count, text: this.#text, limitMs } });
    this.#worker.unref();
  }

  say(text: string): void {
    this.#text.fill(0);
    this.#text.set(new TextEncoder().encode(text).subarray(0, TEXT_OCTETS));
    Atomics.add(this.#count, 0, 1);
    Atomics.notify(this.#count, 0);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Waits in a thread of its own, which no loop of the main one can hold up. */
const WATCH = `
const { workerData: { count, text, limitMs } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
for (;;) {
  const seen = Atomics.load(count, 0);
  if (Atomics.wait(count, 0, seen, limitMs) !== 'timed-out') continue;
  writeSync(2, '\\nno end after ' + limitMs / 1000 + ' s: ' + Buffer.from(text).toString().replace(/\\0+$/, '') + '\\n');
  process.kill(process.pid, 'SIGKILL');
}`;
