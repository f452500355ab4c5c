import { err, ok, type Result, readU16, requireArgument } from '@nexus-net/sansio';
import type { OptionError, Shape } from './shape.js';

/** At most this many names in one option; more are refused, so that a bomb of pointers stays small. */
export const DOMAIN_NAMES_MAX = 256;

/**
 * RFC 3397: a search list, where a name may end in a pointer to an earlier place of the same option. Names read without the
 * dot at the end; octets that are not graphic ASCII, and dots in labels, as `\DDD` (RFC 1035 §5.1).
 */
export const searchList: Shape<readonly string[]> = {
  layout: 'domain names of RFC 1035 §3.1, with compression inside the option',
  decode: (octets) => decodeNames(octets, 'compressed'),
  encode: (names) => encodeNames(names, 'compressed'),
};

/** The same where the RFC allows no compression. */
export const domainNames: Shape<readonly string[]> = {
  layout: 'domain names of RFC 1035 §3.1, no compression',
  decode: (octets) => decodeNames(octets, 'plain'),
  encode: (names) => encodeNames(names, 'plain'),
};

/** One name without compression. */
export const domainName: Shape<string> = {
  layout: 'one domain name of RFC 1035 §3.1, no compression',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const name = readName(octets, 0, 'plain');
    if (name === undefined || name.labels === '') return err('bad-name');
    return name.end === octets.length ? ok(name.labels) : err('bad-length');
  },
  encode: (name) => encodeNames([name], 'plain'),
};

export type Compression = 'compressed' | 'plain';

/** One name or more up to the end of the octets. Linear: the count of names, the pointers and the length of each are bounded. */
export function decodeNames(octets: Uint8Array, compression: Compression): Result<readonly string[], OptionError> {
  if (octets.length === 0) return err('empty');
  const names: string[] = [];
  let at = 0;
  while (at < octets.length) {
    const name = readName(octets, at, compression);
    if (name === undefined || name.labels === '') return err('bad-name');
    if (names.length === DOMAIN_NAMES_MAX) return err('bad-length');
    names.push(name.labels);
    at = name.end;
  }
  return ok(names);
}

/**
 * The name at `start` and the offset behind it, or `undefined` where it breaks a rule. A pointer must go to an octet before
 * the one where the part that holds it began (RFC 1035 §4.1.4: a *prior* occurrence), so no loop can be written.
 */
export function readName(
  octets: Uint8Array,
  start: number,
  compression: Compression,
): { readonly labels: string; readonly end: number } | undefined {
  let labels = '';
  let wireLength = 1; // the root
  let at = start;
  let partStart = start;
  let end = 0;
  for (let jumps = 0; ; ) {
    if (at >= octets.length) return undefined;
    const length = octets[at]!;
    if (length === 0) return { labels, end: end || at + 1 };
    if (length >= 0xc0) {
      if (compression === 'plain' || at + 1 >= octets.length || ++jumps > JUMPS_MAX) return undefined;
      const target = readU16(octets, at) & 0x3fff;
      if (target >= partStart) return undefined;
      end ||= at + 2;
      at = partStart = target;
      continue;
    }
    wireLength += length + 1;
    if (length > 63 || wireLength > 255 || at + length >= octets.length) return undefined;
    labels += (labels === '' ? '' : '.') + escapeLabel(octets, at + 1, at + 1 + length);
    at += length + 1;
  }
}

/** Throws `UsageError` for what is not a name. */
export function encodeNames(names: readonly string[], compression: Compression): Uint8Array {
  requireArgument(names.length > 0 && names.length <= DOMAIN_NAMES_MAX, `1..${DOMAIN_NAMES_MAX} names`);
  const octets: number[] = [];
  const places = new Map<string, number>();
  for (const name of names) {
    const labels = parseName(name);
    requireArgument(labels.length > 0, 'the root is not a name for a list');
    let i = 0;
    for (; i < labels.length; i++) {
      const suffix = labels.slice(i).join('.'); // octets with commas between, labels with dots: unambiguous
      const place = compression === 'compressed' ? places.get(suffix) : undefined;
      if (place !== undefined) {
        octets.push(0xc0 | (place >>> 8), place & 0xff);
        break;
      }
      if (octets.length < 0x4000) places.set(suffix, octets.length);
      const label = labels[i]!;
      octets.push(label.length, ...label);
    }
    if (i === labels.length) octets.push(0);
  }
  return Uint8Array.from(octets);
}

/** Labels of `www.lab\.1.example`; the empty name has none. Throws `UsageError` for what is not a name. */
export function parseName(name: string): readonly (readonly number[])[] {
  if (name === '') return [];
  const labels: number[][] = [[]];
  for (let i = 0; i < name.length; i++) {
    const character = name[i]!;
    if (character === '.') {
      labels.push([]);
      continue;
    }
    let octet = character.charCodeAt(0);
    if (character === '\\') {
      const digits = /^(?:(\d{3})|(\D))/.exec(name.slice(i + 1, i + 4));
      requireArgument(digits !== null, `a backslash at the end of ${JSON.stringify(name)}`);
      octet = digits[1] === undefined ? digits[2]!.charCodeAt(0) : Number(digits[1]);
      i += digits[0].length;
    }
    requireArgument(octet <= 0xff, `${JSON.stringify(name)} needs its A-label form (RFC 5890)`);
    labels[labels.length - 1]!.push(octet);
  }
  requireArgument(
    labels.every((label) => label.length > 0 && label.length <= 63) &&
      labels.reduce((sum, label) => sum + label.length + 1, 1) <= 255,
    `labels of 1..63 octets, 255 in all: ${JSON.stringify(name)}`,
  );
  return labels;
}

export function escapeLabel(octets: Uint8Array, from: number, to: number): string {
  let label = '';
  for (let i = from; i < to; i++) {
    const octet = octets[i]!;
    const plain = octet > 0x20 && octet < 0x7f && octet !== DOT && octet !== BACKSLASH;
    label += plain ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`;
  }
  return label;
}

const DOT = 0x2e;
const BACKSLASH = 0x5c;
/** A name of 255 octets has at most 127 labels, and a pointer that adds none is of no use to an honest encoder. */
const JUMPS_MAX = 127;
