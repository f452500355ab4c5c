import { describe, expect, test } from 'vitest';
import { ConsoleScript, type ScriptEvent, type ScriptStep } from '../src/index.js';

const PROMPT = /^=> $/;
const STEPS: readonly ScriptStep[] = [
  { when: /^Hit any key/, type: '\n' },
  { when: PROMPT, type: 'ping quiet\n', probed: true },
  { when: PROMPT, type: 'ping gateway\n' },
];

function typed(script: ConsoleScript): string {
  let text = '';
  for (let bytes = script.pollTransmit(); bytes !== undefined; bytes = script.pollTransmit())
    text += String.fromCharCode(...bytes);
  return text;
}

function events(script: ConsoleScript): ScriptEvent['type'][] {
  const types: ScriptEvent['type'][] = [];
  for (let event = script.pollEvent(); event !== undefined; event = script.pollEvent()) types.push(event.type);
  return types;
}

describe('a prompt is driven', () => {
  test('step by step, each at a fresh prompt, then it is finished', () => {
    const script = new ConsoleScript(STEPS);
    script.handleConsole({ lines: 0, tail: 'Boot' });
    expect(typed(script)).toBe('');
    script.handleConsole({ lines: 1, tail: 'Hit any key to stop' });
    script.handleConsole({ lines: 1, tail: 'Hit any key to stop: 1' });
    expect(typed(script)).toBe('\n');
    script.handleConsole({ lines: 2, tail: '=> ' });
    expect(typed(script)).toBe('ping quiet\n');
    script.handleConsole({ lines: 2, tail: '=> ' }); // the old prompt: the echo has not come yet
    expect(typed(script)).toBe('');
    expect(events(script)).toEqual(['typed', 'typed', 'probe-wanted']);
    script.handleProbeAnswered();
    expect(typed(script)).toBe('\x03');
    script.handleConsole({ lines: 4, tail: '=> ' });
    expect(typed(script)).toBe('ping gateway\n');
    script.handleConsole({ lines: 6, tail: '=> ' });
    expect(events(script)).toEqual(['typed', 'probe-over', 'typed', 'finished']);
    script.handleConsole({ lines: 7, tail: '=> ' });
    expect(events(script)).toEqual([]);
  });

  test('a probe that is never answered ends with its command, without a key stroke', () => {
    const script = new ConsoleScript(STEPS.slice(1));
    script.handleConsole({ lines: 1, tail: '=> ' });
    script.handleConsole({ lines: 3, tail: '=> ' });
    expect(typed(script)).toBe('ping quiet\nping gateway\n');
    expect(events(script)).toEqual(['typed', 'probe-wanted', 'probe-over', 'typed']);
    script.handleProbeAnswered();
    expect(typed(script)).toBe('');
  });

  test('a guest without a script is never finished', () => {
    const script = new ConsoleScript([]);
    script.handleConsole({ lines: 9, tail: '=> ' });
    expect(events(script)).toEqual([]);
  });
});
