import type { MarkerId } from './markers.js';

/** What a guest must be able to do, so that a profile can be demanded of it. */
export type Capability =
  /** Takes an address, a netmask and a gateway that it is told. */
  | 'static-address'
  /** Sends ICMP echo requests, and answers them while it does. */
  | 'ping'
  /** Gets an address by DHCP. */
  | 'dhcp'
  /** Runs the DSoftBus ladder. */
  | 'dsoftbus';

export type PhaseName = 'boot' | 'link' | 'dhcp' | 'iface' | 'ping';

/** One step of the ladder, passed when each of its markers was seen and is backed. */
export interface Phase {
  readonly name: PhaseName;
  readonly markers: readonly MarkerId[];
  /** Milliseconds from the end of the phase before. */
  readonly budgetMs: number;
}

/** What a smoke run demands. */
export interface Profile {
  readonly name: string;
  readonly description: string;
  readonly phases: readonly Phase[];
  /** A line that is one of these fails the run at once. */
  readonly forbidden: readonly MarkerId[];
  readonly capabilities: readonly Capability[];
}

const BOOT: Phase = { name: 'boot', markers: ['netstackd-ready'], budgetMs: 60_000 };
const LINK: Phase = { name: 'link', markers: ['virtio-net-up'], budgetMs: 20_000 };
const IFACE: Phase = { name: 'iface', markers: ['iface-up'], budgetMs: 20_000 };

/** The canonical default of ADR-0025: the interface is configured and usable; no DHCP. */
export const SMOKE: Profile = {
  name: 'smoke',
  description: 'interface configured with its static address and usable; DHCP not needed',
  phases: [BOOT, LINK, IFACE],
  forbidden: [],
  capabilities: ['static-address', 'ping'],
};

/** The gate REQUIRE_QEMU_DHCP=1: a lease from the server on our wire, then the gateway answers a ping. */
export const DHCP: Profile = {
  name: 'dhcp',
  description: 'lease from the server on our wire, interface usable under it, gateway ping',
  phases: [
    BOOT,
    LINK,
    { name: 'dhcp', markers: ['dhcp-bound'], budgetMs: 15_000 },
    IFACE,
    { name: 'ping', markers: ['net-ping-ok'], budgetMs: 15_000 },
  ],
  forbidden: ['dhcp-fallback'],
  capabilities: ['dhcp', 'ping'],
};

export const PROFILES: readonly Profile[] = [SMOKE, DHCP];
