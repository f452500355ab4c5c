import type { Millis } from '@nexus-net/sansio';
import type { CaptureInstant } from './capture-time.js';

/** Link-layer type of an Ethernet capture (LINKTYPE_ETHERNET). */
export const LINK_TYPE_ETHERNET = 1;

/** Octets of a packet at most, by default: what libpcap and Wireshark accept. More means that the file is damaged. */
export const CAPTURE_PACKET_OCTETS_MAX = 262_144;

/** One packet of a capture file. */
export interface CapturedPacket {
  /** Milliseconds since the Unix epoch with a fraction: {@link timestampNs} as well as a double can say it (about 0.25 µs). */
  readonly at: Millis;
  /** Nanoseconds since the Unix epoch, exact (finer resolutions are cut). 0 where the file has no time for the packet. */
  readonly timestampNs: bigint;
  /** Index into {@link Capture.interfaces}: counted through all sections, unlike the ids in a pcapng file. */
  readonly interfaceId: number;
  /** Octets the packet had on the wire. Less than was captured only in a file that contradicts itself. */
  readonly originalLength: number;
  /** What was captured: a view into the file's bytes. */
  readonly bytes: Uint8Array;
  /** opt_comment; several comments are joined by line feeds. */
  readonly comment?: string;
  /** epb_flags, as in the file: direction, reception type, FCS length, link-layer errors (pcapng §4.3.1). */
  readonly flags?: number;
}

export interface CaptureInterface {
  /** LINKTYPE_ value; 1 is Ethernet. */
  readonly linkType: number;
  /** Octets of a packet kept at most; 0 where the file sets no limit. */
  readonly snapLength: number;
  readonly name?: string;
  readonly description?: string;
}

/** Why reading stopped before the end of the file. */
export type CaptureError =
  /** The file ends inside a record or block, or a length points past its end. */
  | 'truncated'
  /** A pcapng block length that is too short for its block, no multiple of 4, or not repeated at the block's end. */
  | 'bad-block-length'
  /** More captured octets than the block holds, or than `packetOctetsMax`. */
  | 'bad-capture-length'
  /** A packet of an interface that its section does not describe. */
  | 'unknown-interface'
  /** A section with another byte-order magic than 0x1a2b3c4d. */
  | 'bad-byte-order'
  /** Another major version than pcap 2 or pcapng 1. */
  | 'unsupported-version';

/** Where and why reading stopped. */
export interface CaptureEnd {
  readonly error: CaptureError;
  /** How many packets were read before it: the number of the last good packet, counted from 1. */
  readonly afterPacket: number;
  /** Octets from the start of the file to the record or block that could not be read. */
  readonly offset: number;
}

export interface Capture {
  readonly format: 'pcap' | 'pcapng';
  readonly interfaces: readonly CaptureInterface[];
  readonly packets: readonly CapturedPacket[];
  /** Present where the file could not be read to its end. The packets before that point are all there. */
  readonly end?: CaptureEnd;
}

export interface CaptureDecodeOptions {
  /** Octets of a packet at most; more ends the capture with `bad-capture-length`. Default 262 144 octets. */
  readonly packetOctetsMax?: number;
}

/** A packet to be written. Every {@link CapturedPacket} is one, unless its time is outside 0..2^64-1 ns. */
export type PacketToWrite = CaptureInstant & {
  readonly bytes: Uint8Array;
  /** Default 0. */
  readonly interfaceId?: number;
  /** Octets on the wire. Default: as many as `bytes` has. */
  readonly originalLength?: number;
  /** pcapng only. Cut to 65 535 octets of UTF-8, ending in `…`. */
  readonly comment?: string;
  /** epb_flags; pcapng only. */
  readonly flags?: number;
};
