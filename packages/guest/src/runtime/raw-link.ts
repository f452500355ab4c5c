import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { formatMac, type MacAddress, UsageError } from '@nexus-net/sansio';
import { framesOf, VNET_HEADER_LENGTH } from './coalesced-frames.js';

export interface RawLinkOptions {
  /** The network card, as `eth0`. */
  readonly device: string;
  /** The link address that our own stack speaks under. It need not be the card's. */
  readonly mac: MacAddress;
  /** Takes each Ethernet frame that arrives; it owns it. */
  readonly frame: (frame: Uint8Array) => void;
}

export interface RawLinkCounters {
  readonly received: number;
  readonly sent: number;
  /** The device took no frame at that moment: dropped, as on any full cable. */
  readonly sendDropped: number;
  /** What the device gave and was no frame, or one put together in a way that we don't undo. */
  readonly receiveRefused: number;
}

/**
 * A network card of Linux at the level of raw Ethernet frames: a `macvtap` device above it, so that the kernel's own IP stack has no
 * part in what goes in and out. Needs root, busybox, and the modules `macvtap` and `tap`.
 */
export class RawLink {
  readonly #fd: number;
  readonly #socket: Socket;
  #received = 0;
  #sent = 0;
  #sendDropped = 0;
  #receiveRefused = 0;

  constructor({ device, mac, frame }: RawLinkOptions) {
    const name = `${device}.raw`;
    ip('link', 'set', device, 'up');
    ip('link', 'add', 'link', device, 'name', name, 'address', formatMac(mac), 'type', 'macvtap');
    // Groups are joined by our own stack, of which the kernel knows nothing: it would filter their frames out.
    execFileSync('/bin/busybox', ['ifconfig', name, 'allmulti', 'up'], QUIET);
    const index = readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8').trim();
    this.#fd = openSync(`/dev/tap${index}`, constants.O_RDWR | constants.O_NONBLOCK);
    this.#socket = new Socket({ handle: pollable(this.#fd), readable: true, writable: false } as object);
    // Each read(2) of a tap device gives one frame, or several put together, so each chunk is that.
    this.#socket.on('data', (chunk: Uint8Array) => {
      const frames = framesOf(chunk);
      if (frames === undefined) this.#receiveRefused += 1;
      for (const each of frames ?? []) {
        this.#received += 1;
        frame(each);
      }
    });
  }

  /** Sends an Ethernet frame, or drops it where the device has no room. */
  send(frame: Uint8Array): void {
    const packet = new Uint8Array(VNET_HEADER_LENGTH + frame.length); // a header of zeros: no offload is asked for
    packet.set(frame, VNET_HEADER_LENGTH);
    try {
      writeSync(this.#fd, packet);
      this.#sent += 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      this.#sendDropped += 1;
    }
  }

  close(): void {
    this.#socket.destroy();
    closeSync(this.#fd);
  }

  inspect(): RawLinkCounters {
    return {
      received: this.#received,
      sent: this.#sent,
      sendDropped: this.#sendDropped,
      receiveRefused: this.#receiveRefused,
    };
  }
}

/** The network cards of the machine, in the order in which the kernel found them. */
export function networkCards(): readonly string[] {
  return readdirSync('/sys/class/net')
    .filter((name) => /^eth\d+$/.test(name))
    .sort();
}

/**
 * A handle of the event loop for a descriptor that libuv takes for a file: a tap device can be polled, and Node has no public way to
 * say so. Reading it by blocking calls would hold a thread for ever; reading it by a timer costs a processor.
 */
function pollable(fd: number): object {
  const { Pipe, constants: kinds } = (process as unknown as { binding(name: string): PipeBinding }).binding('pipe_wrap');
  const handle = new Pipe(kinds.SOCKET);
  const error = handle.open(fd);
  if (error) throw new UsageError(`the event loop takes no descriptor ${fd}: error ${error}`);
  return handle;
}

interface PipeBinding {
  readonly Pipe: new (type: number) => { open(fd: number): number | undefined };
  readonly constants: { readonly SOCKET: number };
}

function ip(...args: readonly string[]): void {
  execFileSync('/bin/busybox', ['ip', ...args], QUIET);
}

const QUIET: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'inherit'] };
