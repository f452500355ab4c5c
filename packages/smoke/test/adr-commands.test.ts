import { existsSync, readFileSync } from 'node:fs';
import { profileNamed } from '@nexus-net/verdict';
import { describe, expect, test } from 'vitest';
import { cli, VARIABLES } from '../src/index.js';

const text = readFileSync('docs/adr-0025-commands.md', 'utf8');
/** What stands in code in the column of ours. */
const OURS = text.split('\n').flatMap((line) => {
  const [, , ours] = /^\|(.*?)\|(.*?)\|/.exec(line) ?? [];
  return [...(ours ?? '').matchAll(/`([^`]+)`/g)].map(([, code]) => code as string);
});
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };

async function help(): Promise<string> {
  const lines: string[] = [];
  await cli({ arguments: ['help'], environment: {}, print: (line) => lines.push(line), printError: () => undefined });
  return lines.join('\n');
}

describe('the table of the commands of ADR-0025', () => {
  test('has some of each kind', () => {
    expect(OURS.length).toBeGreaterThan(25);
  });

  test.each([...new Set(OURS)])('%s exists', async (code) => {
    const words = code.split(' ');
    const variables = words.filter((word) => /^[A-Z_]+(=|$)/.test(word) && word.includes('_'));
    for (const word of variables) expect(Object.keys(VARIABLES)).toContain(word.split('=')[0]);
    const said = await help();
    const command = words.slice(variables.length);
    if (command[0] === 'npm') expect(Object.keys(scripts)).toContain(command[1] === 'run' ? command[2] : command[1]);
    else if (command[0] === 'npx') {
      expect(command[1]).toBe('nexus-net');
      const name = command[2] === 'evidence' ? `evidence ${command[3]}` : (command[2] as string);
      expect(name === 'help' || new RegExp(`^  ${name}\\b`, 'm').test(said), name).toBe(true);
    } else expect(variables.length > 0 || command[0]?.startsWith('--'), code).toBe(true);
    for (const option of command.filter((word) => /^--?[a-z]/.test(word))) expect(said).toMatch(new RegExp(`[ ,]${option}\\b`));
    const profile = command[command.indexOf('--profile') + 1];
    if (command.includes('--profile') && profile !== 'NAME') expect(profileNamed(profile as string).name).toBe(profile);
    for (const file of command.filter((word) => word.includes('/'))) expect(existsSync(file), file).toBe(true);
  });
});
