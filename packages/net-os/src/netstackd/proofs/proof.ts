import type { Endpoint, Ipv4Address, Millis } from '@nexus-net/sansio';
import type { TcpRefusal } from '../../tcp/tcp-api.js';

/** What a node proves of its network after an address has come up, in this order. Absent: not asked for. */
export interface ProofOptions {
  /** An echo request is answered. */
  readonly ping?: PingProofOptions;
  /** A name is resolved. */
  readonly dns?: DnsProofOptions;
  /** A listener takes a connection and exchanges a nonce with it. */
  readonly tcpListen?: TcpListenProofOptions;
}

export interface PingProofOptions {
  /** Default: the gateway. */
  readonly destination?: Ipv4Address;
  /** Echo requests, one after another, until one is answered. Default 3. */
  readonly attempts?: number;
  /** For each of them. Default 1 000 ms. */
  readonly timeoutMs?: Millis;
}

export interface DnsProofOptions {
  readonly name: string;
  /** Record type of the question. Default 1: an address. */
  readonly type?: number;
  /** Default: the DNS servers of the lease, else those of the options. */
  readonly servers?: readonly Ipv4Address[];
  /** Queries, to the servers in turn. Default 4. */
  readonly attempts?: number;
  /** For each of them. Default 1 000 ms. */
  readonly timeoutMs?: Millis;
}

export interface TcpListenProofOptions {
  /** Default 41 000. */
  readonly port?: number;
  /** For the whole exchange. Default 5 000 ms. */
  readonly timeoutMs?: Millis;
}

/** How a proof ended. `interface-down`: the address went away before. */
export type ProofOutcome =
  | { readonly proof: 'ping'; readonly passed: true; readonly destination: Ipv4Address; readonly roundTripMs: Millis }
  | {
      readonly proof: 'ping';
      readonly passed: false;
      readonly destination: Ipv4Address | undefined;
      /** `no-target`: neither a destination nor a gateway. */
      readonly reason: 'no-target' | 'timeout' | 'unreachable' | 'not-sent' | 'interface-down';
    }
  | {
      readonly proof: 'dns';
      readonly passed: true;
      readonly server: Ipv4Address;
      readonly name: string;
      /** Records of the type that was asked for, at least one. */
      readonly answerCount: number;
      /** Of an address question: the first of them. */
      readonly address?: Ipv4Address;
    }
  | {
      readonly proof: 'dns';
      readonly passed: false;
      readonly name: string;
      /** `no-server`: none known. `refused`: the last answer had another response code than 0. `no-answer`: it had no record. */
      readonly reason: 'no-server' | 'timeout' | 'refused' | 'no-answer' | 'not-sent' | 'interface-down';
      /** RFC 1035 §4.1.1, with `refused`. */
      readonly responseCode?: number;
    }
  | {
      readonly proof: 'tcp-listen';
      readonly passed: true;
      readonly local: Endpoint;
      /** Octets of the nonce that went there and came back. */
      readonly octets: number;
    }
  | {
      readonly proof: 'tcp-listen';
      readonly passed: false;
      readonly local: Endpoint;
      /** `refused`: the connection ended before the nonce was back. `wrong-data`: something else came back. */
      readonly reason: TcpRefusal | 'refused' | 'timeout' | 'wrong-data' | 'interface-down';
    };

export type ProofName = ProofOutcome['proof'];

/** What a step knows of the network when it begins. */
export interface ProofNetwork {
  readonly address: Ipv4Address;
  readonly gateway: Ipv4Address | undefined;
  readonly dnsServers: readonly Ipv4Address[];
}
