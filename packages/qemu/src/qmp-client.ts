import type { Socket } from 'node:net';
import { Driver } from '@nexus-net/host';
import type { Millis } from '@nexus-net/sansio';
import { type QmpEnd, QmpMachine, type QmpMachineEvent, type QmpMachineOptions, type QmpVersion } from './qmp-machine.js';

export type QmpNotice = Omit<Extract<QmpMachineEvent, { type: 'event' }>, 'type'>;

export interface QmpClientOptions extends QmpMachineOptions {
  /** Each event of QEMU, oldest first. */
  readonly event?: (notice: QmpNotice) => void;
  /** How long to wait for an answer where the call doesn't say. Default 5000 ms. */
  readonly timeoutMs?: Millis;
}

export type QmpErrorCode =
  /** QEMU answered with an error. */
  | 'refused'
  | 'timeout'
  /** The session ended before the answer. */
  | 'ended';

export class QmpError extends Error {
  override readonly name = 'QmpError';
  readonly code: QmpErrorCode;
  /** QEMU's class of the error, where it refused. */
  readonly class: string | undefined;

  constructor(code: QmpErrorCode, message: string, errorClass?: string) {
    super(`${code}: ${message}`);
    this.code = code;
    this.class = errorClass;
  }
}

interface Waiter {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QmpError) => void;
}

/** QMP over a socket: a promise for each command. */
export class QmpClient {
  /** QEMU has introduced itself. Rejects with `ended` where it never does; that is no unhandled rejection. */
  readonly ready: Promise<QmpVersion>;
  readonly #machine: QmpMachine;
  readonly #driver: Driver<QmpMachine>;
  readonly #timeoutMs: Millis;
  readonly #waiters = new Map<number, Waiter>();
  #end: QmpEnd | undefined;

  constructor(socket: Socket, options: QmpClientOptions = {}) {
    const { event: onNotice, timeoutMs = 5_000 } = options;
    this.#timeoutMs = timeoutMs;
    this.#machine = new QmpMachine(options);
    let resolveReady: (version: QmpVersion) => void = ignore;
    let rejectReady: (error: QmpError) => void = ignore;
    this.ready = new Promise((resolve, reject) => {
      resolveReady = resolve;
      rejectReady = reject;
    });
    this.ready.catch(ignore);
    this.#driver = new Driver(this.#machine, {
      transmit: (line) => socket.write(line),
      event: (event) => {
        if (event.type === 'ready') resolveReady(event.version);
        else if (event.type === 'event') onNotice?.(event);
        else if (event.type === 'ended') {
          this.#end = event.reason;
          rejectReady(new QmpError('ended', `QMP session: ${event.reason}`));
          this.#driver.close();
          socket.destroy();
        } else this.#settle(event);
      },
    });
    socket.on('data', (bytes: Uint8Array) => this.#handle((machine, now) => machine.handleBytes(now, bytes)));
    socket.on('error', ignore); // 'close' follows
    socket.on('end', () => this.#handle((machine, now) => machine.handleEnd(now)));
    socket.on('close', () => this.#handle((machine, now) => machine.handleEnd(now)));
  }

  /** Why the session ended, or `undefined` while it lasts. */
  get end(): QmpEnd | undefined {
    return this.#end;
  }

  /**
   * Gives a command; before {@link ready} it is held back. Resolves with QEMU's `return` value, which is data of another
   * program: check it. Rejects with {@link QmpError}.
   */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options: { readonly timeoutMs?: Millis } = {},
  ): Promise<unknown> {
    const { timeoutMs = this.#timeoutMs } = options;
    if (this.#end !== undefined) return Promise.reject(new QmpError('ended', `${command}: the session has ended (${this.#end})`));
    return new Promise((resolve, reject) => {
      this.#driver.drive((machine, now) => {
        const id = machine.execute(now, { command, timeoutMs, ...(args === undefined ? {} : { arguments: args }) });
        this.#waiters.set(id, { command, resolve, reject });
      });
    });
  }

  inspect(): ReturnType<QmpMachine['inspect']> {
    return this.#machine.inspect();
  }

  #handle(mutate: (machine: QmpMachine, now: Millis) => void): void {
    if (!this.#driver.closed) this.#driver.drive(mutate);
  }

  #settle(event: Extract<QmpMachineEvent, { readonly id: number }>): void {
    const waiter = this.#waiters.get(event.id);
    if (waiter === undefined) return;
    this.#waiters.delete(event.id);
    const { command, resolve, reject } = waiter;
    if (event.type === 'returned') resolve(event.value);
    else if (event.type === 'refused') reject(new QmpError('refused', `${command}: ${event.description}`, event.class));
    else reject(new QmpError(event.reason, `${command}: no answer`));
  }
}

function ignore(): void {}
