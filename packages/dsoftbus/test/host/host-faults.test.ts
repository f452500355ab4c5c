import { inspect } from 'node:util';
import { parseIpv4, SeededEntropy, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto-node.js';
import type { HostCloseReason, HostSession } from '../../src/host/index.js';
import { HandshakeAdmission, HandshakeState } from '../../src/index.js';
import { CLIENT, connected, events, hostClient, hostServer, run, SERVER, STRANGER, sent } from '../support/host-pair.js';
import { flipBit } from '../support/noise-pair.js';

const EMPTY = new Uint8Array(0);

/** Both ends after a run in which each message went through `change`. */
function outcome(change: Parameters<typeof run>[2]): { readonly client: string; readonly server: string } {
  const [client, server] = [hostClient(), hostServer()];
  client.start(0);
  server.start(0);
  run(client, server, change);
  return { client: stateOf(client), server: stateOf(server) };
}

function stateOf(session: HostSession): string {
  const { state, reason } = session.inspect();
  return reason ?? state;
}

describe('the handshake', () => {
  test('fault/N07: a valid handshake by another identity than the announced one is closed before any frame', () => {
    // The stranger's own key announced under the server's id: Noise is content, the proof is good, the id is not the one.
    const client = hostClient({ noiseStatic: STRANGER.noiseStatic.publicKey });
    const server = hostServer({ identity: STRANGER });
    client.start(0);
    server.start(0);
    run(client, server);
    expect(events(client)).toEqual([{ type: 'closed', at: 0, reason: 'announced-id-mismatch' }]);
    expect(events(server)).toEqual([]);

    // A server that knows whose key belongs to which id refuses a client that it doesn't know.
    const known = new Map([[CLIENT.deviceId, toHex(CLIENT.noiseStatic.publicKey)]]);
    const accept = (peer: { deviceId: string }): boolean => known.has(peer.deviceId);
    const [strange, strict] = [hostClient({ identity: STRANGER }), hostServer({ accept })];
    strange.start(0);
    strict.start(0);
    run(strange, strict);
    expect(events(strict)).toEqual([{ type: 'closed', at: 0, reason: 'peer-refused' }]);
    expect(strict.send({ channel: 1, payload: EMPTY })).toBe('not-connected');
  });

  test('fault/N10: the first message has no payload, and a payload in it changes nothing', () => {
    const client = hostClient();
    client.start(0);
    const [first] = sent(client) as [Uint8Array];
    expect(first.length).toBe(4 + 48); // ephemeral key and tag: nothing that a thief of the server's key could read

    const noise = new HandshakeState(nodeCrypto, {
      protocol: 'Noise_XK_25519_ChaChaPoly_BLAKE2s',
      role: 'initiator',
      entropy: new SeededEntropy('talkative'),
      localStatic: CLIENT.noiseStatic,
      remoteStatic: nodeCrypto.x25519PublicKey(SERVER.noiseStatic.publicKey),
    });
    const written = noise.writeMessage(new TextEncoder().encode('{"device_id":"me"}'));
    const server = hostServer();
    server.start(0);
    if (written.ok) server.handleBytes(0, prefixed(written.value));
    expect(server.inspect()).toMatchObject({ state: 'handshake', framesReceived: 0 });
    expect(events(server)).toEqual([]);
  });

  test('fault/N12: a length prefix above what may come is refused with the prefix alone', () => {
    for (const length of [4_097, 65_536, 0xffff_ffff]) {
      const server = hostServer();
      server.start(0);
      server.handleBytes(0, Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length));
      expect(events(server)).toEqual([{ type: 'closed', at: 0, reason: 'oversize-prefix' }]);
    }
    const { client } = connected();
    client.handleBytes(0, Uint8Array.of(0, 0, 0xff, 0xff));
    expect(client.inspect()).toMatchObject({ state: 'connected', pendingOctets: 4 }); // 65535 may come, and is not made room for yet
    const { server } = connected();
    server.handleBytes(0, Uint8Array.of(0, 1, 0, 0));
    expect(stateOf(server)).toBe('oversize-prefix');
  });

  test('fault/N13: a length of 0 or below a tag is fatal; a message octet by octet is fine', () => {
    for (const length of [0, 1, 15]) {
      const { server } = connected();
      server.handleBytes(0, prefixed(new Uint8Array(length)));
      expect(stateOf(server)).toBe('short-message');
    }
    const [client, server] = [hostClient(), hostServer()];
    client.start(0);
    server.start(0);
    run(client, server, (bytes) => [...bytes].map((octet) => Uint8Array.of(octet)));
    expect([stateOf(client), stateOf(server)]).toEqual(['connected', 'connected']);
  });

  test('fault/N20: one octet every ten seconds ends at the absolute deadline, whatever arrives in between', () => {
    const server = hostServer();
    server.start(0);
    const client = hostClient();
    client.start(0);
    const [first] = sent(client) as [Uint8Array];
    expect(server.nextTimeout()).toBe(5_000);
    for (const [i, octet] of [...first].entries()) {
      const now = 10_000 * i;
      server.handleTimeout(now);
      server.handleBytes(now, Uint8Array.of(octet));
    }
    expect(events(server)).toEqual([{ type: 'closed', at: 10_000, reason: 'handshake-timeout' }]);
    expect(sent(server)).toEqual([]);

    // Steady progress does not move it either; and the places that slow peers hold are bounded for each address.
    const steady = hostServer();
    steady.start(0);
    for (const [i, octet] of [...first].entries()) steady.handleBytes(90 * i, Uint8Array.of(octet));
    expect(steady.nextTimeout()).toBe(5_000);
    const admission = new HandshakeAdmission({ pendingPerAddressMax: 2 });
    const slow = parseIpv4('10.0.0.1');
    expect([1, 2, 3].map(() => admission.admit(0, slow))).toEqual(['admitted', 'admitted', 'too-many-of-address']);
    expect(admission.admit(0, parseIpv4('10.0.0.2'))).toBe('admitted');
  });

  test('fault/N26: application data before the handshake ends is refused', () => {
    const frames = connected();
    frames.client.send({ channel: 1, payload: EMPTY });
    const [frame] = sent(frames.client) as [Uint8Array];
    for (const before of [0, 1, 2]) {
      const seen = outcome((bytes, from, index) => (from === 'client' && index === before ? [frame, bytes] : [bytes]));
      expect(seen.server).toMatch(/^(bad-tag|wrong-identity-or-prologue|short-message)$/);
      expect(seen.client).not.toBe('connected');
    }
    const early = hostClient();
    early.start(0);
    expect(early.send({ channel: 1, payload: EMPTY })).toBe('not-connected');
  });

  test('changed, cut, repeated, exchanged: both ends never get connected, and each says why', () => {
    for (let index = 0; index < 3; index++) {
      const from = index === 1 ? 'server' : 'client';
      const at = index === 2 ? 1 : 0;
      for (const bit of [40, 290, 400]) {
        const seen = outcome((bytes, who, i) => [who === from && i === at ? flipBit(bytes, bit) : bytes]);
        expect(seen.client === 'connected' && seen.server === 'connected').toBe(false);
        expect(from === 'client' ? seen.server : seen.client).toMatch(/bad-tag|wrong-identity|low-order/);
      }
      const twice = outcome((bytes, who, i) => (who === from && i === at ? [bytes, bytes] : [bytes]));
      expect(twice.client === 'connected' && twice.server === 'connected').toBe(false);
    }
  });
});

describe('a session', () => {
  test('fault/N14: a spoiled message ends the session; the good one after it is not read', () => {
    const { client, server } = connected();
    client.send({ channel: 1, payload: Uint8Array.of(1) });
    const [good] = sent(client) as [Uint8Array];
    server.handleBytes(0, prefixed(new Uint8Array(40)));
    server.handleBytes(0, good);
    expect(events(server)).toEqual([{ type: 'closed', at: 0, reason: 'bad-tag' }]);
  });

  test('fault/N15: a frame twice, or one left out, ends the session', () => {
    for (const order of [
      [0, 0],
      [0, 2],
      [1, 0],
    ]) {
      const { client, server } = connected();
      for (const n of [0, 1, 2]) client.send({ channel: n, payload: EMPTY });
      const messages = sent(client);
      for (const n of order) server.handleBytes(0, messages[n] as Uint8Array);
      expect(events(server).at(-1)).toEqual({ type: 'closed', at: 0, reason: 'bad-tag' });
    }
  });

  test('fault/N19: the end of the byte stream is never a clean end: this dialect has no goodbye', () => {
    const { client, server } = connected();
    client.send({ channel: 1, payload: Uint8Array.of(1) });
    const [frame] = sent(client) as [Uint8Array];
    server.handleBytes(0, frame.subarray(0, 20));
    server.handleEnd(1);
    expect(events(server)).toEqual([{ type: 'closed', at: 1, reason: 'truncated' }]);
    client.handleEnd(1);
    expect(events(client)).toEqual([{ type: 'closed', at: 1, reason: 'truncated' }]);
  });

  test('fault/N23: a session shows no key, no proof and no payload', () => {
    const { client, server } = connected();
    client.send({ channel: 7, payload: new TextEncoder().encode('a secret payload') });
    const shown = [client, server, client.inspect(), server.inspect(), CLIENT]
      .flatMap((thing) => [inspect(thing, { depth: 10, showHidden: true }), JSON.stringify(thing)])
      .join('\n')
      .replaceAll(/\s/g, '');
    const secret = nodeCrypto.hash('SHA256').digest(new Uint8Array(32).fill(2));
    expect(shown).toContain(CLIENT.deviceId);
    for (const hidden of [toHex(secret), [...secret].join(), Array(32).fill(2).join(), 'secretpayload'])
      expect(shown).not.toContain(hidden);
  });

  test('a client that names another device in its request is refused, and told so', () => {
    const [client, server] = [hostClient(), hostServer()];
    client.start(0);
    server.start(0);
    // The client's words are its own: give it another id after it made its proof.
    let asked = 0;
    const identity = {
      ...CLIENT,
      get deviceId() {
        return asked++ === 0 ? CLIENT.deviceId : STRANGER.deviceId;
      },
    };
    const liar = hostClient({ identity });
    liar.start(0);
    run(liar, server);
    const reasons = [liar, server].map((end) => (events(end) as { reason: HostCloseReason }[]).map(({ reason }) => reason));
    expect(reasons).toEqual([['connection-rejected'], ['payload-identity-spoof']]);
    expect(stateOf(client)).toBe('handshake');
  });

  test('limits: send blocks and loses nothing; unread events end the session; idle time ends it', () => {
    const { client } = connected({ client: { sendOctetsMax: 65_539 } });
    const payload = new Uint8Array(40_000);
    expect([1, 2, 3].map(() => client.send({ channel: 1, payload }))).toEqual(['sent', 'sent', 'would-block']);
    expect(sent(client).reduce((sum, { length }) => sum + length, 0)).toBe(2 * (4 + 16 + 40_048));
    expect(client.send({ channel: 1, payload })).toBe('sent');

    const many = connected({ server: { eventCountMax: 2 } });
    for (let i = 0; i < 4; i++) many.client.send({ channel: i, payload: EMPTY });
    for (const bytes of sent(many.client)) many.server.handleBytes(0, bytes);
    expect(events(many.server).map(({ type }) => type)).toEqual(['frame', 'frame', 'closed']);
    expect(stateOf(many.server)).toBe('event-backlog');

    const idle = connected({ client: { idleTimeoutMs: 5_000 } });
    expect(idle.client.nextTimeout()).toBe(5_000);
    idle.client.handleTimeout(5_000);
    expect(stateOf(idle.client)).toBe('idle-timeout');
  });

  test('misuse by the caller throws', () => {
    const session = hostServer();
    session.start(0);
    expect(() => session.start(0)).toThrow('starts once');
    const { client } = connected();
    expect(() => client.send({ channel: -1, payload: EMPTY })).toThrow('channel');
    expect(() => client.send({ channel: 1, payload: new Uint8Array(65_465) })).toThrow('65464');
    expect(() => hostServer({ handshakeLengthMax: 10 })).toThrow('handshakeLengthMax');
    expect(client.send({ channel: 0xffff_ffff, payload: new Uint8Array(65_464) })).toBe('sent');
  });
});

function prefixed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(0, 0, message.length >> 8, message.length, ...message);
}
