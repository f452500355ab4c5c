import { isBnList } from './bn.js';
import { type PkAnswer, PkServer } from './pk-server.js';
import type { OsCaller, OsServices } from './services.js';
import {
  encodeSfOutcome,
  encodeSfReject,
  parseRemoteSf,
  SF_OP,
  SF_STATUS,
  type SfFrame,
  type SfOutcome,
  type SfReject,
  sfAuditLine,
  sfOpOf,
} from './sf.js';
import { isSmResolve } from './sm.js';

/** What a request record is for, once the mux ladder is through. */
export const OS_SERVICE_KIND = { samgrd: 1, bundlemgrd: 2, packagefsd: 3, statefsd: 4 } as const;

export type OsServiceName = keyof typeof OS_SERVICE_KIND;

/** Status of a response record. */
export const OS_RESPONSE_STATUS = { ok: 0, failed: 1 } as const;

export type OsDenial =
  /** No service has this kind. */
  | 'unknown-service'
  /** The one operation that a remote peer may ask of the service is another. */
  | 'operation-not-allowed'
  /** The record says more octets than it carries. */
  | 'oversized'
  /** The frame of packagefs or statefs was refused; `detail` says why. */
  | 'refused';

/** One decision of the gateway: there is exactly one for each request. */
export interface OsAudit {
  readonly caller: OsCaller;
  readonly kind: number;
  readonly service: OsServiceName | undefined;
  /** The op octet of the frame, where it has one. */
  readonly op: number | undefined;
  readonly decision: 'allowed' | 'denied';
  readonly denial?: OsDenial;
  readonly detail?: string;
  /** Did the service answer, and for packagefs and statefs: with which status? Absent where it was not asked. */
  readonly outcome?: { readonly answered: boolean; readonly status?: number };
  /** What the OS logs of a PUT or DELETE. */
  readonly line?: string;
}

export interface OsAnswer {
  /** Of {@link OS_RESPONSE_STATUS}. */
  readonly status: number;
  /** At most 512 octets. */
  readonly payload: Uint8Array;
  readonly audit: OsAudit;
}

export const OS_REQUEST_LENGTH_MAX = 256;
export const OS_RESPONSE_LENGTH_MAX = 512;

/**
 * The gateway of one session: what a remote peer asks of this node's services. Whatever is not listed here is denied: the OS passes
 * on every frame of samgrd and bundlemgrd under its own identity (flaw F4), we let through RESOLVE_STATUS and LIST. The services are
 * told who asks: the device whose handshake proved it, whatever the frame says.
 */
export class OsGateway {
  readonly #services: OsServices;
  readonly #caller: OsCaller;
  readonly #packagefs: PkServer;

  constructor({ services, caller }: { readonly services: OsServices; readonly caller: OsCaller }) {
    this.#services = services;
    this.#caller = caller;
    this.#packagefs = new PkServer(services.packagefs, caller);
  }

  /** Open files of the session. */
  get openCount(): number {
    return this.#packagefs.openCount;
  }

  /** Answers one request: always, once, and with one audit. */
  handle(kind: number, payload: Uint8Array): OsAnswer {
    const service = SERVICE_OF.get(kind);
    if (service === undefined) return this.deny(kind, 'unknown-service', payload);
    if (payload.length > OS_REQUEST_LENGTH_MAX) return this.deny(kind, 'oversized', payload);
    switch (service) {
      case 'samgrd':
        return isSmResolve(payload)
          ? this.#passedOn(kind, payload, this.#services.samgr?.handle(payload, this.#caller))
          : this.deny(kind, 'operation-not-allowed', payload);
      case 'bundlemgrd':
        return isBnList(payload)
          ? this.#passedOn(kind, payload, this.#services.bundlemgr?.handle(payload, this.#caller))
          : this.deny(kind, 'operation-not-allowed', payload);
      case 'packagefsd':
        return this.#ofPackagefs(payload, this.#packagefs.handle(payload));
      case 'statefsd':
        return this.#ofStatefs(payload);
    }
  }

  /** The answer to a request that is not even looked at. */
  deny(kind: number, denial: OsDenial, payload: Uint8Array = NOTHING): OsAnswer {
    const audit = this.#audit(kind, payload, { decision: 'denied', denial });
    return { status: OS_RESPONSE_STATUS.failed, payload: NOTHING, audit };
  }

  #audit(kind: number, payload: Uint8Array, rest: Omit<OsAudit, 'caller' | 'kind' | 'service' | 'op'>): OsAudit {
    return { caller: this.#caller, kind, service: SERVICE_OF.get(kind), op: payload[3], ...rest };
  }

  #passedOn(kind: number, request: Uint8Array, reply: Uint8Array | undefined): OsAnswer {
    const fits = reply !== undefined && reply.length <= OS_RESPONSE_LENGTH_MAX;
    const audit = this.#audit(kind, request, {
      decision: 'allowed',
      ...(reply !== undefined && !fits ? { detail: 'reply-oversized' } : {}),
      outcome: { answered: fits },
    });
    return fits
      ? { status: OS_RESPONSE_STATUS.ok, payload: reply.slice(), audit }
      : { status: OS_RESPONSE_STATUS.failed, payload: NOTHING, audit };
  }

  #ofPackagefs(request: Uint8Array, { payload, status, reject }: PkAnswer): OsAnswer {
    const audit = this.#audit(
      OS_SERVICE_KIND.packagefsd,
      request,
      reject === undefined
        ? { decision: 'allowed', outcome: { answered: true, status } }
        : { decision: 'denied', denial: 'refused', detail: reject },
    );
    return { status: OS_RESPONSE_STATUS.ok, payload, audit };
  }

  #ofStatefs(request: Uint8Array): OsAnswer {
    const parsed = parseRemoteSf(request, { authenticated: true });
    if (!parsed.ok) return this.#statefsRefused(request, parsed.error);
    const outcome = this.#askStatefs(parsed.value);
    // What the OS answers where statefsd gave no reply in time.
    const { status } = outcome ?? { status: SF_STATUS.io };
    const line = sfAuditLine(SF_OP[parsed.value.request.op], { status });
    const audit = this.#audit(OS_SERVICE_KIND.statefsd, request, {
      decision: 'allowed',
      outcome: { answered: outcome !== undefined, status },
      ...(line === undefined ? {} : { line }),
    });
    return { status: OS_RESPONSE_STATUS.ok, payload: encodeSfOutcome(parsed.value, outcome ?? { status }), audit };
  }

  #statefsRefused(request: Uint8Array, reject: SfReject): OsAnswer {
    const op = sfOpOf(request);
    const line = sfAuditLine(op, reject);
    const audit = this.#audit(OS_SERVICE_KIND.statefsd, request, {
      decision: 'denied',
      denial: 'refused',
      detail: reject,
      ...(line === undefined ? {} : { line }),
    });
    return { status: OS_RESPONSE_STATUS.ok, payload: encodeSfReject(op, reject), audit };
  }

  #askStatefs({ request }: SfFrame): SfOutcome | undefined {
    const { statefs } = this.#services;
    switch (request.op) {
      case 'put':
        return statefs?.put(request.key, request.value, this.#caller);
      case 'get':
        return statefs?.get(request.key, this.#caller);
      case 'delete':
        return statefs?.delete(request.key, this.#caller);
      case 'list':
        return statefs?.list(request.prefix, request.limit, this.#caller);
      case 'sync':
        return statefs?.sync(this.#caller);
      case 'reopen':
        return undefined; // refused before
    }
  }
}

const SERVICE_OF: ReadonlyMap<number, OsServiceName> = new Map(
  Object.entries(OS_SERVICE_KIND).map(([name, kind]) => [kind, name as OsServiceName]),
);
const NOTHING = new Uint8Array(0);
