import {
  formatIpv4,
  IPV4_ANY,
  type Ipv4Address,
  ipv4 as ip,
  ipv4FromU32,
  type MacAddress,
  type Millis,
  SeededEntropy,
  toHex,
} from '@nexus-net/sansio';
import {
  ARP_REPLY,
  ARP_REQUEST,
  dissect,
  ETHERTYPE,
  encodeIgmp,
  encodeIpv4,
  encodeUdp,
  IP_PROTOCOL,
  ipv4MulticastMac,
} from '@nexus-net/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { Host, type HostOptions } from '../src/index.js';
import { arp, ECHO, frame, icmp, ipv4, udp } from './support/frames.js';
import { drainEvents, drainFrames, OUR_IP, OUR_MAC, PEER_IP, PEER_MAC, ROUTER_IP, THIRD_MAC } from './support/wire.js';

/** A law that is meant to fail need not look for the smallest example. */
type LawSettings = { readonly endOnFailure?: boolean; readonly numRuns?: number };
/** The whole sample of the law of the bug that is hardest to find; the first case that shows it is the last. */
const PLANTED: LawSettings = { endOnFailure: true, numRuns: 150 };

type MakeHost = (options: Partial<HostOptions>) => Host;
const real: MakeHost = (options) => new Host({ mac: OUR_MAC, entropy: new SeededEntropy('property'), ...options });

/** Small numbers, so that limits are reached in short runs. */
const SMALL = {
  transmitCountMax: 16,
  eventCountMax: 16,
  neighbourCountMax: 4,
  resolvingCountMax: 3,
  pendingCountMax: 2,
  pingCountMax: 3,
  probeCountMax: 2,
  groupCountMax: 2,
  reassemblyCountMax: 3,
};

const address: fc.Arbitrary<Ipv4Address> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 7 }).map((host) => ipv4FromU32(ip(10, 1, 0, 0) + host)) },
  fc.constantFrom(OUR_IP, PEER_IP, IPV4_ANY, ip(255, 255, 255, 255), ip(10, 1, 0, 255), ip(192, 168, 0, 1)),
);
const station: fc.Arbitrary<MacAddress> = fc.integer({ min: 2, max: 12 }).map((n) => (0x020000000000 + n) as MacAddress);
const GROUP = ip(239, 42, 0, 1);
const bytes = (max: number) => fc.uint8Array({ maxLength: max });

/** Frames that get far: right in most parts, and then cut, bent or padded. */
const plausible: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .record({ operation: fc.constantFrom(ARP_REQUEST, ARP_REPLY), senderIp: address, senderMac: station, targetIp: address })
    .map((packet) => arp(packet)),
  fc
    .record({ source: address, destination: address, payload: bytes(40) })
    .map((o) => icmp({ ...ECHO, payload: o.payload } as typeof ECHO, o)),
  fc
    .record({ source: address, destination: address, original: bytes(40) })
    .map((o) => icmp({ type: 'destination-unreachable', code: 3, nextHopMtu: 0, original: o.original }, o)),
  fc
    .record({
      source: address,
      destination: address,
      port: fc.constantFrom(7, 9, 67, 68),
      sourcePort: fc.constantFrom(67, 68, 7, 0),
    })
    .map((o) => udp(o)),
  fc
    .record({
      protocol: fc.nat(255),
      source: address,
      options: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      payload: bytes(30),
    })
    .map((o) => ipv4(o)),
  // Fragments that fit together, overlap, contradict each other or never end.
  fc
    .record({
      source: address,
      destination: address,
      protocol: fc.constantFrom(IP_PROTOCOL.udp, IP_PROTOCOL.icmp, IP_PROTOCOL.tcp),
      identification: fc.nat(2),
      fragmentOffset: fc.constantFrom(0, 8, 16, 24, 65_520),
      moreFragments: fc.boolean(),
      payload: bytes(24),
    })
    .map((o) => ipv4(o)),
  fc
    .record({ source: address, group: fc.constantFrom(ip(0, 0, 0, 0), GROUP, ip(239, 42, 0, 2)), maxResponseCode: fc.nat(255) })
    .map(({ source, group, maxResponseCode }) => {
      const payload = encodeIgmp({ type: 'query', maxResponseCode, group });
      return ipv4(
        { protocol: IP_PROTOCOL.igmp, source, destination: ip(224, 0, 0, 1), payload },
        ipv4MulticastMac(ip(224, 0, 0, 1)),
      );
    }),
);
const bent: fc.Arbitrary<Uint8Array> = fc
  .tuple(plausible, fc.nat(), fc.nat(255), fc.nat(60))
  .map(([whole, at, value, cut]) => whole.with(at % whole.length, value).subarray(0, Math.max(0, whole.length - cut)));
const anyFrame: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: plausible },
  { weight: 3, arbitrary: bent },
  { weight: 1, arbitrary: bytes(1_600) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(ETHERTYPE.arp, ETHERTYPE.ipv4), bytes(80)).map(([type, body]) => frame(type, body)),
  },
);

type Step =
  | { readonly do: 'frame'; readonly frame: Uint8Array }
  | { readonly do: 'timeout' | 'deconfigure' }
  /** Somebody else uses the first or the second address that `configure` gives. */
  | { readonly do: 'claim' | 'configure'; readonly which: 0 | 1 }
  /** Many at once: echo requests to, or ARP requests from, a row of addresses. */
  | { readonly do: 'sweep' | 'crowd' }
  | { readonly do: 'ping' | 'send' | 'probe'; readonly address: Ipv4Address };

const step: fc.Arbitrary<{ readonly after: Millis; readonly step: Step }> = fc.record({
  after: fc.constantFrom(0, 0, 0, 1, 10, 300, 1_000, 5_000, 61_000),
  step: fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('frame' as const), frame: anyFrame }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('timeout' as const, 'deconfigure' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('claim' as const, 'configure' as const),
        which: fc.constantFrom(0 as const, 1 as const),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('sweep' as const, 'crowd' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom('ping' as const, 'send' as const, 'probe' as const), address }),
    },
  ),
});
const steps = fc.array(step, { maxLength: 40, size: 'max' });

function apply(host: Host, now: Millis, one: Step): void {
  switch (one.do) {
    case 'frame':
      host.handleFrame(now, one.frame);
      return;
    case 'timeout':
      host.handleTimeout(now);
      return;
    case 'deconfigure':
      host.deconfigure(now);
      return;
    case 'configure':
      host.configure(now, { address: ownAddress(one.which), prefixLength: 24 });
      return;
    case 'claim':
      host.handleFrame(now, arp({ senderIp: ownAddress(one.which), senderMac: THIRD_MAC, targetIp: ROUTER_IP }));
      return;
    case 'sweep':
      for (let i = 4; i < 12; i++) host.ping(now, { destination: ipv4FromU32(OUR_IP + i), timeoutMs: 2_000 });
      return;
    case 'crowd':
      for (let i = 4; i < 12; i++)
        host.handleFrame(now, arp({ senderIp: ipv4FromU32(OUR_IP + i), senderMac: (0x020000000100 + i) as MacAddress }));
      return;
    case 'ping':
      host.ping(now, { destination: one.address, timeoutMs: 2_000 });
      return;
    case 'send':
      host.sendUdp(now, {
        datagram: {
          source: { address: IPV4_ANY, port: 68 },
          destination: { address: one.address, port: 67 },
          payload: new Uint8Array(3),
        },
      });
      return;
    case 'probe':
      if (host.inspect().probing.length < SMALL.probeCountMax) host.probe(now, one.address);
  }
}

/** The addresses that a host here has at one time or another. */
function ownAddress(which: 0 | 1): Ipv4Address {
  return ipv4FromU32(OUR_IP + which);
}

/** Runs the steps, and after each one hands over what came of it. */
function play(
  host: Host,
  all: readonly { readonly after: Millis; readonly step: Step }[],
  check: (now: Millis, one: Step) => void,
): void {
  let now = 0;
  for (const { after, step: one } of all) {
    now += after;
    apply(host, now, one);
    check(now, one);
  }
}

/** Nothing that comes in throws; every table keeps its bound; each frame is accepted or has one drop. */
function boundsLaw(make: MakeHost, settings: LawSettings = {}): void {
  fc.assert(
    fc.property(steps, (all) => {
      const host = make(SMALL);
      host.configure(0, { address: OUR_IP, prefixLength: 24 });
      host.bindUdp({ port: 7 });
      play(host, all, () => {
        const { neighbours, pings, frames, drops } = host.inspect();
        const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
        const bounded =
          neighbours.known.length <= SMALL.neighbourCountMax &&
          neighbours.resolving.length <= SMALL.resolvingCountMax &&
          neighbours.resolving.every(({ pending }) => pending <= SMALL.pendingCountMax) &&
          pings.length <= SMALL.pingCountMax;
        if (!bounded || frames.received !== frames.accepted + dropped) throw new Error(JSON.stringify(host.inspect()));
      });
      expect(drainFrames(host).length).toBeLessThanOrEqual(SMALL.transmitCountMax);
      expect(drainEvents(host).length).toBeLessThanOrEqual(SMALL.eventCountMax);
    }),
    { numRuns: runs(40), ...settings },
  );
}

test('property: no bytes throw, and memory is bounded', () => boundsLaw(real));
test('property bounds catches a planted bug: a short header throws', () => {
  class Careless extends Host {
    override handleFrame(now: Millis, bytesIn: Uint8Array): void {
      if (bytesIn[12] === 8 && bytesIn.length < 34) throw new RangeError('offset is out of bounds');
      super.handleFrame(now, bytesIn);
    }
  }
  expect(() =>
    boundsLaw((options) => new Careless({ mac: OUR_MAC, entropy: new SeededEntropy(1), ...options }), PLANTED),
  ).toThrow();
});
test('property bounds catches a planted bug: the cache has no bound', () => {
  expect(() => boundsLaw((options) => real({ ...options, neighbourCountMax: 4_096 }), PLANTED)).toThrow();
});
test('property bounds catches a planted bug: the table of resolutions has no bound', () => {
  expect(() => boundsLaw((options) => real({ ...options, resolvingCountMax: 4_096 }), PLANTED)).toThrow();
});

/**
 * Nothing leaves from an address that the commands have not configured: IPv4 from 0.0.0.0 only as a DHCP client says it, ARP
 * from 0.0.0.0 only as a probe.
 */
function sourceLaw(make: MakeHost, settings: LawSettings = {}): void {
  fc.assert(
    fc.property(steps, (all) => {
      const host = make({ defence: 'give-up' }); // so that the address goes at any time
      let configured: Ipv4Address | undefined;
      play(host, all, (_, one) => {
        const before = configured;
        if (one.do === 'configure') configured = ownAddress(one.which);
        if (one.do === 'deconfigure') configured = undefined;
        for (const event of drainEvents(host))
          if (event.type === 'conflict' && event.action === 'gave-up') configured = undefined;
        for (const { arp: packet, ipv4: sent, udp: datagram } of drainFrames(host).map(dissect)) {
          const source = packet?.senderIp ?? sent?.source;
          if (source === IPV4_ANY) {
            if (packet !== undefined) expect(packet.operation).toBe(ARP_REQUEST);
            else expect([datagram?.sourcePort, datagram?.destinationPort, sent?.destination]).toEqual([68, 67, 0xffffffff]);
          } else expect([before, configured].map((a) => a && formatIpv4(a))).toContain(source && formatIpv4(source));
        }
      });
    }),
    { numRuns: runs(40), ...settings },
  );
}

test('property: nothing leaves from an address that is not configured', () => sourceLaw(real));
test('property source catches a planted bug: an address outlives deconfigure', () => {
  class Sticky extends Host {
    override deconfigure(now: Millis): void {
      this.handleTimeout(now);
    }
  }
  expect(() =>
    sourceLaw((options) => new Sticky({ mac: OUR_MAC, entropy: new SeededEntropy(1), ...options }), PLANTED),
  ).toThrow();
});
test('property source catches a planted bug: the address stays although it was given up', () => {
  class Stubborn extends Host {
    override handleFrame(now: Millis, bytesIn: Uint8Array): void {
      const { address: mine } = this;
      super.handleFrame(now, bytesIn);
      if (mine !== undefined && this.address === undefined) this.configure(now, { address: mine, prefixLength: 24 });
    }
  }
  expect(() =>
    sourceLaw((options) => new Stubborn({ mac: OUR_MAC, entropy: new SeededEntropy(1), ...options }), PLANTED),
  ).toThrow();
});

/** fault/A06: at most one ARP request a second for one address, whatever happens (RFC 1122 §2.3.2.1). */
function pacingLaw(make: MakeHost, settings: LawSettings = {}): void {
  fc.assert(
    fc.property(steps, (all) => {
      const host = make(SMALL);
      host.configure(0, { address: OUR_IP, prefixLength: 24 });
      const askedAt = new Map<Ipv4Address, Millis>();
      play(host, all, (now) => {
        for (const { arp: packet } of drainFrames(host).map(dissect)) {
          const asks = packet?.operation === ARP_REQUEST && packet.senderIp !== IPV4_ANY && packet.senderIp !== packet.targetIp;
          if (!asks) continue;
          expect(now - (askedAt.get(packet.targetIp) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(1_000);
          askedAt.set(packet.targetIp, now);
        }
      });
    }),
    { numRuns: runs(40), ...settings },
  );
}

test('property: ARP requests for one address are a second apart', () => pacingLaw(real));
test('property pacing catches a planted bug: an interval of 0.3 s', () => {
  expect(() => pacingLaw((options) => real({ ...options, arpRequestIntervalMs: 300 }), PLANTED)).toThrow();
});
test('property pacing catches a planted bug: a new address asks anew', () => {
  /** Every change of configuration makes a fresh host, and with it a fresh memory of what was asked. */
  const forgetful: MakeHost = (options) => {
    let current = real(options);
    return new Proxy(current, {
      get: (_, name) => {
        if (name === 'configure') current = real(options);
        const member: unknown = Reflect.get(current, name, current);
        return typeof member === 'function' ? member.bind(current) : member;
      },
    });
  };
  expect(() => pacingLaw(forgetful, PLANTED)).toThrow();
});

/** What is asked with an echo request comes back octet for octet. */
function echoLaw(make: MakeHost, settings: LawSettings = {}): void {
  const request = fc.record({
    identifier: fc.nat(0xffff),
    sequence: fc.nat(0xffff),
    payload: fc.oneof(
      bytes(64),
      fc.nat(1_472).map((length) => new Uint8Array(length).fill(length)),
    ),
    trafficClass: fc.nat(255),
    padding: fc.nat(20),
  });
  fc.assert(
    fc.property(request, ({ identifier, sequence, payload, trafficClass, padding }) => {
      const host = make({});
      host.configure(0, { address: OUR_IP, prefixLength: 24 });
      host.handleFrame(0, arp());
      drainFrames(host);
      const sent = icmp({ type: 'echo-request', identifier, sequence, payload }, { trafficClass });
      const room = Math.min(padding, 1_514 - sent.length);
      const padded = new Uint8Array(sent.length + room).fill(0xee);
      padded.set(sent);
      host.handleFrame(0, padded);
      const [answer, ...more] = drainFrames(host).map(dissect);
      expect(more).toEqual([]);
      expect(answer?.problem).toBeUndefined();
      if (answer?.icmp?.type !== 'echo-reply') throw new Error('no echo reply');
      const { payload: returned, ...numbers } = answer.icmp;
      expect(numbers).toEqual({ type: 'echo-reply', identifier, sequence });
      expect(toHex(returned)).toBe(toHex(payload));
      expect(answer?.ipv4).toMatchObject({ source: OUR_IP, destination: PEER_IP, trafficClass });
      expect(answer?.ethernet).toMatchObject({ source: OUR_MAC, destination: PEER_MAC });
    }),
    { numRuns: runs(60), ...settings },
  );
}

test('property: an echo reply returns the octets of its request', () => echoLaw(real));
test('property echo catches a planted bug: the padding is echoed (Etherleak)', () => {
  class Leaky extends Host {
    override handleFrame(now: Millis, bytesIn: Uint8Array): void {
      const { ipv4: packet, icmp: message } = dissect(bytesIn);
      const body = bytesIn.subarray(42);
      super.handleFrame(now, message?.type === 'echo-request' ? icmp({ ...message, payload: body }, packet) : bytesIn);
    }
  }
  expect(() => echoLaw((options) => new Leaky({ mac: OUR_MAC, entropy: new SeededEntropy(1), ...options }), PLANTED)).toThrow();
});

/** fault/L07: one bit flipped anywhere in a datagram never reaches the application as another datagram. */
function corruptionLaw(make: MakeHost, settings: LawSettings = {}): void {
  const sent = fc.record({ payload: bytes(64), bit: fc.nat() });
  fc.assert(
    fc.property(sent, ({ payload, bit }) => {
      const host = make({});
      host.configure(0, { address: OUR_IP, prefixLength: 24 });
      for (const port of [6, 7, 5, 3, 15]) host.bindUdp({ port });
      drainEvents(host);
      const whole = udp({ payload });
      const at = 14 * 8 + (bit % ((whole.length - 14) * 8));
      whole[at >>> 3] = (whole[at >>> 3] ?? 0) ^ (0x80 >>> (at & 7));
      host.handleFrame(0, whole);
      for (const event of drainEvents(host))
        expect(event).toMatchObject({
          datagram: { source: { address: PEER_IP, port: 4_000 }, destination: { address: OUR_IP, port: 7 }, payload },
        });
    }),
    { numRuns: runs(150), ...settings },
  );
}

test('property: a flipped bit is never delivered', () => corruptionLaw(real));
test('property corruption catches a planted bug: checksums are taken for granted', () => {
  class Trusting extends Host {
    override handleFrame(now: Millis, bytesIn: Uint8Array): void {
      const source = ipv4FromU32(new DataView(bytesIn.buffer, bytesIn.byteOffset).getUint32(26));
      const packet = encodeUdp(
        { sourcePort: 4_000, destinationPort: 7, payload: bytesIn.subarray(42) },
        { source, destination: OUR_IP },
      );
      const body = encodeIpv4({ protocol: IP_PROTOCOL.udp, source, destination: OUR_IP, payload: packet });
      super.handleFrame(now, frame(ETHERTYPE.ipv4, body));
    }
  }
  expect(() =>
    corruptionLaw((options) => new Trusting({ mac: OUR_MAC, entropy: new SeededEntropy(1), ...options }), PLANTED),
  ).toThrow();
});

/** The same seed and inputs give the same octets at the same instants. */
function determinismLaw(make: (run: number) => Host, settings: LawSettings = {}): void {
  fc.assert(
    fc.property(steps, (all) => {
      const traces = [0, 1].map((run) => {
        const host = make(run);
        const trace: unknown[] = [];
        play(host, all, (now) => trace.push(now, drainFrames(host).map(toHex), drainEvents(host), host.nextTimeout()));
        return trace;
      });
      expect(traces[1]).toEqual(traces[0]);
    }),
    { numRuns: runs(10), ...settings },
  );
}

test('property: same seed, same trace', () => determinismLaw(() => real({})));
test('property determinism catches a planted bug: entropy that is not of the seed', () => {
  expect(() => determinismLaw((run) => real({ entropy: new SeededEntropy(run) }), PLANTED)).toThrow();
});
