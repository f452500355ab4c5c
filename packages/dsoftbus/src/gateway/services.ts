import type { GatewayRequest, GatewayStatus } from './operations.js';

/** What a service answers. */
export type GatewayResult =
  | { readonly status: 'ok'; readonly value: GatewayValue }
  | { readonly status: Exclude<GatewayStatus, 'ok'> };

export type GatewayValue =
  | { readonly type: 'none' }
  /** bundlemgr query; u16. */
  | { readonly type: 'count'; readonly count: number }
  /** packagefs stat and open. `bytes` may be left out of a stat, and of a directory. */
  | { readonly type: 'entry'; readonly kind: 'file' | 'directory'; readonly size: number; readonly bytes?: Uint8Array }
  /** statefs get. */
  | { readonly type: 'octets'; readonly bytes: Uint8Array }
  /** statefs list. */
  | { readonly type: 'keys'; readonly keys: readonly string[] };

/** Requests that a service has to do with: the gateway reads and closes what is open by itself. */
export type ServiceRequest = Exclude<GatewayRequest, { readonly operation: 'read' | 'close' }>;

/**
 * The services behind a gateway. The answer is there at once, or it is `pending` and comes later by `GatewayServer.answer`. `caller` is the
 * device that the handshake proved: its rights count, not the node's.
 */
export interface GatewayServices {
  perform(request: ServiceRequest, caller: { readonly deviceId: string; readonly token: number }): GatewayResult | 'pending';
}
