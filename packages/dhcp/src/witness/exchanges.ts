import type { Ipv4Address } from '@nexus-net/sansio';
import { DHCP_MESSAGE_TYPE } from '../names.js';
import type { Sighting } from './sighting.js';

/** An OFFER that was seen. */
export interface SeenOffer {
  readonly server: Ipv4Address;
  readonly address: Ipv4Address;
  readonly frame: number;
}

/** A client's message that waits for replies. */
export interface SeenRequest {
  readonly sighting: Sighting;
  /** Servers that answered it, by identifier and type: a second copy of a reply is no new fact. */
  readonly answers: Set<string>;
}

/** What one client does under one xid: its messages and the offers it got. */
export interface Exchange {
  readonly xid: number;
  /** The newest ones, the newest last. */
  readonly requests: SeenRequest[];
  readonly offers: SeenOffer[];
}

/** Copies of a message that relays make, and retransmissions, that a reply may belong to. */
const REQUESTS_PER_EXCHANGE_MAX = 8;
const OFFERS_PER_EXCHANGE_MAX = 16;

/** The exchanges of all clients; the one that is idle for longest makes room for a new one. */
export class ExchangeTable {
  readonly #countMax: number;
  readonly #exchanges = new Map<string, Exchange>();
  #evicted = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#exchanges.size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  find({ client, message }: Sighting): Exchange | undefined {
    return this.#exchanges.get(`${client}/${message.xid}`);
  }

  /** Notes what a client sent; its exchange becomes the youngest. */
  noteRequest(sighting: Sighting): Exchange {
    const key = `${sighting.client}/${sighting.message.xid}`;
    const exchange = this.#exchanges.get(key) ?? { xid: sighting.message.xid, requests: [], offers: [] };
    this.#exchanges.delete(key);
    this.#exchanges.set(key, exchange);
    if (this.#exchanges.size > this.#countMax) {
      this.#exchanges.delete(this.#exchanges.keys().next().value as string);
      this.#evicted++;
    }
    exchange.requests.push({ sighting, answers: new Set() });
    if (exchange.requests.length > REQUESTS_PER_EXCHANGE_MAX) exchange.requests.shift();
    return exchange;
  }
}

export function noteOffer(exchange: Exchange, offer: SeenOffer): void {
  exchange.offers.push(offer);
  if (exchange.offers.length > OFFERS_PER_EXCHANGE_MAX) exchange.offers.shift();
}

const { discover, request, inform, offer, ack, nak } = DHCP_MESSAGE_TYPE;

/** Which messages a reply may answer (RFC 2131 §4.3, RFC 4039). */
function answerable(reply: Sighting): readonly number[] {
  if (reply.type === offer) return [discover];
  if (reply.type === nak) return [request];
  if (reply.type !== ack) return [];
  return reply.message.options.get(80) === undefined ? [request, inform] : [discover, request, inform];
}

/** The message that the reply answers: the newest one of a fitting type, where there is one through the same relay. */
export function answered(exchange: Exchange, reply: Sighting): SeenRequest | undefined {
  const types = answerable(reply);
  let found: SeenRequest | undefined;
  for (let i = exchange.requests.length - 1; i >= 0; i--) {
    const candidate = exchange.requests[i] as SeenRequest;
    const { sighting } = candidate;
    if (!types.includes(sighting.type ?? 0)) continue;
    if (sighting.message.giaddr === reply.message.giaddr) return candidate;
    found ??= candidate;
  }
  return found;
}
