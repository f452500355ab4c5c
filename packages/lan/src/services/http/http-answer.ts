import type { FileSource } from '../files.js';
import { cleanPath } from '../files.js';
import type { HttpReject, HttpRequest } from './http-request.js';

/** The statuses that the server gives, with their phrases (RFC 9110 §15). */
export const HTTP_STATUS: Readonly<Record<number, string>> = {
  200: 'OK',
  206: 'Partial Content',
  304: 'Not Modified',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  412: 'Precondition Failed',
  414: 'URI Too Long',
  416: 'Range Not Satisfiable',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  505: 'HTTP Version Not Supported',
};

export interface HttpAnswer {
  readonly status: number;
  readonly head: Uint8Array;
  /** A view of the file; empty for HEAD. */
  readonly body: Uint8Array;
  /** Of the file; `undefined` where the target has none. */
  readonly path?: string;
}

/** What a request gets: GET and HEAD of files, one range of them, or nothing new (RFC 9110). */
export function answerHttp(
  request: HttpRequest,
  { files, index }: { readonly files: FileSource; readonly index: string },
): HttpAnswer {
  const { method, target, fields } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    // RFC 9110 §9.1: a method that is known and not allowed is told apart from one that is not known.
    return KNOWN_METHODS.has(method) ? plainAnswer(405, { method, extra: ['Allow: GET, HEAD'] }) : plainAnswer(501, { method });
  }
  const path = pathOf(target);
  if (path === undefined) return plainAnswer(400, { method });
  const found = path.endsWith('/') ? `${path}${index}` : path;
  const octets = files.read(found);
  if (octets === undefined) return plainAnswer(404, { method });
  const tag = entityTag(octets);
  const whole = [`ETag: ${tag}`, 'Accept-Ranges: bytes'];
  const ifMatch = fields.get('if-match');
  if (ifMatch !== undefined && !matches(ifMatch, tag)) return plainAnswer(412, { method, extra: whole });
  const ifNoneMatch = fields.get('if-none-match');
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, tag))
    return { status: 304, head: headOf(304, whole), body: NOTHING, path: found };
  const type = `Content-Type: ${contentType(found)}`;
  const ifRange = fields.get('if-range');
  const range = ifRange === undefined || ifRange === tag ? rangeOf(fields.get('range'), octets.length) : 'whole';
  if (range === 'unsatisfiable') return plainAnswer(416, { method, extra: [`Content-Range: bytes */${octets.length}`] });
  const { first, last } = range === 'whole' ? { first: 0, last: octets.length - 1 } : range;
  const body = octets.subarray(first, last + 1);
  const status = range === 'whole' ? 200 : 206;
  const partial = range === 'whole' ? [] : [`Content-Range: bytes ${first}-${last}/${octets.length}`];
  const head = headOf(status, [`Content-Length: ${body.length}`, type, ...whole, ...partial]);
  return { status, head, body: method === 'HEAD' ? NOTHING : body, path: found };
}

/** The answer to what was no request. */
export function rejectHttp(label: HttpReject): HttpAnswer {
  return plainAnswer(REJECT_STATUS[label], { method: 'GET' });
}

function plainAnswer(
  status: number,
  { method, extra = [] }: { readonly method: string; readonly extra?: readonly string[] },
): HttpAnswer {
  const body = encode(`${status} ${HTTP_STATUS[status]}\n`);
  const head = headOf(status, [`Content-Length: ${body.length}`, 'Content-Type: text/plain', ...extra]);
  return { status, head, body: method === 'HEAD' ? NOTHING : body };
}

/** There is no Date: RFC 9110 §6.6.1 wants none from a server without a clock of the day. */
function headOf(status: number, fields: readonly string[]): Uint8Array {
  const lines = [`HTTP/1.0 ${status} ${HTTP_STATUS[status]}`, 'Server: nexus-net', ...fields, 'Connection: close', '', ''];
  return encode(lines.join('\r\n'));
}

/** The clean path of a target, with its final slash; `undefined` where it is none. */
function pathOf(target: string): string | undefined {
  const absolute = /^http:\/\/[^/]+(\/.*)?$/i.exec(target);
  const path = absolute === null ? target : (absolute[1] ?? '/');
  if (!path.startsWith('/')) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined; // a percent sign that is none, or octets that are no UTF-8
  }
  const clean = cleanPath(decoded);
  return clean !== undefined && clean !== '/' && decoded.endsWith('/') ? `${clean}/` : clean;
}

type HttpRange = 'whole' | 'unsatisfiable' | { readonly first: number; readonly last: number };

/** One range (RFC 9110 §14.1.2); several, or another unit, give the whole file, as a server may. */
function rangeOf(field: string | undefined, length: number): HttpRange {
  const match = field === undefined ? null : /^bytes=(\d{0,15})-(\d{0,15})$/.exec(field.trim());
  const [, from = '', to = ''] = match ?? [];
  if (match === null || (from === '' && to === '')) return 'whole';
  if (from === '')
    return Number(to) === 0 || length === 0 ? 'unsatisfiable' : { first: Math.max(0, length - Number(to)), last: length - 1 };
  const first = Number(from);
  if (to !== '' && Number(to) < first) return 'whole'; // not a range at all: RFC 9110 §14.1.1
  return first >= length ? 'unsatisfiable' : { first, last: to === '' ? length - 1 : Math.min(Number(to), length - 1) };
}

function matches(field: string, tag: string): boolean {
  return field.trim() === '*' || field.split(',').some((one) => one.trim().replace(/^W\//, '') === tag);
}

/** Length and a 32-bit FNV-1a hash of the octets: changes with the file, and a restart changes nothing. */
function entityTag(octets: Uint8Array): string {
  const known = TAGS.get(octets);
  if (known !== undefined) return known;
  let hash = 0x811c9dc5;
  for (let i = 0; i < octets.length; i++) hash = Math.imul(hash ^ (octets[i] as number), 0x01000193);
  const tag = `"${octets.length.toString(16)}-${(hash >>> 0).toString(16)}"`;
  TAGS.set(octets, tag);
  return tag;
}

function contentType(path: string): string {
  return CONTENT_TYPES[/\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
}

function encode(text: string): Uint8Array {
  return TEXT.encode(text);
}

const TEXT = new TextEncoder();
const TAGS = new WeakMap<Uint8Array, string>();
const NOTHING = new Uint8Array(0);
const KNOWN_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);
const REJECT_STATUS: Readonly<Record<HttpReject, number>> = {
  'bad-request': 400,
  'target-too-long': 414,
  'head-too-large': 431,
  'bad-version': 505,
};
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  ipxe: 'text/plain; charset=utf-8',
  json: 'application/json',
};
