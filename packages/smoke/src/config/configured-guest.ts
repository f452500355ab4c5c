import { open } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildArguments,
  type MachineWithoutChannels,
  type NicConfig,
  planChannels,
  probeQemu,
  QemuArgumentError,
} from '@nexus-net/qemu';
import { formatIpv4, formatMac, maskLength, parseMac } from '@nexus-net/sansio';
import type { ConsoleRule, Profile } from '@nexus-net/verdict';
import type { ScriptStep } from '../console-script.js';
import type { GuestDefinition, GuestPlace, StartGuest } from '../guest.js';
import { literally } from '../guests/literally.js';
import { startQemuGuest } from '../guests/qemu-guest.js';
import { missingMessage } from '../missing.js';
import { Refusal } from '../refusal.js';
import { consolePattern } from './console-pattern.js';
import type { BootConfig, ConsoleConfig, GuestConfig } from './guest-config.js';

/** The guest that a file describes. Throws {@link Refusal} for a machine that can't be. */
export function configuredGuest(config: GuestConfig): GuestDefinition {
  const { name, description, boot, console = {}, rules = [], panics = [], capabilities, answers = 'always', lanes } = config;
  refuseImpossible(config);
  return {
    name,
    description,
    capabilities: new Set(capabilities),
    ...(lanes !== undefined && { lanes }),
    answers,
    script: (profile, place) => scriptOf(console, profile, place),
    rules: (place) =>
      rules.map(({ line, pattern, marker, phase }): ConsoleRule => {
        const read =
          pattern === undefined ? new RegExp(`^${literally(filled(line as string, place))}$`) : patternOf(pattern, place);
        return { marker, pattern: read, ...(phase !== undefined && { phase }) };
      }),
    panics: panics.map((each) => patternOf(each)),
    probe: () => probeQemu(needsOf(boot)),
    start: startConfigured(boot, console),
  };
}

/** The machine of a run, its disks in its folder. */
export function machineOf(boot: BootConfig, directory: string): MachineWithoutChannels {
  const {
    arch,
    machine,
    machineOptions,
    devices,
    objects,
    drives,
    card: _onTheWire,
    loopbackCard: _shows,
    given: _asked,
    ...same
  } = boot;
  return {
    ...same,
    arch,
    machine: { type: machine, ...(machineOptions !== undefined && { options: machineOptions }) },
    ...(devices !== undefined && { devices }),
    ...(objects !== undefined && {
      objects: objects.map(({ type, id, properties = {} }) => ({ type: 'other', qomType: type, id, properties }) as const),
    }),
    ...(drives !== undefined && {
      drives: drives.map(({ id, file, format = 'raw' }) =>
        file === undefined
          ? { id, file: emptyDisk(directory, id), format: 'raw' as const }
          : { id, file, format, isSnapshot: true },
      ),
    }),
  };
}

/** The card on the wire, and the one that shows the loopback interface, whose address nobody speaks under. */
export function cardsOf({ card, loopbackCard }: BootConfig, { mac }: Pick<GuestPlace, 'mac'>): readonly NicConfig[] {
  if (loopbackCard === undefined) return [{ ...card, mac }];
  const { devicesBefore = 0 } = card;
  return [
    { ...card, mac },
    { ...loopbackCard, devicesBefore, mac: LOOPBACK_MAC },
  ];
}

const LOOPBACK_MAC = parseMac('52:54:00:fe:01:01');

/** Serial lines that have to be there, so that those that are named are. */
export function uartCountOf({ uart = 0, kernelUart = 0 }: ConsoleConfig): number {
  return Math.max(uart, kernelUart) + 1;
}

/** What a text of the file says of the guest's place: `{address}`, `{prefix}`, `{netmask}`, `{gateway}`, `{dns}`, `{quiet}`, `{mac}`. */
function filled(text: string, place: GuestPlace, write: (value: string) => string = (value) => value): string {
  const { mac, netmask } = place;
  const values: Readonly<Record<string, string>> = {
    ...Object.fromEntries(PLACE_ADDRESSES.map((name) => [name, formatIpv4(place[name])])),
    prefix: String(maskLength(netmask)),
    mac: formatMac(mac),
  };
  return text.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? write(values[name] as string) : whole,
  );
}

const PLACE_ADDRESSES = ['address', 'netmask', 'gateway', 'dns', 'quiet'] as const;

/** A pattern that was checked when the file was read. */
function patternOf(source: string, place?: GuestPlace): RegExp {
  const pattern = consolePattern(place === undefined ? source : filled(source, place, literally));
  if (typeof pattern === 'string') throw new Refusal(`the pattern ${JSON.stringify(source)} ${pattern}.`);
  return pattern;
}

function scriptOf({ script = [] }: ConsoleConfig, profile: Profile, place: GuestPlace): readonly ScriptStep[] {
  const wants = profile.capabilities;
  const demanded = new Set(profile.phases.flatMap(({ markers }) => markers.map(({ marker }) => marker)));
  return script.flatMap((step) => {
    if (step.with !== undefined && !wants.includes(step.with)) return [];
    if (step.without !== undefined && wants.includes(step.without)) return [];
    if (step.marker !== undefined && !demanded.has(step.marker)) return [];
    const type = filled(step.type, place);
    return [{ when: patternOf(step.when), type, ...(step.probed === true && { probed: true as const }) }];
  });
}

function refuseImpossible({ name, boot, console = {} }: GuestConfig): void {
  const { uart = 0, kernelUart } = console;
  if (kernelUart === uart) throw new Refusal(`${name}: console.uart and console.kernelUart are one.`);
  if (boot.kernel === undefined && boot.bios === undefined && boot.drives === undefined)
    throw new Refusal(`${name}: there is nothing to boot: neither a kernel nor a bios nor a drive.`);
  try {
    const plan = planChannels({
      machine: machineOf(boot, '/'),
      nics: cardsOf(boot, { mac: LOOPBACK_MAC }),
      uartCount: uartCountOf(console),
      directory: '/',
    });
    buildArguments(plan.config);
  } catch (error) {
    if (error instanceof QemuArgumentError) throw new Refusal(`${name}: ${error.message}.`);
    throw error;
  }
}

function needsOf({ arch, machine, card, devices = [] }: BootConfig): Parameters<typeof probeQemu>[0] {
  return { arch, machine, netdevs: ['stream'], devices: [...new Set([card.driver, ...devices.map(({ driver }) => driver)])] };
}

function startConfigured(boot: BootConfig, console: ConsoleConfig): StartGuest {
  return async (options) => {
    const probe = await probeQemu(needsOf(boot));
    if (!probe.ok) throw new Refusal(missingMessage(probe), 'missing');
    for (const { id, emptyMiB } of boot.drives ?? []) {
      if (emptyMiB === undefined) continue;
      const disk = await open(emptyDisk(options.directory, id), 'w');
      await disk.truncate(emptyMiB * 2 ** 20);
      await disk.close();
    }
    const { uart = 0, kernelUart } = console;
    return startQemuGuest(
      {
        binary: probe.binary,
        machine: machineOf(boot, options.directory),
        nics: cardsOf(boot, options.place),
        uartCount: uartCountOf(console),
        uarts: { console: uart, kernel: kernelUart },
        versions: { qemu: probe.version.text },
      },
      options,
    );
  };
}

function emptyDisk(directory: string, id: string): string {
  return join(directory, `${id}.img`);
}
