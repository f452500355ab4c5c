import { createHash } from 'node:crypto';
import { err, ok, type Result } from '@nexus-net/sansio';
import type { RunReport } from '../run.js';
import { RUN_FILES } from '../run-folder.js';
import type { ArchiveFile } from './archive.js';
import { type ChunkKind, chunkKindOf, chunksOf } from './chunks.js';
import { SECRET_KINDS, type SecretFinding, type SecretKind } from './secrets.js';

/** What a sealed run says of itself: all of it follows from its files, but the purpose and what was allowed. */
export interface Manifest {
  readonly schema: 'nexus-net/evidence/1';
  /** The name of the run's folder. */
  readonly run: string;
  /** Who asked for it, and for what: a text of the one who seals. */
  readonly purpose?: string;
  readonly verdict: {
    readonly outcome: string;
    readonly exit: string;
    readonly profile: string;
    readonly durationMs: number;
    readonly phase?: string;
    readonly cause?: string;
  };
  readonly guest: string;
  readonly startedAt: string;
  readonly dhcpServer: boolean;
  /** What was at the other end of the guest's cable. */
  readonly wire: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  /** Versions and hashes of what ran: QEMU, kernel, image, Node, as far as the run knew them. */
  readonly versions: Readonly<Record<string, string>>;
  readonly files: readonly ManifestFile[];
  /** Files that a run leaves and this one has not. */
  readonly absent: readonly string[];
  readonly secrets: SecretRecord;
}

export interface ManifestFile {
  readonly name: string;
  readonly octets: number;
  readonly sha256: string;
  readonly chunks: ChunkKind;
  readonly leaves: number;
}

/** Which kinds of secrets were allowed in, and what of them was found: places, never the secrets. */
export interface SecretRecord {
  readonly allowed: readonly SecretKind[];
  readonly found: readonly Pick<SecretFinding, 'kind' | 'file' | 'place'>[];
}

export interface ManifestSource {
  readonly run: string;
  readonly purpose?: string;
  /** In the order of the archive. */
  readonly files: readonly ArchiveFile[];
  readonly secrets: SecretRecord;
}

/** The manifest of these files, or one sentence that says why they are no run. Pure: the same files give the same octets. */
export function encodeManifest({ run, purpose, files, secrets }: ManifestSource): Uint8Array | string {
  const report = readReport(files.find(({ name }) => name === RUN_FILES.verdict)?.bytes);
  if (typeof report === 'string') return report;
  const { outcome, exit, profile, durationMs, failure, guest, startedAt, dhcpServer, wire, environment, argv, versions } = report;
  const manifest: Manifest = {
    schema: 'nexus-net/evidence/1',
    run,
    ...(purpose !== undefined && { purpose }),
    verdict: {
      outcome: text(outcome),
      exit: text(exit),
      profile: text(profile),
      durationMs: typeof durationMs === 'number' ? durationMs : 0,
      ...(failure !== undefined && { phase: text(failure.phase), cause: text(failure.cause) }),
    },
    guest: text(guest),
    startedAt: text(startedAt),
    dhcpServer: dhcpServer === true,
    wire: text(wire),
    environment: texts(environment),
    argv: Array.isArray(argv) ? argv.map(text) : [],
    versions: texts(versions),
    files: files.map(({ name, bytes }) => ({
      name,
      octets: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      chunks: chunkKindOf(name),
      leaves: chunksOf(chunkKindOf(name), bytes).length,
    })),
    absent: Object.values(RUN_FILES).filter((name) => name !== RUN_FILES.kernel && !files.some((file) => file.name === name)),
    secrets,
  };
  return new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

/**
 * Reads a manifest, and holds it against the files beside it: what it says of them has to be what would be said of them now. Total; the error is a
 * label.
 */
export function decodeManifest(bytes: Uint8Array, files: readonly ArchiveFile[]): Result<Manifest, ManifestError> {
  const value = parseObject(bytes);
  if (value === undefined || value['schema'] !== 'nexus-net/evidence/1') return err('not-a-manifest');
  const { run, purpose, secrets } = value;
  if (typeof run !== 'string' || (purpose !== undefined && typeof purpose !== 'string')) return err('not-a-manifest');
  const record = readSecretRecord(secrets);
  if (record === undefined) return err('not-a-manifest');
  const again = encodeManifest({ run, ...(purpose !== undefined && { purpose }), files, secrets: record });
  if (typeof again === 'string') return err('no-verdict');
  const same = again.length === bytes.length && again.every((octet, i) => octet === bytes[i]);
  return same ? ok(value as unknown as Manifest) : err('not-of-these-files');
}

export type ManifestError = 'not-a-manifest' | 'no-verdict' | 'not-of-these-files';

function readReport(bytes: Uint8Array | undefined): Partial<RunReport> | string {
  if (bytes === undefined) return `there is no ${RUN_FILES.verdict}: a run that did not end can’t be sealed`;
  const report = parseObject(bytes) as Partial<RunReport> | undefined;
  if (report === undefined || typeof report.schema !== 'string') return `${RUN_FILES.verdict} is no verdict`;
  if (report.failure !== undefined && (typeof report.failure !== 'object' || report.failure === null))
    return `${RUN_FILES.verdict} is no verdict`;
  return report;
}

function readSecretRecord(value: unknown): SecretRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { allowed, found } = value as Readonly<Record<string, unknown>>;
  const isKind = (kind: unknown): kind is SecretKind => SECRET_KINDS.some((each) => each === kind);
  if (!Array.isArray(allowed) || !allowed.every(isKind) || !Array.isArray(found)) return undefined;
  const places: Pick<SecretFinding, 'kind' | 'file' | 'place'>[] = [];
  for (const each of found) {
    const { kind, file, place } = (each ?? {}) as Readonly<Record<string, unknown>>;
    if (!isKind(kind) || typeof file !== 'string' || typeof place !== 'string') return undefined;
    places.push({ kind, file, place });
  }
  return { allowed, found: places };
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).flatMap(([name, each]) => (typeof each === 'string' ? [[name, each]] : [])));
}
