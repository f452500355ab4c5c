import { open } from 'node:fs/promises';
import { concatBytes, type Millis } from '@nexus-net/sansio';
import {
  type Capture,
  decodeCapture,
  detectVnetHeader,
  LINK_TYPE_ETHERNET,
  stripVnetHeader,
  stripVnetHeaders,
  type VnetHeaderLength,
} from '@nexus-net/wire';
import { Refusal } from './refusal.js';

/** The Ethernet frames of a capture file. */
export interface CaptureFrames {
  readonly format: Capture['format'];
  /** Octets of virtio-net header that stood before each frame and were taken off. */
  readonly vnetHeader: VnetHeaderLength;
  readonly frames: readonly CaptureFrame[];
  /** Packets of interfaces that are not Ethernet: counted, not read. */
  readonly otherPackets: number;
  /** Nanoseconds since the Unix epoch of the first packet; absent where there is none. */
  readonly firstNs?: bigint;
  /** One sentence where the file could not be read to its end. */
  readonly endsEarly?: string;
}

export interface CaptureFrame {
  /** Position in the file, from 1, as every reader counts. */
  readonly number: number;
  /** Milliseconds since the first packet of the file, exact to the nanosecond. */
  readonly at: Millis;
  readonly port?: string;
  readonly bytes: Uint8Array;
  /** Octets on the wire that the capture left out. */
  readonly cut: number;
}

/** What the command line says of the virtio-net header before each frame. */
export type VnetHeaderChoice = VnetHeaderLength | 'auto';

/**
 * Reads a capture file. `bytesMax`: its length at most, default 512 MiB; all of it is held in memory. Throws {@link Refusal} where
 * nothing of it can be read.
 */
export async function readCaptureFile(
  path: string,
  { vnetHeader, bytesMax = 512 * 2 ** 20 }: { readonly vnetHeader: VnetHeaderChoice; readonly bytesMax?: number },
): Promise<CaptureFrames> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readUpTo(path, bytesMax);
  } catch (error) {
    throw new Refusal(`${path}: ${error instanceof Error ? error.message : String(error)}`, 'unreadable');
  }
  if (bytes === undefined) throw new Refusal(`${path}: longer than ${bytesMax} octets, the limit of what is read`, 'unreadable');
  const frames = decodeFrames(bytes, vnetHeader);
  if (typeof frames === 'string') throw new Refusal(`${path}: ${frames}`, 'unreadable');
  return frames;
}

/** A device or a pipe has no length to ask for, so what is there is read until it is too much. */
async function readUpTo(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const file = await open(path);
  try {
    const chunks: Uint8Array[] = [];
    for (let length = 0; ; ) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(READ_CHUNK_BYTES), 0, READ_CHUNK_BYTES);
      if (bytesRead === 0) return concatBytes(chunks);
      length += bytesRead;
      if (length > bytesMax) return undefined;
      chunks.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

const READ_CHUNK_BYTES = 2 ** 20;

/** The frames of a capture in memory, or one sentence that says why there are none. */
export function decodeFrames(bytes: Uint8Array, vnetHeader: VnetHeaderChoice): CaptureFrames | string {
  const decoded = decodeCapture(bytes);
  if (!decoded.ok) {
    return decoded.error === 'unknown-format'
      ? 'this is no capture: neither pcap nor pcapng'
      : `the capture’s header can’t be read (${decoded.error})`;
  }
  const { format, interfaces, packets, end } = decoded.value;
  const isEthernet = (interfaceId: number): boolean => interfaces[interfaceId]?.linkType === LINK_TYPE_ETHERNET;
  const ethernet = packets.map((packet, i) => ({ packet, number: i + 1 })).filter(({ packet }) => isEthernet(packet.interfaceId));
  const taken = ethernet.map(({ packet }) => packet);
  const auto = vnetHeader === 'auto';
  // Found by itself, the length is asked of each packet: it changes when the guest's driver starts. Forced, it is one for all.
  const stripped = auto ? stripVnetHeaders(taken) : taken.map((packet) => stripVnetHeader(packet, vnetHeader));
  const zero = packets[0]?.timestampNs ?? 0n;
  return {
    format,
    vnetHeader: auto ? detectVnetHeader(taken) : vnetHeader,
    frames: stripped.map(({ timestampNs, bytes: frame, originalLength, interfaceId }, i) => {
      const port = interfaces[interfaceId]?.name;
      return {
        number: (ethernet[i] as { number: number }).number,
        at: Number(timestampNs - zero) / 1e6,
        bytes: frame,
        cut: Math.max(0, originalLength - frame.length),
        ...(port !== undefined && { port }),
      };
    }),
    otherPackets: packets.length - ethernet.length,
    ...(packets.length > 0 && { firstNs: zero }),
    ...(end !== undefined && {
      endsEarly: `the file ends after frame ${end.afterPacket}, at octet ${end.offset}: ${END_TEXTS[end.error] ?? end.error}`,
    }),
  };
}

const END_TEXTS: Readonly<Record<string, string>> = {
  truncated: 'what follows is incomplete',
  'bad-block-length': 'the next block has an impossible length',
  'bad-capture-length': 'the next packet has an impossible length',
  'unknown-interface': 'the next packet is of an interface that the file does not describe',
  'bad-byte-order': 'the next section has no readable byte order',
  'unsupported-version': 'the next section is of an unknown version',
};
