import type { ProbeResult } from '@nexus-net/qemu';
import type { Ipv4Address, MacAddress, Millis } from '@nexus-net/sansio';
import type { Capability, ConsoleRule, Profile } from '@nexus-net/verdict';
import type { ScriptStep } from './console-script.js';

/** What a guest is told about its place on the wire. */
export interface GuestPlace {
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
  readonly netmask: Ipv4Address;
  readonly gateway: Ipv4Address;
  /** A DNS server of the wire. */
  readonly dns: Ipv4Address;
  /** An address that nobody owns. */
  readonly quiet: Ipv4Address;
  /** The guest is told of no router: the host at `gateway` asks it, and is never asked. Default false. */
  readonly isUnrouted?: boolean;
  /** The address of the other guest of two. */
  readonly peer?: Ipv4Address;
}

/** What is at the other end of the guest's cable. `tap`: the TAP device of that interface, in the network namespace in which QEMU has to run. */
export type GuestWire =
  | { readonly type: 'embedded' }
  | { readonly type: 'user' }
  | { readonly type: 'tap'; readonly interface: string; readonly namespace: string };
/** What a guest is told of the bus. */
export interface BusPlan {
  readonly dialect: BusDialect;
  /** Of two guests: which one this is, its private key, and the public key that it is to find at the other; each 64 hexadecimal digits, drawn for the run. */
  readonly crossvm?: { readonly self: 'node-a' | 'node-b'; readonly identity: string; readonly peerKey: string };
}

/** What two nodes of the bus speak with each other. */
export type BusDialect = 'bus' | 'os';

/** A gate of ADR-0025 that stands for a profile. */
export type Gate = 'REQUIRE_QEMU_DHCP' | 'REQUIRE_QEMU_DHCP_STRICT' | 'REQUIRE_DSOFTBUS';

/** Everything that the harness knows about one kind of guest. A guest is data; what boots it is a {@link StartGuest}. */
export interface GuestDefinition {
  readonly name: string;
  readonly description: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** The guest's own profile for a gate, or for none, where it can't do all of the gate's: the verdict then names that one. */
  readonly lanes?: Readonly<Partial<Record<Gate | 'default', string>>>;
  /** Does it answer ARP and echo as long as it runs, or only while a step of its script is `probed`? */
  readonly answers: 'always' | 'while-probed';
  /** Defects that it can be told to have, to show that they are found; by name, with what each is. Default none. */
  readonly faults?: Readonly<Record<string, string>>;
  /** What is typed on the console, in order, for a profile. `seed`: 32 octets, new for each run. `fault`: one of `faults`. */
  readonly script: (
    profile: Profile,
    place: GuestPlace,
    seed: Uint8Array,
    fault?: string,
    bus?: BusPlan,
  ) => readonly ScriptStep[];
  /** Which lines stand for which marker's meaning. */
  readonly rules: (place: GuestPlace) => readonly ConsoleRule[];
  /** Lines that mean that the guest crashed. */
  readonly panics: readonly RegExp[];
  /** What it needs of this machine and has not got. */
  readonly probe?: () => Promise<ProbeResult<never>>;
  /** Makes what is made once and used by many runs: images, saved states. Without it the first run does. */
  readonly prepare?: (options: PrepareOptions) => Promise<void>;
  /** Boots it. */
  readonly start: StartGuest;
}

export interface PrepareOptions {
  /** A folder for what is made once and used by many runs. */
  readonly cache: string;
  readonly boot: 'cold' | 'restored';
}

/** Where the bytes of a running guest go. Called from the event loop, never after `exited`. */
export interface GuestSink {
  /** A whole Ethernet frame from the guest; on a wire that is only watched, with `netdev`, one for it. */
  frame(frame: Uint8Array, origin?: 'guest' | 'netdev'): void;
  /** A whole Ethernet frame that arrived on the guest's own loopback interface, which it exports. */
  loopback(frame: Uint8Array): void;
  /** Console output, as it came. */
  console(bytes: Uint8Array): void;
  /** What the guest's kernel says on a console of its own, where it has one. */
  kernel(bytes: Uint8Array): void;
  /** Something about the channels to the guest that isn't the guest's doing, in words. For the record. */
  trouble(what: string): void;
  /** The guest is gone; `how` in words, e.g. `exit code 0`. */
  exited(how: string): void;
}

/** A guest that runs. */
export interface RunningGuest {
  sendFrame(frame: Uint8Array): void;
  /** With the wire `user`: sends octets to the guest's listener through QEMU. True where they came back. */
  reachListener?(octets: Uint8Array): Promise<boolean>;
  /** Types on the console. */
  sendConsole(bytes: Uint8Array): void;
  /** What was started, for the record: the exact command line. */
  readonly argv: readonly string[];
  /** Versions of what was started, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Ends the guest and waits until nothing of it is left. Idempotent. */
  stop(): Promise<void>;
}

export interface StartGuestOptions {
  readonly place: GuestPlace;
  /** A folder of this run's own. */
  readonly directory: string;
  readonly sink: GuestSink;
  /** Default: the frames come here and go from here. */
  readonly wire?: GuestWire;
  /** Milliseconds in which the guest's process must be running. */
  readonly startMs: Millis;
  /** A folder for what is made once and used by many runs. */
  readonly cache: string;
  /** A file that is the guest's disk, where it has one: it outlives the guest. Made where it is missing. */
  readonly disk?: string;
  /** `restored`: from a saved state of the machine, where the guest has one; it is made where it is missing. Default `cold`. */
  readonly boot?: 'cold' | 'restored';
}

export type StartGuest = (options: StartGuestOptions) => Promise<RunningGuest>;
