import type { Datagram, Endpoint, Ipv4Address, MacAddress, Millis } from '@nexus-net/sansio';

import type { TcpEvent } from './tcp/tcp-api.js';

declare const socketBrand: unique symbol;
declare const pingBrand: unique symbol;

/** Names a bound UDP endpoint of one host. Never reused by that host. */
export type UdpSocketId = number & { readonly [socketBrand]: 'UdpSocketId' };
/** Names one echo request of one host. Never reused by that host. */
export type PingId = number & { readonly [pingBrand]: 'PingId' };

/** Why an echo request can get no answer. */
export type PingFailure = 'no-address' | 'no-route' | 'too-big' | 'no-buffers' | 'unresolved' | 'unreachable';

/** What a host did about somebody else using its address (RFC 5227 §2.4). */
export type DefenceAction = 'defended' | 'tolerated' | 'gave-up';

export type HostEvent =
  /** Of a TCP connection or listener. */
  | TcpEvent
  /** A datagram for a bound endpoint. The payload is a copy of its own. `linkSource`: who sent the frame. */
  | { readonly type: 'datagram'; readonly socket: UdpSocketId; readonly datagram: Datagram; readonly linkSource: MacAddress }
  /** An ICMP error quoted a datagram of this endpoint. Advice, not proof: anyone can send one. */
  | {
      readonly type: 'datagram-unreachable';
      readonly socket: UdpSocketId;
      readonly destination: Endpoint;
      readonly reporter: Ipv4Address;
      readonly kind: 'unreachable' | 'time-exceeded';
      readonly code: number;
    }
  /** The address that this endpoint is bound to is no longer ours. The endpoint stays, should it come back. */
  | { readonly type: 'udp-address-lost'; readonly socket: UdpSocketId; readonly address: Ipv4Address }
  /** Packets to `destination` may have `mtu` octets from now on (RFC 1191). */
  | { readonly type: 'path-mtu'; readonly destination: Ipv4Address; readonly mtu: number }
  | { readonly type: 'ping-reply'; readonly id: PingId; readonly from: Ipv4Address; readonly roundTripMs: Millis }
  | { readonly type: 'ping-timeout'; readonly id: PingId; readonly destination: Ipv4Address }
  | { readonly type: 'ping-failed'; readonly id: PingId; readonly destination: Ipv4Address; readonly reason: PingFailure }
  | { readonly type: 'arp-resolved'; readonly address: Ipv4Address; readonly mac: MacAddress }
  | { readonly type: 'arp-failed'; readonly address: Ipv4Address }
  /** Somebody claims the address of a neighbour confirmed moments ago; the entry stays. */
  | { readonly type: 'arp-conflict'; readonly address: Ipv4Address; readonly mac: MacAddress; readonly claimant: MacAddress }
  /** RFC 5227 §2.1.1: nobody answered; the address may be configured. */
  | { readonly type: 'probe-clear'; readonly address: Ipv4Address }
  | { readonly type: 'probe-conflict'; readonly address: Ipv4Address; readonly claimant: MacAddress }
  /** Somebody uses an address of ours. `gave-up`: the host has removed the address from itself. */
  | { readonly type: 'conflict'; readonly address: Ipv4Address; readonly claimant: MacAddress; readonly action: DefenceAction };
