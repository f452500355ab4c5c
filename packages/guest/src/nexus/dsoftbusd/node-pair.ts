import type { GatewayAnswer, GatewayRequest, NodeMachine } from '@nexus-net/dsoftbus';
import { type Ipv4Address, ipv4, type Millis } from '@nexus-net/sansio';
import type { MuxProofEvent } from './mux/mux-proof.js';

/** Why no session came about, as far as a node can tell. */
export type PairFailure =
  /** The key that node-b proved, or failed to prove, is not the one that node-a has for it. */
  'identity' | 'handshake' | 'connect';

/** What two nodes tell, whatever their dialect. */
export type PairEvent =
  /** node-a heard an announce of node-b. */
  | { readonly type: 'peer-found' }
  /** This node has a session, and knows who is at its other end. */
  | { readonly type: 'session'; readonly node: PairNode }
  /** node-a may ask. */
  | { readonly type: 'usable' }
  | { readonly type: 'failed'; readonly failure: PairFailure; readonly label: string }
  | { readonly type: 'answer'; readonly answer: GatewayAnswer }
  /** What the mux of the session did, where it is proven. */
  | MuxProofEvent;

export type PairNode = 'node-a' | 'node-b';

/** Two nodes of one dialect, of which node-a dials and asks, and node-b serves. */
export interface NodePair {
  readonly nodes: readonly NodeMachine<unknown>[];
  start(now: Millis): void;
  /** What was written has left, as far as it may. */
  run(now: Millis): void;
  /** `false`: it can't be asked now. One question at a time; its answer comes as an event. */
  ask(now: Millis, request: GatewayRequest): boolean;
  /** Takes what the nodes tell. */
  pollEvent(now: Millis): PairEvent | undefined;
}

/** Both nodes live on the loopback interface, each at an address of its own. */
export const PAIR_ADDRESSES: Readonly<Record<PairNode, Ipv4Address>> = {
  'node-a': ipv4(127, 0, 0, 1),
  'node-b': ipv4(127, 0, 0, 2),
};
