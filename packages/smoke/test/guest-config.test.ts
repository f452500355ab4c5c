import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildArguments, planChannels } from '@nexus-net/qemu';
import { readLine, SMOKE } from '@nexus-net/verdict';
import { afterAll, describe, expect, test } from 'vitest';
import { cardsOf, machineOf, uartCountOf } from '../src/config/configured-guest.js';
import { consolePattern } from '../src/config/console-pattern.js';
import {
  cli,
  configuredGuest,
  GUEST_PLACE,
  type GuestConfig,
  guestConfigTables,
  readGuestConfig,
  readProfiles,
  readRequest,
  U_BOOT,
} from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-net-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const KERNEL = join(folder, 'kernel');
writeFileSync(KERNEL, '');

const SMALLEST = {
  name: 'mine',
  description: 'an operating system',
  boot: { arch: 'riscv64', machine: 'virt', memoryMiB: 64, kernel: 'kernel', card: { driver: 'virtio-net-device' } },
  capabilities: ['static-address', 'ping'],
};

let count = 0;
/** A file with this value. */
function fileOf(value: unknown): string {
  const path = join(folder, `${count++}.json`);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

const withBoot = (boot: object): object => ({ ...SMALLEST, boot: { ...SMALLEST.boot, ...boot } });
const withRule = (rule: object): object => ({ ...SMALLEST, rules: [rule] });
const withPattern = (pattern: string): object => withRule({ marker: 'iface-up', pattern });
const withProfile = (profile: object): object => ({ ...SMALLEST, profiles: [{ name: 'own', description: 'x', ...profile }] });

describe('a file is refused in one sentence, for', () => {
  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /is no JSON/],
    ['a list', [], /json: it is an object, not \[\]\.$/],
    ['an unknown key', { ...SMALLEST, rule: [] }, /it has a key "rule", which nobody reads; known are name, description, boot/],
    ['an unknown key inside', withBoot({ nic: {} }), /boot has a key "nic", which nobody reads/],
    ['a key of every object', JSON.stringify(SMALLEST).replace('"name"', '"__proto__":{},"name"'), /has a key "__proto__"/],
    ['no name', { ...SMALLEST, name: undefined }, /it has no name\.$/],
    ['a name of ours', { ...SMALLEST, name: 'u-boot' }, /a guest u-boot comes with the harness/],
    ['a wrong type', withBoot({ memoryMiB: '64' }), /boot\.memoryMiB is a whole number from 1 to 1048576, not "64"\.$/],
    ['a number out of range', withBoot({ smp: 0 }), /boot\.smp is a whole number from 1 to 512, not 0\.$/],
    ['an unknown architecture', withBoot({ arch: 'mips' }), /boot\.arch is "riscv64" or "aarch64" or "x86_64", not "mips"\.$/],
    ['a property that is none', withBoot({ globals: { legacy: false } }), /globals: not driver\.property/],
    ['guest time that runs ahead', withBoot({ icount: { shift: 1, sleep: false } }), /sleep=off the guest does not wait/],
    ['two things of one id', withBoot({ devices: [{ driver: 'x', id: 'nic0' }] }), /two things are called nic0/],
    ['a kernel that isn’t there', withBoot({ kernel: 'none' }), /none can’t be read: ENOENT/],
    ['nothing to boot', withBoot({ kernel: undefined }), /nothing to boot/],
    ['a kernel that has to be given', withBoot({ given: ['kernel'] }), /this guest needs --kernel\.$/],
    ['a drive of nothing', withBoot({ drives: [{ id: 'd' }] }), /the drive d has either a file or emptyMiB/],
    [
      'one UART for two things',
      { ...SMALLEST, console: { uart: 1, kernelUart: 1 } },
      /console\.uart and console\.kernelUart are one/,
    ],
    ['a rule without a line', withRule({ marker: 'iface-up' }), /rules\[0\] has either a line or a pattern/],
    ['a marker that nobody knows', withRule({ marker: 'nobody', line: 'x' }), /rules\[0\] names a marker ‘nobody’/],
    ['a broken pattern', withPattern('^('), /rules\[0\]\.pattern is no regular expression/],
    ['a pattern anywhere', withPattern('up'), /pattern has to begin with \^/],
    ['a capability that there isn’t', { ...SMALLEST, capabilities: ['fly'] }, /capabilities\[0\] is "static-address" or/],
    ['a profile’s unknown key', withProfile({ phase: [] }), /profiles\[0\] has a key "phase"/],
    ['a profile without a phase', withProfile({}), /the profile own has no phase/],
    [
      'a profile of ours',
      { ...SMALLEST, profiles: [{ name: 'smoke', description: 'x' }] },
      /a profile smoke comes with the harness/,
    ],
    [
      'a profile with a proof that there isn’t',
      withProfile({ markers: { m: { form: 'x', meaning: 'x', backing: 'wire', proof: 'hearsay' } } }),
      /markers\.m\.proof is .*"device-sends" or .*, not "hearsay"\.$/,
    ],
  ])('%s', async (_what, value, sentence) => {
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    const path = fileOf(value);
    const code = await cli({ arguments: ['test-os', '--guest-config', path], environment: {}, print, printError: print });
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(sentence);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['a file that isn’t there', ['--guest-config', join(folder, 'none.json')], /none\.json can’t be read: ENOENT/],
    ['two guests', ['--guest', 'nexus', '--guest-config', 'x.json'], /--guest and --guest-config both say who boots/],
    ['a kernel for a guest that has its own', ['--kernel', KERNEL], /--kernel goes with --guest-config FILE/],
    ['profiles that are none', ['--profiles', fileOf([{ name: 'x' }])], /\[0\] has no description\.$/],
  ])('%s', async (_what, options, sentence) => {
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    expect(await cli({ arguments: ['test-os', ...options], environment: {}, print, printError: print })).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(sentence);
  });
});

describe('a pattern', () => {
  test.each([
    ['^(a+)+$', 'repeats a group that repeats'],
    ['^(a|a)*$', 'repeats a group that repeats or has alternatives'],
    ['^((a|b)c){2,}', 'repeats a group that repeats or has alternatives'],
    ['^.*.*.*.*x', 'repeats in more than 3 places'],
    ['^(a)\\1', 'refers back'],
    ['^(?<a>a)\\k<a>', 'refers back'],
    [`^${'a'.repeat(600)}`, 'more than 512 characters'],
  ])('that could take long is refused: %s', (source, words) => {
    expect(consolePattern(source)).toContain(words);
  });

  test.each([
    ['^lease (?<address>[\\d.]+)/\\d+ by .*$', 'lease 10.0.2.15/24 by x'],
    ['^a\\+\\*[*+|(]b?$', 'a+*(b'],
    ['^(?:up|ready)$', 'up'],
    ['^a|^b', 'b'],
    ['^x{3}', 'xxx'],
  ])('is one as it was written: %s', (source, line) => {
    expect(consolePattern(source)).toBeInstanceOf(RegExp);
    expect((consolePattern(source) as RegExp).test(line)).toBe(true);
    expect((consolePattern(source) as RegExp).test(` ${line}`)).toBe(false);
  });

  test('is tried on no line that is longer than it has to be', () => {
    const pattern = consolePattern('^.*.*.*y') as RegExp;
    expect(pattern.test('y'.repeat(256))).toBe(true);
    expect(pattern.test('y'.repeat(257))).toBe(false);
    const started = performance.now();
    pattern.test('x'.repeat(256));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

/** The command line of a guest's QEMU, without what every run has. */
function argumentsOf({ boot, console = {} }: GuestConfig): readonly string[] {
  const plan = planChannels({
    machine: machineOf(boot, '/run'),
    nics: cardsOf(boot, GUEST_PLACE),
    uartCount: uartCountOf(console),
    directory: '/run',
  });
  return buildArguments(plan.config);
}

describe('Open Nexus OS', () => {
  test('boots on the machine that its own launcher makes, with our wire in place of the user network', async () => {
    const config = await readGuestConfig('guests/open-nexus-os.json', { kernel: KERNEL });
    // Typed by hand from the command line of its launcher.
    expect(argumentsOf(config).join('\n')).toBe(
      [
        ['-nodefaults', '-no-user-config', '-display', 'none'],
        ['-machine', 'virt,aclint=on', '-accel', 'tcg', '-m', '320M', '-cpu', 'max', '-smp', '1'],
        ['-icount', 'shift=1,sleep=on', '-bios', 'default', '-kernel', KERNEL],
        ['-global', 'virtio-mmio.force-legacy=off'],
        ['-fw_cfg', 'name=opt/org.open-nexus/display-mode,string=1280x800', '-no-reboot'],
        ['-chardev', 'stdio,id=uart0,signal=off', '-serial', 'chardev:uart0'],
        ['-netdev', 'stream,id=net0,server=off,addr.type=fd,addr.str=3'],
        ['-drive', 'if=none,id=blk0,format=raw,file=/run/blk0.img'],
        ['-device', 'virtio-gpu-device,max_outputs=1,xres=1280,yres=800'],
        ['-device', 'virtio-net-device,id=nic0,netdev=net0,mac=52:54:00:12:34:56'],
        ['-device', 'virtio-rng-device,rng=rng0', '-device', 'virtio-blk-device,drive=blk0'],
        ['-object', 'rng-random,id=rng0,filename=/dev/urandom'],
        ['-chardev', 'socket,id=qmp,fd=4', '-mon', 'chardev=qmp,mode=control'],
      ]
        .flat()
        .join('\n'),
    );
  });

  test.each<[Record<string, string>, string, readonly string[]]>([
    [{}, 'adr-0025-full', []],
    [{ REQUIRE_QEMU_DHCP: '1' }, 'open-nexus-os-dhcp', ['dhcp-bound', 'net-ping-ok', 'net-dns-ok', 'icmp-ping-ok']],
    [{ REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' }, 'open-nexus-os-dhcp', ['icmp-ping-ok']],
    [{ REQUIRE_DSOFTBUS: '1' }, 'open-nexus-os-dsoftbus', ['dsoftbus-discovery-up', 'dsoftbus-ping-ok']],
    [
      { REQUIRE_QEMU_DHCP: '1', REQUIRE_DSOFTBUS: '1' },
      'open-nexus-os-dhcp+open-nexus-os-dsoftbus',
      ['dhcp-bound', 'dsoftbus-ping-ok'],
    ],
  ])('%o demands all 109 lines, and more: %s', async (environment, name, more) => {
    const config = await readGuestConfig('guests/open-nexus-os.json', { kernel: KERNEL });
    const guest = configuredGuest(config);
    const { profile } = readRequest(environment, { guest, dhcpServer: true, profiles: config.profiles ?? [] });
    const demanded = profile.phases.flatMap(({ markers }) => markers.map(({ marker }) => marker));
    expect(profile.name).toBe(name);
    expect(new Set(demanded).size).toBe(demanded.length);
    expect(demanded).toEqual(expect.arrayContaining([...more]));
    expect(demanded.filter((id) => profile.catalogue.get(id).form.startsWith('init: '))).toHaveLength(24);
    expect(demanded.length).toBeGreaterThanOrEqual(109 + more.length);
  });

  test.each([
    'PANIC at',
    'EXC: scause=5',
    'ILLEGAL',
    'rx guard: x',
    'LOCKDEP: x',
    'PT-VERIFY: x',
    'HEAP: x',
    '[1.0] PANIC',
    'SELFTEST: fail',
  ])('crashed where it says: %s', async (line) => {
    const { panics } = configuredGuest(await readGuestConfig('guests/open-nexus-os.json', { kernel: KERNEL }));
    expect(panics.some((panic) => panic.test(line))).toBe(true);
  });
});

describe('U-Boot as a file', async () => {
  const config = await readGuestConfig('guests/u-boot.json', {}, { isBooted: false });
  const guest = configuredGuest(config);

  test.each(['smoke', 'dhcp-lease'])('is typed at as the built-in one: %s', (name) => {
    const { profile } = readRequest({}, { guest: U_BOOT, dhcpServer: true, profile: name });
    const typed = (of: typeof guest): readonly unknown[] =>
      of.script(profile, GUEST_PLACE, new Uint8Array(32)).map(({ type, probed }) => [type, probed]);
    expect(typed(guest)).toEqual(typed(U_BOOT));
  });

  test.each([
    ['=> dhcp', undefined],
    ['Net:   eth0: virtio-net#0', undefined],
    ['DHCP client bound to address 10.0.2.15 (3 ms)', undefined],
    ['host 10.0.2.2 is alive', 'iface'],
    ['host 10.0.2.2 is alive', 'ping'],
    ['host 10.0.2.2 is alive', 'dhcp'],
    ['host 10.0.252 is alive', 'ping'],
  ])('means the same by: %s', (line, phase) => {
    const read = (of: typeof guest): unknown =>
      readLine(line, { catalogue: SMOKE.catalogue, rules: of.rules(GUEST_PLACE), phase });
    expect(read(guest)).toEqual(read(U_BOOT));
  });
});

test('profiles of a file are profiles by name, with and without a guest of a file', async () => {
  const own = { name: 'lease-only', description: 'x', phases: [{ name: 'dhcp', markers: ['dhcp-bound'], budgetMs: 1_000 }] };
  const profiles = await readProfiles(fileOf([own]));
  expect(readRequest({}, { guest: U_BOOT, dhcpServer: true, profile: 'lease-only', profiles }).profile.phases).toHaveLength(1);
});

test('the documentation has every field that is read, and its example of profiles is one', async () => {
  const text = readFileSync('docs/guest-config.md', 'utf8');
  const squeezed = (of: string): string => of.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
  expect(squeezed(text)).toContain(squeezed(guestConfigTables()));
  const [, example] = /```json\n(.*?)```/s.exec(text) as unknown as [string, string];
  expect(await readProfiles(fileOf(example))).toHaveLength(1);
});
