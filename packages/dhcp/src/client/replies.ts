import { type Datagram, type Ipv4Address, SECOND } from '@nexus-net/sansio';
import { type LeaseTerms, startLease } from '../lease.js';
import { decodeDhcpMessage } from '../message-decode.js';
import { type DhcpMessage, messageType } from '../message-fields.js';
import { DHCP_CLIENT_PORT, DHCP_MESSAGE_TYPE } from '../names.js';
import { readOption } from '../option.js';
import {
  type ClientReject,
  checkClientId,
  checkReply,
  ipv6OnlyWaitS,
  leaseTerms,
  networkParameters,
  serverOf,
} from './accept.js';
import type { ClientCore } from './core.js';
import { chooseOffer } from './due.js';
import { maskBits } from './options.js';
import { type AskingState, askingState, type ProbedCause, usableLease } from './state.js';

/** Handles one datagram. Returns why it counted for nothing, or `undefined` where it counted. */
export function receive(core: ClientCore, datagram: Datagram): ClientReject | undefined {
  // RFC 2131 §4.1 fixes the port that a reply goes to. The port and address that it comes from are the server's affair.
  if (datagram.destination.port !== DHCP_CLIENT_PORT) return 'wrong-port';
  const decoded = decodeDhcpMessage(datagram.payload);
  if (!decoded.ok) return decoded.error;
  const message = decoded.value;
  const { profile } = core.settings;
  const notOurs = checkReply(message, profile);
  if (notOurs !== undefined) return notOurs;
  const type = messageType(message);
  if (type === undefined) return 'no-message-type';
  if (type === DHCP_MESSAGE_TYPE.forceRenew) return onForceRenew(core, message, datagram.payload);

  const state = askingState(core.state);
  if (state === undefined) return 'unexpected-message';
  if (message.xid !== state.exchange.xid) return 'wrong-xid';
  const notFromUs = checkClientId(message, profile);
  if (notFromUs !== undefined) return notFromUs;
  const server = serverOf(message);
  if (!server.ok) return server.error;
  const reply: Reply = { message, server: server.value, state };
  switch (type) {
    case DHCP_MESSAGE_TYPE.offer:
      return onOffer(core, reply);
    case DHCP_MESSAGE_TYPE.ack:
      return onAck(core, reply);
    case DHCP_MESSAGE_TYPE.nak:
      return onNak(core, reply);
    default:
      return 'unexpected-type';
  }
}

interface Reply {
  readonly message: DhcpMessage;
  readonly server: Ipv4Address;
  readonly state: AskingState;
}

function onOffer(core: ClientCore, { message, server, state }: Reply): ClientReject | undefined {
  const { settings } = core;
  if (state.type !== 'selecting') return 'unexpected-type';
  if (prefersIpv6(core, message)) return undefined; // before yiaddr is looked at: it may be 0 here (RFC 8925 §3.3)
  const read = readTerms(core, { message, server, fallback: undefined });
  if (!read.ok) return read.error;
  if (state.offers.some((offer) => offer.server === server)) return 'repeated-offer';
  if (state.offers.length >= settings.offerCountMax) return 'too-many-offers';
  const chooseAt = Math.min(state.chooseAt, core.now + settings.offerWindowMs);
  core.enter({ ...state, offers: [...state.offers, read.value.terms], chooseAt }, 'offer');
  if (chooseAt <= core.now) chooseOffer(core, 'offer');
  return undefined;
}

function onAck(core: ClientCore, reply: Reply): ClientReject | undefined {
  const { message, server, state } = reply;
  switch (state.type) {
    case 'selecting': {
      const rapid = readOption(message, 'rapidCommit') === true;
      if (!rapid || !core.settings.rapidCommit) return 'no-rapid-commit';
      return accept(core, reply, { cause: 'acquired', fallback: undefined });
    }
    case 'requesting':
      if (server !== state.offer.server) return 'wrong-server';
      return accept(core, reply, { cause: 'acquired', fallback: state.offer });
    case 'renewing':
      if (server !== state.lease.server) return 'wrong-server';
      return accept(core, reply, { cause: 'renewed', fallback: state.lease });
    case 'rebinding':
      return accept(core, reply, { cause: 'rebound', fallback: state.lease });
    case 'rebooting':
      if (prefersIpv6(core, message)) return undefined;
      return accept(core, reply, { cause: 'rebooted', fallback: state.lease });
    case 'informing':
      // §4.3.5: there is no lease in this ACK, so whatever 51, 58 and 59 say counts for nothing.
      core.events.push({
        type: 'informed',
        address: state.address,
        prefixLength: maskBits(message),
        parameters: networkParameters(message, server),
        at: core.now,
      });
      core.stop({ linkUp: true, remember: true, trigger: 'ack' });
      return undefined;
  }
}

/** A NAK counts only from the server that was asked; in REBINDING and REBOOTING that is every server. */
function onNak(core: ClientCore, { server, state }: Reply): ClientReject | undefined {
  switch (state.type) {
    case 'requesting':
      if (server !== state.offer.server) return 'stranger-nak';
      break;
    case 'renewing':
      if (server !== state.lease.server) return 'stranger-nak';
      break;
    case 'rebinding':
    case 'rebooting':
      break;
    case 'selecting':
    case 'informing':
      return 'unexpected-type';
  }
  core.refused(server);
  return undefined;
}

/** Makes the lease of an ACK ours: the same address goes on, another one replaces what we had. */
function accept(
  core: ClientCore,
  { message, server, state }: Reply,
  { cause, fallback }: { readonly cause: ProbedCause; readonly fallback: LeaseTerms | undefined },
): ClientReject | undefined {
  const read = readTerms(core, { message, server, fallback });
  if (!read.ok) return read.error;
  const lease = startLease(read.value.terms, state.exchange.sentAt);
  if (lease.expiresAt <= core.now) return 'expired-on-arrival';
  const before = usableLease(state);
  if (read.value.repaired) core.counters.increment('lease-times-repaired');
  core.granted();
  core.forceRenewKey?.learn(message.options, { renewal: before !== undefined });
  if (before?.address === lease.address) core.bind(lease, { cause, trigger: 'ack' });
  else {
    core.withdraw('address-changed');
    core.probeOrBind(lease, { cause, trigger: 'ack' });
  }
  return undefined;
}

function readTerms(
  core: ClientCore,
  o: { readonly message: DhcpMessage; readonly server: Ipv4Address; readonly fallback: LeaseTerms | undefined },
): ReturnType<typeof leaseTerms> {
  const { missingMask, leaseMsMax } = core.settings;
  return leaseTerms(o.message, { server: o.server, policy: { fallback: o.fallback, missingMask, leaseMsMax } });
}

/** RFC 8925 §3.2: a network that prefers IPv6 alone, and a client that said it could: no address for a while. */
function prefersIpv6(core: ClientCore, message: DhcpMessage): boolean {
  const seconds = core.settings.ipv6OnlyPreferred ? ipv6OnlyWaitS(message) : undefined;
  if (seconds === undefined) return false;
  const waitMs = seconds * SECOND;
  core.events.push({ type: 'ipv6-only', waitMs, at: core.now });
  core.enter({ type: 'ipv6-only', until: core.now + waitMs }, core.state.type === 'selecting' ? 'offer' : 'ack');
  return true;
}

/** RFC 3203: renew now. Without the authentication of RFC 6704 anybody on the segment could ask for it. */
function onForceRenew(core: ClientCore, message: DhcpMessage, payload: Uint8Array): ClientReject | undefined {
  const { state } = core;
  if (core.forceRenewKey === undefined) return 'force-renew-unauthenticated';
  if (state.type !== 'bound') return 'unexpected-message';
  const server = serverOf(message);
  if (!server.ok) return server.error;
  if (server.value !== state.lease.server) return 'wrong-server';
  const label = core.forceRenewKey.verify(message, payload);
  if (label !== undefined) return label;
  core.enter({ type: 'renewing', lease: state.lease, exchange: core.openExchange(core.now) }, 'forceRenew');
  return undefined;
}
