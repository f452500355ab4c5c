import { readU16 } from '@nexus-net/sansio';
import { IP_PROTOCOL, IPV4_HEADER_LENGTH } from '@nexus-net/wire';

/**
 * Where the segment ends in a frame whose packet, from `at` on, is of the kind that nearly all of TCP is: no options, whole, its header
 * checksum right. 0 for every other frame; the general path judges those. What it saves is the objects of that path.
 */
export function plainTcpEnd(frame: Uint8Array, at: number): number {
  if (frame.length < at + IPV4_HEADER_LENGTH) return 0;
  if (frame[at] !== VERSION_AND_LENGTH || frame[at + 9] !== IP_PROTOCOL.tcp) return 0;
  const total = readU16(frame, at + 2);
  const fragment = readU16(frame, at + 6);
  if (total < IPV4_HEADER_LENGTH || total > frame.length - at || (fragment & MORE_OR_OFFSET) !== 0) return 0;
  let sum = 0;
  for (let i = at; i < at + IPV4_HEADER_LENGTH; i += 2) sum += ((frame[i] as number) << 8) | (frame[i + 1] as number);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff ? at + total : 0;
}

/** Version 4, five words of header. */
const VERSION_AND_LENGTH = 0x45;
/** MF and the fragment offset. */
const MORE_OR_OFFSET = 0x3fff;
