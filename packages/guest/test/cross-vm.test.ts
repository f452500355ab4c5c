import { InMemoryStatefs } from '@nexus-net/dsoftbus';
import { describe, expect, test } from 'vitest';
import { type Dialect, LAST_LINE, TwoMachines } from './support/two-machines.js';

/** Typed by hand from the list of the OS's harness. */
const BOTH = [
  'dsoftbusd: discovery cross-vm up',
  'dsoftbusd: cross-vm session ok node-b',
  'dsoftbus:mux crossvm session up',
  'dsoftbus:mux crossvm data ok',
  'SELFTEST: mux crossvm pri control ok',
  'SELFTEST: mux crossvm bulk ok',
  'SELFTEST: mux crossvm backpressure ok',
];
const NODE_A = [
  ...BOTH,
  'SELFTEST: remote resolve ok',
  'SELFTEST: remote query ok',
  'SELFTEST: remote statefs rw ok',
  'SELFTEST: remote pkgfs stat ok',
  'SELFTEST: remote pkgfs open ok',
  'SELFTEST: remote pkgfs read step ok',
  'SELFTEST: remote pkgfs close ok',
  'SELFTEST: remote pkgfs read ok',
];
const NODE_B = [
  ...BOTH.map((line) => line.replace('node-b', 'node-a')),
  'dsoftbusd: remote statefs served',
  'dsoftbusd: remote packagefs served',
];
const PERSIST = 'SELFTEST: remote statefs persist ok';

describe.each<Dialect>(['bus', 'os'])('two machines, dialect %s', (dialect) => {
  test('each prints its ladder byte for byte, and nothing twice, whichever starts first', () => {
    const two = new TwoMachines({ dialect, bootAt: { 'node-a': 700 } });
    two.until('node-a', LAST_LINE['node-a'], 5_000);
    two.sim.runFor(5_000);
    expect(two.printed['node-a'].slice(0, 4).map(({ line }) => line)).toEqual([
      'netstackd: ready',
      'net: virtio-net up',
      'net: dhcp unavailable (fallback static 10.42.0.10/24)',
      'net: smoltcp iface up 10.42.0.10',
    ]);
    expect(two.lines('node-a')).toEqual(NODE_A);
    expect(two.lines('node-b')).toEqual(NODE_B);
  });
});

describe('two machines', () => {
  const dialect = 'bus';

  test('node-a has a wrong key for its peer: it says so once, and nobody has a session', () => {
    const two = new TwoMachines({ dialect, faults: { 'node-a': 'wrong-peer-key' } });
    two.sim.runFor(2_000);
    expect(two.lines('node-a')).toEqual([BOTH[0], 'dsoftbusd: identity mismatch peer=node-b']);
    expect(two.lines('node-b')).toEqual([BOTH[0]]);
  });

  test('node-b is replaced by a new machine that has its disk', () => {
    const statefs = new InMemoryStatefs();
    const two = new TwoMachines({ dialect, statefs });
    two.until('node-a', LAST_LINE['node-a'], 5_000);
    two.kill('node-b');
    two.boot('node-b', { statefs });
    two.until('node-a', PERSIST, 60_000);
    expect(two.lines('node-a').filter((each) => !/session lost/.test(each))).toEqual([...NODE_A, PERSIST]);
  });
});
