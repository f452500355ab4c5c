import type { MarkerCatalogue } from './catalogue.js';
import type { MarkerId } from './marker.js';

/** What a guest must be able to do, so that a profile can be demanded of it. */
export type Capability =
  /** Takes an address, a netmask and a gateway that it is told. */
  | 'static-address'
  /** Sends ICMP echo requests, and answers them while it does. */
  | 'ping'
  /** Gets an address by DHCP. */
  | 'dhcp'
  /** Asks a DNS server. */
  | 'dns'
  /** Listens for TCP connections and gives back what it gets. */
  | 'tcp-listen'
  /** Fetches a file by HTTP. */
  | 'fetch'
  /** Runs the DSoftBus ladder. */
  | 'dsoftbus'
  /** Runs the lines that the OS added to it later, too: its datagram session and its mux. */
  | 'dsoftbus-19'
  /** Runs the bus with another machine on the wire, at an address that follows from its MAC. */
  | 'crossvm';

export const CAPABILITIES: readonly Capability[] = [
  'static-address',
  'ping',
  'dhcp',
  'dns',
  'tcp-listen',
  'fetch',
  'dsoftbus',
  'dsoftbus-19',
  'crossvm',
];

/** `boot`, `link`, `dhcp` …: names are the profile's own. */
export type PhaseName = string;
/** One machine of a run: `guest`, or `a` and `b`. */
export type NodeName = string;

/** A marker that is demanded of a node. */
export interface Requirement {
  readonly marker: MarkerId;
  readonly node: NodeName;
}

/** One step of the ladder, passed when each of its markers was seen and is backed. */
export interface Phase {
  readonly name: PhaseName;
  /** All of them; where one of a group of outcomes is demanded, any of the group will do. */
  readonly markers: readonly Requirement[];
  /** Milliseconds from the end of the phase before. */
  readonly budgetMs: number;
}

/** `earlier` has to be claimed before `later` may be, on the same node. */
export interface Edge {
  readonly earlier: MarkerId;
  readonly later: MarkerId;
}

/** Outcomes that exclude each other: a node that claims two of them lies in one. */
export interface OutcomeGroup {
  readonly name: string;
  readonly of: readonly MarkerId[];
  /** `true`: a phase that demands one of them is content with any, and the verdict says which it was. */
  readonly interchangeable: boolean;
}

/** What a smoke run demands: a {@link ProfileSpec} with its parents, checked. */
export interface Profile {
  readonly name: string;
  readonly description: string;
  readonly nodes: readonly NodeName[];
  /** Every marker that the run knows. */
  readonly catalogue: MarkerCatalogue;
  readonly phases: readonly Phase[];
  readonly order: readonly Edge[];
  readonly outcomes: readonly OutcomeGroup[];
  /** A line that is one of these fails the run at once. */
  readonly forbidden: readonly MarkerId[];
  /** A line that begins with one of these fails the run at once; the marker that it is the opposite of, where it is one's. */
  readonly failures: readonly { readonly line: string; readonly marker?: MarkerId }[];
  readonly capabilities: readonly Capability[];
  /** What a reader of the verdict has to know. */
  readonly notes: readonly string[];
}

/** The profile demands this marker of this node. */
export function demands(profile: Profile, { marker, node }: Requirement): boolean {
  return profile.phases.some(({ markers }) => markers.some((each) => each.marker === marker && each.node === node));
}

/** Every marker that the profile demands of some node, in the order of its phases, each once. */
export function demandedMarkers({ phases }: Profile): readonly MarkerId[] {
  return [...new Set(phases.flatMap(({ markers }) => markers.map(({ marker }) => marker)))];
}

/** `iface-up`, or `b: iface-up` where there are several nodes. */
export function requirementText({ nodes }: Profile, { marker, node }: Requirement): string {
  return nodes.length === 1 ? marker : `${node}: ${marker}`;
}
