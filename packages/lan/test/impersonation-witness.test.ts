import { ipv4, type MacAddress, parseMac, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN, ARP_REPLY, dissect, ETHERTYPE, encodeArp, encodeEthernet, encodeIpv4, IP_PROTOCOL } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { GATEWAY_PORT, ImpersonationWitness, Lan, NEIGHBOUR_PORT } from '../src/index.js';

const { gateway, gatewayMac, guest, guestMac } = ADDRESS_PLAN.smoke;
const stranger = parseMac('02:00:00:00:00:77');

const arp = (sender: MacAddress, address: number, source = sender): Uint8Array =>
  encodeEthernet({
    destination: guestMac,
    source,
    etherType: ETHERTYPE.arp,
    payload: encodeArp({
      operation: ARP_REPLY,
      senderMac: sender,
      senderIp: address as typeof gateway,
      targetMac: guestMac,
      targetIp: guest,
    }),
  });
const ip = (source: MacAddress, address: number): Uint8Array =>
  encodeEthernet({
    destination: gatewayMac,
    source,
    etherType: ETHERTYPE.ipv4,
    payload: encodeIpv4({
      protocol: IP_PROTOCOL.icmp,
      source: address as typeof gateway,
      destination: guest,
      payload: Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0),
    }),
  });

/** What the witness says of these frames, each with the port at which it entered. */
function told(frames: readonly (readonly [port: string | undefined, frame: Uint8Array])[], config = {}): string[] {
  const witness = new ImpersonationWitness(config);
  for (const [i, [port, bytes]] of frames.entries()) {
    const seen = { number: i + 1, at: i, bytes, layers: dissect(bytes), ...(port !== undefined && { port }) };
    witness.handleFrame(i, seen);
  }
  const messages: string[] = [];
  for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent())
    if (event.type === 'violation') messages.push(`${event.violation.frames.join()} ${event.violation.message}`);
  return messages;
}

describe('who speaks as the gateway', () => {
  const known = [[GATEWAY_PORT, arp(gatewayMac, gateway)]] as const;

  test.each<[string, Uint8Array, string]>([
    ['its link address', ip(gatewayMac, guest), 'sent as 52:55:0a:00:02:02'],
    ['its link address inside ARP', arp(gatewayMac, guest, stranger), 'sent as 52:55:0a:00:02:02'],
    ['its IPv4 address', ip(stranger, gateway), 'sent as 10.0.2.2'],
    ['its IPv4 address inside ARP', arp(stranger, gateway), 'sent as 10.0.2.2'],
  ])('under %s is told, once', (_what, frame, words) => {
    const messages = told([...known, ['guest', frame], ['guest', frame]]);
    expect(messages).toEqual([`2 the station at port guest ${words}, which is the gateway`]);
  });

  test('under its own addresses is not', () => {
    expect(told([...known, ['guest', ip(guestMac, guest)], ['guest', arp(guestMac, guest)]])).toEqual([]);
  });

  test('cannot be told of a capture without ports', () => {
    expect(told([...known, [undefined, ip(gatewayMac, gateway)]])).toEqual([]);
  });

  test('from 0.0.0.0 is everybody', () => {
    expect(
      told([
        [GATEWAY_PORT, ip(gatewayMac, 0)],
        ['guest', ip(guestMac, 0)],
      ]),
    ).toEqual([]);
  });
});

test('addresses that are the gateway’s from the beginning are guarded before it has spoken, and those of our station as it speaks', () => {
  expect(told([['guest', arp(guestMac, gateway)]], { addresses: [gateway] })).toEqual([
    '1 the station at port guest sent as 10.0.2.2, which is the gateway',
  ]);
  const neighbour = ipv4(10, 0, 2, 100);
  expect(
    told([
      [NEIGHBOUR_PORT, ip(stranger, neighbour)],
      ['guest', arp(guestMac, neighbour)],
    ]),
  ).toEqual(['2 the station at port guest sent as 10.0.2.100, which is the gateway']);
});

test('addresses beyond the limit are counted', () => {
  const witness = new ImpersonationWitness({ addressCountMax: 3 });
  for (let i = 0; i < 5; i++) {
    const bytes = ip(gatewayMac, ipv4(10, 0, 2, 100 + i));
    witness.handleFrame(i, { number: i, at: i, port: GATEWAY_PORT, bytes, layers: dissect(bytes) });
  }
  expect(witness.inspect()).toEqual({ guarded: 3, notGuarded: 3, eventsDropped: 0 });
});

test('on a LAN the gateway has spoken before any station can', () => {
  const lan = new Lan({ entropy: new SeededEntropy(1), ports: ['guest'] });
  lan.handleFrame(0, 'guest', ip(gatewayMac, gateway));
  const rules: string[] = [];
  for (let event = lan.pollEvent(); event !== undefined; event = lan.pollEvent())
    if (event.type === 'violation') rules.push(event.violation.rule);
  expect(rules).toEqual(['lan.impersonation', 'lan.impersonation']);
});

test('who speaks as another station is told, and the station itself is not', () => {
  const mac = parseMac('02:00:00:00:00:0b');
  const address = ipv4(10, 42, 0, 11);
  const stations = [{ port: 'b', mac, address }];
  expect(
    told(
      [
        ['b', ip(mac, address)],
        [undefined, ip(mac, address)],
      ],
      { stations },
    ),
  ).toEqual([]);
  expect(
    told(
      [
        ['a', ip(stranger, address)],
        ['a', arp(mac, guest)],
      ],
      { stations },
    ),
  ).toEqual([
    '1 the station at port a sent as 10.42.0.11, which is b',
    '2 the station at port a sent as 02:00:00:00:00:0b, which is b',
  ]);
});
