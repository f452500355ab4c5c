import type { Marker, MarkerId } from '../marker.js';

/** What guests show that fetch files and send no ping of their own, as network boot loaders. ADR-0025 has no lines for it. */
export const FETCH_MARKERS: Readonly<Record<MarkerId, Marker>> = {
  'iface-reached': {
    form: 'net: iface reached {address}',
    meaning: 'The interface has this address: it finds the gateway and is found and pinged by it. The guest sends no ping.',
    backing: 'wire',
    proof: 'interface-reached',
  },
  'http-fetched': {
    form: 'SELFTEST: net http ok',
    meaning: 'The guest fetched a file from the HTTP server of the wire.',
    backing: 'wire',
    proof: 'http-answered',
    failures: ['SELFTEST: net http FAIL'],
  },
};
