import { fromHex } from '@nexus-net/sansio';
import { demand, type FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { planDs } from '../../src/os/local-ipc.js';

export const limits: FuzzLimits = { octetsMax: 1_100, costBase: 20_000, costPerOctet: 200, allocatedPerOctet: 40 };

/**
 * The first octet says how much of the rest is a local request; what follows is what the peer answers to it. There is one answer, it
 * repeats the op, and a request to the peer fits into a record.
 */
export function target(bytes: Uint8Array): void {
  const length = bytes[0] ?? 0;
  const frame = bytes.slice(1, 1 + length);
  const reply = bytes.slice(1 + length);
  for (const oversized of ['refuse', 'cut'] as const) {
    const plan = planDs(frame, { oversized });
    const answers =
      plan.type === 'answer'
        ? [plan.frame]
        : [
            plan.finish(undefined),
            plan.finish({ status: 1, payload: reply }),
            plan.finish({ status: 0, payload: reply.subarray(0, 512) }),
          ];
    if (plan.type === 'call') demand(plan.payload.length <= 256, 'a request fits into a record');
    for (const answer of answers) {
      demand(answer.length >= 5 && answer.length <= 7 + 512, 'an answer has a status and is bounded');
      demand(answer[3] === (plan.type === 'call' ? plan.op | 0x80 : (answer[3] as number) | 0x80), 'it repeats the op');
    }
  }
}

export function seeds(): Uint8Array[] {
  const of = (request: string, reply: string): Uint8Array => {
    const frame = fromHex(request);
    return Uint8Array.of(frame.length, ...frame, ...fromHex(reply));
  };
  return [
    of('445301010673616d677264', '534d0186000000000000000000'),
    of('44530102', '424e018100010000'),
    of('445301030770 6b673a2f61 62'.replaceAll(' ', ''), '504b01810013000000000000000000'),
    of('4453010501000000000000000300', '504b0183000300010203'),
    of('445301070400 53460105'.replaceAll(' ', ''), '5346018500'),
    of('4453017f', ''),
  ];
}
