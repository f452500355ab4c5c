import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import { decodeIcmpv4, encodeIcmpv4, type Icmpv4Message } from '../../src/icmpv4.js';
import { codecLaws } from '../support/fuzz-codec.js';

const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<Icmpv4Message>({
  decode: (bytes) => decodeIcmpv4(bytes, { checksum: 'ignore' }), // or else nothing that was changed gets past the checksum
  encode: encodeIcmpv4,
  verify: (bytes) => decodeIcmpv4(bytes),
});
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
export const limits: FuzzLimits = { octetsMax: 512, costBase: 1000, costPerOctet: 60 };
