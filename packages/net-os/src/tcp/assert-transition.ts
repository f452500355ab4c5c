import { assert } from '@nexus-net/sansio';
import { TCP_STATES, type TcpTransitionEvent } from './states.js';
import type { TcpStateName } from './tcp-api.js';

/** The state that `event` leads to. An event that leads nowhere from `state` is a mistake of ours. */
export function assertTransition(state: TcpStateName, event: TcpTransitionEvent): TcpStateName {
  const next = TCP_STATES[state][event];
  assert(next !== '-', `TCP: ${event} in ${state}`);
  return next;
}
