import { ipv4FromU32 } from '@nexus-net/sansio';
import type { FuzzLimits, FuzzModule } from '../../../sansio/test/support/fuzz.js';
import { decodeIgmp, encodeIgmp, type IgmpMessage } from '../../src/igmp.js';
import { codecLaws } from '../support/fuzz-codec.js';

const laws: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<IgmpMessage>({
  decode: (bytes) => decodeIgmp(bytes, { checksum: 'ignore' }), // or else nothing that was changed gets past the checksum
  encode: encodeIgmp,
  verify: (bytes) => decodeIgmp(bytes),
});
export const target: FuzzModule['target'] = laws.target;
export const strict: FuzzModule['target'] = laws.strict;
export const limits: FuzzLimits = { octetsMax: 512, costBase: 1000, costPerOctet: 60 };

/** One of each kind. */
export function seeds(): Uint8Array[] {
  const group = ipv4FromU32(0xe00000fb);
  const sources = [ipv4FromU32(0x0a000202), ipv4FromU32(0x0a00020f)];
  return [
    encodeIgmp({ type: 'query', maxResponseCode: 100, group, v3: { suppress: true, robustness: 2, intervalCode: 125, sources } }),
    encodeIgmp({ type: 'query', maxResponseCode: 0, group }),
    encodeIgmp({ type: 'report', version: 2, group }),
    encodeIgmp({ type: 'leave', group }),
    encodeIgmp({
      type: 'report-v3',
      records: [
        { recordType: 4, group, sources: [] },
        { recordType: 1, group, sources },
      ],
    }),
  ];
}
