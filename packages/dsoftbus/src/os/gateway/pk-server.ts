import {
  encodePkOpen,
  encodePkRead,
  encodePkStat,
  encodePkStatus,
  isServable,
  PK_OP,
  PK_REJECT_STATUS,
  PK_STATUS,
  type PkReject,
  type PkRequest,
  parsePkRequest,
  pkOpOf,
} from './pk.js';
import type { OsCaller, PackagefsEntry, PackagefsService } from './services.js';

export interface PkAnswer {
  readonly op: PkRequest['op'] | undefined;
  /** Of {@link PK_STATUS}. */
  readonly status: number;
  readonly reject: PkReject | undefined;
  readonly payload: Uint8Array;
}

/** Open files of one session at most. */
export const PK_HANDLE_COUNT_MAX = 8;

/** packagefs for one session: its open files, read only. */
export class PkServer {
  readonly #service: PackagefsService | undefined;
  readonly #caller: OsCaller;
  readonly #handles = new Map<number, Uint8Array>();
  #nextHandle: number;

  /** Without a service every request that can be read is answered with 9 (io). */
  constructor(service: PackagefsService | undefined, caller: OsCaller, firstHandle = 1) {
    this.#service = service;
    this.#caller = caller;
    this.#nextHandle = firstHandle;
  }

  get openCount(): number {
    return this.#handles.size;
  }

  handle(frame: Uint8Array): PkAnswer {
    const parsed = parsePkRequest(frame, { authenticated: true });
    if (!parsed.ok) {
      const status = PK_REJECT_STATUS[parsed.error];
      return { op: undefined, status, reject: parsed.error, payload: encodePkStatus(pkOpOf(frame), status) };
    }
    return { op: parsed.value.op, reject: undefined, ...this.#answer(parsed.value) };
  }

  #answer(request: PkRequest): { readonly status: number; readonly payload: Uint8Array } {
    switch (request.op) {
      case 'stat': {
        const entry = this.#resolve(request.path);
        return typeof entry === 'number'
          ? { status: entry, payload: encodePkStat(entry) }
          : { status: PK_STATUS.ok, payload: encodePkStat(PK_STATUS.ok, entry.size, entry.kind) };
      }
      case 'open': {
        const opened = this.#open(request.path);
        return { status: opened.status, payload: encodePkOpen(opened.status, opened.handle) };
      }
      case 'read': {
        const bytes = this.#handles.get(request.handle);
        if (bytes === undefined) return { status: PK_STATUS.badHandle, payload: encodePkRead(PK_STATUS.badHandle) };
        const part = bytes.subarray(request.offset, request.offset + request.length);
        return { status: PK_STATUS.ok, payload: encodePkRead(PK_STATUS.ok, part) };
      }
      case 'close': {
        const status = this.#handles.delete(request.handle) ? PK_STATUS.ok : PK_STATUS.badHandle;
        return { status, payload: encodePkStatus(PK_OP.close, status) };
      }
    }
  }

  #open(path: string): { readonly status: number; readonly handle: number } {
    if (this.#handles.size >= PK_HANDLE_COUNT_MAX) return { status: PK_STATUS.handleLimit, handle: 0 };
    const entry = this.#resolve(path);
    if (typeof entry === 'number') return { status: entry, handle: 0 };
    const handle = this.#allocate();
    this.#handles.set(handle, entry.bytes.slice());
    return { status: PK_STATUS.ok, handle };
  }

  /** Counts up, skips 0, and doesn't use a number again at once. At most eight are taken, so this ends. */
  #allocate(): number {
    let handle = this.#nextHandle;
    while (handle === 0 || this.#handles.has(handle)) handle = (handle + 1) >>> 0;
    this.#nextHandle = (handle + 1) >>> 0;
    return handle;
  }

  #resolve(path: string): PackagefsEntry | number {
    const entry = this.#service?.resolve(path, this.#caller);
    if (entry === undefined || entry === 'failed') return PK_STATUS.io;
    if (entry === 'not-found') return PK_STATUS.notFound;
    return isServable(entry) ? entry : PK_STATUS.io;
  }
}
