import { concatBytes, err, ok, type Result } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../../utf8.js';
import { isMuxV2Priority, isMuxV2StreamId, isMuxV2StreamName, type MuxV2Event } from './event.js';
import { readU16Le, readU32Le, writeU16Le, writeU32Le } from './little-endian.js';

/** Why a batch is none. Upstream has one unit error for all of them. */
export type MuxBatchReject =
  | 'mux-batch-truncated'
  | 'mux-batch-bad-magic'
  | 'mux-batch-unsupported-version'
  | 'mux-batch-too-many-events'
  | 'mux-batch-bad-stream-id'
  | 'mux-batch-bad-priority'
  | 'mux-batch-unknown-kind'
  | 'mux-batch-bad-name'
  | 'mux-batch-trailing-octets'
  | 'mux-batch-oversized';

/**
 * The batch `MX` v1, little-endian: what of the mux v2 has octets between two OS nodes (dsoftbus-wire 3.3).
 *
 *     0 magic "MX"   2 version 1   3 count (0..=8)   4 events: kind u8, stream id u32, priority u8, body
 *     1 OPEN name length u8, name     2 OPEN_ACK nothing     3 DATA length u16
 */
export function decodeMuxBatch(bytes: Uint8Array): Result<readonly MuxV2Event[], MuxBatchReject> {
  if (bytes.length < HEADER_OCTETS) return err('mux-batch-truncated');
  if (bytes[0] !== MAGIC_0 || bytes[1] !== MAGIC_1) return err('mux-batch-bad-magic');
  if (bytes[2] !== VERSION) return err('mux-batch-unsupported-version');
  const count = bytes[3] as number;
  if (count > MUX_BATCH.eventCountMax) return err('mux-batch-too-many-events');
  const events: MuxV2Event[] = [];
  let at = HEADER_OCTETS;
  for (let i = 0; i < count; i++) {
    if (bytes.length - at < EVENT_OCTETS) return err('mux-batch-truncated');
    const kind = bytes[at] as number;
    const streamId = readU32Le(bytes, at + 1);
    const priority = bytes[at + 5] as number;
    at += EVENT_OCTETS;
    if (!isMuxV2StreamId(streamId)) return err('mux-batch-bad-stream-id');
    if (!isMuxV2Priority(priority)) return err('mux-batch-bad-priority');
    switch (kind) {
      case KIND.open: {
        if (at >= bytes.length) return err('mux-batch-truncated');
        const length = bytes[at++] as number;
        if (bytes.length - at < length) return err('mux-batch-truncated');
        const name = decodeUtf8(bytes.subarray(at, at + length));
        at += length;
        if (name === undefined || !isMuxV2StreamName(name)) return err('mux-batch-bad-name');
        events.push({ type: 'open', streamId, priority, name });
        break;
      }
      case KIND.openAck:
        events.push({ type: 'open-ack', streamId, priority });
        break;
      case KIND.data:
        if (bytes.length - at < 2) return err('mux-batch-truncated');
        events.push({ type: 'data', streamId, priority, length: readU16Le(bytes, at) });
        at += 2;
        break;
      default:
        return err('mux-batch-unknown-kind');
    }
  }
  return at === bytes.length ? ok(events) : err('mux-batch-trailing-octets');
}

/** Refuses more than 8 events, lengths above 65535, other kinds, and more than 256 octets in all. */
export function encodeMuxBatch(events: readonly MuxV2Event[]): Result<Uint8Array, MuxBatchReject> {
  if (events.length > MUX_BATCH.eventCountMax) return err('mux-batch-too-many-events');
  const parts: Uint8Array[] = [Uint8Array.of(MAGIC_0, MAGIC_1, VERSION, events.length)];
  for (const event of events) {
    if (!isMuxV2StreamId(event.streamId)) return err('mux-batch-bad-stream-id');
    if (!isMuxV2Priority(event.priority)) return err('mux-batch-bad-priority');
    if (event.type === 'open') {
      if (!isMuxV2StreamName(event.name)) return err('mux-batch-bad-name');
      const name = encodeUtf8(event.name);
      parts.push(head(KIND.open, event), Uint8Array.of(name.length), name);
    } else if (event.type === 'open-ack') parts.push(head(KIND.openAck, event));
    else if (event.type === 'data') {
      if (event.length > 0xffff) return err('mux-batch-oversized');
      const body = new Uint8Array(2);
      writeU16Le(body, 0, event.length);
      parts.push(head(KIND.data, event), body);
    } else return err('mux-batch-unknown-kind');
  }
  const bytes = concatBytes(parts);
  return bytes.length > MUX_BATCH.octetsMax ? err('mux-batch-oversized') : ok(bytes);
}

function head(kind: number, { streamId, priority }: MuxV2Event): Uint8Array {
  const bytes = new Uint8Array(EVENT_OCTETS);
  bytes[0] = kind;
  writeU32Le(bytes, 1, streamId);
  bytes[5] = priority;
  return bytes;
}

export const MUX_BATCH = { eventCountMax: 8, octetsMax: 256 } as const;

const KIND = { open: 1, openAck: 2, data: 3 } as const;
const MAGIC_0 = 0x4d;
const MAGIC_1 = 0x58;
const VERSION = 1;
const HEADER_OCTETS = 4;
const EVENT_OCTETS = 6;
