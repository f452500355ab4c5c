import { IPV4_ANY, type Ipv4Address, type Millis, prefixContains } from '@nexus-net/sansio';
import type { Binding } from './binding.js';
import type { BindingPool, BindingTable } from './binding-table.js';
import type { DhcpNakReason, DhcpServerReject } from './events.js';
import { serverIdentifierFor } from './replies.js';
import type { ServerRequest } from './request.js';

/** What to do about a DISCOVER or REQUEST. Deciding changes nothing, except that a fresh address may get a binding. */
export type DiscoverDecision =
  /** Offer it, or lease it, to the client. */
  | { readonly type: 'grant'; readonly binding: Binding; readonly leaseMs: Millis }
  | { readonly type: 'silent'; readonly label: DhcpServerReject };

export type RequestDecision =
  | DiscoverDecision
  /** The same REQUEST again: answer it again, change nothing. */
  | { readonly type: 'repeat'; readonly binding: Binding }
  | { readonly type: 'nak'; readonly reason: DhcpNakReason }
  /** The client took another server's offer: ours is free again. */
  | { readonly type: 'withdraw'; readonly binding: Binding };

/** A REQUEST with the same xid this soon after the lease began is a copy: retransmitted, or relayed and direct. */
const REPEAT_MS_MAX = 10_000;

/** RFC 2131 §4.3.1: the present address, else the previous one, else the requested one, else a free one. */
export function decideDiscover(pool: BindingPool, table: BindingTable, request: ServerRequest): DiscoverDecision {
  const claimant = table.claimant(request);
  const leaseMs = grantedLease(pool, request, undefined);
  const { held } = claimant;
  if (held !== undefined && table.unavailable(held.address, claimant) === undefined) {
    const refusal = quotaRefusal(pool, request, held);
    return refusal === undefined ? { type: 'grant', binding: held, leaseMs } : { type: 'silent', label: refusal };
  }
  const refusal = quotaRefusal(pool, request, undefined);
  if (refusal !== undefined) return { type: 'silent', label: refusal };
  for (const wanted of [claimant.reserved, request.requestedAddress]) {
    if (wanted === undefined || table.unavailable(wanted, claimant) !== undefined) continue;
    const binding = table.claim(wanted);
    if (binding !== undefined) return { type: 'grant', binding, leaseMs };
  }
  const binding = table.allocate(claimant.classes);
  return binding === undefined ? { type: 'silent', label: 'pool-exhausted' } : { type: 'grant', binding, leaseMs };
}

/** RFC 2131 §4.3.2: tells the state of the client from the fields that it fills in, as in its table 4. */
export function decideRequest(now: Millis, pool: BindingPool, table: BindingTable, request: ServerRequest): RequestDecision {
  const { message, serverIdentifier, requestedAddress, datagram } = request;
  const { ciaddr } = message;
  if (serverIdentifier === undefined) {
    if (ciaddr !== IPV4_ANY) return decideAddress(now, pool, table, request, { address: ciaddr, selecting: false });
    if (requestedAddress === undefined) return { type: 'silent', label: 'request-without-address' };
    return decideAddress(now, pool, table, request, { address: requestedAddress, selecting: false });
  }
  if (serverIdentifier !== pool.config.address && serverIdentifier !== serverIdentifierFor(pool.config, request)) {
    const held = table.ofHolder(table.holderKey(request.client));
    if (ciaddr === IPV4_ANY && held?.state.type === 'offered') return { type: 'withdraw', binding: held };
    return { type: 'silent', label: 'other-server' };
  }
  if (ciaddr !== IPV4_ANY) {
    // Not legal in any state. Clients that renew like this are met in the field, and their source gives them away.
    if (datagram.source.address !== ciaddr) return { type: 'silent', label: 'selecting-with-ciaddr' };
    return decideAddress(now, pool, table, request, { address: ciaddr, selecting: false });
  }
  if (requestedAddress === undefined) return { type: 'silent', label: 'selecting-without-address' };
  return decideAddress(now, pool, table, request, { address: requestedAddress, selecting: true });
}

function decideAddress(
  now: Millis,
  pool: BindingPool,
  table: BindingTable,
  request: ServerRequest,
  { address, selecting }: { readonly address: Ipv4Address; readonly selecting: boolean },
): RequestDecision {
  const claimant = table.claimant(request);
  const { held } = claimant;
  // The client asks us by name, or we know it, or the network is ours alone: then a wrong address gets a NAK.
  const answerable = selecting || held !== undefined || pool.config.authoritative;
  const refuse = (reason: DhcpNakReason): RequestDecision =>
    answerable ? { type: 'nak', reason } : { type: 'silent', label: 'unknown-lease' };
  if (!prefixContains(table.subnet.prefix, address)) return refuse('wrong-network');
  const unavailable = table.unavailable(address, claimant);
  if (unavailable === 'not-served') return refuse('not-served');
  if (unavailable !== undefined) return { type: 'nak', reason: unavailable };
  if (held?.address === address) {
    const { state } = held;
    const { xid } = request.message;
    if (
      state.type === 'leased' &&
      state.xid === xid &&
      now - state.since < Math.min(REPEAT_MS_MAX, (state.until - state.since) / 4)
    )
      return { type: 'repeat', binding: held };
    const refusal = quotaRefusal(pool, request, held);
    if (refusal !== undefined) return { type: 'nak', reason: 'quota' };
    return { type: 'grant', binding: held, leaseMs: grantedLease(pool, request, held) };
  }
  if (held?.state.type === 'leased' || held?.state.type === 'offered') return { type: 'nak', reason: 'other-address' };
  if (!selecting && !pool.config.authoritative) return { type: 'silent', label: 'unknown-lease' };
  if (quotaRefusal(pool, request, undefined) !== undefined) return { type: 'nak', reason: 'quota' };
  const binding = table.claim(address);
  if (binding === undefined) return { type: 'nak', reason: 'quota' };
  return { type: 'grant', binding, leaseMs: grantedLease(pool, request, undefined) };
}

/** RFC 2131 §4.3.1: what the client asks for, within the bounds; else what it was offered; else the default. */
function grantedLease({ config }: BindingPool, { leaseMs }: ServerRequest, held: Binding | undefined): Millis {
  if (leaseMs !== undefined) return Math.min(Math.max(leaseMs, config.leaseMsMin), config.leaseMsMax);
  return held?.state.type === 'offered' ? held.state.leaseMs : config.leaseMs;
}

/** Would one more binding of this client go over a limit? One that already counts never does. */
function quotaRefusal(pool: BindingPool, request: ServerRequest, binding: Binding | undefined): DhcpServerReject | undefined {
  if (binding?.counted === true) return undefined;
  if (pool.hardware.exhausted(request.client.hardwareKey)) return 'hardware-quota';
  const circuit = circuitKey(request);
  return circuit !== undefined && pool.circuits.exhausted(circuit) ? 'circuit-quota' : undefined;
}

/** The relay port that the client is behind, where a relay names it (RFC 3046 §3.1). */
export function circuitKey({ relay, message }: ServerRequest): string | undefined {
  return relay.circuit === undefined ? undefined : `${message.giaddr}/${String.fromCharCode(...relay.circuit)}`;
}
