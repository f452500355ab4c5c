import { concatBytes, SeededEntropy } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits, FuzzScript, isSame } from '../../../sansio/test/support/fuzz.js';
import { HostSession, type HostSessionEvent, hostIdentity } from '../../src/host/index.js';
import { nullCrypto } from '../support/null-crypto.js';

export const limits: FuzzLimits = {
  octetsMax: 1_200,
  costBase: 120_000,
  costPerOctet: 3_000,
  allocatedBase: 60_000,
  allocatedPerOctet: 200,
};

const SERVER = hostIdentity(nullCrypto, new Uint8Array(32).fill(1));
const CLIENT = hostIdentity(nullCrypto, new Uint8Array(32).fill(2));

/**
 * The octets are a side, a way to split, and what comes from the peer, with cryptography that lets anybody through. Whatever comes: the
 * events are the same however the stream is cut; no frame before the session stands; one end at most, and last; a frame has no
 * more octets than came.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const role = (script.u8() & 1) === 0 ? 'server' : 'client';
  const pieceOctets = 1 + script.u8();
  const octets = script.rest();
  const events = eventsOf(role, octets, Math.max(1, octets.length));
  demand(isSame(eventsOf(role, octets, pieceOctets), events), 'events are the same however the stream is cut');
  const types = events.map(({ type }) => type);
  demand(types.indexOf('frame') < 0 || types[0] === 'connected', 'no frame before the session stands');
  demand(types.filter((type) => type === 'closed').length === 1 && types.at(-1) === 'closed', 'a session ends once, and last');
  const carried = events.reduce((sum, event) => sum + (event.type === 'frame' ? event.frame.payload.length : 0), 0);
  demand(carried <= octets.length, 'frames are made of the stream');
}

function sessionOf(role: 'client' | 'server'): HostSession {
  const common = { provider: nullCrypto, entropy: new SeededEntropy(role) };
  const noiseStatic = nullCrypto.x25519PublicKey(SERVER.noiseStatic.publicKey);
  const session =
    role === 'server'
      ? new HostSession({ ...common, identity: SERVER, as: { role, accept: () => true } })
      : new HostSession({ ...common, identity: CLIENT, as: { role, deviceId: SERVER.deviceId, noiseStatic } });
  session.start(0);
  return session;
}

function eventsOf(role: 'client' | 'server', octets: Uint8Array, size: number): HostSessionEvent[] {
  const session = sessionOf(role);
  for (let at = 0; at < octets.length; at += size) session.handleBytes(0, octets.subarray(at, at + size));
  session.handleEnd(0);
  drain(() => session.pollTransmit());
  return drain(() => session.pollEvent());
}

/** What each side says in a good session with two frames. */
export function seeds(): Uint8Array[] {
  const [client, server] = [sessionOf('client'), sessionOf('server')];
  const said: { readonly client: Uint8Array[]; readonly server: Uint8Array[] } = { client: [], server: [] };
  for (let round = 0; round < 4; round++) {
    for (const [from, to, log] of [
      [client, server, said.client],
      [server, client, said.server],
    ] as const) {
      from.send({ channel: round, payload: Uint8Array.of(1, 2, 3) });
      for (const bytes of drain(() => from.pollTransmit())) {
        log.push(bytes);
        to.handleBytes(0, bytes);
      }
    }
  }
  return [
    concatBytes([Uint8Array.of(0, 200), ...said.client]),
    concatBytes([Uint8Array.of(1, 40), ...said.server]),
    concatBytes([Uint8Array.of(0, 200), ...said.client.slice(0, 2)]),
  ];
}
