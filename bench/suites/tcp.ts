import { Host, type TcpConnection } from '@nexus-net/net-os';
import { type Ipv4Address, type Millis, parseIpv4, parseMac, SeededEntropy } from '@nexus-net/sansio';
import { type Case, type GroupResult, measureGroup, type RemoteCase } from '../harness.js';
import { openPeer } from '../peer.js';
import type { Suite, Table } from './suite.js';

const MIB = 1_048_576;
const WINDOW = 262_144;
const A: Ipv4Address = parseIpv4('10.0.0.1');
const B: Ipv4Address = parseIpv4('10.0.0.2');

export const TCP: Suite = {
  name: 'tcp',
  about: 'TCP between two hosts in one process, checksums made and checked',
  run: async ({ root, progress }) => {
    const groups: GroupResult[] = [];
    const missing: string[] = [];
    progress('a stream');
    const peer = openPeer(root, 'smoltcp');
    const cases: (Case | RemoteCase)[] = [streamCase()];
    if ('missing' in peer) missing.push(peer.missing);
    else {
      const theirs = await peer.prepare('tcp-stream', { octets: MIB, window: WINDOW });
      if ('missing' in theirs) missing.push(theirs.missing);
      else cases.push(theirs);
    }
    groups.push(
      await measureGroup({
        title: `Stream, ${WINDOW / 1_024} KiB of window, 1 460 octets a segment`,
        unit: 'MiB',
        ratios: true,
        cases,
      }),
    );
    if (!('missing' in peer)) peer.close();
    progress('connections');
    const counts = [0, 100, 1_000, 10_000];
    groups.push(
      await measureGroup({
        title: 'Open, one octet each way, close',
        unit: 'connection',
        ratios: true,
        cases: counts.map(openCase),
      }),
    );
    progress('memory');
    return { groups, tables: [memoryTable()], ...(missing.length === 0 ? {} : { missing }) };
  },
};

/** Two hosts that know each other's MAC, and frames that go at once. */
class Wire {
  readonly a: Host;
  readonly b: Host;
  now: Millis = 0;

  constructor() {
    const tcp = { connectionCountMax: 65_536, timeWaitCountMax: 1_024 };
    this.a = new Host({ mac: parseMac('02:00:00:00:00:01'), entropy: new SeededEntropy('a'), neighbourAgeMs: 1e15, tcp });
    this.b = new Host({ mac: parseMac('02:00:00:00:00:02'), entropy: new SeededEntropy('b'), neighbourAgeMs: 1e15, tcp });
    this.a.configure(0, { address: A, prefixLength: 24 });
    this.b.configure(0, { address: B, prefixLength: 24 });
    this.now = 10_000;
    this.a.handleTimeout(this.now);
    this.b.handleTimeout(this.now);
    this.settle();
  }

  /** Moves frames until there are none; the number of them. */
  settle(): number {
    let moved = 0;
    for (let before = -1; before !== moved; ) {
      before = moved;
      for (let frame = this.a.pollTransmit(); frame !== undefined; frame = this.a.pollTransmit()) {
        this.b.handleFrame(this.now, frame);
        moved += 1;
      }
      for (let frame = this.b.pollTransmit(); frame !== undefined; frame = this.b.pollTransmit()) {
        this.a.handleFrame(this.now, frame);
        moved += 1;
      }
    }
    return moved;
  }

  listen(port: number, backlog = 16): () => TcpConnection {
    const listener = this.b.tcp.listen(this.now, { port, backlog }, OPTIONS);
    if (typeof listener === 'string') throw new Error(listener);
    return () => {
      const connection = listener.accept(this.now);
      if (typeof connection === 'string') throw new Error(connection);
      return connection;
    };
  }

  connect(port: number): TcpConnection {
    const connection = this.a.tcp.connect(this.now, { remote: { address: B, port } }, OPTIONS);
    if (typeof connection === 'string') throw new Error(connection);
    return connection;
  }

  drain(): void {
    while (this.a.pollEvent() !== undefined);
    while (this.b.pollEvent() !== undefined);
  }
}

/** Timestamps off: segments have 1 460 octets then, as smoltcp's. */
const OPTIONS = { timestamps: false, sendBufferMax: WINDOW, receiveBufferMax: WINDOW };

function streamCase(): Case {
  const wire = new Wire();
  const accept = wire.listen(80);
  const client = wire.connect(80);
  wire.settle();
  const server = accept();
  const source = new Uint8Array(65_536).fill(0x5a);
  const target = new Uint8Array(65_536);
  return {
    name: 'nexus-net',
    run: (count) => {
      const total = count * MIB;
      let sent = 0;
      let received = 0;
      while (received < total) {
        while (sent < total) {
          const taken = client.send(wire.now, sent + source.length <= total ? source : source.subarray(0, total - sent));
          if (typeof taken !== 'number') break;
          sent += taken;
        }
        const moved = wire.settle();
        let read = 0;
        for (;;) {
          const got = server.receiveInto(wire.now, target);
          if (typeof got !== 'number') break;
          read += got;
        }
        received += read;
        wire.drain();
        if (moved === 0 && read === 0) {
          // Only a clock moves what is left: a delayed acknowledgment.
          wire.now = Math.max(wire.now, Math.min(wire.a.nextTimeout(), wire.b.nextTimeout()));
          wire.a.handleTimeout(wire.now);
          wire.b.handleTimeout(wire.now);
        }
      }
      return received;
    },
  };
}

/** The cost of a short connection while `idle` others stand. */
function openCase(idle: number): Case {
  const wire = new Wire();
  const accept = wire.listen(80, 64);
  for (let i = 0; i < idle; i++) {
    wire.connect(80);
    wire.settle();
    accept();
  }
  wire.drain();
  const octet = Uint8Array.of(1);
  return {
    name: `${idle} others`,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        wire.now += 1;
        const client = wire.connect(80);
        wire.settle();
        const server = accept();
        client.send(wire.now, octet);
        wire.settle();
        server.receiveInto(wire.now, octet);
        server.send(wire.now, octet);
        wire.settle();
        client.receiveInto(wire.now, octet);
        client.close(wire.now);
        wire.settle();
        server.close(wire.now);
        wire.settle();
        wire.drain();
        sum += client.id;
      }
      return sum;
    },
  };
}

/** Heap and array buffers of idle connections that have exchanged an octet, both ends counted. */
function memoryTable(): Table {
  const rows: string[][] = [];
  for (const count of [1_000, 10_000]) {
    const wire = new Wire();
    const accept = wire.listen(80, 64);
    const kept: TcpConnection[] = [];
    const before = used();
    for (let i = 0; i < count; i++) {
      const client = wire.connect(80);
      wire.settle();
      const server = accept();
      client.send(wire.now, Uint8Array.of(1));
      wire.settle();
      server.receiveInto(wire.now, new Uint8Array(1));
      kept.push(client, server);
    }
    wire.now += 1_000;
    wire.a.handleTimeout(wire.now);
    wire.b.handleTimeout(wire.now);
    wire.settle();
    wire.drain();
    rows.push([String(2 * count), String(Math.round((used() - before) / (2 * count)))]);
    if (kept.length !== 2 * count) throw new Error('a connection is missing');
  }
  return { title: 'Memory of an idle connection', head: ['connections', 'octets each'], rows };
}

function used(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
