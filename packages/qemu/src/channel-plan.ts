import { join, resolve as resolvePath } from 'node:path';
import type { MacAddress } from '@nexus-net/sansio';
import type { FrameStreamOptions } from './frame-stream.js';
import { OBSERVER_SOCKETS } from './observed-cable.js';
import type { DeviceConfig, NetdevConfig, ObjectConfig, Properties, QemuConfig } from './qemu-config.js';

export interface NicConfig {
  /** The card, as `virtio-net-device` (virt machines) or `virtio-net-pci`. */
  readonly driver: string;
  readonly mac: MacAddress;
  /**
   * The other end of its cable. `socketpair` (default): this process, over an inherited descriptor. `unix`: this process,
   * over a socket in the run's directory. `user`: QEMU's own user network, no frames here. An {@link ObservedWire}: something of QEMU's
   * or of the system's, watched from here.
   */
  readonly wire?: 'socketpair' | 'unix' | 'user' | ObservedWire;
  readonly properties?: Properties;
  /** How many of the machine's own devices come before it: their order decides the slots of some machines. Default none. */
  readonly devicesBefore?: number;
  /** Let QEMU write what crosses this card to a pcap file, relative to the run's directory. */
  readonly dump?: string;
  readonly limits?: FrameStreamOptions;
}

/**
 * What a card is plugged into that doesn't end here, and whose frames are mirrored to this process. `user`: QEMU's user network;
 * `forward`, as `10.0.2.15:41000`, opens a port on loopback that leads there: see `forwardedPort`. `tap`: the TAP device
 * behind an interface that is there.
 */
export type ObservedWire =
  | { readonly type: 'user'; readonly forward?: string }
  | { readonly type: 'tap'; readonly interface: string };

/** A machine without its channels: they are dealt out by {@link planChannels}. */
export type MachineWithoutChannels = Omit<QemuConfig, 'serials' | 'netdevs' | 'qmp' | 'monitor'>;

export interface ChannelPlan {
  readonly config: QemuConfig;
  readonly socketCount: number;
  readonly fdNics: readonly { readonly nic: number; readonly fd: number }[];
  readonly unixNics: readonly { readonly nic: number; readonly path: string }[];
  /** Cards that are watched, with their sockets in the order of `OBSERVER_SOCKETS`. */
  readonly observedNics: readonly { readonly nic: number; readonly fds: readonly number[] }[];
  /** `undefined`: stdin and stdout. */
  readonly uartFds: readonly (number | undefined)[];
  readonly qmpFd: number;
}

/** Deals out descriptors from 3 on: cables, then QMP, then further UARTs. */
export function planChannels({
  machine,
  nics,
  uartCount,
  directory,
}: {
  readonly machine: MachineWithoutChannels;
  readonly nics: readonly NicConfig[];
  readonly uartCount: number;
  readonly directory: string;
}): ChannelPlan {
  let nextFd = 3;
  const observedNics: { nic: number; fds: readonly number[] }[] = [];
  const fdNics: { nic: number; fd: number }[] = [];
  const unixNics: { nic: number; path: string }[] = [];
  const netdevs: NetdevConfig[] = [];
  const devices: DeviceConfig[] = [...(machine.devices ?? [])];
  let cards = 0;
  const objects: ObjectConfig[] = [...(machine.objects ?? [])];
  for (const [nic, { driver, mac, wire = 'socketpair', properties, devicesBefore = 0, dump }] of nics.entries()) {
    const id = `net${nic}`;
    if (wire === 'user') netdevs.push({ type: 'user', id });
    else if (typeof wire === 'object') {
      const fds = OBSERVER_SOCKETS.map(() => nextFd++);
      observedNics.push({ nic, fds });
      objects.push(...observers(nic, id, fds));
      if (wire.type === 'tap') netdevs.push({ type: 'tap', id, interface: wire.interface });
      else netdevs.push({ type: 'user', id, ...(wire.forward !== undefined && { properties: forwarding(wire.forward) }) });
    } else if (wire === 'socketpair') {
      fdNics.push({ nic, fd: nextFd });
      netdevs.push({ type: 'stream-fd', id, fd: nextFd++ });
    } else {
      const path = join(directory, `${id}.sock`);
      unixNics.push({ nic, path });
      netdevs.push({ type: 'stream-unix', id, path });
    }
    devices.splice(devicesBefore + cards++, 0, {
      driver,
      id: `nic${nic}`,
      netdev: id,
      mac,
      ...(properties === undefined ? {} : { properties }),
    });
    if (dump !== undefined)
      objects.push({ type: 'filter-dump', id: `dump${nic}`, netdev: id, file: resolvePath(directory, dump) });
  }
  const qmpFd = nextFd++;
  const uartFds = Array.from({ length: uartCount }, (_, uart) => (uart === 0 ? undefined : nextFd++));
  return {
    config: {
      ...absolutePaths(machine),
      netdevs,
      devices,
      objects,
      serials: uartFds.map((fd) => (fd === undefined ? { type: 'stdio' } : { type: 'fd', fd })),
      qmp: { type: 'fd', fd: qmpFd },
    },
    socketCount: nextFd - 3,
    fdNics,
    unixNics,
    observedNics,
    uartFds,
    qmpFd,
  };
}

/**
 * The mirrors come first: what is injected behind them is in none of them. Those of one direction come before that of both, so whoever
 * reads a frame in the latter finds it in one of the former.
 */
function observers(nic: number, netdev: string, [both, guest, fromNetdev, inject]: readonly number[]): readonly ObjectConfig[] {
  const mirror = (name: string, queue: 'all' | 'rx' | 'tx', fd: number | undefined): ObjectConfig => ({
    type: 'filter-mirror',
    id: `${name}${nic}`,
    netdev,
    queue,
    fd: fd as number,
  });
  return [
    mirror('guest', 'rx', guest),
    mirror('netdev', 'tx', fromNetdev),
    mirror('both', 'all', both),
    { type: 'filter-inject', id: `inject${nic}`, netdev, fd: inject as number },
  ];
}

/** Port 0: the system chooses one that is free. */
function forwarding(to: string): Properties {
  return { hostfwd: `tcp:127.0.0.1:0-${to}` };
}

/**
 * QEMU runs in the directory of its run, so paths relative to ours are made absolute. A `bios` without a slash stays: it is
 * a name that QEMU looks up among its own, as `default` and `none` are.
 */
function absolutePaths(machine: MachineWithoutChannels): MachineWithoutChannels {
  const { bios, kernel, initrd, incoming, drives } = machine;
  return {
    ...machine,
    ...(bios?.includes('/') ? { bios: resolvePath(bios) } : {}),
    ...(kernel ? { kernel: resolvePath(kernel) } : {}),
    ...(initrd ? { initrd: resolvePath(initrd) } : {}),
    ...(incoming ? { incoming: resolvePath(incoming) } : {}),
    ...(drives ? { drives: drives.map((drive) => ({ ...drive, file: resolvePath(drive.file) })) } : {}),
  };
}
