import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { OS_REQUEST_LENGTH_MAX, OS_RESPONSE_LENGTH_MAX } from './gateway/gateway.js';
import { readU16le } from './octets.js';

// Plaintext of a record, little-endian: kind or status u8, length u16, payload, zeros up to the full size. Requests and mux control have
// 3 + 256 octets, responses 3 + 512. There is no number in them: order is the only correlation.

export const OS_REQUEST_RECORD_LENGTH: number = 3 + OS_REQUEST_LENGTH_MAX;
export const OS_RESPONSE_RECORD_LENGTH: number = 3 + OS_RESPONSE_LENGTH_MAX;
/** What sealing adds. */
const TAG_LENGTH = 16;
export const OS_REQUEST_CIPHERTEXT_LENGTH: number = OS_REQUEST_RECORD_LENGTH + TAG_LENGTH;
export const OS_RESPONSE_CIPHERTEXT_LENGTH: number = OS_RESPONSE_RECORD_LENGTH + TAG_LENGTH;

/** A request, a step of the mux ladder (`head` is the kind), or a response (`head` is the status). */
export interface OsRecord {
  readonly head: number;
  readonly payload: Uint8Array;
}

export type OsRecordReject = 'bad-length' | 'length-field';

export function encodeOsRequest({ head, payload }: OsRecord): Uint8Array {
  return encode(head, payload, OS_REQUEST_LENGTH_MAX);
}

export function encodeOsResponse({ head, payload }: OsRecord): Uint8Array {
  return encode(head, payload, OS_RESPONSE_LENGTH_MAX);
}

/** `length-field`: the record says more octets than it carries; `head` is at octet 0 all the same. The padding is not looked at. */
export function decodeOsRequest(plaintext: Uint8Array): Result<OsRecord, OsRecordReject> {
  return decode(plaintext, OS_REQUEST_LENGTH_MAX);
}

export function decodeOsResponse(plaintext: Uint8Array): Result<OsRecord, OsRecordReject> {
  return decode(plaintext, OS_RESPONSE_LENGTH_MAX);
}

function encode(head: number, payload: Uint8Array, lengthMax: number): Uint8Array {
  requireArgument(payload.length <= lengthMax, `this record carries at most ${lengthMax} octets`);
  const plaintext = new Uint8Array(3 + lengthMax);
  plaintext[0] = head;
  plaintext[1] = payload.length;
  plaintext[2] = payload.length >>> 8;
  plaintext.set(payload, 3);
  return plaintext;
}

function decode(plaintext: Uint8Array, lengthMax: number): Result<OsRecord, OsRecordReject> {
  if (plaintext.length !== 3 + lengthMax) return err('bad-length');
  const length = readU16le(plaintext, 1);
  if (length > lengthMax) return err('length-field');
  return ok({ head: plaintext[0] as number, payload: plaintext.slice(3, 3 + length) });
}
