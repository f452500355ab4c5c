import { readFileSync } from 'node:fs';
import { fromHex, type Millis } from '@nexus-net/sansio';
import { observe } from './scene.js';

export interface WitnessCapture {
  /** `CLIENT--SERVER--SCENARIO` or `CLIENT--RELAY--SERVER--SCENARIO`. */
  readonly name: string;
  readonly frames: readonly { readonly at: Millis; readonly hex: string; readonly marks: readonly string[] }[];
}

/** Captures of real peers, each frame with what its sender did against an RFC. */
export function witnessCaptures(): readonly WitnessCapture[] {
  const text = readFileSync(new URL('../vectors/witness-captures.json', import.meta.url), 'utf8');
  const { captures } = JSON.parse(text) as {
    captures: { name: string; frames: [number: number, seconds: number, hex: string, marks: string[]][] }[];
  };
  return captures.map(({ name, frames }) => ({
    name,
    frames: frames.map(([, seconds, hex, marks]) => ({ at: seconds * 1_000, hex, marks })),
  }));
}

/** Marks that the witness leaves alone on purpose. */
const MARKS_WITHOUT_RULE: readonly RegExp[] = [
  // §4.1 allows a broadcast to a server that can't unicast to an address without ARP, and the wire doesn't tell which can.
  /broadcast although unicast to yiaddr was possible/,
];

/** What the witness finds and the marks lack: looked at one by one. */
const MISSED_BY_MARKS: readonly { readonly rule: string; readonly capture: RegExp; readonly why: string }[] = [
  { rule: 'dhcp.short-message', capture: /^nmap--/, why: 'its INFORM has 244 octets; the marks have this rule, but skip nmap' },
  {
    rule: 'dhcp.ack-address',
    capture: /^(dhcping|nm-n-dhcp4)--coredhcp--/,
    why: 'CoreDHCP acknowledges another address than asked for',
  },
];

/** Where the witness and the marks of a capture differ: a frame accused without a mark, a mark that the witness misses. */
export function witnessDifferences({ name, frames }: WitnessCapture): string[] {
  const { violations } = observe(frames.map(({ at, hex }) => ({ at, bytes: fromHex(hex) })));
  const differences: string[] = [];
  const accused = new Set<number>();
  // Frame numbers of the witness count from 1 in the order of the capture, as the vectors' own do.
  for (const { rule, frames: numbers } of violations) {
    const number = numbers.at(-1) as number;
    accused.add(number);
    const known = MISSED_BY_MARKS.some((missed) => missed.rule === rule && missed.capture.test(name));
    if ((frames[number - 1]?.marks.length ?? 0) === 0 && !known) differences.push(`frame ${number}: ${rule} without a mark`);
  }
  for (const [i, { marks }] of frames.entries())
    for (const mark of marks) {
      const excused = MARKS_WITHOUT_RULE.some((pattern) => pattern.test(mark));
      if (!excused && !accused.has(i + 1)) differences.push(`frame ${i + 1}: missed: ${mark}`);
    }
  return differences;
}
