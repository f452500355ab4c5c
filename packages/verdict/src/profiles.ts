import type { MarkerId } from './marker.js';
import { markerLiteral } from './marker.js';
import { ADR_0025_LINES, localMarker, localMarkerId } from './markers/adr-0025-ladder.js';
import { CATALOGUE } from './markers.js';
import type { Profile } from './profile.js';
import { type ProfileSpec, resolveProfile } from './profile-spec.js';

/** The 109 lines of the OS's ladder as markers: those of the network are ours, with their proofs. */
const ADR_0025_LADDER: readonly { readonly id: MarkerId; readonly line: string; readonly own: boolean }[] = ADR_0025_LINES.map(
  (line) => {
    const ours = CATALOGUE.ids.find((id) => markerLiteral(CATALOGUE.get(id)) === line);
    return { id: ours ?? localMarkerId(line), line, own: ours === undefined };
  },
);

/** The profiles that come with the harness. */
export const PROFILE_SPECS: readonly ProfileSpec[] = [
  {
    name: 'smoke',
    description: 'interface configured with its address and usable; DHCP not needed',
    phases: [
      { name: 'boot', markers: ['netstackd-ready'], budgetMs: 60_000 },
      { name: 'link', markers: ['virtio-net-up'], budgetMs: 20_000 },
      { name: 'iface', markers: ['iface-up'], budgetMs: 20_000 },
    ],
    order: [
      ['virtio-net-up', 'iface-up'],
      ['iface-up', 'net-ping-ok'],
      ['iface-up', 'net-dns-ok'],
      ['iface-up', 'tcp-listen-ok'],
      ['iface-up', 'facade-up'],
    ],
    outcomes: [{ name: 'address', of: ['dhcp-bound', 'dhcp-fallback'] }],
    capabilities: ['static-address', 'ping'],
  },
  {
    name: 'dhcp-lease',
    description: 'lease from the server on our wire, interface usable under it, gateway ping',
    extends: ['smoke'],
    phases: [
      { name: 'dhcp', markers: ['dhcp-bound'], budgetMs: 15_000, after: 'link' },
      { name: 'ping', markers: ['net-ping-ok'], budgetMs: 15_000, after: 'iface' },
    ],
    order: [['dhcp-bound', 'iface-up']],
    forbidden: ['dhcp-fallback'],
    capabilities: ['dhcp'],
  },
  {
    name: 'dhcp',
    description:
      'lease from the server on our wire, interface usable under it, gateway ping, DNS, and a TCP listener that the gateway reaches',
    extends: ['dhcp-lease'],
    phases: [
      { name: 'dns', markers: ['net-dns-ok'], budgetMs: 15_000, after: 'ping' },
      { name: 'listen', markers: ['tcp-listen-ok'], budgetMs: 15_000 },
    ],
    capabilities: ['dns', 'tcp-listen'],
  },
  {
    name: 'dhcp-strict',
    description: 'all of the profile dhcp, and an ICMP ping of a program of the guest',
    extends: ['dhcp'],
    phases: [{ name: 'icmp', markers: ['icmp-ping-ok'], budgetMs: 15_000 }],
  },
  {
    name: 'dhcp-prefer',
    description: 'a lease where there is one, else the static fallback; the verdict says which',
    extends: ['smoke'],
    phases: [{ name: 'dhcp', markers: ['dhcp-bound'], budgetMs: 45_000, after: 'link' }],
    outcomes: [{ name: 'address', of: ['dhcp-bound', 'dhcp-fallback'], interchangeable: true }],
    capabilities: ['dhcp'],
    notes: ['This profile accepts the static fallback: it is no proof that DHCP works.'],
  },
  {
    name: 'fetch',
    description:
      'interface configured with its address and reached, and a file fetched from the gateway by name; DHCP not needed',
    phases: [
      { name: 'boot', markers: ['netstackd-ready'], budgetMs: 60_000 },
      { name: 'link', markers: ['virtio-net-up'], budgetMs: 20_000 },
      { name: 'iface', markers: ['iface-reached'], budgetMs: 30_000 },
      { name: 'dns', markers: ['net-dns-ok'], budgetMs: 20_000 },
      { name: 'fetch', markers: ['http-fetched'], budgetMs: 20_000 },
    ],
    order: [
      ['virtio-net-up', 'iface-reached'],
      ['iface-reached', 'net-dns-ok'],
      ['net-dns-ok', 'http-fetched'],
    ],
    outcomes: [{ name: 'address', of: ['dhcp-bound', 'dhcp-fallback'] }],
    capabilities: ['static-address', 'dns', 'fetch'],
  },
  {
    name: 'dhcp-fetch',
    description: 'lease from the server on our wire, interface reached under it, and a file fetched from the gateway by name',
    extends: ['fetch'],
    phases: [{ name: 'dhcp', markers: ['dhcp-bound'], budgetMs: 30_000, after: 'link' }],
    order: [['dhcp-bound', 'iface-reached']],
    forbidden: ['dhcp-fallback'],
    capabilities: ['dhcp'],
  },
  {
    name: 'dsoftbus',
    description:
      'the bus on the loopback interface of one machine: discovery, session, identities, records both ways, requests through the gateway',
    extends: ['smoke'],
    phases: [
      {
        name: 'discovery',
        markers: ['dsoftbus-discovery-up', 'dsoftbus-announce-sent', 'dsoftbus-peer-found'],
        budgetMs: 15_000,
      },
      {
        name: 'session',
        markers: [
          'dsoftbus-transport-up',
          'dsoftbus-session-connect',
          'dsoftbus-identity-bound',
          'dsoftbus-dual-node-session-ok',
        ],
        budgetMs: 15_000,
      },
      { name: 'ready', markers: ['dsoftbus-ready', 'dsoftbus-auth-ok', 'dsoftbus-os-session-ok'], budgetMs: 15_000 },
      { name: 'selftest', markers: ['dsoftbus-os-connect-ok', 'dsoftbus-ping-ok'], budgetMs: 15_000 },
    ],
    order: [
      ['iface-up', 'dsoftbus-discovery-up'],
      ...consecutive([
        'dsoftbus-discovery-up',
        'dsoftbus-announce-sent',
        'dsoftbus-peer-found',
        'dsoftbus-session-connect',
        'dsoftbus-identity-bound',
        'dsoftbus-dual-node-session-ok',
        'dsoftbus-ready',
        'dsoftbus-auth-ok',
        'dsoftbus-os-session-ok',
      ]),
      ['dsoftbus-transport-up', 'dsoftbus-session-connect'],
      ['dsoftbus-dual-node-session-ok', 'dsoftbus-os-connect-ok'],
      ['dsoftbus-os-connect-ok', 'dsoftbus-ping-ok'],
    ],
    forbiddenLines: [
      'dsoftbusd: transport selected tcp',
      'dsoftbus: quic os disabled (fallback tcp)',
      'SELFTEST: quic fallback ok',
    ],
    capabilities: ['dsoftbus'],
    notes: [
      'What the session carries is encrypted: that a request was answered is shown by the number of exchanges over it, not by their contents.',
    ],
  },
  {
    name: 'dsoftbus-19',
    description: 'all of the profile dsoftbus, and the seven lines that the OS added later: its datagram session and its mux',
    extends: ['dsoftbus'],
    phases: [
      {
        name: 'datagram-session',
        markers: ['dsoftbus-transport-quic', 'dsoftbus-quic-session-ok'],
        budgetMs: 15_000,
        after: 'ready',
      },
      {
        name: 'mux',
        markers: [
          'dsoftbus-mux-session-up',
          'dsoftbus-mux-data-ok',
          'dsoftbus-mux-control-ok',
          'dsoftbus-mux-bulk-ok',
          'dsoftbus-mux-backpressure-ok',
        ],
        budgetMs: 15_000,
      },
    ],
    order: [['dsoftbus-mux-session-up', 'dsoftbus-mux-data-ok']],
    capabilities: ['dsoftbus-19'],
    notes: [
      'The lines that say quic mean, by definition, the QD datagram session of the OS: no QUIC is spoken, and none is demanded.',
    ],
  },
  {
    name: 'os2vm',
    description:
      'two machines on one wire, at static addresses: discovery, session, mux, and the services of one used by the other; no DHCP',
    nodes: ['a', 'b'],
    phases: [
      { name: 'boot', markers: ['netstackd-ready'], budgetMs: 120_000 },
      { name: 'link', markers: ['virtio-net-up'], budgetMs: 60_000 },
      { name: 'iface', markers: ['iface-up'], budgetMs: 60_000 },
      { name: 'discovery', markers: ['crossvm-discovery-up'], budgetMs: 60_000 },
      { name: 'session', markers: ['crossvm-session-ok'], budgetMs: 60_000 },
      {
        name: 'mux',
        markers: [
          'crossvm-mux-session-up',
          'crossvm-mux-data-ok',
          'crossvm-mux-control-ok',
          'crossvm-mux-bulk-ok',
          'crossvm-mux-backpressure-ok',
        ],
        budgetMs: 60_000,
      },
      {
        name: 'remote',
        markers: [
          ...[
            'remote-resolve-ok',
            'remote-query-ok',
            'remote-statefs-ok',
            'remote-pkgfs-stat-ok',
            'remote-pkgfs-open-ok',
            'remote-pkgfs-read-step-ok',
            'remote-pkgfs-close-ok',
            'remote-pkgfs-read-ok',
          ].map((marker) => ({ marker, nodes: ['a'] })),
          ...['remote-statefs-served', 'remote-pkgfs-served'].map((marker) => ({ marker, nodes: ['b'] })),
        ],
        budgetMs: 60_000,
      },
    ],
    order: [
      ['virtio-net-up', 'iface-up'],
      ['iface-up', 'crossvm-discovery-up'],
      ...consecutive([
        'crossvm-discovery-up',
        'crossvm-session-ok',
        'crossvm-mux-session-up',
        'crossvm-mux-data-ok',
        'remote-resolve-ok',
        'remote-query-ok',
        'remote-statefs-ok',
        'remote-pkgfs-stat-ok',
        'remote-pkgfs-open-ok',
        'remote-pkgfs-read-step-ok',
        'remote-pkgfs-close-ok',
        'remote-pkgfs-read-ok',
      ]),
    ],
    outcomes: [{ name: 'address', of: ['dhcp-bound', 'dhcp-fallback'] }],
    forbidden: ['dhcp-bound'],
    capabilities: ['static-address', 'crossvm'],
    notes: [
      'What a session carries is encrypted: that a request was answered is shown by the number of exchanges over it, not by their contents.',
    ],
  },
  {
    name: 'os2vm-restart',
    description:
      'all of the profile os2vm; then one machine ends and begins again, and what was written to its statefs is still there',
    extends: ['os2vm'],
    phases: [{ name: 'persist', markers: [{ marker: 'remote-statefs-persist-ok', nodes: ['a'] }], budgetMs: 120_000 }],
    order: [['remote-statefs-ok', 'remote-statefs-persist-ok']],
  },
  {
    name: 'adr-0025-full',
    description:
      'the 109 lines of the OS’s default ladder right after ADR-0025; those of the network are believed only with the wire',
    markers: Object.fromEntries(ADR_0025_LADDER.filter(({ own }) => own).map(({ id, line }) => [id, localMarker(line)])),
    phases: [
      { name: 'boot', from: 'neuron vers.' },
      { name: 'services', from: 'keystored: ready' },
      { name: 'net', from: 'net: virtio-net up' },
      { name: 'selftest', from: 'blk: virtio-blk up' },
      { name: 'listen', from: 'SELFTEST: net tcp listen ok' },
      { name: 'end', from: 'SELFTEST: ipc routing samgrd ok' },
    ].map(({ name, from }, index, all) => {
      const start = ADR_0025_LINES.indexOf(from);
      const next = all[index + 1];
      const end = next === undefined ? ADR_0025_LINES.length : ADR_0025_LINES.indexOf(next.from);
      return { name, markers: ADR_0025_LADDER.slice(start, end).map(({ id }) => id), budgetMs: 120_000 };
    }),
    // As its harness ordered them: the lines of init and of the kernel's self-tests, and nothing else.
    order: consecutive(ADR_0025_LADDER.filter(({ line }) => /^(init: |KSELFTEST: )/.test(line)).map(({ id }) => id)),
    capabilities: ['static-address'],
  },
];

/** A profile that comes with the harness. Throws `UsageError` for a name that there isn't. */
export function profileNamed(name: string, further: readonly ProfileSpec[] = []): Profile {
  return resolveProfile(name, [...PROFILE_SPECS, ...further]);
}

/** The canonical default of ADR-0025: the interface is configured and usable; no DHCP. */
export const SMOKE: Profile = profileNamed('smoke');

/** A lease from the server on our wire, then the gateway answers a ping: what a boot loader can do. */
export const DHCP_LEASE: Profile = profileNamed('dhcp-lease');

/** The gate REQUIRE_QEMU_DHCP=1. */
export const DHCP: Profile = profileNamed('dhcp');

function consecutive(ids: readonly MarkerId[]): readonly (readonly [MarkerId, MarkerId])[] {
  return ids.slice(1).map((later, index) => [ids[index] as MarkerId, later]);
}
