import { decodeMuxBatch, decodeMuxEvents, encodeMuxBatch, encodeMuxEvents, MuxV2Session } from '@nexus-net/dsoftbus';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CodecVector, codecProblem, type MuxV2Vector, muxV2Problem } from '../../../conformance/runners/dsoftbus-mux.js';
import { runs } from '../../sansio/test/support/runs.js';
import { muxV2Event } from './support/mux-v2-arbitraries.js';
import vectors from './vectors/mux-v2.json' with { type: 'json' };

describe('what upstream answers', () => {
  test.each(vectors.state as readonly MuxV2Vector[])('state: $name', (vector) => expect(muxV2Problem(vector)).toBeUndefined());

  test.each(vectors.batch as readonly CodecVector[])('batch MX: $op $name', (vector) =>
    expect(codecProblem(vector, decodeMuxBatch, encodeMuxBatch)).toBeUndefined(),
  );

  test.each(vectors.events as readonly CodecVector[])('events: $op $name', (vector) =>
    expect(codecProblem(vector, decodeMuxEvents, (events) => ({ ok: true, value: encodeMuxEvents(events) }))).toBeUndefined(),
  );
});

test('nothing but keepalive works before the session is authenticated', () => {
  const session = new MuxV2Session({ authenticated: false });
  const refused = { ok: false, error: 'mux.reject.unauthenticated_session' };
  expect(session.open({ streamId: 1, priority: 0, credit: 1 })).toEqual(refused);
  expect(session.send(1, 0)).toEqual(refused);
  expect(session.transition(1, 'reset')).toEqual(refused);
  expect(session.windowUpdate(1, 1n)).toEqual(refused);
  expect(session.handleFrame(1, 0, { type: 'ping' })).toEqual(refused);
  expect(session.keepaliveTick(3)).toBe('send-ping');
});

test('the least delta is the 0 that the cast makes of it', () => {
  const session = new MuxV2Session({ authenticated: true });
  session.open({ streamId: 1, priority: 0, credit: 5 });
  expect(session.windowUpdate(1, -(2n ** 63n))).toEqual({ ok: true, value: 5 });
});

test('property: decode(encode(events)) = events, for all eight kinds', () => {
  fc.assert(
    fc.property(fc.array(muxV2Event(), { maxLength: 6 }), (events) => {
      expect(decodeMuxEvents(encodeMuxEvents(events))).toEqual({ ok: true, value: events });
    }),
    { numRuns: runs(24) },
  );
});

test('property: what a batch takes comes back from it, and any octets give a value or a reject', () => {
  const inBatch = muxV2Event().filter(({ type }) => type === 'open' || type === 'open-ack' || type === 'data');
  fc.assert(
    fc.property(fc.array(inBatch, { maxLength: 9 }), fc.uint8Array({ maxLength: 64 }), (events, noise) => {
      const batch = encodeMuxBatch(events);
      if (batch.ok) expect(decodeMuxBatch(batch.value)).toEqual({ ok: true, value: events });
      const header = Uint8Array.of(0x4d, 0x58, 1, ...noise);
      const decoded = decodeMuxBatch(header);
      if (decoded.ok) expect(encodeMuxBatch(decoded.value)).toEqual({ ok: true, value: header });
      else expect(decoded.error).toMatch(/^mux-batch-/);
      expect(() => decodeMuxEvents(noise)).not.toThrow();
    }),
    { numRuns: runs(24) },
  );
});
