import { isMuxV2StreamName, type MuxV2Event } from '@nexus-net/dsoftbus';
import fc from 'fast-check';
import { anyText } from '../../../sansio/test/support/text.js';

export function muxV2Event(): fc.Arbitrary<MuxV2Event> {
  const base = { streamId: fc.integer({ min: 1, max: 0xffff_ffff }), priority: fc.integer({ min: 0, max: 7 }) };
  const bare = (type: 'open-ack' | 'rst' | 'ping' | 'pong' | 'close') => fc.record({ ...base, type: fc.constant(type) });
  return fc.oneof(
    fc.record({
      ...base,
      type: fc.constant('open' as const),
      name: anyText({ minLength: 1, maxLength: 16 }).filter(isMuxV2StreamName),
    }),
    fc.record({ ...base, type: fc.constant('data' as const), length: fc.integer({ min: 0, max: 0xffff }) }),
    fc.record({
      ...base,
      type: fc.constant('window-update' as const),
      delta: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    }),
    bare('open-ack'),
    bare('rst'),
    bare('close'),
    bare('ping'),
    bare('pong'),
  );
}
