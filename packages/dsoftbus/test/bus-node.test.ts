import { InMemoryPackagefs, InMemorySamgr, InMemoryStatefs, osGatewayServices } from '@nexus-net/dsoftbus';
import { describe, expect, test } from 'vitest';
import { BusWorld, keyOf, trustOf } from './support/bus-world.js';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

function transfer(world: BusWorld, bytes: Uint8Array): Uint8Array {
  const opened = world.do((now) => world.node('a').openStream(now, 'b', { name: 'file', priority: 3 }));
  if (!opened.ok) throw new Error(opened.error);
  const got: number[] = [];
  let sent = 0;
  for (let i = 0; i < 400 && got.length < bytes.length; i++) {
    sent += world.do((now) => world.node('a').write(now, 'b', opened.value, bytes.subarray(sent)));
    world.run(10);
    const piece = world.do((now) => world.node('b').read(now, 'a', opened.value));
    got.push(...(piece ?? []));
  }
  return Uint8Array.from(got);
}

describe('two nodes', () => {
  test('discovery, session, mux and gateway from one seed with one trace', () => {
    const run = (): BusWorld => {
      const world = new BusWorld('pair', { delayMs: 2, jitterMs: 3 });
      world.add('b', {
        rules: [
          { deviceId: 'a', service: 'packagefs', operations: ['stat', 'open', 'read', 'close'], resources: ['pkg:/system'] },
        ],
        gatewayServices: osGatewayServices({ packagefs: new InMemoryPackagefs({ 'system/build.prop': octets('x=1') }) }),
      });
      world.add('a');
      expect(world.run(5_000, () => world.areConnected('a', 'b'))).toBe(true);
      expect(transfer(world, new Uint8Array(20_000).fill(9))).toEqual(new Uint8Array(20_000).fill(9));
      world.do((now) =>
        world.node('a').request(now, 'b', { service: 'packagefs', operation: 'stat', path: 'pkg:/system/build.prop' }),
      );
      world.do((now) => world.node('a').request(now, 'b', { service: 'packagefs', operation: 'stat', path: 'pkg:/secret' }));
      world.do((now) => world.node('a').request(now, 'b', { service: 'samgr', operation: 'resolve', name: 'samgrd' }));
      world.run(100);
      world.do((now) => world.node('a').stop(now));
      world.run(5_300);
      return world;
    };
    const world = run();
    expect(run().trace).toEqual(world.trace);
    const story = world.trace.map((line) => line.replace(/^\d+ /, '')).filter((line) => !line.includes('stream of'));
    expect(story).toEqual([
      'b finds a',
      'a finds b',
      'a dials b at 10.42.0.1:34567',
      'b has a session with a as responder',
      'a has a session with b as initiator',
      'b answers a #1 packagefs stat: ok',
      'b answers a #2 packagefs stat: denied',
      'b answers a #3 samgr resolve: denied',
      'a hears from b #1: ok',
      'a hears from b #2: denied',
      'a hears from b #3: denied',
      'a ends the session with b: goodbye 9 by us',
      'b ends the session with a: goodbye 9 by peer',
    ]);
  });

  test('the trust store decides: pinned keys connect, a missing mapping refuses, an announced key is not enough by itself', () => {
    const world = new BusWorld('trust');
    world.add('a', { trustAnnounced: false, trust: trustOf('b') });
    world.add('b', { trustAnnounced: false, trust: trustOf('a') });
    expect(world.run(5_000, () => world.areConnected('a', 'b'))).toBe(true);

    const strangers = new BusWorld('strangers');
    strangers.add('a', { trustAnnounced: false, trust: trustOf('b') });
    strangers.add('b', { trustAnnounced: false });
    strangers.run(20_000);
    expect(strangers.node('a').sessions()).toEqual([]);
    expect(strangers.trace.some((line) => line.endsWith('unknown-device'))).toBe(true);

    const changed = new BusWorld('changed');
    const trust = trustOf();
    trust.pin('a', keyOf('somebody else').publicKey);
    changed.add('a', { trustAnnounced: true });
    changed.add('b', { trustAnnounced: true, trust });
    changed.run(20_000);
    expect(changed.node('b').sessions()).toEqual([]);
    expect(changed.trace.some((line) => line.endsWith('key-changed'))).toBe(true);
  });

  test('pairing: both show the same six digits; after both users agree the session opens, and the next one needs no digits', () => {
    const world = new BusWorld('pairing');
    world.add('a', { trustAnnounced: false, pairing: true });
    world.add('b', { trustAnnounced: false, pairing: true });
    const shown = (): readonly string[] =>
      world.events.flatMap(({ event }) => (event.type === 'pairing' && event.needsConfirmation ? [event.pin] : []));
    expect(world.run(10_000, () => shown().length === 2)).toBe(true);
    const [first, second] = shown();
    expect(first).toMatch(/^\d{6}$/);
    expect(second).toBe(first);
    world.do((now) => world.node('a').confirmPairing(now, 'b'));
    world.run(1_000);
    expect(world.areConnected('a', 'b')).toBe(false);
    world.do((now) => world.node('b').confirmPairing(now, 'a'));
    expect(world.run(1_000, () => world.areConnected('a', 'b'))).toBe(true);
    world.resetStreams();
    expect(world.run(60_000, () => world.areConnected('a', 'b'))).toBe(true);
    expect(shown()).toHaveLength(2);
  });

  test('revoking a key ends the session that uses it, and it does not come again', () => {
    const world = new BusWorld('revoke');
    world.add('a', { trustAnnounced: false, trust: trustOf('b') });
    world.add('b', { trustAnnounced: false, trust: trustOf('a') });
    expect(world.run(5_000, () => world.areConnected('a', 'b'))).toBe(true);
    world.do((now) => world.node('b').revoke(now, 'a', keyOf('a').publicKey));
    world.run(60_000);
    expect(world.trace.some((line) => line.endsWith('goodbye 8 by peer'))).toBe(true);
    expect(world.node('a').sessions()).toEqual([]);
  });
});

describe('links, partitions, crashes', () => {
  const converges = (name: string, world: BusWorld, nodes: readonly string[], ms: number): void => {
    const isDone = (): boolean => nodes.every((a) => nodes.every((b) => a === b || world.areConnected(a, b)));
    expect([name, world.run(ms, isDone)]).toEqual([name, true]);
  };

  test.each([0.05, 0.15, 0.3])('fault/L01 three nodes find each other at a loss of %d', (loss) => {
    const world = new BusWorld(`loss ${loss}`, { loss, delayMs: 5, jitterMs: 20 });
    for (const name of ['a', 'b', 'c']) world.add(name);
    converges('loss', world, ['a', 'b', 'c'], 120_000);
    expect(transfer(world, octets('all of it'))).toEqual(octets('all of it'));
  });

  test('fault/L04 half of all datagrams come twice, up to a minute late: one session each, nothing delivered twice', () => {
    const world = new BusWorld('replay', { duplicate: 0.5, duplicateLagMs: 60_000, delayMs: 1 });
    for (const name of ['a', 'b']) world.add(name);
    converges('replay', world, ['a', 'b'], 30_000);
    expect(transfer(world, octets('once'))).toEqual(octets('once'));
    world.run(120_000);
    expect(world.events.filter(({ event }) => event.type === 'session-open')).toHaveLength(2);
  });

  test('fault/L09 a symmetric partition: sessions time out by keepalive, and come again with growing waits, without a storm', () => {
    const world = new BusWorld('partition', { delayMs: 2 });
    for (const name of ['a', 'b']) world.add(name);
    converges('before', world, ['a', 'b'], 10_000);
    world.cut('a', 'b');
    world.cut('b', 'a');
    world.run(30_000);
    expect(world.node('a').sessions()).toEqual([]);
    expect(world.node('b').sessions()).toEqual([]);
    world.run(150_000);
    const dials = world.events.filter(({ event }) => event.type === 'dialling');
    expect(dials.length).toBeLessThan(25);
    world.heal();
    converges('after', world, ['a', 'b'], 120_000);
    // Two sides, and no more sessions than that.
    expect(world.node('a').inspect().sessions).toHaveLength(1);
  });

  test('fault/L10 an asymmetric partition: both sides close in bounded time, though one is still heard', () => {
    const world = new BusWorld('asymmetric', { delayMs: 2 });
    for (const name of ['a', 'b']) world.add(name);
    converges('before', world, ['a', 'b'], 10_000);
    world.cut('a', 'b');
    world.run(30_000);
    expect([world.node('a').sessions(), world.node('b').sessions()]).toEqual([[], []]);
    expect(world.trace.filter((line) => line.includes('keepalive-timeout')).length).toBeGreaterThan(0);
    world.heal();
    converges('after', world, ['a', 'b'], 120_000);
  });

  test('fault/L11 links are cut one by one and freed in another order: all come together after the last one', () => {
    const world = new BusWorld('swizzle', { delayMs: 2, loss: 0.1 });
    const nodes = ['a', 'b', 'c'];
    for (const name of nodes) world.add(name);
    converges('before', world, nodes, 60_000);
    for (const [from, to] of [
      ['a', 'b'],
      ['c', 'a'],
      ['b', 'c'],
      ['b', 'a'],
    ] as const) {
      world.cut(from, to);
      world.run(7_000);
    }
    world.heal();
    converges('after', world, nodes, 180_000);
  });

  test('fault/L20 a node crashes and comes back empty: the stale session goes, a new one comes, no stream is raised from the dead', () => {
    const world = new BusWorld('crash', { delayMs: 2 });
    for (const name of ['a', 'b']) world.add(name);
    converges('before', world, ['a', 'b'], 10_000);
    world.do((now) => world.node('a').openStream(now, 'b', { name: 'old', priority: 0 }));
    world.run(100);
    world.crash('b');
    world.run(5_000);
    world.add('b');
    converges('after', world, ['a', 'b'], 60_000);
    world.run(40_000);
    expect(world.areConnected('a', 'b')).toBe(true);
    const fresh = world.do((now) => world.node('a').openStream(now, 'b', { name: 'new', priority: 0 }));
    world.run(100);
    const opened = world.events.filter(
      ({ who, event }) => who === 'b' && event.type === 'stream' && event.event.type === 'opened',
    );
    expect(fresh.ok).toBe(true);
    expect(opened.at(-1)?.event).toMatchObject({ event: { name: 'new' } });
  });

  test('fault/L17 a node that is called ten seconds late runs all that is due, and its sessions stand', () => {
    const world = new BusWorld('late', { delayMs: 2 });
    for (const name of ['a', 'b']) world.add(name);
    converges('before', world, ['a', 'b'], 10_000);
    world.now += 10_000;
    world.run(40_000);
    expect(world.areConnected('a', 'b')).toBe(true);
  });
});

test('fault/P14 more than 32 requests at once are answered, those above the limit with their reason', () => {
  const world = new BusWorld('many');
  world.add('b', {
    rules: [{ deviceId: '*', service: 'samgr', operations: ['resolve'] }],
    gatewayServices: { perform: () => 'pending' },
    gateway: { runningCountMax: 8 },
  });
  world.add('a', { client: { runningCountMax: 100 } });
  world.run(5_000, () => world.areConnected('a', 'b'));
  for (let i = 0; i < 20; i++)
    world.do((now) => world.node('a').request(now, 'b', { service: 'samgr', operation: 'resolve', name: `s${i}` }));
  world.run(10_000);
  const replies = world.events.flatMap(({ event }) => (event.type === 'reply' ? [event.result.status] : []));
  expect(replies.filter((status) => status === 'limit')).toHaveLength(12);
  expect(replies.filter((status) => status === 'timeout')).toHaveLength(8);
});

test('at most so many sessions: the next device is told so', () => {
  const world = new BusWorld('full', { delayMs: 1 });
  world.add('hub', { sessionCountMax: 2 });
  for (const name of ['a', 'b', 'c']) world.add(name, { dial: ['hub'] });
  world.run(30_000);
  expect(world.node('hub').sessions()).toHaveLength(2);
  expect(world.trace.some((line) => line.includes('goodbye 4 by peer'))).toBe(true);
});

test('the same services answer both dialects', () => {
  const services = osGatewayServices({ samgr: new InMemorySamgr(), statefs: new InMemoryStatefs() });
  const caller = { deviceId: 'a', token: 1 };
  const key = '/state/shared/x';
  expect(services.perform({ service: 'statefs', operation: 'put', key, value: octets('v') }, caller)).toMatchObject({
    status: 'ok',
  });
  expect(services.perform({ service: 'statefs', operation: 'get', key }, caller)).toEqual({
    status: 'ok',
    value: { type: 'octets', bytes: octets('v') },
  });
  expect(services.perform({ service: 'statefs', operation: 'get', key: '/state/shared/y' }, caller)).toEqual({
    status: 'not-found',
  });
  expect(services.perform({ service: 'statefs', operation: 'list', prefix: '/state/shared/', limit: 9 }, caller)).toEqual({
    status: 'ok',
    value: { type: 'keys', keys: [key] },
  });
  expect(services.perform({ service: 'samgr', operation: 'resolve', name: 'nobody' }, caller)).toEqual({ status: 'not-found' });
  expect(services.perform({ service: 'bundlemgr', operation: 'query' }, caller)).toEqual({ status: 'unavailable' });
});
