import { concatBytes, err, ok, type Result, readU32, requireArgument } from '@nexus-net/sansio';
import type { DhcpOption } from '../option-list.js';
import { requireWhole, u32Octets } from './numbers.js';
import type { OptionError, Shape } from './shape.js';

/** RFC 3046 §2.0: code, length, value; no PAD, no END. In their order, repeated ones as they came. */
export const subOptions: Shape<readonly DhcpOption[]> = {
  layout: 'sub-options: code, length, value; no PAD or END',
  decode: decodeSubOptions,
  encode: encodeSubOptions,
};

/** RFC 2132 §8.4: the same with PAD between and END as the last. What the vendor sends otherwise has only its octets. */
export const encapsulated: Shape<readonly DhcpOption[]> = {
  layout: 'vendor options: code, length, value; PAD is skipped, END ends',
  decode(octets) {
    const list: DhcpOption[] = [];
    let at = 0;
    while (at < octets.length && octets[at] !== 255) {
      if (octets[at] === 0) {
        at++;
        continue;
      }
      if (at + 2 > octets.length) return err('bad-length');
      const next = at + 2 + octets[at + 1]!;
      if (next > octets.length) return err('bad-length');
      list.push({ code: octets[at]!, value: octets.subarray(at + 2, next) });
      at = next;
    }
    return list.length === 0 ? err('empty') : ok(list);
  },
  encode(list) {
    requireArgument(
      list.every(({ code }) => code !== 0 && code !== 255),
      'codes 0 and 255 are PAD and END',
    );
    return encodeSubOptions(list);
  },
};

/** Data of one vendor in options 124 and 125. */
export interface EnterpriseData {
  /** IANA enterprise number, 32 bit. */
  readonly enterprise: number;
  /** For 124 see `decodeCounted`, for 125 `decodeSubOptions`. */
  readonly data: Uint8Array;
}

/** RFC 3925 §3, §4: an enterprise that comes again continues its data; the sender splits at 255 octets. */
export const enterpriseData: Shape<readonly EnterpriseData[]> = {
  layout: 'each: 4 octets enterprise number, length, data; the same enterprise again continues',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const parts = new Map<number, Uint8Array[]>();
    let at = 0;
    while (at < octets.length) {
      if (at + 5 > octets.length) return err('bad-length');
      const next = at + 5 + octets[at + 4]!;
      if (next > octets.length) return err('bad-length');
      const enterprise = readU32(octets, at);
      const data = octets.subarray(at + 5, next);
      const list = parts.get(enterprise);
      if (list === undefined) parts.set(enterprise, [data]);
      else list.push(data);
      at = next;
    }
    return ok(
      Array.from(parts, ([enterprise, list]) => ({ enterprise, data: list.length === 1 ? list[0]! : concatBytes(list) })),
    );
  },
  encode(vendors) {
    requireArgument(vendors.length > 0, 'the list is not empty');
    requireArgument(new Set(vendors.map(({ enterprise }) => enterprise)).size === vendors.length, 'each enterprise stands once');
    return concatBytes(
      vendors.flatMap(({ enterprise, data }) => {
        requireWhole(enterprise, 0, 0xffffffff);
        return chunks(data).flatMap((chunk) => [u32Octets(enterprise), Uint8Array.of(chunk.length), chunk]);
      }),
    );
  },
};

/** RFC 3004 §4 asks for counted classes; much firmware (iPXE, the DHCP of Windows) sends bare text, which is kept as it is. */
export type UserClass =
  | { readonly form: 'classes'; readonly classes: readonly Uint8Array[] }
  | { readonly form: 'raw'; readonly data: Uint8Array };

export const userClass: Shape<UserClass> = {
  layout: 'each class: length (not 0), octets; what does not count up is one raw value',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const classes = decodeCounted(octets);
    const counted = classes.ok && classes.value.every((one) => one.length > 0);
    return ok(counted ? { form: 'classes', classes: classes.value } : { form: 'raw', data: octets });
  },
  encode(value) {
    if (value.form === 'raw') {
      requireArgument(value.data.length > 0, 'there is at least one octet');
      return value.data;
    }
    requireArgument(value.classes.length > 0 && value.classes.every((one) => one.length > 0), 'at least one class, none empty');
    return encodeCounted(value.classes);
  },
};

/** Code, length, value up to the end; RFC 3046 §2.0, RFC 3925 §4. */
export function decodeSubOptions(octets: Uint8Array): Result<readonly DhcpOption[], OptionError> {
  if (octets.length === 0) return err('empty');
  const list: DhcpOption[] = [];
  let at = 0;
  while (at < octets.length) {
    if (at + 2 > octets.length) return err('bad-length');
    const next = at + 2 + octets[at + 1]!;
    if (next > octets.length) return err('bad-length');
    list.push({ code: octets[at]!, value: octets.subarray(at + 2, next) });
    at = next;
  }
  return ok(list);
}

/** Throws `UsageError` where a sub-option has more than 255 octets: nothing joins them again. */
export function encodeSubOptions(list: readonly DhcpOption[]): Uint8Array {
  requireArgument(list.length > 0, 'the list is not empty');
  return concatBytes(
    list.flatMap(({ code, value }) => {
      requireWhole(code, 0, 0xff);
      requireArgument(value.length <= 255, 'a sub-option has at most 255 octets');
      return [Uint8Array.of(code, value.length), value];
    }),
  );
}

/** Length, octets, up to the end; RFC 3004 §4, RFC 3925 §3. */
export function decodeCounted(octets: Uint8Array): Result<readonly Uint8Array[], OptionError> {
  const items: Uint8Array[] = [];
  let at = 0;
  while (at < octets.length) {
    const next = at + 1 + octets[at]!;
    if (next > octets.length) return err('bad-length');
    items.push(octets.subarray(at + 1, next));
    at = next;
  }
  return ok(items);
}

export function encodeCounted(items: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    items.flatMap((item) => {
      requireArgument(item.length <= 255, 'an item has at most 255 octets');
      return [Uint8Array.of(item.length), item];
    }),
  );
}

/** Pieces of at most 255 octets; one empty piece for none, never an empty one behind a full one. */
function chunks(data: Uint8Array): Uint8Array[] {
  const list = [data.subarray(0, 255)];
  for (let at = 255; at < data.length; at += 255) list.push(data.subarray(at, at + 255));
  return list;
}
