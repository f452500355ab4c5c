import {
  type Datagram,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  SeededEntropy,
} from '@nexus-net/sansio';
import { demand, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import {
  DHCP_MESSAGE_TYPE,
  DhcpClient,
  type DhcpLease,
  type DhcpMessage,
  decodeDhcpMessage,
  messageType,
} from '../../src/index.js';
import { ADDRESSES, drain, drawAddress, drawDamage, drawJump, drawOptions, octetsOf } from '../support/fuzz-message.js';

export const limits: FuzzLimits = { octetsMax: 400, costBase: 200_000, costPerOctet: 10_000, allocatedPerOctet: 10_000 };

const MAC = 0x525400123456 as MacAddress;
const INFORM_ADDRESS = ADDRESSES[9] as Ipv4Address;

/**
 * The octets are a configuration and a sequence of time, commands and datagrams. Whatever comes: 68 → 67; 0.0.0.0 →
 * broadcast unless the application holds a lease or asked for INFORM; no lease is held past its end; at most 20 messages a
 * minute; what is due has been done; what is sent can be read.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u16();
  const client = new DhcpClient({
    mac: MAC,
    entropy: new SeededEntropy(bits),
    conflictDetection: (bits & 1) !== 0,
    rapidCommit: (bits & 2) !== 0,
    ipv6OnlyPreferred: (bits & 4) !== 0,
    detectAttachment: (bits & 8) !== 0,
    releaseOnStop: (bits & 16) !== 0,
    broadcastReplies: (bits & 32) !== 0,
    offerWindowMs: (bits & 64) !== 0 ? 3000 : 0,
    rebootUnanswered: (bits & 128) !== 0 ? 'keep-lease' : 'restart',
    missingMask: (bits & 256) !== 0 ? 'host' : 'reject',
  });
  const watch = new Watch(client);
  watch.call(0, () => client.start(0));
  while (!script.isAtEnd) watch.call(...step(script, client, watch));
}

/** What happens next: the time that the caller says, and the call. */
function step(script: FuzzScript, client: DhcpClient, watch: Watch): [now: Millis, call: () => void] {
  const { clock: now, last } = watch;
  switch (script.u8() % 16) {
    case 0:
    case 1: {
      const due = Math.max(now, Math.min(client.nextTimeout(), now + 60_000));
      return [due, () => client.handleTimeout(due)];
    }
    case 2: {
      const later = now + drawJump(script);
      return [later, () => client.handleTimeout(later)];
    }
    case 3:
      return [now, () => client.start(now)];
    case 4:
      return [now, () => client.stop(now)];
    case 5:
      return [now, () => client.release(now)];
    case 6:
      return [now, () => client.decline(now)];
    case 7:
      return [now, () => client.inform(now, INFORM_ADDRESS)];
    case 8:
      return [now, () => client.linkDown(now)];
    case 9:
      return [now, () => client.linkUp(now)];
    case 10: {
      const result = script.pick(['free', 'in-use'] as const);
      return [now, () => client.probeResult(now, result)];
    }
    case 11: {
      const result = script.pick(['same', 'other', 'unknown'] as const);
      return [now, () => client.attachmentResult(now, result)];
    }
    default: {
      const datagram = reply(script, last);
      return [now, () => client.handleDatagram(now, datagram)];
    }
  }
}

/** An answer to the last message, good in most respects. */
function reply(script: FuzzScript, last: DhcpMessage | undefined): Datagram {
  const bits = script.u8();
  const fitting = last !== undefined && messageType(last) === DHCP_MESSAGE_TYPE.discover ? 2 : 5;
  const type = (bits & 3) === 3 ? script.u8() : fitting;
  const lease = (bits & 4) !== 0 ? [{ code: 51, value: octetsOf(script.u32()) }] : [{ code: 51, value: octetsOf(3600) }];
  const mask = (bits & 8) !== 0 ? [] : [{ code: 1, value: octetsOf(0xffffff00) }];
  const server = (bits & 16) !== 0 ? drawAddress(script) : (ADDRESSES[4] as Ipv4Address);
  const drawn = drawOptions(script);
  const own = [{ code: 53, value: Uint8Array.of(type) }, { code: 54, value: octetsOf(server) }, ...lease, ...mask];
  const payload = drawDamage(script, {
    op: (bits & 32) !== 0 ? script.u8() : 2,
    xid: (bits & 64) !== 0 ? script.u32() : (last?.xid ?? 0),
    chaddr: MAC,
    yiaddr: drawAddress(script),
    options: [...drawn.filter(({ code }) => own.every((other) => other.code !== code)), ...own],
  });
  return {
    source: { address: server, port: 67 },
    destination: { address: IPV4_BROADCAST, port: (bits & 128) !== 0 ? script.u16() : 68 },
    payload,
  };
}

/** Calls the client and checks what each call brings. */
class Watch {
  clock: Millis = 0;
  last: DhcpMessage | undefined;
  readonly #client: DhcpClient;
  /** The latest time that the client has heard of: its own. */
  #now: Millis = 0;
  #lease: DhcpLease | undefined;
  readonly #sentAt: Millis[] = [];

  constructor(client: DhcpClient) {
    this.#client = client;
  }

  call(clock: Millis, call: () => void): void {
    const client = this.#client;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    const now = this.#now;
    const before = this.#lease !== undefined && this.#lease.expiresAt > now ? [this.#lease.address] : [];
    call();
    const held = [...before];
    for (const event of drain(() => client.pollEvent())) {
      demand(!('at' in event) || event.at <= now, 'nothing happens in the future');
      if (event.type === 'bound') {
        demand(this.#lease === undefined || this.#lease.address === event.lease.address, 'the last address was left first');
        this.#lease = event.lease;
        held.push(event.lease.address);
      } else if (event.type === 'unbound') {
        demand(this.#lease?.address === event.address, 'only an address in use is left');
        this.#lease = undefined;
      }
    }
    for (const datagram of drain(() => client.pollTransmit())) this.#checkSent(datagram, held);
    demand(client.lease === this.#lease, 'the getter and the events agree');
    demand(client.nextTimeout() > now, 'what is due has been done');
    const lease = this.#lease;
    if (lease === undefined) return;
    demand(lease.expiresAt > now && client.nextTimeout() <= lease.expiresAt, 'no lease is held past its end');
    demand(lease.renewAt <= lease.rebindAt && lease.rebindAt <= lease.expiresAt, 'T1 <= T2 <= end');
  }

  #checkSent({ source, destination, payload }: Datagram, held: readonly Ipv4Address[]): void {
    demand(source.port === 68 && destination.port === 67, 'client to server: 68 → 67');
    const decoded = decodeDhcpMessage(payload, { strict: true });
    demand(decoded.ok, 'what is sent can be read');
    const message = decoded.value;
    this.last = message;
    if (source.address === IPV4_ANY) demand(destination.address === IPV4_BROADCAST, '0.0.0.0 sends to everybody');
    else if (messageType(message) === DHCP_MESSAGE_TYPE.inform)
      demand(source.address === INFORM_ADDRESS, 'INFORM from its address');
    else demand(held.includes(source.address), 'only an address that is held sends');
    demand(message.ciaddr === source.address, 'ciaddr is the source');
    this.#sentAt.push(this.#now);
    const twentyOneAgo = this.#sentAt.at(-21);
    demand(twentyOneAgo === undefined || this.#now - twentyOneAgo >= 60_000, 'at most 20 messages a minute');
  }
}

/** DISCOVER, OFFER, ACK, and on to the end of the lease; the same with detours. */
export function seeds(): Uint8Array[] {
  const good = [12, 0, 0, 0, 0]; // a fitting reply: no options, address of the pool, no damage
  const ticks = Array.from({ length: 16 }, () => 0);
  return [
    Uint8Array.from([0, 0, ...good, ...good, ...ticks, ...good, ...ticks]),
    Uint8Array.from([0, 1, ...good, ...good, 10, 0, 6, ...ticks]),
    Uint8Array.from([0, 8, ...good, ...good, 8, 9, 11, 0, 8, 9, 11, 1, ...ticks]),
    Uint8Array.from([0, 2, 4, 7, ...good, 3, ...good, ...good, 5]),
    Uint8Array.from([0, 0, ...Array.from({ length: 30 }, () => [4, 3]).flat()]), // as many DISCOVERs as allowed
    Uint8Array.from([0, 0, ...good, 12, 3, 6, 0, 0, 0, 0, ...ticks]),
  ];
}
