import { readU16, readU32 } from '@nexus-net/sansio';
import { HANDSHAKE_HEADER_OCTETS, handshakeLength, RECORD_HEADER_OCTETS, RECORD_OCTETS_MIN } from '../bus/wire.js';
import { NOISE_MESSAGE_LENGTH_MAX } from '../noise/index.js';
import { OS_REQUEST_CIPHERTEXT_LENGTH, OS_RESPONSE_CIPHERTEXT_LENGTH } from '../os/records.js';
import { OS_MESSAGE_LENGTHS } from '../os/session/handshake.js';
import type { Dialect, DsoftbusRule, Side } from './session-teller.js';

/** Which message of a stream comes next: one of three of the handshake, or a record of a side, counted from 0. */
export type Place =
  | { readonly type: 'handshake'; readonly index: 0 | 1 | 2 }
  | { readonly type: 'record'; readonly side: Side; readonly index: number };

/** How messages lie in the byte stream of a dialect. */
export interface Framing {
  readonly headerOctets: (place: Place) => number;
  /** Octets behind the header, or what is wrong with it. */
  readonly lengthOf: (header: Uint8Array, place: Place) => number | { readonly rule: DsoftbusRule; readonly message: string };
}

export const FRAMINGS: Readonly<Record<Exclude<Dialect, 'qd'>, Framing>> = {
  bus: {
    headerOctets: ({ type }) => (type === 'handshake' ? HANDSHAKE_HEADER_OCTETS : RECORD_HEADER_OCTETS),
    lengthOf: (header, place) => {
      if (place.type === 'handshake') {
        const length = handshakeLength(header, place.index + 1);
        return typeof length === 'number' ? length : { rule: 'dsoftbus.malformed-handshake', message: length };
      }
      const length = readU16(header, 0);
      return length >= RECORD_OCTETS_MIN
        ? length
        : { rule: 'dsoftbus.malformed-record', message: `a record of ${length} octets` };
    },
  },
  host: {
    headerOctets: () => 4,
    lengthOf: (header) => {
      const length = readU32(header, 0);
      if (length <= NOISE_MESSAGE_LENGTH_MAX) return length;
      return { rule: 'dsoftbus.oversize-message', message: `${length} octets are announced` };
    },
  },
  /** No lengths on the wire: messages are as long as their place says. The server answers three steps of the ladder, then requests. */
  os: {
    headerOctets: () => 0,
    lengthOf: (_header, place) => {
      if (place.type === 'handshake') return OS_MESSAGE_LENGTHS[place.index];
      return place.side === 'server' && place.index >= 3 ? OS_RESPONSE_CIPHERTEXT_LENGTH : OS_REQUEST_CIPHERTEXT_LENGTH;
    },
  },
};

/** Octets that tell the dialect. */
export const DIALECT_OCTETS = 4;

/** By the first octets of the client: the magic of `bus`, the length of a message 1 of `host`, and anything else is a key of `os`. */
export function dialectOf(first: Uint8Array): Exclude<Dialect, 'qd'> {
  if (first[0] === 0x4e && first[1] === 0x42 && first[2] === 1 && first[3] === 1) return 'bus';
  return readU32(first, 0) === XK_FIRST_LENGTH ? 'host' : 'os';
}

/** The first message of standard XK without payload. */
const XK_FIRST_LENGTH = 48;
