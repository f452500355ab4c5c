import { bytesEqual, formatIpv4, type Ipv4Address, type Millis, NEVER } from '@nexus-net/sansio';
import { earliest } from '../deadlines.js';
import type { PingFailure, PingId } from '../host-event.js';
import type { HostPort } from '../host-port.js';

/** An echo request of ours, as it went out. */
export interface EchoSent {
  readonly id: PingId;
  readonly destination: Ipv4Address;
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly sentAt: Millis;
  /** When an answer is too late. */
  readonly nextAt: Millis;
}

export interface EchoAnswer {
  readonly from: Ipv4Address;
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** The echo requests without an answer yet. An answer must agree in address, identifier, sequence number and every octet. */
export class PingTable {
  readonly #countMax: number;
  readonly #port: HostPort;
  readonly #waiting = new Map<PingId, EchoSent>();

  constructor(countMax: number, port: HostPort) {
    this.#countMax = countMax;
    this.#port = port;
  }

  get hasRoom(): boolean {
    return this.#waiting.size < this.#countMax;
  }

  add(sent: EchoSent): void {
    this.#waiting.set(sent.id, sent);
  }

  /** True where the answer was for one of ours. */
  answer(now: Millis, answer: EchoAnswer): boolean {
    for (const sent of this.#waiting.values()) {
      if (!matches(sent, answer)) continue;
      this.#waiting.delete(sent.id);
      this.#port.emit({ type: 'ping-reply', id: sent.id, from: answer.from, roundTripMs: now - sent.sentAt });
      return true;
    }
    return false;
  }

  /** Ends the request that an ICMP error quoted. False where there is none. */
  failQuoted(quoted: Pick<EchoSent, 'destination' | 'identifier' | 'sequence'>, reason: PingFailure): boolean {
    for (const sent of this.#waiting.values()) {
      const same = sent.destination === quoted.destination && sent.identifier === quoted.identifier;
      if (same && sent.sequence === quoted.sequence) {
        this.#fail(sent, reason);
        return true;
      }
    }
    return false;
  }

  /** Ends every request that `matching` picks. */
  failAll(matching: (sent: EchoSent) => boolean, reason: PingFailure): void {
    for (const sent of [...this.#waiting.values()]) if (matching(sent)) this.#fail(sent, reason);
  }

  /** Gives up the request that is due first. */
  runNext(now: Millis): void {
    const next = earliest(this.#waiting);
    if (next === undefined || next.entry.nextAt > now) return;
    this.#waiting.delete(next.key);
    this.#port.emit({ type: 'ping-timeout', id: next.key, destination: next.entry.destination });
  }

  nextTimeout(): Millis {
    return earliest(this.#waiting)?.entry.nextAt ?? NEVER;
  }

  inspect(): readonly { readonly id: number; readonly destination: string; readonly sequence: number }[] {
    return [...this.#waiting.values()].map(({ id, destination, sequence }) => ({
      id,
      destination: formatIpv4(destination),
      sequence,
    }));
  }

  #fail({ id, destination }: EchoSent, reason: PingFailure): void {
    this.#waiting.delete(id);
    this.#port.emit({ type: 'ping-failed', id, destination, reason });
  }
}

function matches(sent: EchoSent, answer: EchoAnswer): boolean {
  return (
    sent.destination === answer.from &&
    sent.identifier === answer.identifier &&
    sent.sequence === answer.sequence &&
    bytesEqual(sent.payload, answer.payload)
  );
}
