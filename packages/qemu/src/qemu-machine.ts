import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { monotonicClock } from '@nexus-net/host';
import { type Millis, requireArgument } from '@nexus-net/sansio';
import { buildArguments } from './arguments.js';
import { type ChannelPlan, type MachineWithoutChannels, type NicConfig, planChannels } from './channel-plan.js';
import type { DeathGuard } from './death-guard.js';
import { FrameLink } from './frame-link.js';
import type { SendOutcome } from './frame-stream.js';
import type { FrameOrigin } from './mirror-merge.js';
import { ObservedCable, type ObservedCableEnd, type ObservedCableView } from './observed-cable.js';
import { OwnedProcess, ProcessError, type ProcessExit, type TerminateOptions } from './owned-process.js';
import { QmpClient, type QmpNotice } from './qmp-client.js';
import type { QmpVersion } from './qmp-machine.js';

export interface QemuMachineOptions {
  /** The QEMU binary, as the probe found it. */
  readonly binary: string;
  /** The machine without its channels, which are made here. */
  readonly machine: MachineWithoutChannels;
  /** Network cards, in order; the index in callbacks and calls is this one. Default: none. */
  readonly nics?: readonly NicConfig[];
  /** UARTs: the first on QEMU's stdin and stdout, further ones on socket pairs. Default 1. */
  readonly uartCount?: number;
  /** Where the run keeps its files, and where QEMU runs; it has to exist. Default: a temporary directory, removed at the end. */
  readonly directory?: string;
  readonly handlers?: QemuHandlers;
  /** A network namespace for QEMU, as a path (`/run/netns/x`, `/proc/PID/ns/net`); it takes root. Default: this process's own. */
  readonly namespace?: string;
  /** Octets written to a UART that the guest has not taken, at most; further ones are refused. Default 64 KiB. */
  readonly uartInputBytesMax?: number;
  /** Default 5000 ms. */
  readonly qmpTimeoutMs?: Millis;
  /** How long QEMU may take to speak QMP, proof that it took its arguments. Default 10 000 ms. */
  readonly startTimeoutMs?: Millis;
  /** Default: the best there is. */
  readonly guard?: DeathGuard;
}

/** What the machine says. All are called from the event loop, never from inside {@link QemuMachine.sendFrame}. `at`: monotonic. */
export interface QemuHandlers {
  /** A frame from the guest, and on a cable that is only watched also one for it (`netdev`). The receiver owns the octets. */
  readonly frame?: (
    frame: Uint8Array,
    source: { readonly nic: number; readonly at: Millis; readonly origin: FrameOrigin },
  ) => void;
  /** Octets from a UART as they came, cut anywhere. The receiver owns them. */
  readonly uart?: (bytes: Uint8Array, source: { readonly uart: number; readonly at: Millis }) => void;
  /** A cable came loose; with `closed` after the end of QEMU that is in order. */
  readonly linkEnded?: (end: ObservedCableEnd & { readonly nic: number; readonly at: Millis }) => void;
  /** An event of QEMU. */
  readonly qmp?: (notice: QmpNotice) => void;
}

export interface QemuExit extends ProcessExit {
  /**
   * QEMU's own reason, from its SHUTDOWN event: `guest-shutdown`, `guest-reset`, `guest-panic`, `host-qmp-quit`,
   * `host-signal`. Undefined where it said none. A guest that panics and one that powers off both exit with code 0.
   */
  readonly shutdown: { readonly guest: boolean; readonly reason: string } | undefined;
}

export type QemuStartErrorCode =
  /** QEMU ended before it spoke QMP: it refused its arguments or firmware. Its stderr says why. */
  | 'exited-early'
  /** QEMU did not speak QMP in time. */
  | 'start-timeout';

export class QemuStartError extends Error {
  override readonly name = 'QemuStartError';
  readonly code: QemuStartErrorCode;
  readonly exit: QemuExit;

  constructor(code: QemuStartErrorCode, exit: QemuExit) {
    super(`${code}: exit code ${exit.code ?? exit.signal}; ${exit.stderr.trim() || 'nothing on stderr'}`);
    this.code = code;
    this.exit = exit;
  }
}

interface Running {
  readonly process: OwnedProcess;
  readonly qmp: QmpClient;
  readonly exited: Promise<QemuExit>;
}

type State =
  | { readonly type: 'new' }
  | { readonly type: 'starting' }
  | { readonly type: 'running'; readonly running: Running }
  | { readonly type: 'failed' };

/**
 * One QEMU: its process, its cables, its UARTs and its QMP. Any number may run at once; they share nothing.
 *
 * Make it, then {@link start} it: handlers may use the object from the first frame on.
 */
export class QemuMachine {
  readonly #options: QemuMachineOptions;
  readonly #handlers: QemuHandlers;
  readonly #links: readonly (FrameLink | ObservedCable | undefined)[];
  readonly #uartInputBytesMax: number;
  #uartSinks: readonly (OwnedProcess['stdin'] | Socket)[] = [];
  #state: State = { type: 'new' };
  #shutdown: QemuExit['shutdown'];
  #argv: readonly string[] = [];
  #directory = '';

  constructor(options: QemuMachineOptions) {
    const { nics = [], uartCount = 1, uartInputBytesMax = 64 * 1024, handlers = {} } = options;
    requireArgument(Number.isInteger(uartCount) && uartCount >= 0, 'uartCount is a whole number');
    requireArgument(Number.isInteger(uartInputBytesMax) && uartInputBytesMax >= 1, 'uartInputBytesMax is at least 1');
    this.#options = options;
    this.#handlers = handlers;
    this.#uartInputBytesMax = uartInputBytesMax;
    this.#links = nics.map(({ wire = 'socketpair', limits = {} }, nic) => {
      if (wire === 'user') return undefined;
      const ended = (end: ObservedCableEnd): void => handlers.linkEnded?.({ ...end, nic, at: monotonicClock.now() });
      if (typeof wire === 'object') {
        return new ObservedCable({
          ...limits,
          frame: (frame, origin, at) => handlers.frame?.(frame, { nic, at, origin }),
          ended,
        });
      }
      return new FrameLink({ ...limits, frame: (frame, at) => handlers.frame?.(frame, { nic, at, origin: 'guest' }), ended });
    });
  }

  /**
   * Starts QEMU and waits until it speaks QMP. Rejects with `QemuArgumentError`, {@link ProcessError} or
   * {@link QemuStartError}; nothing is left behind then. Once for each object.
   */
  async start(): Promise<QmpVersion> {
    requireArgument(this.#state.type === 'new', 'a machine is started once');
    this.#enter({ type: 'starting' });
    try {
      return await this.#start();
    } catch (error) {
      this.#enter({ type: 'failed' });
      throw error;
    }
  }

  /** The command line in full, for reports. Empty before {@link start}. */
  get argv(): readonly string[] {
    return this.#argv;
  }

  /** Where this run keeps its files. Empty before {@link start}. */
  get directory(): string {
    return this.#directory;
  }

  /** Throws `UsageError` unless started, as do {@link qmp} and {@link exited}. */
  get pid(): number {
    return this.#running().process.pid;
  }

  get qmp(): QmpClient {
    return this.#running().qmp;
  }

  /** How QEMU ended. Never rejects; resolves after the last frame and the last octet of the UARTs. */
  get exited(): Promise<QemuExit> {
    return this.#running().exited;
  }

  /** Sends a frame to the guest (beside its cable where that is only watched), or drops it and says why. Before QEMU listens it waits, within the limits of the link. `frame` is borrowed for the call. */
  sendFrame(frame: Uint8Array, { nic = 0 }: { readonly nic?: number } = {}): SendOutcome {
    return this.#link(nic).send(frame);
  }

  /** Types on a UART. False, and nothing is written, where the guest has too much untaken input already or is gone. */
  writeUart(input: Uint8Array | string, { uart = 0 }: { readonly uart?: number } = {}): boolean {
    const sink = this.#uartSinks[uart];
    requireArgument(sink !== undefined, `there is no UART ${uart}`);
    const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input.slice();
    if (!sink.writable || sink.writableLength + bytes.length > this.#uartInputBytesMax) return false;
    sink.write(bytes);
    return true;
  }

  /** State and counters of a cable. */
  inspectLink({ nic = 0 }: { readonly nic?: number } = {}): ObservedCableView {
    return this.#link(nic).inspect();
  }

  /** Pulls a card's cable in the guest's eyes (the carrier), or plugs it in again. Frames of ours still reach QEMU. */
  async setLink({ nic = 0, up }: { readonly nic?: number; readonly up: boolean }): Promise<void> {
    await this.qmp.execute('set_link', { name: `nic${nic}`, up });
  }

  /** Ends QEMU by QMP `quit`, and by {@link kill} where it doesn't in `graceMs`. */
  async quit(options: TerminateOptions = {}): Promise<QemuExit> {
    const { graceMs = 2_000 } = options;
    const { qmp, exited } = this.#running();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), graceMs);
    });
    // QEMU may be gone before it answers.
    qmp.execute('quit', undefined, { timeoutMs: graceMs + 1 }).catch(() => undefined);
    const exit = await Promise.race([exited, tooLong]);
    clearTimeout(timer);
    return exit ?? this.kill(options);
  }

  /** Ends QEMU by SIGTERM, then SIGKILL. Idempotent. Rejects with {@link ProcessError} `unkillable` where that fails. */
  async kill(options?: TerminateOptions): Promise<QemuExit> {
    const { process, exited } = this.#running();
    await process.terminate(options);
    return exited;
  }

  async #start(): Promise<QmpVersion> {
    const { binary, machine, nics = [], uartCount = 1, directory, guard, namespace } = this.#options;
    const { qmpTimeoutMs, startTimeoutMs = 10_000 } = this.#options;
    const temporary = directory === undefined ? await mkdtemp(join(tmpdir(), 'nexus-qemu-')) : undefined;
    this.#directory = resolvePath(directory ?? (temporary as string));
    const servers: Server[] = [];
    const cleanUp = async (): Promise<void> => {
      for (const server of servers) server.close(); // also removes the socket's file
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    };
    try {
      const plan = planChannels({ machine, nics, uartCount, directory: this.#directory });
      const args = buildArguments(plan.config);
      const entering = namespace === undefined ? [] : ['nsenter', `--net=${namespace}`, '--'];
      const command = binary.includes('/') ? resolvePath(binary) : binary;
      this.#argv = [...entering, command, ...args];
      for (const { nic, path } of plan.unixNics)
        servers.push(await listenOnce(path, (socket) => this.#frameLink(nic).attach(socket)));
      const process = await OwnedProcess.start({
        command: this.#argv[0] as string,
        args: this.#argv.slice(1),
        cwd: this.#directory,
        socketCount: plan.socketCount,
        ...(guard === undefined ? {} : { guard }),
      });
      for (const { nic, fd } of plan.fdNics) this.#frameLink(nic).attach(process.sockets[fd - 3] as Socket);
      for (const { nic, fds } of plan.observedNics) {
        (this.#link(nic) as ObservedCable).attach(fds.map((fd) => process.sockets[fd - 3] as Socket));
      }
      this.#connectUarts(process, plan);
      const qmp = new QmpClient(process.sockets[plan.qmpFd - 3] as Socket, {
        event: (notice) => this.#handleNotice(notice),
        ...(qmpTimeoutMs === undefined ? {} : { timeoutMs: qmpTimeoutMs }),
      });
      const exited = process.exited.then(async (exit): Promise<QemuExit> => {
        await Promise.all(this.#links.map((link) => link?.finish(LINK_DRAIN_MS)));
        await cleanUp();
        return { ...exit, shutdown: this.#shutdown };
      });
      this.#enter({ type: 'running', running: { process, qmp, exited } }); // from here on handlers may use all of it
      const version = await firstOf(qmp.ready, startTimeoutMs);
      if (version === undefined) {
        const hangs = !process.hasExited && qmp.end === undefined;
        await process.terminate({ graceMs: hangs ? 0 : 1_000 });
        throw new QemuStartError(hangs ? 'start-timeout' : 'exited-early', await exited);
      }
      return version;
    } catch (error) {
      await cleanUp();
      throw error;
    }
  }

  #connectUarts(process: OwnedProcess, { uartFds }: ChannelPlan): void {
    const sources = uartFds.map((fd) => (fd === undefined ? process.stdout : (process.sockets[fd - 3] as Socket)));
    this.#uartSinks = uartFds.map((fd) => (fd === undefined ? process.stdin : (process.sockets[fd - 3] as Socket)));
    for (const [uart, source] of sources.entries()) {
      source.on('data', (bytes: Uint8Array) => this.#handlers.uart?.(bytes, { uart, at: monotonicClock.now() }));
    }
    if (uartFds.length === 0) process.stdout.resume(); // a pipe that nobody reads would stop QEMU one day
  }

  #handleNotice(notice: QmpNotice): void {
    const { guest, reason } = notice.data;
    if (notice.name === 'SHUTDOWN')
      this.#shutdown = { guest: guest === true, reason: typeof reason === 'string' ? reason : 'unknown' };
    this.#handlers.qmp?.(notice);
  }

  #frameLink(nic: number): FrameLink {
    return this.#link(nic) as FrameLink;
  }

  #link(nic: number): FrameLink | ObservedCable {
    const link = this.#links[nic];
    requireArgument(link !== undefined, `card ${nic} has no cable that ends here`);
    return link;
  }

  #running(): Running {
    requireArgument(this.#state.type === 'running', 'the machine has been started');
    return this.#state.running;
  }

  #enter(next: State): void {
    this.#state = next;
  }
}

/** Listens on a path for one connection; the listener closes after it. */
async function listenOnce(path: string, connected: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    server.close();
    connected(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new ProcessError('spawn-failed', `${path}: ${error.message}`, { cause: error })));
    server.listen(path, resolve);
  });
  return server;
}

/** The value, or `undefined` where the promise rejects or takes longer. */
async function firstOf<T>(promise: Promise<T>, timeoutMs: Millis): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const value = await Promise.race([promise.catch(() => undefined), tooLong]);
  clearTimeout(timer);
  return value;
}

/** After QEMU's end its last frames are in the socket already; they only have to be read. */
const LINK_DRAIN_MS: Millis = 500;
