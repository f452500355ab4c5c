import type { Result } from '@nexus-net/sansio';
import { demand, type FuzzLimits, isSame } from '../../../sansio/test/support/fuzz.js';
import type { Capture, CapturedPacket } from '../../src/capture.js';
import { decodeCapture } from '../../src/decode-capture.js';
import { encodePcap } from '../../src/pcap.js';
import { encodePcapng } from '../../src/pcapng-writer.js';
import { surroundingsPlayNoPart } from '../support/fuzz-codec.js';

export const limits: FuzzLimits = { octetsMax: 1024, costBase: 5000, costPerOctet: 200 };

/** A file that was read is the same after it was written in either format, as far as that format holds it. */
export function target(bytes: Uint8Array): void {
  const decoded = decodeCapture(bytes);
  if (!decoded.ok) return;
  const { interfaces, packets, end } = decoded.value;
  let octets = 0;
  for (const packet of packets) {
    octets += packet.bytes.length;
    demand(packet.interfaceId < interfaces.length, 'a packet is of an interface of the file');
  }
  demand(octets <= bytes.length, 'packets do not overlap');
  demand(end === undefined || (end.offset <= bytes.length && end.afterPacket === packets.length), 'the end is in the file');

  const writable = packets.filter(({ timestampNs }) => timestampNs >= 0n && timestampNs < 2n ** 64n);
  const whole = reread(decodeCapture(encodePcapng({ interfaces, packets: writable })));
  demand(isSame(whole.interfaces, interfaces), 'interfaces survive pcapng');
  demand(isSame(whole.packets, writable), 'packets survive pcapng');

  const plain = writable.filter((packet) => packet.timestampNs < 2n ** 32n * 1_000_000_000n).map(withoutExtras);
  const bare = reread(decodeCapture(encodePcap({ packets: plain })));
  demand(isSame(bare.packets, plain), 'packets survive pcap');
}

export function strict(bytes: Uint8Array): void {
  surroundingsPlayNoPart(decodeCapture, bytes);
}

function reread(decoded: Result<Capture, string>): Capture {
  demand(decoded.ok && decoded.value.end === undefined, 'what was written can be read to its end');
  return decoded.value;
}

function withoutExtras({ at, timestampNs, originalLength, bytes }: CapturedPacket): CapturedPacket {
  return { at, timestampNs, interfaceId: 0, originalLength, bytes };
}

/** One small file of each format. */
export function seeds(): Uint8Array[] {
  const bytes = Uint8Array.of(1, 2, 3);
  const packets = [
    { at: 1_700_000_000_000.5, bytes, comment: 'a packet', flags: 1 },
    { at: 0, bytes, originalLength: 60 },
  ];
  return [
    encodePcap({ packets }),
    encodePcapng({ hardware: 'h', comment: 'c', interfaces: [{ name: 'eth0', description: 'd', snapLength: 2048 }], packets }),
  ];
}
