import type { ProfileSpec } from '@nexus-net/verdict';
import type { GuestDefinition } from '../guest.js';
import { NEXUS } from '../guests/nexus.js';
import { Refusal } from '../refusal.js';
import { configuredGuest } from './configured-guest.js';
import { readGuestConfig, readProfiles } from './read-guest-config.js';

/** The options of a command that takes a guest: one by name, or one that a file describes. */
export const GUEST_OPTIONS = {
  guest: { type: 'string' },
  'guest-config': { type: 'string' },
  kernel: { type: 'string' },
  initrd: { type: 'string' },
  append: { type: 'string' },
  profiles: { type: 'string' },
} as const;

export type GuestWishes = { readonly [name in keyof typeof GUEST_OPTIONS]?: string | undefined };

/** A guest that was asked for, and the profiles beside those that come with the harness. */
export interface ChosenGuest {
  readonly guest: GuestDefinition;
  readonly profiles: readonly ProfileSpec[];
}

/** Throws {@link Refusal} for a guest that there isn't, and for options that don't go together. */
export async function chooseGuest(wishes: GuestWishes, guests: Readonly<Record<string, GuestDefinition>>): Promise<ChosenGuest> {
  const { guest: name, 'guest-config': path, kernel, initrd, append } = wishes;
  const profiles = wishes.profiles === undefined ? [] : await readProfiles(wishes.profiles);
  if (path === undefined) {
    const stray = (['kernel', 'initrd', 'append'] as const).find((each) => wishes[each] !== undefined);
    if (stray !== undefined)
      throw new Refusal(`--${stray} goes with --guest-config FILE: the file says what machine it boots on, and what it prints.`);
    return { guest: namedGuest(name ?? NEXUS.name, guests), profiles };
  }
  if (name !== undefined) throw new Refusal('--guest and --guest-config both say who boots: set one of them.');
  const config = await readGuestConfig(path, {
    ...(kernel !== undefined && { kernel }),
    ...(initrd !== undefined && { initrd }),
    ...(append !== undefined && { append }),
  });
  if (Object.hasOwn(guests, config.name))
    throw new Refusal(`${path}: a guest ${config.name} comes with the harness; give yours another name.`);
  const own = config.profiles ?? [];
  const twice = own.find((each) => profiles.some((other) => other.name === each.name));
  if (twice !== undefined) throw new Refusal(`${path} and ${wishes.profiles} both have a profile ${twice.name}.`);
  return { guest: configuredGuest(config), profiles: [...own, ...profiles] };
}

/** The guests and profiles that a recording may name: those of these files beside those that come with the harness. Nothing is booted. */
export async function knownWith(
  { 'guest-config': path, profiles: list }: Pick<GuestWishes, 'guest-config' | 'profiles'>,
  guests: Readonly<Record<string, GuestDefinition>>,
): Promise<{ readonly guests: Readonly<Record<string, GuestDefinition>>; readonly profiles: readonly ProfileSpec[] }> {
  const profiles = list === undefined ? [] : await readProfiles(list);
  if (path === undefined) return { guests, profiles };
  const config = await readGuestConfig(path, {}, { isBooted: false });
  return {
    guests: { ...guests, [config.name]: configuredGuest(config) },
    profiles: [...(config.profiles ?? []), ...profiles],
  };
}

function namedGuest(name: string, guests: Readonly<Record<string, GuestDefinition>>): GuestDefinition {
  const guest = Object.hasOwn(guests, name) ? guests[name] : undefined;
  if (guest === undefined) throw new Refusal(`there is no guest ‘${name}’: ${Object.keys(guests).join(', ')}.`);
  return guest;
}
