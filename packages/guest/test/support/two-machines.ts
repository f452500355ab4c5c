import { InMemoryStatefs } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { bothWays, type Impairment, Lan, Simulator } from '@nexus-net/lan';
import { type FrameMachine, type Millis, SeededEntropy, toHex } from '@nexus-net/sansio';
import {
  type CrossVmConfig,
  type CrossVmNodeName,
  NexusMachine,
  type NexusTransmit,
  packageImage,
  readNexusConfig,
} from '../../src/index.js';

export type Dialect = CrossVmConfig['dialect'];

interface Line {
  readonly at: Millis;
  readonly line: string;
}

/** A guest at a port: what it prints are its events. */
class Guest implements FrameMachine<string> {
  readonly #machine: NexusMachine;
  readonly #frames: Uint8Array[] = [];
  readonly #lines: string[] = [];

  constructor(machine: NexusMachine) {
    this.#machine = machine;
  }

  start(now: Millis): void {
    this.#machine.start(now);
    this.#drain();
  }
  handleFrame(now: Millis, frame: Uint8Array): void {
    this.#machine.handleFrame(now, frame);
    this.#drain();
  }
  handleTimeout(now: Millis): void {
    this.#machine.handleTimeout(now);
    this.#drain();
  }
  pollTransmit(): Uint8Array | undefined {
    return this.#frames.shift();
  }
  pollEvent(): string | undefined {
    return this.#lines.shift();
  }
  nextTimeout(): Millis {
    return this.#machine.nextTimeout();
  }

  #drain(): void {
    for (let out: NexusTransmit | undefined = this.#machine.pollTransmit(); out !== undefined; out = this.#machine.pollTransmit())
      if (out.to === 'wire') this.#frames.push(out.frame);
      else if (out.to === 'console') this.#lines.push(out.line);
  }
}

export interface TwoMachinesOptions {
  readonly dialect: Dialect;
  readonly seed?: number | string;
  /** Of the cable between them, each way. */
  readonly impairment?: Impairment;
  readonly faults?: Partial<Record<CrossVmNodeName, CrossVmConfig['fault']>>;
  readonly bootAt?: Partial<Record<CrossVmNodeName, Millis>>;
  /** What the disk of the first node-b holds. */
  readonly statefs?: InMemoryStatefs;
}

/** What each node prints last where all goes well. */
export const LAST_LINE: Readonly<Record<CrossVmNodeName, string>> = {
  'node-a': 'SELFTEST: remote pkgfs read ok',
  'node-b': 'dsoftbusd: remote packagefs served',
};

export interface BootOptions {
  readonly bootAt?: Millis;
  readonly statefs?: InMemoryStatefs;
}

/** Two guests of the bus on one segment, in virtual time. */
export class TwoMachines {
  readonly sim: Simulator;
  readonly printed: Record<CrossVmNodeName, Line[]> = { 'node-a': [], 'node-b': [] };
  readonly #options: TwoMachinesOptions;
  readonly #entropy: SeededEntropy;
  readonly #secrets: Readonly<Record<CrossVmNodeName, Uint8Array>>;

  constructor(options: TwoMachinesOptions) {
    const { seed = 1, impairment, bootAt = {}, statefs } = options;
    this.#options = options;
    this.#entropy = new SeededEntropy(seed);
    this.#secrets = { 'node-a': this.#secret(), 'node-b': this.#secret() };
    const lan = new Lan({
      ports: NODES,
      gateway: 'off',
      witnesses: [],
      frames: false,
      entropy: this.#entropy.fork('lan'),
    });
    this.sim = new Simulator({ lan, trace: { kinds: [] } });
    for (const node of NODES) {
      if (impairment !== undefined && node === 'node-a') lan.setLink(0, node, bothWays(impairment));
      this.boot(node, {
        bootAt: bootAt[node] ?? 0,
        ...(node === 'node-b' && statefs !== undefined && { statefs }),
      });
    }
  }

  /** Starts a machine, with what its disk holds. */
  boot(node: CrossVmNodeName, { bootAt = this.sim.now, statefs = new InMemoryStatefs() }: BootOptions = {}): void {
    const config = readNexusConfig(JSON.stringify(this.#configOf(node)));
    const machine = new NexusMachine({
      config,
      entropy: this.#entropy.fork(`${node} ${bootAt}`),
      bus: { crypto: nodeCrypto, packageImage: IMAGE, statefs },
    });
    const guest = new Guest(machine);
    this.sim.attach({
      port: node,
      machine: guest,
      bootAt,
      boot: (now) => guest.start(now),
      onEvent: (line, at) => this.printed[node].push({ at, line }),
    });
  }

  /** Takes the power away. */
  kill(node: CrossVmNodeName): void {
    this.sim.detach(node);
  }

  /** Runs until the node has printed the line; throws where it does not. */
  until(node: CrossVmNodeName, line: string | RegExp, withinMs: Millis): Line {
    const find = (): Line | undefined =>
      this.printed[node].find((each) => (typeof line === 'string' ? each.line === line : line.test(each.line)));
    this.sim.run({ until: this.sim.now + withinMs, stop: () => find() !== undefined });
    const found = find();
    if (found === undefined) throw new Error(`${node} did not print ${line}: ${JSON.stringify(this.printed, null, 1)}`);
    return found;
  }

  /** What a node has printed of the bus. */
  lines(node: CrossVmNodeName): string[] {
    return this.printed[node].map(({ line }) => line).filter((line) => /^dsoftbus|crossvm|remote/.test(line));
  }

  #configOf(self: CrossVmNodeName): object {
    const { dialect, faults = {} } = this.#options;
    const [peer, last, peerLast] = self === 'node-a' ? (['node-b', '0a', '11'] as const) : (['node-a', '0b', '10'] as const);
    return {
      node: self,
      mac: `52:54:00:12:34:${last}`,
      seed: '00'.repeat(32),
      bringUp: { type: 'from-mac', network: '10.42.0.0/24' },
      proofs: [],
      dsoftbus: {
        dialect,
        mode: 'cross-vm',
        self,
        identity: toHex(this.#secrets[self]),
        peer: { key: toHex(nodeCrypto.x25519KeyPair(this.#secrets[peer]).publicKey), address: `10.42.0.${peerLast}` },
        ...(faults[self] !== undefined && { fault: faults[self] }),
      },
    };
  }

  #secret(): Uint8Array {
    const secret = new Uint8Array(32);
    this.#entropy.fill(secret);
    return secret;
  }
}

const NODES = ['node-a', 'node-b'] as const;
const IMAGE = packageImage({ 'ro.product.name': 'virtual' });
