import type { Endpoint, Ipv4Address } from '@nexus-net/sansio';
import type { BusEnd, BusSessionEvent } from '../bus/index.js';
import type { DiscoveryEvent } from '../discovery/index.js';
import type { GatewayAudit, GatewayReply } from '../gateway/index.js';

/** Why a connection never became a session, or was not wanted. */
export type BusConnectionReject =
  | 'handshake-limit'
  | 'address-limit'
  | 'accept-rate'
  | 'session-limit'
  | 'dial-timeout'
  | 'unknown-stream';

export type BusNodeEvent =
  | Exclude<DiscoveryEvent, { readonly type: 'announced' }>
  | { readonly type: 'dialling'; readonly deviceId: string; readonly to: Endpoint; readonly attempt: number }
  /** Compare the digits; `confirmPairing` or `refusePairing` where `needsConfirmation`. */
  | { readonly type: 'pairing'; readonly deviceId: string; readonly pin: string; readonly needsConfirmation: boolean }
  | { readonly type: 'session-open'; readonly deviceId: string; readonly role: 'initiator' | 'responder' }
  | { readonly type: 'session-closed'; readonly deviceId: string; readonly end: BusEnd }
  /** No session came of it. `deviceId` is known where we dialled. */
  | {
      readonly type: 'session-failed';
      readonly deviceId: string | undefined;
      readonly address: Ipv4Address;
      readonly end: BusEnd | { readonly type: 'no-connection'; readonly cause: string };
    }
  /** A stream of the application: not one of the gateway's. */
  | { readonly type: 'stream'; readonly deviceId: string; readonly event: StreamEvent }
  | GatewayAudit
  | (GatewayReply & { readonly deviceId: string });

export type StreamEvent = Extract<BusSessionEvent, { readonly type: 'stream' }>['event'];
