import type { Fact } from '@nexus-net/wire';
import type { Finding } from './evidence.js';
import type { FactLog } from './fact-log.js';
import { exchangesOver, missing, provenBy } from './session-facts.js';
import type { Cause } from './verdict.js';

/** The device whose session the single-machine lines speak of. */
const PEER = 'node-b';

export type BusProofName =
  | 'announce-seen'
  | 'peer-announced'
  | 'session-port-connected'
  | 'session-opened'
  | 'records-exchanged'
  | 'gateway-answered'
  | 'gateway-answered-again'
  | 'datagram-session-opened';

/** What backs the lines of the bus: facts seen on the loopback interface of the machine. */
export const BUS_PROOFS: Readonly<
  Record<BusProofName, { readonly wants: string; readonly check: (loopback: FactLog) => Finding }>
> = {
  'announce-seen': {
    wants: 'an announce datagram on the loopback interface',
    check: (loopback) => provenBy(loopback.of('dsoftbus.announced').at(-1), 'no announce on the loopback interface'),
  },
  'peer-announced': {
    wants: 'an announce of node-b on the loopback interface',
    check: (loopback) => provenBy(announceOfPeer(loopback), NO_ANNOUNCE),
  },
  'session-port-connected': {
    wants: 'a TCP connection to the address and the port that node-b announced, and accepted there',
    check: (loopback) => {
      const announce = announceOfPeer(loopback);
      return announce === undefined ? missing(NO_ANNOUNCE) : provenBy(connectionTo(announce, loopback), NO_CONNECTION);
    },
  },
  'session-opened': {
    wants: 'on such a connection, a whole handshake and a message of node-b after it',
    check: (loopback) => provenBy(sessionWithPeer(loopback), NO_SESSION),
  },
  'records-exchanged': {
    wants: 'after that, octets of the one who dialled, and octets of node-b that follow them',
    check: (loopback) => exchanges(loopback, 1),
  },
  'gateway-answered': {
    wants: 'a second such exchange: the contents are encrypted, and their number is what can be seen',
    check: (loopback) => exchanges(loopback, 2),
  },
  'gateway-answered-again': {
    wants: 'at least four such exchanges: to write something and to read it back takes two beyond the ones before',
    check: (loopback) => exchanges(loopback, 4),
  },
  'datagram-session-opened': {
    wants: 'a whole handshake of the `QD` datagram session of the OS',
    check: (loopback) =>
      provenBy(
        loopback.of('dsoftbus.session-opened').find(({ dialect }) => dialect === 'qd'),
        'no handshake of a datagram session',
      ),
  },
};

/** Why the time for a marker of the bus ran out. */
export function diagnoseBus(loopback: FactLog): { readonly cause: Cause; readonly message: string } {
  const announce = announceOfPeer(loopback);
  if (announce === undefined) return { cause: 'no-announce', message: NO_ANNOUNCE };
  if (connectionTo(announce, loopback) === undefined) return { cause: 'no-session-connection', message: NO_CONNECTION };
  if (sessionWithPeer(loopback) === undefined) return { cause: 'no-session', message: NO_SESSION };
  return { cause: 'missing-marker', message: 'the session stands, and the guest’s console does not say so' };
}

const NO_ANNOUNCE = `no announce of ${PEER} on the loopback interface`;
const NO_CONNECTION = `no TCP connection to the port that ${PEER} announced`;
const NO_SESSION = `no whole handshake with ${PEER}`;

function announceOfPeer(loopback: FactLog): Fact<'dsoftbus.announced'> | undefined {
  return loopback.of('dsoftbus.announced').findLast(({ deviceId }) => deviceId === PEER);
}

function connectionTo({ source, sessionPort }: Fact<'dsoftbus.announced'>, loopback: FactLog): Fact<'tcp.connected'> | undefined {
  return loopback.of('tcp.connected').findLast(({ server, serverPort }) => server === source && serverPort === sessionPort);
}

function sessionWithPeer(loopback: FactLog): Fact<'dsoftbus.session-opened'> | undefined {
  const announce = announceOfPeer(loopback);
  return loopback
    .of('dsoftbus.session-opened')
    .findLast(({ server, serverPort }) => server === announce?.source && serverPort === announce.sessionPort);
}

/** Exchanges of application octets after the session was opened. */
function exchanges(loopback: FactLog, wanted: number): Finding {
  const session = sessionWithPeer(loopback);
  if (session === undefined) return missing(NO_SESSION);
  const later = exchangesOver(session, loopback);
  const last = later[wanted - 1];
  if (last === undefined) return missing(`${later.length} of ${wanted} exchanges over the session with ${PEER}`);
  return { state: 'proven', frames: last.frames };
}
