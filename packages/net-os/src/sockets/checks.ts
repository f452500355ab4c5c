import { type Endpoint, type Millis, NEVER } from '@nexus-net/sansio';
import { failed, invalidInput, type SocketFailure } from './socket-result.js';
import { type CallOptions, TCP_WRITE_OCTETS_MAX, UDP_PAYLOAD_OCTETS_MAX } from './sockets.js';

// What both backends ask of a call, in the order of the contract: the deadline first, then the state, then the arguments.

/** Equal is in time. */
export function checkDeadline(now: Millis, options: CallOptions | undefined): SocketFailure | undefined {
  return now > deadlineOf(options) ? failed('timed-out') : undefined;
}

export function deadlineOf(options: CallOptions | undefined): Millis {
  return options?.deadline ?? NEVER;
}

/** When a deadline has passed: the first whole millisecond after it. */
export function passedAt(deadline: Millis): Millis {
  return Math.floor(deadline) + 1;
}

/** Where something may be bound: port 0 stands for a free one. */
export function checkLocal({ port }: Endpoint): SocketFailure | undefined {
  return isPort(port) || port === 0 ? undefined : invalidInput('a port is 0..65535');
}

export function checkRemote({ address, port }: Endpoint): SocketFailure | undefined {
  if (!isPort(port)) return invalidInput('a remote port is 1..65535');
  return address === 0 ? invalidInput('0.0.0.0 is nobody') : undefined;
}

export function checkBacklog(backlog: number): SocketFailure | undefined {
  return isCount(backlog) ? undefined : invalidInput('backlog is at least 1');
}

export function checkReadSize(octetsMax: number): SocketFailure | undefined {
  return isCount(octetsMax) ? undefined : invalidInput('octetsMax is at least 1');
}

export function checkWrite(bytes: Uint8Array): SocketFailure | undefined {
  return bytes.length > TCP_WRITE_OCTETS_MAX ? invalidInput('tcp write too large') : undefined;
}

export function checkPayload(payload: Uint8Array): SocketFailure | undefined {
  return payload.length > UDP_PAYLOAD_OCTETS_MAX ? invalidInput('udp payload too large') : undefined;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}
