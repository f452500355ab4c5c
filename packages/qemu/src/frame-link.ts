import type { Socket } from 'node:net';
import { Driver, monotonicClock } from '@nexus-net/host';
import type { Millis } from '@nexus-net/sansio';
import { type FrameLinkEnd, FrameStream, type FrameStreamOptions, type SendOutcome } from './frame-stream.js';

export interface FrameLinkOptions extends FrameStreamOptions {
  /** Each frame from the peer, oldest first. It owns the octets. It may call {@link FrameLink.send}. */
  readonly frame: (frame: Uint8Array, now: Millis) => void;
  /** The link has ended; called once. */
  readonly ended?: (end: FrameLinkEndInfo) => void;
  /** Octets handed to the system at most before output waits in the {@link FrameStream}, whose limits then count. Default 256 KiB. */
  readonly socketBytesMax?: number;
}

export interface FrameLinkEndInfo {
  readonly reason: FrameLinkEnd;
  /** The length that was refused, where that is the reason. */
  readonly length?: number;
}

/** Frames over a socket. Frames sent before {@link attach} wait, within the limits of {@link FrameStream}. */
export class FrameLink {
  readonly #stream: FrameStream;
  readonly #driver: Driver<FrameStream>;
  readonly #socketBytesMax: number;
  #socket: Socket | undefined;
  #corked = false;

  constructor(options: FrameLinkOptions) {
    const { frame, ended, socketBytesMax = 256 * 1024 } = options;
    this.#stream = new FrameStream(options);
    this.#socketBytesMax = socketBytesMax;
    this.#driver = new Driver(this.#stream, {
      transmit: (chunk) => this.#write(chunk),
      writable: () => this.#socket !== undefined && this.#socket.writableLength < this.#socketBytesMax,
      event: (event) => {
        if (event.type === 'frame') return frame(event.frame, monotonicClock.now());
        this.#socket?.destroy(); // also where the peer is at fault and would go on
        const { reason, length } = event;
        ended?.(length === undefined ? { reason } : { reason, length });
      },
    });
  }

  /** Gives the link its socket. Once. */
  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on('data', (bytes: Uint8Array) => this.#driver.drive((stream, now) => stream.handleBytes(now, bytes)));
    socket.on('drain', () => this.#driver.wake());
    socket.on('error', ignore); // 'close' follows
    const end = (): void => this.#driver.drive((stream, now) => stream.handleEnd(now));
    socket.on('end', end);
    socket.on('close', end);
    this.#driver.wake();
  }

  /** Sends a frame, or drops it and says why. `frame` is borrowed for the call. */
  send(frame: Uint8Array): SendOutcome {
    return this.#driver.drive((stream, now) => stream.sendFrame(now, frame));
  }

  inspect(): ReturnType<FrameStream['inspect']> {
    return this.#stream.inspect();
  }

  /** Waits until the peer has ended the link and all of its frames have been told, `timeoutMs` at most, then ends it. */
  async finish(timeoutMs: Millis): Promise<void> {
    const socket = this.#socket;
    if (socket !== undefined && !socket.destroyed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        socket.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    this.close();
  }

  /** Ends the link from our side; what the peer still had to say is lost. Idempotent. */
  close(): void {
    if (this.#socket === undefined) this.#driver.drive((stream, now) => stream.handleEnd(now));
    else this.#socket.destroy();
  }

  #write(chunk: Uint8Array): void {
    const socket = this.#socket as Socket;
    if (!this.#corked) {
      // All frames of this turn of the event loop leave in one system call.
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(chunk);
  }
}

function ignore(): void {}
