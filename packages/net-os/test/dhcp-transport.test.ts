import { MAC_BROADCAST, SeededEntropy, writeMac, writeU16 } from '@nexus-net/sansio';
import { ADDRESS_PLAN, dissect, internetChecksum } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { Netstackd } from '../src/index.js';
import { TestGateway } from './support/gateway.js';

const { guestMac } = ADDRESS_PLAN.smoke;
/** Offsets in an untagged frame with a 20-octet IPv4 header and UDP. */
const AT = { etherType: 12, ipv4: 14, ttl: 22, ipChecksum: 24, destination: 30, udpChecksum: 40 };

/** The frame of a correct OFFER is changed on its way; did the client take it, that is: is it REQUESTING now? */
function takesOffer(change: (frame: Uint8Array) => Uint8Array): { readonly taken: boolean; readonly drops: object } {
  const gateway = new TestGateway();
  const node = new Netstackd({
    mac: guestMac,
    entropy: new SeededEntropy('node'),
    policy: { type: 'dhcp-only' },
    conflictCheck: false,
  });
  node.linkUp(0);
  let now = 0;
  for (; gateway.server.inspect().counts.offered === 0; now = node.nextTimeout()) {
    node.handleTimeout(now);
    for (let frame = node.pollTransmit(); frame !== undefined; frame = node.pollTransmit()) gateway.handleFrame(now, frame);
  }
  for (let frame = gateway.pollTransmit(); frame !== undefined; frame = gateway.pollTransmit()) {
    if (dissect(frame).udp !== undefined) node.handleFrame(0, change(frame)); // time stands where it was
  }
  const { dhcp, host } = node.inspect();
  return { taken: dhcp?.state.type === 'requesting', drops: host.drops };
}

/** Both checksums as a sender would have made them. The UDP one is left out, which RFC 768 allows. */
function resealed(frame: Uint8Array, headerLength = 20): Uint8Array {
  writeU16(frame, AT.ipChecksum, 0);
  writeU16(frame, AT.ipChecksum, internetChecksum(frame.subarray(AT.ipv4, AT.ipv4 + headerLength)));
  writeU16(frame, AT.udpChecksum + headerLength - 20, 0);
  return frame;
}

function withOptions(frame: Uint8Array): Uint8Array {
  // Four NOPs after the header: ihl 6, total length 4 more.
  const longer = Uint8Array.of(...frame.subarray(0, AT.ipv4 + 20), 1, 1, 1, 1, ...frame.subarray(AT.ipv4 + 20));
  longer[AT.ipv4] = 0x46;
  writeU16(longer, AT.ipv4 + 2, longer.length - AT.ipv4);
  return resealed(longer, 24);
}

function tagged(frame: Uint8Array, tag: number): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, AT.etherType), 0x81, 0x00, tag >>> 8, tag & 0xff, ...frame.subarray(AT.etherType));
}

function changed(frame: Uint8Array, write: (copy: Uint8Array) => void): Uint8Array {
  const copy = frame.slice();
  write(copy);
  return copy;
}

describe('a reply that the transport carries oddly is taken', () => {
  test.each<[string, (frame: Uint8Array) => Uint8Array]>([
    ['as the server sent it', (frame) => frame],
    ['dhcp/K47 UDP checksum 0', (frame) => changed(frame, (copy) => writeU16(copy, AT.udpChecksum, 0))],
    ['dhcp/K49 IPv4 options', withOptions],
    ['dhcp/K50 a tag of VLAN 0 with a priority', (frame) => tagged(frame, 0xe000)],
    ['dhcp/K52 padding after the IP total length', (frame) => Uint8Array.of(...frame, ...new Uint8Array(6).fill(0xaa))],
    ['dhcp/K54 unicast IP in a broadcast frame', (frame) => changed(frame, (copy) => writeMac(copy, 0, MAC_BROADCAST))],
    ['dhcp/K56 ttl 1', (frame) => changed(frame, (copy) => resealed(copy.fill(1, AT.ttl, AT.ttl + 1)))],
  ])('%s', (_what, change) => {
    expect(takesOffer(change)).toMatchObject({ taken: true, drops: {} });
  });
});

describe('a reply that the transport knows to be damaged is dropped and counted', () => {
  test.each<[string, string, (frame: Uint8Array) => Uint8Array]>([
    [
      'dhcp/K46 bad UDP checksum',
      'udp-bad-checksum',
      (frame) => changed(frame, (copy) => writeU16(copy, AT.udpChecksum, 0x1234)),
    ],
    [
      'dhcp/K48 bad IP header checksum',
      'ipv4-bad-checksum',
      (frame) => changed(frame, (copy) => writeU16(copy, AT.ipChecksum, 0x1234)),
    ],
    ['a tag of another VLAN', 'ethertype-unknown', (frame) => tagged(frame, 7)],
    ['a tag and nothing behind it', 'ethertype-unknown', (frame) => tagged(frame, 0).subarray(0, 16)],
  ])('%s', (_what, label, change) => {
    expect(takesOffer(change)).toEqual({ taken: false, drops: { [label]: 1 } });
  });
});
