import type { MacAddress } from '@nexus-net/sansio';

export type QemuArch = 'riscv64' | 'aarch64' | 'x86_64';

/** A QEMU property: `on`/`off` for a boolean. */
export type PropertyValue = string | number | boolean;
export type Properties = Readonly<Record<string, PropertyValue>>;

/** Where a byte channel of QEMU ends. `fd` is a descriptor that the process inherits, one end of a socket pair. */
export type ChardevConfig =
  | { readonly type: 'stdio' }
  | { readonly type: 'null' }
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'fd'; readonly fd: number }
  /** QEMU connects to `path`, where somebody already listens. */
  | { readonly type: 'unix'; readonly path: string };

export type NetdevConfig =
  /** Frames with a 4-octet length over a stream socket (QEMU 7.2 and newer). */
  | { readonly type: 'stream-fd'; readonly id: string; readonly fd: number }
  /** The same; QEMU connects to `path`, where somebody already listens. */
  | { readonly type: 'stream-unix'; readonly id: string; readonly path: string }
  /** QEMU's user network, with its own DHCP and DNS. */
  | { readonly type: 'user'; readonly id: string; readonly properties?: Properties }
  /** A TAP device that is there and configured, by the name of its interface; without a virtio-net header. */
  | { readonly type: 'tap'; readonly id: string; readonly interface: string };

export interface DeviceConfig {
  /** As `virtio-net-device`. */
  readonly driver: string;
  readonly id?: string;
  /** The netdev at the other end of a network card. */
  readonly netdev?: string;
  readonly mac?: MacAddress;
  readonly properties?: Properties;
}

export type ObjectConfig =
  /** Writes every frame of a netdev to a pcap file, `maxlen` octets of each (default 65 536). */
  | {
      readonly type: 'filter-dump';
      readonly id: string;
      readonly netdev: string;
      readonly file: string;
      readonly maxlen?: number;
    }
  /** Copies frames of a netdev to a descriptor, each with a 4-octet length: from the guest (`rx`), to it (`tx`), or all in their order. */
  | {
      readonly type: 'filter-mirror';
      readonly id: string;
      readonly netdev: string;
      readonly queue: 'all' | 'rx' | 'tx';
      readonly fd: number;
    }
  /** Gives the guest the frames that come at a descriptor, each with a 4-octet length, beside those of its netdev. */
  | { readonly type: 'filter-inject'; readonly id: string; readonly netdev: string; readonly fd: number }
  | { readonly type: 'other'; readonly qomType: string; readonly id: string; readonly properties?: Properties };

/** A disk that a device of `devices` names as its `drive`. */
export interface DriveConfig {
  readonly id: string;
  readonly file: string;
  readonly format: 'raw' | 'qcow2';
  /** What the guest writes is gone with QEMU. Default false. */
  readonly isSnapshot?: boolean;
}

export interface IcountConfig {
  /** 2^shift ns of guest time for each instruction, 0..10, or chosen by QEMU as it goes. */
  readonly shift: number | 'auto';
  /** `false` lets guest time run ahead while the guest idles. Default true, QEMU's own. */
  readonly sleep?: boolean;
  readonly align?: boolean;
}

/** A whole machine. What isn't named isn't there: QEMU is started with `-nodefaults -no-user-config -display none`. */
export interface QemuConfig {
  readonly arch: QemuArch;
  readonly machine: { readonly type: string; readonly options?: Properties };
  /** Default TCG. KVM is never chosen by itself: a `/dev/kvm` that opens proves nothing. */
  readonly accelerator?: { readonly type: 'tcg'; readonly thread?: 'single' | 'multi' } | { readonly type: 'kvm' };
  readonly cpu?: string;
  readonly smp?: number;
  readonly memoryMiB: number;
  readonly bios?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  /** The kernel's command line. */
  readonly append?: string;
  readonly icount?: IcountConfig;
  /** One for each UART, in order. */
  readonly serials?: readonly ChardevConfig[];
  readonly netdevs?: readonly NetdevConfig[];
  readonly devices?: readonly DeviceConfig[];
  readonly objects?: readonly ObjectConfig[];
  readonly drives?: readonly DriveConfig[];
  /** Defaults of devices by `driver.property`, as `virtio-mmio.force-legacy`. */
  readonly globals?: Properties;
  /** Texts that the guest finds in `fw_cfg`, by name, as `opt/org.example/mode`. */
  readonly firmwareTexts?: Readonly<Record<string, string>>;
  /** Where QMP is spoken. */
  readonly qmp?: Exclude<ChardevConfig, { type: 'null' | 'file' }>;
  /** Where the human monitor is spoken. Default: nowhere. */
  readonly monitor?: Exclude<ChardevConfig, { type: 'null' | 'file' }>;
  /** `exit` (default): a guest that resets ends QEMU. `reset`: it boots again. */
  readonly onReboot?: 'exit' | 'reset';
  /** A file with a saved state, to go on from there instead of booting: see `saveState`. */
  readonly incoming?: string;
  /** Wait for QMP `cont` before the first instruction. Default false. */
  readonly startPaused?: boolean;
  /** Where a debugger may connect, as `tcp::1234`. */
  readonly gdb?: string;
}
