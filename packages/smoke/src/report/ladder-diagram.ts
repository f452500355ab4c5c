import type { Millis } from '@nexus-net/sansio';
import type { MarkerReport } from '@nexus-net/verdict';
import { escapeHtml } from './escape.js';

/** A frame as the diagram shows it. */
export interface DiagramFrame {
  readonly number: number;
  readonly atMs: Millis;
  /** The column that it leaves, and the one that it goes to; `all` for every other one. */
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Not a good frame, or one that broke a rule. */
  readonly odd: boolean;
}

export interface DiagramOptions {
  /** Frames shown at most: the first and the last ones. Default 240. */
  readonly frameCountMax?: number;
}

const ROW = 30;
const HEAD = 44;
const TIME_WIDTH = 74;
const COLUMN = 430;
const MARGIN = 330;

/**
 * The ladder of a run as inline SVG: one column for each node, time downwards, an arrow for each frame; frames that are odd are crossed; markers
 * stand in the margin beside the frame after which they were claimed.
 */
export function ladderDiagram(
  frames: readonly DiagramFrame[],
  markers: readonly MarkerReport[],
  { frameCountMax = 240 }: DiagramOptions = {},
): string {
  const columns = [...new Set(frames.flatMap(({ from, to }) => [from, to]))].filter((name) => name !== 'all').sort(byRole);
  if (columns.length === 0) return '<p>No frame was on the wire.</p>';
  if (columns.length === 1) columns.push('—');
  const half = frameCountMax >> 1;
  const left = frames.length - frameCountMax;
  const rows: Row[] = [];
  const due = [...markers].sort((a, b) => a.atMs - b.atMs);
  for (const [index, frame] of frames.entries()) {
    while (due[0] !== undefined && due[0].atMs < frame.atMs) rows.push({ type: 'marker', marker: due.shift() as MarkerReport });
    if (left > 0 && index === half) rows.push({ type: 'gap', count: left });
    if (left <= 0 || index < half || index >= half + left) rows.push({ type: 'frame', frame });
  }
  for (const marker of due) rows.push({ type: 'marker', marker });
  const x = (name: string): number => TIME_WIDTH + 40 + Math.max(0, columns.indexOf(name)) * COLUMN;
  const right = x(columns.at(-1) as string);
  const [width, height] = [right + MARGIN, HEAD + rows.length * ROW + 12];
  const parts = columns.map(
    (name) =>
      `<line class="life" x1="${x(name)}" y1="${HEAD - 10}" x2="${x(name)}" y2="${height - 4}"/><text class="node" x="${x(name)}" y="20" text-anchor="middle">${escapeHtml(name)}</text>`,
  );
  for (const [index, row] of rows.entries()) parts.push(drawRow(row, HEAD + index * ROW + 16, { x, right, columns }));
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Ladder of ${frames.length} frames between ${escapeHtml(columns.join(', '))}">${parts.join('')}</svg>`;
}

type Row =
  | { readonly type: 'frame'; readonly frame: DiagramFrame }
  | { readonly type: 'marker'; readonly marker: MarkerReport }
  | { readonly type: 'gap'; readonly count: number };

interface Canvas {
  readonly x: (name: string) => number;
  readonly right: number;
  readonly columns: readonly string[];
}

function drawRow(row: Row, y: number, { x, right, columns }: Canvas): string {
  switch (row.type) {
    case 'gap':
      return `<text class="gap" x="${TIME_WIDTH + 60}" y="${y}">… ${row.count} frames are not drawn …</text>`;
    case 'marker': {
      const { marker, atMs, evidence, frames } = row.marker;
      const how = evidence === 'proven' && frames.length > 0 ? `frames ${frames.slice(0, 8).join(', ')}` : evidence;
      return [
        `<line class="claim ${evidence}" x1="${TIME_WIDTH}" y1="${y}" x2="${right + 14}" y2="${y}"/>`,
        `<text class="time" x="${TIME_WIDTH - 8}" y="${y + 4}" text-anchor="end">${atMs.toFixed(1)}</text>`,
        `<text class="marker ${evidence}" x="${right + 20}" y="${y}">${MARKS[evidence]} ${escapeHtml(cut(marker, 46))}</text>`,
        `<text class="how" x="${right + 36}" y="${y + 12}">${escapeHtml(how)}</text>`,
      ].join('');
    }
    default: {
      const { number, atMs, from, to, label, odd } = row.frame;
      const start = x(from);
      const ends = to === 'all' ? columns.filter((name) => name !== from).map(x) : [x(to)];
      const farthest = ends.reduce((far, end) => (Math.abs(end - start) > Math.abs(far - start) ? end : far), start);
      const kind = odd ? 'odd' : 'frame';
      const arrows = ends.map((end) => `<path class="${kind}" d="M${start} ${y + 5}H${end} ${head(start, end, y + 5)}"/>`);
      const middle = (start + farthest) / 2;
      const cross = odd ? `<path class="cross" d="M${middle - 6} ${y - 1}l12 12m0-12l-12 12"/>` : '';
      const time = `<text class="time" x="${TIME_WIDTH - 8}" y="${y + 4}" text-anchor="end">${atMs.toFixed(1)}</text>`;
      return `<g id="frame-${number}"><title>frame ${number}: ${escapeHtml(cut(label, 160))}</title>${time}${arrows.join('')}${cross}<text class="label" x="${middle}" y="${y}" text-anchor="middle">${number} · ${escapeHtml(cut(label, 58))}</text></g>`;
    }
  }
}

function head(start: number, end: number, y: number): string {
  const back = end > start ? -8 : 8;
  return `M${end + back} ${y - 4}L${end} ${y}L${end + back} ${y + 4}`;
}

const MARKS: Readonly<Record<MarkerReport['evidence'], string>> = { proven: '✓', unbacked: '○', missing: '?', contradicted: '✗' };

/** The guests first, the gateway at the right. */
function byRole(a: string, b: string): number {
  return Number(a === 'gateway') - Number(b === 'gateway') || (a < b ? -1 : 1);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
