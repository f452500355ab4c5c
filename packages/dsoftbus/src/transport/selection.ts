import { bytesEqual, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { encodeUtf8 } from '../utf8.js';

/** What the configuration asks for. */
export type TransportMode = 'tcp' | 'quic' | 'auto';
export type SelectedTransport = 'tcp' | 'quic';

/** What an attempt at QUIC found. This library has no QUIC of its own: its own probe is always {@link QUIC_NOT_AVAILABLE}. */
export type QuicProbe =
  | { readonly type: 'not-available' }
  | {
      readonly type: 'candidate';
      readonly expectedAlpn: string;
      readonly offeredAlpn: string;
      readonly certificateTrusted: boolean;
    };

export const QUIC_NOT_AVAILABLE: QuicProbe = { type: 'not-available' };

export type TransportReject = 'quic-wrong-alpn' | 'quic-untrusted-certificate' | 'quic-downgrade-denied';

export interface TransportSelection {
  readonly transport: SelectedTransport;
  /** What the OS prints, line by line. */
  readonly lines: readonly string[];
}

/** How the OS says each refusal. */
export const TRANSPORT_REJECT_TEXT: Readonly<Record<TransportReject, string>> = {
  'quic-wrong-alpn': 'quic reject: wrong alpn',
  'quic-untrusted-certificate': 'quic reject: invalid or untrusted cert',
  'quic-downgrade-denied': 'quic reject: strict-mode downgrade denied',
};

/**
 * Which transport carries sessions. `auto` falls back to TCP only where QUIC is not there at all: a wrong ALPN or a certificate
 * that isn't trusted is an answer of somebody, and going on in the clear would be what an attacker wants.
 */
export function selectTransport(mode: TransportMode, probe: QuicProbe): Result<TransportSelection, TransportReject> {
  if (mode === 'tcp') return ok(TCP);
  if (probe.type === 'not-available') return mode === 'quic' ? err('quic-downgrade-denied') : ok(FALLBACK);
  if (!bytesEqual(encodeUtf8(probe.expectedAlpn), encodeUtf8(probe.offeredAlpn))) return err('quic-wrong-alpn');
  return probe.certificateTrusted ? ok(QUIC) : err('quic-untrusted-certificate');
}

/** How often QUIC is tried in this mode. */
export function quicAttemptsMax(mode: TransportMode): number {
  return mode === 'tcp' ? 0 : 1;
}

/** How many lines a fallback prints at most. */
export function fallbackLinesMax(mode: TransportMode): number {
  return mode === 'auto' ? FALLBACK.lines.length : 0;
}

/** `DSOFTBUS_TRANSPORT`: any case, TCP where it isn't set. Anything else is the local caller's mistake. */
export function parseTransportMode(text: string | undefined): TransportMode {
  const mode = (text ?? 'tcp').toLowerCase();
  requireArgument(
    mode === 'tcp' || mode === 'quic' || mode === 'auto',
    `transport is tcp, quic or auto, not ${JSON.stringify(text)}`,
  );
  return mode;
}

/** ALPN of the host's QUIC. */
export const DSOFTBUS_ALPN = 'nexus.dsoftbus.v1';

const SELECTED_TCP = 'dsoftbusd: transport selected tcp';
const TCP: TransportSelection = { transport: 'tcp', lines: [SELECTED_TCP] };
const QUIC: TransportSelection = { transport: 'quic', lines: ['dsoftbusd: transport selected quic'] };
const FALLBACK: TransportSelection = {
  transport: 'tcp',
  lines: ['dsoftbus: quic os disabled (fallback tcp)', SELECTED_TCP, 'SELFTEST: quic fallback ok'],
};
