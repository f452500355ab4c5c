import { concatBytes, type Endpoint, IPV4_ANY, type Ipv4Address, type Millis } from '@nexus-net/sansio';
import { expect } from 'vitest';
import {
  describeSocketFailure,
  type SocketError,
  type SocketResult,
  type Sockets,
  type TcpStream,
  type TcpStreamListener,
  type UdpSocket,
} from '../../src/index.js';

export type Side = 'a' | 'b';

/** Two sides that reach each other, whatever carries what they say. */
export abstract class ContractWorld {
  abstract readonly a: Sockets;
  abstract readonly b: Sockets;
  /** From one side to the other. */
  abstract readonly latencyMs: Millis;
  /** On the network of both, owned by nobody. */
  abstract readonly nobody: Ipv4Address;
  /** Where no route leads. */
  abstract readonly faraway: Ipv4Address;
  abstract address(side: Side): Ipv4Address;
  /** The next thing that happens, no later than `limit`; where nothing does, `limit` is reached. */
  abstract step(limit: Millis): void;

  at(side: Side, port: number): Endpoint {
    return { address: this.address(side), port };
  }

  runTo(instant: Millis): void {
    for (let i = 0; this.a.now < instant; i++) {
      if (i > STEPS_MAX) throw new Error('no rest');
      this.step(instant);
    }
  }

  run(time: Millis): void {
    this.runTo(this.a.now + time);
  }
}

/** The value of a call that can be done now. */
export function value<T>(result: SocketResult<T>): T {
  expect(result).toMatchObject({ ok: true });
  return (result as { readonly value: T }).value;
}

/** Calls again and again until there is a value; five minutes at most. */
export function until<T>(world: ContractWorld, call: () => SocketResult<T>): T {
  return value(settled(world, call));
}

/** Calls again and again until there is an outcome, and it is this error. */
export function fails(world: ContractWorld, call: () => SocketResult<unknown>, error: SocketError): void {
  expect(settled(world, call)).toMatchObject({ ok: false, error });
}

/** Calls again and again until a call is not `would-block`. */
export function settled<T>(world: ContractWorld, call: () => SocketResult<T>): SocketResult<T> {
  const limit = world.a.now + 300_000;
  for (;;) {
    const result = call();
    if (result.ok || result.error !== 'would-block' || world.a.now >= limit) return result;
    world.step(limit);
  }
}

export function bindOn(sockets: Sockets, port: number): UdpSocket {
  return value(sockets.udpBind({ address: IPV4_ANY, port }));
}

export interface Connection {
  readonly listener: TcpStreamListener;
  readonly client: TcpStream;
  readonly server: TcpStream;
}

/** A connection from `a` to port 80 of `b`. */
export function connect(world: ContractWorld): Connection {
  const listener = value(world.b.tcpListen({ address: IPV4_ANY, port: 80 }, 4));
  const client = value(world.a.tcpConnect(world.at('b', 80)));
  until(world, () => client.established());
  const server = until(world, () => listener.accept());
  return { listener, client, server };
}

/** Writes all of it, as fast as the stream takes it, in pieces of `piece` octets. */
export function writeAll(world: ContractWorld, stream: TcpStream, bytes: Uint8Array, piece = 16_384): void {
  for (let at = 0; at < bytes.length; ) at += until(world, () => stream.write(bytes.subarray(at, at + piece)));
}

/** Reads up to the end of the stream. */
export function readAll(world: ContractWorld, stream: TcpStream, piece = 4_096): Uint8Array {
  const all: Uint8Array[] = [];
  for (;;) {
    const bytes = until(world, () => stream.read(piece));
    if (bytes.length === 0) return concatBytes(all);
    all.push(bytes);
  }
}

/** Carries `bytes` from one stream to another while both go on, and what the reader got. */
export function carry(
  world: ContractWorld,
  {
    from,
    to,
    bytes,
    piece = 16_384,
    readPiece = 4_096,
  }: {
    readonly from: TcpStream;
    readonly to: TcpStream;
    readonly bytes: Uint8Array;
    readonly piece?: number;
    readonly readPiece?: number;
  },
): Uint8Array {
  const got = new Uint8Array(bytes.length);
  let sent = 0;
  let received = 0;
  for (const limit = world.a.now + 3_600_000; received < bytes.length && world.a.now < limit; ) {
    const wrote = sent < bytes.length ? from.write(bytes.subarray(sent, sent + piece)) : undefined;
    if (wrote?.ok === true) sent += wrote.value;
    const read = to.read(readPiece);
    if (read.ok) {
      if (read.value.length === 0) throw new Error('the end came before the last octet');
      got.set(read.value, received);
      received += read.value.length;
    } else if (read.error !== 'would-block') throw new Error(describeSocketFailure(read));
    if (wrote?.ok !== true && !read.ok) world.step(limit);
  }
  return got;
}

/** Octets that differ from their neighbours. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24);
}

const STEPS_MAX = 1_000_000;
