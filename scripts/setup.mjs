// What has to be there before the harness runs, made where it is missing. Node's own modules only: it runs before npm install.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Debian packages of each guest and of what boots it, and how to tell that each is there. */
const GUEST_PACKAGES = {
  nexus: { 'qemu-system-x86': () => onPath('qemu-system-x86_64') },
  linux: { 'qemu-system-x86': () => onPath('qemu-system-x86_64') },
  ipxe: {
    'qemu-system-x86': () => onPath('qemu-system-x86_64'),
    'ipxe-qemu': () => existsSync('/usr/lib/ipxe/qemu/efi-virtio.rom'),
  },
  'u-boot': {
    'qemu-system-misc': () => onPath('qemu-system-riscv64'),
    'u-boot-qemu': () => existsSync('/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf'),
    opensbi: () => existsSync('/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf'),
  },
};
/** What the wires need that not every machine has. */
const WIRE_PACKAGES = {
  tap: { 'dnsmasq-base': () => onPath('dnsmasq'), iproute2: () => onPath('ip') },
};
export const DEFAULT_GUEST = 'nexus';

/** The exit code of a set-up that needs root: told apart from every verdict. Documented in the README. */
export const EXIT_NEEDS_ROOT = 9;
/** The exit code of a set-up step that failed. */
export const EXIT_SETUP_FAILED = 8;

export const CLI = join(ROOT, 'packages/smoke/dist/bin.js');

export function setUpNode() {
  const installed = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installed) || newer(join(ROOT, 'package-lock.json'), installed)) {
    step('node modules', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  if (!existsSync(CLI) || newestSource() > statSync(CLI).mtimeMs) {
    step('build', process.execPath, [join(ROOT, 'node_modules/tsup/dist/cli-default.js')], { NEXUS_BUILD: 'js' });
  }
}

/** What the guest and its wire need of this machine. An unknown one is the harness's to refuse. */
export function setUpGuest(guest = DEFAULT_GUEST, wire = 'embedded') {
  setUpPackages({ ...GUEST_PACKAGES[guest], ...WIRE_PACKAGES[wire] });
}

/** The QEMU of the guest that this file describes, and its wire. What is wrong with the file is the harness's to say. */
export function setUpGuestConfig(path, wire = 'embedded') {
  let arch;
  try {
    arch = JSON.parse(readFileSync(path, 'utf8')).boot.arch;
  } catch {
    return;
  }
  const name = QEMU_PACKAGES[arch];
  setUpPackages({ ...(name !== undefined && { [name]: () => onPath(`qemu-system-${arch}`) }), ...WIRE_PACKAGES[wire] });
}

const QEMU_PACKAGES = { riscv64: 'qemu-system-misc', aarch64: 'qemu-system-arm', x86_64: 'qemu-system-x86' };

function setUpPackages(packages) {
  const missing = Object.entries(packages)
    .filter(([, isThere]) => !isThere())
    .map(([name]) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    console.error(`missing: ${missing.join(', ')}. To install, run as root:`);
    console.error(`  apt-get update && apt-get install --yes --no-install-recommends ${missing.join(' ')}`);
    process.exit(EXIT_NEEDS_ROOT);
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  step('package lists', 'apt-get', ['update', '-qq'], env);
  step(missing.join(', '), 'apt-get', ['install', '--yes', '-qq', '--no-install-recommends', ...missing], env);
}

/** The image of a guest that has one: made of packages that are downloaded and unpacked, never installed. */
export function setUpImage(guest = DEFAULT_GUEST, boot = 'cold') {
  if (!WITH_IMAGE.includes(guest)) return;
  const packages = join(ROOT, '.nexus/guest/packages');
  const there =
    existsSync(packages) && KERNEL_PACKAGES.every((name) => readdirSync(packages).some((each) => each.startsWith(`${name}_`)));
  // Without lists of packages apt knows none; only root can fetch them.
  if (!there && process.getuid?.() === 0) step('package lists', 'apt-get', ['update', '-qq']);
  step('the guest’s image', process.execPath, [CLI, 'prepare', '--guest', guest, '--boot', boot]);
}

const WITH_IMAGE = ['nexus', 'linux'];
const KERNEL_PACKAGES = ['linux-image-cloud-amd64', 'busybox-static'];

/** Runs a command to its end. Its output goes to stderr: standard output belongs to the verdict. */
function step(what, command, args, env = {}) {
  console.error(`set-up: ${what} …`);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2], env: { ...process.env, ...env } });
  if (status === 0) return;
  console.error(`set-up: ${what} failed: ${error?.message ?? `exit code ${status}`}`);
  process.exit(EXIT_SETUP_FAILED);
}

/** NEXUS_SETUP_PATH stands for PATH, so that a check can take QEMU away and leave the rest. */
function onPath(program) {
  const path = process.env.NEXUS_SETUP_PATH ?? process.env.PATH ?? '';
  return path.split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function newer(a, b) {
  return statSync(a).mtimeMs > statSync(b).mtimeMs;
}

function newestSource() {
  const folders = readdirSync(join(ROOT, 'packages')).map((name) => join(ROOT, 'packages', name, 'src'));
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).map((path) => join(folder, path)));
  return Math.max(...files.map((path) => statSync(path).mtimeMs));
}
