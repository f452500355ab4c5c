import {
  bytesEqual,
  type Ipv4Address,
  ipv4FromU32,
  type MacAddress,
  type Millis,
  parseIpv4,
  parsePrefix,
} from '@nexus-net/sansio';
import fc from 'fast-check';
import { property } from '../../sansio/test/support/law.js';
import {
  type DhcpOption,
  DhcpRelay,
  type DhcpRelayDatagram,
  type DhcpRelayInterface,
  type DhcpRelayOptions,
  type DhcpRelayTransmit,
  decodeDhcpMessage,
  encodeDhcpMessage,
} from '../src/index.js';
import { CODED, MESSAGE } from './support/codec-arbitraries.js';
import { CIRCUIT, CIRCUIT_INFORMATION, CLIENTS, LAB_INTERFACE, RELAY, SERVERS, UPSTREAM } from './support/relay-lab.js';
import { comparable, type MakeRelay, type RelayLike, RelayWorld } from './support/relay-world.js';
import { A, datagramOf } from './support/server-lab.js';

const real: MakeRelay = (options) => new DhcpRelay(options);

/** A relay with one of its methods replaced. */
function altered(change: (relay: DhcpRelay) => Partial<RelayLike>): MakeRelay {
  return (options) => {
    const relay = new DhcpRelay(options);
    const own: RelayLike = {
      handleDatagram: (now, datagram) => relay.handleDatagram(now, datagram),
      pollTransmit: () => relay.pollTransmit(),
    };
    return { ...own, ...change(relay) };
  };
}

/** A relay that changes what it sends. */
function sending(change: (transmit: DhcpRelayTransmit) => DhcpRelayTransmit): MakeRelay {
  return altered((relay) => ({
    pollTransmit: () => {
      const transmit = relay.pollTransmit();
      return transmit && change(transmit);
    },
  }));
}

/** The payload with octets changed in place. */
function edited(transmit: DhcpRelayTransmit, edit: (octets: Uint8Array) => void): DhcpRelayTransmit {
  edit(transmit.payload);
  return transmit;
}

const world = fc.record({
  relays: fc.integer({ min: 1, max: 4 }),
  client: fc.record(
    {
      broadcastReplies: fc.boolean(),
      hostname: fc.constantFrom('a', 'host-name'),
      clientId: fc.constantFrom('none' as const, Uint8Array.of(0, 1, 2)),
      rapidCommit: fc.boolean(),
      requestedAddress: fc.constantFrom('10.1.0.30', '10.9.9.9').map(parseIpv4),
      maxMessageLength: fc.constantFrom(576, 1_472),
    },
    { requiredKeys: [] },
  ),
  server: fc.record(
    {
      leaseMs: fc.constantFrom(60_000, 3_600_000, Number.POSITIVE_INFINITY),
      rapidCommit: fc.boolean(),
      bootFile: fc.constantFrom('', 'boot.efi'),
    },
    { requiredKeys: [] },
  ),
  interface: fc.record(
    {
      information: fc.record(
        {
          circuitId: fc.uint8Array({ minLength: 1, maxLength: 60 }),
          remoteId: fc.uint8Array({ minLength: 1, maxLength: 60 }),
          flags: fc.boolean(),
          linkSelection: fc.constant(true),
          serverIdOverride: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
      trusted: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
  relay: fc.record({ port: fc.constantFrom(67, 1067) }, { requiredKeys: [] }),
});

/** The whole life of a lease, up to the first renewal. */
const sameLease = (make: MakeRelay): fc.IRawProperty<unknown, false> =>
  fc.property(world, (config) => {
    const end = 200_000;
    const relayed = new RelayWorld({ ...config, make }).start().runUntil(end);
    const direct = new RelayWorld({ ...config, relays: 0, make }).start().runUntil(end);
    const causes = (one: RelayWorld): string => one.events.map((e) => (e.type === 'bound' ? e.cause : e.type)).join();
    return (
      direct.lease !== undefined &&
      JSON.stringify(comparable(relayed.lease)) === JSON.stringify(comparable(direct.lease)) &&
      causes(relayed) === causes(direct)
    );
  });

property('through any chain of relays a client gets the lease that it gets directly', {
  law: sameLease,
  real,
  planted: {
    'each relay puts its own address into giaddr': (options) => {
      const [port] = options.interfaces as [DhcpRelayInterface];
      const address = [24, 16, 8, 0].map((shift) => (port.address >>> shift) & 0xff);
      return sending((t) => edited(t, (octets) => void (t.interface === undefined && octets.set(address, 24))))(options);
    },
    'it forgets the link destination, and sends to another one': sending((t) =>
      t.linkDestination === undefined ? t : { ...t, linkDestination: 1 as MacAddress },
    ),
    'it answers to port 67': sending((t) =>
      t.interface === undefined ? t : { ...t, destination: { ...t.destination, port: 67 } },
    ),
    'it takes one option too many out': sending((t) =>
      t.interface === undefined ? t : edited(t, (octets) => octets.copyWithin(240 + 3 + 6, 240 + 3 + 6 + 6)),
    ),
  },
  count: 25,
});

/** A ring of relays, each the server of the one before: the worst that can be configured. */
const endsInRing = (make: MakeRelay): fc.IRawProperty<unknown, false> =>
  fc.property(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 16 }), fc.nat({ max: 20 }), (size, hopsMax, hops) => {
    const address = (k: number): Ipv4Address => ipv4FromU32(RELAY + (k << 16));
    const ring = Array.from({ length: size }, (_, k) =>
      make({
        interfaces: [{ index: CLIENTS, address: address(k), prefix: parsePrefix(`10.${k + 1}.0.0/16`) }],
        servers: [address((k + 1) % size)],
        hopsMax,
      }),
    );
    let at = 0;
    let count = 0;
    // From a relay outside of the ring, so that no one knows giaddr as its own.
    let datagram = datagramOf({ hops, giaddr: parseIpv4('192.0.2.1') });
    for (;;) {
      const relay = ring[at] as RelayLike;
      relay.handleDatagram(count, { ...datagram, destination: { address: address(at), port: 67 }, interface: CLIENTS });
      const next = relay.pollTransmit();
      if (next === undefined) return count === Math.max(0, hopsMax - hops);
      if (++count > 40 || (next.payload[3] ?? 0) > hopsMax) return false;
      datagram = next;
      at = (at + 1) % size;
    }
  });

property('no message is passed on more often than the limit of hops allows, in a ring of relays neither', {
  law: endsInRing,
  real,
  planted: {
    'it counts from its own': sending((t) => edited(t, (octets) => void (octets[3] = 1))),
    'it lets one hop more pass': (options) => real({ ...options, hopsMax: Math.min(16, (options.hopsMax ?? 4) + 1) }),
    'it does not count': sending((t) => edited(t, (octets) => void octets.fill(0, 3, 4))),
  },
  count: 60,
});

/** Replies with option 82 wherever it can be: alone, in parts, in lent fields, malformed. */
const area = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom([82, 4, ...CIRCUIT_INFORMATION], [82, 0], [82, 2, 1], [82, 3, 1, 1, 9]) },
      {
        weight: 1,
        arbitrary: fc.constantFrom([0], [255], [12, 1, 82], [52, 1, 1], [52, 1, 3], [52, 1, 2], [53, 1, 5], [43, 200]),
      },
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.flat());

const oddReply = fc.record({ options: area, file: area, sname: area, end: fc.boolean(), flags: fc.constantFrom(0, 0x8000) });

const neverToClients = (make: MakeRelay): fc.IRawProperty<unknown, false> =>
  fc.property(oddReply, fc.boolean(), ({ options, file, sname, end, flags }, adds) => {
    const relay = make({
      interfaces: [{ ...LAB_INTERFACE, ...(adds ? { information: { circuitId: CIRCUIT } } : {}) }],
      servers: [UPSTREAM],
    });
    const { payload } = datagramOf({ op: 2, giaddr: RELAY, yiaddr: ipv4FromU32(RELAY + 6), flags });
    const message = new Uint8Array(240 + 3 + options.length + (end ? 1 : 0));
    message.set(payload.subarray(0, 243));
    message.set(sname.slice(0, 64), 44);
    message.set(file.slice(0, 128), 108);
    message.set(options, 243);
    if (end) message[message.length - 1] = 255;
    const source = { address: UPSTREAM, port: 67 };
    relay.handleDatagram(0, { source, destination: { address: RELAY, port: 67 }, payload: message, interface: SERVERS });
    const out = relay.pollTransmit();
    if (out === undefined) return true;
    const decoded = decodeDhcpMessage(out.payload);
    return out.payload.length === message.length && (!decoded.ok || decoded.value.options.get(82) === undefined);
  });

property('option 82 never reaches a client', {
  law: neverToClients,
  real,
  planted: {
    'it leaves it': (options) => {
      const queue: DhcpRelayTransmit[] = [];
      return {
        handleDatagram: (_now, { interface: _, ...datagram }) => void queue.push({ ...datagram, interface: 1 }),
        pollTransmit: () => (options.servers.length > 0 ? queue.shift() : undefined),
      };
    },
    'it trusts its clients': (options) =>
      real({ ...options, interfaces: options.interfaces.map((i) => ({ ...i, trusted: true })) }),
    'it looks only into the options field': altered((relay) => ({
      handleDatagram: (now, datagram) => {
        const payload = datagram.payload.slice();
        const lent = payload.slice(44, 236);
        payload.fill(0, 44, 236);
        relay.handleDatagram(now, { ...datagram, payload });
        kept = lent;
      },
      pollTransmit: () => {
        const transmit = relay.pollTransmit();
        transmit?.payload.set(kept, 44);
        return transmit;
      },
    })),
  },
  count: 300,
});

let kept: Uint8Array = new Uint8Array(192);

/** Octets of every kind: any, and messages with some octets changed. */
const anyPayload = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .tuple(MESSAGE, fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 6 }), fc.nat({ max: 420 }))
    .map(([message, edits, cut]) => {
      const payload = encodeDhcpMessage(message);
      for (const [at, value] of edits) if (at < payload.length) payload[at] = value;
      return payload.slice(0, Math.max(cut, 200));
    }),
);

const ANY_OPTIONS: DhcpRelayOptions = {
  interfaces: [
    { ...LAB_INTERFACE, trusted: true, information: { circuitId: CIRCUIT, flags: true, whenPresent: 'append' } },
    { index: 2, address: parseIpv4('10.2.0.1'), prefix: parsePrefix('10.2.0.0/24'), giaddr: parseIpv4('10.0.2.200') },
  ],
  servers: [UPSTREAM],
  hopsMax: 16,
};

const takesAnything = (make: MakeRelay): fc.IRawProperty<unknown, false> =>
  fc.property(
    fc.array(fc.tuple(anyPayload, fc.constantFrom(1, 2, 9), fc.constantFrom(67, 68), fc.constantFrom(0, RELAY)), {
      maxLength: 10,
    }),
    (datagrams) => {
      const relay = make(ANY_OPTIONS);
      for (const [now, [payload, at, port, giaddr]] of datagrams.entries()) {
        if (giaddr !== 0 && payload.length >= 28) payload.set([10, 1, 0, 1], 24);
        const before = payload.slice();
        const datagram: DhcpRelayDatagram = {
          source: { address: UPSTREAM, port: 67 },
          destination: { address: RELAY, port },
          payload,
          interface: at,
        };
        relay.handleDatagram(now as Millis, datagram);
        if (!bytesEqual(before, payload)) return false;
        for (let t = relay.pollTransmit(); t !== undefined; t = relay.pollTransmit()) {
          if (t.payload.length < payload.length || t.payload.length > Math.max(1_472, payload.length)) return false;
        }
      }
      return true;
    },
  );

property('any octets are taken without a throw, left as they are, and answered within bounds', {
  law: takesAnything,
  real,
  planted: {
    'it writes into the datagram': altered((relay) => ({
      handleDatagram: (now, datagram) => {
        relay.handleDatagram(now, datagram);
        datagram.payload.fill(77, 3, 4);
      },
    })),
    'it throws for short ones': altered((relay) => ({
      handleDatagram: (now, datagram) => {
        new DataView(datagram.payload.buffer).getUint8(235);
        relay.handleDatagram(now, datagram);
      },
    })),
    'it cuts the end': sending((t) => ({ ...t, payload: t.payload.slice(0, -1) })),
  },
  count: 60,
});

/** What a server reads of a request is what the client wrote, but for hops, giaddr and option 82. */
const sameMeaning = (make: MakeRelay): fc.IRawProperty<unknown, false> =>
  fc.property(MESSAGE, CODED, fc.nat({ max: 3 }), fc.nat({ max: 60 }), (message, more, hops, padding) => {
    const options: DhcpOption[] = [
      ...more.filter(({ code }) => code !== 82 && code !== 53),
      { code: 53, value: Uint8Array.of(1) },
    ];
    const payload = encodeDhcpMessage({ ...message, op: 1, hops, giaddr: ipv4FromU32(0), options }, { lengthMin: 300 + padding });
    const relay = make({
      interfaces: [{ ...LAB_INTERFACE, information: { circuitId: CIRCUIT } }],
      servers: [UPSTREAM],
      mtu: 65_535,
    });
    const { source, destination } = datagramOf({ mac: A });
    relay.handleDatagram(0, { source, destination, payload, interface: CLIENTS });
    const out = relay.pollTransmit();
    const [read, expected] = [out && decodeDhcpMessage(out.payload), decodeDhcpMessage(payload)];
    if (read?.ok !== true || !expected.ok) return false;
    const strip = ({ options: all, ...rest }: (typeof expected)['value']): string =>
      JSON.stringify([rest, all.filter(({ code }) => code !== 82)]);
    const { value } = expected;
    const last = read.value.options.at(-1);
    const fits = last?.code === 82 && bytesEqual(last.value, CIRCUIT_INFORMATION);
    return (fits || payload.length > 570) && strip(read.value) === strip({ ...value, hops: hops + 1, giaddr: RELAY });
  });

property('a server reads what the client wrote, and option 82 last', {
  law: sameMeaning,
  real,
  planted: {
    'it forgets END': sending((t) => edited(t, (octets) => void octets.fill(82, 250))),
    'it clears secs': sending((t) => edited(t, (octets) => void octets.fill(0, 8, 10))),
    'it clears the padding of chaddr': sending((t) => edited(t, (octets) => void octets.fill(0, 34, 44))),
    'it puts option 82 first': sending((t) =>
      edited(t, (octets) => {
        const at = octets.lastIndexOf(82);
        octets.copyWithin(246, 240, at);
        octets.set([82, 4, ...CIRCUIT_INFORMATION], 240);
      }),
    ),
    'it adds none': (options) => real({ ...options, interfaces: [LAB_INTERFACE] }),
  },
  count: 100,
});
