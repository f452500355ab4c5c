import { clientMac, DHCP_MESSAGE_TYPE, decodeDhcpMessage, messageType } from '@nexus-net/dhcp';
import type { Datagram, Ipv4Address, MacAddress } from '@nexus-net/sansio';

/**
 * Looks out for the answer that DHCP no longer waits for: after a fallback that refuses late leases the client is stopped, and
 * an offer or lease still on its way would vanish unseen.
 */
export class LateLeaseWatch {
  readonly #mac: MacAddress;
  /** The last transaction of the client. */
  #xid: number | undefined;
  #armed = false;

  constructor(mac: MacAddress) {
    this.#mac = mac;
  }

  /** The client has sent a message of this transaction. */
  note(xid: number): void {
    this.#xid = xid;
  }

  arm(): void {
    this.#armed = true;
  }

  forget(): void {
    this.#armed = false;
    this.#xid = undefined;
  }

  /** The address and server of a lease or offer that comes too late, once. */
  judge({ source, payload }: Datagram): { readonly address: Ipv4Address; readonly server: Ipv4Address } | undefined {
    if (!this.#armed) return undefined;
    const decoded = decodeDhcpMessage(payload);
    if (!decoded.ok) return undefined;
    const message = decoded.value;
    const type = messageType(message);
    if (type !== DHCP_MESSAGE_TYPE.offer && type !== DHCP_MESSAGE_TYPE.ack) return undefined;
    if (message.xid !== this.#xid || clientMac(message) !== this.#mac) return undefined;
    this.#armed = false;
    return { address: message.yiaddr, server: source.address };
  }
}
