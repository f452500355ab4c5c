import { join } from 'node:path';
import type { Fact } from '@nexus-net/wire';
import { test } from 'vitest';
import { unknownViolations } from './known-violations.js';
import { Lab } from './lab.js';

export interface Situation {
  /** Peers by port: what a violation from that port may be. */
  readonly peers: Readonly<Record<string, string>>;
  /** What is missing here, or `undefined` where it can run. */
  readonly missing: string | undefined;
}

/**
 * A test in a lab of its own. At its end every violation that the witnesses have seen has to be one that this peer is known for;
 * our own machines have none. Where it fails, its capture and the words of the peers stay in `runs/`.
 */
export function situation(name: string, { peers, missing }: Situation, run: (lab: Lab) => Promise<void>): void {
  const title = missing === undefined ? name : `${name} (not installed: ${missing})`;
  const declare = missing === undefined ? test.concurrent : CI ? test : test.skip;
  declare(title, async ({ task }) => {
    if (missing !== undefined) throw new Error(`not installed: ${missing}`);
    const lab = new Lab();
    try {
      await run(lab);
      const unknown = lab.segments.flatMap((segment) => unknownViolations(segment, peers));
      if (unknown.length > 0) throw new Error(`violations that nobody is known for:\n${unknown.join('\n')}`);
    } catch (error) {
      const folder = join('runs', `peers-${process.pid}`, `${task.suite?.name ?? ''} ${name}`.replaceAll(/\W+/g, '-'));
      lab.save(folder);
      const facts = lab.segments.flatMap((segment) => ['', ...segment.facts.map(line)]);
      throw new Error(`${error instanceof Error ? error.message : error}\nkept in ${folder}${facts.join('\n')}`);
    } finally {
      await lab.close();
    }
  });
}

function line({ at, kind, frames }: Fact): string {
  return `${at.toFixed(0)} ${kind} ${frames.join(',')}`;
}

/** In continuous integration a peer that is missing fails. */
const CI = process.env['CI'] === 'true';
