import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { annotateCapture, exitOf, type RunReport, writeReport } from '../../src/index.js';
import type { RecordedRun } from './recorded-run.js';

/** Leaves the whole folder of a recorded run, as `run` does. */
export async function leaveFolder(folder: string, recorded: RecordedRun, changes: Partial<RunReport> = {}): Promise<RunReport> {
  mkdirSync(folder, { recursive: true });
  const { verdict, request, uart, pcapng, events, facts, frameCount } = recorded;
  const report: RunReport = {
    ...verdict,
    guest: 'nexus',
    exit: exitOf(verdict),
    startedAt: new Date(1_790_000_000_123).toISOString(),
    argv: ['qemu-system-x86_64', '-M', 'microvm', '-append', 'console=ttyS0 quiet', '-kernel', 'vmlinuz'],
    versions: { node: 'v20.20.0', qemu: '7.2.22', kernel: '6.1.0' },
    environment: request.environment,
    dhcpServer: request.dhcpServer,
    wire: request.wire ?? 'embedded',
    troubles: [],
    frames: frameCount,
    facts,
    factsNotListed: 0,
    ...changes,
  };
  writeFileSync(join(folder, 'uart.log'), uart);
  writeFileSync(join(folder, 'wire.pcapng'), pcapng);
  writeFileSync(join(folder, 'events.ndjson'), events);
  const troubles = [await annotateCapture(folder, report)];
  writeFileSync(join(folder, 'verdict.json'), JSON.stringify(report, undefined, 2));
  troubles.push(await writeReport(folder, report));
  const said = troubles.filter((each) => each !== undefined);
  if (said.length > 0) throw new Error(said.join('; '));
  return report;
}
