import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type CraftedProbe, checkCrafted } from './support/crafted-requests.js';
import { checkHostileRoles, type HostileMessage } from './support/hostile-roles.js';
import { checkScripted, type ScriptedBehaviour } from './support/scripted-replies.js';

// Selections: `npm run conformance` runs all of each.
const { behaviours } = read<{ behaviours: ScriptedBehaviour[] }>('scripted-replies.json');
const { probes } = read<{ probes: CraftedProbe[] }>('crafted-requests.json');
const hostile = read<{ cases: HostileMessage[] }>('hostile-roles.json');

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'utf8')) as T;
}

test('our client does what it has to with servers that do odd things', () => {
  expect(checkScripted(behaviours)).toEqual({ passed: 50, failed: [], notRun: [] });
});

test('our server does what it has to with requests made by hand', () => {
  expect(checkCrafted(probes)).toEqual({ passed: 86, failed: [], notRun: [] });
});

test('fault/H17 hostile messages change nothing in client, server and relay', () => {
  expect(checkHostileRoles(hostile)).toEqual({ passed: 34, failed: [], notRun: [] });
});

describe('the checks notice', () => {
  const framesOf = (name: string): ScriptedBehaviour => behaviours.find(({ behaviour }) => behaviour === name)!;
  const probeOf = (name: string): CraftedProbe => probes.find((probe) => probe.name === name)!;

  test.each([
    ['plain', 'lease-zero'],
    ['wrong-xid', 'plain'],
    ['lease-infinite', 'plain'],
    ['dup-offers', 'nak-once-then-ok'],
    ['silent-request', 'sid-missing'],
    ['nobody-knows-this', 'plain'],
  ])('a client that does with %s what it does with %s', (behaviour, other) => {
    expect(checkScripted([{ ...framesOf(other), behaviour }]).failed).toHaveLength(1);
  });

  test.each([
    ['discover-minimal', 'bad-cookie'],
    ['bad-cookie', 'discover-minimal'],
    ['renew_unknown', 'bad-cookie'],
    ['release_by_stranger', 'release_no_sid'],
    ['nobody-knows-this', 'discover-minimal'],
  ])('a server that does with %s what it does with %s', (name, other) => {
    expect(checkCrafted([{ ...probeOf(other), name }]).failed).toHaveLength(1);
  });

  test('a machine that takes a message that it has to leave alone', () => {
    const swapped = (id: string, hexOf: string): HostileMessage => {
      const of = (wanted: string): HostileMessage => hostile.cases.find((one) => one.id === wanted)!;
      return { ...of(id), hex: of(hexOf).hex };
    };
    // A good ACK in place of a stranger's, a DISCOVER of our network for one of none, one without option 82 for one with it.
    const cases = [swapped('D076', 'D077'), swapped('D091', 'D094'), swapped('D098', 'D094')];
    expect(checkHostileRoles({ cases }).failed.map(({ id }) => id)).toEqual(['D076', 'D091', 'D098']);
  });
});
