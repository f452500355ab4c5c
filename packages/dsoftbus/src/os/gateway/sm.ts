import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import { decodeUtf8, encodeUtf8 } from '../../utf8.js';
import { FrameBuilder, readU32le, startsWith } from '../octets.js';
import type { OsCaller, SamgrService } from './services.js';

// SM v1, little-endian: 53 4d 01 op, then
//   1 REGISTER  n u8, send u32, recv u32, name      2 LOOKUP  n u8, name      6 RESOLVE_STATUS  n u8, name
// Answers, always 13 octets: 53 4d 01 op|80 status, then 8 octets: the two slots of a LOOKUP, zero otherwise.

export const SM_OP = { register: 1, lookup: 2, resolveStatus: 6 } as const;
export const SM_STATUS = { ok: 0, notFound: 1, malformed: 2, unsupported: 3 } as const;
export const SM_NAME_LENGTH_MAX = 48;
const SM_RESPONSE_LENGTH = 13;

/** Asks whether a service is there. Its name has 1..=48 octets. */
export function encodeSmResolve(name: string): Uint8Array {
  const octets = encodeUtf8(name);
  requireArgument(octets.length >= 1 && octets.length <= SM_NAME_LENGTH_MAX, 'a service name has 1..48 octets');
  return new FrameBuilder(...MAGIC, SM_OP.resolveStatus, octets.length).bytes(octets).done();
}

/** The status of an answer to `op`. Longer answers are taken, as the OS does. */
export function decodeSmStatus(op: number, frame: Uint8Array): Result<number, 'not-an-answer'> {
  const fits = frame.length >= SM_RESPONSE_LENGTH && startsWith(frame, ...MAGIC, op | 0x80);
  return fits ? ok(frame[4] as number) : err('not-an-answer');
}

/** The one request of a remote peer that is passed on: RESOLVE_STATUS. Whether its name is well-formed is for samgrd to say. */
export function isSmResolve(frame: Uint8Array): boolean {
  return frame.length >= 5 && startsWith(frame, ...MAGIC, SM_OP.resolveStatus);
}

interface Slots {
  readonly send: number;
  readonly recv: number;
}

/** samgrd in memory: names, each with the slots of whoever registered it. */
export class InMemorySamgr implements SamgrService {
  readonly #countMax: number;
  /** By name, then by service id of who registered it. */
  readonly #names = new Map<string, Map<number, Slots>>();
  #count = 0;

  /** `names` are registered by service 0. `countMax`: registrations at most; further ones are refused as unsupported. Default 256. */
  constructor({ names = [], countMax = 256 }: { readonly names?: readonly string[]; readonly countMax?: number } = {}) {
    this.#countMax = countMax;
    for (const name of names) this.#register(0, name, { send: 0, recv: 0 });
  }

  handle(frame: Uint8Array, caller: OsCaller): Uint8Array {
    if (frame.length < 5 || frame[0] !== MAGIC[0] || frame[1] !== MAGIC[1]) return answer(SM_OP.lookup, SM_STATUS.malformed);
    const op = frame[3] as number;
    if (frame[2] !== MAGIC[2]) return answer(op, SM_STATUS.unsupported);
    if (op === SM_OP.register) return this.#handleRegister(frame, caller);
    if (op !== SM_OP.lookup && op !== SM_OP.resolveStatus) return answer(op, SM_STATUS.unsupported);
    const name = nameIn(frame);
    if (name === undefined) return answer(op, SM_STATUS.malformed);
    const registered = this.#names.get(name);
    if (op === SM_OP.resolveStatus) return answer(op, registered === undefined ? SM_STATUS.notFound : SM_STATUS.ok);
    // Slots are of one process only: nobody else can use them.
    const slots = caller.type === 'local' ? registered?.get(caller.serviceId) : undefined;
    return slots === undefined ? answer(op, SM_STATUS.notFound) : answer(op, SM_STATUS.ok, slots);
  }

  #handleRegister(frame: Uint8Array, caller: OsCaller): Uint8Array {
    const length = frame[4] as number;
    const at = 5 + 8;
    if (length === 0 || length > SM_NAME_LENGTH_MAX || frame.length !== at + length)
      return answer(SM_OP.register, SM_STATUS.malformed);
    const name = decodeUtf8(frame.subarray(at));
    if (name === undefined) return answer(SM_OP.register, SM_STATUS.malformed);
    const slots = { send: readU32le(frame, 5), recv: readU32le(frame, 9) };
    const done = caller.type === 'local' && this.#register(caller.serviceId, name, slots);
    return answer(SM_OP.register, done ? SM_STATUS.ok : SM_STATUS.unsupported);
  }

  #register(serviceId: number, name: string, slots: Slots): boolean {
    const known = this.#names.get(name) ?? new Map<number, Slots>();
    if (!known.has(serviceId)) {
      if (this.#count >= this.#countMax) return false;
      this.#count++;
    }
    known.set(serviceId, slots);
    this.#names.set(name, known);
    return true;
  }
}

const MAGIC = [0x53, 0x4d, 0x01] as const;

/** The name of a LOOKUP or RESOLVE_STATUS that fills its frame exactly. */
function nameIn(frame: Uint8Array): string | undefined {
  const length = frame[4] ?? 0;
  if (length === 0 || length > SM_NAME_LENGTH_MAX || frame.length !== 5 + length) return undefined;
  return decodeUtf8(frame.subarray(5));
}

function answer(op: number, status: number, slots: Slots = { send: 0, recv: 0 }): Uint8Array {
  return new FrameBuilder(...MAGIC, op | 0x80, status).u32(slots.send).u32(slots.recv).done();
}
