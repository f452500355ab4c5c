import { formatMac, UsageError, unreachable } from '@nexus-net/sansio';
import type {
  ChardevConfig,
  DeviceConfig,
  DriveConfig,
  NetdevConfig,
  ObjectConfig,
  Properties,
  PropertyValue,
  QemuConfig,
} from './qemu-config.js';

export type ArgumentErrorCode =
  | 'bad-value'
  | 'unknown-key'
  | 'duplicate-id'
  | 'duplicate-fd'
  | 'duplicate-stdio'
  | 'duplicate-property'
  | 'unknown-netdev'
  | 'shared-netdev'
  | 'unused-netdev'
  | 'append-without-kernel'
  | 'initrd-without-kernel'
  | 'nothing-to-boot'
  | 'kvm-with-icount'
  | 'icount-with-threads'
  | 'icount-without-sleep-on-a-wire'
  | 'path-too-long';

/** A machine that can't be, refused before anything is started. */
export class QemuArgumentError extends UsageError {
  readonly code: ArgumentErrorCode;

  constructor(code: ArgumentErrorCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/**
 * The arguments of the QEMU process, one array element each: nothing is ever split by a shell, and commas inside values
 * are escaped. Throws {@link QemuArgumentError}.
 */
export function buildArguments(config: QemuConfig): string[] {
  checkConfig(config);
  const { machine, accelerator = { type: 'tcg' }, onReboot = 'exit' } = config;
  const args = ['-nodefaults', '-no-user-config', '-display', 'none'];
  args.push('-machine', commaList(machine.type, machine.options));
  args.push('-accel', accelerator.type === 'kvm' ? 'kvm' : commaList('tcg', { thread: accelerator.thread }));
  args.push('-m', `${config.memoryMiB}M`);
  if (config.cpu !== undefined) args.push('-cpu', config.cpu); // takes `model,feature=on`, so commas are the caller's
  if (config.smp !== undefined) args.push('-smp', String(config.smp));
  if (config.icount !== undefined) {
    const { shift, sleep, align } = config.icount;
    args.push('-icount', commaList(`shift=${shift}`, { sleep, align }));
  }
  for (const name of ['bios', 'kernel', 'initrd', 'append'] as const) {
    const value = config[name];
    if (value !== undefined) args.push(`-${name}`, value);
  }
  for (const [name, value] of Object.entries(config.globals ?? {})) args.push('-global', `${name}=${propertyText(value)}`);
  for (const [name, string] of Object.entries(config.firmwareTexts ?? {}))
    args.push('-fw_cfg', `${commaList(`name=${name}`, { string })}`);
  if (onReboot === 'exit') args.push('-no-reboot');
  if (config.startPaused === true) args.push('-S');
  if (config.incoming !== undefined) args.push('-incoming', `exec:cat ${shellQuoted(config.incoming)}`);
  if (config.gdb !== undefined) args.push('-gdb', config.gdb);
  for (const [index, serial] of (config.serials ?? []).entries()) {
    args.push('-chardev', chardev(`uart${index}`, serial), '-serial', `chardev:uart${index}`);
  }
  for (const netdev of config.netdevs ?? []) args.push('-netdev', netdevArgument(netdev));
  for (const drive of config.drives ?? []) args.push('-drive', driveArgument(drive));
  for (const device of config.devices ?? []) args.push('-device', deviceArgument(device));
  for (const object of config.objects ?? []) {
    if ('fd' in object) args.push('-chardev', chardev(`${object.id}-wire`, { type: 'fd', fd: object.fd }));
    args.push('-object', objectArgument(object));
  }
  if (config.qmp !== undefined) args.push('-chardev', chardev('qmp', config.qmp), '-mon', 'chardev=qmp,mode=control');
  if (config.monitor !== undefined) {
    args.push('-chardev', chardev('monitor', config.monitor), '-mon', 'chardev=monitor,mode=readline');
  }
  return args;
}

/** `type,key=value,…` as QEMU reads it: a comma inside a value is doubled. Keys whose value is undefined are left out. */
export function commaList(first: string, properties: Readonly<Record<string, PropertyValue | undefined>> = {}): string {
  let text = escapeCommas(first);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    text += `,${key}=${escapeCommas(propertyText(value))}`;
  }
  return text;
}

function propertyText(value: PropertyValue): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

/** A word that a shell reads as it stands: QEMU hands the command of an `exec:` to one. */
export function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,');
}

function chardev(id: string, config: ChardevConfig): string {
  switch (config.type) {
    case 'stdio':
      return commaList('stdio', { id, signal: false }); // Ctrl-C is for us, not for the guest
    case 'null':
      return commaList('null', { id });
    case 'file':
      return commaList('file', { id, path: config.path });
    case 'fd':
      return commaList('socket', { id, fd: config.fd });
    case 'unix':
      return commaList('socket', { id, path: config.path, server: false });
    default:
      return unreachable(config);
  }
}

function netdevArgument(config: NetdevConfig): string {
  switch (config.type) {
    case 'stream-fd':
      return commaList('stream', { id: config.id, server: false, 'addr.type': 'fd', 'addr.str': config.fd });
    case 'stream-unix':
      return commaList('stream', { id: config.id, server: false, 'addr.type': 'unix', 'addr.path': config.path });
    case 'user':
      return commaList('user', { id: config.id, ...config.properties });
    case 'tap':
      return commaList('tap', { id: config.id, ifname: config.interface, script: 'no', downscript: 'no', vnet_hdr: false });
    default:
      return unreachable(config);
  }
}

function deviceArgument({ driver, id, netdev, mac, properties }: DeviceConfig): string {
  return commaList(driver, { id, netdev, mac: mac === undefined ? undefined : formatMac(mac), ...properties });
}

function driveArgument({ id, file, format, isSnapshot }: DriveConfig): string {
  return commaList('if=none', { id, format, file, snapshot: isSnapshot });
}

function objectArgument(config: ObjectConfig): string {
  switch (config.type) {
    case 'filter-dump':
      return commaList('filter-dump', { id: config.id, netdev: config.netdev, file: config.file, maxlen: config.maxlen });
    case 'filter-mirror': {
      const { id, netdev, queue } = config;
      return commaList('filter-mirror', { id, netdev, queue, outdev: `${id}-wire` });
    }
    case 'filter-inject':
      // As if the netdev had sent them.
      return commaList('filter-redirector', { id: config.id, netdev: config.netdev, queue: 'tx', indev: `${config.id}-wire` });
    case 'other':
      return commaList(config.qomType, { id: config.id, ...config.properties });
    default:
      return unreachable(config);
  }
}

function checkConfig(config: QemuConfig): void {
  checkKeys('the machine', config, CONFIG_KEYS);
  checkScalars(config);
  checkProperties('machine.options', config.machine.options);
  checkBoot(config);
  checkTime(config);
  checkChannels(config);
  checkIds(config);
  checkNetwork(config);
  checkDrives(config);
}

function checkDrives({ drives = [], globals = {}, firmwareTexts = {} }: QemuConfig): void {
  for (const drive of drives) {
    checkKeys(`drive ${drive.id}`, drive, ['id', 'file', 'format', 'isSnapshot']);
    checkOneOf('drive.format', drive.format, ['raw', 'qcow2']);
    checkText(`drive ${drive.id}.file`, drive.file);
  }
  checkProperties('globals', globals);
  for (const name of Object.keys(globals))
    if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+$/.test(name))
      fail('bad-value', `globals: not driver.property: ${JSON.stringify(name)}`);
  for (const [name, text] of Object.entries(firmwareTexts)) {
    if (!/^opt\/[\x21-\x2b\x2d-\x7e]{1,51}$/.test(name))
      fail('bad-value', `fw_cfg: not a name below opt/: ${JSON.stringify(name)}`);
    checkText(`fw_cfg ${name}`, text);
  }
}

function checkScalars(config: QemuConfig): void {
  const { machine, cpu, smp, memoryMiB, bios, kernel, initrd, append, gdb, incoming, accelerator } = config;
  checkOneOf('arch', config.arch, ['riscv64', 'aarch64', 'x86_64']);
  checkName('machine.type', machine.type);
  if (accelerator !== undefined) checkOneOf('accelerator.type', accelerator.type, ['tcg', 'kvm']);
  if (config.onReboot !== undefined) checkOneOf('onReboot', config.onReboot, ['exit', 'reset']);
  checkInteger('memoryMiB', memoryMiB, { low: 1, high: 2 ** 20 });
  if (smp !== undefined) checkInteger('smp', smp, { low: 1, high: 512 });
  for (const [name, value] of Object.entries({ cpu, bios, kernel, initrd, append, gdb, incoming })) {
    if (value !== undefined) checkText(name, value);
  }
}

function checkBoot({ bios, kernel, initrd, append, devices = [] }: QemuConfig): void {
  if (append !== undefined && kernel === undefined) fail('append-without-kernel', 'append is handed over with a kernel');
  if (initrd !== undefined && kernel === undefined) fail('initrd-without-kernel', 'initrd is handed over with a kernel');
  const bootable = bios !== undefined || kernel !== undefined || devices.length > 0;
  if (!bootable) fail('nothing-to-boot', 'neither bios nor kernel nor a device to boot from is given');
}

function checkTime({ icount, accelerator, netdevs = [], objects = [] }: QemuConfig): void {
  if (icount === undefined) return;
  checkKeys('icount', icount, ['shift', 'sleep', 'align']);
  if (icount.shift !== 'auto') checkInteger('icount.shift', icount.shift, { low: 0, high: 10 });
  if (accelerator?.type === 'kvm') fail('kvm-with-icount', 'icount counts instructions that KVM executes unseen');
  if (accelerator?.type === 'tcg' && accelerator.thread === 'multi')
    fail('icount-with-threads', 'icount runs all CPUs in one thread');
  // Guest time would run past every deadline of the guest while the answer is still on its way from outside.
  // QEMU's user network lives in guest time, except where somebody of the host speaks through it.
  const wired =
    netdevs.some((netdev) => netdev.type !== 'user' || netdev.properties?.['hostfwd'] !== undefined) ||
    objects.some(({ type }) => type === 'filter-inject');
  if (icount.sleep === false && wired) {
    fail('icount-without-sleep-on-a-wire', 'with icount sleep=off the guest does not wait for a peer outside guest time');
  }
}

function checkChannels({ serials = [], qmp, monitor, netdevs = [], objects = [] }: QemuConfig): void {
  const fds = new Set<number>();
  let stdioUsers = 0;
  const claim = (what: string, fd: number): void => {
    checkInteger(`${what}.fd`, fd, { low: 3, high: 1023 });
    if (fds.has(fd)) fail('duplicate-fd', `${what} wants descriptor ${fd}, which is taken`);
    fds.add(fd);
  };
  const named: [string, ChardevConfig][] = serials.map((serial, index) => [`serials[${index}]`, serial]);
  if (qmp !== undefined) named.push(['qmp', qmp]);
  if (monitor !== undefined) named.push(['monitor', monitor]);
  for (const [what, channel] of named) {
    checkOneOf(`${what}.type`, channel.type, ['stdio', 'null', 'file', 'fd', 'unix']);
    if (channel.type === 'stdio' && ++stdioUsers > 1) fail('duplicate-stdio', `${what} wants stdio, which is taken`);
    if (channel.type === 'fd') claim(what, channel.fd);
    if (channel.type === 'file') checkText(`${what}.path`, channel.path);
    if (channel.type === 'unix') checkSocketPath(what, channel.path);
  }
  for (const netdev of netdevs) {
    checkOneOf('netdev.type', netdev.type, ['stream-fd', 'stream-unix', 'user', 'tap']);
    if (netdev.type === 'tap') checkName(`netdev ${netdev.id}.interface`, netdev.interface);
    if (netdev.type === 'stream-fd') claim(`netdev ${netdev.id}`, netdev.fd);
    if (netdev.type === 'stream-unix') checkSocketPath(`netdev ${netdev.id}`, netdev.path);
    if (netdev.type === 'user') checkProperties(`netdev ${netdev.id}`, netdev.properties, ['id']);
  }
  for (const object of objects) if ('fd' in object) claim(object.id, object.fd);
}

function checkIds({ netdevs = [], devices = [], objects = [], drives = [] }: QemuConfig): void {
  // QEMU keeps netdevs, devices and objects in different name spaces, but one id for two things only confuses.
  const seen = new Set<string>();
  for (const { id } of [...netdevs, ...devices, ...objects, ...drives]) {
    if (id === undefined) continue;
    if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(id))
      fail('bad-value', `an id starts with a letter and has no blanks: ${JSON.stringify(id)}`);
    if (seen.has(id)) fail('duplicate-id', `two things are called ${id}`);
    seen.add(id);
  }
}

function checkNetwork({ netdevs = [], devices = [], objects = [] }: QemuConfig): void {
  const ids = new Set(netdevs.map(({ id }) => id));
  const taken = new Set<string>();
  for (const device of devices) {
    checkKeys('a device', device, ['driver', 'id', 'netdev', 'mac', 'properties']);
    checkName('device.driver', device.driver);
    checkProperties(`device ${device.driver}`, device.properties, ['id', 'netdev', 'mac']);
    if (device.netdev === undefined) continue;
    if (!ids.has(device.netdev))
      fail('unknown-netdev', `device ${device.driver} is plugged into ${device.netdev}, which isn't there`);
    if (taken.has(device.netdev)) fail('shared-netdev', `two devices are plugged into ${device.netdev}`);
    taken.add(device.netdev);
  }
  for (const id of ids) if (!taken.has(id)) fail('unused-netdev', `no device is plugged into ${id}`);
  for (const object of objects) {
    checkOneOf('object.type', object.type, ['filter-dump', 'filter-mirror', 'filter-inject', 'other']);
    if (object.type === 'other') {
      checkName('object.qomType', object.qomType);
      checkProperties(`object ${object.id}`, object.properties, ['id', 'qom-type']);
      continue;
    }
    if (!ids.has(object.netdev)) fail('unknown-netdev', `${object.id} is on ${object.netdev}, which isn't there`);
    if (object.type === 'filter-mirror') checkOneOf(`${object.id}.queue`, object.queue, ['all', 'rx', 'tx']);
    if (object.type !== 'filter-dump') continue;
    checkText(`${object.id}.file`, object.file);
    if (object.maxlen !== undefined) checkInteger(`${object.id}.maxlen`, object.maxlen, { low: 1, high: 2 ** 31 - 1 });
  }
}

function checkSocketPath(what: string, path: string): void {
  checkText(`${what}.path`, path);
  const length = new TextEncoder().encode(path).length;
  if (length > SOCKET_PATH_BYTES_MAX) {
    fail('path-too-long', `${what}: a socket path has at most ${SOCKET_PATH_BYTES_MAX} octets, not ${length}`);
  }
}

function checkProperties(what: string, properties: Properties = {}, reserved: readonly string[] = []): void {
  for (const [key, value] of Object.entries(properties)) {
    if (!/^[A-Za-z0-9_.-]+$/.test(key)) fail('bad-value', `${what}: not a property name: ${JSON.stringify(key)}`);
    if (reserved.includes(key)) fail('duplicate-property', `${what}: ${key} has a place of its own`);
    if (typeof value === 'string') checkText(`${what}.${key}`, value, { emptyAllowed: true });
    else if (typeof value === 'number') {
      if (!Number.isFinite(value)) fail('bad-value', `${what}.${key} is a finite number`);
    } else if (typeof value !== 'boolean') fail('bad-value', `${what}.${key} is a string, a number or a boolean`);
  }
}

// The checks below also guard callers without types: options that come from JSON or a command line.

function checkKeys(what: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) if (!known.includes(key)) fail('unknown-key', `${what} has no ${key}`);
}

function checkOneOf(what: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) fail('bad-value', `${what} is one of ${known.join(', ')}, not ${JSON.stringify(value)}`);
}

function checkInteger(what: string, value: number, { low, high }: { readonly low: number; readonly high: number }): void {
  if (!Number.isInteger(value) || value < low || value > high) fail('bad-value', `${what} is an integer ${low}..${high}`);
}

function checkName(what: string, value: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value)) fail('bad-value', `${what} is a QEMU name, not ${JSON.stringify(value)}`);
}

function checkText(what: string, value: string, { emptyAllowed = false }: { readonly emptyAllowed?: boolean } = {}): void {
  const fits = typeof value === 'string' && (emptyAllowed || value !== '') && !value.includes('\0');
  if (!fits) fail('bad-value', `${what} is text without NUL`);
}

function fail(code: ArgumentErrorCode, message: string): never {
  throw new QemuArgumentError(code, message);
}

/** `sun_path` has 108 octets, the last of them a NUL. */
const SOCKET_PATH_BYTES_MAX = 107;

const CONFIG_KEYS: readonly (keyof QemuConfig)[] = [
  'arch',
  'machine',
  'accelerator',
  'cpu',
  'smp',
  'memoryMiB',
  'bios',
  'kernel',
  'initrd',
  'append',
  'icount',
  'serials',
  'netdevs',
  'devices',
  'objects',
  'drives',
  'globals',
  'firmwareTexts',
  'qmp',
  'monitor',
  'onReboot',
  'incoming',
  'startPaused',
  'gdb',
];
