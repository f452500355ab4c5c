import { IPV4_BROADCAST, type Ipv4Address, MAC_BROADCAST, type Millis, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN, dissect, encodeUdpFrame } from '@nexus-net/wire';
import { drawAddress, drawDamage, drawMac, drawOptions, octetsOf } from '../../../dhcp/test/support/fuzz-message.js';
import { drawFrame } from '../../../net-os/test/support/fuzz-frames.js';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { Gateway } from '../../src/gateway.js';

export const limits: FuzzLimits = { octetsMax: 400, costBase: 300_000, costPerOctet: 20_000, allocatedPerOctet: 20_000 };

const { gateway: GATEWAY, dns: DNS, pool: POOL, gatewayMac: MAC } = ADDRESS_PLAN.smoke;
const OWN: readonly Ipv4Address[] = [GATEWAY, DNS];

/**
 * The octets are a sequence of time, frames, messages of DHCP clients and pings. Whatever comes: every frame out is well
 * formed and comes from the gateway's MAC and one of its two addresses; a frame in brings few frames out; no address is
 * leased to two clients at once, and none outside of the pool; what is due has been done.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const gateway = new Gateway({
    entropy: new SeededEntropy(script.u8()),
    dns: { hosts: [{ name: 'a.example', addresses: [GATEWAY] }] },
    host: { pendingCountMax: 4 },
  });
  const watch = new Watch(gateway);
  watch.sleep(0);
  while (!script.isAtEnd) {
    const now = watch.clock;
    const kind = script.u8() % 8;
    if (kind === 0) watch.sleep(Math.max(now, Math.min(gateway.nextTimeout(), now + 3_600_000)));
    else if (kind === 1) watch.sleep(now + script.pick([0, 1, 1000, 61_000, 3_600_000, 86_400_000, -1, -5000]));
    else if (kind === 2) {
      const destination = drawAddress(script);
      watch.call(now, () => void gateway.ping(now, { destination }), 8);
    } else {
      const frame = kind < 6 ? drawClientFrame(script) : drawFrame(script);
      const destination = script.u8() % 4 === 0 ? [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] : GATEWAY_MAC_OCTETS;
      frame.set(destination.slice(0, frame.length));
      watch.sleep(now);
      watch.call(now, () => gateway.handleFrame(now, frame), 8);
    }
  }
}

/** A message of a DHCP client, good in most respects. */
function drawClientFrame(script: FuzzScript): Uint8Array {
  const bits = script.u8();
  const mac = drawMac(script);
  const address = drawAddress(script);
  const own = [
    { code: 53, value: Uint8Array.of(script.pick([1, 3, 3, 3, 4, 7, 8, script.u8()])) },
    ...((bits & 1) !== 0 ? [{ code: 50, value: octetsOf(address) }] : []),
    ...((bits & 2) !== 0 ? [{ code: 54, value: octetsOf((bits & 4) !== 0 ? drawAddress(script) : GATEWAY) }] : []),
  ];
  const payload = drawDamage(script, {
    op: 1,
    xid: script.u8(),
    chaddr: mac,
    ciaddr: (bits & 8) !== 0 ? address : (0 as Ipv4Address),
    giaddr: (bits & 16) !== 0 ? drawAddress(script) : (0 as Ipv4Address),
    flags: (bits & 32) !== 0 ? 0x8000 : 0,
    options: [...drawOptions(script).filter(({ code }) => own.every((other) => other.code !== code)), ...own],
  });
  return encodeUdpFrame({
    link: { source: mac, destination: MAC_BROADCAST },
    datagram: {
      source: { address: (bits & 64) !== 0 ? address : (0 as Ipv4Address), port: 68 },
      destination: { address: (bits & 128) !== 0 ? GATEWAY : (0xffffffff as Ipv4Address), port: 67 },
      payload,
    },
  });
}

class Watch {
  clock: Millis = 0;
  readonly #gateway: Gateway;
  readonly #leases = new Map<Ipv4Address, { readonly client: string; readonly until: Millis }>();
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  sleep(until: Millis): void {
    this.call(until, () => this.#gateway.handleTimeout(until), 64);
    demand(this.#gateway.nextTimeout() > this.#now, 'what is due has been done');
  }

  call(clock: Millis, call: () => void, framesMax: number): void {
    const gateway = this.#gateway;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    call();
    for (const each of drain(() => gateway.pollEvent(), 64)) {
      if (each.type !== 'dhcp') continue;
      const { event } = each;
      if (event.type === 'leased' || event.type === 'renewed') {
        const { client, address, until, at } = event;
        demand(address >= POOL.first && address <= POOL.last, 'leases are of the pool');
        const holder = this.#leases.get(address);
        demand(holder === undefined || holder.client === client || holder.until <= at, 'one address, one client');
        this.#leases.set(address, { client, until });
      } else if (event.type === 'released' || event.type === 'declined') this.#leases.delete(event.address);
    }
    for (const frame of drain(() => gateway.pollTransmit(), framesMax)) checkSent(frame);
  }
}

function checkSent(frame: Uint8Array): void {
  const { ethernet, arp, ipv4, udp, problem } = dissect(frame);
  demand(problem === undefined, 'what is sent is well formed');
  demand(ethernet?.source === MAC, 'frames come from the MAC of the gateway');
  if (arp !== undefined) {
    demand(OWN.includes(arp.senderIp) && arp.senderMac === MAC, 'ARP speaks of its addresses');
    return;
  }
  demand(ipv4 !== undefined && OWN.includes(ipv4.source), 'packets come from its addresses');
  const forAll = ipv4.destination === IPV4_BROADCAST || (ipv4.destination & 0xff) === 0xff || udp?.sourcePort === 67;
  demand(ethernet.destination !== MAC_BROADCAST || forAll, 'what is for one host does not go to everybody');
  if (udp !== undefined) demand([53, 67].includes(udp.sourcePort), 'datagrams come from its services');
}

const GATEWAY_MAC_OCTETS = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x02];

/** DISCOVER and REQUEST of two clients, ARP and echo, a DNS query, a ping. */
export function seeds(): Uint8Array[] {
  const message = (bits: number, client: number, address: number, type: number): number[] => [
    3,
    bits,
    client,
    address,
    0,
    type,
    7,
    0,
    0,
    1,
  ];
  const lease = (client: number, address: number): number[] => [...message(0, client, 11, 0), ...message(3, client, address, 1)];
  const arp = [6, 0, 0, 1, 0, 0, 4, 3, 0];
  const echo = [6, 2, 0, 0, 0, 4, 3, 0, 1, 1, 4, 1, 2, 3, 4, 1];
  const query = [6, 5, 0, 0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 1, 0, 1, 1];
  return [
    Uint8Array.from([1, ...lease(0, 0), ...lease(1, 1), 1, 4, ...lease(1, 0), ...message(75, 1, 0, 5)]),
    Uint8Array.from([1, ...arp, ...echo, ...query, 2, 5, 0, 0, 0, 0]),
  ];
}
