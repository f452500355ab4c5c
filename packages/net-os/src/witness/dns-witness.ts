import { formatIpv4, type Millis, NEVER } from '@nexus-net/sansio';
import type { DnsMessage, DnsQuestion, Ipv4Packet, ObservedFrame, UdpDatagram, Witness, WitnessEvent } from '@nexus-net/wire';
import { ExchangeTable } from './exchange-table.js';
import { WitnessEvents, type WitnessOptions, type WitnessSnapshot } from './witness-events.js';

interface QuerySeen {
  readonly number: number;
  readonly questions: readonly DnsQuestion[];
  answered: boolean;
}

/**
 * Watches DNS over UDP port 53. Fact `dns.answered`: a query and the response that agrees with it in addresses, ports, id and
 * question, whatever the response code says. Violation: a response that changes the question.
 */
export class DnsWitness implements Witness {
  readonly #events: WitnessEvents;
  readonly #queries: ExchangeTable<QuerySeen>;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(options: WitnessOptions = {}) {
    this.#events = new WitnessEvents(options);
    this.#queries = new ExchangeTable(options);
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    this.#now = Math.max(this.#now, now);
    const { dns, udp, ipv4, problem } = frame.layers;
    if (dns === undefined || udp === undefined || ipv4 === undefined) return;
    // A sum that the sender's network card has yet to fill in is no fault of the sender.
    if (problem !== undefined && problem.error !== 'partial-checksum') return;
    if (dns.response) {
      if (udp.sourcePort === DNS_PORT) this.#answered(frame, { ipv4, udp, dns });
    } else if (udp.destinationPort === DNS_PORT && dns.questions.length > 0) {
      const key = keyOf(ipv4.source, udp.sourcePort, ipv4.destination, dns.id);
      this.#queries.add(this.#now, key, { number: frame.number, questions: dns.questions, answered: false });
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
    return this.#events.snapshot(this.#queries);
  }

  #answered(
    frame: ObservedFrame,
    { ipv4, udp, dns }: { readonly ipv4: Ipv4Packet; readonly udp: UdpDatagram; readonly dns: DnsMessage },
  ): void {
    const queries = this.#queries.get(this.#now, keyOf(ipv4.destination, udp.destinationPort, ipv4.source, dns.id));
    const same = queries.filter(({ questions }) => sameQuestions(questions, dns.questions));
    const query = same.find(({ answered }) => !answered);
    const first = dns.questions[0];
    if (query !== undefined && first !== undefined) {
      query.answered = true;
      this.#events.fact({
        kind: 'dns.answered',
        at: frame.at,
        frames: [query.number, frame.number],
        client: ipv4.destination,
        server: ipv4.source,
        id: dns.id,
        name: first.name,
        responseCode: dns.responseCode,
      });
      return;
    }
    // A response without a question refuses a query that it couldn't read: nothing to compare.
    const latest = queries[queries.length - 1];
    if (same.length > 0 || latest === undefined || first === undefined) return;
    this.#events.violation({
      rule: 'dns.question-changed',
      reference: 'RFC 1035 §4.1.1',
      at: frame.at,
      frames: [latest.number, frame.number],
      message: `the response of ${formatIpv4(ipv4.source)} to id ${dns.id} answers another question`,
    });
  }
}

/** Names compare without regard to case (RFC 1035 §2.3.3). */
function sameQuestions(a: readonly DnsQuestion[], b: readonly DnsQuestion[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((question, i) => {
    const other = b[i];
    if (other === undefined || question.type !== other.type || question.class !== other.class) return false;
    return question.name.toLowerCase() === other.name.toLowerCase();
  });
}

function keyOf(client: number, clientPort: number, server: number, id: number): string {
  return `${client}/${clientPort}/${server}/${id}`;
}

const DNS_PORT = 53;
