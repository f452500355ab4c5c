import {
  formatIpv4,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  isIpv4Multicast,
  isMacGroup,
  MAC_BROADCAST,
  type MacAddress,
  type Millis,
  SeededEntropy,
} from '@nexus-net/sansio';
import { ARP_REQUEST, dissect } from '@nexus-net/wire';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { Host, type PingId, type UdpSocketId } from '../../src/index.js';
import { ADDRESSES, drawAddress, drawFrame, OUR_MAC } from '../support/fuzz-frames.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 200_000, costPerOctet: 10_000, allocatedPerOctet: 10_000 };

const PENDING_MAX = 4;
const OURS = ADDRESSES.slice(0, 3);
const SERVER_MAC = 0x525400000002 as MacAddress;
const JUMPS: readonly Millis[] = [0, 1, 200, 999, 1000, 2000, 5000, 61_000, 600_000, -1, -5000];

/**
 * The octets are a configuration and a sequence of time, commands and frames. Whatever comes: a frame leaves from our MAC
 * and an address that we have, but for probes and a DHCP client's first messages; it is well formed and goes to everybody only
 * where it is meant for everybody; a frame in brings few frames out; each ping ends once; each frame in is counted once.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u8();
  const host = new Host({
    mac: OUR_MAC,
    entropy: new SeededEntropy(bits),
    defence: (['give-up', 'defend-once', 'defend-always', 'defend-once'] as const)[bits & 3] ?? 'give-up',
    answerBroadcastEcho: (bits & 4) !== 0,
    mtu: (bits & 8) === 0 ? 1500 : 68,
    pendingCountMax: PENDING_MAX,
    resolvingCountMax: 2,
    neighbourCountMax: 3,
    addressCountMax: 2,
    pingCountMax: 3,
    probeCountMax: 2,
    udpSocketCountMax: 3,
    groupCountMax: 2,
    reassemblyCountMax: 3,
    multicastLoop: (bits & 32) !== 0,
  });
  const watch = new Watch(host);
  if ((bits & 16) === 0) watch.call(0, () => host.configure(0, { address: OURS[0] as Ipv4Address, prefixLength: 24 }));
  while (!script.isAtEnd) step(script, host, watch);
  for (let rounds = 0; host.inspect().pings.length > 0; rounds++) {
    demand(rounds < 16, 'pings end');
    watch.sleep(watch.clock + 5000);
  }
  demand(watch.pings.size === 0, 'each ping ends');
}

function step(script: FuzzScript, host: Host, watch: Watch): void {
  const now = watch.clock;
  const command = script.u8() % 16;
  switch (command) {
    case 0:
    case 1:
      watch.sleep(Math.max(now, Math.min(host.nextTimeout(), now + 60_000)));
      return;
    case 2:
      watch.sleep(now + script.pick(JUMPS));
      return;
    case 3: {
      const address = script.pick(OURS);
      const gateway = script.u8() % 2 === 0 ? {} : { gateway: gatewayOf(address) };
      watch.call(now, () => host.configure(now, { address, prefixLength: 24, ...gateway }));
      return;
    }
    case 4: {
      const address = script.pick(OURS);
      if (host.owns(address) || host.inspect().addresses.length < 2)
        watch.call(now, () => host.addAddress(now, { address, prefixLength: 24 }));
      return;
    }
    case 5: {
      const address = script.pick(OURS);
      if (script.u8() % 4 === 0) watch.call(now, () => host.deconfigure(now));
      else watch.call(now, () => host.removeAddress(now, address));
      return;
    }
    case 6: {
      const address = script.pick(OURS);
      if (script.u8() % 4 === 0) watch.call(now, () => host.cancelProbe(now, address));
      else if (host.inspect().probing.length < 2) watch.call(now, () => host.probe(now, address));
      return;
    }
    case 7: {
      const { udp } = host.inspect();
      if (udp.length > 0 && script.u8() % 4 === 0) host.closeUdp((udp[0] as { id: number }).id as UdpSocketId);
      const port = script.pick([7, 68, 4000, 0]);
      if (udp.length < 3 && !udp.some(({ local }) => local === `0.0.0.0:${port}`)) host.bindUdp({ port });
      return;
    }
    case 8: {
      const source = { address: drawAddress(script), port: script.pick([7, 68, 4000]) };
      const destination = { address: drawAddress(script), port: script.pick([67, 7, 9]) };
      const datagram = { source, destination, payload: script.take(script.u8() % 80) };
      const link = script.u8() % 4 === 0 ? { linkDestination: SERVER_MAC } : {};
      watch.call(now, () => host.sendUdp(now, { datagram, ...link }));
      return;
    }
    case 9: {
      const request = { destination: drawAddress(script), identifier: script.u8() % 3, sequence: script.u8() % 3 };
      const payload = script.take(script.u8() % 80);
      watch.call(now, () => watch.pings.add(host.ping(now, { ...request, payload })));
      return;
    }
    case 15: {
      const bits = script.u8();
      const group = ((0xe000_0001 + (bits & 3)) >>> 0) as Ipv4Address;
      const { groups } = host.inspect();
      const isMember = groups.some((entry) => entry.group === formatIpv4(group));
      if ((bits & 4) === 0 && (isMember || groups.length < 2)) watch.call(now, () => host.joinGroup(now, group));
      else if (isMember) watch.call(now, () => host.leaveGroup(now, group));
      return;
    }
    default: {
      const frame = drawFrame(script);
      watch.sleep(now); // what is due now is no answer to the frame
      watch.call(now, () => host.handleFrame(now, frame), 2 + PENDING_MAX);
    }
  }
}

function gatewayOf(address: Ipv4Address): Ipv4Address {
  return ((address & 0xffffff00) + (address >>> 8 === 0x0a0002 ? 2 : 1)) as Ipv4Address;
}

/** Calls the host and checks what each call brings. */
class Watch {
  clock: Millis = 0;
  readonly pings = new Set<PingId>();
  readonly #host: Host;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #received = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  sleep(until: Millis): void {
    this.call(until, () => this.#host.handleTimeout(until));
    demand(this.#host.nextTimeout() > this.#now, 'what is due has been done');
  }

  call(clock: Millis, call: () => void, framesMax = 64): void {
    const host = this.#host;
    this.clock = clock;
    this.#now = Math.max(this.#now, clock);
    const before = OURS.filter((address) => host.owns(address));
    const probing = host.inspect().probing;
    call();
    const held = [...before, ...OURS.filter((address) => host.owns(address))];
    for (const event of drain(() => host.pollEvent(), 64)) {
      if (event.type === 'ping-reply' || event.type === 'ping-timeout' || event.type === 'ping-failed') {
        // A ping that fails at once does so before its caller knows the id.
        demand(this.pings.delete(event.id), 'a ping ends once');
      } else if (event.type === 'probe-clear' || event.type === 'probe-conflict') {
        const wanted = probing.includes(formatIpv4(event.address)) || held.includes(event.address);
        demand(wanted, 'only an address that is asked for is free or taken');
      } else if (event.type === 'conflict') {
        demand(host.owns(event.address) !== (event.action === 'gave-up'), 'an address in conflict is kept or given up');
      }
    }
    for (const frame of drain(() => host.pollTransmit(), framesMax)) checkSent(frame, { held, probing });
    const { frames, drops } = host.inspect();
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    demand(frames.received >= this.#received && frames.received === frames.accepted + dropped, 'each frame is counted once');
    this.#received = frames.received;
  }
}

function checkSent(
  frame: Uint8Array,
  { held, probing }: { readonly held: readonly Ipv4Address[]; readonly probing: readonly string[] },
): void {
  const { ethernet, arp, ipv4, udp, problem } = dissect(frame);
  demand(problem === undefined || problem.layer === 'dns', 'what is sent is well formed');
  demand(ethernet !== undefined && ethernet.source === OUR_MAC, 'frames come from our MAC');
  const { destination: link } = ethernet;
  demand(link !== OUR_MAC, 'frames go to somebody else');
  if (arp !== undefined) {
    demand(arp.senderMac === OUR_MAC, 'ARP speaks of our MAC');
    if (arp.senderIp !== IPV4_ANY) demand(held.includes(arp.senderIp), 'ARP speaks of an address that we have');
    else
      demand(arp.operation === ARP_REQUEST && probing.includes(formatIpv4(arp.targetIp)), 'a probe is of an address asked for');
    return;
  }
  demand(ipv4 !== undefined, 'a host sends ARP and IPv4');
  if (ipv4.source === IPV4_ANY) {
    const first = udp?.sourcePort === 68 && udp.destinationPort === 67 && ipv4.destination === IPV4_BROADCAST;
    demand(first, 'only a DHCP client sends from 0.0.0.0');
    return;
  }
  demand(held.includes(ipv4.source), 'packets come from an address that we have');
  demand(!isMacGroup(link) || link === MAC_BROADCAST || isIpv4Multicast(ipv4.destination), 'multicast frames carry multicast');
  const forAll = ipv4.destination === IPV4_BROADCAST || (ipv4.destination & 0xff) === 0xff;
  demand(link !== MAC_BROADCAST || forAll, 'what is for one host does not go to everybody');
}

/** ARP and echo both ways, a datagram each way, a probe, a conflict, the end of an address. */
export function seeds(): Uint8Array[] {
  const arp = (bits: number, sender: number, target: number): number[] => [10, 0, 0, 1, 0, bits, sender, target];
  const peerIsThere = arp(1, 4, 0);
  const echo = [10, 2, 0, 0, 0, 4, 0, 0, 1, 1, 4, 1, 2, 3, 4];
  const echoed = [10, 2, 0, 0, 0, 4, 0, 3, 1, 1, 4, 1, 2, 3, 4];
  const ping = [9, 4, 1, 1, 4, 1, 2, 3, 4];
  const datagram = [10, 5, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4];
  return [
    Uint8Array.from([0, ...arp(0, 4, 0), ...echo, 1]),
    Uint8Array.from([0, ...ping, ...peerIsThere, ...echoed, ...ping, 0, 0, 0]),
    Uint8Array.from([0, 7, 0, ...datagram, 8, 0, 0, 4, 1, 2, 9, 9, 1, ...peerIsThere, 7, 1, ...datagram]),
    Uint8Array.from([16, 6, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, ...arp(0, 0, 0), ...arp(0, 0, 0), 0]),
    Uint8Array.from([0, 6, 1, 1, 0, 0, ...arp(0, 1, 1), 16, 8, 8, 1, 9, 0, 0, 1]),
    Uint8Array.from([0, ...ping, ...peerIsThere, 10, 2, 0, 0, 0, 4, 0, 5, 1, 1, 0, 4, 1, 3, ...datagram]),
  ];
}
