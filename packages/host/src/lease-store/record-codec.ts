import type { DhcpLeaseRecord } from '@nexus-net/dhcp';
import { err, ipv4FromU32, ok, type Result, readU32, requireArgument, writeU32 } from '@nexus-net/sansio';

// Layout, big-endian (octets): 0 version 1   1 state   2 htype   3 hardware length   4..8 address   8..16 until, IEEE 754 double
// 16..24 revision   24 length of the client identifier, 0 = none   25.. hardware, client identifier
const FIXED_LENGTH = 25;
const LAYOUT_VERSION = 1;
const HARDWARE_LENGTH_MAX = 16;
const CLIENT_ID_LENGTH_MAX = 255;
const STATES = ['leased', 'released', 'quarantined'] as const;
const TWO_32 = 2 ** 32;

/** Octets of the shortest and of the longest record. */
export const RECORD_LENGTH_MIN: number = FIXED_LENGTH;
export const RECORD_LENGTH_MAX: number = FIXED_LENGTH + HARDWARE_LENGTH_MAX + CLIENT_ID_LENGTH_MAX;

/** Refuses, with a `UsageError`, a record that the layout can't hold. */
export function requireRecord({ address, htype, hardware, clientId, state, until, revision }: DhcpLeaseRecord): void {
  requireArgument(Number.isInteger(address) && address >= 0 && address < TWO_32, 'address is a u32');
  requireArgument(Number.isInteger(htype) && htype >= 0 && htype <= 255, 'htype is an octet');
  requireArgument(hardware.length <= HARDWARE_LENGTH_MAX, 'hardware has at most 16 octets');
  const idLength = clientId?.length ?? 1;
  requireArgument(idLength >= 1 && idLength <= CLIENT_ID_LENGTH_MAX, 'clientId has 1..255 octets');
  requireArgument(STATES.includes(state), 'state is leased, released or quarantined');
  requireArgument(!Number.isNaN(until), 'until is an instant');
  requireArgument(Number.isSafeInteger(revision) && revision >= 0, 'revision is a safe integer');
}

/** Octets that {@link writeRecord} writes for this record. */
export function recordLength({ hardware, clientId }: DhcpLeaseRecord): number {
  return FIXED_LENGTH + hardware.length + (clientId?.length ?? 0);
}

/** Writes a record that {@link requireRecord} allowed. `bytes` has room for it. */
export function writeRecord(bytes: Uint8Array, offset: number, record: DhcpLeaseRecord): void {
  const { address, htype, hardware, clientId, state, until, revision } = record;
  bytes[offset] = LAYOUT_VERSION;
  bytes[offset + 1] = STATES.indexOf(state);
  bytes[offset + 2] = htype;
  bytes[offset + 3] = hardware.length;
  writeU32(bytes, offset + 4, address);
  scratch.setFloat64(0, until);
  writeU32(bytes, offset + 8, scratch.getUint32(0));
  writeU32(bytes, offset + 12, scratch.getUint32(4));
  writeU32(bytes, offset + 16, Math.floor(revision / TWO_32));
  writeU32(bytes, offset + 20, revision % TWO_32);
  bytes[offset + 24] = clientId?.length ?? 0;
  bytes.set(hardware, offset + FIXED_LENGTH);
  if (clientId !== undefined) bytes.set(clientId, offset + FIXED_LENGTH + hardware.length);
}

/** Reads a record that fills `bytes`. Total: anything else is an error. The record shares no memory with `bytes`. */
export function decodeRecord(bytes: Uint8Array): Result<DhcpLeaseRecord, 'malformed'> {
  if (bytes.length < FIXED_LENGTH || bytes[0] !== LAYOUT_VERSION) return err('malformed');
  const state = STATES[bytes[1] as number];
  const hardwareLength = bytes[3] as number;
  const idLength = bytes[24] as number;
  const idOffset = FIXED_LENGTH + hardwareLength;
  if (state === undefined || hardwareLength > HARDWARE_LENGTH_MAX || bytes.length !== idOffset + idLength)
    return err('malformed');
  scratch.setUint32(0, readU32(bytes, 8));
  scratch.setUint32(4, readU32(bytes, 12));
  const until = scratch.getFloat64(0);
  const revision = readU32(bytes, 16) * TWO_32 + readU32(bytes, 20);
  if (Number.isNaN(until) || !Number.isSafeInteger(revision)) return err('malformed');
  return ok({
    address: ipv4FromU32(readU32(bytes, 4)),
    htype: bytes[2] as number,
    hardware: Uint8Array.from(bytes.subarray(FIXED_LENGTH, idOffset)),
    ...(idLength === 0 ? {} : { clientId: Uint8Array.from(bytes.subarray(idOffset)) }),
    state,
    until,
    revision,
  });
}

const scratch = new DataView(new ArrayBuffer(8));
