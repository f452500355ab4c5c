import type { SfOutcome } from './sf.js';

/** On whose behalf something is asked. A remote caller is who the handshake proved, whatever the frame says. */
export type OsCaller =
  /** A process of this node, by its service id. */
  { readonly type: 'local'; readonly serviceId: number } | { readonly type: 'remote'; readonly deviceId: string };

/**
 * The services behind the gateway. Each call has its answer at once; `undefined` says that the service gives none, which the
 * gateway answers as the OS does where nothing came in time. They must not keep the octets that they are handed.
 */
export interface OsServices {
  readonly samgr?: SamgrService;
  readonly bundlemgr?: BundlemgrService;
  readonly packagefs?: PackagefsService;
  readonly statefs?: StatefsService;
}

/** samgrd: answers frames of SM v1. */
export interface SamgrService {
  handle(frame: Uint8Array, caller: OsCaller): Uint8Array | undefined;
}

/** bundlemgrd: answers frames of BN v1. */
export interface BundlemgrService {
  handle(frame: Uint8Array, caller: OsCaller): Uint8Array | undefined;
}

/** What packagefsd has at a path. */
export interface PackagefsEntry {
  readonly size: bigint;
  /** 0: file; anything else can't be served. */
  readonly kind: number;
  readonly bytes: Uint8Array;
}

export interface PackagefsService {
  /** `path` is canonical: no scheme, no empty, `.` or `..` segments. `failed`: it could not be read. */
  resolve(path: string, caller: OsCaller): PackagefsEntry | 'not-found' | 'failed' | undefined;
}

/** statefsd. Keys are canonical and inside of what remote callers may touch when they come through the gateway. */
export interface StatefsService {
  put(key: string, value: Uint8Array, caller: OsCaller): SfOutcome | undefined;
  get(key: string, caller: OsCaller): SfOutcome | undefined;
  delete(key: string, caller: OsCaller): SfOutcome | undefined;
  /** Keys that begin with `prefix`, in order, at most `limit`. */
  list(prefix: string, limit: number, caller: OsCaller): SfOutcome | undefined;
  sync(caller: OsCaller): SfOutcome | undefined;
}
