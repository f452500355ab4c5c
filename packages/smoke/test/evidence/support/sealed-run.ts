import type { ArchiveFile, SigningKey } from '../../../src/index.js';
import { exitOf, generateKeys, readPrivateKey, type Sealed, seal } from '../../../src/index.js';
import { type RecordedRun, type RecordOptions, recordRun } from '../../support/recorded-run.js';

/** The files that the folder of a recorded run has, without its report, in the order of their names. */
export function filesOfRun(
  { verdict, request, uart, pcapng, events, facts, frameCount }: RecordedRun,
  changes: Readonly<Record<string, unknown>> = {},
): readonly ArchiveFile[] {
  const { environment, dhcpServer } = request;
  const report = {
    ...verdict,
    guest: 'nexus',
    exit: exitOf(verdict),
    startedAt: '2026-11-27T00:00:00.000Z',
    argv: ['qemu-system-x86_64', '-append', 'console=ttyS1'],
    versions: { qemu: '7.2.22', 'initrd sha256': '00' },
    environment,
    dhcpServer,
    troubles: [],
    frames: frameCount,
    facts,
    factsNotListed: 0,
    ...changes,
  };
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  return [
    { name: 'events.ndjson', bytes: text(events) },
    { name: 'uart.log', bytes: uart },
    { name: 'verdict.json', bytes: text(`${JSON.stringify(report, undefined, 2)}\n`) },
    { name: 'wire.pcapng', bytes: pcapng },
  ];
}

export function newKey(): SigningKey & { readonly publicPem: string; readonly privatePem: string } {
  const { privatePem, publicPem } = generateKeys();
  return { ...readPrivateKey(privatePem, 'key'), publicPem, privatePem };
}

export function sealFiles(files: readonly ArchiveFile[], key?: SigningKey, run: string = 'run-1'): Sealed {
  const sealed = seal({ run, files, secrets: { allowed: [], found: [] } }, key);
  if (typeof sealed === 'string') throw new Error(sealed);
  return sealed;
}

/** A recorded run, sealed. */
export function sealRun(options: RecordOptions = {}, key?: SigningKey): Sealed {
  return sealFiles(filesOfRun(recordRun(options)), key);
}
