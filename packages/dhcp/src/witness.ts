import { formatMac, type Ipv4Address, type MacAddress, type Millis, maskLength, NEVER, Queue, readU32 } from '@nexus-net/sansio';
import type { Fact, ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';
import { DHCP_MESSAGE_TYPE } from './names.js';
import { BoundedMap } from './witness/bounded-map.js';
import { answered, type Exchange, ExchangeTable, noteOffer, type SeenRequest } from './witness/exchanges.js';
import { checkClientMessage, checkForm, checkLeaseTerms, checkServerMessage } from './witness/form-rules.js';
import { LeaseRules } from './witness/lease-rules.js';
import { checkReplyAddress, checkReplyContent } from './witness/reply-rules.js';
import { RequestRules } from './witness/request-rules.js';
import { DHCP_RULES, type DhcpRuleId, type Report } from './witness/rules.js';
import { addressOf, readFrame, requestState, type Sighting } from './witness/sighting.js';

export interface DhcpWitnessOptions {
  /** Exchanges (client and xid) followed at once; the one that is idle for longest is forgotten. Default 4 096. */
  readonly exchangeCountMax?: number;
  /** Leases remembered; the oldest is forgotten. Default 65 536. */
  readonly leaseCountMax?: number;
  /** Link addresses whose use of addresses is followed. Default 4 096. */
  readonly stationCountMax?: number;
  /** Facts and violations that wait for `pollEvent`; further ones are dropped and counted. Default 65 536. */
  readonly eventCountMax?: number;
}

export interface DhcpWitnessInspection {
  readonly frames: number;
  readonly messages: number;
  readonly exchanges: number;
  readonly leases: number;
  readonly stations: number;
  /** What was forgotten for lack of room: after that the witness is silent about replies that it can't place. */
  readonly evicted: number;
  readonly eventsDropped: number;
}

const { discover, offer, request, decline, ack, nak, release, inform } = DHCP_MESSAGE_TYPE;

/**
 * Reads the frames of a segment, both directions, any number of clients, servers and relays, and tells who was offered,
 * leased and refused what, and which rules of {@link DHCP_RULES} were broken.
 *
 * It would rather miss a mistake than report one that isn't: a capture may begin in the middle, and may show only one leg of
 * a relayed exchange.
 */
export class DhcpWitness implements Witness {
  readonly #events: Queue<WitnessEvent>;
  readonly #exchanges: ExchangeTable;
  readonly #requestRules: RequestRules;
  readonly #leaseRules: LeaseRules;
  /** Clients that were seen, and whose xid each one is. */
  readonly #clients: BoundedMap<MacAddress, number>;
  readonly #xids: BoundedMap<number, MacAddress>;
  #frames = 0;
  #messages = 0;

  constructor(options: DhcpWitnessOptions = {}) {
    const { exchangeCountMax = 4_096, leaseCountMax = 65_536, stationCountMax = 4_096, eventCountMax = 65_536 } = options;
    this.#events = new Queue(eventCountMax);
    this.#exchanges = new ExchangeTable(exchangeCountMax);
    this.#requestRules = new RequestRules(exchangeCountMax);
    this.#leaseRules = new LeaseRules({ leaseCountMax, stationCountMax });
    this.#clients = new BoundedMap(exchangeCountMax);
    this.#xids = new BoundedMap(exchangeCountMax);
  }

  handleFrame(_now: Millis, frame: ObservedFrame): void {
    this.#frames++;
    const report = this.#reporter(frame);
    const seen = readFrame(frame);
    if (seen.type === 'other') {
      if (frame.layers.problem === undefined || frame.layers.problem.error === 'partial-checksum')
        this.#leaseRules.noteUse(frame, report);
      return;
    }
    this.#messages++;
    if (seen.type === 'malformed') {
      report('dhcp.malformed', seen.error);
      return;
    }
    const { sighting } = seen;
    if (!checkForm(sighting, report)) return;
    if (sighting.message.op === 1) this.#clientMessage(sighting, report);
    else this.#serverMessage(sighting, report);
  }

  handleTimeout(): void {}

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): DhcpWitnessInspection {
    const { leases, stations, evicted } = this.#leaseRules.counts;
    return {
      frames: this.#frames,
      messages: this.#messages,
      exchanges: this.#exchanges.count,
      leases,
      stations,
      evicted: evicted + this.#exchanges.evicted,
      eventsDropped: this.#events.dropped,
    };
  }

  #clientMessage(sighting: Sighting, report: Report): void {
    const { type, client, message, number, at } = sighting;
    checkClientMessage(sighting, report);
    const exchange = this.#exchanges.noteRequest(sighting);
    this.#clients.set(client, message.xid);
    this.#xids.set(message.xid, client);
    this.#requestRules.check(exchange, sighting, report);
    const address = addressOf(sighting);
    const shown = { at, frames: [number], client };
    const first = !exchange.requests.some((other) => other.sighting !== sighting && isCopy(other.sighting, sighting));
    switch (type) {
      case discover:
        this.#leaseRules.noteDiscover(sighting);
        if (first) this.#fact({ kind: 'dhcp.discovered', ...shown, xid: message.xid });
        return;
      case request:
        if (['renewing', 'rebinding'].includes(requestState(sighting))) this.#leaseRules.checkRenewal(sighting, report);
        if (first && address !== 0) this.#fact({ kind: 'dhcp.requested', ...shown, address, xid: message.xid });
        return;
      case decline:
        this.#leaseRules.noteGivenUp(sighting, address, 'declined');
        if (first) this.#fact({ kind: 'dhcp.declined', ...shown, address });
        return;
      case release:
        this.#leaseRules.noteGivenUp(sighting, message.ciaddr, 'released');
        if (first) this.#fact({ kind: 'dhcp.released', ...shown, address: message.ciaddr });
        return;
    }
  }

  #serverMessage(reply: Sighting, report: Report): void {
    checkServerMessage(reply, report);
    if (reply.type !== offer && reply.type !== ack && reply.type !== nak) return;
    const exchange = this.#exchanges.find(reply);
    if (exchange === undefined) {
      this.#checkStranger(reply, report);
      return;
    }
    const asked = answered(exchange, reply);
    if (asked === undefined) {
      checkType(exchange, reply, report);
      return;
    }
    checkReplyAddress(asked.sighting, reply, report);
    checkReplyContent(asked.sighting, reply, report);
    const answer = `${reply.type} ${reply.serverId ?? 0} ${reply.message.yiaddr}`;
    const first = !asked.answers.has(answer);
    if (asked.answers.size < ANSWERS_MAX) asked.answers.add(answer);
    const server = serverOf(reply);
    if (reply.type === offer) this.#noteOffer(exchange, asked, reply, { first, report });
    else if (reply.type === nak) {
      this.#leaseRules.noteNak(reply);
      if (first) this.#fact({ kind: 'dhcp.refused', ...common(asked, reply), server, xid: exchange.xid });
    } else if (asked.sighting.type === inform) {
      const address = asked.sighting.message.ciaddr;
      if (first) this.#fact({ kind: 'dhcp.informed', ...common(asked, reply), server, address, xid: exchange.xid });
    } else this.#noteLease(asked, reply, { first, report });
  }

  #noteOffer(
    exchange: Exchange,
    asked: SeenRequest,
    reply: Sighting,
    { first, report }: { readonly first: boolean; readonly report: Report },
  ): void {
    const { yiaddr: address } = reply.message;
    const server = serverOf(reply);
    this.#requestRules.noteOffer(reply);
    this.#leaseRules.noteOffer(reply, report);
    if (!first) return;
    noteOffer(exchange, { server, address, frame: reply.number });
    if (address !== 0) this.#fact({ kind: 'dhcp.offered', ...common(asked, reply), server, address, xid: exchange.xid });
  }

  #noteLease(asked: SeenRequest, reply: Sighting, { first, report }: { readonly first: boolean; readonly report: Report }): void {
    checkLeaseTerms(reply, report);
    if (!first) return;
    const { yiaddr: address, xid } = reply.message;
    this.#leaseRules.noteAck(asked.sighting, reply, report);
    if (address === 0) return;
    const mask = address32(reply, 1);
    const prefixLength = mask === undefined ? undefined : maskLength(mask);
    const router = address32(reply, 3);
    this.#fact({
      kind: 'dhcp.leased',
      ...common(asked, reply),
      server: serverOf(reply),
      address,
      xid,
      leaseMs: reply.leaseMs ?? 0,
      ...(prefixLength === undefined ? {} : { prefixLength }),
      ...(router === undefined ? {} : { router }),
    });
  }

  /** A reply under an xid that nobody was seen to use. Silent where the request may have come before the capture. */
  #checkStranger(reply: Sighting, report: Report): void {
    if (reply.type === nak || reply.message.hlen === 0 || this.#exchanges.evicted > 0) return; // a broadcast NAK may answer a unicast that passed elsewhere
    const { xid } = reply.message;
    const owner = this.#xids.get(xid);
    if (owner !== undefined && owner !== reply.client)
      report('dhcp.unsolicited-reply', `xid ${hex(xid)} is of another client than ${formatMac(reply.client)}`);
    else if (this.#clients.get(reply.client) !== undefined)
      report('dhcp.unsolicited-reply', `${formatMac(reply.client)} uses no xid ${hex(xid)}`);
  }

  #reporter({ number, at }: ObservedFrame): Report {
    return (rule: DhcpRuleId, detail: string, earlierFrames: readonly number[] = []) => {
      const { reference, text } = DHCP_RULES[rule];
      const frames = [...new Set([...earlierFrames, number])].sort((a, b) => a - b);
      this.#events.push({ type: 'violation', violation: { rule, reference, at, frames, message: `${text}: ${detail}` } });
    };
  }

  #fact(fact: Fact): void {
    this.#events.push({ type: 'fact', fact });
  }
}

const ANSWERS_MAX = 16;

/** A reply in an exchange in which nothing was asked that it could answer. */
function checkType(exchange: Exchange, reply: Sighting, report: Report): void {
  const types = exchange.requests.map(({ sighting }) => sighting.type);
  const frames = exchange.requests.map(({ sighting }) => sighting.number);
  const { type } = reply;
  // A capture that begins with the REQUEST may show another server's late OFFER.
  const mayBeLate = type === offer && exchange.requests.some(({ sighting }) => requestState(sighting) === 'selecting');
  if (mayBeLate || (types.includes(discover) && type === nak)) return;
  report('dhcp.wrong-reply-type', `message type ${type} after message type ${[...new Set(types)].join(', ')}`, frames);
}

/** The same message on another leg of its way, or once more. */
function isCopy(a: Sighting, b: Sighting): boolean {
  return a.type === b.type && a.message.giaddr !== b.message.giaddr && addressOf(a) === addressOf(b) && a.serverId === b.serverId;
}

function common(
  asked: SeenRequest,
  reply: Sighting,
): { readonly at: Millis; readonly frames: readonly number[]; readonly client: MacAddress } {
  return { at: reply.at, frames: [asked.sighting.number, reply.number], client: reply.client };
}

/** Who says it: option 54, and without it the sender. */
function serverOf({ serverId, source }: Sighting): Ipv4Address {
  return serverId ?? source;
}

function address32({ message }: Sighting, code: number): Ipv4Address | undefined {
  const value = message.options.get(code);
  return value !== undefined && value.length >= 4 ? (readU32(value, 0) as Ipv4Address) : undefined;
}

function hex(xid: number): string {
  return `0x${xid.toString(16).padStart(8, '0')}`;
}
