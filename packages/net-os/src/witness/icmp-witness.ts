import { bytesEqual, formatIpv4, IPV4_BROADCAST, type Ipv4Address, isIpv4Multicast, type Millis, NEVER } from '@nexus-net/sansio';
import { IP_PROTOCOL, type Ipv4Packet, type ObservedFrame, type Witness, type WitnessEvent } from '@nexus-net/wire';
import { decodeIcmpQuote, type IcmpQuote } from '../icmp/icmp-quote.js';
import { ExchangeTable } from './exchange-table.js';
import { WitnessEvents, type WitnessOptions, type WitnessSnapshot } from './witness-events.js';

interface EchoSeen {
  readonly number: number;
  readonly at: Millis;
  readonly payload: Uint8Array;
  answered: boolean;
}

/**
 * Watches ICMP. Fact `icmp.echo-answered`: a request and the reply that agrees with it in addresses, identifier, sequence
 * number and every octet of data. Violations: data that came back changed, and errors that no host or router may send.
 */
export class IcmpWitness implements Witness {
  readonly #events: WitnessEvents;
  readonly #requests: ExchangeTable<EchoSeen>;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: WitnessOptions = {}) {
    this.#events = new WitnessEvents(options);
    this.#requests = new ExchangeTable(options);
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    const { icmp, ipv4, problem } = frame.layers;
    if (icmp === undefined || ipv4 === undefined || problem !== undefined) return;
    switch (icmp.type) {
      case 'echo-request':
        this.#requests.add(this.#now, keyOf(ipv4.source, ipv4.destination, icmp), {
          number: frame.number,
          at: frame.at,
          payload: icmp.payload.slice(),
          answered: false,
        });
        return;
      case 'echo-reply':
        this.#replied(frame, ipv4, icmp);
        return;
      case 'destination-unreachable':
      case 'time-exceeded':
        this.#judgeError(frame, icmp.original);
        return;
      case 'other':
        return;
    }
  }

  handleTimeout(now: Millis): void {
    this.#now = Math.max(this.#now, now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.poll();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): WitnessSnapshot {
    return this.#events.snapshot(this.#requests);
  }

  #replied(frame: ObservedFrame, ipv4: Ipv4Packet, reply: Echo): void {
    const requests = this.#requests.get(this.#now, keyOf(ipv4.destination, ipv4.source, reply));
    const same = requests.filter((request) => bytesEqual(request.payload, reply.payload));
    const request = same.find(({ answered }) => !answered);
    if (request !== undefined) {
      request.answered = true;
      this.#events.fact({
        kind: 'icmp.echo-answered',
        at: frame.at,
        frames: [request.number, frame.number],
        asker: ipv4.destination,
        answerer: ipv4.source,
        identifier: reply.identifier,
        sequence: reply.sequence,
        roundTripMs: frame.at - request.at,
      });
      return;
    }
    // A reply equal to one that was answered before is a duplicate of the network. One equal to none, where requests are
    // known, changed the data.
    const latest = requests[requests.length - 1];
    if (same.length > 0 || latest === undefined) return;
    this.#events.violation({
      rule: 'icmp.echo-data',
      reference: 'RFC 1122 §3.2.2.6',
      at: frame.at,
      frames: [latest.number, frame.number],
      message: `the echo reply of ${formatIpv4(ipv4.source)} does not return the data of the request`,
    });
  }

  /** RFC 1122 §3.2.2: what an ICMP error must never be about. The quote says what it is about. */
  #judgeError(frame: ObservedFrame, original: Uint8Array): void {
    const quote = decodeIcmpQuote(original);
    if (!quote.ok) return;
    const subject = forbiddenSubject(quote.value);
    if (subject === undefined) return;
    this.#events.violation({
      rule: 'icmp.error-forbidden',
      reference: 'RFC 1122 §3.2.2',
      at: frame.at,
      frames: [frame.number],
      message: `an ICMP error about ${subject}`,
    });
  }
}

interface Echo {
  readonly identifier: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

function forbiddenSubject({ protocol, transport, destination, fragmentOffset }: IcmpQuote): string | undefined {
  if (fragmentOffset > 0) return 'a fragment that is not the first';
  if (destination === IPV4_BROADCAST || isIpv4Multicast(destination)) return `a packet to ${formatIpv4(destination)}`;
  const isError = protocol === IP_PROTOCOL.icmp && ERROR_TYPES.includes(transport[0] as number);
  return isError ? 'an ICMP error' : undefined;
}

function keyOf(asker: Ipv4Address, answerer: Ipv4Address, { identifier, sequence }: Omit<Echo, 'payload'>): string {
  return `${asker}/${answerer}/${identifier}/${sequence}`;
}

/** Unreachable, source quench, redirect, time exceeded, parameter problem. */
const ERROR_TYPES: readonly number[] = [3, 4, 5, 11, 12];
