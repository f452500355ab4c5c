import { chmod, stat, writeFile } from 'node:fs/promises';
import { bytesEqual, toHex } from '@nexus-net/sansio';
import { knownWith } from '../config/guest-options.js';
import type { ExitName } from '../exit-codes.js';
import type { GuestDefinition } from '../guest.js';
import { Refusal } from '../refusal.js';
import type { RunReport } from '../run.js';
import { RUN_FILES } from '../run-folder.js';
import { readBytes } from '../verify/run-files.js';
import { parseWords } from '../words.js';
import { writeWhole } from '../write-whole.js';
import type { ArchiveFile } from './archive.js';
import { diffRuns } from './diff.js';
import { type Alteration, type Examination, examine } from './examine.js';
import { fingerprintOf, generateKeys, readPrivateKey, readPublicKey } from './keys.js';
import { diffLines, evidenceLines } from './lines.js';
import type { Manifest } from './manifest.js';
import { readRunFiles } from './read-run.js';
import { type Known, type Recomputed, recompute } from './recompute.js';
import { scanForSecrets } from './scan.js';
import { seal } from './seal.js';
import { SECRET_KINDS, SECRET_MEANINGS, type SecretKind } from './secrets.js';

/** Octets of a sealed file that is read. */
const SEALED_OCTETS_MAX = 1_536 * 2 ** 20;
const KEY_OCTETS_MAX = 16_384;

/** What `evidence verify --json` prints. */
export type EvidenceVerification =
  | {
      readonly schema: 'nexus-net/evidence-verification/1';
      readonly state: 'altered';
      readonly alterations: readonly Alteration[];
    }
  | {
      readonly schema: 'nexus-net/evidence-verification/1';
      readonly state: 'intact';
      readonly root: string;
      readonly run: string;
      readonly purpose?: string;
      readonly wrongPurpose: boolean;
      readonly sealedVerdict: Manifest['verdict'];
      /** `not-asked`: no key was given, so nobody is trusted. */
      readonly signature: 'trusted' | 'other-key' | 'unsigned' | 'not-asked';
      readonly fingerprint?: string;
      readonly verdict: Recomputed;
      readonly secrets: readonly SecretKind[];
    };

export interface EvidenceContext {
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  readonly guests: Readonly<Record<string, GuestDefinition>>;
}

/** Rows of the help text. */
export const EVIDENCE_HELP: readonly (readonly [name: string, text: string])[] = [
  ['evidence seal RUN', 'makes one file of a run’s folder that nobody can alter unnoticed; refuses where a secret is in it'],
  ['  -o FILE', 'the sealed file (default RUN.sealed.tar)'],
  ['  --key FILE', 'an Ed25519 private key in PEM that signs it (default: not signed)'],
  ['  --purpose TEXT', 'who asked for it and for what, such as a commit or a nonce: sealed in'],
  ['  --allow KIND', `seals although a secret of this kind is in it, and says so: ${SECRET_KINDS.join(', ')}`],
  [
    'evidence verify FILE',
    'says whether a sealed file is intact, who signed it, and whether its verdict follows from its evidence',
  ],
  ['  --public-key FILE', 'the key that is trusted'],
  ['  --root HEX', 'the root that it has to have, got from elsewhere'],
  ['  --purpose TEXT', 'the purpose that it has to be for'],
  ['  --guest-config, --profiles', 'the files that describe guest and profiles, where they don’t come with the harness'],
  ['evidence diff A B', 'what one run (folder or sealed file) has otherwise than another: markers, facts, times'],
  ['  --threshold MS', 'a step that takes so much longer or shorter is a difference (default: times are not judged)'],
  ['evidence keygen -o FILE', 'makes a pair of keys: FILE, which only its owner may read, and FILE.pub'],
  ['  --json', 'the same for machines (verify, diff)'],
];

/** `nexus-net evidence …`. Throws {@link Refusal} where the wish can't be granted. */
export async function evidence(argv: readonly string[], context: EvidenceContext): Promise<ExitName> {
  const [action, ...words] = argv;
  switch (action) {
    case 'seal':
      return await sealCommand(words, context);
    case 'verify':
      return await verifyCommand(words, context);
    case 'diff':
      return await diffCommand(words, context);
    case 'keygen':
      return await keygenCommand(words, context);
    default:
      throw new Refusal(`evidence is seal, verify, diff or keygen, not ‘${action ?? ''}’.`);
  }
}

async function sealCommand(words: readonly string[], { print, printError }: EvidenceContext): Promise<ExitName> {
  const { values, positionals } = parseWords(words, {
    key: { type: 'string' },
    output: { type: 'string', short: 'o' },
    purpose: { type: 'string' },
    allow: { type: 'string', multiple: true, default: [] },
  });
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw new Refusal('evidence seal takes the folder of one run.');
  const allowed = [...new Set(values.allow.map(kindNamed))].sort();
  const key = values.key === undefined ? undefined : readPrivateKey(await readText(values.key), values.key);
  const { name: run, files } = await readRunFiles(folder);
  const findings = scanForSecrets(files);
  const refused = findings.filter(({ kind }) => !allowed.includes(kind));
  if (refused.length > 0) {
    printError('nexus-net: a secret is in the run’s files, and nothing was sealed:');
    for (const { kind, file, place } of refused) printError(`  ${file}, ${place}: ${kind}, ${SECRET_MEANINGS[kind]}`);
    printError('  --allow KIND seals all the same, and the sealed file says so.');
    return 'secret';
  }
  const { purpose } = values;
  const found = findings.map(({ kind, file, place }) => ({ kind, file, place }));
  const sealed = seal({ run, files, secrets: { allowed, found }, ...(purpose !== undefined && { purpose }) }, key);
  if (typeof sealed === 'string') throw new Refusal(`${folder}: ${sealed}`, 'unreadable');
  const path = values.output ?? `${folder.replace(/\/+$/, '')}.sealed.tar`;
  await writeWhole(path, sealed.bytes).catch(refuseWrite(path));
  print(`${path}  ${sealed.bytes.length} octets`);
  print(`  root    ${toHex(sealed.root)}`);
  print(`  signed  ${key === undefined ? 'by nobody' : `by ${fingerprintOf(key.publicKey)}`}`);
  for (const { kind, file, place } of findings) print(`  allowed ${file}, ${place}: ${kind}`);
  return 'passed';
}

async function verifyCommand(words: readonly string[], { print, guests }: EvidenceContext): Promise<ExitName> {
  const { values, positionals } = parseWords(words, {
    'public-key': { type: 'string' },
    root: { type: 'string' },
    purpose: { type: 'string' },
    'guest-config': { type: 'string' },
    profiles: { type: 'string' },
    json: { type: 'boolean', default: false },
  });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) throw new Refusal('evidence verify takes one sealed file.');
  const { 'public-key': keyPath, root, purpose } = values;
  if (root !== undefined && !/^[0-9a-f]{64}$/.test(root)) throw new Refusal('--root is 64 hexadecimal digits.');
  const trusted = keyPath === undefined ? undefined : readPublicKey(await readText(keyPath), keyPath);
  const known = await knownWith(values, guests);
  const examination = examine(await readBytes(path, SEALED_OCTETS_MAX));
  const verification = await verificationOf(examination, { known, trusted, root, purpose });
  if (values.json) print(JSON.stringify(verification, undefined, 2));
  else for (const line of evidenceLines(verification)) print(line);
  return exitOfVerification(verification);
}

interface Wanted {
  readonly known: Known;
  readonly trusted: Uint8Array | undefined;
  readonly root: string | undefined;
  readonly purpose: string | undefined;
}

async function verificationOf(examination: Examination, wanted: Wanted): Promise<EvidenceVerification> {
  const schema = 'nexus-net/evidence-verification/1';
  if (examination.state === 'altered') return { schema, ...examination };
  const { manifest, signedBy, files } = examination;
  const root = toHex(examination.root);
  if (wanted.root !== undefined && wanted.root !== root) {
    const what = `its root is ${root}, and ${wanted.root} was asked for`;
    return { schema, state: 'altered', alterations: [{ file: 'archive', what }] };
  }
  const { run, purpose, verdict: sealedVerdict, secrets } = manifest;
  return {
    schema,
    state: 'intact',
    root,
    run,
    ...(purpose !== undefined && { purpose }),
    wrongPurpose: wanted.purpose !== undefined && wanted.purpose !== purpose,
    sealedVerdict,
    signature: trustOf(signedBy?.publicKey, wanted.trusted),
    ...(signedBy !== undefined && { fingerprint: signedBy.fingerprint }),
    verdict: await recompute(files, wanted.known),
    secrets: secrets.allowed,
  };
}

function trustOf(
  signer: Uint8Array | undefined,
  trusted: Uint8Array | undefined,
): Extract<EvidenceVerification, { state: 'intact' }>['signature'] {
  if (trusted === undefined) return 'not-asked';
  if (signer === undefined) return 'unsigned';
  return bytesEqual(signer, trusted) ? 'trusted' : 'other-key';
}

/** What is worst decides: altered, then whom it is from and for what, then what it says. */
function exitOfVerification(verification: EvidenceVerification): ExitName {
  if (verification.state === 'altered') return 'altered';
  const { signature, wrongPurpose, verdict } = verification;
  if (signature === 'other-key' || signature === 'unsigned' || wrongPurpose) return 'untrusted';
  if (verdict.state === 'does-not-follow') return 'failed';
  return verdict.state === 'not-judged' ? 'unreadable' : 'passed';
}

async function diffCommand(words: readonly string[], { print, printError }: EvidenceContext): Promise<ExitName> {
  const { values, positionals } = parseWords(words, {
    threshold: { type: 'string' },
    json: { type: 'boolean', default: false },
  });
  const [a, b] = positionals;
  if (a === undefined || b === undefined || positionals.length > 2)
    throw new Refusal('evidence diff takes two runs, each a folder or a sealed file.');
  const { threshold } = values;
  if (threshold !== undefined && !/^\d{1,9}$/.test(threshold)) throw new Refusal('--threshold is a number of milliseconds.');
  const reports: Partial<RunReport>[] = [];
  for (const path of [a, b]) {
    const report = await reportOf(path);
    if ('alterations' in report) {
      for (const { file, what } of report.alterations) printError(`nexus-net: ${path} is altered: ${file}: ${what}`);
      return 'altered';
    }
    reports.push(report);
  }
  const [one, other] = reports as [Partial<RunReport>, Partial<RunReport>];
  const diff = diffRuns(one, other, threshold === undefined ? {} : { thresholdMs: Number(threshold) });
  if (values.json) print(JSON.stringify(diff, undefined, 2));
  else for (const line of diffLines(diff)) print(line);
  return diff.same ? 'passed' : 'failed';
}

/** The verdict of a run in its folder, or of a sealed one, which has to be intact. */
async function reportOf(path: string): Promise<Partial<RunReport> | { readonly alterations: readonly Alteration[] }> {
  const isFolder = await stat(path).then(
    (each) => each.isDirectory(),
    () => false,
  );
  if (isFolder) return parseReport((await readRunFiles(path)).files, path);
  const examination = examine(await readBytes(path, SEALED_OCTETS_MAX));
  return examination.state === 'altered' ? examination : parseReport(examination.files, path);
}

function parseReport(files: readonly ArchiveFile[], path: string): Partial<RunReport> {
  const bytes = files.find(({ name }) => name === RUN_FILES.verdict)?.bytes;
  if (bytes === undefined) throw new Refusal(`${path}: there is no ${RUN_FILES.verdict}`, 'unreadable');
  let report: unknown;
  try {
    report = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Refusal(`${path}: ${RUN_FILES.verdict} is no JSON`, 'unreadable');
  }
  const { markers, facts, violations } = (report ?? {}) as Readonly<Record<string, unknown>>;
  const areLists = [markers, facts, violations].every(
    (list) => Array.isArray(list) && list.every((each) => typeof each === 'object' && each !== null),
  );
  if (!areLists) throw new Refusal(`${path}: ${RUN_FILES.verdict} is not the verdict of a run`, 'unreadable');
  return report as Partial<RunReport>;
}

async function keygenCommand(words: readonly string[], { print }: EvidenceContext): Promise<ExitName> {
  const { values, positionals } = parseWords(words, { output: { type: 'string', short: 'o' } });
  const { output: path } = values;
  if (path === undefined || positionals.length > 0) throw new Refusal('evidence keygen takes -o FILE, and nothing else.');
  const { privatePem, publicPem } = generateKeys();
  // Never over an older key: what it signed could not be verified again by somebody who has only FILE.pub.
  await writeFile(path, privatePem, { flag: 'wx', mode: 0o600 }).catch(refuseWrite(path));
  await chmod(path, 0o600).catch(refuseWrite(path));
  await writeFile(`${path}.pub`, publicPem, { flag: 'wx' }).catch(refuseWrite(`${path}.pub`));
  print(`${path}, ${path}.pub  ${fingerprintOf(readPublicKey(publicPem, `${path}.pub`))}`);
  return 'passed';
}

function kindNamed(name: string): SecretKind {
  const kind = SECRET_KINDS.find((each) => each === name);
  if (kind === undefined) throw new Refusal(`--allow is one of ${SECRET_KINDS.join(', ')}, not ‘${name}’.`);
  return kind;
}

async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path, KEY_OCTETS_MAX));
}

function refuseWrite(path: string): (error: Error) => never {
  return (error) => {
    throw new Refusal(`${path}: ${error.message}`, 'unwritable');
  };
}
