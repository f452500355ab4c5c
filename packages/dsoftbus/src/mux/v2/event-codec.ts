import { concatBytes, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../../utf8.js';
import { isMuxV2Priority, isMuxV2StreamId, isMuxV2StreamName, type MuxV2Event, type MuxV2Frame } from './event.js';
import { readU16Le, readU32Le, writeU16Le, writeU32Le } from './little-endian.js';

export type MuxEventsReject =
  | 'mux-events-truncated'
  | 'mux-events-unknown-tag'
  | 'mux-events-bad-stream-id'
  | 'mux-events-bad-priority'
  | 'mux-events-bad-name'
  | 'mux-events-trailing-octets';

/**
 * The only encoding of upstream that has all eight kinds of event. It lives in one of its tests over QUIC and is no contract of the wire.
 * Little-endian: count u32, then for each event tag u8, stream id u32, priority u8, body.
 */
export function decodeMuxEvents(bytes: Uint8Array): Result<readonly MuxV2Event[], MuxEventsReject> {
  if (bytes.length < 4) return err('mux-events-truncated');
  const count = readU32Le(bytes, 0);
  const events: MuxV2Event[] = [];
  let at = 4;
  for (let i = 0; i < count; i++) {
    // Upstream asks field by field: a tag that is there and unknown is told before a cut.
    if (at >= bytes.length) return err('mux-events-truncated');
    const tag = bytes[at] as number;
    if (bytes.length - at < HEAD_OCTETS) return err('mux-events-truncated');
    const streamId = readU32Le(bytes, at + 1);
    const priority = bytes[at + 5] as number;
    at += HEAD_OCTETS;
    if (!isMuxV2StreamId(streamId)) return err('mux-events-bad-stream-id');
    if (!isMuxV2Priority(priority)) return err('mux-events-bad-priority');
    const read = readBody(tag, bytes.subarray(at));
    if (!read.ok) return read;
    at += read.value.octets;
    events.push({ ...read.value.frame, streamId, priority });
  }
  return at === bytes.length ? ok(events) : err('mux-events-trailing-octets');
}

function readBody(
  tag: number,
  bytes: Uint8Array,
): Result<{ readonly frame: MuxV2Frame; readonly octets: number }, MuxEventsReject> {
  switch (tag) {
    case TAG.open: {
      if (bytes.length < 2) return err('mux-events-truncated');
      const end = 2 + readU16Le(bytes, 0);
      if (bytes.length < end) return err('mux-events-truncated');
      const name = decodeUtf8(bytes.subarray(2, end));
      if (name === undefined || !isMuxV2StreamName(name)) return err('mux-events-bad-name');
      return ok({ frame: { type: 'open', name }, octets: end });
    }
    case TAG.data:
      if (bytes.length < 4) return err('mux-events-truncated');
      return ok({ frame: { type: 'data', length: readU32Le(bytes, 0) }, octets: 4 });
    case TAG['window-update']: {
      if (bytes.length < 8) return err('mux-events-truncated');
      const delta = BigInt.asIntN(64, (BigInt(readU32Le(bytes, 4)) << 32n) | BigInt(readU32Le(bytes, 0)));
      return ok({ frame: { type: 'window-update', delta }, octets: 8 });
    }
    case TAG['open-ack']:
      return ok({ frame: { type: 'open-ack' }, octets: 0 });
    case TAG.rst:
      return ok({ frame: { type: 'rst' }, octets: 0 });
    case TAG.close:
      return ok({ frame: { type: 'close' }, octets: 0 });
    case TAG.ping:
      return ok({ frame: { type: 'ping' }, octets: 0 });
    case TAG.pong:
      return ok({ frame: { type: 'pong' }, octets: 0 });
    default:
      return err('mux-events-unknown-tag');
  }
}

/** Throws `UsageError` for an id, a priority or a name out of its range. */
export function encodeMuxEvents(events: readonly MuxV2Event[]): Uint8Array {
  const count = new Uint8Array(4);
  writeU32Le(count, 0, events.length);
  return concatBytes([count, ...events.flatMap((event) => [headOf(event), bodyOf(event)])]);
}

function headOf({ type, streamId, priority }: MuxV2Event): Uint8Array {
  requireArgument(isMuxV2StreamId(streamId) && isMuxV2Priority(priority), 'streamId is 1..2^32-1, priority 0..=7');
  const head = new Uint8Array(HEAD_OCTETS);
  head[0] = TAG[type];
  writeU32Le(head, 1, streamId);
  head[5] = priority;
  return head;
}

function bodyOf(event: MuxV2Event): Uint8Array {
  if (event.type === 'open') {
    requireArgument(isMuxV2StreamName(event.name), 'a name has 1..=64 octets');
    const name = encodeUtf8(event.name);
    const length = new Uint8Array(2);
    writeU16Le(length, 0, name.length);
    return concatBytes([length, name]);
  }
  if (event.type === 'data') {
    const body = new Uint8Array(4);
    writeU32Le(body, 0, event.length);
    return body;
  }
  if (event.type === 'window-update') {
    const body = new Uint8Array(8);
    writeU32Le(body, 0, Number(BigInt.asUintN(32, event.delta)));
    writeU32Le(body, 4, Number(BigInt.asUintN(32, event.delta >> 32n)));
    return body;
  }
  return new Uint8Array(0);
}

const TAG = {
  open: 1,
  'open-ack': 2,
  data: 3,
  'window-update': 4,
  rst: 5,
  close: 6,
  ping: 7,
  pong: 8,
} as const;
const HEAD_OCTETS = 6;
