import { DHCP_MESSAGE_TYPE, dhcpMessage, encodeDhcpMessage } from '@nexus-net/dhcp';
import { IPV4_ANY, IPV4_BROADCAST, ipv4, MAC_BROADCAST, SECOND, SeededEntropy } from '@nexus-net/sansio';
import { decodeEthernet, decodeIpv4, dissect, ETHERTYPE, encodeEthernet, encodeIpv4, encodeUdpFrame } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { Gateway, summarizeFrame } from '../src/index.js';
import { drain, MAC_A, MAC_B } from './support/frames.js';
import { GUEST, staticHost } from './support/host.js';
import { network } from './support/network.js';
import { attachNode } from './support/node.js';

const DISCOVER = encodeUdpFrame({
  link: { source: MAC_A, destination: MAC_BROADCAST },
  datagram: {
    source: { address: IPV4_ANY, port: 68 },
    destination: { address: IPV4_BROADCAST, port: 67 },
    payload: encodeDhcpMessage(
      dhcpMessage({ op: 1, xid: 7, chaddr: MAC_A, options: [{ code: 53, value: Uint8Array.of(DHCP_MESSAGE_TYPE.discover) }] }),
    ),
  },
});

/** What the gateway answers to frames, after its announcements, and how its host counted them. */
function answers(...frames: readonly Uint8Array[]): { replies: string[]; drops: unknown } {
  const gateway = new Gateway({ entropy: new SeededEntropy('gateway') });
  gateway.start(0);
  drain(() => gateway.pollTransmit());
  for (const frame of frames) gateway.handleFrame(1, frame);
  const replies = drain(() => gateway.pollTransmit()).map((frame) => summarizeFrame(dissect(frame)));
  return { replies, drops: gateway.inspect().host.drops };
}

describe('what does not reach the server', () => {
  test('a DISCOVER in one piece is answered', () => {
    expect(answers(DISCOVER).replies.join()).toContain('DHCP OFFER');
  });

  test('dhcp/S20 a bad UDP checksum: dropped and counted', () => {
    const bad = DISCOVER.slice();
    bad.set([0x12, 0x34], 14 + 20 + 6);
    const { replies, drops } = answers(bad);
    expect(replies).toEqual([]);
    expect(drops).toMatchObject({ 'udp-bad-checksum': 1 });
  });

  test('dhcp/S21 a DISCOVER in two fragments, in any order, is joined below the server and answered', () => {
    const ethernet = decodeEthernet(DISCOVER);
    const packet = ethernet.ok ? decodeIpv4(ethernet.value.payload) : undefined;
    if (packet?.ok !== true || !ethernet.ok) throw new Error('not a packet');
    const { source, destination } = ethernet.value;
    const fragment = (from: number, to: number, moreFragments: boolean): Uint8Array => {
      const { protocol, payload, source: ipSource, destination: ipDestination } = packet.value;
      const part = {
        protocol,
        source: ipSource,
        destination: ipDestination,
        identification: 9,
        payload: payload.subarray(from, to),
      };
      const ip = encodeIpv4({ ...part, fragmentOffset: from, moreFragments });
      return encodeEthernet({ source, destination, etherType: ETHERTYPE.ipv4, payload: ip });
    };
    const { length } = packet.value.payload;
    const first = fragment(0, 160, true);
    const last = fragment(160, length, false);
    expect(answers(first, last)).toEqual({ replies: answers(DISCOVER).replies, drops: {} });
    expect(answers(last, first).replies.join()).toContain('DHCP OFFER');
    expect(answers(first, first)).toEqual({ replies: [], drops: { 'fragment-duplicate': 1 } });
  });
});

describe('an address is looked for by ARP before it is offered', () => {
  const conflictCheck = { conflictCheck: {} };

  test('dhcp/S96 one that somebody sits on is not offered, the next one is', () => {
    const sim = network('squatter', { gateway: { dhcp: conflictCheck } });
    staticHost(sim, { port: 'b', mac: MAC_B });
    const { events: client } = attachNode(sim, { port: 'a', mac: MAC_A, bootAt: SECOND });
    sim.run({ until: 10 * SECOND });
    expect(client.find(({ type }) => type === 'dhcp-bound')).toMatchObject({ lease: { address: ipv4(10, 0, 2, 16) } });
    const { dhcp } = sim.lan.gateway?.inspect() ?? {};
    expect(dhcp?.probes).toEqual({ started: 2, 'in-use': 1, free: 1 });
    expect(dhcp?.subnets[0]?.bindings.map(({ address, state }) => `${address} ${state}`)).toEqual([
      '10.0.2.15 quarantined',
      '10.0.2.16 leased',
    ]);
  });

  test('a free one is offered before the client asks again', () => {
    const sim = network('free', { gateway: { dhcp: conflictCheck } });
    const { events } = attachNode(sim, { port: 'a', mac: MAC_A });
    sim.run({ until: SECOND });
    expect(events.find(({ type }) => type === 'dhcp-bound')).toMatchObject({ lease: { address: GUEST } });
    expect(sim.lan.gateway?.inspect().dhcp?.probes).toEqual({ started: 1, free: 1 });
  });
});
