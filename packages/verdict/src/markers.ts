import { formatIpv4, type Ipv4Address, tryParseIpv4 } from '@nexus-net/sansio';

/** What may stand behind a marker's claim: see the column `backing` of {@link MARKERS}. */
export type Backing =
  /** A fact seen on the segment. */
  | 'wire'
  /** A fact seen on the guest's own loopback interface, which it exports. */
  | 'loopback'
  /** Nothing outside of the guest can confirm it: counted as unbacked in the verdict. */
  | 'local';

/** One marker of the contract. */
export interface Marker {
  /**
   * The line, byte for byte, with places for its values: `{address}` and `{gateway}` (dotted, the gateway may be `none`) and
   * `{prefix}` (0..32). A line must have the whole form; a place at its end may be followed by nothing else.
   */
  readonly form: string;
  /** What is true when a guest prints it. */
  readonly meaning: string;
  readonly backing: Backing;
  /** What the wire must show, in words; the check itself stands in `evidence.ts`. Absent where backing is `local`. */
  readonly evidence?: string;
  /** Milliseconds after the line in which the wire may still agree. Default 2 000: the skew of two channels. */
  readonly evidenceWithinMs?: number;
  /** A name inside the string that is history and no statement of ours. */
  readonly compatibility?: string;
}

const SMOLTCP =
  'The string is a constant of ADR-0025 that every harness greps for. It names the stack that the OS had then; it says nothing about the stack of the guest at hand.';

/**
 * Every marker that a profile may demand. The strings are stable: a test compares them with literals typed by hand from
 * the decision record.
 */
export const MARKERS: Readonly<Record<MarkerId, Marker>> = {
  'netstackd-ready': {
    form: 'netstackd: ready',
    meaning: 'The network service (of a guest without services: its program) runs and takes commands. Liveness only.',
    backing: 'local',
  },
  'virtio-net-up': {
    form: 'net: virtio-net up',
    meaning: 'The guest drives its network device.',
    backing: 'wire',
    evidence: 'a frame from the guest’s own MAC address',
    evidenceWithinMs: 20_000, // a driver is up before it has anything to send
  },
  'dhcp-bound': {
    form: 'net: dhcp bound {address}/{prefix} gw={gateway}',
    meaning: 'The guest holds a lease of this address.',
    backing: 'wire',
    evidence: 'OFFER and ACK of this address to the guest’s MAC under one transaction id, from the server on our wire',
  },
  'dhcp-fallback': {
    form: 'net: dhcp unavailable (fallback static {address}/{prefix})',
    meaning: 'No lease came within the budget; the guest took its static address.',
    backing: 'wire',
    evidence: 'no ACK to the guest’s MAC before the line',
  },
  'iface-up': {
    form: 'net: smoltcp iface up {address}',
    meaning: 'The interface has this address and is usable: it finds its neighbours and is found by them.',
    backing: 'wire',
    evidence: 'ARP answered in both directions, and an ICMP echo answered in both directions, under this address',
    compatibility: SMOLTCP,
  },
  'net-ping-ok': {
    form: 'SELFTEST: net ping ok',
    meaning: 'The gateway answered an ICMP echo that the guest sent from its leased address.',
    backing: 'wire',
    evidence:
      'an ICMP echo request from the guest’s address and the gateway’s reply with the same identifier and sequence number',
  },
};

export type MarkerId = 'netstackd-ready' | 'virtio-net-up' | 'dhcp-bound' | 'dhcp-fallback' | 'iface-up' | 'net-ping-ok';

/** The values that a marker line carries. */
export interface MarkerValues {
  readonly address?: Ipv4Address;
  readonly prefixLength?: number;
  /** `none` where the line says `gw=none`. */
  readonly gateway?: Ipv4Address | 'none';
}

/** All ids, in the order of the table. */
export const MARKER_IDS: readonly MarkerId[] = Object.keys(MARKERS) as MarkerId[];

/** The part of the marker's form before its first value: what a harness that greps looks for. */
export function markerLiteral(id: MarkerId): string {
  const [literal] = MARKERS[id].form.split(/\s*\{/, 1);
  return literal as string;
}

/** The marker's line with these values; a place without a value keeps its name, as in a template. */
export function renderMarker(id: MarkerId, values: MarkerValues = {}): string {
  return MARKERS[id].form.replaceAll(/\{(\w+)\}/g, (place, name: string) => renderValue(name, values) ?? place);
}

/** Which marker a console line is, anchored at both ends of the line, or `undefined`. */
export function readMarker(line: string): { readonly id: MarkerId; readonly values: MarkerValues } | undefined {
  for (const { id, pattern } of PATTERNS) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const values = readValues(match.groups ?? {});
    if (values !== undefined) return { id, values };
  }
  return undefined;
}

/** Values of named groups `address`, `prefix` and `gateway`, or `undefined` where one isn't what its name says. */
export function readValues(groups: Readonly<Record<string, string | undefined>>): MarkerValues | undefined {
  const address = optional(groups['address'], tryParseIpv4);
  const gateway = optional(groups['gateway'], (text) => (text === 'none' ? 'none' : tryParseIpv4(text)));
  const prefixLength = optional(groups['prefix'], (text) => (Number(text) <= 32 ? Number(text) : undefined));
  if (address === 'invalid' || gateway === 'invalid' || prefixLength === 'invalid') return undefined;
  return {
    ...(address !== undefined && { address }),
    ...(prefixLength !== undefined && { prefixLength }),
    ...(gateway !== undefined && { gateway }),
  };
}

function optional<T>(text: string | undefined, read: (text: string) => T | undefined): T | undefined | 'invalid' {
  return text === undefined ? undefined : (read(text) ?? 'invalid');
}

function renderValue(name: string, values: MarkerValues): string | undefined {
  switch (name) {
    case 'address':
      return values.address === undefined ? undefined : formatIpv4(values.address);
    case 'prefix':
      return values.prefixLength?.toString();
    default: {
      const { gateway } = values;
      return gateway === undefined || gateway === 'none' ? gateway : formatIpv4(gateway);
    }
  }
}

const PLACES: Readonly<Record<string, string>> = {
  address: '(?<address>[\\d.]+)',
  prefix: '(?<prefix>\\d|[12]\\d|3[0-2])', // without leading zeros, which the form does not have
  gateway: '(?<gateway>none|[\\d.]+)',
};

const PATTERNS: readonly { readonly id: MarkerId; readonly pattern: RegExp }[] = MARKER_IDS.map((id) => ({
  id,
  pattern: new RegExp(
    `^${escapeRegExp(MARKERS[id].form).replaceAll(/\\\{(\w+)\\\}/g, (_, name: string) => PLACES[name] as string)}$`,
  ),
}));

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
