import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import { decodeArp, encodeArp } from '../../src/arp.js';
import { codecLaws } from '../support/fuzz-codec.js';

const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws({ decode: decodeArp, encode: encodeArp });
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
export const limits: FuzzLimits = { octetsMax: 128, costBase: 1000, costPerOctet: 30 };
