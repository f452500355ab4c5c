import { readSync, writeSync } from 'node:fs';
import { Counters, requireArgument } from '@nexus-net/sansio';
import { TapPoller } from './tap-poller.js';
import { systemTaps, TapError, type TapSystem } from './tap-system.js';

export interface TapDeviceOptions {
  /** The name of the interface, 1..15 characters. It is made where it isn't there, and goes with this object where it was made. */
  readonly name: string;
  /** The network namespace in which the interface is, as a path (`/run/netns/x`, `/proc/PID/ns/net`). Default: this process's own. */
  readonly namespace?: string;
  /** Each frame that the system sends out of the interface, oldest first, without FCS. The receiver owns the octets. */
  readonly frame: (frame: Uint8Array) => void;
  /** The device can't be used any more; called once, and never after {@link TapDevice.close}. */
  readonly ended?: (error: TapError) => void;
  /** Frames taken at one go before other work gets its turn. Default 64. */
  readonly batchCountMax?: number;
  /** Default: the system that this process runs on. */
  readonly system?: TapSystem;
}

/** `refused`: the interface is down, its queue is full, or the frame is none; counted. */
export type TapSendOutcome = 'sent' | 'refused' | 'closed';

export interface TapInspection {
  readonly framesIn: number;
  readonly framesOut: number;
  /** Frames that did not leave, by what the system said (`EIO`: the interface is down) or `closed`. */
  readonly unsent: Partial<Record<string, number>>;
}

/**
 * The far end of a network interface of this machine: what the system sends out of the interface comes in here, and what is sent
 * here arrives there. Addresses, routes and `ip link set … up` are the caller's.
 */
export class TapDevice {
  readonly name: string;
  readonly #fd: number;
  readonly #poller: TapPoller;
  readonly #options: TapDeviceOptions;
  readonly #batchCountMax: number;
  readonly #unsent = new Counters<string>();
  #framesIn = 0;
  #framesOut = 0;
  #ended = false;
  #closing: Promise<void> | undefined;

  /** Opens the device. Throws {@link TapError}. */
  constructor(options: TapDeviceOptions) {
    const { name, namespace, batchCountMax = 64, system = systemTaps() } = options;
    requireArgument(/^(?!\.{1,2}$)[!-.0-~]{1,15}$/.test(name), 'name is 1..15 printable characters without / and blanks');
    requireArgument(Number.isInteger(batchCountMax) && batchCountMax >= 1, 'batchCountMax is at least 1');
    this.name = name;
    this.#options = options;
    this.#batchCountMax = batchCountMax;
    this.#poller = pollerOf(system);
    this.#fd = system.openTap({ name, ...(namespace === undefined ? {} : { namespace }) });
    this.#poller.watch(this.#fd, () => this.#read());
  }

  /** Sends a frame into the system, destination MAC first, without FCS. Borrows it for the call. */
  send(frame: Uint8Array): TapSendOutcome {
    if (this.#ended) {
      this.#unsent.increment('closed');
      return 'closed';
    }
    try {
      writeSync(this.#fd, frame);
    } catch (error) {
      this.#unsent.increment((error as NodeJS.ErrnoException).code ?? 'unknown');
      return 'refused';
    }
    this.#framesOut++;
    return 'sent';
  }

  inspect(): TapInspection {
    return { framesIn: this.#framesIn, framesOut: this.#framesOut, unsent: this.#unsent.snapshot() };
  }

  /** No frame comes after this. Resolves when the system has the device back. Idempotent. */
  close(): Promise<void> {
    this.#ended = true;
    this.#closing ??= new Promise((resolve) => this.#poller.close(this.#fd, resolve));
    return this.#closing;
  }

  #read(): void {
    for (let i = 0; i < this.#batchCountMax && !this.#ended; i++) {
      let length: number;
      try {
        length = readSync(this.#fd, BUFFER);
      } catch (error) {
        const failure = error as NodeJS.ErrnoException;
        if (failure.code !== 'EAGAIN') this.#end(failure);
        return;
      }
      this.#framesIn++;
      this.#options.frame(BUFFER.slice(0, length));
    }
  }

  #end(cause: NodeJS.ErrnoException): void {
    void this.close();
    const gone = cause.errno === -EBADFD;
    this.#options.ended?.(new TapError(gone ? 'gone' : 'io', `${this.name}: ${gone ? 'deleted' : cause.code}`, { cause }));
  }
}

/** One poller for each system: all devices share its thread. */
function pollerOf(system: TapSystem): TapPoller {
  const known = POLLERS.get(system);
  if (known !== undefined) return known;
  const made = new TapPoller(system);
  POLLERS.set(system, made);
  return made;
}

/** What a read says when its device is deleted; libuv has no name for it. */
const EBADFD = 77;
const POLLERS = new WeakMap<TapSystem, TapPoller>();
/** The longest frame, also where the system puts several segments into one. */
const BUFFER = new Uint8Array(65_536 + 18);
