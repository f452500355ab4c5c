import { IPV4_ANY, type Ipv4Address, type Millis, SECOND, writeU32 } from '@nexus-net/sansio';
import type { DhcpMessage } from '../message.js';
import type { DecodedDhcpMessage } from '../message-decode.js';
import { fitDhcpMessage, replyLengthMax } from '../message-fit.js';
import { BOOT_REPLY, BROADCAST_FLAG, DHCP_MESSAGE_TYPE } from '../names.js';
import type { DhcpOption } from '../option-list.js';
import type { Binding, BindingState } from './binding.js';
import type { BindingPool } from './binding-table.js';
import { addressOctets } from './config.js';
import { type ClientIdentity, identify } from './identity.js';
import { OPTION } from './option-codes.js';
import { leaseSeconds } from './replies.js';
import { type Tables, tableOf } from './select-table.js';

export type LeaseQueryAnswer = 'active' | 'unassigned' | 'unknown';

type Leased = Binding & { readonly state: Extract<BindingState, { type: 'leased' }>; readonly client: ClientIdentity };

interface Found {
  readonly answer: LeaseQueryAnswer;
  /** The lease that the answer is about. */
  readonly binding?: Leased;
  /** Every address that the client has, where it has more than one. */
  readonly addresses?: readonly Ipv4Address[];
}

/**
 * Who has which address, for relays that lost their tables (RFC 4388 §6.4). `undefined` for a query that asks for nothing. Asks by
 * ciaddr, else by client identifier, else by hardware address. Changes nothing.
 */
export function answerLeaseQuery(
  now: Millis,
  { pool, tables }: { readonly pool: BindingPool; readonly tables: Tables },
  query: DecodedDhcpMessage,
): { readonly answer: LeaseQueryAnswer; readonly payload: Uint8Array } | undefined {
  const found = find(pool, tables, query);
  if (found === undefined) return undefined;
  const message = reply(now, pool, found, query);
  return { answer: found.answer, payload: fitDhcpMessage(message, { lengthMax: replyLengthMax(query, pool.config.mtu) }).bytes };
}

function find(pool: BindingPool, tables: Tables, query: DecodedDhcpMessage): Found | undefined {
  const { ciaddr } = query;
  if (ciaddr !== IPV4_ANY) {
    const table = tableOf(tables, ciaddr);
    const binding = table?.at(ciaddr);
    if (binding !== undefined && isLeased(binding)) return { answer: 'active', binding };
    return { answer: table?.serves(ciaddr) === true ? 'unassigned' : 'unknown' };
  }
  const clientId = query.options.get(OPTION.clientIdentifier);
  const identity = identify(query, clientId);
  if (identity === undefined) return undefined;
  const { key } = identity; // of the hardware address, where there is no usable identifier
  const leases = [...(pool.byClient?.get(key) ?? [])].filter(isLeased);
  const [first, ...rest] = leases.sort((a, b) => b.state.since - a.state.since || a.address - b.address);
  if (first === undefined) return { answer: 'unknown' };
  return { answer: 'active', binding: first, ...(rest.length > 0 && { addresses: leases.map(({ address }) => address) }) };
}

function reply(now: Millis, { config }: BindingPool, found: Found, query: DecodedDhcpMessage): DhcpMessage {
  const { answer, binding, addresses } = found;
  const options: DhcpOption[] = [{ code: OPTION.messageType, value: Uint8Array.of(TYPES[answer]) }, config.serverIdentifier];
  const { htype, hlen, chaddr } = binding === undefined ? query : hardwareOf(binding.client);
  if (binding !== undefined) options.push(...describe(now, config, binding, addresses), ...asked(binding, query));
  return {
    op: BOOT_REPLY,
    htype,
    hlen,
    hops: 0,
    xid: query.xid,
    secs: 0,
    flags: query.flags & BROADCAST_FLAG,
    ciaddr: binding?.address ?? query.ciaddr,
    yiaddr: IPV4_ANY,
    siaddr: IPV4_ANY,
    giaddr: query.giaddr,
    chaddr,
    sname: new Uint8Array(64),
    file: new Uint8Array(128),
    options,
  };
}

/** RFC 4388 §6.4.2: times are what is left of them, in whole seconds. */
function describe(
  now: Millis,
  { renewFraction, rebindFraction }: BindingPool['config'],
  { state, client, relayInformation }: Leased,
  addresses: readonly Ipv4Address[] | undefined,
): DhcpOption[] {
  const { since, until } = state;
  const options: DhcpOption[] = [u32(OPTION.leaseTime, leaseSeconds(until - now))];
  const known = Number.isFinite(since); // not for a lease of an earlier run
  if (known && Number.isFinite(until)) {
    for (const [code, fraction] of [
      [OPTION.renewalTime, renewFraction],
      [OPTION.rebindingTime, rebindFraction],
    ] as const) {
      const left = Math.floor((since + fraction * (until - since) - now) / SECOND);
      if (left > 0) options.push(u32(code, left));
    }
  }
  if (client.clientId !== undefined) options.push({ code: OPTION.clientIdentifier, value: client.clientId });
  if (known) options.push(u32(OPTION.clientLastTransactionTime, Math.max(0, Math.floor((now - since) / SECOND))));
  if (addresses !== undefined) options.push({ code: OPTION.associatedAddresses, value: addressOctets(addresses) });
  if (relayInformation !== undefined) options.push({ code: OPTION.relayAgentInformation, value: relayInformation });
  return options;
}

/** What the client was told of its network, so far as option 55 of the query asks for it. */
function asked({ table }: Binding, query: DecodedDhcpMessage): DhcpOption[] {
  const list = new Set(query.options.get(OPTION.parameterRequestList) ?? []);
  return [...table.subnet.options.values()].filter(({ code }) => list.has(code));
}

function isLeased(binding: Binding): binding is Leased {
  return binding.state.type === 'leased' && binding.client !== undefined;
}

function hardwareOf({ htype, hardware }: ClientIdentity): Pick<DhcpMessage, 'htype' | 'hlen' | 'chaddr'> {
  const chaddr = new Uint8Array(16);
  chaddr.set(hardware);
  return { htype, hlen: hardware.length, chaddr };
}

function u32(code: number, seconds: number): DhcpOption {
  const value = new Uint8Array(4);
  writeU32(value, 0, seconds);
  return { code, value };
}

const TYPES: Readonly<Record<LeaseQueryAnswer, number>> = {
  active: DHCP_MESSAGE_TYPE.leaseActive,
  unassigned: DHCP_MESSAGE_TYPE.leaseUnassigned,
  unknown: DHCP_MESSAGE_TYPE.leaseUnknown,
};
