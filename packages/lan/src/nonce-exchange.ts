import type { HostEvent, TcpConnection, TcpEnd, TcpRefusal, TcpUser } from '@nexus-net/net-os';
import { bytesEqual, type Endpoint, type Entropy, type Millis } from '@nexus-net/sansio';

/** How an exchange ended. `wrong-data`: something else than the nonce came back. */
export type ExchangeOutcome =
  | { readonly passed: true; readonly octets: number }
  | { readonly passed: false; readonly reason: TcpRefusal | TcpEnd | 'wrong-data' };

/**
 * One TCP connection to somebody who is said to listen: a nonce goes there, and has to come back. A handshake alone would prove a
 * listener; this proves that somebody reads and writes behind it.
 */
export class NonceExchange {
  readonly remote: Endpoint;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  readonly #connection: TcpConnection | undefined;
  #returned: Uint8Array = new Uint8Array(0);
  #outcome: ExchangeOutcome | undefined;

  constructor(now: Millis, remote: Endpoint, { tcp, entropy }: { readonly tcp: TcpUser<object>; readonly entropy: Entropy }) {
    this.remote = remote;
    entropy.fill(this.#nonce);
    const connection = tcp.connect(now, { remote });
    if (typeof connection === 'string') this.#outcome = { passed: false, reason: connection };
    else {
      this.#connection = connection;
      connection.send(now, this.#nonce);
    }
  }

  get outcome(): ExchangeOutcome | undefined {
    return this.#outcome;
  }

  /** Is this event about the exchange? */
  handleEvent(now: Millis, event: HostEvent): boolean {
    const connection = this.#connection;
    if (connection === undefined || !('connection' in event) || event.connection !== connection) return false;
    if (this.#outcome !== undefined) return true;
    if (event.type === 'tcp-readable') this.#read(now, connection);
    else if (event.type === 'tcp-closed') this.#outcome = { passed: false, reason: event.reason };
    else if (event.type === 'tcp-peer-closed') {
      this.#read(now, connection); // what came before the end counts
      if (this.#outcome === undefined) this.#end(now, connection, { passed: false, reason: 'closed' });
    }
    return true;
  }

  #read(now: Millis, connection: TcpConnection): void {
    const octets = connection.receive(now, NONCE_LENGTH - this.#returned.length);
    if (typeof octets === 'string') return;
    this.#returned = Uint8Array.of(...this.#returned, ...octets);
    const same = bytesEqual(this.#returned, this.#nonce.subarray(0, this.#returned.length));
    if (!same) this.#end(now, connection, { passed: false, reason: 'wrong-data' });
    else if (this.#returned.length === NONCE_LENGTH) this.#end(now, connection, { passed: true, octets: NONCE_LENGTH });
  }

  #end(now: Millis, connection: TcpConnection, outcome: ExchangeOutcome): void {
    this.#outcome = outcome;
    if (outcome.passed) connection.close(now);
    else connection.abort(now);
  }
}

const NONCE_LENGTH = 16;
