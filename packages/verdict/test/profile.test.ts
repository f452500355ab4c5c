import { UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  checkProfileSpec,
  demandedMarkers,
  type Marker,
  PROFILE_SPECS,
  type ProfileSpec,
  profileNamed,
  resolveProfile,
} from '../src/index.js';

const local = (form: string, more: Partial<Marker> = {}): Marker => ({ form, meaning: 'x', backing: 'local', ...more });
const base: ProfileSpec = {
  name: 'base',
  description: 'a base',
  markers: { one: local('one'), two: local('two', { failures: ['two FAIL'] }), both: local('both', { nodes: 2 }) },
  phases: [
    { name: 'first', markers: ['one'], budgetMs: 10 },
    { name: 'second', markers: ['two'], budgetMs: 20 },
  ],
};
const heir = (spec: Partial<ProfileSpec>): ProfileSpec => ({ name: 'heir', description: 'an heir', extends: ['base'], ...spec });
const resolve = (spec: Partial<ProfileSpec>, ...more: readonly ProfileSpec[]) =>
  resolveProfile('heir', [base, heir(spec), ...more]);

describe('a profile that extends another', () => {
  test('has its phases, markers and failures', () => {
    const { phases, catalogue, failures, nodes, description } = resolve({});
    expect(phases.map(({ name }) => name)).toEqual(['first', 'second']);
    expect(phases[0]?.markers).toEqual([{ marker: 'one', node: 'guest' }]);
    expect(catalogue.read('two')).toEqual({ id: 'two', values: {} });
    expect(failures).toEqual([{ line: 'two FAIL', marker: 'two' }]);
    expect([nodes, description]).toEqual([['guest'], 'an heir']);
  });

  test('puts a phase where it says, and the rest at the end', () => {
    const { phases } = resolve({
      phases: [
        { name: 'between', markers: ['one'], budgetMs: 5, after: 'first' },
        { name: 'next', markers: ['one'], budgetMs: 5 },
      ],
    });
    expect(phases.map(({ name }) => name)).toEqual(['first', 'between', 'next', 'second']);
  });

  test('replaces a phase of the same name', () => {
    const { phases } = resolve({ phases: [{ name: 'first', markers: ['two'], budgetMs: 99 }] });
    expect(phases.map(({ name, budgetMs }) => [name, budgetMs])).toEqual([
      ['first', 99],
      ['second', 20],
    ]);
  });

  test('may demand what its parent forbids, and lets pass what it allows', () => {
    const strict = heir({ name: 'strict', forbidden: ['two'], phases: [{ name: 'second', markers: ['one'], budgetMs: 1 }] });
    expect(resolveProfile('strict', [base, strict]).forbidden).toEqual(['two']);
    const loose: ProfileSpec = {
      name: 'loose',
      description: 'x',
      extends: ['strict'],
      phases: [{ name: 'third', markers: ['two'], budgetMs: 1 }],
      allowedLines: ['two FAIL'],
    };
    const { forbidden, failures } = resolveProfile('loose', [base, strict, loose]);
    expect([forbidden, failures]).toEqual([[], []]);
  });

  test('of two parents has the demands of both', () => {
    const both: ProfileSpec = { name: 'both', description: 'x', extends: ['dhcp', 'own'] };
    const own: ProfileSpec = {
      name: 'own',
      description: 'x',
      extends: ['smoke'],
      markers: { mine: local('mine') },
      phases: [{ name: 'mine', markers: ['mine'], budgetMs: 1 }],
    };
    expect(profileNamed('both', [own, both]).phases.map(({ name }) => name)).toEqual([
      'boot',
      'link',
      'dhcp',
      'iface',
      'ping',
      'dns',
      'listen',
      'mine',
    ]);
  });
});

describe('several nodes', () => {
  const two: ProfileSpec = {
    ...base,
    name: 'two',
    nodes: ['a', 'b'],
    phases: [
      { name: 'all', markers: ['one', { marker: 'two', nodes: ['b'] }], budgetMs: 1 },
      { name: 'both', markers: ['both'], budgetMs: 1 },
    ],
  };

  test('a marker is demanded of each node, or of those that are named', () => {
    expect(resolveProfile('two', [two]).phases[0]?.markers).toEqual([
      { marker: 'one', node: 'a' },
      { marker: 'one', node: 'b' },
      { marker: 'two', node: 'b' },
    ]);
  });

  test('a marker that takes more nodes than there are is refused before anything boots', () => {
    expect(() => resolve({ phases: [{ name: 'x', markers: ['both'], budgetMs: 1 }] })).toThrow(
      'the profile heir demands both, which takes 2 nodes, and starts 1',
    );
  });
});

describe('what can’t be is refused in one sentence', () => {
  test.each<[string, Partial<ProfileSpec>, string]>([
    ['a parent that there isn’t', { extends: ['nobody'] }, 'no profile "nobody", which heir extends'],
    ['a marker that nobody knows', { phases: [{ name: 'x', markers: ['y'], budgetMs: 1 }] }, '"y" in the phase x'],
    ['a marker that is demanded and forbidden', { forbidden: ['one'], phases: base.phases ?? [] }, 'demands one and forbids it'],
    ['a phase after none', { phases: [{ name: 'x', markers: ['one'], budgetMs: 1, after: 'y' }] }, 'after y, which is none'],
    ['a phase without time', { phases: [{ name: 'x', markers: ['one'], budgetMs: 0 }] }, 'gives the phase x no time'],
    ['a phase without markers', { phases: [{ name: 'x', markers: [], budgetMs: 1 }] }, 'demands nothing in the phase x'],
    [
      'a node that there isn’t',
      { phases: [{ name: 'x', markers: [{ marker: 'one', nodes: ['c'] }], budgetMs: 1 }] },
      'of a node c',
    ],
    [
      'an order that goes in a circle',
      {
        order: [
          ['one', 'two'],
          ['two', 'one'],
        ],
      },
      'wants one before two before one',
    ],
    ['an order of strangers', { order: [['one', 'x']] }, '"x" in order'],
    ['outcomes of strangers', { outcomes: [{ name: 'o', of: ['x'] }] }, '"x" in the outcomes o'],
  ])('%s', (_what, spec, words) => {
    expect(() => resolve(spec)).toThrow(UsageError);
    expect(() => resolve(spec)).toThrow(words);
  });

  test('parents that extend each other', () => {
    expect(() => resolve({ extends: ['other'] }, { name: 'other', description: 'x', extends: ['heir'] })).toThrow(
      'heir → other → heir',
    );
  });

  test('a profile without a phase', () => {
    expect(() => resolveProfile('x', [{ name: 'x', description: 'x' }])).toThrow('the profile x has no phase');
  });

  test.each<[unknown, string]>([
    [[], 'a profile is an object'],
    [{ name: 'x', description: 'x', fases: [] }, 'the profile x has a key fases; known are name, description'],
    [{ name: 'x' }, 'the profile x has no description'],
    [{ name: 'x', description: 'x', phases: {} }, 'phases is a list'],
    [{ name: 'x', description: 'x', capabilities: ['fly'] }, 'wants a capability fly'],
  ])('a file that is none: %j', (value, words) => {
    expect(() => checkProfileSpec(value)).toThrow(words);
  });
});

test.each(PROFILE_SPECS.map(({ name }) => name))(
  'the profile %s that comes with the harness can be, and its specification is one',
  (name) => {
    expect(profileNamed(name).phases.length).toBeGreaterThan(0);
    expect(checkProfileSpec(PROFILE_SPECS.find((each) => each.name === name))).toBeDefined();
  },
);

test('the default demands nothing of DHCP, DNS, sessions or listeners', () => {
  expect(demandedMarkers(profileNamed('smoke'))).toEqual(['netstackd-ready', 'virtio-net-up', 'iface-up']);
});

test('the strict gate demands what the record says: lease, ping, DNS, listener, and the ping of a program', () => {
  expect(demandedMarkers(profileNamed('dhcp-strict'))).toEqual(
    expect.arrayContaining(['dhcp-bound', 'net-ping-ok', 'net-dns-ok', 'tcp-listen-ok', 'icmp-ping-ok']),
  );
  expect(profileNamed('dhcp-strict').forbidden).toEqual(['dhcp-fallback']);
});

test('the profile of the whole ladder has its 109 markers in its order', () => {
  const { phases, catalogue } = profileNamed('adr-0025-full');
  const markers = phases.flatMap((phase) => phase.markers);
  expect(markers).toHaveLength(109);
  expect(catalogue.get(markers[0]?.marker ?? '').form).toBe('neuron vers.');
  expect(markers.map(({ marker }) => marker)).toContain('tcp-listen-ok');
});
