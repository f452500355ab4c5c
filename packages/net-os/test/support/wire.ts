import {
  type FrameMachine,
  type Ipv4Address,
  type MacAddress,
  type Millis,
  parseIpv4,
  parseMac,
  SeededEntropy,
} from '@nexus-net/sansio';
import { Host, type HostEvent, type HostOptions } from '../../src/index.js';

export const OUR_MAC: MacAddress = parseMac('02:00:00:00:00:01');
export const PEER_MAC: MacAddress = parseMac('02:00:00:00:00:02');
export const THIRD_MAC: MacAddress = parseMac('02:00:00:00:00:03');
export const OUR_IP: Ipv4Address = parseIpv4('10.1.0.1');
export const PEER_IP: Ipv4Address = parseIpv4('10.1.0.2');
export const ROUTER_IP: Ipv4Address = parseIpv4('10.1.0.254');

/** A host as `ours` with 10.1.0.1/24, its announcements out of the way. */
export function ourHost(options: Partial<HostOptions> = {}): Host {
  const host = bareHost(options);
  host.configure(0, { address: OUR_IP, prefixLength: 24 });
  settle(host, 0);
  return host;
}

/** A host without an address. */
export function bareHost(options: Partial<HostOptions> = {}): Host {
  return new Host({ mac: OUR_MAC, entropy: new SeededEntropy('host'), ...options });
}

export function drainFrames(machine: FrameMachine<unknown>): Uint8Array[] {
  return drain(() => machine.pollTransmit());
}

export function drainEvents<E>(machine: FrameMachine<E>): E[] {
  return drain(() => machine.pollEvent());
}

/** Runs every timer from `from` on and throws away what comes of it; the announcements of an address take 2 s. */
export function settle(host: Host, from: Millis): void {
  host.handleTimeout(from + 2_000);
  drainFrames(host);
  drainEvents(host);
}

export function eventTypes(events: readonly HostEvent[]): string[] {
  return events.map((event) => event.type);
}

/** Two machines on one cable without delay: frames go back and forth until both are silent. */
export function exchange(now: Millis, a: FrameMachine<unknown>, b: FrameMachine<unknown>): void {
  for (let round = 0; round < 1_000; round++) {
    const fromA = drainFrames(a);
    const fromB = drainFrames(b);
    if (fromA.length + fromB.length === 0) return;
    for (const frame of fromA) b.handleFrame(now, frame);
    for (const frame of fromB) a.handleFrame(now, frame);
  }
  throw new Error('the two machines never fall silent');
}

function drain<T>(poll: () => T | undefined): T[] {
  const all: T[] = [];
  for (let next = poll(); next !== undefined; next = poll()) all.push(next);
  return all;
}
