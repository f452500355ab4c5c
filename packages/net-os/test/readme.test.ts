import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as netOs from '../src/index.js';
import { fallbackAndPing } from './support/example.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

test('the README shows the example that is tested, and what it prints', () => {
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(shown).toContain(read('test/support/example.ts'));
  const printed = [...readme.matchAll(/```text\n(.*?)\n```/gs)].map(([, text]) => text);
  expect(printed).toContain(fallbackAndPing().join('\n'));
});

test('the README names every label, every limit and its default, every export that is a value', () => {
  for (const label of [
    ...netOs.DROP_LABELS,
    ...netOs.LIMIT_LABELS,
    ...netOs.TCP_DROP_LABELS,
    ...netOs.TCP_LIMIT_LABELS,
    ...Object.keys(netOs),
  ])
    expect(readme).toContain(`\`${label}\``);
  for (const [name, value] of [
    ...Object.entries(netOs.HOST_LIMITS),
    ...Object.entries(netOs.CONFLICT_TIMING),
    ...Object.entries(netOs.TCP_LIMITS),
  ])
    expect(readme).toMatch(new RegExp(`\\| \`${name}\` +\\| ${value.toLocaleString('en').replaceAll(',', ' ')} `));
});

test('the README names every rule that a witness can find broken', () => {
  const sources = ['arp', 'icmp', 'igmp', 'dns'].map((name) => read(`src/witness/${name}-witness.ts`)).join('\n');
  const rules = [...sources.matchAll(/rule: '([a-z.-]+)'/g)].map(([, rule]) => rule);
  expect(rules.length).toBeGreaterThan(4);
  for (const rule of rules) expect(readme).toContain(`\`${rule}\``);
});
