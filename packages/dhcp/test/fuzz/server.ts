import {
  type Datagram,
  formatIpv4,
  IPV4_ANY,
  type Ipv4Address,
  type Millis,
  parseIpv4,
  parsePrefix,
  readU32,
} from '@nexus-net/sansio';
import { demand, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import {
  DHCP_MESSAGE_TYPE,
  type DhcpOption,
  DhcpServer,
  type DhcpServerTransmit,
  decodeDhcpMessage,
  messageType,
  optionValue,
} from '../../src/index.js';
import { drain, drawAddress, drawDamage, drawJump, drawMac, drawOptions } from '../support/fuzz-message.js';

export const limits: FuzzLimits = { octetsMax: 500, costBase: 200_000, costPerOctet: 10_000, allocatedPerOctet: 10_000 };

const SERVER: Ipv4Address = parseIpv4('10.0.2.2');

/**
 * The octets are a configuration and a sequence of time and datagrams of five clients. Whatever comes: no address is leased
 * to two clients at once, nor before a quarantine ends; no ACK promises more than the server keeps; replies can be read and
 * come from port 67; at most one reply to a datagram; what is due has been done.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u8();
  const confirmed = (bits & 1) !== 0;
  const probes = (bits & 16) !== 0;
  const late = probes ? 3 : 0; // probes without an answer in time end in offers, whatever the call was for
  const server = new DhcpServer({
    address: SERVER,
    prefix: parsePrefix('10.0.2.0/24'),
    pool: { first: parseIpv4('10.0.2.15'), last: parseIpv4('10.0.2.18') },
    reservations: [{ address: parseIpv4('10.0.2.17'), clientId: Uint8Array.of(0, 1) }],
    remoteSubnets: [
      { prefix: parsePrefix('10.9.0.0/24'), pool: { first: parseIpv4('10.9.0.16'), last: parseIpv4('10.9.0.17') } },
    ],
    routers: [SERVER],
    leaseMs: 600_000,
    leaseMsMax: (bits & 2) !== 0 ? Number.POSITIVE_INFINITY : 3_600_000,
    durability: confirmed ? 'confirmed' : 'immediate',
    authoritative: (bits & 4) === 0,
    rapidCommit: (bits & 8) !== 0,
    hardwareBindingCountMax: 3,
    quarantineMs: 60_000,
    ...(probes && { conflictCheck: { probeCountMax: 3 } }),
  });
  const watch = new Watch(server);
  while (!script.isAtEnd) {
    const { clock: now } = watch;
    const kind = script.u8() % 8;
    if (kind === 0) {
      const due = Math.max(now, Math.min(server.nextTimeout(), now + 3_600_000));
      watch.call(due, () => server.handleTimeout(due), late);
    } else if (kind === 1) {
      const later = now + drawJump(script);
      watch.call(later, () => server.handleTimeout(later), late);
    } else if (kind === 2 && confirmed) {
      const id = watch.lastStore - (script.u8() % 4);
      const fails = script.u8() % 4 === 0;
      watch.call(now, () => (fails ? server.storeFailed(now, id) : server.confirmStored(now, id)), 16 + late);
    } else if (kind === 3 && probes && script.u8() % 2 === 0) {
      const id = watch.lastProbe - (script.u8() % 3);
      const result = script.pick(['free', 'in-use'] as const);
      watch.call(now, () => server.probeResult(now, id, result), 1 + late);
    } else {
      const datagram = request(script);
      watch.call(now, () => server.handleDatagram(now, datagram), 1 + late);
    }
  }
}

/** A message of a client, good in most respects. */
function request(script: FuzzScript): Datagram {
  const bits = script.u8();
  const type = script.pick([1, 3, 3, 3, 4, 7, 8, 1, script.u8()]);
  const address = drawAddress(script);
  const about = octets(address);
  const own: DhcpOption[] = [{ code: 53, value: Uint8Array.of(type) }];
  if ((bits & 1) !== 0) own.push({ code: 50, value: about });
  if ((bits & 2) !== 0) own.push({ code: 54, value: octets((bits & 4) !== 0 ? drawAddress(script) : SERVER) });
  if ((bits & 8) !== 0) own.push({ code: 61, value: Uint8Array.of(0, script.u8() % 3) });
  const ciaddr = (bits & 16) !== 0 ? address : IPV4_ANY;
  const more = drawOptions(script).filter(({ code }) => own.every((other) => other.code !== code));
  const payload = drawDamage(script, {
    op: 1,
    xid: script.u8(),
    chaddr: drawMac(script),
    ciaddr,
    giaddr: (bits & 32) !== 0 ? drawAddress(script) : IPV4_ANY,
    flags: (bits & 64) !== 0 ? 0x8000 : 0,
    options: [...own, ...more],
  });
  return {
    source: { address: ciaddr, port: 68 },
    destination: { address: (bits & 128) !== 0 ? SERVER : parseIpv4('255.255.255.255'), port: 67 },
    payload,
  };
}

/** Calls the server and checks what each call brings. */
class Watch {
  clock: Millis = 0;
  lastStore = 0;
  lastProbe = 0;
  readonly #server: DhcpServer;
  #now: Millis = Number.NEGATIVE_INFINITY;
  readonly #leases = new Map<Ipv4Address, { readonly client: string; readonly until: Millis }>();
  readonly #quarantine = new Map<Ipv4Address, Millis>();

  constructor(server: DhcpServer) {
    this.#server = server;
  }

  call(clock: Millis, call: () => void, repliesMax: number): void {
    const server = this.#server;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    const now = this.#now;
    call();
    for (const event of drain(() => server.pollEvent())) {
      if ('at' in event) demand(event.at <= now, 'nothing happens in the future');
      if (event.type === 'store') this.lastStore = event.id;
      if (event.type === 'probe') {
        this.lastProbe = event.id;
        const holder = this.#leases.get(event.address);
        demand(holder === undefined || holder.until <= event.at, 'nobody is probed who has a lease');
      }
      if (event.type === 'leased' || event.type === 'renewed') {
        const { client, address, until, at } = event;
        const holder = this.#leases.get(address);
        const isFree = holder === undefined || holder.client === client || holder.until <= at;
        demand(isFree, `${formatIpv4(address)} is leased to one client at a time`);
        demand((this.#quarantine.get(address) ?? Number.NEGATIVE_INFINITY) <= at, 'a contested address is out of use');
        this.#leases.set(address, { client, until });
      }
      if (event.type === 'declined' || event.type === 'conflict') this.#quarantine.set(event.address, event.until);
      if (event.type === 'released' || event.type === 'declined') {
        const holder = this.#leases.get(event.address);
        demand(holder === undefined || holder.client === event.client || holder.until <= now, 'only the holder gives back');
        this.#leases.delete(event.address);
      }
    }
    const replies = drain(() => server.pollTransmit());
    demand(replies.length <= repliesMax, 'as many replies as requests');
    for (const each of replies) this.#checkReply(each);
    demand(server.nextTimeout() > now, 'what is due has been done');
  }

  #checkReply({ source, destination, payload }: DhcpServerTransmit): void {
    demand(source.address === SERVER && source.port === 67, 'replies come from the server');
    demand(destination.address !== IPV4_ANY, 'replies go somewhere');
    const decoded = decodeDhcpMessage(payload, { strict: true });
    demand(decoded.ok && decoded.value.op === 2, 'what is sent can be read');
    const message = decoded.value;
    if (messageType(message) !== DHCP_MESSAGE_TYPE.ack || message.yiaddr === IPV4_ANY) return;
    const seconds = readU32(optionValue(message.options, 51) ?? new Uint8Array(4), 0);
    const promised = seconds === 0xffffffff ? Number.POSITIVE_INFINITY : this.#now + 1000 * seconds;
    demand(seconds > 0 && promised <= (this.#leases.get(message.yiaddr)?.until ?? 0), 'an ACK promises what is kept');
  }
}

function octets(address: Ipv4Address): Uint8Array {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

/** DISCOVER and REQUEST of two clients for one address, a RELEASE, a DECLINE; the same with a store, and with probes. */
export function seeds(): Uint8Array[] {
  type Choice = { readonly bits?: number; readonly address?: number; readonly client?: number };
  const ask = (type: number, { bits = 0, address = 0, client = 0 }: Choice = {}): number[] => [
    ...[bits, 0, type, address],
    ...[0, 1, client, 0], // no options, xid 1, no damage
  ];
  const take: Choice = { bits: 3 }; // names the address and the server
  const story = [ask(0), ask(1, take), ask(1, { ...take, client: 1 }), ask(5, { bits: 17 }), ask(1, { ...take, client: 1 })];
  const plain = story.flatMap((each) => [3, ...each]);
  const decline = [3, ...ask(4, { ...take, client: 1 })];
  // Where there are probes, an octet says that it is a message after all.
  const probed = [3, 1, ...ask(0)];
  const taken = [0, 1, 2, 3].flatMap((address) => [3, 1, ...ask(1, { bits: 1, address, client: address })]);
  return [
    Uint8Array.from([0, ...plain, ...decline, 0, 0, ...plain]),
    Uint8Array.from([1, ...plain, 2, 0, 1, ...decline, 2, 1, 0]),
    Uint8Array.from([10, ...plain, ...plain]),
    Uint8Array.from([16, ...probed, 3, 0, 0, 0, ...taken]),
    Uint8Array.from([16, ...probed, 3, 0, 0, 1, 1, 3, ...taken]),
  ];
}
