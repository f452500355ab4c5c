import { parseIpv4 } from '@nexus-net/sansio';
import { demand, type FuzzLimits, isSame } from '../../../sansio/test/support/fuzz.js';
import { type MarkerId, type MarkerValues, markerLiteral, renderMarker } from '../../src/marker.js';
import { CATALOGUE, MARKER_IDS } from '../../src/markers.js';

export const limits: FuzzLimits = { octetsMax: 300, costBase: 5000, costPerOctet: 200 };

const readMarker = (line: string): ReturnType<typeof CATALOGUE.read> => CATALOGUE.read(line);
const render = (id: MarkerId, values: MarkerValues): string => renderMarker(CATALOGUE.get(id), values);
const VALUES = { address: parseIpv4('10.0.2.15'), prefixLength: 24, gateway: parseIpv4('10.0.2.2') };

/** The octets are a console line. What is read as a marker is its form with these values, byte for byte, and no other marker. */
export function target(bytes: Uint8Array): void {
  const line = String.fromCharCode(...bytes);
  const read = readMarker(line);
  if (read === undefined) return;
  demand(render(read.id, read.values) === line.trimEnd(), 'a marker is its form with its values, byte for byte');
  demand(line.startsWith(markerLiteral(CATALOGUE.get(read.id))), 'a marker starts with its literal');
  demand(isSame(readMarker(render(read.id, read.values)), read), 'a marker reads the same again');
  demand(readMarker(` ${line}`) === undefined && readMarker(`${line} .`) === undefined, 'a marker is the whole line');
  demand(isSame(readMarker(`${line} `), read), 'blanks behind a marker say nothing');
}

/** Every marker, with values and without a gateway. */
export function seeds(): Uint8Array[] {
  return MARKER_IDS.flatMap((id) => [VALUES, { ...VALUES, gateway: 'none' as const }].map((values) => render(id, values))).map(
    (line) => new TextEncoder().encode(line),
  );
}
