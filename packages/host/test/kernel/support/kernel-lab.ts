import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemEntropy } from '@nexus-net/host';
import { TapDriver } from '@nexus-net/host/tap';
import type { LinkImpairment } from '@nexus-net/lan';
import {
  type Entropy,
  type FrameMachine,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  parseIpv4,
  parseMac,
  SeededEntropy,
} from '@nexus-net/sansio';
import { Namespace, PeerFolder } from '../../peers/support/namespace.js';
import { PeerProcess } from '../../peers/support/peer-process.js';
import { ImpairedCable } from './impaired-cable.js';

export const OUR_MAC: MacAddress = parseMac('02:c1:00:00:00:02');
export const OUR_ADDRESS: Ipv4Address = parseIpv4('10.77.0.2');
export const OURS = '10.77.0.2';
export const KERNEL_ADDRESS: Ipv4Address = parseIpv4('10.77.0.1');
export const KERNEL = '10.77.0.1';

export interface KernelLabOptions<E> {
  readonly impairment?: LinkImpairment;
  /** Of the impairments. */
  readonly seed?: string;
  readonly event?: (event: E) => void;
  /** Where `kernel-peer.mjs` is. Default: beside this file. */
  readonly program?: string;
}

/**
 * A machine of ours and this system's kernel on one cable: a network namespace with a TAP device that has 10.77.0.1/24, programs
 * in it, and the machine at the far end of the device behind a cable that loses, doubles and reorders.
 */
export class KernelLab<M extends FrameMachine<E>, E> {
  readonly namespace: Namespace;
  readonly cable: ImpairedCable<M, E>;
  readonly tap: TapDriver<ImpairedCable<M, E>>;
  readonly folder: PeerFolder = new PeerFolder(mkdtempSync(join(tmpdir(), 'nexus-kernel-')));
  readonly #processes: PeerProcess[] = [];
  readonly #program: string;
  #changed: (() => void)[] = [];

  private constructor(machine: M, namespace: Namespace, options: KernelLabOptions<E>) {
    const { impairment = {}, seed = 'cable', event, program = PROGRAM } = options;
    this.#program = program;
    this.namespace = namespace;
    this.cable = new ImpairedCable<M, E>(machine, { entropy: new SeededEntropy(seed), impairment });
    this.tap = new TapDriver(this.cable, {
      name: 'tap0',
      namespace: namespace.path,
      event: (each) => {
        event?.(each as E);
        this.changed();
      },
    });
  }

  static async make<M extends FrameMachine<E>, E>(machine: M, options: KernelLabOptions<E> = {}): Promise<KernelLab<M, E>> {
    const namespace = await Namespace.make();
    try {
      const lab = new KernelLab<M, E>(machine, namespace, options);
      await namespace.ip(`addr add ${KERNEL}/24 dev tap0`, 'link set tap0 up');
      return lab;
    } catch (error) {
      await namespace.remove();
      throw error;
    }
  }

  /** A command for the machine, at the present instant. */
  drive<R>(command: (machine: M, now: Millis) => R): R {
    return this.tap.drive((cable, now) => command(cable.at(now), now));
  }

  /** Starts a program beside the kernel. */
  run(command: string, ...args: readonly string[]): PeerProcess {
    return this.runIn(this.namespace, command, ...args);
  }

  runIn(namespace: Namespace, command: string, ...args: readonly string[]): PeerProcess {
    const started = new PeerProcess({
      namespace,
      folder: this.folder,
      command,
      args,
      changed: () => this.changed(),
    });
    this.#processes.push(started);
    return started;
  }

  /** Runs a program to its end and returns what it said. */
  async output(command: string, ...args: readonly string[]): Promise<string> {
    const started = this.run(command, ...args);
    await started.finished; // its exit alone may be told before its last words
    return started.output;
  }

  /** The program on the kernel's sockets; `expected`: what to wait for of a server. */
  async kernelPeer(what: 'tcp' | 'echo', options: object, namespace: Namespace = this.namespace): Promise<PeerProcess> {
    const started = this.runIn(namespace, process.execPath, this.#program, what, JSON.stringify(options));
    if (what === 'echo' || 'listen' in options)
      await this.until('the kernel peer listens', () => /"ready"/.test(started.output) || undefined);
    return started;
  }

  /** Waits until `look` gives something. It is asked again whenever a program or the machine has said something. */
  async until<T>(what: string, look: () => T | undefined, timeoutMs: number = 30_000): Promise<T> {
    const limit = performance.now() + timeoutMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = limit - performance.now();
      if (left <= 0)
        throw new Error(
          `in vain for ${timeoutMs} ms: ${what}\n${this.#processes.map((each) => `${each.what}: ${each.output}`).join('\n')}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  changed(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const each of waiting) each();
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.stop('SIGKILL')));
    await this.tap.close();
    await this.namespace.remove();
    this.folder.remove();
  }
}

/** Entropy of the system: every run has ports, sequence numbers and identifiers of its own. */
export const fresh: () => Entropy = systemEntropy;

const PROGRAM = fileURLToPath(new URL('kernel-peer.mjs', import.meta.url));
