import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { UsageError } from '@nexus-net/sansio';
import { PROFILE_SPECS, type Profile, type ProfileSpec, resolveProfile } from '@nexus-net/verdict';
import { Refusal } from '../refusal.js';
import { type BootConfig, GUEST_CONFIG, type GuestConfig } from './guest-config.js';
import { PROFILES } from './profile-shape.js';
import { checkShape } from './shape.js';

/** What the command line gives in place of what the file says. */
export interface BootFiles {
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
}

/**
 * Reads the description of a guest. Paths in it are relative to the file. Throws {@link Refusal}, with one sentence, for whatever is
 * not as it has to be, before anything boots. `isBooted: false`: it only judges a recording, and the files that it boots need not be there.
 */
export async function readGuestConfig(
  path: string,
  given: BootFiles = {},
  { isBooted = true }: { readonly isBooted?: boolean } = {},
): Promise<GuestConfig> {
  const value = await readJson(path);
  checkShape(GUEST_CONFIG, value, { file: path, where: '' });
  const config = value as GuestConfig;
  checkRules(path, config);
  checkProfiles(path, config.profiles ?? []);
  const { given: needed = [], ...boot } = config.boot;
  for (const what of needed) {
    if (isBooted && given[what] === undefined) throw new Refusal(`${path}: this guest needs --${what}.`);
  }
  const beside = (file: string): string => (isAbsolute(file) ? file : join(dirname(path), file));
  const merged = {
    ...boot,
    // Without a slash it is a name that QEMU knows.
    ...(boot.bios?.includes('/') && { bios: beside(boot.bios) }),
    ...(boot.kernel !== undefined && { kernel: beside(boot.kernel) }),
    ...(boot.initrd !== undefined && { initrd: beside(boot.initrd) }),
    ...(boot.drives !== undefined && {
      drives: boot.drives.map((drive) => ({ ...drive, ...(drive.file !== undefined && { file: beside(drive.file) }) })),
    }),
    ...given,
  };
  for (const drive of merged.drives ?? []) {
    if ((drive.file === undefined) === (drive.emptyMiB === undefined))
      throw new Refusal(`${path}: the drive ${drive.id} has either a file or emptyMiB.`);
  }
  if (isBooted) await refuseUnreadable(merged);
  return { ...config, boot: merged };
}

/** What the machine is to boot has to be there before anything starts. */
async function refuseUnreadable({ bios, kernel, initrd, drives = [] }: BootConfig): Promise<void> {
  const files = [bios?.includes('/') ? bios : undefined, kernel, initrd, ...drives.map(({ file }) => file)];
  for (const path of files) {
    if (path === undefined) continue;
    await open(path).then(
      (file) => file.close(),
      (error: Error) => {
        throw new Refusal(`${path} can’t be read: ${error.message}.`);
      },
    );
  }
}

/** Reads a file of profiles: a list. Throws {@link Refusal}. */
export async function readProfiles(path: string): Promise<readonly ProfileSpec[]> {
  const value = await readJson(path);
  checkShape(PROFILES, value, { file: path, where: '' });
  checkProfiles(path, value as readonly ProfileSpec[]);
  return value as readonly ProfileSpec[];
}

function checkRules(path: string, { rules = [], profiles = [] }: GuestConfig): void {
  const known = new Set([...PROFILE_SPECS, ...profiles].flatMap(({ name }) => idsOf(path, name, profiles)));
  for (const [index, { line, pattern, marker }] of rules.entries()) {
    if ((line === undefined) === (pattern === undefined))
      throw new Refusal(`${path}: rules[${index}] has either a line or a pattern.`);
    if (!known.has(marker)) throw new Refusal(`${path}: rules[${index}] names a marker ‘${marker}’, which no profile knows.`);
  }
}

function idsOf(path: string, name: string, profiles: readonly ProfileSpec[]): readonly string[] {
  return resolved(path, name, profiles).catalogue.ids;
}

function checkProfiles(path: string, profiles: readonly ProfileSpec[]): void {
  for (const [index, { name }] of profiles.entries()) {
    if (PROFILE_SPECS.some((each) => each.name === name))
      throw new Refusal(`${path}: a profile ${name} comes with the harness; give yours another name.`);
    if (profiles.findIndex((each) => each.name === name) !== index)
      throw new Refusal(`${path}: two profiles are called ${name}.`);
  }
  for (const { name } of profiles) resolved(path, name, profiles);
}

function resolved(path: string, name: string, profiles: readonly ProfileSpec[]): Profile {
  try {
    return resolveProfile(name, [...PROFILE_SPECS, ...profiles]);
  } catch (error) {
    if (error instanceof UsageError) throw new Refusal(`${path}: ${error.message}.`);
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > FILE_OCTETS_MAX) throw new Error(`longer than ${FILE_OCTETS_MAX} octets`);
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Refusal(`${path} can’t be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

const FILE_OCTETS_MAX = 2 ** 20;
