import { bytesEqual, formatIpv4, type Ipv4Address, type MacAddress, type Millis, NEVER } from '@nexus-net/sansio';
import { DHCP_MESSAGE_TYPE } from '../names.js';
import { BoundedMap } from './bounded-map.js';
import type { Exchange } from './exchanges.js';
import type { Report } from './rules.js';
import { requestState, type Sighting } from './sighting.js';

const { request } = DHCP_MESSAGE_TYPE;

/** So many equal messages in so short a time are no retransmission: RFC 2131 §4.1 begins with four seconds. */
const STORM_COUNT = 8;
const STORM_MS = 10_000;
/** An OFFER this old has nothing to do with a REQUEST of now. */
const OFFER_MS_MAX = 60_000;

interface RecentOffer {
  readonly xid: number;
  readonly server: Ipv4Address;
  readonly address: Ipv4Address;
  readonly at: Millis;
  readonly frame: number;
}

/** Rules about a client's message and what came before it. */
export class RequestRules {
  readonly #recentOffers: BoundedMap<MacAddress, RecentOffer>;

  constructor(countMax: number) {
    this.#recentOffers = new BoundedMap(countMax);
  }

  noteOffer(offer: Sighting): void {
    const { client, message, serverId, at, number } = offer;
    if (serverId === undefined) return;
    this.#recentOffers.set(client, { xid: message.xid, server: serverId, address: message.yiaddr, at, frame: number });
  }

  /** The newest message of the exchange, against the others. */
  check(exchange: Exchange, sighting: Sighting, report: Report): void {
    this.#checkClientId(exchange, sighting, report);
    if (sighting.message.giaddr === 0) checkPace(exchange, sighting, report);
    if (sighting.type === request && requestState(sighting) === 'selecting') this.#checkSelection(exchange, sighting, report);
  }

  #checkClientId(exchange: Exchange, sighting: Sighting, report: Report): void {
    const first = exchange.requests.find(
      ({ sighting: { message, type } }) => message.giaddr === sighting.message.giaddr && type !== undefined,
    )?.sighting;
    if (first === undefined || first === sighting) return;
    const before = first.clientId;
    const now = sighting.clientId;
    const equal = before === undefined || now === undefined ? before === now : bytesEqual(before, now);
    if (!equal) report('dhcp.client-id-changed', 'option 61 differs from that of the same exchange', [first.number]);
  }

  /** RFC 2131 §4.4.1: the REQUEST repeats xid, server and address of the OFFER that it takes. */
  #checkSelection(exchange: Exchange, sighting: Sighting, report: Report): void {
    const { serverId, requested } = sighting;
    if (serverId === undefined || requested === undefined) return;
    const { offers } = exchange;
    if (offers.length > 0) {
      const ofServer = offers.filter(({ server }) => server === serverId);
      const frames = offers.map(({ frame }) => frame);
      if (ofServer.length === 0) report('dhcp.unknown-server', `${formatIpv4(serverId)} offered nothing`, frames);
      else if (ofServer.every(({ address }) => address !== requested))
        report('dhcp.not-offered', `${formatIpv4(requested)} was not offered`, frames);
      return;
    }
    const offer = this.#recentOffers.get(sighting.client);
    if (offer === undefined || sighting.at - offer.at > OFFER_MS_MAX || offer.xid === sighting.message.xid) return;
    if (offer.server === serverId && offer.address === requested)
      report('dhcp.request-xid', `the OFFER has another xid`, [offer.frame]);
  }
}

/** RFC 2131 §4.1, by what no client does that waits and doubles its waits, whatever was lost on the way to this wire or is seen twice on it. */
function checkPace(exchange: Exchange, sighting: Sighting, report: Report): void {
  const equal = exchange.requests.filter(({ sighting: other }) => isRepeated(other, sighting));
  const earliest = equal.at(-STORM_COUNT)?.sighting;
  if (earliest !== undefined && sighting.at - earliest.at < STORM_MS)
    report('dhcp.message-storm', `${STORM_COUNT} equal messages in ${sighting.at - earliest.at} ms`, [earliest.number]);
  const unanswered = equal.slice(equal.findLastIndex(({ answers }) => answers.size > 0) + 1).map((each) => each.sighting);
  const frames = unanswered.map(({ number }) => number);
  const waits = unanswered.slice(1).map(({ at }, i) => at - (unanswered[i] as Sighting).at);
  const [before = NEVER, last = NEVER] = waits.slice(-2);
  if (isEarly(before) && isEarly(last))
    report('dhcp.retransmit-early', `the third in ${Math.round(before + last)} ms`, frames.slice(-3));
  // A renewal is sent again after half of the time that is left: its waits shrink (§4.4.5).
  if (waits.length < BACKOFF_WAITS || sighting.message.ciaddr !== 0) return;
  const [first, latest] = [sum(waits.slice(0, COMPARED_WAITS)), sum(waits.slice(-COMPARED_WAITS))];
  if (latest <= first)
    report(
      'dhcp.no-backoff',
      `${COMPARED_WAITS} waits took ${Math.round(first)} ms at first and ${Math.round(latest)} ms later`,
      frames,
    );
}

function isRepeated(a: Sighting, b: Sighting): boolean {
  return a.type === b.type && a.message.giaddr === 0 && a.message.ciaddr === b.message.ciaddr;
}

/** Not one frame that a capture shows twice, and less than the shortest wait of any client that means to wait. */
function isEarly(waitMs: Millis): boolean {
  return waitMs >= SEEN_TWICE_MS && waitMs < EARLY_MS;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const SEEN_TWICE_MS = 5;
/** §4.1 says four seconds, give or take one; real clients that were told to hurry wait for 800 ms. */
const EARLY_MS = 500;
/** Eight equal messages: by then the waits of §4.1 have grown from 4 s to 64 s. */
const BACKOFF_WAITS = 7;
const COMPARED_WAITS = 3;
