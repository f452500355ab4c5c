import type { HostEvent, TcpConnection, TcpListener } from '@nexus-net/net-os';
import type { Millis } from '@nexus-net/sansio';

/** A listener that gives every connection its octets back. Bounded: a connection more is turned away. */
export class EchoListener {
  readonly #listener: TcpListener;
  readonly #connections = new Set<TcpConnection>();

  constructor(listener: TcpListener) {
    this.#listener = listener;
  }

  /** `echoed`: octets were given back to somebody. `undefined`: nothing of ours. */
  handleEvent(now: Millis, event: HostEvent): 'echoed' | 'ours' | undefined {
    if (event.type === 'tcp-acceptable' && event.listener === this.#listener) {
      let echoed = false;
      for (let next = this.#listener.accept(now); typeof next !== 'string'; next = this.#listener.accept(now)) {
        if (this.#connections.size >= CONNECTION_COUNT_MAX) {
          next.abort(now);
          continue;
        }
        this.#connections.add(next);
        echoed = this.#echo(now, next) || echoed; // octets may have come with the handshake
      }
      return echoed ? 'echoed' : 'ours';
    }
    if (!('connection' in event) || !this.#connections.has(event.connection)) return undefined;
    const { connection } = event;
    if (event.type === 'tcp-closed') this.#connections.delete(connection);
    else return this.#echo(now, connection) ? 'echoed' : 'ours';
    return 'ours';
  }

  /** Takes no more than can be given back: the rest waits in the peer's window. */
  #echo(now: Millis, connection: TcpConnection): boolean {
    let echoed = false;
    for (let room = connection.writableCount; room > 0; room = connection.writableCount) {
      const octets = connection.receive(now, room);
      if (octets === 'eof') connection.close(now);
      if (typeof octets === 'string') break;
      connection.send(now, octets);
      echoed = true;
    }
    return echoed;
  }
}

const CONNECTION_COUNT_MAX = 16;
