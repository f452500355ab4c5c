import type { GatewayAnswer, GatewayRequest } from '@nexus-net/dsoftbus';
import { bytesEqual, toHex } from '@nexus-net/sansio';
import type { CrossVmNodeName } from '../../nexus-config.js';
import { READ_LENGTH, SELFTEST_FILE } from '../selftest.js';

/** What the proof does next: asks the peer's gateway, says that something was shown, or that it failed. */
export type RemoteStep =
  | { readonly type: 'ask'; readonly request: GatewayRequest }
  | { readonly type: 'shown'; readonly marker: RemoteMarker }
  | { readonly type: 'failed'; readonly line: string };

export type RemoteMarker =
  | 'remote-resolve-ok'
  | 'remote-query-ok'
  | 'remote-statefs-ok'
  | 'remote-pkgfs-stat-ok'
  | 'remote-pkgfs-open-ok'
  | 'remote-pkgfs-read-step-ok'
  | 'remote-pkgfs-close-ok'
  | 'remote-pkgfs-read-ok'
  | 'remote-statefs-persist-ok';

type Steps<Result = void> = Generator<RemoteStep, Result, GatewayAnswer | undefined>;

/** Where node-b writes what it calls its present life: 16 octets, drawn at its start. */
export function bootKey(node: CrossVmNodeName): string {
  return `/state/shared/boot/${node}`;
}

/**
 * Uses the services of the peer, one question after the other. A part whose answer is lost begins anew when the peer can be asked
 * again; an answer that says no ends the proof. What was written is looked after from then on: a peer that has restarted since, which
 * its `bootKey` says, has to have it still. A peer without that key counts as restarted with each new session.
 */
export class RemoteProof {
  readonly #nonce: Uint8Array;
  readonly #peer: CrossVmNodeName;
  readonly #parts: readonly (() => Steps)[];
  #next = 0;
  #running: { readonly steps: Steps; readonly isPart: boolean } | undefined;
  #isWatchDue = false;
  /** The life of the peer in which our value was written, or in which it was last found. */
  #boot: Uint8Array | undefined;
  #isWritten = false;
  /** There was a new session since the last look. */
  #isReconnected = false;
  #isPersistenceKnown = false;
  #hasFailed = false;

  /** `nonce`: 32 octets, drawn for this run, so that no old value fits. */
  constructor({ nonce, peer }: { readonly nonce: Uint8Array; readonly peer: CrossVmNodeName }) {
    this.#nonce = nonce;
    this.#peer = peer;
    this.#parts = [() => this.#resolve(), () => this.#query(), () => this.#statefs(), () => this.#packagefs()];
  }

  /** An answer was no: nothing more is asked. */
  get isOver(): boolean {
    return this.#hasFailed;
  }

  /** A new session: what was being asked is asked anew. */
  handleSession(): void {
    this.#running = undefined;
    if (!this.#isWritten) return;
    this.#isReconnected = true;
    this.#isWatchDue = true;
  }

  /** The question could not be asked, or gets no answer any more: its part begins anew with the next `advance`. */
  handleLost(): void {
    this.#running = undefined;
  }

  /** It is time to look after what was written. */
  handleWatch(): void {
    this.#isWatchDue = this.#isWritten;
  }

  /** The next step, with the answer to the question before it; `undefined`: nothing to do for now. */
  advance(answer?: GatewayAnswer): RemoteStep | undefined {
    if (answer?.status === 'lost' || answer?.status === 'no-answer') this.handleLost();
    let given = this.#running === undefined ? undefined : answer;
    while (!this.#hasFailed) {
      const running = this.#running ?? this.#begin();
      if (running === undefined) return undefined;
      this.#running = running;
      const step = running.steps.next(given);
      given = undefined;
      if (!step.done) {
        if (step.value.type === 'failed' && running.isPart) this.#hasFailed = true;
        return step.value;
      }
      this.#running = undefined;
      if (running.isPart) this.#next++;
      else this.#isWatchDue = false;
    }
    return undefined;
  }

  #begin(): { readonly steps: Steps; readonly isPart: boolean } | undefined {
    if (this.#isWatchDue) return { steps: this.#watch(), isPart: false };
    const part = this.#parts[this.#next];
    return part === undefined ? undefined : { steps: part(), isPart: true };
  }

  *#resolve(): Steps {
    const samgrd = yield* ask({ service: 'samgr', operation: 'resolve', name: 'samgrd' });
    if (samgrd.status === 'ok') yield shown('remote-resolve-ok');
    else yield* fail('remote resolve', 'samgrd', samgrd);
  }

  *#query(): Steps {
    const bundles = yield* ask({ service: 'bundlemgr', operation: 'query' });
    const isGood = bundles.status === 'ok' && bundles.value.type === 'count' && bundles.value.count > 0;
    if (isGood) yield shown('remote-query-ok');
    else yield* fail('remote query', 'bundlemgrd', bundles);
  }

  *#statefs(): Steps {
    this.#boot = octetsOf(yield* ask({ service: 'statefs', operation: 'get', key: bootKey(this.#peer) }));
    const put = yield* ask({ service: 'statefs', operation: 'put', key: this.#key, value: this.#nonce });
    if (put.status !== 'ok') return yield* fail('remote statefs rw', 'put', put);
    const got = yield* ask({ service: 'statefs', operation: 'get', key: this.#key });
    if (!this.#isOurs(got)) return yield* fail('remote statefs rw', 'get', got);
    this.#isWritten = true;
    yield shown('remote-statefs-ok');
  }

  *#packagefs(): Steps {
    const stat = yield* ask({ service: 'packagefs', operation: 'stat', path: SELFTEST_FILE });
    if (stat.status !== 'ok' || stat.value.type !== 'entry' || stat.value.kind !== 'file')
      return yield* fail('remote pkgfs stat', 'packagefs', stat);
    const { size } = stat.value;
    yield shown('remote-pkgfs-stat-ok');
    const opened = yield* ask({ service: 'packagefs', operation: 'open', path: SELFTEST_FILE });
    if (opened.status !== 'ok' || opened.value.type !== 'handle') return yield* fail('remote pkgfs open', 'packagefs', opened);
    const { handle } = opened.value;
    yield shown('remote-pkgfs-open-ok');
    let read = 0;
    while (read < size) {
      const part = yield* ask({ service: 'packagefs', operation: 'read', handle, offset: read, length: READ_LENGTH });
      const count = octetsOf(part)?.length ?? 0;
      if (count === 0 || read + count > size) return yield* fail('remote pkgfs read step', 'packagefs', part);
      read += count;
      yield shown('remote-pkgfs-read-step-ok');
    }
    const closed = yield* ask({ service: 'packagefs', operation: 'close', handle });
    if (closed.status !== 'ok') return yield* fail('remote pkgfs close', 'packagefs', closed);
    yield shown('remote-pkgfs-close-ok');
    if (size > 0) yield shown('remote-pkgfs-read-ok');
    else yield* fail('remote pkgfs read', 'empty', closed);
  }

  /** Also what keeps a session alive that has nothing of its own for it. */
  *#watch(): Steps {
    const boot = octetsOf(yield* ask({ service: 'statefs', operation: 'get', key: bootKey(this.#peer) }));
    const isSame = boot === undefined || this.#boot === undefined ? boot === this.#boot : bytesEqual(boot, this.#boot);
    if (!isSame || (boot === undefined && this.#isReconnected)) {
      yield* this.#findAgain();
      this.#next = 0; // a node that begins anew is used anew: it has lines of its own to show
    }
    this.#boot = boot;
    this.#isReconnected = false;
  }

  *#findAgain(): Steps {
    if (this.#isPersistenceKnown) return;
    const got = yield* ask({ service: 'statefs', operation: 'get', key: this.#key });
    this.#isPersistenceKnown = true;
    if (this.#isOurs(got)) yield shown('remote-statefs-persist-ok');
    else yield* fail('remote statefs persist', 'get', got);
  }

  get #key(): string {
    return `/state/shared/selftest-${toHex(this.#nonce.subarray(0, 4))}`;
  }

  #isOurs(answer: GatewayAnswer): boolean {
    const octets = octetsOf(answer);
    return octets !== undefined && bytesEqual(octets, this.#nonce);
  }
}

function* ask(request: GatewayRequest): Steps<GatewayAnswer> {
  return (yield { type: 'ask', request }) ?? { status: 'lost' };
}

function shown(marker: RemoteMarker): RemoteStep {
  return { type: 'shown', marker };
}

function* fail(what: string, step: string, { status }: GatewayAnswer): Steps {
  yield { type: 'failed', line: `SELFTEST: ${what} FAIL ${step}: ${status === 'ok' ? 'wrong value' : status}` };
}

function octetsOf(answer: GatewayAnswer): Uint8Array | undefined {
  return answer.status === 'ok' && answer.value.type === 'octets' ? answer.value.bytes : undefined;
}
