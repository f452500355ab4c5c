import { type CryptoProvider, type QdEvent, QdSession } from '@nexus-net/dsoftbus';
import type { Sockets, UdpSocket } from '@nexus-net/net-os';
import type { Endpoint, Entropy, Millis } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { drawKey } from './draw-key.js';
import { PAIR_ADDRESSES } from './node-pair.js';

/** How it went: a client and a server have done the handshake, and a PING was answered; or the first thing that went wrong. */
export type QdOutcome = { readonly type: 'stands' } | { readonly type: 'failed'; readonly line: string };

interface End {
  readonly role: 'client' | 'server';
  readonly session: QdSession;
  readonly socket: UdpSocket;
}

/**
 * The datagram session that the OS calls QUIC, from a client to a server on the loopback interface, with keys that were drawn for it. Nothing
 * in it is sent twice, and PING and PONG travel in clear: it proves that the handshake works, and carries nothing.
 */
export class QdProof {
  readonly #ends: readonly End[];
  #answered = 0;
  #outcome: QdOutcome | undefined;

  /** `undefined` where a port can't be had. */
  static open(
    now: Millis,
    parts: { readonly crypto: CryptoProvider; readonly entropy: Entropy; readonly sockets: Sockets },
  ): QdProof | undefined {
    const [server, client] = [parts.sockets.udpBind(SERVER), parts.sockets.udpBind(CLIENT)];
    return server.ok && client.ok ? new QdProof(now, { ...parts, server: server.value, client: client.value }) : undefined;
  }

  private constructor(
    now: Millis,
    {
      crypto: provider,
      entropy,
      server,
      client,
    }: { readonly crypto: CryptoProvider; readonly entropy: Entropy; readonly server: UdpSocket; readonly client: UdpSocket },
  ) {
    const [serverKey, clientKey] = [drawKey(provider, entropy), drawKey(provider, entropy)];
    const common = { provider, entropy, stepMs: STEP_MS };
    const keys = { fixedEphemeral: undefined };
    const serving = new QdSession({
      ...common,
      role: 'server',
      own: SERVER,
      keys: { ...keys, staticKey: serverKey, peerStatic: clientKey.publicKey },
    });
    const asking = new QdSession({
      ...common,
      role: 'client',
      own: CLIENT,
      peer: SERVER,
      sessionNonce: entropy.u32(),
      keys: { ...keys, staticKey: clientKey, peerStatic: serverKey.publicKey },
    });
    this.#ends = [
      { role: 'server', session: serving, socket: server },
      { role: 'client', session: asking, socket: client },
    ];
    for (const { session } of this.#ends) session.start(now);
  }

  /** Moves what can be moved; the outcome, once. */
  run(now: Millis): QdOutcome | undefined {
    for (let moved = true; moved; ) {
      moved = false;
      for (const { role, session, socket } of this.#ends) {
        for (let received = socket.receiveFrom(); received.ok; received = socket.receiveFrom()) {
          const { from: source, to: destination, payload } = received.value;
          session.handleDatagram(now, { source, destination, payload });
          moved = true;
        }
        if (session.nextTimeout() <= now) session.handleTimeout(now);
        for (let out = session.pollTransmit(); out !== undefined; out = session.pollTransmit()) {
          socket.sendTo(out.destination, out.payload, { from: out.source.address });
          moved = true;
        }
        for (let event = session.pollEvent(); event !== undefined; event = session.pollEvent()) this.#follow(role, event);
      }
    }
    const outcome = this.#outcome;
    if (outcome !== undefined) for (const { socket } of this.#ends) socket.close();
    return outcome;
  }

  nextTimeout(): Millis {
    return Math.min(...this.#ends.map(({ session }) => session.nextTimeout()));
  }

  #follow(role: End['role'], event: QdEvent): void {
    if (event.type === 'answered' && ++this.#answered === 2) this.#outcome = { type: 'stands' };
    if (event.type !== 'failed') return;
    // The beginnings are those of the OS.
    const [step, why] = event.cause.endsWith('-timeout')
      ? [event.cause.replace('-timeout', ''), 'timeout']
      : ['msg2', event.cause];
    this.#outcome ??= { type: 'failed', line: `dsoftbusd: quic ${step} ${why} (${role})` };
  }
}

const { dsoftbusQuicServer, dsoftbusQuicClient } = ADDRESS_PLAN.ports;
const SERVER: Endpoint = { address: PAIR_ADDRESSES['node-b'], port: dsoftbusQuicServer };
const CLIENT: Endpoint = { address: PAIR_ADDRESSES['node-a'], port: dsoftbusQuicClient };
/** A handshake takes a slow processor a while. */
const STEP_MS: Millis = 10_000;
