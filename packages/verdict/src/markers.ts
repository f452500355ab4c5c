import { MarkerCatalogue } from './catalogue.js';
import type { Marker, MarkerId } from './marker.js';
import { CROSSVM_MARKERS } from './markers/crossvm.js';
import { DSOFTBUS_LATER_MARKERS, DSOFTBUS_MARKERS } from './markers/dsoftbus.js';
import { FETCH_MARKERS } from './markers/fetch.js';
import { NETSTACKD_MARKERS } from './markers/netstackd.js';

/**
 * Every marker that comes with the harness, by id. The strings are stable: a test compares them with literals typed by hand
 * from the decision record and its ladders. A profile may add markers of its own.
 */
export const MARKERS: Readonly<Record<MarkerId, Marker>> = {
  ...NETSTACKD_MARKERS,
  ...FETCH_MARKERS,
  ...DSOFTBUS_MARKERS,
  ...DSOFTBUS_LATER_MARKERS,
  ...CROSSVM_MARKERS,
};

/** The same as a reader of lines. */
export const CATALOGUE: MarkerCatalogue = new MarkerCatalogue(MARKERS);

/** All ids, in the order of the table. */
export const MARKER_IDS: readonly MarkerId[] = Object.keys(MARKERS);
