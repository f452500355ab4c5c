import { ipv4 } from '@nexus-net/sansio';
import { demand, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { type Ipv4Packet, Ipv4Reassembler } from '../../src/index.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 20_000, costPerOctet: 2_000, allocatedPerOctet: 20_000 };

const LIMITS = { octetsMax: 100_000, sourceOctetsMax: 81_920, datagramCountMax: 6, sourceDatagramCountMax: 3 };

/**
 * The octets are fragments of a few datagrams of a few sources, and time. Whatever comes: what is kept stays within its limits; a
 * datagram that is delivered consists of octets that came, none of which two different fragments brought; one that expires had time.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const reassembler = new Ipv4Reassembler(LIMITS);
  const brought = new Map<string, Map<number, number>>();
  let now = 0;
  while (!script.isAtEnd) {
    const bits = script.u8();
    if ((bits & 0x1f) === 0x1f) {
      now += [1, 1_000, 29_999, 30_000][(bits >>> 5) & 3] as number;
      while (reassembler.pollExpired(now) !== undefined);
      demand(reassembler.nextTimeout() > now, 'what has run out of time is gone');
      continue;
    }
    const place = script.u8();
    const packet: Ipv4Packet = {
      trafficClass: (bits >>> 3) & 3,
      identification: bits & 3,
      dontFragment: false,
      moreFragments: (bits & 0x80) === 0,
      fragmentOffset: 8 * (place === 0xff ? 8_190 : place & 0x1f),
      ttl: 64,
      protocol: 17,
      source: ipv4(10, 0, 0, 1 + (place >>> 6)),
      destination: ipv4(10, 0, 0, 9),
      options: NOTHING,
      payload: script.take(script.u8() % 48),
    };
    const key = `${packet.source}/${packet.identification}`;
    const seen = brought.get(key) ?? new Map<number, number>();
    brought.set(key, seen);
    const outcome = reassembler.handleFragment(now, packet, packet.payload);
    const { octets, datagrams } = reassembler.inspect();
    demand(octets >= 0 && octets <= LIMITS.octetsMax, 'octets within their limit');
    demand(datagrams <= LIMITS.datagramCountMax, 'datagrams within their limit');
    if (outcome.type === 'kept' || outcome.type === 'complete')
      for (const [i, octet] of packet.payload.entries()) seen.set(packet.fragmentOffset + i, octet);
    if (outcome.type !== 'complete') continue;
    const { payload } = outcome.datagram.packet;
    for (const [i, octet] of payload.entries()) demand(seen.get(i) === octet, 'what is delivered came last');
    brought.delete(key);
  }
}

/** Two fragments in order, backwards, overlapping, and two ends. */
export function seeds(): Uint8Array[] {
  const part = (bits: number, place: number, length: number): number[] => [
    bits,
    place,
    length,
    ...new Array(length).fill(place + 1),
  ];
  return [
    [...part(0, 0, 16), ...part(0x80, 2, 5)],
    [...part(0x80, 2, 5), ...part(0, 0, 16), 0x7f],
    [...part(0, 0, 16), ...part(0, 1, 16), ...part(0x80, 3, 4)],
    [...part(0x80, 2, 5), ...part(0x80, 1, 5), 0x7f, ...part(1, 0xff, 8)],
  ].map((octets) => Uint8Array.from(octets));
}

const NOTHING = new Uint8Array(0);
