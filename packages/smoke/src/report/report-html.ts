import { CAUSES, type MarkerReport } from '@nexus-net/verdict';
import type { Inspection } from '../inspect.js';
import type { RunReport } from '../run.js';
import { escapeHtml } from './escape.js';
import { type DiagramFrame, ladderDiagram } from './ladder-diagram.js';
import { STYLE } from './style.js';

/** What a report is made of: the verdict, what was on the wire, and the files that hold it. */
export interface ReportSource {
  readonly report: RunReport;
  readonly frames: readonly DiagramFrame[];
  readonly inspection: Pick<Inspection, 'frames'>;
  /** Name, length and SHA-256 of each file of the run. */
  readonly files: readonly { readonly name: string; readonly octets: number; readonly sha256: string }[];
}

/**
 * `report.html`: one file without anything from outside, that opens from a disk. Whatever the guest or the wire said stands in it as text.
 * Under 300 KB: of long lists only so much is shown, and the rest counted.
 */
export function reportHtml(source: ReportSource): string {
  for (let part = 1, page = render(source, false); ; part *= 2, page = render(shortened(source, part), true)) {
    if (page.length <= OCTETS_MAX / 2 || new TextEncoder().encode(page).length <= OCTETS_MAX || part > 256) return page;
  }
}

/** A part of each list, and the beginning of each text. */
function shortened({ report, frames, inspection, files }: ReportSource, part: number): ReportSource {
  const few = <T>(list: readonly T[]): readonly T[] => list.slice(0, Math.ceil(ROWS_MAX / part));
  const brief = (text: string): string => text.slice(0, Math.ceil(240 / part));
  return {
    report: {
      ...report,
      markers: few(report.markers).map((each) => ({ ...each, marker: brief(each.marker), line: brief(each.line) })),
      violations: few(report.violations).map((each) => ({ ...each, rule: brief(each.rule), message: brief(each.message) })),
      troubles: few(report.troubles).map(brief),
      facts: few(report.facts),
      unclaimed: few(report.unclaimed),
    },
    frames: frames.slice(0, Math.ceil(240 / part)).map((each) => ({ ...each, label: brief(each.label) })),
    inspection: { frames: few(inspection.frames) },
    files,
  };
}

/** Octets. */
const OCTETS_MAX = 300_000 - 1;

function render({ report, frames, inspection, files }: ReportSource, isShortened: boolean): string {
  const { outcome, guest, profile, durationMs, startedAt } = report;
  const title = `${outcome}: ${guest} · ${profile}`;
  const sections: readonly (readonly [title: string, body: string])[] = [
    ['Claims', claims(report)],
    ['First divergence', divergence(report)],
    ['Phases', phases(report)],
    ['Ladder', `<div class="scroll">${ladderDiagram(frames, report.markers)}</div>`],
    ['DHCP', dhcp(inspection)],
    ['DSoftBus', facts(report, 'dsoftbus.')],
    ['Rules broken', violations(report)],
    ['Troubles', list(report.troubles)],
    ['What ran', machine(report)],
    ['Files', fileTable(files)],
  ];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>`,
    `<header class="${outcome}"><h1><span class="badge">${outcome}</span> ${escapeHtml(guest)} · ${escapeHtml(profile)}</h1>`,
    `<p>${escapeHtml(summary(report))}</p><p class="dim">${escapeHtml(startedAt)} · ${(durationMs / 1_000).toFixed(3)} s · ${report.frames} frames · schema ${escapeHtml(report.schema)}</p></header><main>`,
    ...sections.filter(([, body]) => body !== '').map(([name, body]) => `<section><h2>${name}</h2>${body}</section>`),
    isShortened ? '<p class="dim">Shortened to fit; verdict.json and wire.pcapng have all of it.</p>' : '',
    '</main></body></html>\n',
  ].join('\n');
}

function summary({ failure, markers }: RunReport): string {
  if (failure !== undefined) return `Phase ${failure.phase}: ${failure.cause}. ${failure.message}`;
  const proven = markers.filter(({ evidence }) => evidence === 'proven').length;
  return `${proven} of ${markers.length} claims are proven by frames; the others have nothing outside of the guest that could confirm them.`;
}

function claims({ markers, unclaimed }: RunReport): string {
  const rows = markers.slice(0, ROWS_MAX).map((marker) => {
    const { node, origin, line, lineNumber, atMs, evidence } = marker;
    const mapped = origin === 'mapped' ? ` <span class="dim">mapped from ‘${short(line)}’</span>` : '';
    return `<tr class="${evidence}"><td><code>${short(marker.marker)}</code>${mapped}</td><td>${proof(marker)}</td><td>${escapeHtml(node)}, line ${lineNumber}</td><td class="n">${atMs.toFixed(1)} ms</td></tr>`;
  });
  const open = unclaimed
    .slice(0, ROWS_MAX)
    .map(
      ({ marker, node }) =>
        `<tr class="missing"><td><code>${short(marker)}</code></td><td>never claimed</td><td>${escapeHtml(node)}</td><td></td></tr>`,
    );
  return table(['claim', 'evidence', 'console', 'at'], [...rows, ...open], markers.length + unclaimed.length);
}

function proof({ evidence, frames, backing }: MarkerReport): string {
  const links = frames.slice(0, 12).map((frame) => `<a href="#frame-${frame}">${frame}</a>`);
  const more = frames.length > 12 ? ` and ${frames.length - 12} more` : '';
  return `<b>${evidence}</b> <span class="dim">${backing}</span>${links.length === 0 ? '' : ` frames ${links.join(', ')}${more}`}`;
}

function divergence({ failure }: RunReport): string {
  if (failure === undefined) return '';
  const { phase, cause, node, marker, message, lastLine, lastFact } = failure;
  return pairs([
    ['phase', phase],
    ['cause', `${cause}: ${CAUSES[cause]}`],
    ['node', node],
    ['expected', marker],
    ['found', message],
    ['last line of the console', lastLine],
    ['last fact of the wire', lastFact],
  ]);
}

function phases({ phases: all, durationMs }: RunReport): string {
  const total = Math.max(durationMs, 1);
  const rows = all.map(({ name, outcome, startedMs, endedMs, markers }) => {
    const [from, to] = [startedMs ?? 0, endedMs ?? 0];
    const style = `margin-left:${((from / total) * 100).toFixed(2)}%;width:${Math.max(0.5, ((to - from) / total) * 100).toFixed(2)}%`;
    const bar = startedMs === undefined ? '' : `<div class="bar ${outcome}" style="${style}"></div>`;
    const time = startedMs === undefined ? '' : `${(to - from).toFixed(1)} ms`;
    return `<tr class="${outcome}"><td>${escapeHtml(name)}</td><td>${outcome}</td><td class="n">${time}</td><td class="wide">${bar}</td><td class="n">${markers.length}</td></tr>`;
  });
  return table(['phase', 'outcome', 'took', '', 'markers'], rows, rows.length);
}

function dhcp({ frames }: ReportSource['inspection']): string {
  const messages = frames.filter((frame) => frame.dhcp !== undefined);
  const shown = messages.slice(0, 40).map(({ number, atMs, dhcp: message }) => {
    if (message === undefined || 'error' in message)
      return `<p>frame ${number}: no DHCP message (${escapeHtml(message?.error ?? '')})</p>`;
    const fields = Object.entries(message.fields).filter(([, value]) => value !== '');
    const options = message.options.map(({ code, name, value }) => [
      `${code} ${name ?? ''}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    return `<details><summary><b>${escapeHtml((message.type ?? 'bootp').toUpperCase())}</b> frame ${number}, ${atMs.toFixed(1)} ms</summary>${pairs([...fields.map(([name, value]) => [name, String(value)]), ...options] as [string, string][])}</details>`;
  });
  if (messages.length > shown.length) shown.push(`<p class="dim">and ${messages.length - shown.length} more</p>`);
  return shown.join('');
}

function facts({ facts: all }: RunReport, prefix: string): string {
  const own = all.filter(({ kind }) => String(kind).startsWith(prefix));
  if (own.length === 0) return '';
  const rows = own.slice(0, ROWS_MAX).map(({ kind, at, frames, ...details }) => {
    const text = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`);
    return `<tr><td class="n">${Number(at).toFixed(1)} ms</td><td>${escapeHtml(String(kind))}</td><td>${short(text.join(' '))}</td><td>${escapeHtml(String(frames))}</td></tr>`;
  });
  return table(['at', 'fact', 'details', 'frames'], rows, own.length);
}

function violations({ violations: all, violationsNotListed }: RunReport): string {
  if (all.length === 0) return '';
  const rows = all
    .slice(0, ROWS_MAX)
    .map(
      ({ rule, reference, message, frames, fatal }) =>
        `<tr class="${fatal ? 'failed' : ''}"><td><code>${escapeHtml(rule)}</code></td><td>${escapeHtml(reference)}</td><td>${short(message)}</td><td>${frames.slice(0, 12).join(', ')}</td></tr>`,
    );
  return table(['rule', 'source', 'what', 'frames'], rows, all.length + violationsNotListed);
}

function machine({ argv, versions, environment, dhcpServer, wire }: RunReport): string {
  const command = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
  return `${command === '' ? '<p>Nothing was started.</p>' : `<pre>${short(command, 8_000)}</pre>`}${pairs([
    ...Object.entries(versions),
    ...Object.entries(environment),
    ['DHCP server', dhcpServer ? 'on' : 'off'],
    ['wire', wire],
  ])}`;
}

function fileTable(files: ReportSource['files']): string {
  const rows = files.map(
    ({ name, octets, sha256 }) =>
      `<tr><td><a href="${escapeHtml(encodeURIComponent(name))}">${escapeHtml(name)}</a></td><td class="n">${octets}</td><td><code>${escapeHtml(sha256)}</code></td></tr>`,
  );
  return rows.length === 0 ? '' : table(['file', 'octets', 'SHA-256'], rows, rows.length);
}

function list(lines: readonly string[]): string {
  return lines.length === 0
    ? ''
    : `<ul>${lines
        .slice(0, ROWS_MAX)
        .map((line) => `<li>${short(line)}</li>`)
        .join('')}</ul>`;
}

function pairs(rows: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined).slice(0, ROWS_MAX);
  return `<dl>${shown.map(([name, value]) => `<dt>${short(name)}</dt><dd>${short(value as string)}</dd>`).join('')}</dl>`;
}

function table(heads: readonly string[], rows: readonly string[], count: number): string {
  const more = count > rows.length ? `<p class="dim">and ${count - rows.length} more in verdict.json</p>` : '';
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${more}`;
}

/** Somebody else's text, no longer than this. */
function short(text: string, length = 240): string {
  return escapeHtml(text.length <= length ? text : `${text.slice(0, length)}…`);
}

const ROWS_MAX = 128;
