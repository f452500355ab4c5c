import { ipv4FromU32 } from '@nexus-net/sansio';
import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import type { PseudoHeader } from '../../src/checksum.js';
import { decodeTcp, encodeTcp, type TcpSegment } from '../../src/tcp.js';
import { codecLaws } from '../support/fuzz-codec.js';

const PSEUDO: PseudoHeader = { source: ipv4FromU32(0x0a00020f), destination: ipv4FromU32(0x0a000202) };
const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<TcpSegment>({
  decode: (bytes) => decodeTcp(bytes, PSEUDO, { checksum: 'ignore' }), // or else nothing that was changed gets past the checksum
  encode: (value) => encodeTcp(value, PSEUDO),
  verify: (bytes) => decodeTcp(bytes, PSEUDO),
});
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
export const limits: FuzzLimits = { octetsMax: 512, costBase: 1000, costPerOctet: 60 };

/** Every option in one segment. */
export function seeds(): Uint8Array[] {
  const flags = { fin: false, syn: true, rst: false, psh: false, ack: true, urg: false, ece: false, cwr: false };
  const head = {
    sourcePort: 49_152,
    destinationPort: 80,
    sequence: 1,
    acknowledgment: 2,
    flags,
    window: 64_240,
    urgentPointer: 0,
  };
  const payload = new Uint8Array(4);
  const sack = { type: 'sack', blocks: [{ left: 1, right: 9 }] } as const;
  const timestamps = { type: 'timestamps', value: 1, echo: 2 } as const;
  const options = [{ type: 'mss', octets: 1460 }, { type: 'sack-permitted' }, timestamps, { type: 'nop' }] as const;
  return [
    encodeTcp({ ...head, options: [...options, { type: 'window-scale', shift: 7 }], payload }, PSEUDO),
    encodeTcp({ ...head, options: [sack, timestamps, { type: 'other', kind: 254, value: payload }], payload }, PSEUDO),
  ];
}
