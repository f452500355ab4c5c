import type { MarkerCatalogue } from './catalogue.js';
import { type MarkerId, type MarkerValues, readValues } from './marker.js';
import type { PhaseName } from './profile.js';

/** A line of a guest that doesn't print the contract's markers, and whose meaning is that of one of them. */
export interface ConsoleRule {
  /** Anchored by its author; groups named `address`, `prefix`, `gateway` and `peer` become the marker's values. */
  readonly pattern: RegExp;
  readonly marker: MarkerId;
  /** Counts only while the ladder stands in this phase: the same line may mean one thing here and nothing there. */
  readonly phase?: PhaseName;
}

/** How a marker came: byte for byte from the guest, or as the meaning of another line. Never shown as the same. */
export type Origin = 'printed' | 'mapped';

export interface MarkerReading {
  readonly id: MarkerId;
  readonly origin: Origin;
  readonly values: MarkerValues;
}

export interface ReadingContext {
  readonly catalogue: MarkerCatalogue;
  readonly rules: readonly ConsoleRule[];
  readonly phase: PhaseName | undefined;
}

/** What a line says: the marker that it is, or else the one that it stands for in this phase. */
export function readLine(line: string, { catalogue, rules, phase }: ReadingContext): MarkerReading | undefined {
  const printed = catalogue.read(line);
  if (printed !== undefined) return { ...printed, origin: 'printed' };
  for (const rule of rules) {
    if (rule.phase !== undefined && rule.phase !== phase) continue;
    const match = rule.pattern.exec(line);
    if (match === null) continue;
    const values = readValues(match.groups ?? {});
    if (values !== undefined) return { id: rule.marker, origin: 'mapped', values };
  }
  return undefined;
}
