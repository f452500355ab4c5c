import { DHCP_MESSAGE_TYPE, dhcpMessage, encodeDhcpMessage } from '@nexus-net/dhcp';
import { type Endpoint, IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, MAC_ZERO, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN, encodeArp, encodeDns, encodeEthernet, encodeIcmpv4, encodeIpv4, encodeUdpFrame } from '@nexus-net/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectBroken } from '../../sansio/test/support/planted.js';
import { runs } from '../../sansio/test/support/runs.js';
import { bothWays, Lan, summarizeFrame } from '../src/index.js';
import { queryOf } from './support/dns.js';
import { drain, MAC_A } from './support/frames.js';
import { DNS, GATEWAY, GUEST } from './support/host.js';

type Segment = Pick<Lan, 'handleFrame' | 'handleTimeout' | 'nextTimeout' | 'pollTransmit' | 'pollEvent' | 'inspect'>;

const UNICAST = { source: MAC_A, destination: ADDRESS_PLAN.smoke.gatewayMac };
const BROADCAST = { source: MAC_A, destination: MAC_BROADCAST };

const dhcp = (type: number): Uint8Array =>
  encodeDhcpMessage(dhcpMessage({ op: 1, xid: 7, chaddr: MAC_A, options: [{ code: 53, value: Uint8Array.of(type) }] }));
const dnsFrame = (payload: Uint8Array): Uint8Array =>
  udpFrame({ address: GUEST, port: 4_000 }, { address: DNS, port: 53 }, payload);
const dhcpFrame = (payload: Uint8Array): Uint8Array =>
  udpFrame({ address: IPV4_ANY, port: 68 }, { address: IPV4_BROADCAST, port: 67 }, payload);
function udpFrame(source: Endpoint, destination: Endpoint, payload: Uint8Array): Uint8Array {
  const link = destination.address === IPV4_BROADCAST ? BROADCAST : UNICAST;
  return encodeUdpFrame({ link, datagram: { source, destination, payload } });
}

const arp = encodeArp({ operation: 1, senderMac: MAC_A, senderIp: GUEST, targetMac: MAC_ZERO, targetIp: GATEWAY });
const echo = encodeIcmpv4({ type: 'echo-request', identifier: 1, sequence: 1, payload: new Uint8Array(8) });
const packet = encodeIpv4({ protocol: 1, source: GUEST, destination: GATEWAY, payload: echo });
const frames: readonly Uint8Array[] = [
  encodeEthernet({ ...BROADCAST, etherType: 0x0806, payload: arp }),
  encodeEthernet({ ...UNICAST, etherType: 0x0800, payload: packet }),
  dnsFrame(encodeDns(queryOf('a.test'))),
];

/** Some octets changed, the end perhaps cut off. */
const mutated = (base: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(base, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }), fc.nat({ max: 40 }))
    .map(([bytes, edits, cut]) => {
      const copy = bytes.slice(0, cut > 20 ? bytes.length : Math.max(0, bytes.length - cut));
      for (const [at, octet] of edits) if (copy.length > 0) copy[at % copy.length] = octet;
      return copy;
    });

/** Noise, damaged frames, and frames with right checksums around damaged messages: those get furthest. */
const anyFrame = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  mutated(fc.constantFrom(...frames)),
  mutated(fc.constant(encodeDns(queryOf('a.test')))).map(dnsFrame),
  mutated(fc.constantFrom(...Object.values(DHCP_MESSAGE_TYPE).map(dhcp))).map(dhcpFrame),
);

const steps = fc.array(fc.record({ wait: fc.nat({ max: 5_000 }), frame: anyFrame, jump: fc.boolean() }), { maxLength: 12 });

/**
 * Whatever comes in: nothing throws, each frame is seen once under its own number, nothing is dropped without a count,
 * every line of a trace can be written, and the next deadline is a time.
 */
function withstandsAnything(make: (seed: number) => Segment, count: number): void {
  fc.assert(
    fc.property(steps, fc.nat(), (script, seed) => {
      const lan = make(seed);
      let now = 0;
      let seen = 0;
      const listen = (): void => {
        drain(() => lan.pollTransmit());
        for (const event of drain(() => lan.pollEvent())) {
          if (event.type !== 'frame') continue;
          expect(event.observed.number).toBe(++seen);
          expect(summarizeFrame(event.observed.layers)).not.toBe('');
        }
      };
      for (const { wait, frame, jump } of script) {
        now += wait;
        if (jump) lan.handleTimeout(now);
        const before = frame.slice();
        lan.handleFrame(now, 'a', frame);
        expect(frame).toEqual(before);
        expect(Number.isNaN(lan.nextTimeout())).toBe(false);
        listen();
      }
      lan.handleTimeout(now + 100_000);
      listen();
      const { switch: bridge, tap, links } = lan.inspect();
      const received = bridge.ports.reduce((sum, port) => sum + port.received, 0);
      expect(tap.seen).toBe(seen);
      expect(received).toBe(seen);
      const cable = links['a']?.toSwitch;
      const lost = Object.values(cable?.losses ?? {}).reduce((sum, n) => sum + n, 0);
      const gateway = bridge.ports.find(({ name }) => name === 'gateway')?.received ?? 0;
      expect(seen - gateway).toBe(script.length + (cable?.duplicated ?? 0) - lost);
    }),
    { numRuns: runs(count) },
  );
}

const rough = (seed: number): Lan => {
  const lan = new Lan({ entropy: new SeededEntropy(seed), ports: ['a', 'b'] });
  lan.setLink(0, 'a', bothWays({ loss: 0.1, duplicate: 0.3, delayMs: 10, reorder: 0.2, corrupt: 0.2, corruptFromOctet: 0 }));
  return lan;
};

test('property: fault/H17 a segment withstands any frames, and loses none uncounted', () => {
  withstandsAnything(rough, 25);
});

test('property a segment withstands any frames catches a planted bug: short frames vanish', () => {
  const picky = (seed: number): Segment => {
    const real = rough(seed);
    return {
      handleFrame: (now, port, frame) => {
        if (frame.length >= 14) real.handleFrame(now, port, frame);
      },
      handleTimeout: (now) => real.handleTimeout(now),
      nextTimeout: () => real.nextTimeout(),
      pollTransmit: () => real.pollTransmit(),
      pollEvent: () => real.pollEvent(),
      inspect: () => real.inspect(),
    };
  };
  expectBroken(() => withstandsAnything(picky, 60));
});

test('property a segment withstands any frames catches a planted bug: a frame is reported twice', () => {
  const stuttering = (seed: number): Segment => {
    const real = rough(seed);
    let again: ReturnType<Lan['pollEvent']>;
    return {
      handleFrame: (now, port, frame) => real.handleFrame(now, port, frame),
      handleTimeout: (now) => real.handleTimeout(now),
      nextTimeout: () => real.nextTimeout(),
      pollTransmit: () => real.pollTransmit(),
      pollEvent: () => {
        const event = again ?? real.pollEvent();
        again = again === undefined && event?.type === 'frame' && event.observed.number === 3 ? event : undefined;
        return event;
      },
      inspect: () => real.inspect(),
    };
  };
  expectBroken(() => withstandsAnything(stuttering, 60));
});
