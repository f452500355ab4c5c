import { describeFact, dissect, type Witness } from '@nexus-net/wire';
import { demand, drain, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import type { WitnessOptions, WitnessSnapshot } from '../../src/index.js';
import { drawFrame } from './fuzz-frames.js';

export const SMALL_TABLES: Required<Pick<WitnessOptions, 'exchangeCountMax'>> = { exchangeCountMax: 16 };

/**
 * The laws of a witness. The octets are frames. Whatever comes: each fact and violation names frames that were seen,
 * ascending, the last of them the present one; facts can be described; the table keeps to its limit.
 */
export function witnessLaws(witness: Witness & { inspect(): WitnessSnapshot }, bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  let now = 0;
  for (let number = 1; !script.isAtEnd; number++) {
    now += script.u8() * 100;
    const frame = drawFrame(script);
    witness.handleFrame(now, { number, at: now, bytes: frame, layers: dissect(frame) });
    for (const event of drain(() => witness.pollEvent(), 32)) {
      const { frames, at } = event.type === 'fact' ? event.fact : event.violation;
      demand(frames.at(-1) === number && at === now, 'the last frame proves it');
      demand(
        frames.every((each, i) => each >= 1 && each > (frames[i - 1] ?? 0)),
        'frames ascend',
      );
      if (event.type === 'fact') {
        const described = Object.values(describeFact(event.fact));
        demand(!described.some((value) => value === '' || Number.isNaN(value)), 'a fact has all of its details');
      } else demand(event.violation.message !== '' && event.violation.reference !== '', 'a violation says what is wrong');
    }
    demand(witness.inspect().remembered <= SMALL_TABLES.exchangeCountMax, 'the table keeps to its limit');
    demand(witness.nextTimeout() > now, 'what is due has been done');
  }
}
