import { ipv4FromU32 } from '@nexus-net/sansio';
import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import type { PseudoHeader } from '../../src/checksum.js';
import { decodeUdp, encodeUdp, type UdpDatagram } from '../../src/udp.js';
import { codecLaws } from '../support/fuzz-codec.js';

const PSEUDO: PseudoHeader = { source: ipv4FromU32(0x0a00020f), destination: ipv4FromU32(0x0a000202) };
const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<UdpDatagram>({
  decode: (bytes) => decodeUdp(bytes, PSEUDO, { checksum: 'ignore' }), // or else nothing that was changed gets past the checksum
  encode: (value) => encodeUdp(value, PSEUDO),
  verify: (bytes) => decodeUdp(bytes, PSEUDO),
});
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
export const limits: FuzzLimits = { octetsMax: 512, costBase: 1000, costPerOctet: 60 };
