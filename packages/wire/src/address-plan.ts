import { type Ipv4Address, type Ipv4Prefix, ipv4, type MacAddress, parseMac, parsePrefix } from '@nexus-net/sansio';

/**
 * The one table of addresses, MACs and ports that a proof relies on; nothing else spells them out. `docs/address-plan.md` is
 * generated from it.
 */
export const ADDRESS_PLAN: AddressPlan = {
  smoke: {
    network: parsePrefix('10.0.2.0/24'),
    gateway: ipv4(10, 0, 2, 2),
    gatewayMac: parseMac('52:55:0a:00:02:02'),
    dns: ipv4(10, 0, 2, 3),
    guest: ipv4(10, 0, 2, 15),
    guestMac: parseMac('52:54:00:12:34:56'),
    pool: { first: ipv4(10, 0, 2, 15), last: ipv4(10, 0, 2, 31) },
    quiet: ipv4(10, 0, 2, 250),
    neighbour: ipv4(10, 0, 2, 100),
    neighbourMac: parseMac('52:55:0a:00:02:64'),
  },
  os2vm: {
    network: parsePrefix('10.42.0.0/24'),
    nodeA: ipv4(10, 42, 0, 10),
    nodeAMac: parseMac('52:54:00:12:34:0a'),
    nodeB: ipv4(10, 42, 0, 11),
    nodeBMac: parseMac('52:54:00:12:34:0b'),
    observer: ipv4(10, 42, 0, 254),
    observerMac: parseMac('52:55:0a:2a:00:fe'),
    discoveryGroup: ipv4(239, 42, 0, 1),
  },
  ports: {
    dns: 53,
    dhcpServer: 67,
    dhcpClient: 68,
    dsoftbusSessionA: 34567,
    dsoftbusSessionB: 34568,
    dsoftbusQuicServer: 34567,
    dsoftbusQuicClient: 34569,
    dsoftbusDiscovery: 37020,
    http: 80,
    dnsProbe: 40000,
    listenProbe: 41000,
  },
};

export interface AddressPlan {
  /** One guest behind the gateway: the shape of QEMU's user network, so a guest can't tell the two apart by address. */
  readonly smoke: {
    readonly network: Ipv4Prefix;
    /** The gateway host: router, DHCP server, and a second DNS address. */
    readonly gateway: Ipv4Address;
    readonly gatewayMac: MacAddress;
    /** DNS, also answered by the gateway host. */
    readonly dns: Ipv4Address;
    /** The first address leased, and the static fallback. */
    readonly guest: Ipv4Address;
    /** QEMU's default for the first network card. */
    readonly guestMac: MacAddress;
    /** Addresses that the DHCP server leases, both ends included. */
    readonly pool: { readonly first: Ipv4Address; readonly last: Ipv4Address };
    /** An address that nobody owns: what is sent there must stay unanswered. */
    readonly quiet: Ipv4Address;
    /** A station of ours that asks for the guest on a wire whose gateway is somebody else's. */
    readonly neighbour: Ipv4Address;
    readonly neighbourMac: MacAddress;
  };
  /** Two guests on one wire, static addresses, no gateway: the last octet of the address is that of the MAC. */
  readonly os2vm: {
    readonly network: Ipv4Prefix;
    readonly nodeA: Ipv4Address;
    readonly nodeAMac: MacAddress;
    readonly nodeB: Ipv4Address;
    readonly nodeBMac: MacAddress;
    /** Asks each node whether it is there; routes nothing, leases nothing, and no node is told of it. */
    readonly observer: Ipv4Address;
    readonly observerMac: MacAddress;
    /** Multicast group of DSoftBus announcements. */
    readonly discoveryGroup: Ipv4Address;
  };
  readonly ports: {
    /** UDP */
    readonly dns: number;
    /** UDP */
    readonly dhcpServer: number;
    /** UDP */
    readonly dhcpClient: number;
    /** TCP: node A, and the single guest */
    readonly dsoftbusSessionA: number;
    /** TCP: node B, and the second node inside the single guest */
    readonly dsoftbusSessionB: number;
    /** UDP: datagram session, server */
    readonly dsoftbusQuicServer: number;
    /** UDP: datagram session, client */
    readonly dsoftbusQuicClient: number;
    /** UDP: announcements, source and destination */
    readonly dsoftbusDiscovery: number;
    /** TCP: the server of the gateway that files are fetched from */
    readonly http: number;
    /** UDP: source port of the guest's DNS proof */
    readonly dnsProbe: number;
    /** TCP: where the guest's listen proof listens */
    readonly listenProbe: number;
  };
}
