import type { Millis } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Fact } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import {
  Ladder,
  type LadderOptions,
  type Marker,
  type Profile,
  type ProfileSpec,
  profileNamed,
  type Verdict,
} from '../src/index.js';

const { guestMac, gateway, guest } = ADDRESS_PLAN.smoke;
const context = { guestMac, gateway, dhcpServer: gateway };
const local = (form: string, more: Partial<Marker> = {}): Marker => ({ form, meaning: 'x', backing: 'local', ...more });

/** A ladder of local markers: what is under test are the rules among them. */
const SPEC: ProfileSpec = {
  name: 'own',
  description: 'x',
  markers: {
    start: local('start: ok'),
    left: local('went left'),
    right: local('went right'),
    end: local('SELFTEST: the end ok', { failures: ['SELFTEST: the end FAIL'] }),
  },
  phases: [
    { name: 'begin', markers: ['start'], budgetMs: 100 },
    { name: 'way', markers: ['left'], budgetMs: 100 },
    { name: 'last', markers: ['end'], budgetMs: 100 },
  ],
  order: [
    ['start', 'left'],
    ['left', 'end'],
  ],
  outcomes: [{ name: 'way', of: ['left', 'right'] }],
};
const own = (spec: Partial<ProfileSpec> = {}): Profile => profileNamed('own', [{ ...SPEC, ...spec }]);

function judge(
  lines: readonly (string | readonly [node: string, line: string])[],
  options: Partial<LadderOptions> = {},
): Verdict {
  const { profile = own() } = options;
  const ladder = new Ladder({ ...options, profile, context: Object.fromEntries(profile.nodes.map((node) => [node, context])) });
  ladder.start(0);
  let now: Millis = 0;
  for (const each of lines) {
    now += 1;
    const [node, text] = typeof each === 'string' ? [profile.nodes[0], each] : each;
    ladder.handleLine(now, { number: now, at: now, text, cut: false }, node);
  }
  for (let at = ladder.nextTimeout(); Number.isFinite(at); at = ladder.nextTimeout()) ladder.handleTimeout(at);
  for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent())
    if (event.type === 'verdict') return event.verdict;
  throw new Error('no verdict');
}

const GOOD = ['start: ok', 'went left', 'SELFTEST: the end ok'];

test('what is asked for, in order, passes', () => {
  expect(judge(GOOD)).toMatchObject({
    outcome: 'passed',
    unclaimed: [],
    outcomes: [{ group: 'way', node: 'guest', marker: 'left' }],
  });
});

describe('order', () => {
  test('an edge that is broken is named, and the marker that had to come first', () => {
    expect(judge(['went left', 'start: ok']).failure).toMatchObject({
      cause: 'out-of-order',
      marker: 'start: ok',
      phase: 'begin',
    });
  });

  test('lines without an edge between them may come as they like', () => {
    expect(judge(['SELFTEST: the end ok', 'start: ok', 'went left'], { profile: own({ order: [] }) }).outcome).toBe('passed');
  });

  test('what nobody demands is not waited for', () => {
    const profile = own({ phases: [{ name: 'last', markers: ['end'], budgetMs: 100 }] });
    expect(judge(['SELFTEST: the end ok'], { profile }).outcome).toBe('passed');
  });
});

describe('outcomes that exclude each other', () => {
  test('both claimed is a failure', () => {
    const { failure } = judge(['start: ok', 'went right', 'went left']);
    expect(failure).toMatchObject({ cause: 'both-outcomes', marker: 'went left' });
    expect(failure?.message).toContain('went right');
  });

  test('the other one is no stand-in', () => {
    expect(judge(['start: ok', 'went right']).failure).toMatchObject({ cause: 'missing-marker', phase: 'way' });
  });

  test('unless the profile says so, and then the verdict says which', () => {
    const profile = own({ outcomes: [{ name: 'way', of: ['left', 'right'], interchangeable: true }] });
    const verdict = judge(['start: ok', 'went right', 'SELFTEST: the end ok'], { profile });
    expect(verdict).toMatchObject({
      outcome: 'passed',
      outcomes: [{ group: 'way', marker: 'right' }],
      unclaimed: [{ marker: 'left', node: 'guest' }],
    });
  });
});

describe('a line that says the opposite of a demanded marker', () => {
  test('fails at once, in that marker’s phase', () => {
    const verdict = judge(['start: ok', 'SELFTEST: the end FAIL reason=7', ...GOOD]);
    expect(verdict).toMatchObject({ durationMs: 2, failure: { cause: 'failure-marker', phase: 'last' } });
    expect(verdict.failure?.marker).toBe('SELFTEST: the end ok');
  });

  test('is nothing where the marker is not demanded', () => {
    const profile = own({ phases: [{ name: 'begin', markers: ['start'], budgetMs: 100 }] });
    expect(judge(['SELFTEST: the end FAIL', 'start: ok'], { profile }).outcome).toBe('passed');
  });

  test('may be let pass, and further lines may be forbidden', () => {
    expect(
      judge(['SELFTEST: the end FAIL', ...GOOD], { profile: own({ allowedLines: ['SELFTEST: the end FAIL'] }) }).outcome,
    ).toBe('passed');
    const { failure } = judge(['start: ok', 'LOCKDEP: x'], { profile: own({ forbiddenLines: ['LOCKDEP:'] }) });
    expect(failure).toMatchObject({ cause: 'failure-marker', phase: 'way' });
  });
});

describe('a log whose lines are damaged', () => {
  test.each<[string, string[], string]>([
    ['a line that runs into the next', ['start: ok', 'went leftSELFTEST: other'], 'spliced'],
    ['a line with something in front', ['start: ok', '[ 1.234] irq 5went left'], 'spliced'],
    ['a line torn in two', ['start: ok', 'went l', 'eft'], 'torn'],
    ['a line whose end is missing', ['start: ok', 'went left'.slice(0, -1)], 'torn'],
  ])('%s is no missing marker', (_what, lines, how) => {
    const { failure } = judge(lines);
    expect(failure).toMatchObject({ cause: 'corrupt-log', phase: 'way', marker: 'went left' });
    expect(failure?.message).toContain(how);
  });

  test('what merely resembles a marker is none', () => {
    expect(judge(['start: ok', 'went', 'left and right']).failure).toMatchObject({ cause: 'missing-marker' });
  });
});

describe('several nodes', () => {
  const profile = own({ nodes: ['a', 'b'], order: [], phases: [{ name: 'begin', markers: ['start'], budgetMs: 100 }] });

  test('each has to say it', () => {
    expect(judge([['a', 'start: ok']], { profile }).failure).toMatchObject({ cause: 'missing-marker', node: 'b' });
    const verdict = judge(
      [
        ['b', 'start: ok'],
        ['a', 'start: ok'],
      ],
      { profile },
    );
    expect(verdict.outcome).toBe('passed');
    expect(verdict.markers.map(({ node }) => node)).toEqual(['b', 'a']);
  });
});

describe('a lease and a fallback', () => {
  const wire = (kind: 'dhcp.offered' | 'dhcp.leased', at: Millis): Fact =>
    ({
      kind,
      at,
      frames: [at],
      client: guestMac,
      server: gateway,
      address: guest,
      xid: 1,
      leaseMs: 60_000,
      prefixLength: 24,
    }) as Fact;
  const BOUND = 'net: dhcp bound 10.0.2.15/24 gw=none';
  const FALLBACK = 'net: dhcp unavailable (fallback static 10.0.2.15/24)';
  const run = (steps: readonly (string | Fact)[]): Ladder => {
    const ladder = new Ladder({ profile: profileNamed('dhcp-prefer'), context: { ...context, staticAddress: guest } });
    ladder.start(0);
    let now = 0;
    for (const step of ['netstackd: ready', 'net: virtio-net up', ...steps]) {
      now += 1;
      if (typeof step === 'string') ladder.handleLine(now, { number: now, at: now, text: step, cut: false });
      else ladder.handleFact(now, { ...step, at: now });
    }
    return ladder;
  };
  const failure = (ladder: Ladder): unknown => {
    for (let event = ladder.pollEvent(); event !== undefined; event = ladder.pollEvent())
      if (event.type === 'verdict') return event.verdict.failure;
    return undefined;
  };

  test('both without a lease on the wire is a lie', () => {
    expect(failure(run([FALLBACK, BOUND]))).toMatchObject({ cause: 'both-outcomes' });
  });

  test('a fallback, and a lease that came later, is no contradiction', () => {
    expect(failure(run([FALLBACK, wire('dhcp.offered', 4), wire('dhcp.leased', 5), BOUND]))).toBeUndefined();
  });

  test('a fallback while the lease is held is one', () => {
    expect(failure(run([wire('dhcp.offered', 3), wire('dhcp.leased', 4), BOUND, FALLBACK]))).toMatchObject({
      cause: 'both-outcomes',
    });
  });
});
