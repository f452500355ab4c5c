import { formatIpv4, type Ipv4Address } from '@nexus-net/sansio';
import type { Fact } from '@nexus-net/wire';
import type { Circumstances, Finding, ProofRow, WireContext } from './evidence.js';
import type { FactLog } from './fact-log.js';
import { exchangesOver, missing, provenBy } from './session-facts.js';
import type { Cause } from './verdict.js';

export type CrossvmProofName =
  | 'crossvm-announced'
  | 'crossvm-session-opened'
  | 'crossvm-exchanged'
  | 'crossvm-exchanged-in-a-later-session';

/** What backs the lines of a bus between two machines: facts seen on the wire between their addresses, and no others. */
export const CROSSVM_PROOFS: Readonly<Record<CrossvmProofName, ProofRow>> = {
  'crossvm-announced': {
    wants: 'an announce datagram from the node’s own address',
    check: (_claim, { wire, context }) => provenBy(announceFrom(context, wire), noAnnounce(context)),
  },
  'crossvm-session-opened': {
    wants:
      'between the two nodes, a whole handshake and a message of the accepting one after it; the peer’s name announced from its address',
    check: ({ node, values }, circumstances) => {
      const peer = peerOf(node, circumstances);
      if (peer === undefined) return missing(NO_PEER);
      const announce = announceFrom(peer, circumstances.wire);
      if (announce === undefined) return missing(noAnnounce(peer));
      if (values.peer !== undefined && values.peer !== announce.deviceId) {
        const what = `the line says ${values.peer}, and ${announce.deviceId} is what ${addressText(peer)} announced`;
        return { state: 'contradicted', what, frames: announce.frames };
      }
      const [session] = sessionsBetween(circumstances.context, peer, circumstances.wire);
      return session === undefined
        ? missing(NO_SESSION)
        : { state: 'proven', frames: [...new Set([...announce.frames, ...session.frames])].sort((a, b) => a - b) };
    },
  },
  'crossvm-exchanged': {
    wants:
      'over sessions between the two nodes, octets of the one that dialled and octets of the other that follow them, as often as the line needs: the contents are encrypted, and their number is what can be seen',
    check: ({ node }, circumstances, times) => exchanged(node, circumstances, times, 0),
  },
  'crossvm-exchanged-in-a-later-session': {
    wants: 'such an exchange over a session that was opened after another one',
    check: ({ node }, circumstances, times) => exchanged(node, circumstances, times, 1),
  },
};

/** Why the time for a marker of the bus between two machines ran out. */
export function diagnoseCrossvm(node: string, circumstances: Circumstances): { readonly cause: Cause; readonly message: string } {
  const { wire, context } = circumstances;
  const peer = peerOf(node, circumstances);
  if (peer === undefined) return { cause: 'missing-marker', message: NO_PEER };
  for (const each of [context, peer])
    if (announceFrom(each, wire) === undefined) return { cause: 'no-announce', message: noAnnounce(each) };
  const between = (fact: { readonly client: Ipv4Address; readonly server: Ipv4Address }): boolean =>
    isBetween(fact, context, peer);
  if (!wire.of('tcp.dialled').some(between))
    return { cause: 'no-session-dial', message: 'neither node asked the other for a TCP connection' };
  if (!wire.of('tcp.connected').some(between))
    return { cause: 'no-session-connection', message: 'no TCP connection between the two nodes came about' };
  if (sessionsBetween(context, peer, wire).length === 0) return { cause: 'no-session', message: NO_SESSION };
  return { cause: 'missing-marker', message: 'a session stands, and the node’s console does not say so' };
}

const NO_PEER = 'the run has no other node';
const NO_SESSION = 'no whole handshake between the two nodes';

function noAnnounce(of: WireContext): string {
  return `no announce from ${addressText(of)} on the wire`;
}

function addressText({ staticAddress }: WireContext): string {
  return staticAddress === undefined ? 'the node' : formatIpv4(staticAddress);
}

/** The other node of two. */
function peerOf(node: string, { nodes }: Circumstances): WireContext | undefined {
  const other = Object.keys(nodes).find((name) => name !== node);
  return other === undefined ? undefined : nodes[other];
}

function announceFrom({ staticAddress }: WireContext, wire: FactLog): Fact<'dsoftbus.announced'> | undefined {
  return wire.of('dsoftbus.announced').findLast(({ source }) => source === staticAddress);
}

/** Oldest first. */
function sessionsBetween(own: WireContext, peer: WireContext, wire: FactLog): readonly Fact<'dsoftbus.session-opened'>[] {
  return wire.of('dsoftbus.session-opened').filter((fact) => isBetween(fact, own, peer));
}

function isBetween(
  { client, server }: { readonly client: Ipv4Address; readonly server: Ipv4Address },
  { staticAddress: a }: WireContext,
  { staticAddress: b }: WireContext,
): boolean {
  return (client === a && server === b) || (client === b && server === a);
}

/** Exchanges of application octets over all sessions but the first `skipped`. */
function exchanged(node: string, circumstances: Circumstances, wanted: number, skipped: number): Finding {
  const { wire, context } = circumstances;
  const peer = peerOf(node, circumstances);
  if (peer === undefined) return missing(NO_PEER);
  const sessions = sessionsBetween(context, peer, wire).slice(skipped);
  if (sessions.length === 0) return missing(skipped === 0 ? NO_SESSION : 'no second session between the two nodes');
  let seen = 0;
  for (const session of sessions) {
    const own = exchangesOver(session, wire);
    const last = own[wanted - seen - 1];
    if (last !== undefined) return { state: 'proven', frames: last.frames };
    seen += own.length;
  }
  return missing(`${seen} of ${wanted} exchanges over ${skipped === 0 ? '' : 'later '}sessions between the two nodes`);
}
