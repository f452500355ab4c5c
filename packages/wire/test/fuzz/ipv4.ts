import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import { decodeIpv4, encodeIpv4, type Ipv4Packet } from '../../src/ipv4.js';
import { codecLaws } from '../support/fuzz-codec.js';

const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<Ipv4Packet>({
  decode: (bytes) => decodeIpv4(bytes, { checksum: 'ignore' }), // or else nothing that was changed gets past the checksum
  encode: encodeIpv4,
  verify: (bytes) => decodeIpv4(bytes),
});
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
export const limits: FuzzLimits = { octetsMax: 512, costBase: 1000, costPerOctet: 30 };
