import type { GatewayAnswer, GatewayRequest } from '@nexus-net/dsoftbus';
import { bytesEqual, toHex } from '@nexus-net/sansio';

/** What the self-test does next: asks the peer's gateway, says that something was shown, or that it failed. */
export type SelftestStep =
  | { readonly type: 'ask'; readonly request: GatewayRequest }
  | { readonly type: 'shown'; readonly marker: SelftestMarker }
  | { readonly type: 'failed'; readonly line: string };

export type SelftestMarker = 'dsoftbus-os-session-ok' | 'dsoftbus-os-connect-ok' | 'dsoftbus-ping-ok';

/**
 * Uses the session as a program does: finds a service, asks for the bundles, writes a nonce and reads it back, reads a file of
 * the package image. Each step waits for the answer to the one before. `nonce`: drawn for this run, so that no old answer fits.
 */
export function* selftest(nonce: Uint8Array): Generator<SelftestStep, void, GatewayAnswer | undefined> {
  const connect = 'SELFTEST: dsoftbus os connect FAIL';
  const ping = 'SELFTEST: dsoftbus ping FAIL';
  const samgrd = yield* ask({ service: 'samgr', operation: 'resolve', name: 'samgrd' });
  if (samgrd.status !== 'ok') return yield* fail(connect, 'samgrd', samgrd);
  yield { type: 'shown', marker: 'dsoftbus-os-session-ok' };
  const bundles = yield* ask({ service: 'bundlemgr', operation: 'query' });
  if (bundles.status !== 'ok' || bundles.value.type !== 'count' || bundles.value.count === 0)
    return yield* fail(connect, 'bundlemgrd', bundles);
  yield { type: 'shown', marker: 'dsoftbus-os-connect-ok' };

  const key = `/state/shared/selftest-${toHex(nonce.subarray(0, 4))}`;
  const put = yield* ask({ service: 'statefs', operation: 'put', key, value: nonce });
  if (put.status !== 'ok') return yield* fail(ping, 'statefs put', put);
  const got = yield* ask({ service: 'statefs', operation: 'get', key });
  if (got.status !== 'ok' || got.value.type !== 'octets' || !bytesEqual(got.value.bytes, nonce))
    return yield* fail(ping, 'statefs get', got);
  const stat = yield* ask({ service: 'packagefs', operation: 'stat', path: SELFTEST_FILE });
  if (stat.status !== 'ok' || stat.value.type !== 'entry') return yield* fail(ping, 'packagefs stat', stat);
  const { size } = stat.value;
  const opened = yield* ask({ service: 'packagefs', operation: 'open', path: SELFTEST_FILE });
  if (opened.status !== 'ok' || opened.value.type !== 'handle') return yield* fail(ping, 'packagefs open', opened);
  const { handle } = opened.value;
  let read = 0;
  while (read < size) {
    const part = yield* ask({ service: 'packagefs', operation: 'read', handle, offset: read, length: READ_LENGTH });
    if (part.status !== 'ok' || part.value.type !== 'octets' || part.value.bytes.length === 0)
      return yield* fail(ping, 'packagefs read', part);
    read += part.value.bytes.length;
  }
  const closed = yield* ask({ service: 'packagefs', operation: 'close', handle });
  if (closed.status !== 'ok' || read !== size) return yield* fail(ping, 'packagefs close', closed);
  yield { type: 'shown', marker: 'dsoftbus-ping-ok' };
}

function* ask(request: GatewayRequest): Generator<SelftestStep, GatewayAnswer, GatewayAnswer | undefined> {
  return (yield { type: 'ask', request }) ?? { status: 'lost' };
}

function* fail(twin: string, step: string, { status }: GatewayAnswer): Generator<SelftestStep, void, GatewayAnswer | undefined> {
  yield { type: 'failed', line: `${twin} ${step}: ${status === 'ok' ? 'wrong value' : status}` };
}

/** A file that every package image of ours has. */
export const SELFTEST_FILE = 'pkg:/system/build.prop';

/** Octets of one read: as many as the dialect `os` takes. */
export const READ_LENGTH = 128;
