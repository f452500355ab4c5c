import { type FakeHost, FakeNet, type FakeNetConfig, type SocketResult } from '@nexus-net/net-os';
import { concatBytes, type Ipv4Address, ipv4, type Millis } from '@nexus-net/sansio';
import { type SocketService, TftpClient, type TftpClientConfig, type TftpClientResult } from '../../src/index.js';

export const SERVER_AT: Ipv4Address = ipv4(10, 0, 2, 2);
export const CLIENT_AT: Ipv4Address = ipv4(10, 0, 2, 15);

/** A service on one host, a client on another one. */
export class ServiceWorld {
  readonly net: FakeNet;
  readonly server: FakeHost;
  readonly client: FakeHost;
  readonly #services: SocketService<unknown>[] = [];

  constructor(config: FakeNetConfig = { latencyMs: 1 }) {
    this.net = new FakeNet(config);
    this.server = this.net.addHost({ address: SERVER_AT });
    this.client = this.net.addHost({ address: CLIENT_AT });
  }

  serve<S extends SocketService<unknown>>(service: S): S {
    this.#services.push(service);
    service.run(this.net.now);
    return service;
  }

  /** The next thing that happens, no later than `limit`. */
  step(limit: Millis, others: readonly Pick<SocketService<unknown>, 'run' | 'nextTimeout'>[] = []): void {
    const all = [...this.#services, ...others];
    this.net.poll(Math.min(limit, this.net.nextWake(), ...all.map((one) => one.nextTimeout())));
    for (const one of all) one.run(this.net.now);
  }

  run(time: Millis): void {
    for (const until = this.net.now + time; this.net.now < until; ) this.step(until);
  }

  until<T>(call: () => SocketResult<T>): T {
    for (const limit = this.net.now + 600_000; this.net.now < limit; this.step(limit)) {
      const result = call();
      if (result.ok) return result.value;
      if (result.error !== 'would-block') throw new Error(result.error);
    }
    throw new Error('it never ends');
  }

  /** Sends `pieces` to a port, then nothing more, and reads up to the end. */
  exchange(port: number, pieces: readonly Uint8Array[], { end = true }: { readonly end?: boolean } = {}): Uint8Array {
    const opened = this.client.tcpConnect({ address: SERVER_AT, port });
    if (!opened.ok) throw new Error(opened.error);
    const stream = opened.value;
    this.until(() => stream.established());
    for (const piece of pieces)
      for (let at = 0; at < piece.length; ) at += this.until(() => stream.write(piece.subarray(at, at + 16_384)));
    if (end) stream.shutdown();
    const all: Uint8Array[] = [];
    for (;;) {
      const bytes = this.until(() => stream.read(4_096));
      if (bytes.length === 0) break;
      all.push(bytes);
    }
    stream.close();
    return concatBytes(all);
  }

  transfer(config: Omit<TftpClientConfig, 'sockets' | 'server'>): TftpClientResult {
    const client = new TftpClient(this.net.now, { sockets: this.client, server: { address: SERVER_AT, port: 69 }, ...config });
    for (const limit = this.net.now + 600_000; client.result === undefined && this.net.now < limit; ) this.step(limit, [client]);
    if (client.result === undefined) throw new Error('it never ends');
    for (const limit = this.net.now + 30_000; client.nextTimeout() < limit && this.net.now < limit; ) this.step(limit, [client]);
    return client.result;
  }
}

export function eventsOf<E>(service: SocketService<E>): E[] {
  const all: E[] = [];
  for (let event = service.pollEvent(); event !== undefined; event = service.pollEvent()) all.push(event);
  return all;
}

export function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function octetsOf(words: string): Uint8Array {
  return Uint8Array.from(words, (letter) => letter.charCodeAt(0));
}

/** Octets that differ from their neighbours. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24);
}
