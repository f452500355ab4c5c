import { type DhcpMessage, decodeDhcpMessage } from '@nexus-net/dhcp';
import {
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  MAC_BROADCAST,
  type MacAddress,
  type Millis,
  parsePrefix,
  SeededEntropy,
} from '@nexus-net/sansio';
import { ARP_REQUEST, dissect, encodeUdpFrame } from '@nexus-net/wire';
import { octetsOf } from '../../../dhcp/test/support/fuzz-message.js';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { type BringUpPolicy, Netstackd } from '../../src/index.js';
import { ADDRESSES, drawAddress, drawFrame, OUR_MAC } from '../support/fuzz-frames.js';
import { drawReply } from '../support/fuzz-reply.js';

export const limits: FuzzLimits = { octetsMax: 400, costBase: 300_000, costPerOctet: 20_000, allocatedPerOctet: 20_000 };

const STATIC = { address: ADDRESSES[1] as Ipv4Address, prefixLength: 24, gateway: ADDRESSES[3] as Ipv4Address };
const SERVER = ADDRESSES[3] as Ipv4Address;
const SERVER_MAC = 0x52550a000202 as MacAddress;
const POLICIES: readonly BringUpPolicy[] = [
  { type: 'dhcp-only' },
  { type: 'dhcp-then-static', lateLease: 'apply', ...STATIC },
  { type: 'dhcp-then-static', lateLease: 'refuse', ...STATIC },
  { type: 'static', ...STATIC },
  { type: 'from-mac', network: parsePrefix('10.0.2.0/24') },
];

/**
 * The octets are a policy and a sequence of time, cable, DHCP replies and frames. Whatever comes: an interface is up once
 * before it is down, and its address is the one in use; a round of DHCP has one outcome; without a cable nothing is sent; a
 * packet leaves from the address in use, but for probes and the client's first messages; what is due has been done.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u16();
  const machine = new Netstackd({
    mac: OUR_MAC,
    entropy: new SeededEntropy(bits),
    policy: POLICIES[(bits & 7) % POLICIES.length] as BringUpPolicy,
    conflictCheck: (bits & 8) === 0,
    budget: { timeMs: (bits & 16) === 0 ? 30_000 : 5000, attempts: (bits & 32) === 0 ? 4 : 1 },
    host: { defence: (bits & 64) === 0 ? 'defend-once' : 'give-up' },
    dhcp: { rapidCommit: (bits & 128) !== 0, detectAttachment: (bits & 256) !== 0, ipv6OnlyPreferred: (bits & 512) !== 0 },
  });
  const watch = new Watch(machine);
  watch.call(0, () => machine.linkUp(0));
  while (!script.isAtEnd) step(script, machine, watch);
}

function step(script: FuzzScript, machine: Netstackd, watch: Watch): void {
  const now = watch.clock;
  switch (script.u8() % 16) {
    case 0:
    case 1:
    case 2:
      watch.sleep(Math.max(now, Math.min(machine.nextTimeout(), now + 60_000)));
      return;
    case 3:
      watch.sleep(now + script.pick([0, 1, 999, 4000, 61_000, 600_000, 3_600_000, 5e9, -1, -70_000]));
      return;
    case 4:
      watch.isLinked = false;
      watch.call(now, () => machine.linkDown(now));
      return;
    case 5:
      watch.isLinked = true;
      watch.call(now, () => machine.linkUp(now));
      return;
    case 6:
      watch.call(now, () => machine.release(now));
      return;
    case 7:
      watch.call(now, () => machine.stop(now));
      return;
    case 8: {
      const destination = drawAddress(script);
      watch.call(now, () => void machine.ping(now, { destination }));
      return;
    }
    case 9:
    case 10: {
      const frame = drawFrame(script);
      watch.call(now, () => machine.handleFrame(now, frame));
      return;
    }
    default: {
      const server = { address: SERVER, port: 67 };
      const payload = drawReply(script, { last: watch.last, server: octetsOf(SERVER) });
      const isBroadcast = script.u8() % 2 === 0;
      const destination = { address: isBroadcast ? IPV4_BROADCAST : drawAddress(script), port: 68 };
      const link = { source: SERVER_MAC, destination: isBroadcast ? MAC_BROADCAST : OUR_MAC };
      const frame = encodeUdpFrame({ link, datagram: { source: server, destination, payload } });
      watch.call(now, () => machine.handleFrame(now, frame));
    }
  }
}

/** Calls the machine and checks what each call brings. */
class Watch {
  clock: Millis = 0;
  isLinked = true;
  last: DhcpMessage | undefined;
  readonly #machine: Netstackd;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #up: Ipv4Address | undefined;
  /** Of the present round of DHCP: has it an outcome? */
  #round: 'none' | 'open' | 'decided' = 'none';

  constructor(machine: Netstackd) {
    this.#machine = machine;
  }

  sleep(until: Millis): void {
    this.call(until, () => this.#machine.handleTimeout(until));
    demand(this.#machine.nextTimeout() > this.#now, 'what is due has been done');
  }

  call(clock: Millis, call: () => void): void {
    const machine = this.#machine;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    const held = new Set(machine.address === undefined ? [] : [machine.address]);
    call();
    for (const event of drain(() => machine.pollEvent(), 256)) {
      if ('at' in event) demand(event.at <= this.#now, 'nothing happens in the future');
      if (event.type === 'acquiring') this.#round = 'open';
      if (event.type === 'dhcp-bound' || event.type === 'dhcp-unavailable') {
        demand(this.#round === 'open', 'a round of DHCP has one outcome');
        this.#round = 'decided';
      }
      if (event.type === 'interface-up') {
        demand(this.#up === undefined, 'the interface was down before it is up');
        this.#up = event.address;
        held.add(event.address);
      }
      if (event.type === 'interface-down') {
        demand(this.#up === event.address, 'the interface was up before it is down');
        this.#up = undefined;
      }
    }
    demand(machine.address === this.#up, 'the address in use is the one that the events tell');
    const frames = drain(() => machine.pollTransmit(), 256);
    demand(this.isLinked || frames.length === 0, 'nothing is sent without a cable');
    for (const frame of frames) this.#checkSent(frame, held);
  }

  #checkSent(frame: Uint8Array, held: ReadonlySet<Ipv4Address>): void {
    const { ethernet, arp, ipv4, udp, problem } = dissect(frame);
    demand(problem === undefined || problem.layer === 'dns', 'what is sent is well formed');
    demand(ethernet?.source === OUR_MAC, 'frames come from our MAC');
    if (arp !== undefined) {
      const isProbe = arp.senderIp === IPV4_ANY && arp.operation === ARP_REQUEST;
      demand(isProbe || held.has(arp.senderIp), 'ARP speaks of the address in use, or asks whether one is free');
      return;
    }
    demand(ipv4 !== undefined, 'ARP and IPv4 are sent');
    if (udp?.destinationPort === 67) {
      demand(udp.sourcePort === 68, 'client to server: 68 → 67');
      const decoded = decodeDhcpMessage(udp.payload, { strict: true });
      demand(decoded.ok, 'DHCP messages can be read');
      this.last = decoded.value;
      if (ipv4.source === IPV4_ANY) demand(ipv4.destination === IPV4_BROADCAST, '0.0.0.0 sends to everybody');
    }
    if (ipv4.source !== IPV4_ANY || udp?.destinationPort !== 67)
      demand(held.has(ipv4.source), 'packets leave from the address in use');
  }
}

/** A lease and its renewals with and without the check of the address; a budget that runs out; a late lease; a cable pulled. */
export function seeds(): Uint8Array[] {
  const good = [11, 12, 0, 0, 0, 0]; // a fitting reply in a broadcast frame
  const ticks = Array.from({ length: 24 }, () => 0);
  const story = [...good, ...good, ...ticks, ...good, ...ticks];
  return [
    Uint8Array.from([0, 8, ...story, 4, 5, ...good, ...ticks]),
    Uint8Array.from([0, 0, ...story]),
    Uint8Array.from([0, 9, ...ticks, ...good, ...good, ...ticks, 6]),
    Uint8Array.from([0, 10, ...ticks, ...good, ...good, 7, 5, ...ticks]),
    Uint8Array.from([0, 3, ...ticks, 8, 4, 9, 0, 0, 1, 0, 0, 1, 1, 9, 0, 0, 1, 0, 0, 1, 1, ...ticks]),
    Uint8Array.from([0, 4, ...ticks, 4, 3, 4, 5, ...ticks]),
  ];
}
