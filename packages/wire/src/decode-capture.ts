import { err, type Result, readU32 } from '@nexus-net/sansio';
import type { Capture, CaptureDecodeOptions, CaptureError } from './capture.js';
import { decodePcap, isPcapMagic } from './pcap.js';
import { decodePcapng, isPcapngMagic } from './pcapng.js';

/**
 * Reads a whole capture file, pcap or pcapng, in either byte order. Total: throws for no input; linear in the file's
 * length; packets are views into `bytes`. An error means that not even the file's header could be read; where it ends
 * early, `end` says so.
 */
export function decodeCapture(
  bytes: Uint8Array,
  options: CaptureDecodeOptions = {},
): Result<Capture, CaptureError | 'unknown-format'> {
  const magic = readU32(bytes, 0);
  if (isPcapngMagic(magic)) return decodePcapng(bytes, options);
  return isPcapMagic(magic) ? decodePcap(bytes, options) : err('unknown-format');
}
