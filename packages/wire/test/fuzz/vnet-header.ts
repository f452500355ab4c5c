import { demand, type FuzzLimits, FuzzScript, isSame } from '../../../sansio/test/support/fuzz.js';
import { detectVnetHeader, stripVnetHeader, stripVnetHeaders, type VnetPacket } from '../../src/vnet-header.js';

export const limits: FuzzLimits = { octetsMax: 1024, costBase: 5000, costPerOctet: 400 };

/**
 * The octets are packets: a length of one octet, one that says how much was cut off, the packet. What is stripped is as long
 * as was said, and all of it but a checksum comes out as it went in.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const packets: VnetPacket[] = [];
  while (!script.isAtEnd && packets.length < 32) {
    const length = script.u8();
    const cut = script.u8();
    const packet = script.take(length);
    packets.push({ bytes: packet, originalLength: packet.length + (cut > 200 ? cut : 0) });
  }
  const before = packets.map((packet) => packet.bytes.slice());
  const length = detectVnetHeader(packets);
  const stripped = stripVnetHeaders(packets);
  demand(length !== 0 || stripped === packets, 'without headers the packets are the same');
  demand(stripped.length === packets.length, 'no packet is lost');
  stripped.forEach((packet, i) => {
    const { bytes: original, originalLength } = packets[i] as VnetPacket;
    const taken = original.length - packet.bytes.length;
    const isShort = original.length < 12;
    demand(length === 0 ? taken === 0 : isShort || taken === 10 || taken === 12, 'a header has 10 or 12 octets');
    demand(isShort || packet.originalLength === originalLength - taken, 'the length on the wire shrinks with it');
    let changed = 0;
    packet.bytes.forEach((octet, at) => {
      if (octet !== original[at + taken]) changed++;
    });
    demand(changed <= 2, 'at most a checksum changes');
  });
  demand(
    isSame(
      before,
      packets.map((packet) => packet.bytes),
    ),
    'the input is left alone',
  );
  for (const forced of [10, 12] as const) for (const packet of packets) stripVnetHeader(packet, forced);
}

/** A frame of U-Boot's ARP behind a header of 10 octets. */
export function seeds(): Uint8Array[] {
  const frame = '0000000000000000000052550a000202525400123456080600010800060400025254001234560a00020f52550a0002020a000202';
  const octets = Uint8Array.from(frame.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
  return [Uint8Array.from([octets.length, 0, ...octets, octets.length, 0, ...octets])];
}
