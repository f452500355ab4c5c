import { type Endpoint, IPV4_ANY, type Ipv4Address, isIpv4Loopback, NEVER, Queue } from '@nexus-net/sansio';
import type { UdpSocketId } from '../host-event.js';
import { checkPayload, checkReadSize, checkRemote } from './checks.js';
import type { HostSocketsPort } from './host-sockets.js';
import { failed, invalidInput, type SocketResult, wouldBlock } from './socket-result.js';
import { type DatagramError, type ReceivedDatagram, UDP_PAYLOAD_OCTETS_MAX, type UdpSocket } from './sockets.js';

/** A UDP socket on a host. */
export class HostUdpSocket implements UdpSocket {
  readonly id: UdpSocketId;
  readonly local: Endpoint;
  readonly #port: HostSocketsPort;
  readonly #received: Queue<ReceivedDatagram>;
  readonly #errors: Queue<DatagramError>;
  /** Where the last datagrams went whose way is not known to be good, the latest last. */
  #recent: readonly Endpoint[] = [];
  #open = true;

  constructor(port: HostSocketsPort, { id, local }: { readonly id: UdpSocketId; readonly local: Endpoint }) {
    this.#port = port;
    this.id = id;
    this.local = local;
    this.#received = new Queue(port.datagramCountMax);
    this.#errors = new Queue(port.datagramCountMax);
  }

  sendTo(to: Endpoint, payload: Uint8Array, options: { readonly from?: Ipv4Address } = {}): SocketResult<number> {
    if (!this.#open) return failed('not-connected');
    const wrong = checkPayload(payload) ?? checkRemote(to);
    if (wrong !== undefined) return wrong;
    const from = options.from ?? this.local.address;
    const bound = this.local.address === IPV4_ANY || from === this.local.address;
    const own = isIpv4Loopback(from) || this.#port.machine.owns(from);
    if (from !== IPV4_ANY && !(bound && own)) return invalidInput('not an address of this socket');
    const datagram = { source: { address: from, port: this.local.port }, destination: to, payload };
    const outcome = this.#port.machine.sendUdp(this.#port.now(), { socket: this.id, datagram });
    switch (outcome) {
      case 'sent':
        this.#note(to);
        this.#port.pump();
        return { ok: true, value: payload.length };
      case 'too-big':
        return invalidInput('udp payload too large for the link');
      case 'no-buffers':
        return failed('no-buffers');
      default:
        return failed('unreachable');
    }
  }

  receiveFrom(octetsMax: number = UDP_PAYLOAD_OCTETS_MAX): SocketResult<ReceivedDatagram> {
    if (!this.#open) return failed('not-connected');
    const wrong = checkReadSize(octetsMax);
    if (wrong !== undefined) return wrong;
    const oldest = this.#received.peek();
    if (oldest === undefined) return wouldBlock(NEVER);
    if (oldest.payload.length > octetsMax) return failed('no-buffers');
    this.#received.shift();
    return { ok: true, value: oldest };
  }

  takeError(): DatagramError | undefined {
    return this.#errors.shift();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#received.clear();
    this.#errors.clear();
    this.#port.closeUdp(this);
  }

  deliver(datagram: ReceivedDatagram): void {
    if (!this.#received.push(datagram)) this.#port.count('datagram-queue-full');
  }

  fail(error: DatagramError): void {
    this.#recent = this.#recent.filter(
      ({ address, port }) => address !== error.destination.address || port !== error.destination.port,
    );
    if (!this.#errors.push(error)) this.#port.count('error-queue-full');
  }

  /** Nobody at all answers for the next hop of some datagrams. */
  failNextHop(isBehind: (destination: Ipv4Address) => boolean): void {
    for (const destination of this.#recent) if (isBehind(destination.address)) this.fail({ destination, error: 'unreachable' });
  }

  #note(to: Endpoint): void {
    if (this.#recent.some(({ address, port }) => address === to.address && port === to.port)) return;
    this.#recent = [...this.#recent.slice(1 - RECENT_COUNT_MAX), to];
  }
}

const RECENT_COUNT_MAX = 16;
