import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLIENT_REJECTS } from '../src/index.js';

const here = new URL('.', import.meta.url);
const readme = readFileSync(new URL('../README.md', here), 'utf8');
const tests = readdirSync(here)
  .filter((name) => name.startsWith('client-') && name.endsWith('.test.ts') && name !== 'client-labels.test.ts')
  .map((name) => readFileSync(new URL(name, here), 'utf8'))
  .join('\n');

describe('reject labels are API', () => {
  test.each(CLIENT_REJECTS)('%s stands in the README, and a test expects it', (label) => {
    expect(readme).toContain(`\`${label}\``);
    expect(tests).toMatch(new RegExp(`['"]${label}['"]`));
  });
});
