import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { RemoteCase, Spent } from './harness.js';

/** A peer as `bench/peers/peers.json` describes it; see the README beside it. */
interface PeerEntry {
  readonly about: string;
  readonly command: readonly [string, ...string[]];
  readonly needs: readonly string[];
}

/** What can't be measured, and why: the line for a suite's `missing`. */
export interface NotMeasured {
  readonly missing: string;
}

/** Starts a peer of `bench/peers`, or says that it isn't installed. Throws on a name that isn't in `peers.json`. */
export function openPeer(root: string, name: string): Peer | NotMeasured {
  const folder = join(root, 'bench/peers');
  const entries = JSON.parse(readFileSync(join(folder, 'peers.json'), 'utf8')) as Record<string, PeerEntry>;
  const entry = entries[name];
  if (entry === undefined) throw new Error(`no peer ${name}`);
  if (entry.needs.every((path) => existsSync(join(folder, path)))) return new Peer(folder, entry);
  return { missing: `${entry.about}: not installed (npm run bench:peers -- ${name})` };
}

/** A program of somebody else that does a case as often as it is asked to, in a process of its own. */
export class Peer {
  /** Its name in a table, with its version. */
  readonly about: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  #ended = '';

  constructor(folder: string, { about, command: [program, ...args] }: PeerEntry) {
    this.about = about;
    const path = program === 'node' ? process.execPath : join(folder, program);
    this.#process = spawn(path, args, { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#process.stdin.on('error', () => undefined); // its end says the same
    this.#process.once('error', (error) => this.#end(error.message));
    this.#process.once('close', (code, signal) => this.#end(`it ended with ${signal ?? code}`));
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as Answer));
  }

  /**
   * A case for `measureGroup`, or why the peer can't do it. `name` is what its row is called after the peer's own name; a peer
   * takes part under the same conditions as our own cases, but for its process.
   */
  async prepare(work: string, params: object, name = ''): Promise<RemoteCase | NotMeasured> {
    const called = name === '' ? this.about : `${this.about}: ${name}`;
    const { id, error = 'no answer' } = await this.#ask({ prepare: work, params });
    if (id === undefined) return { missing: `${called}, ${work}: ${error}` };
    const measure = async (count: number): Promise<Spent> => {
      const { cpu, wall, error = 'no answer' } = await this.#ask({ run: id, count });
      if (cpu === undefined || wall === undefined) throw new Error(`${called}: ${error}`);
      return { cpu, wall };
    };
    return { name: called, measure };
  }

  close(): void {
    this.#process.stdin.end();
  }

  #ask(question: object): Promise<Answer> {
    if (this.#ended !== '') return Promise.resolve({ error: this.#ended });
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  #end(why: string): void {
    this.#ended = why;
    for (const resolve of this.#waiting.splice(0)) resolve({ error: why });
  }
}

interface Answer extends Partial<Spent> {
  readonly id?: number;
  readonly error?: string;
}

/** The cases among them, and the lines for `missing`. */
export function sortOut<T extends object>(found: readonly (T | NotMeasured)[]): { cases: T[]; missing: string[] } {
  const cases: T[] = [];
  const missing: string[] = [];
  for (const each of found) {
    if ('missing' in each) missing.push(each.missing);
    else cases.push(each);
  }
  return { cases, missing };
}
