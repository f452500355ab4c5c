import {
  type Datagram,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  MAC_BROADCAST,
  type MacAddress,
  type Millis,
  readU16,
  requireArgument,
} from '@nexus-net/sansio';
import { decodeUdp, IP_PROTOCOL, UDP_HEADER_LENGTH, UDP_PAYLOAD_MAX, writeUdp } from '@nexus-net/wire';
import type { UdpSocketId } from '../host-event.js';
import type { HostPort } from '../host-port.js';
import type { IcmpReport } from '../icmp/icmp-layer.js';
import type { Ipv4Arrival } from '../ipv4/ipv4-input.js';
import type { Fragmentation, Ipv4Fields, Ipv4Output, SendOutcome } from '../ipv4/ipv4-output.js';
import { FRAME_HEADROOM } from '../ipv4/packet-frame.js';
import type { DropLabel } from '../labels.js';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, UdpTable } from './udp-table.js';

export interface UdpSend {
  /** The endpoint that sends. Its port must be the datagram's source port. */
  readonly socket?: UdpSocketId;
  /**
   * `source.address` 0.0.0.0 stands for the address of ours that fits the route, except from port 68 to port 67 of
   * 255.255.255.255: a DHCP client that has no address yet says so on the wire (RFC 2131 §4.1). Borrowed for the call.
   */
  readonly datagram: Datagram;
  /** Send to this MAC without ARP or route: to a host that can't answer ARP yet (RFC 2131 §4.1). */
  readonly linkDestination?: MacAddress;
  /** What becomes of a datagram larger than the path takes in one packet. Default `discover`. */
  readonly fragmentation?: Fragmentation;
  /** 1..255. Default 64; 1 for a multicast group (RFC 1112 §6.1). */
  readonly ttl?: number;
}

export interface UdpLayerOptions {
  readonly socketCountMax: number;
  readonly port: HostPort;
  readonly output: Ipv4Output;
  readonly owns: (address: Ipv4Address) => boolean;
  /** Answers a datagram that no endpoint takes. */
  readonly onClosedPort: (now: Millis, arrival: Ipv4Arrival) => void;
}

/** UDP of a host (RFC 768, RFC 1122 §4.1). */
export class UdpLayer {
  readonly table: UdpTable;
  readonly #options: UdpLayerOptions;

  constructor(options: UdpLayerOptions) {
    this.#options = options;
    this.table = new UdpTable(options.socketCountMax, options.port.entropy);
  }

  input(now: Millis, arrival: Ipv4Arrival): DropLabel | undefined {
    const { packet, linkSource, reach } = arrival;
    const { source, destination } = packet;
    const decoded = decodeUdp(packet.payload, { source, destination });
    if (!decoded.ok) return `udp-${decoded.error}`;
    const { sourcePort, destinationPort, payload } = decoded.value;
    if (sourcePort === 0 || destinationPort === 0) return 'udp-port-zero';
    if (source === IPV4_ANY && !(sourcePort === DHCP_CLIENT_PORT && destinationPort === DHCP_SERVER_PORT))
      return 'ipv4-bad-source';
    const endpoint = this.table.find(destinationPort, destination);
    if (reach === 'foreign' && endpoint?.anyDestination !== true) return 'ipv4-not-for-us';
    if (endpoint === undefined) {
      this.#options.onClosedPort(now, arrival);
      return 'udp-port-closed';
    }
    const datagram: Datagram = {
      source: { address: source, port: sourcePort },
      destination: { address: destination, port: destinationPort },
      payload: payload.slice(),
    };
    const kept = this.#options.port.emit({ type: 'datagram', socket: endpoint.id, datagram, linkSource });
    return kept ? undefined : 'event-queue-full';
  }

  send(now: Millis, { socket, datagram, linkDestination, fragmentation, ttl }: UdpSend): SendOutcome {
    const { source, destination, payload } = datagram;
    requireArgument(ttl === undefined || (Number.isInteger(ttl) && ttl >= 1 && ttl <= 255), 'ttl is an integer 1..255');
    if (socket !== undefined) {
      const endpoint = this.table.get(socket);
      requireArgument(endpoint !== undefined, `UDP endpoint ${socket} is not bound`);
      requireArgument(endpoint.port === source.port, 'a datagram leaves from the port of its endpoint');
    }
    if (payload.length > UDP_PAYLOAD_MAX) return 'too-big';
    const { output } = this.#options;
    const fields: Ipv4Fields = {
      protocol: IP_PROTOCOL.udp,
      destination: destination.address,
      ...(fragmentation === undefined ? {} : { fragmentation }),
      ...(ttl === undefined ? {} : { ttl }),
    };
    if (isAddressless(datagram)) {
      const frame = this.#frame(datagram, IPV4_ANY);
      return output.sendTo(now, { mac: linkDestination ?? MAC_BROADCAST, source: IPV4_ANY, fields, frame });
    }
    if (linkDestination !== undefined) {
      if (!this.#options.owns(source.address)) return 'no-address';
      const frame = this.#frame(datagram, source.address);
      return output.sendTo(now, { mac: linkDestination, source: source.address, fields, frame });
    }
    const route = output.route(destination.address, source.address === IPV4_ANY ? undefined : source.address);
    if (typeof route === 'string') return route;
    const outcome = output.sendFrame(now, { route, fields, frame: this.#frame(datagram, route.source) });
    if (outcome === 'sent') this.table.find(source.port, route.source)?.recent.note(destination);
    return outcome;
  }

  /**
   * An ICMP error about a datagram; true where an endpoint of ours has sent one there lately. Advice, not proof: anyone can send
   * one, so an endpoint never ends by it.
   */
  error(_now: Millis, { kind, quote, reporter, code }: IcmpReport): boolean {
    const endpoint = this.table.find(readU16(quote.transport, 0), quote.source);
    const destination = { address: quote.destination, port: readU16(quote.transport, 2) };
    if (endpoint === undefined || !endpoint.recent.has(destination)) return false;
    if (kind === 'too-big') return true; // the path is told; the next datagram is cut to it
    this.#options.port.emit({ type: 'datagram-unreachable', socket: endpoint.id, destination, reporter, kind, code });
    return true;
  }

  /** Tells the endpoints of exactly this address that it is gone. They stay bound, should it come back. */
  addressLost(address: Ipv4Address): void {
    for (const { id, address: bound } of this.table.endpoints())
      if (bound === address) this.#options.port.emit({ type: 'udp-address-lost', socket: id, address });
  }

  /** The datagram behind the room for the headers below. */
  #frame({ source, destination, payload }: Datagram, from: Ipv4Address): Uint8Array {
    const frame = new Uint8Array(FRAME_HEADROOM + UDP_HEADER_LENGTH + payload.length);
    const ports = { sourcePort: source.port, destinationPort: destination.port, payload };
    writeUdp(frame, FRAME_HEADROOM, ports, { source: from, destination: destination.address });
    return frame;
  }
}

/** The one kind of datagram that leaves from 0.0.0.0. */
function isAddressless({ source, destination }: Datagram): boolean {
  return (
    source.address === IPV4_ANY &&
    source.port === DHCP_CLIENT_PORT &&
    destination.address === IPV4_BROADCAST &&
    destination.port === DHCP_SERVER_PORT
  );
}
