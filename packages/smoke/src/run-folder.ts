import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { Millis } from '@nexus-net/sansio';
import { type ObservedFrame, PcapngWriter } from '@nexus-net/wire';

/** The files that a run leaves. */
export const RUN_FILES: { readonly uart: string; readonly wire: string; readonly verdict: string; readonly events: string } = {
  uart: 'uart.log',
  wire: 'wire.pcapng',
  verdict: 'verdict.json',
  events: 'events.ndjson',
};

/** One run's own folder: what the guest said, what was on the wire, what happened, and the verdict. */
export class RunFolder {
  readonly path: string;
  readonly #wallAtZero: Millis;
  readonly #uart: WriteStream;
  readonly #wire: WriteStream;
  readonly #events: WriteStream;
  readonly #ports = new Map<string, number>();
  readonly #writer = new PcapngWriter({ application: 'nexus-net', interfaces: [] });
  #trouble: Error | undefined;

  private constructor(path: string, wallAtZero: Millis) {
    this.path = path;
    this.#wallAtZero = wallAtZero;
    [this.#uart, this.#wire, this.#events] = [RUN_FILES.uart, RUN_FILES.wire, RUN_FILES.events].map((name) => {
      const stream = createWriteStream(join(path, name), { flags: 'wx' });
      stream.on('error', (error) => {
        this.#trouble ??= error;
      });
      return stream;
    }) as [WriteStream, WriteStream, WriteStream];
    this.#wire.write(this.#writer.header());
  }

  /**
   * Makes the folder, which must not exist: two runs never share one. `wallAtZero`: whole milliseconds since the Unix epoch at the
   * zero of the run's own clock, so that the capture's times are those of the world.
   */
  static async create(path: string, { wallAtZero }: { readonly wallAtZero: Millis }): Promise<RunFolder> {
    await mkdir(join(path, '..'), { recursive: true });
    await mkdir(path);
    return new RunFolder(path, wallAtZero);
  }

  /** The first thing that could not be written, where there was one: a full disk must not look like a good run. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  uart(bytes: Uint8Array): void {
    this.#uart.write(bytes);
  }

  frame({ at, bytes, port = 'wire' }: ObservedFrame): void {
    let interfaceId = this.#ports.get(port);
    if (interfaceId === undefined) {
      interfaceId = this.#writer.interfaceCount;
      this.#ports.set(port, interfaceId);
      this.#wire.write(this.#writer.addInterface({ name: port, description: `frames that entered the switch at port ${port}` }));
    }
    this.#wire.write(this.#writer.packet({ timestampNs: this.#nanoseconds(at), interfaceId, bytes }));
  }

  /** A double can't hold the nanoseconds of a wall clock: the sum is made of whole numbers. */
  #nanoseconds(at: Millis): bigint {
    return BigInt(this.#wallAtZero) * 1_000_000n + BigInt(Math.round(at * 1e6));
  }

  /** One line of `events.ndjson`: `at` in milliseconds of the run's own clock. */
  event(event: { readonly at: Millis; readonly type: string } & Readonly<Record<string, unknown>>): void {
    this.#events.write(`${JSON.stringify(event)}\n`);
  }

  /** Writes the verdict and closes everything. */
  async close(verdict: object): Promise<void> {
    for (const stream of [this.#uart, this.#wire, this.#events]) {
      stream.end();
      await finished(stream).catch(() => undefined); // kept in `trouble`
    }
    await writeFile(join(this.path, RUN_FILES.verdict), `${JSON.stringify(verdict, undefined, 2)}\n`);
  }
}
