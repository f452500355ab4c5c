import { ipv4 } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { MARKER_IDS, MARKERS, type MarkerId, markerLiteral, markersDocument, readMarker, renderMarker } from '../src/index.js';

/** Typed by hand from the decision record and its ladders, not from the table under test. */
const LITERALS: Readonly<Record<MarkerId, string>> = {
  'netstackd-ready': 'netstackd: ready',
  'virtio-net-up': 'net: virtio-net up',
  'dhcp-bound': 'net: dhcp bound',
  'dhcp-fallback': 'net: dhcp unavailable (fallback static',
  'iface-up': 'net: smoltcp iface up',
  'net-ping-ok': 'SELFTEST: net ping ok',
};

describe('the strings are stable', () => {
  test.each(Object.entries(LITERALS))('%s', (id, literal) => {
    expect(markerLiteral(id as MarkerId)).toBe(literal);
  });

  test('and every marker of the table is among them', () => {
    expect([...MARKER_IDS].sort()).toEqual(Object.keys(LITERALS).sort());
  });

  test('the stack named in the interface marker is declared as history', () => {
    expect(MARKERS['iface-up'].compatibility).toContain('ADR-0025');
  });

  test('a marker that names a lease, a session, a packet or a peer is never local', () => {
    expect(MARKER_IDS.filter((id) => MARKERS[id].backing === 'local')).toEqual(['netstackd-ready']);
  });
});

describe('reading a line', () => {
  test.each([
    [
      'net: dhcp bound 10.0.2.15/24 gw=10.0.2.2',
      'dhcp-bound',
      { address: ipv4(10, 0, 2, 15), prefixLength: 24, gateway: ipv4(10, 0, 2, 2) },
    ],
    ['net: dhcp bound 10.0.2.15/24 gw=none', 'dhcp-bound', { address: ipv4(10, 0, 2, 15), prefixLength: 24, gateway: 'none' }],
    [
      'net: dhcp unavailable (fallback static 10.42.0.10/24)',
      'dhcp-fallback',
      { address: ipv4(10, 42, 0, 10), prefixLength: 24 },
    ],
    ['net: smoltcp iface up 10.0.2.15', 'iface-up', { address: ipv4(10, 0, 2, 15) }],
    ['netstackd: ready', 'netstackd-ready', {}],
  ])('%s', (line, id, values) => {
    expect(readMarker(line)).toEqual({ id, values });
  });

  test.each([
    'x net: virtio-net up',
    'net: virtio-net up!',
    'net: smoltcp iface up',
    'net: smoltcp iface up 10.0.2.256',
    'net: smoltcp iface up 10.0.2.15/24',
    'net: dhcp bound 10.0.2.15/33 gw=none',
    'net: dhcp bound 10.0.2.15/24 gw=nobody',
    'SELFTEST: net ping FAIL',
  ])('is no marker: %s', (line) => {
    expect(readMarker(line)).toBeUndefined();
  });

  test('rendering is the inverse of reading', () => {
    const line = 'net: dhcp bound 10.0.2.15/24 gw=10.0.2.2';
    expect(renderMarker('dhcp-bound', readMarker(line)?.values)).toBe(line);
    expect(renderMarker('dhcp-bound')).toBe('net: dhcp bound {address}/{prefix} gw={gateway}');
  });
});

test('docs/markers.md is what the tables say', async () => {
  await expect(markersDocument()).toMatchFileSnapshot('../../../docs/markers.md');
});
