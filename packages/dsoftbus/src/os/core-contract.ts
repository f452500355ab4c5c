import { err, ok, type Result } from '@nexus-net/sansio';

/** Labels of `dsoftbus-core`. */
export type CoreReject =
  | 'core.reject.nonce_mismatch_or_stale_reply'
  | 'core.reject.oversize_frame_or_record'
  | 'core.reject.unauthenticated_message_path'
  | 'core.reject.payload_identity_spoof_vs_sender_service_id';

/**
 * Which replies are taken, by the core contract: only in the order of their requests, and only on an authenticated path. Numbers
 * have 64 bits and wrap; after the wrap nothing is taken any more. The OS has it and uses it nowhere (flaw F3).
 */
export class CorrelationWindow {
  #next: bigint;
  #accepted: bigint | undefined;
  #authenticated: boolean;

  constructor({ start, authenticated }: { readonly start: bigint; readonly authenticated: boolean }) {
    this.#next = BigInt.asUintN(64, start);
    this.#authenticated = authenticated;
  }

  markAuthenticated(): void {
    this.#authenticated = true;
  }

  /** The number of the next request. */
  reserve(): Result<bigint, CoreReject> {
    if (!this.#authenticated) return err('core.reject.unauthenticated_message_path');
    const number = this.#next;
    this.#next = BigInt.asUintN(64, number + 1n);
    return ok(number);
  }

  /** A reply with the number `observed` came where `expected` was waited for. */
  accept({ expected, observed }: { readonly expected: bigint; readonly observed: bigint }): Result<void, CoreReject> {
    if (!this.#authenticated) return err('core.reject.unauthenticated_message_path');
    if (observed !== expected || (this.#accepted !== undefined && observed <= this.#accepted))
      return err('core.reject.nonce_mismatch_or_stale_reply');
    this.#accepted = observed;
    return ok(undefined);
  }
}

/** Octets of a frame or record against their limit. */
export function checkRecordBounds({ length, max }: { readonly length: bigint; readonly max: bigint }): Result<void, CoreReject> {
  return length > max ? err('core.reject.oversize_frame_or_record') : ok(undefined);
}

/** Who a payload says that it is from against who sent it: the same text, octet for octet. */
export function checkPayloadIdentity({
  sender,
  claim,
}: {
  readonly sender: string;
  readonly claim: string;
}): Result<void, CoreReject> {
  return sender === claim ? ok(undefined) : err('core.reject.payload_identity_spoof_vs_sender_service_id');
}

export type ProxyDenial = 'unauthenticated' | 'service-not-allowed' | 'oversized-request';

/** The OS's host model of its remote proxy; its daemon does not ask it. */
export function authorizeRemoteProxy(request: {
  readonly authenticated: boolean;
  readonly service: string | undefined;
  readonly length: number;
}): Result<{ readonly service: string; readonly length: number }, ProxyDenial> {
  const { authenticated, service, length } = request;
  if (!authenticated) return err('unauthenticated');
  if (service !== 'samgrd' && service !== 'bundlemgrd') return err('service-not-allowed');
  return length > 256 ? err('oversized-request') : ok({ service, length });
}
