import { NEVER, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { QmpMachine, type QmpMachineEvent, type QmpMachineOptions } from '../src/index.js';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}\r\n';
const VERSION = { major: 7, minor: 2, micro: 22, package: 'Debian' };
const ENCODER = new TextEncoder();

function say(machine: QmpMachine, text: string, now = 0): void {
  machine.handleBytes(now, ENCODER.encode(text));
}

function events(machine: QmpMachine): QmpMachineEvent[] {
  const found: QmpMachineEvent[] = [];
  for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) found.push(event);
  return found;
}

function sent(machine: QmpMachine): unknown[] {
  const lines: unknown[] = [];
  for (let line = machine.pollTransmit(); line !== undefined; line = machine.pollTransmit()) {
    const text = new TextDecoder().decode(line);
    expect(text.endsWith('\n')).toBe(true);
    lines.push(JSON.parse(text));
  }
  return lines;
}

function ready(options?: QmpMachineOptions): QmpMachine {
  const machine = new QmpMachine(options);
  say(machine, `${GREETING}{"return": {}, "id": 0}\r\n`);
  sent(machine);
  events(machine);
  return machine;
}

describe('greeting', () => {
  test('is answered with the negotiation, and commands wait for its answer', () => {
    const machine = new QmpMachine();
    const id = machine.execute(0, { command: 'query-status', timeoutMs: 10 });
    expect(sent(machine)).toEqual([]);
    say(machine, GREETING);
    expect(sent(machine)).toEqual([{ execute: 'qmp_capabilities', id: 0 }]);
    say(machine, '{"return": {}, "id": 0}\r\n');
    expect(sent(machine)).toEqual([{ execute: 'query-status', id }]);
    expect(events(machine)).toEqual([{ type: 'ready', version: VERSION, capabilities: ['oob'] }]);
  });

  test('a second greeting is counted and changes nothing', () => {
    const machine = ready();
    say(machine, GREETING);
    expect(sent(machine)).toEqual([]);
    expect(machine.inspect()).toMatchObject({ state: 'ready', rejects: { 'unknown-message': 1 } });
  });

  test('a refused negotiation ends the session', () => {
    const machine = new QmpMachine();
    say(machine, `${GREETING}{"id": 0, "error": {"class": "GenericError", "desc": "no"}}\n`);
    expect(events(machine)).toEqual([{ type: 'ended', reason: 'negotiation-failed' }]);
  });

  test('a greeting with nothing in it still counts', () => {
    const machine = new QmpMachine();
    say(machine, '{"QMP": {}}\n{"return": {}, "id": 0}\n');
    expect(events(machine)).toEqual([
      { type: 'ready', version: { major: 0, minor: 0, micro: 0, package: '' }, capabilities: [] },
    ]);
  });
});

describe('ready', () => {
  test('answers find their command by id, in any order', () => {
    const machine = ready();
    const [a, b, c] = ['x', 'y', 'z'].map((command) => machine.execute(0, { command, arguments: { n: 1 }, timeoutMs: 10 }));
    expect(sent(machine)).toEqual([a, b, c].map((id, i) => ({ execute: 'xyz'[i], arguments: { n: 1 }, id })));
    say(machine, `{"return": [1], "id": ${c}}\n{"error": {"class": "CommandNotFound", "desc": "what?"}, "id": ${a}}\n`);
    expect(events(machine)).toEqual([
      { type: 'returned', id: c, value: [1] },
      { type: 'refused', id: a, class: 'CommandNotFound', description: 'what?' },
    ]);
    expect(machine.inspect().pendingCount).toBe(1);
  });

  test('a command is one line whatever is in it', () => {
    const machine = ready();
    const id = machine.execute(0, { command: 'a', arguments: { text: 'one\ntwo' }, timeoutMs: 1 });
    expect(sent(machine)).toEqual([{ execute: 'a', arguments: { text: 'one\ntwo' }, id }]);
  });

  test('events carry their data and time', () => {
    const machine = ready();
    say(
      machine,
      '{"timestamp": {"seconds": 2, "microseconds": 500}, "event": "SHUTDOWN", "data": {"guest": true}}\r\n{"event": "STOP"}\n',
    );
    expect(events(machine)).toEqual([
      { type: 'event', name: 'SHUTDOWN', data: { guest: true }, at: 2000.5 },
      { type: 'event', name: 'STOP', data: {}, at: 0 },
    ]);
  });

  test('a command without an answer fails at its deadline, and the late answer is counted', () => {
    const machine = ready();
    const late = machine.execute(100, { command: 'a', timeoutMs: 50 });
    const sooner = machine.execute(100, { command: 'b', timeoutMs: 20 });
    expect(machine.nextTimeout()).toBe(120);
    machine.handleTimeout(119);
    expect(events(machine)).toEqual([]);
    machine.handleTimeout(1000);
    expect(events(machine)).toEqual([
      { type: 'unanswered', id: sooner, reason: 'timeout' },
      { type: 'unanswered', id: late, reason: 'timeout' },
    ]);
    expect(machine.nextTimeout()).toBe(NEVER);
    say(machine, `{"return": {}, "id": ${late}}\n`);
    expect(events(machine)).toEqual([]);
    expect(machine.inspect().rejects).toEqual({ 'unknown-id': 1 });
  });

  test('time that goes backwards does not move a deadline', () => {
    const machine = ready();
    machine.handleTimeout(1000);
    machine.execute(5, { command: 'a', timeoutMs: 20 });
    expect(machine.nextTimeout()).toBe(1020);
  });
});

describe('a peer that errs', () => {
  test.each([
    ['bad-json', '{"event": \n'],
    ['bad-json', '\xff\n'],
    ['bad-json', '\r\n'],
    ['unknown-message', '[]\n'],
    ['unknown-message', '7\n'],
    ['unknown-message', '{}\n'],
    ['unknown-message', '{"event": 7}\n'],
    ['unknown-message', '{"QMP": 7}\n'],
    ['unknown-id', '{"return": {}}\n'],
    ['unknown-id', '{"return": {}, "id": "1"}\n'],
    ['unknown-id', '{"return": {}, "id": 0}\n'],
    ['unknown-id', '{"error": {}, "id": 99}\n'],
  ])('%s: %j is counted and the session goes on', (label, line) => {
    const machine = ready();
    say(machine, `${line}{"event": "RESUME"}\n`);
    expect(events(machine)).toMatchObject([{ type: 'event', name: 'RESUME' }]);
    expect(machine.inspect().rejects).toEqual({ [label]: 1 });
  });

  test('a line over the limit ends the session; the longest line does not', () => {
    const machine = ready({ lineBytesMax: 120 });
    const line = JSON.stringify({ event: 'X', data: { pad: '' } });
    say(machine, `${JSON.stringify({ event: 'X', data: { pad: 'p'.repeat(120 - line.length) } })}\n`);
    expect(events(machine)).toHaveLength(1);
    const id = machine.execute(0, { command: 'a', timeoutMs: 1 });
    for (let i = 0; i < 121; i++) say(machine, '[');
    say(machine, 'x\n');
    expect(events(machine)).toEqual([
      { type: 'unanswered', id, reason: 'ended' },
      { type: 'ended', reason: 'line-over-limit' },
    ]);
    expect(machine.inspect().rejects).toEqual({ 'line-over-limit': 1, 'bytes-after-end': 1 });
  });

  test('a flood of events is dropped at the limit and counted; answers still come through', () => {
    const machine = ready({ eventCountMax: 2 });
    const id = machine.execute(0, { command: 'a', timeoutMs: 1 });
    say(machine, `${'{"event": "X"}\n'.repeat(5)}{"return": 1, "id": ${id}}\n`);
    expect(events(machine).map(({ type }) => type)).toEqual(['event', 'event', 'returned']);
    expect(machine.inspect().rejects).toEqual({ 'event-limit': 3 });
  });

  test.each([
    ['closed', ''],
    ['truncated', '{"ev'],
  ])('%s: the end is told once, after the unanswered commands', (reason, rest) => {
    const machine = ready();
    const id = machine.execute(0, { command: 'quit', timeoutMs: 1 });
    say(machine, rest);
    machine.handleEnd(0);
    machine.handleEnd(0);
    expect(events(machine)).toEqual([
      { type: 'unanswered', id, reason: 'ended' },
      { type: 'ended', reason },
    ]);
    expect(machine.nextTimeout()).toBe(NEVER);
  });
});

describe('a caller that errs', () => {
  test('too many commands, none after the end, no endless ones, only JSON', () => {
    const machine = ready({ pendingCountMax: 2 });
    for (const timeoutMs of [0, -1, Number.NaN])
      expect(() => machine.execute(0, { command: 'a', timeoutMs })).toThrow(UsageError);
    expect(() => machine.execute(0, { command: 'a', arguments: { n: 1n }, timeoutMs: 1 })).toThrow(UsageError);
    machine.execute(0, { command: 'a', timeoutMs: 1 });
    machine.execute(0, { command: 'a', timeoutMs: 1 });
    expect(() => machine.execute(0, { command: 'a', timeoutMs: 1 })).toThrow('at most 2 commands are pending');
    machine.handleEnd(0);
    expect(() => machine.execute(0, { command: 'a', timeoutMs: 1 })).toThrow('the QMP session has ended');
  });

  test.each<QmpMachineOptions>([{ lineBytesMax: 0 }, { pendingCountMax: 0.5 }, { eventCountMax: -1 }])(
    'the options %o are refused',
    (options) => {
      expect(() => new QmpMachine(options)).toThrow(UsageError);
    },
  );
});
