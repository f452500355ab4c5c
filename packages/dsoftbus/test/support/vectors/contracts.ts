import { fromHex, ipv4, prefixContains, toHex } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { isOsAnnounceDue, isOsPollDue } from '../../../src/discovery/announce-schedule.js';
import {
  authorizeRemoteProxy,
  CorrelationWindow,
  checkPayloadIdentity,
  checkRecordBounds,
} from '../../../src/os/core-contract.js';
import { bindingMatches } from '../../../src/os/identity.js';
import { isNetstackReply, NETSTACK_UDP_LENGTH_MAX, netstackReadLength, netstackReplyNonce } from '../../../src/os/netstack-reply.js';
import { decodeQd, encodeQd } from '../../../src/os/qd/datagram.js';
import { UdpLoopbackRing } from '../../../src/os/qd/loopback-ring.js';
import { checkQuicClaim, QUIC_CLAIM_REJECT_TEXT, type QuicClaim } from '../../../src/transport/quic-feasibility.js';
import {
  fallbackLinesMax,
  QUIC_NOT_AVAILABLE,
  quicAttemptsMax,
  selectTransport,
  TRANSPORT_REJECT_TEXT,
  type TransportMode,
} from '../../../src/transport/selection.js';
import { differs } from './differs.js';

interface Named {
  readonly name: string;
}

export type StepVector = Named & Readonly<Record<string, unknown>>;

export function checkSessionStep(vector: StepVector): string | undefined {
  const found = sessionStep(vector);
  return 'expect' in vector ? differs(found, vector['expect']) : differs(found, undefined);
}

function sessionStep(vector: StepVector): unknown {
  const uptimeMs = BigInt((vector['now_ms'] as string | undefined) ?? 0);
  const hex = (key: string): Uint8Array => fromHex(vector[key] as string);
  switch (vector['op']) {
    case 'should_send_announce':
      return isOsAnnounceDue({ announced: vector['announced_once'] as boolean, uptimeMs });
    case 'should_poll_discovery':
      return isOsPollDue({ peerKnown: vector['peer_known'] as boolean, uptimeMs });
    case 'identity_binding_matches':
      return bindingMatches(vector['discovered'] === null ? undefined : hex('discovered'), hex('expected'));
    case 'is_cross_vm_ip': {
      const [a, b, c, d] = vector['ip'] as [number, number, number, number];
      return prefixContains(ADDRESS_PLAN.os2vm.network, ipv4(a, b, c, d));
    }
    case 'response_matches': {
      const nonce = netstackReplyNonce(hex('input'));
      const problem = differs(nonce === undefined ? null : Number(nonce), vector['extracted_nonce']);
      const expected = { op: vector['expect_op'] as number, nonce: BigInt(vector['nonce'] as number) };
      return problem ?? isNetstackReply(hex('input'), expected);
    }
    case 'parse_read_ok_len':
      return netstackReadLength(hex('input')) ?? null;
    case 'is_valid_udp_payload_len':
      return (vector['len'] as number) <= NETSTACK_UDP_LENGTH_MAX;
    default:
      return `an operation that nobody knows: ${String(vector['op'])}`;
  }
}

const PROXY_DENIALS: Readonly<Record<string, string>> = {
  Unauthenticated: 'unauthenticated',
  ServiceNotAllowed: 'service-not-allowed',
  OversizedRequest: 'oversized-request',
};

export function checkCoreContract(vector: StepVector): string | undefined {
  const expected = vector['expect_error'] ?? vector['expect'];
  switch (vector['op']) {
    case 'validate_record_bounds': {
      const result = checkRecordBounds({ length: BigInt(vector['len'] as string), max: BigInt(vector['max'] as number) });
      return differs(result.ok ? 'ok' : result.error, expected);
    }
    case 'validate_payload_identity': {
      const result = checkPayloadIdentity({ sender: vector['sender'] as string, claim: vector['claim'] as string });
      return differs(result.ok ? 'ok' : result.error, expected);
    }
    case 'authorize_remote_proxy': {
      const { authenticated, service, request_len } = vector as unknown as {
        authenticated: boolean;
        service: string | null;
        request_len: number;
      };
      const result = authorizeRemoteProxy({ authenticated, service: service ?? undefined, length: request_len });
      if (!result.ok) return differs(result.error, PROXY_DENIALS[vector['expect_error'] as string]);
      return differs({ request_len: result.value.length, service: result.value.service }, vector['expect']);
    }
    case 'correlation':
      return checkCorrelation(vector);
    default:
      return `an operation that nobody knows: ${String(vector['op'])}`;
  }
}

function checkCorrelation(vector: StepVector): string | undefined {
  const window = new CorrelationWindow({
    start: BigInt(vector['start'] as number | string),
    authenticated: (vector['authenticated'] as boolean | undefined) ?? true,
  });
  const accept = (expected: bigint, observed: bigint): string => {
    const result = window.accept({ expected, observed });
    return result.ok ? 'ok' : result.error;
  };
  for (const [i, step] of (vector['steps'] as readonly Readonly<Record<string, unknown>>[]).entries()) {
    let problem: string | undefined;
    if ('mark_authenticated' in step) window.markAuthenticated();
    else if ('reserve' in step) {
      const reserved = window.reserve();
      problem = differs(reserved.ok ? String(reserved.value) : reserved.error, String(step['reserve']));
    } else if ('reply' in step) {
      const [expected, observed] = step['reply'] as [number, number];
      problem = differs(accept(BigInt(expected), BigInt(observed)), step['result']);
    } else if ('reply max' in step) problem = differs(accept(2n ** 64n - 1n, 2n ** 64n - 1n), step['reply max']);
    else problem = differs(accept(0n, 0n), step['reply 0 after wrap']);
    if (problem !== undefined) return `step ${i}: ${problem}`;
  }
  return undefined;
}

export type SelectionVector = Named & {
  readonly mode: TransportMode;
  readonly probe: 'Disabled' | { readonly cert_trusted: boolean; readonly expected_alpn: string; readonly offered_alpn: string };
  readonly quic_attempts: number;
  readonly fallback_marker_budget: number;
  readonly expect?: { readonly transport: string; readonly markers: readonly string[] };
  readonly expect_error?: { readonly message: string; readonly variant: string };
};

export function checkSelectionVector(vector: SelectionVector): string | undefined {
  const { mode, probe } = vector;
  const selected = selectTransport(
    mode,
    probe === 'Disabled'
      ? QUIC_NOT_AVAILABLE
      : {
          type: 'candidate',
          expectedAlpn: probe.expected_alpn,
          offeredAlpn: probe.offered_alpn,
          certificateTrusted: probe.cert_trusted,
        },
  );
  const found = selected.ok
    ? { transport: selected.value.transport, markers: selected.value.lines }
    : TRANSPORT_REJECT_TEXT[selected.error];
  return differs(
    [found, quicAttemptsMax(mode), fallbackLinesMax(mode)],
    [vector.expect ?? vector.expect_error?.message, vector.quic_attempts, vector.fallback_marker_budget],
  );
}

export type FeasibilityVector = Named & {
  readonly input: {
    readonly implementation?: string;
    readonly boundary?: string;
    readonly timers?: string;
    readonly entropy?: string;
    readonly budget: readonly [number, number, number];
  };
  readonly expect?: { readonly requires_manual_unlock_review: boolean };
  readonly expect_error?: { readonly message: string } | 'None';
};

export function checkFeasibilityVector({ input, expect, expect_error }: FeasibilityVector): string | undefined {
  const [retransmitMax, inFlightMax, reorderMax] = input.budget;
  const claim: QuicClaim = {
    implementation: input.implementation === 'Unimplemented' ? 'not-implemented' : 'implemented-and-wired',
    boundary: input.boundary === 'UnisolatedStdRuntime' ? 'unisolated' : 'isolated',
    timers: input.timers === 'RuntimeDependent' ? 'runtime-dependent' : 'deterministic-bounded',
    entropy: input.entropy === 'Unavailable' ? 'unavailable' : 'ready',
    budget: { retransmitMax, inFlightMax, reorderMax },
  };
  const checked = checkQuicClaim(claim);
  if (checked.ok) return differs({ requires_manual_unlock_review: checked.value.needsManualReview }, expect);
  // A budget that the OS can't even build has no message there.
  const message = expect_error === 'None' ? QUIC_CLAIM_REJECT_TEXT['budget-unbounded'] : expect_error?.message;
  return differs(QUIC_CLAIM_REJECT_TEXT[checked.error], message);
}

export type QdVector = Named & {
  readonly op: 'encode' | 'decode';
  readonly opcode?: number;
  readonly session_nonce?: number;
  readonly payload?: string;
  readonly payload_len?: number;
  readonly buffer?: string;
  readonly n?: number;
  readonly expect?: string | { readonly opcode: number; readonly payload: string; readonly session_nonce: number };
  readonly expect_error?: string;
};

export function checkQdVector(vector: QdVector): string | undefined {
  if (vector.op === 'encode') {
    const payload = vector.payload === undefined ? new Uint8Array(vector.payload_len as number) : fromHex(vector.payload);
    const datagram = { opcode: vector.opcode as number, sessionNonce: vector.session_nonce as number, payload };
    try {
      return differs(toHex(encodeQd(datagram)), vector.expect);
    } catch {
      return differs('reject', vector.expect_error);
    }
  }
  // The OS is told how many octets of its buffer count; we get just those.
  const decoded = decodeQd(fromHex(vector.buffer as string).subarray(0, vector.n));
  if (!decoded.ok) return differs('reject', vector.expect_error);
  const { opcode, sessionNonce, payload } = decoded.value;
  return differs({ opcode, payload: toHex(payload), session_nonce: sessionNonce }, vector.expect);
}

export type RingVector = Named & {
  readonly steps: readonly ({ readonly push: string; readonly accepted: number } | { readonly pop_max: number; readonly got: string })[];
};

export function checkRingVector({ steps }: RingVector): string | undefined {
  const ring = new UdpLoopbackRing();
  for (const [i, step] of steps.entries()) {
    const problem =
      'push' in step
        ? differs(ring.push(fromHex(step.push)), step.accepted)
        : differs(toHex(ring.pop(step.pop_max)), step.got);
    if (problem !== undefined) return `step ${i}: ${problem}`;
  }
  return undefined;
}
