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
}

/** The bus service. */
export interface DsoftbusConfig {
  readonly dialect: 'bus';
  /** `single`: two nodes on the loopback interface of one machine. */
  readonly mode: 'single';
  /** A defect on purpose, to show that it is found. Default none. */
  readonly fault?: DsoftbusFault;
}

/** `wrong-peer-key`: node-a has another key for node-b than the one that node-b has. */
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
  if (config['dsoftbus'] !== undefined) checkDsoftbus(config['dsoftbus']);
  return value as NexusConfig;
}

function checkDsoftbus(value: unknown): void {
  if (typeof value !== 'object' || value === null) throw new UsageError('dsoftbus is an object');
  const config = value as Readonly<Record<string, unknown>>;
  for (const [key, known] of Object.entries(config)) {
    const values = DSOFTBUS_VALUES[key];
    if (values === undefined) throw new UsageError(`dsoftbus has a key ${key}`);
    if (!values.includes(known as string)) throw new UsageError(`dsoftbus: ${key} is ${values.join(' or ')}`);
  }
  for (const key of ['dialect', 'mode']) if (config[key] === undefined) throw new UsageError(`dsoftbus has no ${key}`);
}

const KEYS = ['node', 'mac', 'seed', 'bringUp', 'proofs', 'dnsServers', 'dsoftbus'];
const DSOFTBUS_VALUES: Readonly<Record<string, readonly string[]>> = {
  dialect: ['bus'],
  mode: ['single'],
  fault: ['wrong-peer-key'],
};
const PROOFS: readonly ProofConfig[] = ['ping', 'dns', 'tcp-listen', 'icmp'];
