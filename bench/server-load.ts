import { DHCP_MESSAGE_TYPE, type DhcpServer, type DhcpServerTransmit, dhcpMessage, encodeDhcpMessage } from '@nexus-net/dhcp';
import { type Datagram, ipv4, MAC_ZERO, readU32, writeU16, writeU32 } from '@nexus-net/sansio';

/** Octets of the messages below that differ from client to client. */
const XID = 4;
const YIADDR = 16;
const CHADDR = 28;
const REQUESTED_ADDRESS = 245;
const MESSAGE_TYPE = 242;

/** Clients as perfdhcp plays them: of `clientCount`, one after the other, each with its whole exchange. */
export class ServerLoad {
  readonly #server: DhcpServer;
  readonly #clientCount: number;
  readonly #discover: Datagram;
  readonly #request: Datagram;
  #exchange = 0;
  #now = 0;

  constructor(server: DhcpServer, { clientCount }: { readonly clientCount: number }) {
    this.#server = server;
    this.#clientCount = clientCount;
    this.#discover = message(DHCP_MESSAGE_TYPE.discover);
    this.#request = message(DHCP_MESSAGE_TYPE.request);
  }

  /** DISCOVER, OFFER, REQUEST, ACK. Throws where the server does anything else. */
  exchange(): void {
    const server = this.#server;
    const discover = this.#discover.payload;
    const request = this.#request.payload;
    const client = this.#exchange % this.#clientCount;
    this.#exchange++;
    this.#now += 0.125; // 8000 exchanges a second of virtual time: what Kea can do
    for (const payload of [discover, request]) {
      writeU32(payload, XID, this.#exchange);
      writeU16(payload, CHADDR, 0x0200);
      writeU32(payload, CHADDR + 2, client);
    }
    server.handleDatagram(this.#now, this.#discover);
    const offer = this.#reply();
    if (offer.payload[MESSAGE_TYPE] !== DHCP_MESSAGE_TYPE.offer) throw new Error('no OFFER');
    writeU32(request, REQUESTED_ADDRESS, readU32(offer.payload, YIADDR));
    this.#drain();
    server.handleDatagram(this.#now, this.#request);
    this.#drain();
    const ack = this.#reply();
    if (ack.payload[MESSAGE_TYPE] !== DHCP_MESSAGE_TYPE.ack) throw new Error('no ACK');
    this.#drain();
  }

  #reply(): DhcpServerTransmit {
    const reply = this.#server.pollTransmit();
    if (reply === undefined) throw new Error(`no reply: ${JSON.stringify(this.#server.inspect().rejects)}`);
    return reply;
  }

  /** Reads the events, and confirms each lease at once, as a store would that needs no time. */
  #drain(): void {
    const server = this.#server;
    for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
      if (event.type === 'store') server.confirmStored(this.#now, event.id);
    }
  }
}

function message(type: number): Datagram {
  const server = type === DHCP_MESSAGE_TYPE.request ? [{ code: 54, value: Uint8Array.of(10, 0, 0, 1) }] : [];
  const address = type === DHCP_MESSAGE_TYPE.request ? [{ code: 50, value: new Uint8Array(4) }] : [];
  const options = [
    { code: 53, value: Uint8Array.of(type) },
    ...address,
    ...server,
    { code: 55, value: Uint8Array.of(1, 28, 2, 3, 15, 6, 12) },
  ];
  return {
    source: { address: ipv4(0, 0, 0, 0), port: 68 },
    destination: { address: ipv4(255, 255, 255, 255), port: 67 },
    payload: encodeDhcpMessage(dhcpMessage({ op: 1, xid: 0, chaddr: MAC_ZERO, options })),
  };
}
