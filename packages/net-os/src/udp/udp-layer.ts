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
import { decodeUdp, encodeUdp, IP_PROTOCOL } from '@nexus-net/wire';
import type { UdpSocketId } from '../host-event.js';
import type { HostPort } from '../host-port.js';
import type { IcmpReport } from '../icmp/icmp-layer.js';
import type { Ipv4Arrival } from '../ipv4/ipv4-input.js';
import type { Ipv4Output, SendOutcome } from '../ipv4/ipv4-output.js';
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

  send(now: Millis, { socket, datagram, linkDestination }: UdpSend): SendOutcome {
    const { source, destination, payload } = datagram;
    if (socket !== undefined) {
      const endpoint = this.table.get(socket);
      requireArgument(endpoint !== undefined, `UDP endpoint ${socket} is not bound`);
      requireArgument(endpoint.port === source.port, 'a datagram leaves from the port of its endpoint');
    }
    const body = (from: Ipv4Address) =>
      encodeUdp(
        { sourcePort: source.port, destinationPort: destination.port, payload },
        { source: from, destination: destination.address },
      );
    const outgoing = { protocol: IP_PROTOCOL.udp, destination: destination.address, payload: body };
    if (isAddressless(datagram))
      return this.#options.output.sendTo(linkDestination ?? MAC_BROADCAST, { ...outgoing, source: IPV4_ANY });
    if (linkDestination !== undefined) {
      if (!this.#options.owns(source.address)) return 'no-address';
      return this.#options.output.sendTo(linkDestination, { ...outgoing, source: source.address });
    }
    return this.#options.output.send(now, source.address === IPV4_ANY ? outgoing : { ...outgoing, source: source.address });
  }

  /** An ICMP error about a datagram; true where an endpoint of ours may have sent it. */
  unreachable({ quote, reporter, code }: IcmpReport): boolean {
    const endpoint = this.table.find(readU16(quote.transport, 0), quote.source);
    if (endpoint === undefined) return false;
    const destination = { address: quote.destination, port: readU16(quote.transport, 2) };
    this.#options.port.emit({ type: 'datagram-unreachable', socket: endpoint.id, destination, reporter, code });
    return true;
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
