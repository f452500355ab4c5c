import { UsageError } from '@nexus-net/sansio';

/**
 * What a guest is told when it is up: one line of JSON, typed at its prompt. Addresses are text, so that a person can type them too.
 */
export interface NexusConfig {
  /** The name of this node: `guest`, or `a` and `b` of two. */
  readonly node: string;
  readonly mac: string;
  /** 64 hexadecimal digits, new for each run. */
  readonly seed: string;
  readonly bringUp: BringUpConfig;
  /** What is proven after the interface is up. */
  readonly proofs: readonly ProofConfig[];
  /** Servers to ask for names where no lease names any. Default none. */
  readonly dnsServers?: readonly string[];
  /** Default: no bus. */
  readonly dsoftbus?: DsoftbusConfig;
  /** A defect on purpose: lines that are printed once the interface is up, whatever has happened. Default none. */
  readonly forge?: readonly string[];
}

/** The bus service. */
export type DsoftbusConfig =
  /** Two nodes on the loopback interface of one machine. */
  | {
      readonly dialect: 'bus' | 'os';
      readonly mode: 'single';
      /** What the OS added later, too: its datagram session, and the mux of the session. Default not; only of dialect `bus`. */
      readonly later?: boolean;
      /** A defect on purpose, to show that it is found. Default none. */
      readonly fault?: DsoftbusFault;
    }
  | CrossVmConfig;

/** One node on the network card; the other one is another machine. */
export interface CrossVmConfig {
  readonly dialect: 'bus' | 'os';
  readonly mode: 'cross-vm';
  /** The name of this node on the bus. node-a dials and asks, node-b serves. */
  readonly self: CrossVmNodeName;
  /**
   * The private key of this node, 64 hexadecimal digits (X25519). The same in both dialects: nodes of the OS take keys that anybody can
   * compute from a port number, so that one of those is a peer only where it is given the keys here.
   */
  readonly identity: string;
  readonly peer: {
    /** The public key of the other node, 64 hexadecimal digits: whoever has another one is not it. */
    readonly key: string;
    /** Where it is believed to be, for what is sent to it alone. Where it is, discovery finds out. */
    readonly address: string;
  };
  /** A defect on purpose, to show that it is found. Default none. */
  readonly fault?: DsoftbusFault;
}

export type CrossVmNodeName = 'node-a' | 'node-b';

/** `wrong-peer-key`: a node believes that its peer has another key than it has. With two nodes in one machine: node-a does. */
export type DsoftbusFault = 'wrong-peer-key';

export type BringUpConfig =
  | { readonly type: 'dhcp-only' }
  /** The compatibility mode of ADR-0025: the static address when no lease came within `budgetMs`. */
  | {
      readonly type: 'dhcp-then-static';
      readonly address: string;
      readonly prefixLength: number;
      readonly gateway?: string;
      readonly budgetMs: number;
    }
  | { readonly type: 'static'; readonly address: string; readonly prefixLength: number; readonly gateway?: string }
  /** The last octet of the MAC is the host part: no DHCP, no gateway. */
  | { readonly type: 'from-mac'; readonly network: string };

export type ProofConfig = 'ping' | 'dns' | 'tcp-listen' | 'icmp';

/** Reads the line. Throws `UsageError` with one sentence for what it can't be. */
export function readNexusConfig(line: string): NexusConfig {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UsageError('the configuration is no JSON');
  }
  if (typeof value !== 'object' || value === null) throw new UsageError('the configuration is an object');
  const config = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(config)) if (!KEYS.includes(key)) throw new UsageError(`the configuration has a key ${key}`);
  if (typeof config['node'] !== 'string') throw new UsageError('node is a name');
  if (typeof config['mac'] !== 'string') throw new UsageError('mac is a text');
  if (typeof config['seed'] !== 'string' || !/^[0-9a-f]{64}$/.test(config['seed'])) throw new UsageError('seed is 64 digits');
  if (typeof config['bringUp'] !== 'object' || config['bringUp'] === null) throw new UsageError('bringUp is an object');
  const proofs = config['proofs'];
  if (!Array.isArray(proofs) || !proofs.every((proof) => PROOFS.includes(proof)))
    throw new UsageError(`proofs is a list of ${PROOFS.join(', ')}`);
  const servers = config['dnsServers'] ?? [];
  if (!Array.isArray(servers) || !servers.every((server) => typeof server === 'string'))
    throw new UsageError('dnsServers is a list of addresses');
  const forge = config['forge'] ?? [];
  if (!Array.isArray(forge) || !forge.every((line) => typeof line === 'string')) throw new UsageError('forge is a list of lines');
  if (config['dsoftbus'] !== undefined) checkDsoftbus(config['dsoftbus'], config['bringUp']);
  return value as NexusConfig;
}

function checkDsoftbus(value: unknown, bringUp: unknown): void {
  const config = record(value, 'dsoftbus is an object');
  const { mode } = config;
  if (mode !== 'single' && mode !== 'cross-vm') throw new UsageError('dsoftbus: mode is single or cross-vm');
  const values = DSOFTBUS_VALUES[mode];
  const isCrossVm = mode === 'cross-vm';
  for (const [key, given] of Object.entries(config)) {
    if (isCrossVm && (key === 'identity' || key === 'peer')) continue;
    if (!isCrossVm && key === 'later') {
      if (typeof given !== 'boolean') throw new UsageError('dsoftbus: later is true or false');
      if (given && config['dialect'] !== 'bus') throw new UsageError('dsoftbus: later goes with dialect bus');
      continue;
    }
    const known = values[key];
    if (known === undefined) throw new UsageError(`dsoftbus has a key ${key}`);
    if (!known.includes(given as string)) throw new UsageError(`dsoftbus: ${key} is ${known.join(' or ')}`);
  }
  for (const key of isCrossVm ? ['dialect', 'self', 'identity', 'peer'] : ['dialect'])
    if (config[key] === undefined) throw new UsageError(`dsoftbus has no ${key}`);
  if (!isCrossVm) return;
  if (!isKey(config['identity'])) throw new UsageError('dsoftbus: identity is 64 digits');
  const peer = record(config['peer'], 'dsoftbus: peer is an object');
  for (const key of Object.keys(peer))
    if (key !== 'key' && key !== 'address') throw new UsageError(`dsoftbus: peer has a key ${key}`);
  if (!isKey(peer['key'])) throw new UsageError('dsoftbus: the key of the peer is 64 digits');
  if (typeof peer['address'] !== 'string') throw new UsageError('dsoftbus: the peer has an address');
  // A node is bound to its address: one that a lease may change is none for it.
  const { type } = bringUp as { readonly type?: unknown };
  if (type !== 'from-mac' && type !== 'static') throw new UsageError('dsoftbus: mode cross-vm wants bringUp from-mac or static');
}

function record(value: unknown, message: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new UsageError(message);
  return value as Readonly<Record<string, unknown>>;
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

const KEYS = ['node', 'mac', 'seed', 'bringUp', 'proofs', 'dnsServers', 'dsoftbus', 'forge'];
const FAULTS: readonly DsoftbusFault[] = ['wrong-peer-key'];
const DSOFTBUS_VALUES: Readonly<Record<DsoftbusConfig['mode'], Readonly<Record<string, readonly string[]>>>> = {
  single: { mode: ['single'], dialect: ['bus', 'os'], fault: FAULTS },
  'cross-vm': { mode: ['cross-vm'], dialect: ['bus', 'os'], self: ['node-a', 'node-b'], fault: FAULTS },
};
const PROOFS: readonly ProofConfig[] = ['ping', 'dns', 'tcp-listen', 'icmp'];
