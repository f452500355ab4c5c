import type { Fact } from '@nexus-net/wire';
import type { Finding } from './evidence.js';
import type { FactLog } from './fact-log.js';

/**
 * Exchanges of application octets over a session: octets of the one that dialled, and octets of the other that follow them, after the
 * session was opened. Oldest first, without those that its dialect makes by itself.
 */
export function exchangesOver(session: Fact<'dsoftbus.session-opened'>, log: FactLog): readonly Fact<'tcp.exchanged'>[] {
  const openedBy = session.frames.at(-1) ?? 0;
  return log
    .of('tcp.exchanged')
    .filter(
      ({ client, clientPort, server, serverPort, frames }) =>
        client === session.client &&
        clientPort === session.clientPort &&
        server === session.server &&
        serverPort === session.serverPort &&
        (frames.at(-1) ?? 0) > openedBy,
    )
    .slice(EXCHANGES_OF_ITS_OWN[session.dialect] ?? 0);
}

/** The two further steps of the mux ladder of `os`, when the session stands. */
const EXCHANGES_OF_ITS_OWN: Readonly<Record<string, number>> = { os: 2 };

export function provenBy(fact: Fact | undefined, otherwise: string): Finding {
  return fact === undefined ? missing(otherwise) : { state: 'proven', frames: fact.frames };
}

export function missing(what: string): Finding {
  return { state: 'missing', what };
}
