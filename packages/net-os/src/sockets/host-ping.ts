import { type Ipv4Address, type Millis, NEVER } from '@nexus-net/sansio';
import { failed, type SocketResult, wouldBlock } from './socket-result.js';
import type { PendingPing } from './sockets.js';

export class HostPing implements PendingPing {
  readonly destination: Ipv4Address;
  #result: SocketResult<Millis>;

  constructor(destination: Ipv4Address, deadline: Millis = NEVER) {
    this.destination = destination;
    this.#result = wouldBlock(deadline);
  }

  roundTrip(): SocketResult<Millis> {
    return this.#result;
  }

  end(result: SocketResult<Millis>): void {
    this.#result = result;
  }

  fail(error: 'timed-out' | 'unreachable' | 'no-buffers'): void {
    this.end(failed(error));
  }
}
