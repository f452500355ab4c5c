import { err, ok, type Result, readU16, requireArgument, unreachable, writeU16 } from '@nexus-net/sansio';
import { type ChecksumOptions, internetChecksum } from './checksum.js';

/** An ICMP message for IPv4 (RFC 792). Types without a variant of their own, and unusual codes of echo, survive as `other`. */
export type Icmpv4Message =
  | {
      readonly type: 'echo-request' | 'echo-reply';
      readonly identifier: number;
      readonly sequence: number;
      readonly payload: Uint8Array;
    }
  | {
      readonly type: 'destination-unreachable';
      /** One of {@link ICMP_UNREACHABLE} or another, 0..255. */
      readonly code: number;
      /** RFC 1191 §4: octets, set with code 4; 0 elsewhere and from routers that do not know it. */
      readonly nextHopMtu: number;
      /** IP header and first octets of the packet that could not be delivered. */
      readonly original: Uint8Array;
    }
  | { readonly type: 'time-exceeded'; readonly code: number; readonly original: Uint8Array }
  | {
      readonly type: 'other';
      readonly icmpType: number;
      readonly code: number;
      /** What follows the checksum. */
      readonly rest: Uint8Array;
    };

/** Codes of destination unreachable that a host sends or acts on (RFC 792, RFC 1122 §3.2.2.1). */
export const ICMP_UNREACHABLE: {
  readonly net: 0;
  readonly host: 1;
  readonly protocol: 2;
  readonly port: 3;
  readonly fragmentationNeeded: 4;
} = { net: 0, host: 1, protocol: 2, port: 3, fragmentationNeeded: 4 };

// Wire format: 0 type, 1 code, 2..4 checksum; echo: 4..6 identifier, 6..8 sequence, 8.. payload;
// unreachable: 4..6 unused, 6..8 next-hop MTU, 8.. original; time exceeded: 4..8 unused, 8.. original.
const HEADER_LENGTH = 8;
const TYPE_ECHO_REPLY = 0;
const TYPE_UNREACHABLE = 3;
const TYPE_ECHO_REQUEST = 8;
const TYPE_TIME_EXCEEDED = 11;

/** Reads a message; payloads are views. Every ICMP message has at least 8 octets. */
export function decodeIcmpv4(bytes: Uint8Array, options?: ChecksumOptions): Result<Icmpv4Message, 'truncated' | 'bad-checksum'> {
  if (bytes.length < HEADER_LENGTH) return err('truncated');
  if (options?.checksum !== 'ignore' && internetChecksum(bytes) !== 0) return err('bad-checksum');
  const type = bytes[0] as number;
  const code = bytes[1] as number;
  if ((type === TYPE_ECHO_REQUEST || type === TYPE_ECHO_REPLY) && code === 0)
    return ok({
      type: type === TYPE_ECHO_REQUEST ? 'echo-request' : 'echo-reply',
      identifier: readU16(bytes, 4),
      sequence: readU16(bytes, 6),
      payload: bytes.subarray(HEADER_LENGTH),
    });
  if (type === TYPE_UNREACHABLE)
    return ok({
      type: 'destination-unreachable',
      code,
      nextHopMtu: readU16(bytes, 6),
      original: bytes.subarray(HEADER_LENGTH),
    });
  if (type === TYPE_TIME_EXCEEDED) return ok({ type: 'time-exceeded', code, original: bytes.subarray(HEADER_LENGTH) });
  return ok({ type: 'other', icmpType: type, code, rest: bytes.subarray(4) });
}

/** Writes a message with its checksum. */
export function encodeIcmpv4(message: Icmpv4Message): Uint8Array {
  const bytes = layOut(message);
  writeU16(bytes, 2, internetChecksum(bytes));
  return bytes;
}

function layOut(message: Icmpv4Message): Uint8Array {
  switch (message.type) {
    case 'echo-request':
    case 'echo-reply': {
      const bytes = start(message.type === 'echo-request' ? TYPE_ECHO_REQUEST : TYPE_ECHO_REPLY, 0, message.payload);
      requireU16(message.identifier, 'identifier is an integer 0..65535');
      requireU16(message.sequence, 'sequence is an integer 0..65535');
      writeU16(bytes, 4, message.identifier);
      writeU16(bytes, 6, message.sequence);
      return bytes;
    }
    case 'destination-unreachable': {
      const bytes = start(TYPE_UNREACHABLE, message.code, message.original);
      requireU16(message.nextHopMtu, 'nextHopMtu is an integer 0..65535');
      writeU16(bytes, 6, message.nextHopMtu);
      return bytes;
    }
    case 'time-exceeded':
      return start(TYPE_TIME_EXCEEDED, message.code, message.original);
    case 'other': {
      requireArgument(message.rest.length >= 4, 'the rest of an ICMP message is at least 4 octets');
      requireArgument((message.icmpType & 0xff) === message.icmpType, 'icmpType is an integer 0..255');
      requireArgument((message.code & 0xff) === message.code, 'code is an integer 0..255');
      const bytes = new Uint8Array(4 + message.rest.length);
      bytes[0] = message.icmpType;
      bytes[1] = message.code;
      bytes.set(message.rest, 4);
      return bytes;
    }
    default:
      return unreachable(message);
  }
}

function start(type: number, code: number, body: Uint8Array): Uint8Array {
  requireArgument((code & 0xff) === code, 'code is an integer 0..255');
  const bytes = new Uint8Array(HEADER_LENGTH + body.length);
  bytes[0] = type;
  bytes[1] = code;
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}

function requireU16(value: number, message: string): void {
  requireArgument((value & 0xffff) === value, message);
}
