import { concatBytes } from '@nexus-net/sansio';

/** Frames of the bus mux written by hand from docs/dsoftbus-bus-v1.md section 5, not by the code under test. */
export interface RawFrame {
  readonly kind: number;
  readonly priority: number;
  readonly stream: number;
  readonly body: Uint8Array;
}

export const KIND = {
  open: 1,
  openAck: 2,
  data: 3,
  credit: 4,
  reset: 5,
  close: 6,
  ping: 7,
  pong: 8,
  goAway: 9,
} as const;

export function raw(kind: number, stream: number, priority: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  bytes[1] = priority;
  view.setUint32(2, stream);
  view.setUint16(6, body.length);
  bytes.set(body, 8);
  return bytes;
}

export const openFrame = (stream: number, name: string, priority = 0): Uint8Array =>
  raw(KIND.open, stream, priority, new TextEncoder().encode(name));
export const openAckFrame = (stream: number, priority = 0): Uint8Array => raw(KIND.openAck, stream, priority);
export const dataFrame = (stream: number, body: Uint8Array | number, priority = 0): Uint8Array =>
  raw(KIND.data, stream, priority, typeof body === 'number' ? new Uint8Array(body) : body);
export const creditFrame = (stream: number, delta: number, priority = 0): Uint8Array =>
  raw(KIND.credit, stream, priority, u32(delta));
export const resetFrame = (stream: number, code: number, priority = 0): Uint8Array =>
  raw(KIND.reset, stream, priority, Uint8Array.of(code));
export const closeFrame = (stream: number, priority = 0): Uint8Array => raw(KIND.close, stream, priority);
export const pingFrame = (first: number, second: number): Uint8Array =>
  raw(KIND.ping, 0, 0, concatBytes([u32(first), u32(second)]));
export const pongFrame = (nonce: Uint8Array): Uint8Array => raw(KIND.pong, 0, 0, nonce);
export const goAwayFrame = (lastId: number, code: number): Uint8Array =>
  raw(KIND.goAway, 0, 0, concatBytes([u32(lastId), Uint8Array.of(code)]));

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The frames of a record. Throws where it isn't whole frames. */
export function framesOf(record: Uint8Array): RawFrame[] {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const frames: RawFrame[] = [];
  for (let at = 0; at < record.length; ) {
    const length = view.getUint16(at + 6);
    if (at + 8 + length > record.length) throw new Error('a frame is cut');
    const body = record.subarray(at + 8, at + 8 + length);
    frames.push({ kind: record[at] as number, priority: record[at + 1] as number, stream: view.getUint32(at + 2), body });
    at += 8 + length;
  }
  return frames;
}

/** `DATA 1 p0 [3]`: a frame as a line. */
export function showFrame({ kind, stream, priority, body }: RawFrame): string {
  const name = Object.keys(KIND).find((key) => KIND[key as keyof typeof KIND] === kind) ?? `kind ${kind}`;
  const number = body.length >= 4 ? new DataView(body.buffer, body.byteOffset, body.length).getUint32(0) : body[0];
  switch (kind) {
    case KIND.open:
      return `open ${stream} p${priority} ${new TextDecoder().decode(body)}`;
    case KIND.data:
      return `data ${stream} [${body.length}]`;
    case KIND.credit:
      return `credit ${stream} +${number}`;
    case KIND.reset:
      return `reset ${stream} ${number}`;
    case KIND.goAway:
      return `goAway ${number} code ${body[4]}`;
    case KIND.ping:
    case KIND.pong:
      return name;
    default:
      return `${name} ${stream}`;
  }
}
