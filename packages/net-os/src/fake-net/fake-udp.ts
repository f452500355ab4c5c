import { type Endpoint, IPV4_ANY, type Ipv4Address, isIpv4Loopback, NEVER, Queue } from '@nexus-net/sansio';
import { checkPayload, checkReadSize, checkRemote } from '../sockets/checks.js';
import { failed, invalidInput, type SocketResult, wouldBlock } from '../sockets/socket-result.js';
import { type DatagramError, type ReceivedDatagram, UDP_PAYLOAD_OCTETS_MAX, type UdpSocket } from '../sockets/sockets.js';
import type { FakeHost } from './fake-host.js';

export class FakeUdpSocket implements UdpSocket {
  readonly local: Endpoint;
  readonly #host: FakeHost;
  readonly #received: Queue<ReceivedDatagram>;
  readonly #errors: Queue<DatagramError>;
  #open = true;

  constructor(host: FakeHost, local: Endpoint) {
    this.#host = host;
    this.local = local;
    this.#received = new Queue(host.limits.datagramCountMax);
    this.#errors = new Queue(host.limits.datagramCountMax);
  }

  sendTo(to: Endpoint, payload: Uint8Array, options: { readonly from?: Ipv4Address } = {}): SocketResult<number> {
    if (!this.#open) return failed('not-connected');
    const wrong = checkPayload(payload) ?? checkRemote(to);
    if (wrong !== undefined) return wrong;
    const from = options.from ?? this.local.address;
    const bound = this.local.address === IPV4_ANY || from === this.local.address;
    if (from !== IPV4_ANY && !(bound && this.#host.owns(from))) return invalidInput('not an address of this socket');
    if (!this.#host.routes(to.address)) return failed('unreachable');
    const fitting = isIpv4Loopback(to.address) ? to.address : this.#host.address;
    const source = { address: from === IPV4_ANY ? fitting : from, port: this.local.port };
    this.#host.carry(this, { source, destination: to, payload });
    return { ok: true, value: payload.length };
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
    this.#open = false;
    this.#received.clear();
    this.#errors.clear();
    this.#host.drop(this);
  }

  deliver(datagram: ReceivedDatagram): void {
    if (this.#open && !this.#received.push(datagram)) this.#host.count('datagram-queue-full');
  }

  fail(error: DatagramError): void {
    if (this.#open && !this.#errors.push(error)) this.#host.count('error-queue-full');
  }
}
