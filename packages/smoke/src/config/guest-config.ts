import type { DeviceConfig, IcountConfig, Properties, QemuArch } from '@nexus-net/qemu';
import { CAPABILITIES, type Capability, type MarkerId, type PhaseName, type ProfileSpec } from '@nexus-net/verdict';
import type { Gate } from '../guest.js';
import { PROFILES } from './profile-shape.js';
import type { Field, Shape } from './shape.js';

/** A guest as a file describes it. What each field means stands in {@link GUEST_CONFIG_FIELDS}. */
export interface GuestConfig {
  readonly name: string;
  readonly description: string;
  readonly boot: BootConfig;
  readonly console?: ConsoleConfig;
  readonly rules?: readonly RuleConfig[];
  readonly panics?: readonly string[];
  readonly capabilities: readonly Capability[];
  readonly answers?: 'always' | 'while-probed';
  readonly profiles?: readonly ProfileSpec[];
  readonly lanes?: Readonly<Partial<Record<Gate | 'default', string>>>;
}

export interface BootConfig {
  readonly arch: QemuArch;
  readonly machine: string;
  readonly machineOptions?: Properties;
  readonly cpu?: string;
  readonly smp?: number;
  readonly memoryMiB: number;
  readonly bios?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly given?: readonly ('kernel' | 'initrd' | 'append')[];
  readonly card: { readonly driver: string; readonly properties?: Properties; readonly devicesBefore?: number };
  readonly loopbackCard?: { readonly driver: string; readonly properties?: Properties };
  readonly devices?: readonly Pick<DeviceConfig, 'driver' | 'id' | 'properties'>[];
  readonly objects?: readonly { readonly type: string; readonly id: string; readonly properties?: Properties }[];
  readonly drives?: readonly {
    readonly id: string;
    readonly file?: string;
    readonly format?: 'raw' | 'qcow2';
    readonly emptyMiB?: number;
  }[];
  readonly globals?: Properties;
  readonly firmwareTexts?: Readonly<Record<string, string>>;
  readonly icount?: IcountConfig;
}

export interface ConsoleConfig {
  readonly uart?: number;
  readonly kernelUart?: number;
  readonly script?: readonly StepConfig[];
}

export interface StepConfig {
  readonly when: string;
  readonly type: string;
  readonly with?: Capability;
  readonly without?: Capability;
  readonly marker?: MarkerId;
  readonly probed?: boolean;
}

export interface RuleConfig {
  readonly line?: string;
  readonly pattern?: string;
  readonly marker: MarkerId;
  readonly phase?: PhaseName;
}

const TEXT: Shape = { kind: 'text' };
const FILE: Shape = { kind: 'text' };
const QEMU_NAME: Shape = { kind: 'text', form: { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, is: 'a name of QEMU' } };
const PROPERTIES: Shape = {
  kind: 'map',
  countMax: 64,
  of: {
    kind: 'either',
    of: [{ kind: 'text', mayBeEmpty: true }, { kind: 'integer', low: -(2 ** 53) + 1, high: 2 ** 53 - 1 }, { kind: 'flag' }],
  },
};
const CAPABILITY: Shape = { kind: 'one-of', of: CAPABILITIES };
const object = (fields: Readonly<Record<string, Field>>): Shape => ({ kind: 'object', fields });
const list = (of: Shape, countMax = 64): Shape => ({ kind: 'list', of, countMax });

const CARD_FIELDS: Readonly<Record<string, Field>> = {
  driver: {
    shape: QEMU_NAME,
    meaning: 'The network card that is on our wire, as `virtio-net-device` or `virtio-net-pci`.',
    isNeeded: true,
  },
  properties: { shape: PROPERTIES, meaning: 'Its properties.' },
  devicesBefore: {
    shape: { kind: 'integer', low: 0, high: 64 },
    meaning: 'How many of `devices` come before it: their order decides the slots of some machines. Default 0.',
  },
};

const DEVICE_FIELDS: Readonly<Record<string, Field>> = {
  driver: { shape: QEMU_NAME, meaning: 'As `virtio-rng-device`.', isNeeded: true },
  id: { shape: QEMU_NAME, meaning: 'Its id.' },
  properties: { shape: PROPERTIES, meaning: 'Its properties.' },
};

const BOOT_FIELDS: Readonly<Record<string, Field>> = {
  arch: {
    shape: { kind: 'one-of', of: ['riscv64', 'aarch64', 'x86_64'] },
    meaning: 'Which QEMU: `qemu-system-…`.',
    isNeeded: true,
  },
  machine: { shape: QEMU_NAME, meaning: 'QEMU’s machine, as `virt`.', isNeeded: true },
  machineOptions: { shape: PROPERTIES, meaning: 'Its options, as `{"aclint": true}`.' },
  cpu: { shape: TEXT, meaning: 'QEMU’s `-cpu`.' },
  smp: { shape: { kind: 'integer', low: 1, high: 512 }, meaning: 'Processors. Default 1.' },
  memoryMiB: { shape: { kind: 'integer', low: 1, high: 2 ** 20 }, meaning: 'Memory in MiB.', isNeeded: true },
  bios: { shape: FILE, meaning: 'Firmware: a file, or without a slash a name that QEMU knows, as `default`.' },
  kernel: { shape: FILE, meaning: 'The kernel, a file. `--kernel` stands for it.' },
  initrd: { shape: FILE, meaning: 'The initial RAM file system, a file. `--initrd` stands for it.' },
  append: { shape: TEXT, meaning: 'The kernel’s command line. `--append` stands for it.' },
  given: {
    shape: list({ kind: 'one-of', of: ['kernel', 'initrd', 'append'] }, 3),
    meaning: 'What the command line has to give, because the file does not know it.',
  },
  card: { shape: object(CARD_FIELDS), meaning: 'The network card.', isNeeded: true },
  loopbackCard: {
    shape: object({ driver: CARD_FIELDS['driver'] as Field, properties: CARD_FIELDS['properties'] as Field }),
    meaning:
      'A second card, after the first, at which the guest shows what arrives on its loopback interface: without it no marker of the bus can be proven.',
  },
  devices: { shape: list(object(DEVICE_FIELDS)), meaning: 'Further devices, in order.' },
  objects: {
    shape: list(
      object({
        type: { shape: QEMU_NAME, meaning: 'As `rng-random`.', isNeeded: true },
        id: { shape: QEMU_NAME, meaning: 'Its id.', isNeeded: true },
        properties: { shape: PROPERTIES, meaning: 'Its properties.' },
      }),
    ),
    meaning: 'Objects that devices name.',
  },
  drives: {
    shape: list(
      object({
        id: { shape: QEMU_NAME, meaning: 'What a device names as its `drive`.', isNeeded: true },
        file: { shape: FILE, meaning: 'A file that is read and never written: what the guest writes is gone with it.' },
        format: { shape: { kind: 'one-of', of: ['raw', 'qcow2'] }, meaning: 'Of the file. Default `raw`.' },
        emptyMiB: {
          shape: { kind: 'integer', low: 1, high: 65_536 },
          meaning: 'Instead of a file: an empty disk of so many MiB, new for each run, in its folder.',
        },
      }),
      16,
    ),
    meaning: 'Disks.',
  },
  globals: { shape: PROPERTIES, meaning: 'QEMU’s `-global`: `{"virtio-mmio.force-legacy": false}`.' },
  firmwareTexts: {
    shape: { kind: 'map', of: TEXT, countMax: 32 },
    meaning: 'Texts in `fw_cfg`, by name, as `opt/org.example/mode`.',
  },
  icount: {
    shape: object({
      shift: {
        shape: {
          kind: 'either',
          of: [
            { kind: 'one-of', of: ['auto'] },
            { kind: 'integer', low: 0, high: 10 },
          ],
        },
        meaning: '2^shift ns of guest time for each instruction.',
        isNeeded: true,
      },
      sleep: { shape: { kind: 'flag' }, meaning: 'Default true; false is refused, as guest time would run past every answer.' },
      align: { shape: { kind: 'flag' }, meaning: 'QEMU’s own `align`.' },
    }),
    meaning: 'Guest time by instructions.',
  },
};

const CONSOLE_FIELDS: Readonly<Record<string, Field>> = {
  uart: {
    shape: { kind: 'integer', low: 0, high: 3 },
    meaning: 'Which UART has the markers and the prompt. Default 0. Those before it are there too.',
  },
  kernelUart: {
    shape: { kind: 'integer', low: 0, high: 3 },
    meaning: 'Which one has what the kernel says, where it has its own: it can tear no line then.',
  },
  script: {
    shape: list(
      object({
        when: {
          shape: { kind: 'pattern' },
          meaning: 'The prompt: typed when the console’s last, unfinished line is like this.',
          isNeeded: true,
        },
        type: { shape: { kind: 'text' }, meaning: 'What is typed, its line end (`\\n`) included.', isNeeded: true },
        with: { shape: CAPABILITY, meaning: 'Only for a profile that wants this of its guest.' },
        without: { shape: CAPABILITY, meaning: 'Only for a profile that does not.' },
        marker: { shape: TEXT, meaning: 'Only for a profile that demands the marker of this id.' },
        probed: {
          shape: { kind: 'flag' },
          meaning:
            'The gateway pings the guest while the command runs, and ends it with Ctrl-C when the guest has answered. Default false.',
        },
      }),
      256,
    ),
    meaning: 'What is typed, in order.',
  },
};

const RULE_FIELDS: Readonly<Record<string, Field>> = {
  line: { shape: TEXT, meaning: 'The whole line, byte for byte.' },
  pattern: {
    shape: { kind: 'pattern' },
    meaning:
      'Or what its beginning is like; groups named `address`, `prefix`, `gateway` and `peer` are values of the marker, which the wire is asked for.',
  },
  marker: { shape: TEXT, meaning: 'The id of the [marker](markers.md) that the line stands for.', isNeeded: true },
  phase: { shape: TEXT, meaning: 'Counts only while the ladder stands in this phase.' },
};

/** Every field of the file: what the reader takes, and what the documentation is made of. */
export const GUEST_CONFIG_FIELDS: Readonly<Record<string, Field>> = {
  name: {
    shape: { kind: 'text', form: { pattern: /^[a-z][a-z0-9-]{0,63}$/, is: 'a name of small letters, digits and hyphens' } },
    meaning: 'What the verdict calls it. No name of a guest that comes with the harness.',
    isNeeded: true,
  },
  description: { shape: TEXT, meaning: 'One sentence for people.', isNeeded: true },
  boot: { shape: object(BOOT_FIELDS), meaning: 'The machine.', isNeeded: true },
  console: { shape: object(CONSOLE_FIELDS), meaning: 'Its serial lines. Default: one, on which the guest prints by itself.' },
  rules: {
    shape: list(object(RULE_FIELDS), 256),
    meaning: 'Which lines stand for which marker. Default none: the guest prints the markers themselves.',
  },
  panics: { shape: list({ kind: 'pattern' }, 64), meaning: 'Lines that mean that the guest crashed: the run ends at once.' },
  capabilities: {
    shape: list(CAPABILITY),
    meaning: 'What it can do. A profile that wants more of it is refused.',
    isNeeded: true,
  },
  answers: {
    shape: { kind: 'one-of', of: ['always', 'while-probed'] },
    meaning: 'Does it answer ARP and echo as long as it runs (default), or only while a `probed` step does?',
  },
  profiles: { shape: PROFILES, meaning: 'Profiles of its own: the table below.' },
  lanes: {
    shape: object(
      Object.fromEntries(
        ['default', 'REQUIRE_QEMU_DHCP', 'REQUIRE_QEMU_DHCP_STRICT', 'REQUIRE_DSOFTBUS'].map((gate) => [
          gate,
          {
            shape: TEXT,
            meaning:
              gate === 'default' ? 'The profile without a gate. Default `smoke`.' : 'The profile that the gate stands for.',
          },
        ]),
      ),
    ),
    meaning: 'The guest’s own profile for a gate, where it can’t do all of the gate’s, or more.',
  },
};

export const GUEST_CONFIG: Shape = { kind: 'object', fields: GUEST_CONFIG_FIELDS };
