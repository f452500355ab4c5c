import { ipv4 } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Fact, type FactKind } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { Ladder, type LadderOptions, profileNamed, type Verdict, type WireContext } from '../src/index.js';

const { nodeA, nodeB, nodeAMac, nodeBMac } = ADDRESS_PLAN.os2vm;
const OBSERVER = ipv4(10, 42, 0, 254);
const STRANGER = ipv4(10, 42, 0, 99);
const context = (guestMac: WireContext['guestMac'], staticAddress: typeof nodeA): WireContext => ({
  guestMac,
  staticAddress,
  gateway: OBSERVER,
  dhcpServer: OBSERVER,
  isUnrouted: true,
});
const contexts = { a: context(nodeAMac, nodeA), b: context(nodeBMac, nodeB) };

type Details = Readonly<Record<string, unknown>>;
const SESSION = { client: nodeA, clientPort: 50_000, server: nodeB, serverPort: 34_568, dialect: 'bus' };
const announced = (source: typeof nodeA, deviceId: string): [FactKind, Details] => [
  'dsoftbus.announced',
  { source, deviceId, sessionPort: 34_567, services: 1 },
];
const opened = (more: Details = {}): [FactKind, Details] => ['dsoftbus.session-opened', { ...SESSION, handshake: 'x', ...more }];
const exchanged = (more: Details = {}): [FactKind, Details] => ['tcp.exchanged', { ...SESSION, turn: 1, ...more }];

/** A run of lines (`a: text`) and facts in this order, one each millisecond, and the time until the end. */
function judge(steps: readonly (string | [FactKind, Details])[], options: Partial<LadderOptions> = {}): Verdict {
  const ladder = new Ladder({
    profile: profileNamed('os2vm'),
    context: contexts,
    runMs: 200_000,
    silenceMs: 200_000,
    ...options,
  });
  ladder.start(0);
  let verdict: Verdict | undefined;
  const drain = (): void => {
    for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent())
      if (event.type === 'verdict') verdict = event.verdict;
  };
  steps.forEach((step, index) => {
    const at = index + 1;
    if (typeof step === 'string') {
      const [node, text] = step.split(': ', 1).concat(step.slice(3)) as [string, string];
      ladder.handleLine(at, { number: at, at, text, cut: false }, node);
    } else {
      const [kind, details] = step;
      ladder.handleFact(at, { kind, at, frames: [at], ...details } as unknown as Fact);
    }
    drain();
  });
  while (verdict === undefined) {
    ladder.handleTimeout(ladder.nextTimeout());
    drain();
  }
  return verdict;
}

const both = (text: string): readonly string[] => [`a: ${text}`, `b: ${text}`];
const seen = (mac: typeof nodeAMac): [FactKind, Details] => ['ethernet.seen', { mac }];
const usable = (ownerMac: typeof nodeAMac, ownerIp: typeof nodeA): readonly [FactKind, Details][] => [
  ['arp.resolved', { askerMac: ADDRESS_PLAN.smoke.gatewayMac, askerIp: OBSERVER, ownerMac, ownerIp }],
  ['icmp.echo-answered', { asker: OBSERVER, answerer: ownerIp, identifier: 1, sequence: 1, roundTripMs: 1 }],
];
const BRING_UP: readonly (string | [FactKind, Details])[] = [
  ...both('netstackd: ready'),
  ...both('net: virtio-net up'),
  seen(nodeAMac),
  seen(nodeBMac),
  'a: net: smoltcp iface up 10.42.0.10',
  'b: net: smoltcp iface up 10.42.0.11',
  ...usable(nodeAMac, nodeA),
  ...usable(nodeBMac, nodeB),
];
const DISCOVERY = [...both('dsoftbusd: discovery cross-vm up'), announced(nodeA, 'node-a'), announced(nodeB, 'node-b')];
const SESSION_OK = ['a: dsoftbusd: cross-vm session ok node-b', 'b: dsoftbusd: cross-vm session ok node-a'];
const MUX = [
  'dsoftbus:mux crossvm session up',
  'dsoftbus:mux crossvm data ok',
  'SELFTEST: mux crossvm pri control ok',
  'SELFTEST: mux crossvm bulk ok',
  'SELFTEST: mux crossvm backpressure ok',
].flatMap(both);
const REMOTE = [
  'a: SELFTEST: remote resolve ok',
  'a: SELFTEST: remote query ok',
  'a: SELFTEST: remote statefs rw ok',
  'b: dsoftbusd: remote statefs served',
  'a: SELFTEST: remote pkgfs stat ok',
  'a: SELFTEST: remote pkgfs open ok',
  'a: SELFTEST: remote pkgfs read step ok',
  'a: SELFTEST: remote pkgfs close ok',
  'a: SELFTEST: remote pkgfs read ok',
  'b: dsoftbusd: remote packagefs served',
];
const exchanges = (count: number): readonly [FactKind, Details][] =>
  Array.from({ length: count }, (_, i) => exchanged({ turn: i + 1 }));
const whole = [...BRING_UP, ...DISCOVERY, opened(), ...SESSION_OK, ...exchanges(8), ...MUX, ...REMOTE];

const said = ({ failure }: Verdict) => failure && [failure.phase, failure.node, failure.cause];

describe('two machines on one wire', () => {
  test('pass when the wire shows the session and what went over it', () => {
    const verdict = judge(whole);
    expect(verdict.failure).toBeUndefined();
    expect(verdict.markers.filter(({ evidence }) => evidence !== 'proven').map(({ id }) => id)).toEqual([
      'netstackd-ready',
      'netstackd-ready',
    ]);
  });

  test('fail where a session is claimed and none was opened', () => {
    const steps = whole.filter((step) => typeof step === 'string' || step[0] !== 'dsoftbus.session-opened');
    expect(said(judge(steps))).toEqual(['session', 'a', 'unproven-marker']);
  });

  test('fail where the session was one with somebody else', () => {
    const steps = whole.map((step) =>
      typeof step !== 'string' && step[0] === 'dsoftbus.session-opened' ? opened({ server: STRANGER }) : step,
    );
    expect(said(judge(steps))).toEqual(['session', 'a', 'unproven-marker']);
  });

  test('fail where the peer has another name than the line says', () => {
    const steps = whole.map((step) => (step === SESSION_OK[0] ? 'a: dsoftbusd: cross-vm session ok node-c' : step));
    expect(said(judge(steps))).toEqual(['session', 'a', 'contradicted-marker']);
  });

  test.each([
    [7, 'SELFTEST: remote pkgfs close ok'],
    [3, 'SELFTEST: remote statefs rw ok'],
    [0, 'dsoftbus:mux crossvm data ok'],
  ])('%i exchanges are too few for: %s', (count, marker) => {
    const steps = [...BRING_UP, ...DISCOVERY, opened(), ...SESSION_OK, ...exchanges(count), ...MUX, ...REMOTE];
    expect(judge(steps).failure).toMatchObject({ cause: 'unproven-marker', marker });
  });

  test('exchanges of two sessions count together: one that was lost took nothing back', () => {
    const again = { clientPort: 50_001 };
    const steps = [...BRING_UP, ...DISCOVERY, opened(), ...SESSION_OK, ...exchanges(3), opened(again)];
    const later = Array.from({ length: 5 }, (_, i) => exchanged({ ...again, turn: i + 1 }));
    expect(judge([...steps, ...later, ...MUX, ...REMOTE]).failure).toBeUndefined();
  });

  test('exchanges before the handshake was over are none of the session', () => {
    const steps = [...BRING_UP, ...DISCOVERY, ...exchanges(8), opened(), ...SESSION_OK, ...MUX, ...REMOTE];
    expect(said(judge(steps))).toEqual(['mux', 'a', 'unproven-marker']);
  });

  test('what persisted takes a second session', () => {
    const profile = profileNamed('os2vm-restart');
    const line = 'a: SELFTEST: remote statefs persist ok';
    expect(said(judge([...whole, line], { profile }))).toEqual(['persist', 'a', 'unproven-marker']);
    const again = { clientPort: 50_001 };
    expect(judge([...whole, opened(again), exchanged(again), line], { profile }).failure).toBeUndefined();
  });
});

describe('why it did not come to a session', () => {
  const dialled: [FactKind, Details] = ['tcp.dialled', SESSION];
  const connected: [FactKind, Details] = ['tcp.connected', SESSION];

  test.each([
    ['neither dialled', [], 'no-session-dial'],
    ['nobody took the connection', [dialled], 'no-session-connection'],
    ['the handshake was not completed', [dialled, connected], 'no-session'],
    ['the console does not say so', [dialled, connected, opened()], 'missing-marker'],
  ] as const)('%s', (_what, facts, cause) => {
    expect(said(judge([...BRING_UP, ...DISCOVERY, ...facts]))).toEqual(['session', 'a', cause]);
  });

  test('node b never announced itself', () => {
    const steps = [...BRING_UP, 'a: dsoftbusd: discovery cross-vm up', announced(nodeA, 'node-a')];
    expect(said(judge(steps))).toEqual(['discovery', 'b', 'no-announce']);
  });
});

describe('budgets', () => {
  test('a run that is satisfied and took too long is over budget, and says which phase', () => {
    const budgets = { remote: 3 };
    expect(said(judge(whole, { budgets }))).toEqual(['remote', undefined, 'over-budget']);
    expect(said(judge(whole, { budgets: { total: 10 } }))).toEqual(['total', undefined, 'over-budget']);
    expect(judge(whole, { budgets: { total: 1_000, remote: 1_000 } }).failure).toBeUndefined();
  });

  test('slack gives evidence and phases more time', () => {
    const late = [...BRING_UP.slice(0, 7)];
    const without = judge(late).durationMs;
    expect(judge(late, { slackMs: 5_000 }).durationMs).toBe(without + 5_000);
  });

  test('of a phase that there isn’t, they are refused', () => {
    expect(() => judge([], { budgets: { nowhere: 1 } })).toThrow('has no phase nowhere');
  });
});
