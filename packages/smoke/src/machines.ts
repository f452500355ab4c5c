import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Millis, Queue } from '@nexus-net/sansio';
import type { NodeName } from '@nexus-net/verdict';
import type { GuestPlace, GuestSink, GuestWire, RunningGuest, StartGuest, StartGuestOptions } from './guest.js';
import type { SmokeTransmit } from './smoke-machine.js';

export interface MachinesOptions {
  readonly nodes: ReadonlyMap<NodeName, { readonly start: StartGuest; readonly place: GuestPlace }>;
  /** The folder of the run. */
  readonly directory: string;
  readonly sinkOf: (node: NodeName) => GuestSink;
  readonly startMs: Millis;
  readonly cache: string;
  readonly boot: 'cold' | 'restored';
  /** Each guest has a disk of its own, in the folder of the run, that outlives it. */
  readonly hasDisks: boolean;
  /** What was sent to a guest's listener came back, or did not. */
  readonly reached: (node: NodeName, passed: boolean) => void;
  /** Something about a machine that isn't the guest's doing, in words. */
  readonly trouble: (what: string) => void;
  /** A machine that was to begin again did not. */
  readonly failed: (error: unknown) => void;
}

/** The machines of a run: started together, ended together, and one of them ended and started again where the run is about that. */
export class Machines {
  readonly #options: MachinesOptions;
  readonly #running = new Map<NodeName, RunningGuest>();
  /** The newest of each name, running or not: for the record. */
  readonly #newest = new Map<NodeName, RunningGuest>();
  /** What was for machines that were not there yet. */
  readonly #early = new Map<NodeName, Queue<SmokeTransmit>>();
  readonly #boots = new Map<NodeName, number>();
  /** Of several machines each life has one of its own. */
  readonly #folders: string[] = [];
  #wire: GuestWire = { type: 'embedded' };
  /** What goes on with the power of machines. */
  #switching: Promise<void> = Promise.resolve();
  #isOver = false;
  #lost = 0;

  constructor(options: MachinesOptions) {
    this.#options = options;
    for (const node of options.nodes.keys()) this.#early.set(node, new Queue<SmokeTransmit>(4_096));
  }

  /** Boots all of them side by side. Rejects with what the first failure was, when none is on its way any more. */
  async start(wire: GuestWire): Promise<void> {
    this.#wire = wire;
    const started = await Promise.allSettled([...this.#options.nodes.keys()].map((node) => this.#boot(node)));
    const failed = started.find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  send(output: SmokeTransmit): void {
    const { node } = output;
    if (output.to === 'power') {
      this.#switching = this.#switching
        .then(() => (output.state === 'off' ? this.#cutPower(node) : this.#begin(node)))
        .catch(this.#options.failed);
      return;
    }
    const guest = this.#running.get(node);
    if (guest !== undefined) this.#deliver(guest, output);
    else this.#early.get(node)?.push(output);
  }

  /** Ends what runs and waits until nothing of it is left. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#switching;
    await Promise.all(
      [...this.#running.values()].map((guest) =>
        guest.stop().catch((error: unknown) => {
          this.#options.trouble(`the guest could not be ended: ${error instanceof Error ? error.message : String(error)}`);
        }),
      ),
    );
    // Where the sockets of machines were there is nothing now; what a machine left there stays.
    for (const folder of this.#folders) await rmdir(folder).catch(() => undefined);
  }

  /** What was started under each name, for the record; the newest where it was more than one. */
  get started(): ReadonlyMap<NodeName, Pick<RunningGuest, 'argv' | 'versions'>> {
    return this.#newest;
  }

  /** Outputs for machines that never came, or had no power. */
  get dropped(): number {
    return [...this.#early.values()].reduce((sum, { dropped }) => sum + dropped, this.#lost);
  }

  async #boot(node: NodeName): Promise<void> {
    const { nodes, directory, sinkOf, startMs, cache, boot, hasDisks } = this.#options;
    const { start, place } = nodes.get(node) as { readonly start: StartGuest; readonly place: GuestPlace };
    const count = (this.#boots.get(node) ?? 0) + 1;
    this.#boots.set(node, count);
    // Sockets of two machines, or of two lives of one, must not meet.
    const own = nodes.size === 1 ? directory : join(directory, count === 1 ? node : `${node}-${count}`);
    if (own !== directory) {
      await mkdir(own);
      this.#folders.push(own);
    }
    const options: StartGuestOptions = {
      place,
      directory: own,
      sink: sinkOf(node),
      startMs,
      cache,
      // A saved state knows its disk blank: of one that has something on it, it would be wrong.
      boot: hasDisks && count > 1 ? 'cold' : boot,
      wire: this.#wire,
      ...(hasDisks && { disk: join(directory, `${node}.disk`) }),
    };
    const guest = await start(options);
    this.#running.set(node, guest);
    this.#newest.set(node, guest);
    const early = this.#early.get(node) as Queue<SmokeTransmit>;
    for (let output = early.shift(); output !== undefined; output = early.shift()) this.#deliver(guest, output);
  }

  async #cutPower(node: NodeName): Promise<void> {
    const guest = this.#running.get(node);
    if (guest === undefined) return;
    this.#running.delete(node);
    await guest.stop(); // the guest says itself that it is gone
  }

  async #begin(node: NodeName): Promise<void> {
    if (this.#isOver) return;
    // What was sent to it while it had no power reached nobody.
    const early = this.#early.get(node) as Queue<SmokeTransmit>;
    while (early.shift() !== undefined) this.#lost++;
    await this.#boot(node);
  }

  #deliver(guest: RunningGuest, output: SmokeTransmit): void {
    switch (output.to) {
      case 'wire':
        guest.sendFrame(output.frame);
        break;
      case 'console':
        guest.sendConsole(output.bytes);
        break;
      case 'listener':
        void (guest.reachListener?.(output.octets) ?? Promise.resolve(false)).then((passed) =>
          this.#options.reached(output.node, passed),
        );
        break;
      default:
        break; // power is none of the guest's
    }
  }
}
