import { parseIpv4, toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { encodeAnnounce } from '../src/discovery/announce.js';
import { OS_SERVICE_KIND } from '../src/os/gateway/gateway.js';
import { encodeSmResolve } from '../src/os/gateway/sm.js';
import { OS_NODE_TRANSITIONS, type OsNodeState } from '../src/os/node/fsm.js';
import { areReady, makeNode, makePair, type Pair } from './support/os/nodes.js';

const SERVED = Uint8Array.from([0x53, 0x4d, 0x01, 0x86, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Discovery, handshake, ladder, one request: what each of the two saw of it. */
function runToAnswer(pair: Pair, until = 60_000): boolean {
  const { world, a } = pair;
  world.run(until, () => areReady(pair));
  if (!areReady(pair)) return false;
  world.act('a', (now) => a.request(now, OS_SERVICE_KIND.samgrd, encodeSmResolve('samgrd')));
  world.run(world.now + 5_000, () => world.eventsOf('a', 'response').length > 0);
  return world.eventsOf('a', 'response').length > 0;
}

describe('two nodes', () => {
  test('discovery, handshake, mux ladder, request: one ladder of events from one seed', () => {
    const pair = makePair({ seed: 1, delayMs: [1, 3] });
    expect(runToAnswer(pair)).toBe(true);
    expect(pair.world.events.map(({ node, event }) => `${node} ${event.type}`)).toMatchInlineSnapshot(`
      [
        "b state",
        "b state",
        "b announced",
        "a state",
        "a announced",
        "a peer-found",
        "a state",
        "a dial",
        "b peer-found",
        "b state",
        "b state",
        "a state",
        "a state",
        "a handshake-done",
        "b handshake-done",
        "b session-up",
        "b state",
        "b mux-up",
        "a session-up",
        "a state",
        "a mux-up",
        "b mux-data",
        "b mux-check",
        "a mux-data",
        "a mux-check",
        "b ready",
        "a ready",
        "b served",
        "a response",
      ]
    `);
    expect(pair.world.eventsOf('a', 'response')).toMatchObject([{ status: 0, payload: SERVED }]);
    expect(pair.a.inspect().discovery.peers).toMatchObject([{ deviceId: 'node-b', bound: true }]);
  });

  test('the same seed gives the same trace, another one another', () => {
    const trace = (seed: number): string => {
      const pair = makePair({ seed, delayMs: [1, 50], loss: 0.2, pieceMax: 60 });
      runToAnswer(pair);
      return pair.world.trace.join('\n');
    };
    expect(trace(7)).toBe(trace(7));
    expect(trace(7)).not.toBe(trace(8));
  });

  test('property: they find each other and a request is answered, whatever is lost, doubled, delayed, and cut', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 300 }), (seed, loss, pieceMax) => {
        const pair = makePair({ seed, delayMs: [1, 100], loss: loss / 100, duplicate: 0.5, pieceMax });
        expect(runToAnswer(pair)).toBe(true);
      }),
      { numRuns: runs(4) },
    );
  });

  test('no two sessions have the same octets: ephemeral keys are random', () => {
    const first = (seed: number): string =>
      toHex((makePairRun(seed).world.streamBytes('a')[0] as Uint8Array) ?? new Uint8Array(0));
    expect(first(1)).not.toBe(first(2));
  });

  test('an octet that changes on the way ends the session, and the next one comes to its end', () => {
    for (const nth of [0, 1, 2, 3, 5]) {
      let seen = 0;
      const pair = makePair({
        seed: nth,
        tamper: (_from, bytes) => (seen++ === nth ? bytes.map((one, i) => (i === 20 ? one ^ 1 : one)) : bytes),
      });
      expect(runToAnswer(pair)).toBe(true);
      expect(pair.a.inspect().epoch).toBeGreaterThan(1);
    }
  });
});

function makePairRun(seed: number): Pair {
  const pair = makePair({ seed });
  runToAnswer(pair);
  return pair;
}

describe('what goes wrong', () => {
  test('a session that is cut off: the request fails by its time, and after the cut there is a new session', () => {
    const pair = makePairRun(3);
    const { world, a } = pair;
    world.partitioned = () => true;
    world.act('a', (now) => a.handleLocalRequest(now, Uint8Array.of(0x44, 0x53, 0x01, 0x02)));
    world.run(world.now + 10_000);
    expect(world.eventsOf('a', 'local-answer')).toMatchObject([{ frame: Uint8Array.of(0x44, 0x53, 1, 0x82, 1, 0, 0) }]);
    expect(world.eventsOf('a', 'closed')).toMatchObject([{ cause: 'response-timeout', phase: 'ready' }]);
    world.partitioned = () => false;
    world.run(world.now + 20_000, () => world.eventsOf('a', 'ready').length > 1);
    expect(world.eventsOf('a', 'ready')).toHaveLength(2);
  });

  test('node-b is restarted with nothing: node-a comes back to it', () => {
    const pair = makePairRun(4);
    const { world } = pair;
    const fresh = makeNode('node-b', 'restart', { services: pair.services });
    world.replace('b', fresh);
    world.act('b', (now) => fresh.start(now));
    world.run(world.now + 20_000, () => world.eventsOf('a', 'ready').length > 1);
    expect([fresh.state, pair.a.state, pair.a.inspect().epoch]).toEqual(['ready', 'ready', 2]);
  });

  test('fault/S06 a forged source sends the dial astray once: the next try goes to where the peer is', () => {
    const pair = makePair({ seed: 5 }, { a: { fallbackDialMs: 50 } });
    const { world, a } = pair;
    const forged = encodeAnnounce({
      deviceId: 'node-b',
      port: 34568,
      noiseStatic: keyOfB(),
      services: [],
    });
    const forge = (): void =>
      world.inject('a', {
        source: { address: parseIpv4('10.42.0.99'), port: 37020 },
        destination: { address: parseIpv4('239.42.0.1'), port: 37020 },
        payload: forged,
      });
    forge();
    world.run(200, () => world.eventsOf('a', 'dial-failed').length > 0);
    world.run(200);
    forge(); // again the newest that was heard
    world.run(20_000, () => areReady(pair));
    expect(world.eventsOf('a', 'dial').map((event) => (event.type === 'dial' ? event.target.address : 0))).toEqual([
      parseIpv4('10.42.0.99'),
      parseIpv4('10.42.0.11'),
    ]);
    expect(a.state).toBe('ready');
  });

  test('strangers fill every place of node-b, and node-a comes in all the same', () => {
    const pair = makePair({ seed: 6 }, { a: { fallbackDialMs: 100 } });
    const { world, b } = pair;
    for (let i = 0; i < 10; i++)
      world.act('b', (now) =>
        b.handleStreamOpened(now, {
          stream: 1_001 + 2 * i,
          local: { address: parseIpv4('10.42.0.11'), port: 34568 },
          remote: { address: parseIpv4(`10.42.0.${100 + i}`), port: 5 },
        }),
      );
    expect(b.inspect().rejects).toEqual({ 'too-many-pending': 6 });
    expect(b.inspect().sessions).toHaveLength(4);
    world.run(4_000, () => areReady(pair));
    expect([pair.a.state, b.state]).toEqual(['ready', 'ready']);
    world.run(6_000);
    expect(b.inspect().sessions).toHaveLength(1); // the strangers had five seconds
  });

  test('octets of no connection, and a blocked one: counted, and kept back', () => {
    const pair = makePairRun(9);
    const { world, a, b } = pair;
    world.act('b', (now) => b.handleStreamBytes(now, 999, Uint8Array.of(1)));
    expect(b.inspect().rejects).toEqual({ 'unknown-stream': 1 });
    const { stream } = a.inspect().sessions[0] as { stream: number };
    a.handleStreamBlocked(world.now, stream);
    expect(typeof a.request(world.now, 1, encodeSmResolve('samgrd'))).toBe('number');
    expect(a.pollTransmit()).toBeUndefined();
    a.handleStreamWritable(world.now, stream);
    expect(a.pollTransmit()).toMatchObject({ type: 'stream-bytes', bytes: { length: 275 } });
  });

  test('a request that doesn’t fit is refused, not cut; without a session none is taken', () => {
    const pair = makePairRun(10);
    expect(pair.a.request(pair.world.now, 2, new Uint8Array(257))).toBe('oversized');
    expect(pair.b.request(pair.world.now, 2, new Uint8Array(1))).toBe('not-ready');
    expect(makeNode('node-a', 1).request(0, 2, new Uint8Array(1))).toBe('not-ready');
  });
});

function keyOfB(): Uint8Array {
  const node = makeNode('node-b', 'key');
  node.start(0);
  for (let one = node.pollTransmit(); one !== undefined; one = node.pollTransmit())
    if (one.type === 'datagram') return one.payload.slice(6 + 6 + 2, 6 + 6 + 2 + 32);
  throw new Error('node-b announces nothing');
}

test('every state has its way out, and only `stop` leads to idle', () => {
  const states = Object.keys(OS_NODE_TRANSITIONS) as OsNodeState[];
  for (const state of states) {
    const out = Object.entries(OS_NODE_TRANSITIONS[state]);
    expect(out.length).toBeGreaterThan(0);
    for (const [trigger, to] of out) expect(to === 'idle').toBe(trigger === 'stop');
  }
});
