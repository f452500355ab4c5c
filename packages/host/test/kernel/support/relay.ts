import type { Host, HostEvent, TcpConnection, TcpOptions } from '@nexus-net/net-os';
import type { Endpoint, Millis } from '@nexus-net/sansio';

/**
 * Listens on a port and opens a connection to `remote` for each one that comes: octets and ends of both directions go through. So a
 * client and a server that know nothing of us both talk to our TCP.
 */
export class Relay {
  readonly #host: Host;
  readonly #remote: Endpoint;
  readonly #options: TcpOptions;
  readonly #partners = new Map<TcpConnection, TcpConnection>();
  readonly #pieces = new Map<TcpConnection, Uint8Array>();
  readonly #ended = new Set<TcpConnection>();
  /** Octets that went through, both directions together. */
  octets = 0;
  connections = 0;
  /** Connections that ended otherwise than both sides wanted. */
  readonly broken: string[] = [];

  constructor(now: Millis, { host, port, remote, ...options }: TcpOptions & { host: Host; port: number; remote: Endpoint }) {
    this.#host = host;
    this.#remote = remote;
    this.#options = options;
    const listener = host.tcp.listen(now, { port }, options);
    if (typeof listener === 'string') throw new Error(listener);
  }

  handleEvent(now: Millis, event: HostEvent): void {
    if (event.type === 'tcp-acceptable') {
      for (let one = event.listener.accept(now); typeof one !== 'string'; one = event.listener.accept(now)) {
        const other = this.#host.tcp.connect(now, { remote: this.#remote }, this.#options);
        if (typeof other === 'string') throw new Error(other);
        this.#partners.set(one, other).set(other, one);
        this.connections += 1;
        this.#move(now, one);
      }
    } else if ('connection' in event) {
      const { connection } = event;
      if (event.type === 'tcp-closed' && event.reason !== 'closed') this.broken.push(event.reason);
      const partner = this.#partners.get(connection);
      if (partner === undefined) return;
      this.#move(now, connection);
      this.#move(now, partner);
    }
  }

  /** What has come on one connection goes out on its partner, as far as there is room. */
  #move(now: Millis, from: TcpConnection): void {
    const to = this.#partners.get(from);
    if (to === undefined || this.#ended.has(from)) return;
    for (;;) {
      const piece = this.#pieces.get(from) ?? from.receive(now, 65_536);
      this.#pieces.delete(from);
      if (piece === 'would-block') return;
      if (typeof piece === 'string') {
        this.#ended.add(from);
        to.shutdown(now);
        return;
      }
      const taken = to.send(now, piece);
      if (typeof taken === 'number') this.octets += taken;
      if (taken === piece.length) continue;
      this.#pieces.set(from, typeof taken === 'number' ? piece.subarray(taken) : piece);
      return;
    }
  }
}
