import type { Millis } from '@nexus-net/sansio';
import type { Tcb } from './tcb.js';
import { USER_TIMEOUT_MAX_MS, USER_TIMEOUT_MIN_MS, USER_TIMEOUT_MS } from './tcp-options.js';

/** How long octets may stay unacknowledged: what the user said, or else what both sides' advice comes to (RFC 5482 §3.1). */
export function userTimeoutOf(tcb: Tcb): Millis {
  if (tcb.userTimeoutMs !== undefined) return tcb.userTimeoutMs;
  if (tcb.remoteUserTimeoutMs === 0) return USER_TIMEOUT_MS;
  // USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT))
  const advertised = tcb.options.advertiseUserTimeout ? USER_TIMEOUT_MS : 0;
  return Math.min(USER_TIMEOUT_MAX_MS, Math.max(advertised, tcb.remoteUserTimeoutMs, USER_TIMEOUT_MIN_MS));
}

/** Takes the advice of a UTO option (RFC 5482 §3, §3.2). A timeout of zero says nothing. */
export function takeUserTimeout(tcb: Tcb, option: number): void {
  if (!tcb.options.followUserTimeout || (option & 0x7fff) === 0) return;
  tcb.remoteUserTimeoutMs = (option & 0x7fff) * ((option & 0x8000) === 0 ? 1_000 : 60_000);
}
