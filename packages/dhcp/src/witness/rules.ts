/** A rule of DHCP that a witness can check from the wire alone. */
export interface DhcpRule {
  /** Where it is written. */
  readonly reference: string;
  /** What a correct peer does. */
  readonly text: string;
}

/**
 * Every rule that the witness checks. An id is stable: reports and tests name it. `docs/dhcp-witness-rules.md` is made of
 * this table. Only what an RFC demands (MUST, or a plain statement of the protocol) is here, not what it recommends.
 */
export const DHCP_RULES = {
  // Form
  'dhcp.malformed': { reference: 'RFC 2131 §2', text: 'a datagram between the DHCP ports is a DHCP message' },
  'dhcp.short-message': { reference: 'RFC 1542 §2.1', text: 'a client sends messages of at least 300 octets' },
  'dhcp.reserved-flags': { reference: 'RFC 2131 §2', text: 'the reserved bits of flags are zero' },
  'dhcp.missing-end': { reference: 'RFC 2131 §4.1', text: 'the last option is END, where no option is in file or sname' },
  'dhcp.truncated-option': { reference: 'RFC 2132 §2', text: 'an option lies inside its field' },
  'dhcp.overload-value': {
    reference: 'RFC 2132 §9.3',
    text: 'option 52 has one octet, is not 0, and comes once, in the options field',
  },
  'dhcp.missing-message-type': { reference: 'RFC 2131 §3', text: 'a DHCP message has option 53' },
  'dhcp.unknown-message-type': { reference: 'RFC 2132 §9.6', text: 'option 53 has an assigned value' },
  'dhcp.option-length': { reference: 'RFC 2132 §9', text: 'options 50, 51, 54, 58 and 59 have four octets, option 57 two' },
  'dhcp.max-message-size': { reference: 'RFC 2132 §9.10', text: 'option 57 is at least 576' },
  'dhcp.op-direction': { reference: 'RFC 2131 tables 3 and 5', text: 'clients send op 1, servers op 2' },
  'dhcp.hardware-length': { reference: 'RFC 2131 §2', text: 'hlen is 6 where htype is Ethernet' },

  // Client: addresses and ports
  'dhcp.request-port': { reference: 'RFC 2131 §4.1', text: 'clients and relays send to port 67' },
  'dhcp.client-port': { reference: 'RFC 2131 §4.1', text: 'a client without an address sends from port 68' },
  'dhcp.unbound-source': { reference: 'RFC 2131 §4.1', text: 'a client without an address broadcasts from 0.0.0.0' },
  'dhcp.unset-source': { reference: 'RFC 2131 §4.1', text: 'a client that fills in ciaddr sends from that address' },
  'dhcp.discover-destination': { reference: 'RFC 2131 §4.4.1', text: 'DISCOVER is broadcast to 255.255.255.255' },
  'dhcp.request-destination': { reference: 'RFC 2131 §4.4.1', text: 'REQUEST without ciaddr is broadcast to 255.255.255.255' },
  'dhcp.decline-destination': { reference: 'RFC 2131 §4.4.4', text: 'DECLINE is broadcast to 255.255.255.255' },
  'dhcp.release-destination': { reference: 'RFC 2131 §4.4.4', text: 'RELEASE is unicast to the server' },
  'dhcp.broadcast-link': { reference: 'RFC 894', text: 'what a client broadcasts goes in a broadcast frame' },

  // Client: fields and options
  'dhcp.client-addresses': { reference: 'RFC 2131 table 5', text: 'yiaddr and siaddr are 0 in what a client sends' },
  'dhcp.client-hops': { reference: 'RFC 2131 table 5', text: 'hops is 0 in what a client sends' },
  'dhcp.discover-ciaddr': { reference: 'RFC 2131 table 5', text: 'ciaddr is 0 in a DISCOVER' },
  'dhcp.discover-server-id': { reference: 'RFC 2131 table 5', text: 'a DISCOVER has no server identifier' },
  'dhcp.selecting-ciaddr': { reference: 'RFC 2131 §4.3.2', text: 'ciaddr is 0 in a REQUEST that names a server' },
  'dhcp.selecting-address': { reference: 'RFC 2131 §4.3.2', text: 'a REQUEST that names a server has option 50' },
  'dhcp.renewing-address': { reference: 'RFC 2131 §4.3.2', text: 'a REQUEST with ciaddr has no option 50' },
  'dhcp.request-address': { reference: 'RFC 2131 §4.3.2', text: 'a REQUEST asks for an address, in option 50 or ciaddr' },
  'dhcp.decline-address': { reference: 'RFC 2131 table 5', text: 'a DECLINE has option 50' },
  'dhcp.decline-server-id': { reference: 'RFC 2131 table 5', text: 'a DECLINE has a server identifier' },
  'dhcp.decline-ciaddr': { reference: 'RFC 2131 table 5', text: 'ciaddr is 0 in a DECLINE' },
  'dhcp.release-ciaddr': { reference: 'RFC 2131 table 5', text: 'ciaddr is set in a RELEASE' },
  'dhcp.release-server-id': { reference: 'RFC 2131 table 5', text: 'a RELEASE has a server identifier' },
  'dhcp.release-address': { reference: 'RFC 2131 table 5', text: 'a RELEASE has no option 50' },
  'dhcp.inform-ciaddr': { reference: 'RFC 2131 table 5', text: 'ciaddr is set in an INFORM' },
  'dhcp.inform-options': { reference: 'RFC 2131 table 5', text: 'an INFORM has no options 50, 51 and 54' },
  'dhcp.closing-options': { reference: 'RFC 2131 table 5', text: 'a DECLINE or RELEASE has no options 55 and 57' },
  'dhcp.client-id-changed': { reference: 'RFC 2131 §4.2', text: 'a client keeps its client identifier during an exchange' },
  'dhcp.not-offered': {
    reference: 'RFC 2131 §4.4.1',
    text: 'a REQUEST that names a server asks for an address that this server offered',
  },
  'dhcp.unknown-server': { reference: 'RFC 2131 §4.4.1', text: 'a REQUEST names a server that made an offer' },
  'dhcp.request-xid': { reference: 'RFC 2131 table 5', text: 'a REQUEST has the xid of the OFFER that it accepts' },
  'dhcp.rebind-early': { reference: 'RFC 2131 §4.4.5', text: 'a client broadcasts no renewal before T1' },
  'dhcp.renew-expired': { reference: 'RFC 2131 §4.4.5', text: 'a client whose lease ran out starts over' },
  'dhcp.retransmit-early': {
    reference: 'RFC 2131 §4.1',
    text: 'a client should wait, four seconds at first, before it sends again what nobody answered',
  },
  'dhcp.no-backoff': { reference: 'RFC 2131 §4.1', text: 'the waits between retransmissions grow' },
  'dhcp.message-storm': { reference: 'RFC 2131 §4.1', text: 'a client waits longer and longer between retransmissions' },

  // Server: form
  'dhcp.reply-port': { reference: 'RFC 2131 §4.1', text: 'replies go to port 68, to a relay to port 67' },
  'dhcp.server-port': { reference: 'RFC 951 §4', text: 'servers and relays send replies from port 67' },
  'dhcp.reply-source': { reference: 'RFC 2131 §4.1', text: 'a reply has an address of the server or relay as its source' },
  'dhcp.reply-destination': {
    reference: 'RFC 2131 §4.1',
    text: 'a reply goes to giaddr, ciaddr, everybody or yiaddr, in this order',
  },
  'dhcp.nak-destination': { reference: 'RFC 2131 §4.1', text: 'a NAK is broadcast, or goes to the relay' },
  'dhcp.inform-reply-destination': { reference: 'RFC 2131 §4.3.5', text: 'the ACK of an INFORM is unicast to ciaddr' },
  'dhcp.reply-link-address': { reference: 'RFC 2131 §4.1', text: 'a reply to yiaddr goes to the link address in chaddr' },
  'dhcp.relay-nak-broadcast': { reference: 'RFC 2131 §4.3.2', text: 'a NAK to a relay has the broadcast bit' },

  // Server: fields and options
  'dhcp.missing-server-id': { reference: 'RFC 2131 table 3', text: 'OFFER, ACK and NAK have a server identifier' },
  'dhcp.bad-server-id': { reference: 'RFC 2132 §9.7', text: 'the server identifier is the address of a host' },
  'dhcp.missing-lease-time': { reference: 'RFC 2131 table 3', text: 'an OFFER, and the ACK of a REQUEST, has a lease time' },
  'dhcp.zero-lease-time': { reference: 'RFC 2131 §3.3', text: 'a lease lasts' },
  'dhcp.bad-yiaddr': { reference: 'RFC 2131 table 3', text: 'yiaddr of an OFFER or ACK is the address of a host' },
  'dhcp.offer-ciaddr': { reference: 'RFC 2131 table 3', text: 'ciaddr is 0 in an OFFER' },
  'dhcp.nak-addresses': { reference: 'RFC 2131 table 3', text: 'ciaddr, yiaddr and siaddr are 0 in a NAK' },
  'dhcp.nak-options': { reference: 'RFC 2131 table 3', text: 'a NAK tells no lease time and no parameters' },
  'dhcp.inform-reply-lease': { reference: 'RFC 2131 §4.3.5', text: 'the ACK of an INFORM has no lease time and no yiaddr' },
  'dhcp.reply-options': { reference: 'RFC 2131 table 3', text: 'a reply has no options 50, 55 and 57' },
  'dhcp.t1-t2': { reference: 'RFC 2131 §4.4.5', text: 'T1 is before T2, and T2 before the end of the lease' },

  // Server: against what was asked
  'dhcp.unsolicited-reply': { reference: 'RFC 2131 §4.3', text: 'a reply answers a request, with its xid and chaddr' },
  'dhcp.wrong-reply-type': {
    reference: 'RFC 2131 §4.3',
    text: 'OFFER answers DISCOVER; ACK and NAK answer REQUEST; ACK answers INFORM',
  },
  'dhcp.reply-flags': { reference: 'RFC 2131 table 3', text: 'a reply has the flags of the request' },
  'dhcp.reply-hardware': { reference: 'RFC 2131 table 3', text: 'a reply has htype and hlen of the request' },
  'dhcp.ack-ciaddr': { reference: 'RFC 2131 table 3', text: 'ciaddr of an ACK is 0 or that of the request' },
  'dhcp.ack-address': { reference: 'RFC 2131 §4.3.2', text: 'an ACK has the address that was asked for' },
  'dhcp.other-server-reply': { reference: 'RFC 2131 §3.1', text: 'a server that the REQUEST does not name stays silent' },
  'dhcp.client-id-echo': { reference: 'RFC 6842 §3', text: 'a reply has the client identifier of the request' },
  'dhcp.relay-info-echo': { reference: 'RFC 3046 §2.2', text: 'a reply to a relay has its option 82, unchanged' },
  'dhcp.relay-info-leaked': { reference: 'RFC 3046 §2.1', text: 'a client gets no option 82 that it did not send' },
  'dhcp.rapid-commit': { reference: 'RFC 4039 §3.1', text: 'a DISCOVER is answered with an ACK only where both have option 80' },

  // Leases
  'dhcp.two-holders': { reference: 'RFC 2131 §1.6', text: 'an address is leased to one client at a time' },
  'dhcp.offer-leased': { reference: 'RFC 2131 §4.3.1', text: 'an address that is leased is offered to nobody else' },
  'dhcp.address-of-another': { reference: 'RFC 2131 §2.2', text: 'a host uses no address that is leased to another one' },
  'dhcp.use-before-ack': { reference: 'RFC 2131 §3.1', text: 'a client uses an offered address only after the ACK' },
  'dhcp.use-after-expiry': { reference: 'RFC 2131 §4.4.5', text: 'a client stops using its address when the lease runs out' },
  'dhcp.use-after-release': { reference: 'RFC 2131 §4.4.6', text: 'a client stops using the address that it released' },
  'dhcp.use-after-nak': { reference: 'RFC 2131 §3.2', text: 'a client stops using its address after a NAK' },

  // Relays
  'dhcp.relay-hops': { reference: 'RFC 1542 §4.1.1', text: 'a relay counts its hop and drops what has 16' },
  'dhcp.bad-giaddr': { reference: 'RFC 1542 §4.1.1', text: 'giaddr is the address of a host' },
} as const;

export type DhcpRuleId = keyof typeof DHCP_RULES;

/** How a check says that a rule was broken. */
export type Report = (rule: DhcpRuleId, detail: string, earlierFrames?: readonly number[]) => void;
