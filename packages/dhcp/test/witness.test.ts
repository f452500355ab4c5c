import { formatIpv4, fromHex } from '@nexus-net/sansio';
import { describeFact } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DHCP_RULES } from '../src/index.js';
import { correctScene } from './support/correct-scene.js';
import { MUTATIONS } from './support/mutations.js';
import { observe } from './support/scene.js';
import { witnessCaptures, witnessDifferences } from './support/witness-captures.js';
import { renderWitnessRules } from './support/witness-doc.js';

describe('the correct scene', () => {
  test('breaks no rule', () => {
    expect(observe(correctScene().frames()).violations).toEqual([]);
  });

  test('gives these facts', () => {
    const lines = observe(correctScene().frames()).facts.map((fact) => {
      const { kind, at, ...details } = describeFact(fact);
      return `${at} ${kind} [${fact.frames}] ${Object.values(details).join(' ')}`;
    });
    expect(lines).toMatchInlineSnapshot(`
      [
        "0 dhcp.discovered [1] 02:00:00:00:00:0a 161",
        "1 dhcp.offered [1,2] 02:00:00:00:00:0a 10.0.2.2 10.0.2.15 161",
        "20 dhcp.requested [3] 02:00:00:00:00:0a 10.0.2.15 161",
        "21 dhcp.leased [3,4] 02:00:00:00:00:0a 10.0.2.2 10.0.2.15 161 600000 24 10.0.2.2",
        "1000 dhcp.requested [6] 02:00:00:00:00:0b 192.168.1.7 177",
        "1001 dhcp.refused [6,7] 02:00:00:00:00:0b 10.0.2.2 177",
        "2000 dhcp.discovered [8] 02:00:00:00:00:0b 178",
        "2001 dhcp.offered [8,9] 02:00:00:00:00:0b 10.0.2.2 10.0.2.16 178",
        "2020 dhcp.requested [10] 02:00:00:00:00:0b 10.0.2.16 178",
        "2021 dhcp.leased [10,11] 02:00:00:00:00:0b 10.0.2.2 10.0.2.16 178 600000 24 10.0.2.2",
        "2500 dhcp.declined [12] 02:00:00:00:00:0b 10.0.2.16",
        "3001 dhcp.informed [13,14] 02:00:00:00:00:0c 10.0.2.2 10.0.2.77 193",
        "4000 dhcp.discovered [15] 02:00:00:00:00:0d 209",
        "4001 dhcp.offered [15,16] 02:00:00:00:00:0d 10.0.2.2 10.0.2.17 209",
        "4020 dhcp.requested [17] 02:00:00:00:00:0d 10.0.2.17 209",
        "4021 dhcp.leased [17,18] 02:00:00:00:00:0d 10.0.2.2 10.0.2.17 209 600000 24 10.0.2.2",
        "4500 dhcp.requested [19] 02:00:00:00:00:0d 192.168.1.7 210",
        "4501 dhcp.refused [19,20] 02:00:00:00:00:0d 10.0.2.2 210",
        "5000 dhcp.discovered [21] 02:00:00:00:00:0e 225",
        "5001 dhcp.offered [21,22] 02:00:00:00:00:0e 10.0.2.2 10.0.2.18 225",
        "5020 dhcp.requested [23] 02:00:00:00:00:0e 10.0.2.18 225",
        "5021 dhcp.leased [23,24] 02:00:00:00:00:0e 10.0.2.2 10.0.2.18 225 600000 24 10.0.2.2",
        "300000 dhcp.requested [26] 02:00:00:00:00:0a 10.0.2.15 162",
        "300001 dhcp.leased [26,27] 02:00:00:00:00:0a 10.0.2.2 10.0.2.15 162 600000 24 10.0.2.2",
        "830000 dhcp.requested [28] 02:00:00:00:00:0a 10.0.2.15 162",
        "830001 dhcp.leased [28,29] 02:00:00:00:00:0a 10.0.2.2 10.0.2.15 162 600000 24 10.0.2.2",
        "900000 dhcp.released [30] 02:00:00:00:00:0a 10.0.2.15",
      ]
    `);
  });
});

describe('mutated scenes', () => {
  test.each(MUTATIONS.map((mutation) => [mutation.rule, mutation.what, mutation] as const))('%s: %s', (rule, _, mutation) => {
    const scene = correctScene();
    mutation.change(scene);
    const { violations } = observe(scene.frames());
    expect([...new Set(violations.map((violation) => violation.rule))].sort()).toEqual([rule, ...(mutation.also ?? [])].sort());
    for (const violation of violations) {
      expect(violation.reference).toBe(DHCP_RULES[violation.rule as keyof typeof DHCP_RULES].reference);
      expect(violation.frames).toEqual([...violation.frames].sort((a, b) => a - b));
    }
  });

  test('there is one for every rule', () => {
    const caught = new Set<string>(MUTATIONS.map(({ rule }) => rule));
    expect(Object.keys(DHCP_RULES).filter((rule) => !caught.has(rule))).toEqual([]);
  });
});

test('dhcp/K27 a client that was given T2 alone, before half of the lease, rebinds in time', () => {
  const rebinding = (rebindS: number): string[] => {
    const scene = correctScene();
    for (const name of ['a.renew', 'a.renewed', 'a.release']) scene.shots.delete(name);
    scene.set('a.ack', 58, undefined);
    scene.set('a.ack', 59, Uint8Array.of(0, 0, 0, rebindS));
    scene.dhcp('a.rebind').at = 60_000;
    scene.dhcp('a.rebound').at = 60_001;
    return observe(scene.frames()).violations.map(({ rule }) => rule);
  };
  expect(rebinding(60)).toEqual([]);
  expect(rebinding(120)).toEqual(['dhcp.rebind-early']);
});

test.each<[string, readonly number[]]>([
  ['the times of RFC 2131 §4.1, at their shortest', [0, 3_000, 10_000, 25_000, 56_000, 119_000, 182_000, 245_000]],
  ['every message seen twice, by a relay of ours or by the capture', [0, 4_000, 12_000, 28_000].flatMap((at) => [at, at + 1])],
  ['one sent twice at once', [0, 20]],
  ['a hurried client that gives up and starts over', [0, 800, 1_600, 2_400, 3_200]],
])('no pace is complained about that may be right: %s', (_, offsets) => {
  const scene = correctScene();
  for (const offset of offsets) {
    const shot = scene.repeat('e.discover', `again ${offset}`, 1_000_000 + offset);
    if (shot.kind === 'dhcp') shot.message.xid = 0x7777;
  }
  expect(observe(scene.frames()).violations).toEqual([]);
});

describe('captures of real peers', () => {
  test.each(witnessCaptures().map((capture) => [capture.name, capture] as const))('%s', (_, capture) => {
    expect(witnessDifferences(capture)).toEqual([]);
  });

  test('a lease is told with its terms', () => {
    const capture = witnessCaptures().find(({ name }) => name === 'dhcpcd--dnsmasq--rapidcommit');
    const { facts } = observe((capture?.frames ?? []).map(({ at, hex }) => ({ at, bytes: fromHex(hex) })));
    const lease = facts.find((fact) => fact.kind === 'dhcp.leased');
    expect(lease).toMatchObject({ prefixLength: 24, frames: [1, 6] });
    expect(lease?.kind === 'dhcp.leased' && formatIpv4(lease.server)).toBe('10.77.0.1');
  });
});

test('docs/dhcp-witness-rules.md is the generated text', async () => {
  await expect(renderWitnessRules()).toMatchFileSnapshot('../../../docs/dhcp-witness-rules.md');
});
