import type { FrameMachine, Ipv4Address, Millis } from '@nexus-net/sansio';
import type { AddressConfig } from '../host.js';
import type { HostEvent, PingId, UdpSocketId } from '../host-event.js';
import type { PingRequest } from '../icmp/icmp-layer.js';
import type { SendOutcome } from '../ipv4/ipv4-output.js';
import type { TcpEvent, TcpUser } from '../tcp/tcp-api.js';
import type { UdpSend } from '../udp/udp-layer.js';
import type { UdpBind } from '../udp/udp-table.js';

/** What sockets need of a host: `Host` and `Netstackd` are such machines. */
export interface SocketMachine<Event> extends FrameMachine<Event> {
  readonly addresses: readonly AddressConfig[];
  readonly gateway: Ipv4Address | undefined;
  owns(address: Ipv4Address): boolean;
  udpRefusal(bind: UdpBind): 'address-in-use' | 'no-buffers' | undefined;
  bindUdp(bind: UdpBind): UdpSocketId;
  udpPort(socket: UdpSocketId): number | undefined;
  closeUdp(socket: UdpSocketId): void;
  sendUdp(now: Millis, send: UdpSend): SendOutcome;
  ping(now: Millis, request: PingRequest): PingId;
  /** Without it streams are `unsupported`. */
  readonly tcp?: TcpUser<object>;
}

/** Everything that a host tells its user. */
export type StackEvent = HostEvent | TcpEvent;
