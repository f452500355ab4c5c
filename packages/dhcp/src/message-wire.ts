import { concatBytes, ok, type Result, requireArgument, unreachable } from '@nexus-net/sansio';
import { type DecodedDhcpMessage, type DhcpDecodeError, type DhcpDecodeOptions, decodeDhcpMessage } from './message-decode.js';
import { writeFixed, writeOption } from './message-encode.js';
import {
  type DhcpMessage,
  FILE_LENGTH,
  HEADER_LENGTH,
  MESSAGE_LENGTH_MAX,
  OFFSET,
  OPTION_END,
  OPTION_OVERLOAD,
  OPTION_PAD,
  SNAME_LENGTH,
} from './message-fields.js';

/** One thing in an area of options, in the order of the octets. */
export type DhcpWireItem =
  /** One fragment as it stands, at most 255 octets; 52 is one as well. */
  | { readonly type: 'option'; readonly code: number; readonly value: Uint8Array }
  /** So many octets 0. */
  | { readonly type: 'pad'; readonly length: number }
  | { readonly type: 'end' }
  /** What nobody reads: all behind END, or an option that runs past the end of its area. */
  | { readonly type: 'unread'; readonly octets: Uint8Array };

/**
 * A message as its octets lie, for a relay that passes on what it doesn't understand, and for tools that show it. Law:
 * `encodeDhcpWire(decodeDhcpWire(b))` is `b`, octet for octet.
 */
export interface DhcpWireForm extends Omit<DhcpMessage, 'options'> {
  readonly options: readonly DhcpWireItem[];
  /** The items in `file`, where option 52 lends it; they stand for the field then, which keeps its octets besides. */
  readonly fileOptions: readonly DhcpWireItem[] | undefined;
  /** The same for `sname`. */
  readonly snameOptions: readonly DhcpWireItem[] | undefined;
}

export interface DecodedDhcpWire {
  readonly form: DhcpWireForm;
  /** What the octets mean. */
  readonly message: DecodedDhcpMessage;
}

/** Reads one UDP payload into its form and its meaning. Total; refuses what `decodeDhcpMessage` refuses. */
export function decodeDhcpWire(datagram: Uint8Array, options?: DhcpDecodeOptions): Result<DecodedDhcpWire, DhcpDecodeError> {
  const bytes = options?.borrow === true ? datagram : new Uint8Array(datagram);
  const decoded = decodeDhcpMessage(bytes, { ...options, borrow: true });
  if (!decoded.ok) return decoded;
  const { options: _, anomalies: __, ...fixed } = decoded.value;
  const items = itemsOf(bytes.subarray(HEADER_LENGTH));
  const lent = overloadOf(items);
  const file = bytes.subarray(OFFSET.file, OFFSET.file + FILE_LENGTH);
  const sname = bytes.subarray(OFFSET.sname, OFFSET.sname + SNAME_LENGTH);
  const form: DhcpWireForm = {
    ...fixed,
    file,
    sname,
    options: items,
    fileOptions: (lent & 1) === 0 ? undefined : itemsOf(file),
    snameOptions: (lent & 2) === 0 ? undefined : itemsOf(sname),
  };
  return ok({ form, message: decoded.value });
}

/** Writes exactly these items: no END, PAD or splitting of its own. Throws `UsageError` where an area is too small for them. */
export function encodeDhcpWire(form: DhcpWireForm): Uint8Array {
  const items = areaOf(form.options);
  requireArgument(HEADER_LENGTH + items.length <= MESSAGE_LENGTH_MAX, 'a message has at most 65507 octets');
  const bytes = new Uint8Array(HEADER_LENGTH + items.length);
  writeFixed(bytes, form);
  if (form.fileOptions !== undefined) writeField(bytes.subarray(OFFSET.file, OFFSET.file + FILE_LENGTH), form.fileOptions);
  if (form.snameOptions !== undefined) writeField(bytes.subarray(OFFSET.sname, OFFSET.sname + SNAME_LENGTH), form.snameOptions);
  bytes.set(items, HEADER_LENGTH);
  return bytes;
}

function writeField(field: Uint8Array, items: readonly DhcpWireItem[]): void {
  const octets = areaOf(items);
  requireArgument(octets.length <= field.length, `the field has ${field.length} octets`);
  field.fill(OPTION_PAD);
  field.set(octets);
}

function itemsOf(area: Uint8Array): readonly DhcpWireItem[] {
  const items: DhcpWireItem[] = [];
  let at = 0;
  while (at < area.length) {
    const code = area[at]!;
    if (code === OPTION_PAD) {
      const from = at;
      while (at < area.length && area[at] === OPTION_PAD) at++;
      items.push({ type: 'pad', length: at - from });
      continue;
    }
    if (code === OPTION_END) {
      items.push({ type: 'end' });
      at++;
      break;
    }
    if (at + 2 > area.length) break;
    const next = at + 2 + area[at + 1]!;
    if (next > area.length) break;
    items.push({ type: 'option', code, value: area.subarray(at + 2, next) });
    at = next;
  }
  if (at < area.length) items.push({ type: 'unread', octets: area.subarray(at) });
  return items;
}

/** Which fields are lent, as `decodeDhcpMessage` reads it: the first option 52 counts, if it is one octet. */
function overloadOf(items: readonly DhcpWireItem[]): number {
  for (const item of items) {
    if (item.type === 'option' && item.code === OPTION_OVERLOAD) return item.value.length === 1 ? item.value[0]! : 0;
  }
  return 0;
}

function areaOf(items: readonly DhcpWireItem[]): Uint8Array {
  return concatBytes(items.map(octetsOf));
}

function octetsOf(item: DhcpWireItem): Uint8Array {
  switch (item.type) {
    case 'pad':
      return new Uint8Array(item.length);
    case 'end':
      return Uint8Array.of(OPTION_END);
    case 'unread':
      return item.octets;
    case 'option': {
      requireArgument(item.value.length <= 255, 'a fragment has at most 255 octets');
      const octets = new Uint8Array(item.value.length + 2);
      writeOption(octets, 0, item);
      return octets;
    }
    default:
      return unreachable(item);
  }
}
