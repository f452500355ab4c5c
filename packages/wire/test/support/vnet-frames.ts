import { type MacAddress, macToBytes, parseMac } from '@nexus-net/sansio';
import type { VnetPacket } from '../../src/index.js';
import { join } from './capture-files.js';

export const GUEST: MacAddress = parseMac('52:54:00:12:34:56');
export const GATEWAY: MacAddress = parseMac('52:55:0a:00:02:02');

export function packet(bytes: Uint8Array): VnetPacket {
  return { bytes, originalLength: bytes.length };
}

export interface VnetFields {
  readonly flags?: number;
  readonly gsoType?: number;
  readonly checksumStart?: number;
  readonly checksumOffset?: number;
  readonly buffers?: number;
}

/** A virtio-net header, little-endian (VIRTIO 1.2 §5.1.6). */
export function header(
  length: 0 | 10 | 12,
  { flags = 0, gsoType = 0, checksumStart = 0, checksumOffset = 0, buffers = 0 }: VnetFields = {},
): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint8(0, flags);
  view.setUint8(1, gsoType);
  view.setUint16(6, checksumStart, true);
  view.setUint16(8, checksumOffset, true);
  view.setUint16(10, buffers, true);
  return new Uint8Array(view.buffer, 0, length);
}

/** An Ethernet frame whose payload says nothing. */
export function frame(etherType: number, payload: Uint8Array = new Uint8Array(46).fill(0xa7)): Uint8Array {
  return join(macToBytes(GATEWAY), macToBytes(GUEST), Uint8Array.of(etherType >>> 8, etherType), payload);
}

/** A request, padded to the shortest frame. */
export function arpFrame(): Uint8Array {
  const addresses = join(macToBytes(GUEST), Uint8Array.of(10, 0, 2, 15), new Uint8Array(6), Uint8Array.of(10, 0, 2, 2));
  return frame(0x0806, join(Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1), addresses, new Uint8Array(18)));
}

/** IPv6 with no next header. */
export function ipv6Frame(): Uint8Array {
  return frame(0x86dd, join(Uint8Array.of(0x60, 0, 0, 0, 0, 0, 59, 255), new Uint8Array(32).fill(0xfe)));
}

/** `inner` with tags between its addresses and its EtherType. */
export function vlanFrame(inner: Uint8Array, tags: number): Uint8Array {
  const tag = Uint8Array.of(0x81, 0, 0, 7);
  return join(inner.subarray(0, 12), ...new Array<Uint8Array>(tags).fill(tag), inner.subarray(12));
}
