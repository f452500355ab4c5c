import type { Marker, MarkerId } from '../marker.js';

const SMOLTCP =
  'The string is a constant of ADR-0025 that every harness greps for. It names the stack that the OS had then; it says nothing about the stack of the guest at hand.';

/** What the network service says on its way up. */
export const NETSTACKD_MARKERS: Readonly<Record<MarkerId, Marker>> = {
  'netstackd-ready': {
    form: 'netstackd: ready',
    meaning: 'The network service (of a guest without services: its program) runs and takes commands. Liveness only.',
    backing: 'local',
  },
  'virtio-net-up': {
    form: 'net: virtio-net up',
    meaning: 'The guest drives its network device.',
    backing: 'wire',
    proof: 'device-sends',
    evidenceWithinMs: 20_000, // a driver is up before it has anything to send
    failures: ['netstackd: net FAIL', 'netstackd: halt net-init-fail', 'netstackd: mmio cap48 missing'],
  },
  'net-iface-ok': {
    form: 'SELFTEST: net iface ok',
    meaning: 'The network interface is there and usable.',
    backing: 'wire',
    proof: 'interface-usable',
    evidenceWithinMs: 20_000, // the OS prints it before any address exists
    failures: ['SELFTEST: net iface FAIL'],
  },
  'dhcp-bound': {
    form: 'net: dhcp bound {address}/{prefix} gw={gateway}',
    meaning: 'The guest holds a lease of this address.',
    backing: 'wire',
    proof: 'lease-held',
  },
  'dhcp-fallback': {
    form: 'net: dhcp unavailable (fallback static {address}/{prefix})',
    meaning: 'No lease came within the budget; the guest took its static address.',
    backing: 'wire',
    proof: 'no-lease',
  },
  'iface-up': {
    form: 'net: smoltcp iface up {address}',
    meaning: 'The interface has this address and is usable: it finds its neighbours and is found by them.',
    backing: 'wire',
    proof: 'interface-usable',
    compatibility: SMOLTCP,
  },
  'net-ping-ok': {
    form: 'SELFTEST: net ping ok',
    meaning: 'The gateway answered an ICMP echo that the guest sent from its leased address.',
    backing: 'wire',
    proof: 'gateway-echo',
    failures: ['SELFTEST: net ping FAIL', 'netstackd: net ping FAIL', 'netstackd: halt net-ping-fail'],
  },
  'net-dns-ok': {
    form: 'SELFTEST: net udp dns ok',
    meaning: 'A DNS server of the wire answered a query of the guest.',
    backing: 'wire',
    proof: 'dns-answered',
    failures: [
      'SELFTEST: net udp dns FAIL',
      'netstackd: net dns proof fail',
      'netstackd: udp dns unavailable (fallback dhcp proof)',
      'netstackd: udp bind FAIL',
      'netstackd: halt net-udp-bind-fail',
    ],
  },
  'tcp-listen-ok': {
    form: 'SELFTEST: net tcp listen ok',
    meaning: 'The guest listens for TCP connections: the gateway connected, and a nonce went there and back.',
    backing: 'wire',
    proof: 'tcp-nonce-exchanged',
    failures: ['SELFTEST: net tcp listen FAIL', 'netstackd: tcp listen FAIL', 'netstackd: halt net-tcp-listen-fail'],
  },
  'facade-up': {
    form: 'netstackd: facade up',
    meaning: 'The network service takes requests of other services.',
    backing: 'local',
  },
  'icmp-ping-ok': {
    form: 'SELFTEST: icmp ping ok',
    meaning: 'A program of the guest pinged the gateway through the network service, in an exchange of its own.',
    backing: 'wire',
    proof: 'second-gateway-echo',
    failures: ['SELFTEST: icmp ping FAIL'],
  },
};
