import type { Ipv4Address, Millis } from '@nexus-net/sansio';
import { passedAt } from '../sockets/checks.js';
import { failed, type SocketResult, wouldBlock } from '../sockets/socket-result.js';
import type { PendingPing } from '../sockets/sockets.js';
import { type FakeHost, NOBODY_MS } from './fake-host.js';

export class FakePing implements PendingPing {
  readonly destination: Ipv4Address;
  readonly #host: FakeHost;
  readonly #deadline: Millis;
  #outcome: SocketResult<Millis> | undefined;

  constructor(host: FakeHost, destination: Ipv4Address, deadline: Millis) {
    this.#host = host;
    this.destination = destination;
    this.#deadline = deadline;
    const { net } = host;
    const sentAt = net.now;
    const target = host.find(destination);
    if (target === undefined) net.after(NOBODY_MS, () => this.#end(failed('unreachable')));
    else {
      const roundTripMs = target === host ? 0 : 2 * net.latencyMs;
      net.after(roundTripMs, () => this.#end({ ok: true, value: net.now - sentAt }));
    }
    // A wake-up, so that a caller who sleeps until then finds out.
    if (deadline < Number.POSITIVE_INFINITY) net.after(passedAt(deadline) - sentAt, () => this.#settle());
  }

  roundTrip(): SocketResult<Millis> {
    this.#settle();
    return this.#outcome ?? wouldBlock(this.#deadline);
  }

  #settle(): void {
    if (this.#host.now > this.#deadline) this.#end(failed('timed-out'));
  }

  #end(outcome: SocketResult<Millis>): void {
    this.#outcome ??= outcome.ok && this.#host.now > this.#deadline ? failed('timed-out') : outcome;
  }
}
