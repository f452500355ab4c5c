import type { GatewayAnswer, GatewayRequest, NodeMachine } from '@nexus-net/dsoftbus';
import type { Millis } from '@nexus-net/sansio';
import type { MuxMilestone } from '../mux/mux-proof.js';

/** What is shown of the mux between the two machines, by the ids of its lines. */
export type CrossMuxMarker = `crossvm-mux-${MuxMilestone}`;

/** What a node tells about itself and its one peer, whatever its dialect. */
export type CrossNodeEvent =
  /** A session stands; both ends have proved their keys. */
  | { readonly type: 'session' }
  | { readonly type: 'mux'; readonly milestone: CrossMuxMarker }
  /** The mux did something else than it has to. */
  | { readonly type: 'mux-failed'; readonly label: string }
  /** node-a may ask: everything of the mux is shown, in this session or in an earlier one. */
  | { readonly type: 'usable' }
  | { readonly type: 'answer'; readonly answer: GatewayAnswer }
  /** node-b has answered a request with ok: of statefs one that changed something, of packagefs any. */
  | { readonly type: 'served'; readonly service: 'statefs' | 'packagefs' }
  | { readonly type: 'session-lost'; readonly label: string }
  /** Who answers is not the peer, or takes us for somebody else. */
  | { readonly type: 'identity-mismatch' };

/** One node of one dialect, whose only peer is on another machine. It dials, or waits to be dialled, as long as it runs. */
export interface CrossNode {
  readonly node: NodeMachine<unknown>;
  start(now: Millis): void;
  /** Moves what waits for nothing but time, behind what the node has sent. */
  run(now: Millis): void;
  /** `false`: it can't be asked now. One question at a time; its answer comes as an event. */
  ask(now: Millis, request: GatewayRequest): boolean;
  pollEvent(now: Millis): CrossNodeEvent | undefined;
}
