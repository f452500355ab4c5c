import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { NOISE_PLAINTEXT_LENGTH_MAX } from '../noise/index.js';
import { type CapnpError, readRoot, writeRoot } from './capnp.js';

/** Octets of a frame's payload at most: what is left of a Noise message, tag and Cap'n Proto's own octets taken off. */
export const HOST_PAYLOAD_LENGTH_MAX = 65464;

/** `Frame { chan :UInt32, bytes :Data }`: what a session carries once it is connected. */
export interface HostFrame {
  /** 0..2^32-1. */
  readonly channel: number;
  readonly payload: Uint8Array;
}

export function encodeHostFrame({ channel, payload }: HostFrame): Uint8Array {
  requireArgument(Number.isInteger(channel) && channel >= 0 && channel <= 0xffff_ffff, 'a channel is a whole number of 32 bits');
  requireArgument(payload.length <= HOST_PAYLOAD_LENGTH_MAX, `a frame carries at most ${HOST_PAYLOAD_LENGTH_MAX} octets`);
  const data = Uint8Array.of(channel, channel >>> 8, channel >>> 16, channel >>> 24, 0, 0, 0, 0);
  return writeRoot({ data, blob: payload });
}

/** Total. The payload is a view of `bytes`. */
export function decodeHostFrame(bytes: Uint8Array): Result<HostFrame, CapnpError> {
  const root = readRoot(bytes);
  if (!root.ok) return root;
  const payload = root.value.data(0);
  return payload.ok ? ok({ channel: root.value.u32(0), payload: payload.value }) : payload;
}

/** `ConnectRequest { deviceId :Text }`: the client says who it is; the server has proof already and compares. */
export function encodeConnectRequest(deviceId: string): Uint8Array {
  const text = new TextEncoder().encode(`${deviceId}\0`);
  requireArgument(text.length < NOISE_PLAINTEXT_LENGTH_MAX / 2, 'a device id is short');
  return writeRoot({ data: EMPTY, blob: text });
}

export function decodeConnectRequest(bytes: Uint8Array): Result<string, CapnpError> {
  const root = readRoot(bytes);
  return root.ok ? root.value.text(0) : root;
}

/** `ConnectResponse { ok :Bool }`. */
export function encodeConnectResponse(accepted: boolean): Uint8Array {
  return writeRoot({ data: Uint8Array.of(accepted ? 1 : 0, 0, 0, 0, 0, 0, 0, 0), blob: undefined });
}

export function decodeConnectResponse(bytes: Uint8Array): Result<boolean, CapnpError> {
  const root = readRoot(bytes);
  return root.ok ? ok(root.value.bit(0)) : err(root.error);
}

const EMPTY = new Uint8Array(0);
