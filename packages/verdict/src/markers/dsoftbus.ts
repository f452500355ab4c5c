import type { Marker, MarkerId } from '../marker.js';

const QUIC =
  'The word quic is a constant of the OS’s harness. By definition it means the `QD` datagram session of the OS: no QUIC is spoken.';

/** What is true is seen when the session comes about, a while after the line. */
const SOON_MS = 10_000;

/** What the bus service says in the OS’s single-machine proof: `REQUIRE_DSOFTBUS`, the twelve lines right after ADR-0025. */
export const DSOFTBUS_MARKERS: Readonly<Record<MarkerId, Marker>> = {
  'dsoftbus-discovery-up': {
    form: 'dsoftbusd: discovery up (udp loopback)',
    meaning: 'The bus service hears and sends announces on the loopback interface.',
    backing: 'loopback',
    proof: 'announce-seen',
    evidenceWithinMs: SOON_MS,
    failures: ['dsoftbusd: udp bind rpc timeout'],
  },
  'dsoftbus-announce-sent': {
    form: 'dsoftbusd: discovery announce sent',
    meaning: 'An announce of this machine was on its loopback interface.',
    backing: 'loopback',
    proof: 'announce-seen',
  },
  'dsoftbus-peer-found': {
    form: 'dsoftbusd: discovery peer found device=local',
    meaning: 'The announce of the second node of this machine, node-b, was on its loopback interface.',
    backing: 'loopback',
    proof: 'peer-announced',
    failures: ['dsoftbusd: discovery missing peer=node-b', 'dsoftbusd: discovery peer ip missing'],
  },
  'dsoftbus-transport-up': {
    form: 'dsoftbusd: os transport up (udp+tcp)',
    meaning: 'Sessions can come in: the port that node-b announced takes connections.',
    backing: 'loopback',
    proof: 'session-port-connected',
    evidenceWithinMs: SOON_MS,
    failures: ['dsoftbusd: listen FAIL', 'dsoftbusd: listen port_b FAIL'],
  },
  'dsoftbus-session-connect': {
    form: 'dsoftbusd: session connect peer=node-b',
    meaning: 'A connection to the session port of node-b came about.',
    backing: 'loopback',
    proof: 'session-port-connected',
    failures: ['dsoftbusd: dual-node connect FAIL'],
  },
  'dsoftbus-identity-bound': {
    form: 'dsoftbusd: identity bound peer=node-b',
    meaning: 'node-b proved in the handshake that it has the key that is known of it.',
    backing: 'loopback',
    proof: 'session-opened',
    failures: [
      'dsoftbusd: identity mismatch peer=node-b',
      'dsoftbusd: identity mismatch peer=nodeA',
      'dsoftbusd: noise static key mismatch',
    ],
  },
  'dsoftbus-dual-node-session-ok': {
    form: 'dsoftbusd: dual-node session ok',
    meaning: 'Both nodes of this machine have the session with each other.',
    backing: 'loopback',
    proof: 'session-opened',
    failures: ['dsoftbusd: dual-node handshake FAIL', 'dsoftbusd: dual-node msg'],
  },
  'dsoftbus-ready': {
    form: 'dsoftbusd: ready',
    meaning: 'The bus service takes requests of other services.',
    backing: 'local',
  },
  'dsoftbus-auth-ok': {
    form: 'dsoftbusd: auth ok',
    meaning: 'The side that accepted the session knows who dialled.',
    backing: 'loopback',
    proof: 'session-opened',
  },
  'dsoftbus-os-session-ok': {
    form: 'dsoftbusd: os session ok',
    meaning: 'Records went both ways over the session.',
    backing: 'loopback',
    proof: 'records-exchanged',
  },
  'dsoftbus-os-connect-ok': {
    form: 'SELFTEST: dsoftbus os connect ok',
    meaning: 'A program uses the session: its first request was answered by the gateway of the peer.',
    backing: 'loopback',
    proof: 'gateway-answered',
    failures: ['SELFTEST: dsoftbus os connect FAIL'],
  },
  'dsoftbus-ping-ok': {
    form: 'SELFTEST: dsoftbus ping ok',
    meaning: 'A program sent something of its own through the gateway of the peer, and had it back.',
    backing: 'loopback',
    proof: 'gateway-answered-again',
    failures: ['SELFTEST: dsoftbus ping FAIL'],
  },
};

/** The seven lines that the OS added later. The profile `dsoftbus` demands none of them. */
export const DSOFTBUS_LATER_MARKERS: Readonly<Record<MarkerId, Marker>> = {
  'dsoftbus-transport-quic': {
    form: 'dsoftbusd: transport selected quic',
    meaning: 'The datagram session was chosen: a session of datagrams came about.',
    backing: 'loopback',
    proof: 'datagram-session-opened',
    evidenceWithinMs: SOON_MS,
    compatibility: QUIC,
  },
  'dsoftbus-quic-session-ok': {
    form: 'SELFTEST: quic session ok',
    meaning: 'The datagram session stands.',
    backing: 'loopback',
    proof: 'datagram-session-opened',
    failures: [
      'dsoftbusd: quic udp bind FAIL',
      'dsoftbusd: quic msg1 timeout',
      'dsoftbusd: quic msg2',
      'dsoftbusd: quic msg3',
      'dsoftbusd: quic ping timeout',
      'dsoftbusd: quic pong',
    ],
    compatibility: QUIC,
  },
  'dsoftbus-mux-session-up': {
    form: 'dsoftbus:mux session up',
    meaning: 'A mux stands over a session.',
    backing: 'loopback',
    proof: 'session-opened',
    failures: ['dsoftbus:mux selftest fail'],
  },
  'dsoftbus-mux-data-ok': {
    form: 'dsoftbus:mux data ok',
    meaning: 'Data went both ways over the mux.',
    backing: 'loopback',
    proof: 'records-exchanged',
    failures: ['dsoftbus:mux selftest fail'],
  },
  'dsoftbus-mux-control-ok': {
    form: 'SELFTEST: mux pri control ok',
    meaning: 'The program’s own check of its scheduler: what is urgent goes first. No octet is sent for it.',
    backing: 'local',
    failures: ['dsoftbus:mux selftest fail'],
  },
  'dsoftbus-mux-bulk-ok': {
    form: 'SELFTEST: mux bulk ok',
    meaning: 'The program’s own check of its scheduler: bulk is not starved. No octet is sent for it.',
    backing: 'local',
    failures: ['dsoftbus:mux selftest fail'],
  },
  'dsoftbus-mux-backpressure-ok': {
    form: 'SELFTEST: mux backpressure ok',
    meaning: 'The program’s own check of its credits: nobody sends without. No octet is sent for it.',
    backing: 'local',
    failures: ['dsoftbus:mux selftest fail'],
  },
};
