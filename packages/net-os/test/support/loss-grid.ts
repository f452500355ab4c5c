import type { CongestionControl, CongestionName } from '../../src/index.js';
import { TcpPair, transfer } from './tcp-pair.js';

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

export interface Cell {
  readonly control: GridControl;
  readonly buffer: number;
  /** Probability, of frames each way. */
  readonly loss: number;
  readonly total: number;
  readonly seed?: number;
}

/** Round trip of the grid. */
export const RTT_MS = 100;

/** One transfer in virtual time; octets a second. Throws where the stream is not exact. */
export function measure({ control, buffer, loss, total, seed = 1 }: Cell): number {
  const host = control === 'none' ? { congestion: () => new Unlimited() } : {};
  const pair = new TcpPair({ seed: `grid ${seed}`, cable: { delayMs: RTT_MS / 2, loss }, a: host, b: host });
  const patient = { userTimeoutMs: 1e12, connectTimeoutMs: 2 ** 40 };
  const options = control === 'none' ? patient : { ...patient, congestion: control };
  const { ms, sink } = transfer(pair, {
    total,
    optionsA: { ...options, sendBufferMax: buffer },
    optionsB: { ...options, receiveBufferMax: buffer },
    until: 1e12,
  });
  if (sink.received !== total || !sink.isExact)
    throw new Error(`${control} ${buffer} ${loss}: ${sink.received} of ${total} octets, exact: ${sink.isExact}`);
  return (total / ms) * 1_000;
}

/**
 * Octets a second that the model of Padhye, Firoiu, Towsley and Kurose (SIGCOMM 1998, equation 33) expects of a Reno sender: `loss` of segments, two segments for
 * each acknowledgment, a first timeout of a second, a window of `buffer`.
 */
export function pftk({ loss, buffer }: { readonly loss: number; readonly buffer: number }): number {
  const rtt = RTT_MS / 1_000;
  const size = Math.min(MSS, buffer);
  const window = Math.max(1, Math.floor(buffer / size));
  if (loss === 0) return (window / rtt) * size;
  const b = 2;
  const timeout = Math.min(1, 3 * Math.sqrt((3 * b * loss) / 8)) * loss * (1 + 32 * loss ** 2);
  return Math.min(window / rtt, 1 / (rtt * Math.sqrt((2 * b * loss) / 3) + timeout)) * size;
}

/** Text of a full segment with timestamps on an MTU of 1 500. */
const MSS = 1_448;

/** The table as text: one row for each buffer, for each loss the three controls and the model, in KiB/s. */
export function gridTable(cells: readonly { readonly cell: Cell; readonly rate: number }[]): string {
  const buffers = [...new Set(cells.map(({ cell }) => cell.buffer))];
  const losses = [...new Set(cells.map(({ cell }) => cell.loss))];
  const controls: readonly GridControl[] = ['none', 'newreno', 'cubic'];
  const lines = [
    `${'buffer'.padStart(8)} ${'loss'.padStart(5)} ${controls.map((name) => name.padStart(9)).join(' ')} ${'PFTK'.padStart(9)}  KiB/s`,
  ];
  for (const buffer of buffers) {
    for (const loss of losses) {
      const rates = controls.map(
        (control) => cells.find(({ cell }) => cell.control === control && cell.buffer === buffer && cell.loss === loss)?.rate,
      );
      const shown = [...rates, pftk({ loss, buffer })].map((rate) =>
        (rate === undefined ? '-' : (rate / 1_024).toFixed(2)).padStart(9),
      );
      lines.push(`${String(buffer).padStart(8)} ${`${(loss * 100).toFixed(0)} %`.padStart(5)} ${shown.join(' ')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
