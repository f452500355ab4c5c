import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { Millis } from '@nexus-net/sansio';
import type { NodeName } from '@nexus-net/verdict';
import { type ObservedFrame, PcapngWriter } from '@nexus-net/wire';
import { Refusal } from './refusal.js';
import { writeWhole } from './write-whole.js';

/** The files that a run leaves. */
export const RUN_FILES: Readonly<Record<'uart' | 'kernel' | 'wire' | 'verdict' | 'events' | 'report', string>> = {
  uart: 'uart.log',
  /** Only of guests whose kernel has a console of its own. */
  kernel: 'kernel.log',
  wire: 'wire.pcapng',
  verdict: 'verdict.json',
  events: 'events.ndjson',
  report: 'report.html',
};

/** The name of a console log: of several machines each has its own. */
export function consoleFile(which: 'uart' | 'kernel', node?: NodeName): string {
  return node === undefined ? RUN_FILES[which] : RUN_FILES[which].replace('.', `-${node}.`);
}

/** A guest may say and send as much as it likes; a disk holds only so much. What is beyond is left out, and counted. */
export interface RunFolderLimits {
  /** Octets of `uart.log`, and of `kernel.log`. Default 64 MiB. */
  readonly uartBytesMax?: number;
  /** Octets of `wire.pcapng`, cut between two frames. Default 256 MiB. */
  readonly wireBytesMax?: number;
  /** Octets of `events.ndjson`, cut between two lines. Default 64 MiB. */
  readonly eventsBytesMax?: number;
}

/** One run's own folder: what the guest said, what was on the wire, what happened, and the verdict. */
export class RunFolder {
  readonly path: string;
  readonly #wallAtZero: Millis;
  /** Logs of consoles, by file name. */
  readonly #consoles = new Map<string, BoundedFile>();
  readonly #wire: BoundedFile;
  readonly #events: BoundedFile;
  readonly #uartBytesMax: number;
  readonly #ports = new Map<string, number>();
  readonly #writer = new PcapngWriter({ application: 'nexus-net', interfaces: [] });

  private constructor(path: string, { wallAtZero, limits = {}, nodes = ['guest'] }: RunFolderOptions) {
    const { uartBytesMax = 64 * MIB, wireBytesMax = 256 * MIB, eventsBytesMax = 64 * MIB } = limits;
    this.path = path;
    this.#wallAtZero = wallAtZero;
    this.#uartBytesMax = uartBytesMax;
    this.#wire = new BoundedFile(path, RUN_FILES.wire, wireBytesMax);
    this.#events = new BoundedFile(path, RUN_FILES.events, eventsBytesMax);
    this.#wire.writeWhole(this.#writer.header());
    for (const node of nodes) this.#console(consoleFile('uart', nodes.length === 1 ? undefined : node));
  }

  /** Makes the folder, which must not exist: two runs never share one. Throws {@link Refusal} where it can't be made. */
  static async create(path: string, options: RunFolderOptions): Promise<RunFolder> {
    try {
      await makeFolders(dirname(path));
      await mkdir(path);
    } catch (error) {
      throw new Refusal(`the run’s folder can’t be made: ${messageOf(error)}`, 'unwritable');
    }
    return new RunFolder(path, options);
  }

  /** `node`: of several machines, which. */
  uart(bytes: Uint8Array, node?: NodeName): void {
    this.#console(consoleFile('uart', node)).write(bytes);
  }

  kernel(bytes: Uint8Array, node?: NodeName): void {
    this.#console(consoleFile('kernel', node)).write(bytes);
  }

  #console(name: string): BoundedFile {
    const known = this.#consoles.get(name);
    if (known !== undefined) return known;
    const file = new BoundedFile(this.path, name, this.#uartBytesMax);
    this.#consoles.set(name, file);
    return file;
  }

  frame({ at, bytes, port = 'wire' }: ObservedFrame): void {
    let interfaceId = this.#ports.get(port);
    if (interfaceId === undefined) {
      interfaceId = this.#writer.interfaceCount;
      this.#ports.set(port, interfaceId);
      const description = `frames that entered the switch at port ${port}`;
      this.#wire.writeWhole(this.#writer.addInterface({ name: port, description }));
    }
    this.#wire.writeWhole(this.#writer.packet({ timestampNs: this.#nanoseconds(at), interfaceId, bytes }));
  }

  /** A double can't hold the nanoseconds of a wall clock: the sum is made of whole numbers. */
  #nanoseconds(at: Millis): bigint {
    return BigInt(this.#wallAtZero) * 1_000_000n + BigInt(Math.round(at * 1e6));
  }

  /** One line of `events.ndjson`: `at` in milliseconds of the run's own clock. */
  event(event: { readonly at: Millis; readonly type: string } & Readonly<Record<string, unknown>>): void {
    this.#events.writeWhole(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
  }

  /** Closes all files but the verdict. What is wrong with each, in words: a full disk must not look like a good run. */
  async close(): Promise<{ readonly unwritten: readonly string[]; readonly cut: readonly string[] }> {
    const files = [...this.#consoles.values(), this.#wire, this.#events];
    for (const file of files) await file.close();
    return { unwritten: files.flatMap((file) => file.unwritten ?? []), cut: files.flatMap((file) => file.cut ?? []) };
  }

  /** Writes the verdict; why it could not, where it could not. An older one, which no longer holds, makes room for it if it has to. */
  async verdict(verdict: object): Promise<string | undefined> {
    const path = join(this.path, RUN_FILES.verdict);
    const text = `${JSON.stringify(verdict, undefined, 2)}\n`;
    try {
      await writeWhole(path, text).catch(async () => {
        await rm(path, { force: true });
        await writeWhole(path, text);
      });
      return undefined;
    } catch (error) {
      return `${RUN_FILES.verdict} could not be written: ${messageOf(error)}`;
    }
  }
}

export interface RunFolderOptions {
  /** Whole milliseconds since the Unix epoch at the zero of the run's own clock, so that the capture's times are those of the world. */
  readonly wallAtZero: Millis;
  /** The machines of the run. Default: one. */
  readonly nodes?: readonly NodeName[];
  readonly limits?: RunFolderLimits;
}

/** A new file that grows up to a limit. */
class BoundedFile {
  readonly #name: string;
  readonly #bytesMax: number;
  readonly #stream: WriteStream;
  #bytes = 0;
  #leftOut = 0;
  #error: Error | undefined;

  constructor(folder: string, name: string, bytesMax: number) {
    this.#name = name;
    this.#bytesMax = bytesMax;
    this.#stream = createWriteStream(join(folder, name), { flags: 'wx' });
    this.#stream.on('error', (error) => {
      this.#error ??= error;
    });
  }

  /** Writes what still fits. */
  write(bytes: Uint8Array): void {
    const room = this.#leftOut > 0 ? 0 : this.#bytesMax - this.#bytes;
    this.writeWhole(bytes.subarray(0, room));
    this.#leftOut += Math.max(0, bytes.length - room);
  }

  /** Writes all of it or nothing. After the first that doesn't fit nothing is written: a file with a hole would mislead. */
  writeWhole(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#leftOut > 0 || this.#bytes + bytes.length > this.#bytesMax) {
      this.#leftOut += bytes.length;
      return;
    }
    this.#bytes += bytes.length;
    this.#stream.write(bytes);
  }

  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream).catch(() => undefined); // kept by the handler of 'error'
  }

  get unwritten(): string | undefined {
    return this.#error === undefined ? undefined : `${this.#name} could not be written: ${this.#error.message}`;
  }

  get cut(): string | undefined {
    return this.#leftOut === 0 ? undefined : `${this.#name} is full: ${this.#leftOut} octets left out`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const MIB = 2 ** 20;

/**
 * The folder and those above it. Not by `recursive`: Node's own walk upwards never ends where a file system, such as /proc,
 * says of a child of an existing folder that it can't be.
 */
export async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    // Another run may have made it meanwhile. Not asked again from the top: what can't be must end.
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== 'EEXIST') throw again;
    });
  }
}
