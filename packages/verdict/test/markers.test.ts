import { ipv4 } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  ADR_0025_LINES,
  CATALOGUE,
  MARKER_IDS,
  type Marker,
  MarkerCatalogue,
  type MarkerId,
  markerLiteral,
  markersDocument,
  renderMarker,
} from '../src/index.js';

const readMarker = (line: string): ReturnType<typeof CATALOGUE.read> => CATALOGUE.read(line);

/** Typed by hand from the decision record and its ladders, not from the table under test. */
const LITERALS: Readonly<Record<MarkerId, string>> = {
  'netstackd-ready': 'netstackd: ready',
  'virtio-net-up': 'net: virtio-net up',
  'dhcp-bound': 'net: dhcp bound',
  'dhcp-fallback': 'net: dhcp unavailable (fallback static',
  'iface-up': 'net: smoltcp iface up',
  'net-ping-ok': 'SELFTEST: net ping ok',
  'net-iface-ok': 'SELFTEST: net iface ok',
  'net-dns-ok': 'SELFTEST: net udp dns ok',
  'tcp-listen-ok': 'SELFTEST: net tcp listen ok',
  'facade-up': 'netstackd: facade up',
  'icmp-ping-ok': 'SELFTEST: icmp ping ok',
  'iface-reached': 'net: iface reached',
  'http-fetched': 'SELFTEST: net http ok',
  'dsoftbus-discovery-up': 'dsoftbusd: discovery up (udp loopback)',
  'dsoftbus-announce-sent': 'dsoftbusd: discovery announce sent',
  'dsoftbus-peer-found': 'dsoftbusd: discovery peer found device=local',
  'dsoftbus-transport-up': 'dsoftbusd: os transport up (udp+tcp)',
  'dsoftbus-session-connect': 'dsoftbusd: session connect peer=node-b',
  'dsoftbus-identity-bound': 'dsoftbusd: identity bound peer=node-b',
  'dsoftbus-dual-node-session-ok': 'dsoftbusd: dual-node session ok',
  'dsoftbus-ready': 'dsoftbusd: ready',
  'dsoftbus-auth-ok': 'dsoftbusd: auth ok',
  'dsoftbus-os-session-ok': 'dsoftbusd: os session ok',
  'dsoftbus-os-connect-ok': 'SELFTEST: dsoftbus os connect ok',
  'dsoftbus-ping-ok': 'SELFTEST: dsoftbus ping ok',
  'dsoftbus-transport-quic': 'dsoftbusd: transport selected quic',
  'dsoftbus-quic-session-ok': 'SELFTEST: quic session ok',
  'dsoftbus-mux-session-up': 'dsoftbus:mux session up',
  'dsoftbus-mux-data-ok': 'dsoftbus:mux data ok',
  'dsoftbus-mux-control-ok': 'SELFTEST: mux pri control ok',
  'dsoftbus-mux-bulk-ok': 'SELFTEST: mux bulk ok',
  'dsoftbus-mux-backpressure-ok': 'SELFTEST: mux backpressure ok',
  'crossvm-discovery-up': 'dsoftbusd: discovery cross-vm up',
  'crossvm-session-ok': 'dsoftbusd: cross-vm session ok',
  'crossvm-mux-session-up': 'dsoftbus:mux crossvm session up',
  'crossvm-mux-data-ok': 'dsoftbus:mux crossvm data ok',
  'crossvm-mux-control-ok': 'SELFTEST: mux crossvm pri control ok',
  'crossvm-mux-bulk-ok': 'SELFTEST: mux crossvm bulk ok',
  'crossvm-mux-backpressure-ok': 'SELFTEST: mux crossvm backpressure ok',
  'remote-resolve-ok': 'SELFTEST: remote resolve ok',
  'remote-query-ok': 'SELFTEST: remote query ok',
  'remote-statefs-ok': 'SELFTEST: remote statefs rw ok',
  'remote-statefs-served': 'dsoftbusd: remote statefs served',
  'remote-pkgfs-stat-ok': 'SELFTEST: remote pkgfs stat ok',
  'remote-pkgfs-open-ok': 'SELFTEST: remote pkgfs open ok',
  'remote-pkgfs-read-step-ok': 'SELFTEST: remote pkgfs read step ok',
  'remote-pkgfs-close-ok': 'SELFTEST: remote pkgfs close ok',
  'remote-pkgfs-read-ok': 'SELFTEST: remote pkgfs read ok',
  'remote-pkgfs-served': 'dsoftbusd: remote packagefs served',
  'remote-statefs-persist-ok': 'SELFTEST: remote statefs persist ok',
};

describe('the strings are stable', () => {
  test.each(Object.entries(LITERALS))('%s', (id, literal) => {
    expect(markerLiteral(CATALOGUE.get(id))).toBe(literal);
  });

  test('and every marker of the table is among them', () => {
    expect([...MARKER_IDS].sort()).toEqual(Object.keys(LITERALS).sort());
  });

  test('the stack named in the interface marker is declared as history', () => {
    expect(CATALOGUE.get('iface-up').compatibility).toContain('ADR-0025');
  });

  test('a marker that names a lease, a session, a packet or a peer is never local', () => {
    expect(MARKER_IDS.filter((id) => CATALOGUE.get(id).backing === 'local')).toEqual([
      'netstackd-ready',
      'facade-up',
      'dsoftbus-ready',
      // A program's checks of its own scheduler and credits: nothing is sent for them.
      'dsoftbus-mux-control-ok',
      'dsoftbus-mux-bulk-ok',
      'dsoftbus-mux-backpressure-ok',
    ]);
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
    expect(renderMarker(CATALOGUE.get('dhcp-bound'), readMarker(line)?.values)).toBe(line);
    expect(renderMarker(CATALOGUE.get('dhcp-bound'))).toBe('net: dhcp bound {address}/{prefix} gw={gateway}');
  });
});

describe('a catalogue', () => {
  const local = (form: string, more: Partial<Marker> = {}): Marker => ({ form, meaning: 'x', backing: 'local', ...more });

  test('reads a line as what says most about it: whole lines before beginnings, long ones before short ones', () => {
    const catalogue = new MarkerCatalogue({
      start: local('init: start', { match: 'beginning' }),
      service: local('init: start keystored', { match: 'beginning' }),
      whole: local('init: start keystored now'),
    });
    expect(catalogue.read('init: start')?.id).toBe('start');
    expect(catalogue.read('init: start keystored 7')?.id).toBe('service');
    expect(catalogue.read('init: start keystored now')?.id).toBe('whole');
    expect(catalogue.read('x init: start')).toBeUndefined();
  });

  test('reads the name of a peer', () => {
    const catalogue = new MarkerCatalogue({ session: local('cross-vm session ok {peer}') });
    expect(catalogue.read('cross-vm session ok node-b')).toEqual({ id: 'session', values: { peer: 'node-b' } });
    expect(catalogue.read('cross-vm session ok node b')).toBeUndefined();
    expect(renderMarker(catalogue.get('session'), { peer: 'node-a' })).toBe('cross-vm session ok node-a');
  });

  test.each<[string, Marker, string]>([
    ['an empty form', local(' '), 'no line'],
    ['a form of two lines', local('a\nb'), 'no line'],
    ['a place that nobody knows', local('x {port}'), '{port}'],
    ['local with a proof', local('x', { proof: 'lease-held' }), 'nothing that proves it'],
    ['wire without a proof', local('x', { backing: 'wire' }), 'names no proof'],
  ])('refuses %s', (_what, marker, words) => {
    expect(() => new MarkerCatalogue({ x: marker })).toThrow(words);
  });

  test('knows no other id', () => {
    expect(() => CATALOGUE.get('nobody')).toThrow('nobody');
  });
});

test('the ladder of ADR-0025 has 109 lines, each once, the first, middle and last as the record has them', () => {
  expect(ADR_0025_LINES).toHaveLength(109);
  expect(new Set(ADR_0025_LINES).size).toBe(109);
  expect([1, 26, 41, 57, 88, 109].map((n) => ADR_0025_LINES[n - 1])).toEqual([
    'neuron vers.',
    'init: up dsoftbusd',
    'net: smoltcp iface up',
    'netstackd: facade up',
    'execd: crash report pid=',
    'SELFTEST: end',
  ]);
});

test('docs/markers.md is what the tables say', async () => {
  await expect(markersDocument()).toMatchFileSnapshot('../../../docs/markers.md');
});
