import { formatIpv4, formatMac, type Ipv4Address, type MacAddress, type Millis, requireArgument } from '@nexus-net/sansio';
import { describeFact, type Fact } from '@nexus-net/wire';
import { summarizeFrame } from './frame-summary.js';
import type { LanEvent } from './lan.js';

/** The kinds of line that a trace may hold. */
export type TraceKind = 'frame' | 'lost' | 'fact' | 'violation' | 'gateway' | 'switch' | 'station' | 'note';

export interface TraceConfig {
  /** Which lines are written. Default: all but `switch`. */
  readonly kinds?: readonly TraceKind[];
  /** Lines kept at most; further ones are counted only. Default 100 000. */
  readonly lineCountMax?: number;
}

/**
 * A simulation as text, one line for each thing that happened, in order: instant in milliseconds, who, what. Made of nothing
 * but inputs and seeds, so two runs of one seed can be compared byte for byte.
 */
export class Trace {
  readonly #kinds: ReadonlySet<TraceKind>;
  readonly #lineCountMax: number;
  readonly #lines: string[] = [];
  #dropped = 0;

  constructor(config: TraceConfig = {}) {
    const { kinds = DEFAULT_KINDS, lineCountMax = 100_000 } = config;
    requireArgument(lineCountMax >= 1, 'lineCountMax is at least 1');
    this.#kinds = new Set(kinds);
    this.#lineCountMax = lineCountMax;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Lines that came after `lineCountMax`. */
  get dropped(): number {
    return this.#dropped;
  }

  text(): string {
    const end = this.#dropped === 0 ? [] : [`(${this.#dropped} more lines)`];
    return [...this.#lines, ...end].join('\n');
  }

  wants(kind: TraceKind): boolean {
    return this.#kinds.has(kind);
  }

  write(line: { readonly kind: TraceKind; readonly at: Millis; readonly who: string; readonly text: string }): void {
    if (!this.wants(line.kind)) return;
    if (this.#lines.length >= this.#lineCountMax) {
      this.#dropped++;
      return;
    }
    this.#lines.push(`${formatMillis(line.at).padStart(9)} ${line.who.padEnd(8)} ${MARKS[line.kind]} ${line.text}`);
  }

  /** Writes the line of an event of a LAN, where its kind is wanted. */
  lan(at: Millis, event: LanEvent): void {
    switch (event.type) {
      case 'frame': {
        const { observed } = event;
        if (!this.wants('frame')) return;
        this.write({ kind: 'frame', at: observed.at, who: observed.port ?? '', text: summarizeFrame(observed.layers) });
        return;
      }
      case 'lost': {
        const text = `${event.reason} on the way to the ${event.to}: ${summarizeFrame(event.layers)}`;
        this.write({ kind: 'lost', at: event.at, who: event.port, text });
        return;
      }
      case 'fact':
        this.write({ kind: 'fact', at: event.fact.at, who: 'wire', text: factText(event.fact) });
        return;
      case 'violation': {
        const { rule, reference, message } = event.violation;
        this.write({ kind: 'violation', at: event.violation.at, who: 'wire', text: `${rule} (${reference}): ${message}` });
        return;
      }
      case 'gateway':
        this.write({ kind: 'gateway', at, who: 'gateway', text: describeEvent(event.event) });
        return;
      case 'switch':
        this.write({ kind: 'switch', at: event.event.at, who: 'switch', text: describeEvent(event.event) });
        return;
    }
  }
}

/** 12.5 for 12.5 ms, 12 for 12 ms: at most microseconds. */
export function formatMillis(at: Millis): string {
  return String(Math.round(at * 1_000) / 1_000);
}

/**
 * Any machine's event in one line: its type, then its plain fields. Fields named for addresses are written as such, of an
 * object that has an address that one, the event of a part as a whole; bytes and the rest are left out.
 */
export function describeEvent(event: unknown): string {
  if (typeof event !== 'object' || event === null) return String(event);
  const { type, at: _at, ...fields } = event as Readonly<Record<string, unknown>>;
  const parts = [String(type)];
  for (const [name, value] of Object.entries(fields)) {
    const text = fieldText(name, value);
    if (text !== undefined) parts.push(text);
  }
  return parts.join(' ');
}

function factText(fact: Fact): string {
  const { kind, at: _at, ...details } = describeFact(fact);
  return [kind, ...Object.entries(details).map(([name, value]) => `${name}=${detailText(name, value)}`)].join(' ');
}

function detailText(name: string, value: string | number): string {
  return typeof value === 'number' ? numberText(name, value) : value;
}

function fieldText(name: string, value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return `${name}=${value}`;
  if (typeof value === 'number') return `${name}=${numberText(name, value)}`;
  if (typeof value !== 'object' || value === null) return undefined;
  if ('type' in value) return describeEvent(value); // the event of a part
  return 'address' in value && typeof value.address === 'number' ? `${name}=${numberText('address', value.address)}` : undefined;
}

function numberText(name: string, value: number): string {
  if (MAC_FIELDS.has(name)) return formatMac(value as MacAddress);
  if (ADDRESS_FIELDS.has(name)) return formatIpv4(value as Ipv4Address);
  if (name === 'xid') return value.toString(16).padStart(8, '0');
  return Number.isInteger(value) ? String(value) : formatMillis(value);
}

const DEFAULT_KINDS: readonly TraceKind[] = ['frame', 'lost', 'fact', 'violation', 'gateway', 'station', 'note'];
const MARKS: Readonly<Record<TraceKind, string>> = {
  frame: '|',
  lost: 'x',
  fact: '*',
  violation: '!',
  gateway: '-',
  switch: '-',
  station: '-',
  note: '#',
};
const MAC_FIELDS: ReadonlySet<string> = new Set(['mac', 'claimant', 'linkSource']);
const ADDRESS_FIELDS: ReadonlySet<string> = new Set(['address', 'server', 'gateway', 'destination', 'from', 'reporter']);
