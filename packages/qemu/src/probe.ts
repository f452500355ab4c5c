import { execFile } from 'node:child_process';
import { access, constants, realpath, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Millis } from '@nexus-net/sansio';
import type { QemuArch } from './qemu-config.js';

/** Firmware that a guest may want. The keys are stable names; the files are found by {@link probeQemu}. */
export type FirmwareName = 'opensbi-riscv64' | 'u-boot-riscv64-smode' | 'ipxe-virtio';

export interface ProbeOptions<F extends FirmwareName = FirmwareName> {
  readonly arch: QemuArch;
  /** An absolute path or a name to look for on PATH. Default `qemu-system-<arch>`. */
  readonly binary?: string;
  /** What the run needs of it: each is asked for, nothing else. */
  readonly machine?: string;
  readonly netdevs?: readonly string[];
  readonly devices?: readonly string[];
  readonly firmware?: readonly F[];
  /** KVM was chosen explicitly: check that the binary has it and `/dev/kvm` opens. That it works only a boot can show. */
  readonly kvm?: boolean;
  /** Where firmware is looked for, in order, before the places of Debian. */
  readonly firmwarePaths?: Partial<Readonly<Record<FirmwareName, readonly string[]>>>;
  /** Where programs are looked for. Default: PATH of this process. */
  readonly searchPath?: string;
  /** For each question asked of QEMU. Default 10 000 ms. */
  readonly timeoutMs?: Millis;
}

export type MissingKind = 'binary' | 'answer' | 'version' | 'machine' | 'netdev' | 'device' | 'firmware' | 'kvm';

export interface Missing {
  readonly kind: MissingKind;
  /** As `stream` or `u-boot-riscv64-smode`. */
  readonly name: string;
  /** A sentence for a person. */
  readonly message: string;
  /** The Debian package that brings it, where one does. */
  readonly package: string | undefined;
}

export interface QemuVersionNumber {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  /** The first line of `--version`. */
  readonly text: string;
}

export type ProbeResult<F extends FirmwareName = FirmwareName> =
  | {
      readonly ok: true;
      /** Absolute. */
      readonly binary: string;
      readonly version: QemuVersionNumber;
      /** A path for each firmware asked for. */
      readonly firmware: Readonly<Record<F, string>>;
    }
  | {
      readonly ok: false;
      /** All that is missing, not only the first. At least one. */
      readonly missing: readonly Missing[];
      /** The packages to install, each once, sorted. Empty where no package helps. */
      readonly packages: readonly string[];
    };

/** Debian 12 names. `qemu-system-riscv64` is no package there: the binary is in `qemu-system-misc`. */
export const QEMU_PACKAGES: Readonly<Record<QemuArch, string>> = {
  riscv64: 'qemu-system-misc',
  aarch64: 'qemu-system-arm',
  x86_64: 'qemu-system-x86',
};

export const FIRMWARE_PACKAGES: Readonly<Record<FirmwareName, string>> = {
  'opensbi-riscv64': 'opensbi',
  'u-boot-riscv64-smode': 'u-boot-qemu',
  'ipxe-virtio': 'ipxe-qemu',
};

/** Where Debian puts them. For u-boot the ELF, which says itself where it is to be loaded. */
export const FIRMWARE_PATHS: Readonly<Record<FirmwareName, readonly string[]>> = {
  'opensbi-riscv64': ['/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf'],
  'u-boot-riscv64-smode': ['/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf'],
  'ipxe-virtio': ['/usr/lib/ipxe/qemu/efi-virtio.rom'],
};

/** Finds QEMU and asks it what it can do. Never throws: what is not there is in the result, with the package that brings it. */
export async function probeQemu<const F extends FirmwareName = never>(options: ProbeOptions<F>): Promise<ProbeResult<F>> {
  const { arch, firmware = [] } = options;
  const missing: Missing[] = [];
  const found: Partial<Record<FirmwareName, string>> = {};
  for (const name of firmware) {
    const path = await firstReadable([...(options.firmwarePaths?.[name] ?? []), ...FIRMWARE_PATHS[name]]);
    if (path === undefined) missing.push(missingFirmware(name, FIRMWARE_PATHS[name]));
    else found[name] = path;
  }
  const wanted = options.binary ?? `qemu-system-${arch}`;
  const binary = await findProgram(wanted, options.searchPath);
  let version: QemuVersionNumber | undefined;
  if (binary === undefined) {
    const message = `${wanted} is not on PATH, or is no program`;
    missing.push({ kind: 'binary', name: wanted, message, package: QEMU_PACKAGES[arch] });
  } else {
    const answers = await askAll(binary, options);
    version = answers.version;
    missing.push(...answers.missing);
  }
  if (missing.length > 0 || binary === undefined || version === undefined) {
    const packages = missing.flatMap((item) => (item.package === undefined ? [] : [item.package]));
    return { ok: false, missing, packages: [...new Set(packages)].sort() };
  }
  return { ok: true, binary, version, firmware: found as Record<F, string> };
}

/** Names in the answer to `-netdev help` or `-machine help`: the first word of each line but the title. */
export function parseNames(text: string): ReadonlySet<string> {
  const names = text.split('\n').flatMap((line) => /^([\w.-]+)(?:\s|$)/.exec(line)?.[1] ?? []);
  return new Set(names);
}

/** Names and aliases in the answer to `-device help`: `name "virtio-net-pci", bus PCI, alias "virtio-net"`. */
export function parseDeviceNames(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^name "([^"]+)"(?:.*?alias "([^"]+)")?/gm)].flatMap(([, name, alias]) => [
      name ?? '',
      alias ?? name ?? '',
    ]),
  );
}

/** `QEMU emulator version 7.2.22 (Debian …)`. */
export function parseVersion(text: string): QemuVersionNumber | undefined {
  const match = /^QEMU emulator version (\d+)\.(\d+)(?:\.(\d+))?.*$/m.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), micro: Number(match[3] ?? 0), text: match[0].trim() };
}

async function askAll(
  binary: string,
  options: ProbeOptions,
): Promise<{ readonly version: QemuVersionNumber | undefined; readonly missing: readonly Missing[] }> {
  const { arch, machine, netdevs = [], devices = [], kvm = false, timeoutMs = 10_000 } = options;
  const missing: Missing[] = [];
  const ask = async (what: string, args: readonly string[]): Promise<string> => {
    const answer = await run(binary, args, timeoutMs);
    if (answer.ok) return answer.text;
    missing.push({ kind: 'answer', name: what, message: `${binary} ${args.join(' ')}: ${answer.text}`, package: undefined });
    return '';
  };
  const miss = (kind: MissingKind, name: string, lack: string): void => {
    missing.push({ kind, name, message: `${binary} has no ${lack} ${name}`, package: undefined });
  };
  // One after the other: together they would compete for the same two processors with whatever else is running.
  const versionText = await ask('version', ['--version']);
  const version = parseVersion(versionText);
  if (version === undefined && versionText !== '') {
    const message = `${binary} --version says ${JSON.stringify(versionText.slice(0, 80))}`;
    missing.push({ kind: 'version', name: 'version', message, package: QEMU_PACKAGES[arch] });
  }
  if (version === undefined) return { version, missing }; // not QEMU: nothing more to ask
  if (machine !== undefined && !parseNames(await ask('machines', ['-machine', 'help'])).has(machine))
    miss('machine', machine, 'machine');
  if (netdevs.length > 0) {
    const names = parseNames(await ask('netdevs', ['-netdev', 'help']));
    for (const name of netdevs) if (!names.has(name)) miss('netdev', name, 'netdev');
  }
  if (devices.length > 0) {
    const names = parseDeviceNames(await ask('devices', ['-device', 'help']));
    for (const name of devices) if (!names.has(name)) miss('device', name, 'device');
  }
  if (kvm) {
    if (!parseNames(await ask('accelerators', ['-accel', 'help'])).has('kvm')) miss('kvm', 'kvm', 'accelerator');
    const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!opens)
      missing.push({ kind: 'kvm', name: '/dev/kvm', message: '/dev/kvm is not there or not ours to open', package: undefined });
  }
  return { version, missing };
}

function missingFirmware(name: FirmwareName, places: readonly string[]): Missing {
  return { kind: 'firmware', name, message: `${name} is not at ${places.join(' or ')}`, package: FIRMWARE_PACKAGES[name] };
}

function run(
  binary: string,
  args: readonly string[],
  timeoutMs: Millis,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(binary, args, { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 4 * 2 ** 20 }, (error, stdout, stderr) => {
      resolve(error === null ? { ok: true, text: stdout } : { ok: false, text: stderr.trim() || error.message });
    });
  });
}

async function firstReadable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isFile(path, constants.R_OK)) return path;
  return undefined;
}

async function findProgram(name: string, searchPath: string = process.env['PATH'] ?? ''): Promise<string | undefined> {
  const candidates = isAbsolute(name)
    ? [name]
    : searchPath.split(delimiter).flatMap((dir) => (isAbsolute(dir) ? [join(dir, name)] : []));
  for (const path of candidates) if (await isFile(path, constants.X_OK)) return realpath(path);
  return undefined;
}

async function isFile(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
