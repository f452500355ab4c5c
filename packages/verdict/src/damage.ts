import { type Marker, type MarkerId, markerLiteral } from './marker.js';

/** A line that looks like a marker that something got in between of. */
export interface Damage {
  readonly marker: MarkerId;
  /** `torn`: a part of it is missing, or stands on the next line. `spliced`: other text stands before or behind it on its line. */
  readonly how: 'torn' | 'spliced';
  readonly line: string;
}

/**
 * Looks for markers that came damaged: two processors that print at once, or a kernel's message in the middle. Such a line is
 * no marker, and what it hides is no missing marker either. Keeps the first damage of each marker.
 */
export class DamageWatch {
  readonly #markers: readonly { readonly id: MarkerId; readonly marker: Marker; readonly literal: string }[];
  readonly #reads: (line: string) => MarkerId | undefined;
  readonly #found = new Map<MarkerId, Damage>();
  #before = '';

  /** `markers`: those that are demanded. `reads`: which marker a whole line is. */
  constructor(markers: readonly (readonly [MarkerId, Marker])[], reads: (line: string) => MarkerId | undefined) {
    this.#markers = markers.map(([id, marker]) => ({ id, marker, literal: markerLiteral(marker) }));
    this.#reads = reads;
  }

  /** A line that is no marker. */
  handleLine(line: string): void {
    for (const { id, literal } of this.#markers) {
      if (this.#found.has(id)) continue;
      if (line.includes(literal)) this.#found.set(id, { marker: id, how: 'spliced', line });
      else if (isTorn(line, literal)) this.#found.set(id, { marker: id, how: 'torn', line });
    }
    const joined = this.#reads(this.#before + line);
    if (joined !== undefined && this.#before !== '' && !this.#found.has(joined)) {
      this.#found.set(joined, { marker: joined, how: 'torn', line: this.#before });
    }
    this.#before = line;
  }

  /** A line that is a marker: it is whole, and what follows it is no continuation of it. */
  handleMarker(): void {
    this.#before = '';
  }

  of(marker: MarkerId): Damage | undefined {
    return this.#found.get(marker);
  }
}

/** Four fifths of the literal stand at the line's beginning, or its last four fifths do. */
function isTorn(line: string, literal: string): boolean {
  const least = Math.max(Math.ceil(literal.length * 0.8), SHORTEST);
  if (literal.length <= least) return false;
  return line.startsWith(literal.slice(0, least)) || line.startsWith(literal.slice(literal.length - least));
}

/** Shorter pieces are found by chance. */
const SHORTEST = 8;
