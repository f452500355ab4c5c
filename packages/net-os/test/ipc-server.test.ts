import { fromHex, ipv4, type Millis, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  decodeIpcReply,
  encodeIpcRequest,
  FakeNet,
  type IpcReply,
  type IpcRequest,
  IpcServer,
  type IpcServerOptions,
} from '../src/index.js';
import { pattern, value } from './sockets/contract-world.js';

const A = ipv4(10, 0, 2, 15);
const B = ipv4(10, 0, 2, 16);

/** Programs on host `a`; `b` is the world outside. */
class Programs {
  readonly net = new FakeNet({ latencyMs: 5 });
  readonly a = this.net.addHost({ address: A });
  readonly b = this.net.addHost({ address: B });
  readonly server: IpcServer;
  now: Millis = 0;

  constructor(options: Partial<IpcServerOptions> = {}) {
    this.server = new IpcServer({ sockets: this.a, ...options });
  }

  raw(bytes: Uint8Array, client = 1): string[] {
    this.server.handleMessage(this.now, client, bytes);
    return this.replies(client).map(toHex);
  }

  ask(request: IpcRequest, client = 1): IpcReply {
    this.server.handleMessage(this.now, client, encodeIpcRequest({ request }));
    const [reply] = this.replies(client);
    const decoded = decodeIpcReply(reply ?? new Uint8Array(0));
    if (!decoded.ok) throw new Error('no reply');
    return decoded.value;
  }

  /** Asks as long as it would block. */
  until(request: IpcRequest, client = 1): IpcReply {
    for (let i = 0; i < 1_000; i++) {
      const reply = this.ask(request, client);
      if (reply.ok || reply.status !== 'would-block') return reply;
      this.pass(5);
    }
    throw new Error('it never ends');
  }

  id(reply: IpcReply): number {
    expect(reply).toMatchObject({ ok: true });
    return (reply as { readonly outcome: { readonly id: number } }).outcome.id;
  }

  pass(time: Millis): void {
    this.now += time;
    this.server.handleTimeout(this.now);
  }

  replies(client: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (let sent = this.server.pollTransmit(); sent !== undefined; sent = this.server.pollTransmit()) {
      expect(sent.client).toBe(client);
      all.push(sent.bytes);
    }
    return all;
  }
}

describe('streams', () => {
  test('listen, accept, read, write, shutdown, close: a program serves the world', () => {
    const programs = new Programs();
    const listener = programs.id(programs.ask({ type: 'listen', port: 80 }));
    expect(programs.ask({ type: 'accept', id: listener })).toEqual({ ok: false, code: 2, status: 'would-block' });
    const client = value(programs.b.tcpConnect({ address: A, port: 80 }));
    const stream = programs.id(programs.until({ type: 'accept', id: listener }));
    programs.pass(10);
    value(client.write(pattern(600)));
    expect(programs.until({ type: 'read', id: stream, octetsMax: 0xffff })).toEqual({
      ok: true,
      outcome: { type: 'read', bytes: pattern(600).subarray(0, 480) },
    });
    expect(programs.ask({ type: 'read', id: stream, octetsMax: 200 })).toMatchObject({
      outcome: { bytes: pattern(600).subarray(480) },
    });
    expect(programs.ask({ type: 'wait-writable', id: stream })).toMatchObject({ ok: true });
    expect(programs.ask({ type: 'write', id: stream, bytes: pattern(9) })).toEqual({
      ok: true,
      outcome: { type: 'write', count: 9 },
    });
    expect(programs.ask({ type: 'shutdown', id: stream })).toMatchObject({ ok: true });
    expect(programs.ask({ type: 'write', id: stream, bytes: pattern(9) })).toMatchObject({ status: 'io' });
    programs.pass(10);
    expect(value(client.read(99))).toEqual(pattern(9));
    expect(value(client.read(99))).toHaveLength(0);
    client.close();
    expect(programs.until({ type: 'read', id: stream, octetsMax: 9 })).toEqual({
      ok: true,
      outcome: { type: 'read', bytes: new Uint8Array(0) },
    });
    expect(programs.ask({ type: 'close', id: stream })).toEqual({ ok: true, outcome: { type: 'close' } });
    expect(programs.ask({ type: 'close', id: stream })).toMatchObject({ status: 'not-found' });
    expect(programs.ask({ type: 'close-listener', id: listener })).toMatchObject({ ok: true });
    expect(programs.server.inspect()).toEqual({ listeners: 0, streams: 0, udp: 0, pending: 0, labels: {} });
  });

  test('a dial is asked for until it is there; two places are two dials', () => {
    const programs = new Programs();
    value(programs.b.tcpListen({ address: B, port: 80 }, 4));
    const dial = (port: number): IpcRequest => ({ type: 'connect', remote: { address: B, port } });
    expect(programs.ask(dial(80))).toMatchObject({ status: 'would-block' });
    expect(programs.ask(dial(81))).toMatchObject({ status: 'would-block' });
    expect(programs.server.inspect().pending).toBe(2);
    expect(programs.until(dial(80))).toMatchObject({ ok: true, outcome: { type: 'connect' } });
    expect(programs.until(dial(81))).toMatchObject({ status: 'io' });
    expect(programs.ask({ type: 'connect', remote: { address: ipv4(192, 0, 2, 1), port: 1 } })).toMatchObject({ status: 'io' });
    expect(programs.server.inspect()).toMatchObject({ streams: 1, pending: 0 });
  });

  test('a dial that nobody asks for any more is given up', () => {
    const programs = new Programs({ dialMs: 1_000 });
    value(programs.b.tcpListen({ address: B, port: 80 }, 4));
    programs.ask({ type: 'connect', remote: { address: B, port: 80 } });
    programs.pass(5_000);
    programs.ask({ type: 'connect', remote: { address: B, port: 81 } });
    expect(programs.server.inspect().pending).toBe(1);
  });
});

describe('datagrams', () => {
  test('bind, send, receive, close', () => {
    const programs = new Programs();
    const socket = programs.id(programs.ask({ type: 'udp-bind', address: A, port: 7 }));
    expect(programs.ask({ type: 'udp-bind', port: 7 })).toMatchObject({ status: 'io' }); // in use, on the current address
    const peer = value(programs.b.udpBind({ address: B, port: 9 }));
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 99 })).toMatchObject({ status: 'would-block' });
    expect(programs.ask({ type: 'udp-send-to', id: socket, to: { address: B, port: 9 }, payload: pattern(488) })).toMatchObject({
      outcome: { count: 488 },
    });
    programs.pass(5);
    expect(value(peer.receiveFrom())).toMatchObject({ from: { address: A, port: 7 }, payload: pattern(488) });
    value(peer.sendTo({ address: A, port: 7 }, pattern(460)));
    programs.pass(5);
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 459 })).toMatchObject({ status: 'io' });
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 0xffff })).toMatchObject({
      outcome: { from: { address: B, port: 9 }, payload: pattern(460) },
    });
    expect(programs.ask({ type: 'udp-close', id: socket })).toMatchObject({ ok: true });
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 9 })).toMatchObject({ status: 'not-found' });
  });

  test('a datagram that fits no reply is told once, counted, and does not hide the next one', () => {
    const programs = new Programs();
    const socket = programs.id(programs.ask({ type: 'udp-bind', port: 7 }));
    const peer = value(programs.b.udpBind({ address: B, port: 9 }));
    for (const length of [461, 3]) value(peer.sendTo({ address: A, port: 7 }, pattern(length)));
    programs.pass(5);
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 460 })).toMatchObject({ status: 'io' });
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 460 })).toMatchObject({
      outcome: { payload: pattern(3) },
    });
    expect(programs.server.inspect().labels).toEqual({ 'datagram-oversize': 1 });
  });
});

describe('ping', () => {
  test('the reply comes with the echo, and its round trip is real', () => {
    const programs = new Programs();
    programs.server.handleMessage(
      0,
      3,
      encodeIpcRequest({ request: { type: 'ping', destination: B, timeoutMs: 500 }, nonce: pattern(8) }),
    );
    programs.pass(9);
    expect(programs.replies(3)).toEqual([]);
    programs.pass(1);
    expect(programs.replies(3).map(toHex)).toEqual([`4e530189000a00${toHex(pattern(8))}`]);
  });

  test.each([
    ['nobody, before he is given up', ipv4(10, 0, 2, 99), 100],
    ['nobody, for good', ipv4(10, 0, 2, 99), 60_000],
    ['no route', ipv4(192, 0, 2, 1), 100],
  ])('%s: timed out', (_, destination, timeoutMs) => {
    const programs = new Programs();
    programs.server.handleMessage(0, 1, encodeIpcRequest({ request: { type: 'ping', destination, timeoutMs } }));
    programs.pass(4_000);
    expect(programs.replies(1).map(toHex)).toEqual(['4e53018905']);
  });
});

describe('what is malformed', () => {
  test.each([
    ['a bad header: operation 0', '00000000', '4e53018002'],
    ['a bad header, with what may be a nonce', '4e540104 01000000 0102030405060708', '4e530180020102030405060708'],
    ['an unknown operation', '4e53017f', '4e5301ff02'],
    ['an unknown operation with a nonce', '4e53017f 0102030405060708', '4e5301ff020102030405060708'],
    ['a bad length with a nonce', '4e530104 01 0102030405060708', '4e530184020102030405060708'],
    ['nothing', '', '4e53018002'],
  ])('%s is answered, and the nonce echoed', (_, hex, reply) => {
    expect(new Programs().raw(fromHex(hex))).toEqual([reply]);
  });

  test('more than 512 octets', () => {
    const programs = new Programs();
    const bytes = new Uint8Array(600);
    bytes.set(fromHex('4e530105 01000000 4402'));
    bytes.set(pattern(8), 592);
    expect(programs.raw(bytes)).toEqual([`4e53018502${toHex(pattern(8))}`]);
    expect(programs.server.inspect().labels).toEqual({ oversize: 1 });
  });

  test('arguments that the sockets refuse', () => {
    const programs = new Programs();
    const socket = programs.id(programs.ask({ type: 'udp-bind', port: 7 }));
    expect(programs.ask({ type: 'udp-send-to', id: socket, to: { address: B, port: 0 }, payload: pattern(1) })).toMatchObject({
      status: 'malformed',
    });
    expect(programs.ask({ type: 'listen', address: B, port: 1 })).toMatchObject({ status: 'malformed' });
  });
});

describe('programs and limits', () => {
  test('what one program opened does not exist for another; id 0 never does', () => {
    const programs = new Programs();
    const socket = programs.id(programs.ask({ type: 'udp-bind', port: 7 }, 1));
    expect(programs.ask({ type: 'udp-receive-from', id: socket, octetsMax: 9 }, 2)).toMatchObject({ status: 'not-found' });
    expect(programs.ask({ type: 'udp-close', id: socket }, 2)).toMatchObject({ status: 'not-found' });
    for (const type of ['accept', 'close', 'wait-writable', 'close-listener', 'udp-close', 'shutdown'] as const)
      expect(programs.ask({ type, id: 0 })).toMatchObject({ status: 'not-found' });
  });

  test('a program that is gone leaves nothing open', () => {
    const programs = new Programs();
    programs.ask({ type: 'udp-bind', port: 7 }, 1);
    programs.ask({ type: 'listen', port: 7 }, 1);
    programs.ask({ type: 'connect', remote: { address: B, port: 9 } }, 1);
    const kept = programs.ask({ type: 'udp-bind', port: 8 }, 2);
    programs.server.dropClient(1);
    expect(programs.server.inspect()).toMatchObject({ listeners: 0, streams: 0, udp: 1, pending: 0 });
    expect(programs.ask({ type: 'udp-close', id: programs.id(kept) }, 2)).toMatchObject({ ok: true });
  });

  test('handles, things under way and replies are bounded', () => {
    const programs = new Programs({ handleCountMax: 1, pendingCountMax: 1, transmitCountMax: 1 });
    programs.ask({ type: 'udp-bind', port: 7 });
    expect(programs.ask({ type: 'udp-bind', port: 8 })).toMatchObject({ status: 'io' });
    programs.ask({ type: 'connect', remote: { address: B, port: 9 } });
    expect(programs.ask({ type: 'connect', remote: { address: B, port: 10 } })).toMatchObject({ status: 'would-block' });
    expect(programs.ask({ type: 'ping', destination: B, timeoutMs: 9 })).toMatchObject({ status: 'would-block' });
    for (let i = 0; i < 3; i++) programs.server.handleMessage(0, 1, fromHex('4e53010a'));
    expect(programs.server.inspect().labels).toEqual({ 'transmit-full': 2 });
  });
});
