import { randomBytes } from 'node:crypto';
import type { Impairment } from '@nexus-net/lan';
import type { Millis } from '@nexus-net/sansio';
import { Refusal } from './refusal.js';
import type { Moment, WireFaults } from './wire-faults.js';

/** The options of a command that make a wire bad on purpose, for `parseArgs`. */
export const WIRE_OPTIONS = {
  loss: { type: 'string' },
  delay: { type: 'string' },
  duplicate: { type: 'string' },
  reorder: { type: 'string' },
  partition: { type: 'string' },
  cut: { type: 'string' },
  seed: { type: 'string' },
} as const;

/** What each is, for the help text. */
export const WIRE_HELP: readonly (readonly [option: string, text: string])[] = [
  ['--loss P', 'each frame is lost with this probability, in each direction: 10% or 0.1'],
  ['--delay TIME', 'each frame takes so long: 20ms, or 20ms+10ms with jitter'],
  ['--duplicate P', 'a frame arrives twice with this probability'],
  ['--reorder P', 'a frame is held back with this probability, so that later ones overtake it'],
  ['--partition AT:FOR', 'nothing passes for so long: 8s:3s, or session:3s from the beginning of a phase'],
  ['--cut [NODE@]PHASE', 'a guest’s cable is pulled when the phase begins, and stays out'],
  ['--seed TEXT', 'what the fate of frames is drawn from; the record of a run has it (default: drawn)'],
];

type WireValues = { readonly [K in keyof typeof WIRE_OPTIONS]?: string | undefined };

/**
 * Reads the options. `nodes`: names that a machine may have; with one, it need not be named. `undefined` where nothing is wished. Throws
 * {@link Refusal} for what can't be.
 */
export function readWireFaults(values: WireValues, nodes: readonly string[]): Partial<WireFaults> | undefined {
  const { loss, delay, duplicate, reorder, partition, cut, seed } = values;
  const [delayMs, jitterMs] = delay === undefined ? [] : durations('--delay', delay);
  const impairment: Impairment = {
    ...(loss !== undefined && { loss: probability('--loss', loss) }),
    ...(delayMs !== undefined && { delayMs }),
    ...(jitterMs !== undefined && { jitterMs }),
    ...(duplicate !== undefined && { duplicate: probability('--duplicate', duplicate) }),
    ...(reorder !== undefined && { reorder: probability('--reorder', reorder) }),
  };
  const isBad = Object.keys(impairment).length > 0;
  if (seed !== undefined && !isBad) throw new Refusal('--seed goes with --loss, --delay, --duplicate or --reorder.');
  if (!isBad && partition === undefined && cut === undefined) return undefined;
  return {
    ...(isBad && { impairment, seed: seed ?? randomBytes(4).toString('hex') }),
    ...(partition !== undefined && { partition: readPartition(partition) }),
    ...(cut !== undefined && { cut: readTarget('--cut', cut, nodes) }),
  };
}

/** `NODE@PHASE`, or with one machine `PHASE`. Throws {@link Refusal}. */
export function readTarget(
  option: string,
  text: string,
  nodes: readonly string[],
): { readonly node: string; readonly from: Moment } {
  const [node, phase, ...more] = text.includes('@') ? text.split('@') : [nodes[0], text];
  const isNamed = text.includes('@') || nodes.length === 1;
  if (!isNamed || node === undefined || phase === undefined || phase === '' || more.length > 0 || !nodes.includes(node)) {
    const form = nodes.length === 1 ? 'PHASE' : `NODE@PHASE, NODE one of ${nodes.join(', ')}`;
    throw new Refusal(`${option} is ${form}, not ‘${text}’.`);
  }
  return { node, from: { type: 'phase', phase } };
}

function readPartition(text: string): NonNullable<WireFaults['partition']> {
  const [at = '', length = '', ...more] = text.split(':');
  const forMs = duration(length);
  const atMs = duration(at);
  if (more.length > 0 || forMs === undefined || forMs === 0 || at === '')
    throw new Refusal(`--partition is AT:FOR, as 8s:3s or session:3s, not ‘${text}’.`);
  return { from: atMs === undefined ? { type: 'phase', phase: at } : { type: 'at', ms: atMs }, forMs };
}

function probability(option: string, text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(digits) / (percent === '%' ? 100 : 1);
  if (digits === undefined || value > 1) throw new Refusal(`${option} is a probability, 10% or 0.1, not ‘${text}’.`);
  return value;
}

function durations(option: string, text: string): readonly Millis[] {
  const parts = text.split('+').map(duration);
  if (parts.length > 2 || parts.some((part) => part === undefined))
    throw new Refusal(`${option} is a time, as 20ms or 20ms+10ms, not ‘${text}’.`);
  return parts as readonly Millis[];
}

/** `20ms`, `3s`, `1.5s`. */
export function duration(text: string): Millis | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unit === 's' ? 1_000 : 1);
}
