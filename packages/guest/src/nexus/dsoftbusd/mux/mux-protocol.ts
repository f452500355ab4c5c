import type { MuxStreamId } from '@nexus-net/dsoftbus';
import type { Millis } from '@nexus-net/sansio';

// Each node opens two streams to the other one, which gives back what comes on them: `crossvm/control` carries messages of 33 octets, a
// kind and 32 octets that nobody can know beforehand; `crossvm/bulk` carries any octets. A message of kind `hold` stops the echo of bulk, one
// of kind `go` starts it again; both are given back at once, whatever bulk does.

export const CONTROL_STREAM = { name: 'crossvm/control', priority: 0 } as const;
export const BULK_STREAM = { name: 'crossvm/bulk', priority: 4 } as const;

export const MESSAGE_KIND = { echo: 1, hold: 2, go: 3 } as const;
export const MESSAGE_LENGTH = 33;

/** Streams of the session with the one peer. */
export interface MuxUser {
  open(now: Millis, stream: { readonly name: string; readonly priority: number }): MuxStreamId | undefined;
  /** How many of the octets were taken. */
  write(now: Millis, stream: MuxStreamId, bytes: Uint8Array): number;
  read(now: Millis, stream: MuxStreamId, octetsMax: number): Uint8Array | undefined;
  finish(now: Millis, stream: MuxStreamId): void;
  reset(now: Millis, stream: MuxStreamId): void;
  /** Octets that wait to be sent, and how many the peer takes. */
  standing(stream: MuxStreamId): { readonly unsent: number; readonly sendCredit: number } | undefined;
}

/** Cuts the octets of a control stream into messages. */
export class MessageCutter {
  readonly #partial = new Uint8Array(MESSAGE_LENGTH);
  #length = 0;

  /** The messages that `bytes` complete. */
  *cut(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(MESSAGE_LENGTH - this.#length, bytes.length - at);
      this.#partial.set(bytes.subarray(at, at + taken), this.#length);
      this.#length += taken;
      at += taken;
      if (this.#length < MESSAGE_LENGTH) return;
      this.#length = 0;
      yield this.#partial.slice();
    }
  }
}

export const READ_LENGTH = 4_096;
