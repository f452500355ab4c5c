import { bytesEqual } from '@nexus-net/sansio';
import { demand, type FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { encodeArp } from '../../src/arp.js';
import { dissect } from '../../src/dissect.js';
import { encodeEthernet } from '../../src/ethernet.js';
import { encodeUdp } from '../../src/udp.js';
import { withinBounds } from '../support/fuzz-codec.js';

export const limits: FuzzLimits = { octetsMax: 1024, costBase: 10_000, costPerOctet: 1000 };

/** The layers lie one in the other, what is shown without a problem is what its encoder writes, and nothing throws. */
export function target(bytes: Uint8Array): void {
  const { ethernet, vlans, arp, ipv4, icmp, igmp, udp, tcp, dns, problem } = dissect(bytes);
  demand((ethernet === undefined) === bytes.length < 14, 'every frame with a header has an Ethernet layer');
  if (ethernet !== undefined) demand(bytesEqual(encodeEthernet(ethernet), bytes), 'the Ethernet layer is the whole frame');
  demand(vlans === undefined || vlans.length <= 8, 'at most eight tags are read');
  demand(arp === undefined || ipv4 === undefined, 'a frame is ARP or IPv4');
  const transports = [icmp, igmp, udp, tcp].filter((layer) => layer !== undefined);
  demand(transports.length <= (ipv4 === undefined ? 0 : 1), 'IPv4 carries one protocol');
  demand(dns === undefined || udp !== undefined, 'DNS lies in UDP');
  if (arp !== undefined) {
    const start = 14 + 4 * (vlans?.length ?? 0);
    demand(bytesEqual(encodeArp(arp), bytes.subarray(start, start + 28)), 'ARP as it was sent');
  }
  if (ipv4 !== undefined && udp !== undefined && problem === undefined) {
    const sent = ipv4.payload.subarray(0, 8 + udp.payload.length);
    const written = encodeUdp(udp, ipv4);
    const hasChecksum = sent[6] !== 0 || sent[7] !== 0;
    const skip = hasChecksum ? 0 : 8; // a sender may leave the checksum out
    demand(bytesEqual(written.subarray(skip), sent.subarray(skip)), 'UDP as it was sent');
  }
}

export function strict(bytes: Uint8Array): void {
  withinBounds(dissect, bytes);
}
