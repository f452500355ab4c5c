import { assert, type Datagram, IPV4_BROADCAST, type Ipv4Address, type Millis, NEVER, requireArgument } from '@nexus-net/sansio';
import type { ClientCore } from './core.js';
import * as messages from './messages.js';
import type { ClientState, Exchange } from './state.js';
import { renewalRetryAt, secondsField } from './timing.js';
import type { ClientTrigger } from './transitions.js';

/** Does all that is due, in the order of its deadlines. */
export function runDue(core: ClientCore): void {
  for (let steps = 0; core.isDue(); steps++) {
    assert(steps < DUE_STEPS_MAX, 'each due step leads to a later deadline');
    onDeadline(core, core.state);
  }
}

/**
 * One due step of the state. Where a late call finds several things due, the last one counts: an expired lease is not
 * renewed (RFC 2131 §4.4.5), and a retransmission missed several times is sent once.
 */
function onDeadline(core: ClientCore, state: ClientState): void {
  const { now } = core;
  if ('lease' in state && state.lease.expiresAt <= now) {
    core.withdraw('expired');
    core.restart({ since: now, hint: state.lease.address }, 'timeout');
    return;
  }
  switch (state.type) {
    case 'init': {
      const exchange = core.openExchange(state.since);
      core.enter({ type: 'selecting', exchange, hint: state.hint, secs: 0, offers: [], chooseAt: NEVER }, 'timeout');
      break;
    }
    case 'selecting':
      if (state.chooseAt <= state.exchange.retryAt) chooseOffer(core, 'timeout');
      else sendDiscover(core, state);
      break;
    case 'requesting':
      sendRequest(core, state);
      break;
    case 'probing':
      core.counters.increment('probe-unanswered');
      core.bind(state.lease, { cause: state.cause, trigger: 'timeout' });
      break;
    case 'bound': {
      const type = state.lease.rebindAt <= now ? 'rebinding' : 'renewing';
      core.enter({ type, lease: state.lease, exchange: core.openExchange(now) }, 'timeout');
      break;
    }
    case 'renewing':
      renew(core, state);
      break;
    case 'rebinding':
      core.enter({ ...state, exchange: askForTime(core, state, IPV4_BROADCAST) }, 'timeout');
      break;
    case 'init-reboot':
      core.enter({ type: 'rebooting', lease: state.lease, exchange: core.openExchange(now) }, 'timeout');
      break;
    case 'rebooting':
      sendReboot(core, state);
      break;
    case 'waiting':
      core.restart({ since: state.since, hint: undefined }, 'timeout');
      break;
    case 'informing':
      sendInform(core, state);
      break;
    case 'detecting':
      core.counters.increment('attachment-unanswered');
      core.enter({ type: 'init-reboot', lease: state.lease, startAt: now }, 'timeout');
      break;
    case 'ipv6-only':
      core.restart({ since: now, hint: undefined }, 'timeout');
      break;
    default:
      assert(false, 'a state without a deadline has nothing due');
  }
}

/** The collection window is over: takes the offer that the policy wants, or goes on collecting. */
export function chooseOffer(core: ClientCore, trigger: ClientTrigger): void {
  const { state } = core;
  assert(state.type === 'selecting', 'offers are chosen in SELECTING');
  const offer = core.settings.chooseOffer(state.offers);
  if (offer === undefined) {
    core.counters.increment('offers-refused');
    core.enter({ ...state, offers: [], chooseAt: NEVER }, trigger);
    return;
  }
  requireArgument(state.offers.includes(offer), 'chooseOffer returns one of the offers');
  // The xid and `secs` of the DISCOVER, so that relays treat the REQUEST the same way (RFC 2131 §3.1.3, §4.4.1).
  const exchange: Exchange = { ...state.exchange, sentAt: NEVER, sends: 0, retryAt: core.now };
  core.enter({ type: 'requesting', exchange, secs: state.secs, offer }, trigger);
}

type Of<T extends ClientState['type']> = Extract<ClientState, { readonly type: T }>;

function sendDiscover(core: ClientCore, state: Of<'selecting'>): void {
  const { exchange, hint } = state;
  const secs = elapsed(core, exchange);
  const asked = core.ask(exchange, () => messages.discover(core.settings.profile, { xid: exchange.xid, secs, hint }));
  const sent = asked.sends > exchange.sends;
  core.enter({ ...state, exchange: asked, secs: sent ? secs : state.secs }, 'timeout');
}

function sendRequest(core: ClientCore, state: Of<'requesting'>): void {
  const { exchange, offer, secs } = state;
  if (exchange.sends > core.settings.requestRetransmissionsMax) {
    core.events.push({ type: 'gave-up', state: 'requesting', at: core.now });
    core.restart({ since: exchange.since, hint: undefined }, 'timeout');
    return;
  }
  const message = (): Datagram => messages.requestOffered(core.settings.profile, { xid: exchange.xid, secs, offer });
  core.enter({ ...state, exchange: core.ask(exchange, message) }, 'timeout');
}

function sendReboot(core: ClientCore, state: Of<'rebooting'>): void {
  const { exchange, lease } = state;
  const { profile, rebootRetransmissionsMax, rebootUnanswered } = core.settings;
  if (exchange.sends > rebootRetransmissionsMax) {
    core.events.push({ type: 'gave-up', state: 'rebooting', at: core.now });
    if (rebootUnanswered === 'keep-lease') core.probeOrBind(lease, { cause: 'kept', trigger: 'timeout' });
    else core.restart({ since: exchange.since, hint: lease.address }, 'timeout');
    return;
  }
  const secs = elapsed(core, exchange);
  const message = (): Datagram => messages.requestRemembered(profile, { xid: exchange.xid, secs, lease });
  core.enter({ ...state, exchange: core.ask(exchange, message) }, 'timeout');
}

function sendInform(core: ClientCore, state: Of<'informing'>): void {
  const { exchange, address } = state;
  if (exchange.sends > core.settings.informRetransmissionsMax) {
    core.events.push({ type: 'gave-up', state: 'informing', at: core.now });
    core.stop({ linkUp: true, remember: true, trigger: 'timeout' });
    return;
  }
  const secs = elapsed(core, exchange);
  const message = (): Datagram => messages.inform(core.settings.profile, { xid: exchange.xid, secs, address });
  core.enter({ ...state, exchange: core.ask(exchange, message) }, 'timeout');
}

function renew(core: ClientCore, state: Of<'renewing'>): void {
  const { lease, exchange } = state;
  if (lease.rebindAt > core.now) core.enter({ ...state, exchange: askForTime(core, state, lease.server) }, 'timeout');
  // `secs` goes on counting from the start of the renewal; the xid is new, for this request goes to others.
  else core.enter({ type: 'rebinding', lease, exchange: core.openExchange(exchange.since) }, 'timeout');
}

function askForTime(core: ClientCore, { exchange, lease, type }: Of<'renewing' | 'rebinding'>, to: Ipv4Address): Exchange {
  const end: Millis = type === 'renewing' ? lease.rebindAt : lease.expiresAt;
  const stamp = { xid: exchange.xid, secs: elapsed(core, exchange), lease, to };
  const message = (): Datagram => messages.requestMoreTime(core.settings.profile, stamp);
  return core.ask(exchange, message, renewalRetryAt({ now: core.now, end }));
}

function elapsed(core: ClientCore, exchange: Exchange): number {
  return secondsField({ since: exchange.since, now: core.now });
}

/** The longest chain at one instant is four: waiting or expired → INIT → SELECTING → sent. */
const DUE_STEPS_MAX = 16;
