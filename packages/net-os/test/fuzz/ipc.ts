import { ipv4 } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits, FuzzScript, guarded, isSame } from '../../../sansio/test/support/fuzz.js';
import { decodeIpcReply, decodeIpcRequest, encodeIpcReply, encodeIpcRequest, FakeNet, IpcServer } from '../../src/index.js';

export const limits: FuzzLimits = {
  octetsMax: 700,
  costBase: 20_000,
  costPerOctet: 4_000,
  allocatedBase: 100_000,
  allocatedPerOctet: 40_000,
};

const A = ipv4(10, 0, 2, 15);
const B = ipv4(10, 0, 2, 16);

/**
 * The octets are messages of two programs. Each has one reply, at once or when its ping is settled, of its own program; a reply is
 * well formed and takes over the nonce; what is read is written again the same. Tables stay within their bounds.
 */
export function target(bytes: Uint8Array): void {
  const net = new FakeNet({ latencyMs: 1, inFlightCountMax: 1_000 });
  const sockets = net.addHost({ address: A });
  const peer = net.addHost({ address: B });
  peer.tcpListen({ address: B, port: 0x0101 }, 2);
  const server = new IpcServer({ sockets, handleCountMax: 3, pendingCountMax: 2 });
  const script = new FuzzScript(bytes);
  let now = 0;
  let unanswered = 0;
  while (!script.isAtEnd) {
    const choice = script.u8();
    now += choice & 0x0f;
    const message = script.take((choice & 0x80) === 0 ? 8 + (choice >> 4) * 2 : script.u16() % 600);
    const request = decodeIpcRequest(message);
    if (request.ok) demand(isSame(encodeIpcRequest(request.value), message), 'a request is written as it was read');
    server.handleMessage(now, choice & 1, message);
    const replies = drain(() => server.pollTransmit());
    for (const { client, bytes: reply } of replies) {
      demand(client <= 1, 'a reply has a program');
      checkReply(reply);
    }
    unanswered += 1 - replies.length;
    demand(unanswered >= 0 && unanswered <= 2, 'one message, one reply, but for pings that are under way');
    const { listeners, streams, udp, pending } = server.inspect();
    demand(Math.max(listeners, streams, udp) <= 3 && pending <= 2, 'tables stay within their bounds');
  }
  server.handleTimeout(now + 70_000);
  unanswered -= drain(() => server.pollTransmit()).length;
  demand(unanswered === 0, 'each message has its reply in the end');
}

function checkReply(reply: Uint8Array): void {
  const decoded = decodeIpcReply(reply);
  demand(decoded.ok, 'a reply is well formed');
  demand(isSame(encodeIpcReply(decoded.value), reply), 'a reply is written as it was read');
}

/** The same octets as one request and as one reply, read without an index outside of them. */
export function strict(bytes: Uint8Array): void {
  const request = decodeIpcRequest(guarded(bytes));
  demand(isSame(request, decodeIpcRequest(bytes)), 'a guarded request is the same');
  const reply = decodeIpcReply(guarded(bytes));
  demand(isSame(reply, decodeIpcReply(bytes)), 'a guarded reply is the same');
  if (reply.ok) demand(isSame(encodeIpcReply(reply.value), bytes), 'a reply is written as it was read');
}

export function seeds(): readonly Uint8Array[] {
  const endpoint = { address: B, port: 0x0101 };
  const requests = [
    encodeIpcRequest({ request: { type: 'listen', port: 80 } }),
    encodeIpcRequest({ request: { type: 'connect', remote: endpoint } }),
    encodeIpcRequest({ request: { type: 'udp-bind', port: 7 }, nonce: new Uint8Array(8) }),
    encodeIpcRequest({ request: { type: 'udp-send-to', id: 1, to: endpoint, payload: new Uint8Array(3) } }),
    encodeIpcRequest({ request: { type: 'ping', destination: B, timeoutMs: 9 } }),
    encodeIpcRequest({ request: { type: 'write', id: 1, bytes: new Uint8Array(4) } }),
  ];
  return requests.map((request) => Uint8Array.of(0x80 | (request.length & 0x0f), 0, request.length, ...request));
}
