import { UsageError } from '@nexus-net/sansio';
import { type Marker, type MarkerId, type MarkerValues, markerPattern, PLACE_NAMES, placesOf, readValues } from './marker.js';

/** What a line is, where it is a marker. */
export interface MarkerLine {
  readonly id: MarkerId;
  readonly values: MarkerValues;
}

/** The markers that a run knows, by id, and the reader of lines made of them. */
export class MarkerCatalogue {
  readonly #markers: ReadonlyMap<MarkerId, Marker>;
  readonly #patterns: readonly { readonly id: MarkerId; readonly pattern: RegExp }[];

  /** Throws `UsageError` for a marker that can't be: an empty form, a place that nobody knows, `local` with a proof or otherwise without. */
  constructor(markers: Readonly<Record<MarkerId, Marker>>) {
    for (const [id, marker] of Object.entries(markers)) checkMarker(id, marker);
    this.#markers = new Map(Object.entries(markers));
    // A line is read as what says most about it: whole lines before beginnings, long ones before short ones.
    this.#patterns = [...this.#markers]
      .sort(([, a], [, b]) => Number(a.match === 'beginning') - Number(b.match === 'beginning') || b.form.length - a.form.length)
      .map(([id, marker]) => ({ id, pattern: markerPattern(marker) }));
  }

  get ids(): readonly MarkerId[] {
    return [...this.#markers.keys()];
  }

  /** Throws `UsageError` for an id that is not in the catalogue. */
  get(id: MarkerId): Marker {
    const marker = this.#markers.get(id);
    if (marker === undefined) throw new UsageError(`no marker is called ${JSON.stringify(id)}`);
    return marker;
  }

  has(id: MarkerId): boolean {
    return this.#markers.has(id);
  }

  /** Which marker a console line is, or `undefined`. Blanks at its end are the console's, not the marker's. */
  read(line: string): MarkerLine | undefined {
    const text = withoutBlanksAtEnd(line);
    for (const { id, pattern } of this.#patterns) {
      const match = pattern.exec(text);
      if (match === null) continue;
      const values = readValues(match.groups ?? {});
      if (values !== undefined) return { id, values };
    }
    return undefined;
  }
}

function checkMarker(id: MarkerId, marker: Marker): void {
  const refuse = (what: string): never => {
    throw new UsageError(`the marker ${JSON.stringify(id)} ${what}`);
  };
  if (marker.form.trim() === '' || /[\r\n]/.test(marker.form)) refuse('has a form that is no line');
  const unknown = placesOf(marker).find((name) => !PLACE_NAMES.includes(name));
  if (unknown !== undefined) refuse(`has a place {${unknown}}; known are ${PLACE_NAMES.join(', ')}`);
  if (marker.backing === 'local' && marker.proof !== undefined) refuse('is local, so there is nothing that proves it');
  if (marker.backing !== 'local' && marker.proof === undefined) refuse(`is backed by the ${marker.backing}, and names no proof`);
}

function withoutBlanksAtEnd(line: string): string {
  let length = line.length;
  while (length > 0 && (line[length - 1] === ' ' || line[length - 1] === '\t')) length--;
  return line.slice(0, length);
}
