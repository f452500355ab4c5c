import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCapture } from '@nexus-net/wire';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Environment,
  type GuestDefinition,
  Refusal,
  type RunOptions,
  type RunOutcome,
  readRequest,
  run,
} from '../src/index.js';
import { BOOTS, say, scriptedGuest } from './support/scripted-guest.js';

const folders: string[] = [];
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

function runsFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-run-'));
  folders.push(path);
  return path;
}

function runOf(guest: GuestDefinition, environment: Environment, options: Partial<RunOptions> = {}): Promise<RunOutcome> {
  const request = readRequest(environment, { guest, dhcpServer: true });
  return run({ request, runsFolder: runsFolder(), ...options });
}

const frame = (type: number, octets = 60): Uint8Array => {
  const bytes = new Uint8Array(octets);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, type >> 8, type & 0xff]);
  return bytes;
};

test('a run leaves its five files, and its times have no more digits than nanoseconds', async () => {
  const { report, folder } = await runOf(BOOTS, { RUN_PHASE: 'boot' });
  expect(report).toMatchObject({ outcome: 'passed', exit: 'passed', troubles: [] });
  expect(readdirSync(folder).sort()).toEqual(['events.ndjson', 'report.html', 'uart.log', 'verdict.json', 'wire.pcapng']);
  expect(JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
  expect(String(report.durationMs)).toMatch(/^\d+(\.\d{1,6})?$/);
});

describe('what goes wrong beside the guest', () => {
  test('a runs folder that can’t be made is refused before boot, in one sentence', async () => {
    const file = join(runsFolder(), 'file');
    writeFileSync(file, '');
    const started: string[] = [];
    const guest = scriptedGuest(() => started.push('booted'));
    const failed = runOf(guest, {}, { runsFolder: join(file, 'runs') });
    await expect(failed).rejects.toThrow(Refusal);
    await expect(failed).rejects.toMatchObject({ exit: 'unwritable', message: expect.stringContaining('ENOTDIR') });
    expect(started).toEqual([]);
  });

  test('fault/H10 a verdict that can’t be written is still told, and the run has not passed', async () => {
    // The guest makes a folder where the verdict should be: as good as a full disk, and needs no root.
    const guest = scriptedGuest(() => {}, {
      start: async ({ sink, directory }) => {
        const { mkdirSync } = await import('node:fs');
        mkdirSync(join(directory, 'verdict.json'));
        setImmediate(() => say(sink, 'netstackd: ready\n'));
        return { sendFrame: () => {}, sendConsole: () => {}, argv: [], versions: {}, stop: () => Promise.resolve() };
      },
    });
    const { report } = await runOf(guest, { RUN_PHASE: 'boot' });
    expect(report).toMatchObject({ outcome: 'passed', exit: 'unwritable' });
    expect(report.troubles).toEqual([expect.stringContaining('verdict.json')]);
  });

  test('a guest that can’t be ended is a trouble, not the end of the report', async () => {
    const guest = scriptedGuest((sink) => say(sink, 'netstackd: ready\n'), {
      stop: () => Promise.reject(new Error('unkillable: pid 7')),
    });
    const { report } = await runOf(guest, { RUN_PHASE: 'boot' });
    expect(report).toMatchObject({ outcome: 'passed', troubles: ['the guest could not be ended: unkillable: pid 7'] });
  });

  test('a guest that fails to start after the time is up fails as run-timeout', async () => {
    const start = (): Promise<never> => new Promise((_, reject) => setTimeout(() => reject(new Refusal('gone', 'missing')), 30));
    const { report } = await runOf(
      scriptedGuest(() => {}, { start }),
      { RUN_TIMEOUT: '0.001' },
    );
    expect(report.failure).toMatchObject({ phase: 'boot', cause: 'run-timeout' });
    expect(report.troubles).toEqual(['the guest did not start: gone']);
  });
});

describe('floods', () => {
  test('fault/H06 console and capture are bounded, what is left out is counted, and the verdict is given', async () => {
    const guest = scriptedGuest((sink) => {
      for (let i = 0; i < 100; i++) say(sink, `${'x'.repeat(99)}\n`);
      for (let i = 0; i < 100; i++) sink.frame(frame(0x88b5));
      say(sink, 'netstackd: ready\n');
    });
    const limits = { uartBytesMax: 1_000, wireBytesMax: 2_000, eventsBytesMax: 200 };
    const { report, folder } = await runOf(guest, { RUN_PHASE: 'boot' }, { limits });
    expect(report).toMatchObject({ outcome: 'passed', exit: 'passed' });
    expect(statSync(join(folder, 'uart.log')).size).toBe(1_000);
    expect(statSync(join(folder, 'wire.pcapng')).size).toBeLessThanOrEqual(2_000);
    const capture = decodeCapture(readFileSync(join(folder, 'wire.pcapng')));
    expect(capture.ok && capture.value.end).toBeUndefined(); // cut between two frames, so it opens everywhere
    expect(report.troubles).toEqual([
      'uart.log is full: 9017 octets left out',
      expect.stringMatching(/^wire\.pcapng is full: \d+ octets left out$/),
      expect.stringMatching(/^events\.ndjson is full: \d+ octets left out$/),
    ]);
  });

  test('claims beyond the limit are not followed, and the report says so', async () => {
    const guest = scriptedGuest((sink) => {
      say(sink, 'net: virtio-net up\nnet: dhcp bound 10.0.2.15/24 gw=none\n');
      const claims = Array.from({ length: 300 }, (_, i) => `net: smoltcp iface up 10.0.${i >> 8}.${i & 0xff}\n`);
      say(sink, claims.join(''));
      sink.exited('exit code 0');
    });
    const { report } = await runOf(guest, { REQUIRE_QEMU_DHCP: '1' });
    expect(report.failure).toMatchObject({ cause: 'unproven-marker' });
    expect(report.troubles).toEqual(['beyond a limit: 46 claims']);
  });

  test('facts are bounded in the report', async () => {
    const guest = scriptedGuest((sink) => {
      // Gratuitous ARP is no fact; each new source address is one.
      for (let i = 0; i < 50; i++) sink.frame(frame(0x88b5).with(11, i));
      say(sink, 'netstackd: ready\n');
    });
    const { report } = await runOf(guest, { RUN_PHASE: 'boot' }, { limits: { factCountMax: 10 } });
    expect(report.facts).toHaveLength(10);
    expect(report.factsNotListed).toBeGreaterThanOrEqual(40);
  });
});

test('an interrupted run says so', async () => {
  const stop = new AbortController();
  const guest = scriptedGuest(() => stop.abort());
  const { report } = await runOf(guest, {}, { signal: stop.signal });
  expect(report).toMatchObject({ exit: 'interrupted', failure: { cause: 'interrupted' } });
});
