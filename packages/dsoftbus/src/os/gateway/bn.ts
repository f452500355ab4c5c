import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { FrameBuilder, readU16le, startsWith } from '../octets.js';
import type { BundlemgrService, OsCaller } from './services.js';

// BN v1, little-endian. LIST: 42 4e 01 01. Answer, 8 octets: 42 4e 01 81 status u8, count u16, 0.

export const BN_OP = { list: 1 } as const;
/** 2 says also that the sender may not ask. */
export const BN_STATUS = { ok: 0, malformed: 1, unsupported: 2 } as const;

export function encodeBnList(): Uint8Array {
  return Uint8Array.of(...MAGIC, BN_OP.list);
}

/** The answer to LIST; its last octet is not looked at. */
export function decodeBnListAnswer(
  frame: Uint8Array,
): Result<{ readonly status: number; readonly count: number }, 'not-an-answer'> {
  const fits = frame.length >= 8 && startsWith(frame, ...MAGIC, BN_OP.list | 0x80);
  return fits ? ok({ status: frame[4] as number, count: readU16le(frame, 5) }) : err('not-an-answer');
}

/** The one request of a remote peer that is passed on. */
export function isBnList(frame: Uint8Array): boolean {
  return startsWith(frame, ...MAGIC, BN_OP.list);
}

/** bundlemgrd in memory: counts bundles. */
export class InMemoryBundlemgr implements BundlemgrService {
  readonly #bundles: readonly string[];
  readonly #allows: (caller: OsCaller) => boolean;

  /** `allows`: who may ask; the others get status 2, as at the OS. Default: everybody. */
  constructor(options: { readonly bundles: readonly string[]; readonly allows?: (caller: OsCaller) => boolean }) {
    requireArgument(options.bundles.length <= 0xffff, 'the count of bundles has 16 bits');
    this.#bundles = options.bundles;
    this.#allows = options.allows ?? (() => true);
  }

  handle(frame: Uint8Array, caller: OsCaller): Uint8Array {
    if (frame.length < 4 || frame[0] !== MAGIC[0] || frame[1] !== MAGIC[1] || frame[2] !== MAGIC[2])
      return answer(BN_STATUS.malformed, 0);
    if (frame[3] !== BN_OP.list || !this.#allows(caller)) return answer(BN_STATUS.unsupported, 0);
    return frame.length === 4 ? answer(BN_STATUS.ok, this.#bundles.length) : answer(BN_STATUS.malformed, 0);
  }
}

const MAGIC = [0x42, 0x4e, 0x01] as const;

function answer(status: number, count: number): Uint8Array {
  return new FrameBuilder(...MAGIC, BN_OP.list | 0x80, status).u16(count).u8(0).done();
}
