import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, decodeDhcpMessage } from '@nexus-net/dhcp';
import {
  formatIpv4,
  formatMac,
  IPV4_ANY,
  type Ipv4Address,
  ipv4FromU32,
  type MacAddress,
  type Millis,
  readU32,
  requireArgument,
} from '@nexus-net/sansio';
import type { Dissection, ObservedFrame, Violation } from '@nexus-net/wire';
import { GATEWAY_PORT, NEIGHBOUR_PORT } from './gateway-port.js';
import { TimelessWitness } from './timeless-witness.js';

/** Whose addresses are known before anybody speaks. */
export interface StationAddresses {
  /** The port at which it is connected. */
  readonly port: string;
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
}

export interface ImpersonationWitnessConfig {
  /** Stations beside the gateway that nobody else may speak as. Default none. */
  readonly stations?: readonly StationAddresses[];
  /** Addresses of the gateway remembered at most, link and IPv4 together; further ones are not guarded, only counted. Default 64. */
  readonly addressCountMax?: number;
  /** IPv4 addresses that are the gateway's before it has spoken: where it isn't ours, a guest may speak first. Default none. */
  readonly addresses?: readonly Ipv4Address[];
  /** Events waiting for `pollEvent`; further ones are dropped and counted. Default 1 024. */
  readonly eventCountMax?: number;
}

/**
 * Says who speaks under an address of the gateway, or of another station that is known, and is not that one. What other witnesses conclude, they conclude from
 * addresses: a station that sent both sides of a conversation itself would have its lease, its neighbour and its answered ping.
 * Only the port at which a frame entered can't be forged; where a capture doesn't tell it, this witness is silent.
 *
 * Each address is reported once.
 */
export class ImpersonationWitness extends TimelessWitness {
  readonly #addressCountMax: number;
  readonly #stations: readonly StationAddresses[];
  readonly #macs = new Set<MacAddress>();
  readonly #addresses = new Set<Ipv4Address>();
  readonly #reported = new Set<string>();
  #notGuarded = 0;

  constructor(config: ImpersonationWitnessConfig = {}) {
    const { addressCountMax = 64, addresses = [], eventCountMax = 1_024, stations = [] } = config;
    super(eventCountMax);
    requireArgument(addressCountMax >= 1, 'addressCountMax is at least 1');
    this.#addressCountMax = addressCountMax;
    this.#stations = stations;
    for (const address of addresses) this.#guard(this.#addresses, address);
  }

  override handleFrame(_now: Millis, frame: ObservedFrame): void {
    const { port, layers } = frame;
    if (port === undefined) return;
    const macs = [layers.ethernet?.source, layers.arp?.senderMac].filter((mac) => mac !== undefined);
    const addresses = [layers.ipv4?.source, layers.arp?.senderIp].filter((each) => each !== undefined && each !== IPV4_ANY);
    if (port === GATEWAY_PORT || port === NEIGHBOUR_PORT) {
      for (const mac of macs) this.#guard(this.#macs, mac);
      for (const address of addresses) this.#guard(this.#addresses, address as Ipv4Address);
      return;
    }
    for (const station of this.#stations) {
      if (station.port === port) continue;
      if (macs.includes(station.mac)) this.#report(frame, `sent as ${formatMac(station.mac)}`, 'IEEE 802 §8.2', station.port);
      if (addresses.includes(station.address))
        this.#report(frame, `sent as ${formatIpv4(station.address)}`, 'RFC 1122 §3.2.1.3', station.port);
    }
    const mac = macs.find((each) => this.#macs.has(each));
    if (mac !== undefined) this.#report(frame, `sent as ${formatMac(mac)}`, 'IEEE 802 §8.2');
    const address = addresses.find((each) => this.#addresses.has(each as Ipv4Address));
    // RFC 1122: “the IP source address MUST be one of its own”.
    if (address !== undefined) this.#report(frame, `sent as ${formatIpv4(address)}`, 'RFC 1122 §3.2.1.3');
    const server = replyingServer(layers);
    if (server !== undefined && this.#addresses.has(server))
      this.#report(frame, `answered DHCP as the server ${formatIpv4(server)}`, 'RFC 2131 §4.1');
  }

  inspect(): { readonly guarded: number; readonly notGuarded: number; readonly eventsDropped: number } {
    return {
      guarded: this.#macs.size + this.#addresses.size,
      notGuarded: this.#notGuarded,
      eventsDropped: this.eventsDropped,
    };
  }

  #guard<A>(known: Set<A>, address: A): void {
    if (known.has(address)) return;
    if (this.#macs.size + this.#addresses.size < this.#addressCountMax) known.add(address);
    else this.#notGuarded++;
  }

  #report({ port, at, number }: ObservedFrame, what: string, reference: string, owner = 'the gateway'): void {
    if (this.#reported.has(what)) return;
    this.#reported.add(what); // bounded: there is at most one sentence for each address and way
    const message = `the station at port ${port} ${what}, which is ${owner}`;
    const violation: Violation = { rule: IMPERSONATION_RULE, reference, at, frames: [number], message };
    this.tell({ type: 'violation', violation });
  }
}

/** The id of the one rule of {@link ImpersonationWitness}. */
export const IMPERSONATION_RULE = 'lan.impersonation';

/** The server that a DHCP reply names as its sender. */
function replyingServer({ udp }: Dissection): Ipv4Address | undefined {
  if (udp === undefined || !(isDhcpPort(udp.sourcePort) || isDhcpPort(udp.destinationPort))) return undefined;
  const decoded = decodeDhcpMessage(udp.payload, { borrow: true });
  if (!decoded.ok || decoded.value.op !== BOOTREPLY) return undefined;
  const identifier = decoded.value.options.get(SERVER_IDENTIFIER);
  return identifier?.length === 4 ? ipv4FromU32(readU32(identifier, 0)) : undefined;
}

function isDhcpPort(port: number): boolean {
  return port === DHCP_SERVER_PORT || port === DHCP_CLIENT_PORT;
}

const BOOTREPLY = 2;
const SERVER_IDENTIFIER = 54;
