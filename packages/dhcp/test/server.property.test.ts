import {
  type Datagram,
  type Ipv4Address,
  ipv4FromU32,
  type MacAddress,
  type Millis,
  parseIpv4,
  parsePrefix,
} from '@nexus-net/sansio';
import fc from 'fast-check';
import { property } from '../../sansio/test/support/law.js';
import { runs } from '../../sansio/test/support/runs.js';
import {
  type DhcpLeaseRecord,
  DhcpServer,
  type DhcpServerEvent,
  type DhcpServerOptions,
  type DhcpServerTransmit,
} from '../src/index.js';
import { type Ask, BROADCAST, datagramOf, FIRST, LAB_OPTIONS, number, readReply, SERVER } from './support/server-lab.js';

/** What the laws need of a server. */
interface ServerLike {
  handleDatagram(now: Millis, datagram: Datagram): void;
  handleTimeout(now: Millis): void;
  pollTransmit(): DhcpServerTransmit | undefined;
  pollEvent(): DhcpServerEvent | undefined;
  confirmStored(now: Millis, id: number): void;
  storeFailed(now: Millis, id: number): void;
}
type MakeServer = (options: DhcpServerOptions) => ServerLike;

const real: MakeServer = (options) => new DhcpServer(options);

/** A server with one of its methods replaced. */
function altered(change: (server: DhcpServer, options: DhcpServerOptions) => Partial<ServerLike>): MakeServer {
  return (options) => {
    const server = new DhcpServer(options);
    const own: ServerLike = {
      handleDatagram: (now, datagram) => server.handleDatagram(now, datagram),
      handleTimeout: (now) => server.handleTimeout(now),
      pollTransmit: () => server.pollTransmit(),
      pollEvent: () => server.pollEvent(),
      confirmStored: (now, id) => server.confirmStored(now, id),
      storeFailed: (now, id) => server.storeFailed(now, id),
    };
    return { ...own, ...change(server, options) };
  };
}

interface Step {
  readonly client: number;
  readonly wait: Millis;
  readonly ask: Ask;
  readonly act: 'discover' | 'select' | 'reboot' | 'renew' | 'rebind' | 'release' | 'decline' | 'inform';
  /** Which address the client talks about: the one it believes to have, or one of the pool. */
  readonly address: 'own' | number;
}

const step: fc.Arbitrary<Step> = fc.record({
  client: fc.integer({ min: 0, max: 4 }),
  wait: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 70_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 700_000 }) },
  ),
  act: fc.constantFrom('discover', 'select', 'select', 'select', 'reboot', 'renew', 'rebind', 'release', 'decline', 'inform'),
  address: fc.oneof(fc.constant('own' as const), fc.integer({ min: 0, max: 4 })),
  ask: fc.record(
    {
      flags: fc.constantFrom(0, 0x8000, 0x7fff),
      giaddr: fc.constantFrom(0, SERVER + 90, 0x0a090001).map(ipv4FromU32),
      clientId: fc.constantFrom(Uint8Array.of(0, 1), Uint8Array.of(0, 2)),
      leaseSeconds: fc.constantFrom(60, 120, 600, 0xffffffff),
      xid: fc.integer({ min: 1, max: 3 }),
      sourcePort: fc.constantFrom(68, 1068),
    },
    { requiredKeys: [] },
  ),
});

const history: fc.Arbitrary<readonly Step[]> = fc.array(step, { minLength: 1, maxLength: 40 });

/** The datagram of a step, and the address it names. */
function toDatagram({ client, ask, act, address }: Step, own: Ipv4Address | undefined): Datagram {
  const mac = (0x020000000000 + client) as MacAddress;
  const about = address === 'own' ? (own ?? FIRST) : ipv4FromU32(FIRST + address);
  const common: Ask = { ...ask, mac };
  switch (act) {
    case 'select':
      return datagramOf({ ...common, type: 'request', requested: about, server: SERVER });
    case 'reboot':
      return datagramOf({ ...common, type: 'request', requested: about });
    case 'renew':
      return datagramOf({ ...common, type: 'request', ciaddr: about, source: about, destination: SERVER });
    case 'rebind':
      return datagramOf({ ...common, type: 'request', ciaddr: about, source: about });
    case 'decline':
      return datagramOf({ ...common, type: 'decline', requested: about, server: SERVER });
    case 'release':
      return datagramOf({ ...common, type: 'release', ciaddr: about, source: about, server: SERVER });
    case 'inform':
      return datagramOf({ ...common, type: 'inform', ciaddr: about, source: about });
    case 'discover':
      return datagramOf({ ...common, type: 'discover', ...(address === 'own' ? {} : { requested: about }) });
  }
}

/** What the clients believe, from the ACKs alone. */
class Beliefs {
  readonly #holders = new Map<Ipv4Address, { client: string; until: Millis }>();

  /** `false` where the ACK promises an address that another client was promised. */
  promised(now: Millis, client: string, address: Ipv4Address, seconds: number): boolean {
    const holder = this.#holders.get(address);
    if (holder !== undefined && holder.client !== client && now < holder.until) return false;
    this.#holders.set(address, { client, until: seconds === 0xffffffff ? Number.POSITIVE_INFINITY : now + seconds * 1_000 });
    return true;
  }

  givenUp(client: string, address: Ipv4Address): void {
    if (this.#holders.get(address)?.client === client) this.#holders.delete(address);
  }

  of(now: Millis, client: string): Ipv4Address | undefined {
    return [...this.#holders].find(([, holder]) => holder.client === client && now < holder.until)?.[0];
  }

  all(now: Millis): { client: string; address: Ipv4Address; until: Millis }[] {
    return [...this.#holders].map(([address, holder]) => ({ address, ...holder })).filter(({ until }) => now < until);
  }
}

function nameOf({ client, ask }: Step): string {
  return ask.clientId === undefined ? `mac ${client}` : `id ${ask.clientId[1]}`;
}

const OPTIONS: DhcpServerOptions = { ...LAB_OPTIONS, leaseMsMax: Number.POSITIVE_INFINITY, quarantineMs: 60_000 };

const oneHolder = (make: MakeServer): fc.IRawProperty<unknown, false> =>
  fc.property(history, (steps) => {
    const server = make(OPTIONS);
    const beliefs = new Beliefs();
    let now = 0;
    for (const step of steps) {
      now += step.wait;
      const name = nameOf(step);
      const datagram = toDatagram(step, beliefs.of(now, name));
      if (step.act === 'release' || step.act === 'decline') {
        const own = beliefs.of(now, name);
        if (own !== undefined && (step.address === 'own' || own === FIRST + step.address)) beliefs.givenUp(name, own);
      }
      server.handleDatagram(now, datagram);
      for (let t = server.pollTransmit(); t !== undefined; t = server.pollTransmit()) {
        const reply = readReply(t);
        const { yiaddr } = reply.message;
        if (reply.type === 'ack' && yiaddr !== 0 && !beliefs.promised(now, name, yiaddr, number(reply, 51) ?? 0)) return false;
      }
    }
    return true;
  });

property('no address is leased to two clients at once, whatever they send and when', {
  law: oneHolder,
  real,
  planted: {
    'its clock runs twice as fast': altered((server) => ({
      handleDatagram: (now, datagram) => server.handleDatagram(2 * now, datagram),
    })),
    'it forgets everything now and then': (options) => {
      let server = new DhcpServer(options);
      let count = 0;
      return altered(() => ({
        handleDatagram: (now, datagram) => {
          if (++count % 4 === 0) server = new DhcpServer(options);
          server.handleDatagram(now, datagram);
        },
        pollTransmit: () => server.pollTransmit(),
      }))(options);
    },
  },
  count: 120,
});

/** RFC 2131 §4.1 and §4.3.2, written down once more, from the messages alone. */
function expectedDestination(step: Step, datagram: Datagram, transmit: DhcpServerTransmit): string {
  const { type, message } = readReply(transmit);
  const { giaddr = 0, flags = 0 } = step.ask;
  const ciaddr = step.act === 'inform' || step.act === 'renew' || step.act === 'rebind' ? datagram.source.address : 0;
  if (step.act === 'inform') return `${ciaddr}:68`;
  if (giaddr !== 0) return `${giaddr}:67`;
  if (type === 'nak') return `${BROADCAST}:68`;
  if (ciaddr !== 0) return `${ciaddr}:68`;
  if ((flags & 0x8000) !== 0) return `${BROADCAST}:68`;
  return `${message.yiaddr}:68@${0x020000000000 + step.client}`;
}

const byRule = (make: MakeServer): fc.IRawProperty<unknown, false> =>
  fc.property(history, (steps) => {
    const server = make({
      ...OPTIONS,
      remoteSubnets: [
        { prefix: parsePrefix('10.9.0.0/24'), pool: { first: parseIpv4('10.9.0.10'), last: parseIpv4('10.9.0.20') } },
      ],
    });
    let now = 0;
    for (const step of steps) {
      now += step.wait;
      const datagram = toDatagram(step, undefined);
      server.handleDatagram(now, datagram);
      for (let t = server.pollTransmit(); t !== undefined; t = server.pollTransmit()) {
        const link = t.linkDestination === undefined ? '' : `@${t.linkDestination}`;
        if (t.source.address !== SERVER || t.source.port !== 67) return false;
        if (`${t.destination.address}:${t.destination.port}${link}` !== expectedDestination(step, datagram, t)) return false;
        if (readReply(t).message.xid !== (step.ask.xid ?? 1)) return false;
      }
    }
    return true;
  });

property('every reply goes where RFC 2131 §4.1 says', {
  law: byRule,
  real,
  planted: {
    'it broadcasts everything': altered((server) => ({
      pollTransmit: () => {
        const t = server.pollTransmit();
        return t && { source: t.source, payload: t.payload, destination: { address: BROADCAST, port: 68 } };
      },
    })),
    'it forgets the link destination': altered((server) => ({
      pollTransmit: () => {
        const t = server.pollTransmit();
        return t && { source: t.source, payload: t.payload, destination: t.destination };
      },
    })),
  },
  count: 50,
});

/** Any octets, and messages with any octets in their fields and options. */
const anyDatagram: fc.Arbitrary<Datagram> = fc
  .record({
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.tuple(step, fc.array(fc.tuple(fc.nat({ max: 330 }), fc.nat({ max: 255 })), { maxLength: 8 })).map(([step, edits]) => {
        const { payload } = toDatagram(step, undefined);
        for (const [at, value] of edits) if (at < payload.length && (at < 236 || at > 242)) payload[at] = value;
        return payload;
      }),
    ),
    source: fc.constantFrom(0, SERVER, SERVER + 90, 0xffffffff).map(ipv4FromU32),
  })
  .map(({ payload, source }) => ({
    payload,
    source: { address: source, port: 68 },
    destination: { address: BROADCAST, port: 67 },
  }));

const validReplies = (make: MakeServer): fc.IRawProperty<unknown, false> =>
  fc.property(fc.array(anyDatagram, { maxLength: 20 }), (datagrams) => {
    const server = make(OPTIONS);
    for (const [now, datagram] of datagrams.entries()) {
      const before = datagram.payload.slice();
      server.handleDatagram(now, datagram);
      if (before.some((octet, i) => octet !== datagram.payload[i])) return false;
      for (let t = server.pollTransmit(); t !== undefined; t = server.pollTransmit()) {
        const { message, type } = readReply(t);
        if (type === 'other' || message.op !== 2 || number(readReply(t), 54) === undefined) return false;
        if (t.payload.length > 65_507 - 28) return false;
      }
    }
    return true;
  });

property('whatever octets come in, replies are valid messages and the input is left alone', {
  law: validReplies,
  real,
  planted: {
    'it says op 1': altered((server) => ({
      pollTransmit: () => {
        const t = server.pollTransmit();
        if (t !== undefined) t.payload[0] = 1;
        return t;
      },
    })),
    'it writes into the datagram': altered((server) => ({
      handleDatagram: (now, datagram) => {
        server.handleDatagram(now, datagram);
        if (datagram.payload.length > 0) datagram.payload[0] = 77;
      },
    })),
  },
  count: 60,
});

const LIMITS = { bindingCountMax: 64, offerCountMax: 16, quarantineCountMax: 8, hardwareBindingCountMax: 4 } as const;

const bounded = (limits: Partial<DhcpServerOptions>): fc.IRawProperty<unknown, false> =>
  fc.property(fc.integer(), (seed) => {
    const pool = { first: parseIpv4('10.16.0.1'), last: parseIpv4('10.31.0.0') };
    const server = new DhcpServer({ address: SERVER, prefix: parsePrefix('10.0.0.0/8'), pool, ...LIMITS, ...limits });
    let random = seed | 1;
    for (let i = 0; i < runs(1_000, { fast: 250 }); i++) {
      random = Math.imul(random, 0x9e3779b1) + 0x85ebca6b;
      const mac = (0x020000000000 + (random >>> 0)) as MacAddress;
      server.handleDatagram(i, datagramOf({ type: 'discover', mac }));
      const offer = server.pollTransmit();
      if (offer !== undefined && i % 3 === 0) {
        const { yiaddr } = readReply(offer).message;
        server.handleDatagram(i, datagramOf({ type: 'request', mac, requested: yiaddr, server: SERVER }));
        if (i % 2 === 0) server.handleDatagram(i, datagramOf({ type: 'decline', mac, requested: yiaddr, server: SERVER }));
      }
      while (server.pollTransmit() !== undefined);
      while (server.pollEvent() !== undefined);
    }
    const { counts } = server.inspect();
    return (
      counts.bindings <= LIMITS.bindingCountMax &&
      counts.offered <= LIMITS.offerCountMax &&
      counts.quarantined <= LIMITS.quarantineCountMax
    );
  });

property('the tables keep their limits under a flood of random clients', {
  law: bounded,
  real: {},
  planted: {
    'no limit of bindings': { bindingCountMax: 1e9 },
    'no limit of offers': { offerCountMax: 1e9 },
    'no limit of the quarantine': { quarantineCountMax: 1e9, bindingCountMax: 1e9 },
  },
  count: 1,
});

interface Fate {
  readonly step: Step;
  /** What the store does with the records that wait, and whether the server dies then. */
  readonly store: 'wait' | 'confirm' | 'fail' | 'lost';
  readonly crash: boolean;
}

const fates: fc.Arbitrary<readonly Fate[]> = fc.array(
  fc.record({
    step,
    store: fc.constantFrom('wait', 'confirm', 'confirm', 'confirm', 'fail', 'lost'),
    crash: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 40 },
);

/** A server over a store that dies now and then: what it acknowledged holds, for one client at a time. */
const survives = (make: MakeServer): fc.IRawProperty<unknown, false> =>
  fc.property(fates, (fates) => {
    const options: DhcpServerOptions = { ...OPTIONS, durability: 'confirmed' };
    let server = make(options);
    const journal: DhcpLeaseRecord[] = [];
    const beliefs = new Beliefs();
    let waiting: { id: number; record: DhcpLeaseRecord }[] = [];
    let now = 0;
    for (const { step, store, crash } of fates) {
      now += step.wait;
      const name = nameOf(step);
      if (step.act === 'release' || step.act === 'decline') {
        const own = beliefs.of(now, name);
        if (own !== undefined && (step.address === 'own' || own === FIRST + step.address)) beliefs.givenUp(name, own);
      }
      server.handleDatagram(now, toDatagram({ ...step, ask: { ...step.ask, giaddr: ipv4FromU32(0) } }, beliefs.of(now, name)));
      for (let e = server.pollEvent(); e !== undefined; e = server.pollEvent()) if (e.type === 'store') waiting.push(e);
      if (store !== 'wait') {
        for (const { id, record } of waiting) {
          if (store !== 'fail') journal.push(record); // a lost answer may come after a write that worked
          if (store === 'confirm') server.confirmStored(now, id);
          else server.storeFailed(now, id);
        }
        waiting = [];
      }
      for (let t = server.pollTransmit(); t !== undefined; t = server.pollTransmit()) {
        const reply = readReply(t);
        const { yiaddr, chaddr } = reply.message;
        const id = reply.message.options.find(({ code }) => code === 61)?.value;
        const client = id === undefined ? `mac ${chaddr[5]}` : `id ${id[1]}`;
        if (reply.type === 'ack' && yiaddr !== 0 && !beliefs.promised(now, client, yiaddr, number(reply, 51) ?? 0)) return false;
      }
      if (!crash) continue;
      server = make({ ...options, restored: journal });
      server.handleTimeout(now);
      while (server.pollEvent() !== undefined);
      waiting = [];
    }
    server = make({ ...options, durability: 'immediate', restored: journal });
    for (const { client, address } of beliefs.all(now)) {
      const [type, number] = client.split(' ');
      const identity =
        type === 'id' ? { clientId: Uint8Array.of(0, Number(number)) } : { mac: (0x020000000000 + Number(number)) as MacAddress };
      server.handleDatagram(
        now,
        datagramOf({ ...identity, type: 'request', ciaddr: address, source: address, destination: SERVER }),
      );
      const reply = server.pollTransmit();
      if (reply === undefined || readReply(reply).type !== 'ack') return false; // an acknowledged lease was lost
    }
    return true;
  });

property('fault/D19 what was acknowledged survives a crash at any point, and no address gets a second holder', {
  law: survives,
  real,
  planted: {
    'it acknowledges before the store does': (options) => {
      const server = new DhcpServer({ ...options, durability: 'immediate' });
      return altered(() => ({
        handleDatagram: (now, datagram) => server.handleDatagram(now, datagram),
        pollTransmit: () => server.pollTransmit(),
        pollEvent: () => server.pollEvent(),
      }))(options);
    },
    'it takes a failure for a success': altered((server) => ({ storeFailed: (now, id) => server.confirmStored(now, id) })),
    'it restores the oldest row of each address': (options) =>
      new DhcpServer({
        ...options,
        restored: (options.restored ?? []).map((row) => ({ ...row, revision: 1_000_000 - row.revision })),
      }),
  },
  count: 80,
});
