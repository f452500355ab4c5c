import { createHash } from 'node:crypto';
import type { HostEvent, TcpConnection, TcpListener } from '@nexus-net/net-os';
import type { Millis } from '@nexus-net/sansio';
import { OctetStream } from './octet-stream.js';

export interface Sum {
  readonly count: number;
  readonly sha256: string;
}

/** Sends octets of a seed on a connection and receives up to the end, both at the same time. */
export class Exchange {
  readonly #stream: OctetStream;
  readonly #received = createHash('sha256');
  readonly #count: number;
  #receivedCount = 0;
  #shut = false;
  #sum: Sum | undefined;
  /** Set when both directions are over. */
  result: { readonly sent: Sum; readonly received: Sum } | undefined;
  trouble: string | undefined;

  constructor({ count, seed }: { readonly count: number; readonly seed: number }) {
    this.#count = count;
    this.#stream = new OctetStream(seed, count);
  }

  get received(): number {
    return this.#receivedCount;
  }

  /** Does what can be done now: call it for every event of the connection. */
  run(now: Millis, connection: TcpConnection): void {
    this.#send(now, connection);
    this.#receive(now, connection);
    if (this.#sum === undefined || !this.#shut || this.result !== undefined) return;
    this.result = { sent: { count: this.#count, sha256: this.#stream.digest() }, received: this.#sum };
  }

  #send(now: Millis, connection: TcpConnection): void {
    while (!this.#shut) {
      const bytes = this.#stream.peek();
      if (bytes.length === 0) {
        this.#shut = true;
        connection.shutdown(now);
        return;
      }
      const taken = connection.send(now, bytes);
      if (taken === 'would-block') return;
      if (typeof taken === 'string') {
        this.trouble ??= `send: ${taken}`;
        return;
      }
      this.#stream.take(taken);
    }
  }

  #receive(now: Millis, connection: TcpConnection): void {
    while (this.#sum === undefined) {
      const count = connection.receiveInto(now, BUFFER);
      if (count === 'would-block') return;
      if (count === 'eof') {
        this.#sum = { count: this.#receivedCount, sha256: this.#received.digest('hex') };
        return;
      }
      if (typeof count === 'string') {
        this.trouble ??= `receive: ${count}`;
        return;
      }
      this.#received.update(BUFFER.subarray(0, count));
      this.#receivedCount += count;
    }
  }
}

/** The connection that an event is about; those of a listener are accepted. */
export function connectionOf(now: Millis, event: HostEvent): TcpConnection | undefined {
  if ('connection' in event) return event.connection;
  return event.type === 'tcp-acceptable' ? accepted(now, event.listener) : undefined;
}

function accepted(now: Millis, listener: TcpListener): TcpConnection | undefined {
  const connection = listener.accept(now);
  return typeof connection === 'string' ? undefined : connection;
}

const BUFFER = new Uint8Array(65_536);
