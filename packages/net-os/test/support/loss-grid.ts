import type { CongestionControl, CongestionName } from '../../src/index.js';
import { type CableConfig, TcpPair, transfer } from './tcp-pair.js';

/** No congestion control at all: what smoltcp's published grid measures. For the test tree only. */
export class Unlimited implements CongestionControl {
  readonly name = 'none';
  readonly window: number = Number.MAX_SAFE_INTEGER;
  readonly slowStartThreshold: number = Number.MAX_SAFE_INTEGER;
  onAck(): void {}
  onLoss(): void {}
  onTimeout(): void {}
  onIdle(): void {}
  onMssChange(): void {}
}

export type GridControl = CongestionName | 'none';

/**
 * Which frames are lost. `both`: each way, as on a bad link. `text`: only those that carry text, the premise of the model, whose acknowledgments
 * always arrive; acknowledgments go at once there, for the model has no delay either.
 */
export type GridLoss = 'both' | 'text';

export interface Cell {
  readonly control: GridControl;
  /** Octets of the send buffer and of the receive buffer. */
  readonly buffer: number;
  /** Probability, of frames. */
  readonly loss: number;
  readonly lost?: GridLoss;
  readonly total: number;
  readonly seed?: number;
}

/** Round trip of the grid. */
export const RTT_MS = 100;

export const BUFFERS: readonly number[] = Array.from({ length: 14 }, (_, i) => 128 * 2 ** i); // 128 octets to 1 MiB
export const LOSSES: readonly number[] = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3];

/** The columns of the table. */
export const COLUMNS: readonly { readonly head: string; readonly control: GridControl; readonly lost: GridLoss }[] = [
  { head: 'none', control: 'none', lost: 'both' },
  { head: 'newreno', control: 'newreno', lost: 'both' },
  { head: 'cubic', control: 'cubic', lost: 'both' },
  { head: 'newreno*', control: 'newreno', lost: 'text' },
  { head: 'cubic*', control: 'cubic', lost: 'text' },
];

/** One transfer in virtual time; octets a second. Throws where the stream is not exact. */
export function measure({ control, buffer, loss, lost = 'both', total, seed = 1 }: Cell): number {
  const host = control === 'none' ? { congestion: () => new Unlimited() } : {};
  const delay: CableConfig = { delayMs: RTT_MS / 2 };
  const cable =
    lost === 'both' ? { ...delay, loss } : { ...delay, loss, spares: (frame: Uint8Array) => frame.length < TEXT_FRAME };
  const pair = new TcpPair({ seed: `grid ${seed}`, cable, a: host, b: host });
  const patient = { userTimeoutMs: 1e12, connectTimeoutMs: 2 ** 40 };
  const options = control === 'none' ? patient : { ...patient, congestion: control };
  const receiver = lost === 'text' ? { ...options, delayedAckMs: 0 } : options;
  const { ms, sink } = transfer(pair, {
    total,
    optionsA: { ...options, sendBufferMax: buffer },
    optionsB: { ...receiver, receiveBufferMax: buffer },
    until: 1e12,
  });
  if (sink.received !== total || !sink.isExact)
    throw new Error(`${control} ${buffer} ${loss}: ${sink.received} of ${total} octets, exact: ${sink.isExact}`);
  return (total / ms) * 1_000;
}

/** A shorter frame carries no text, or the very last of it: headers with timestamps and three SACK blocks have 94 octets. */
const TEXT_FRAME = 95;

/**
 * Octets a second that the full model of Padhye, Firoiu, Towsley and Kurose ("Modeling TCP Throughput", SIGCOMM 1998) expects of a Reno sender: `loss` of
 * the segments, `acked` segments for each acknowledgment, a first timeout of a second, a window of `buffer`.
 */
export function pftk({
  loss,
  buffer,
  acked = 2,
}: {
  readonly loss: number;
  readonly buffer: number;
  readonly acked?: number;
}): number {
  const rtt = RTT_MS / 1_000;
  const size = Math.min(MSS, buffer);
  const most = Math.max(1, Math.floor(buffer / size));
  if (loss === 0) return (most / rtt) * size;
  const constant = (2 + acked) / (3 * acked);
  const unconstrained = constant + Math.sqrt((8 * (1 - loss)) / (3 * acked * loss) + constant ** 2);
  const window = Math.min(unconstrained, most);
  const rounds = unconstrained < most ? (acked / 2) * unconstrained + 1 : (acked / 8) * most + (1 - loss) / (loss * most) + 2;
  const timeouts = timeoutShare(loss, window) / (1 - loss);
  const segments = (1 - loss) / loss + window + timeouts;
  return (segments / (rtt * rounds + (timeouts * (1 - loss) * TIMEOUT_S * backoff(loss)) / (1 - loss))) * size;
}

/** Q: the share of losses that end in a timeout, with a window of so many segments. */
function timeoutShare(loss: number, window: number): number {
  if (window <= 3) return 1;
  const kept = 1 - loss;
  return Math.min(1, ((1 - kept ** 3) * (1 + kept ** 3 * (1 - kept ** (window - 3)))) / (1 - kept ** window));
}

/** f: what the doubling of the timeout, up to 64 times, makes of it. */
function backoff(loss: number): number {
  return 1 + loss + 2 * loss ** 2 + 4 * loss ** 3 + 8 * loss ** 4 + 16 * loss ** 5 + 32 * loss ** 6;
}

/** T0 */
const TIMEOUT_S = 1;

/** Text of a full segment with timestamps on an MTU of 1 500. */
const MSS = 1_448;

/** What one row of the table measures, in the order of {@link COLUMNS}. */
export function measureRow({ buffer, loss, total }: Pick<Cell, 'buffer' | 'loss' | 'total'>): readonly number[] {
  return COLUMNS.map(({ control, lost }) => measure({ control, lost, buffer, loss, total }));
}

/** One row as text: buffer, loss, the columns in KiB/s, the model, and the two columns of its premise as parts of it. */
export function gridRow({ buffer, loss }: Pick<Cell, 'buffer' | 'loss'>, rates: readonly number[]): string {
  const model = pftk({ loss, buffer, acked: 1 });
  const shown = [...rates, model].map((rate) => (rate / 1_024).toFixed(2).padStart(9));
  const parts = rates.slice(-2).map((rate) => `${Math.round((100 * rate) / model)} %`.padStart(7));
  return [String(buffer).padStart(8), `${(loss * 100).toFixed(0)} %`.padStart(5), ...shown, ...parts].join(' ');
}

export const GRID_HEAD: string = [
  'buffer'.padStart(8),
  'loss'.padStart(5),
  ...[...COLUMNS.map(({ head }) => head), 'PFTK'].map((head) => head.padStart(9)),
  ...['newr.*', 'cubic*'].map((head) => head.padStart(7)),
].join(' ');
