import { createCipheriv, createDecipheriv } from 'node:crypto';
import { BusSession, Mux } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { SeededEntropy } from '@nexus-net/sansio';
import type { Case, GroupResult, RemoteCase } from '../harness.js';
import { measureGroup } from '../harness.js';
import { type NotMeasured, openPeer, type Peer, sortOut } from '../peer.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

const LIBRARIES: readonly (readonly [library: string, name: string])[] = [
  ['libp2p-yamux', '@chainsafe/libp2p-yamux 8.0.1'],
  ['yamux-js', 'yamux-js 0.2.0'],
];
const MEBIBYTE = 1_048_576;
const WRITES = [1_024, 32_768];

export const MUX: Suite = {
  name: 'mux',
  about: 'octets and streams through the mux of dialect bus and through its sessions, both ends in process, against other muxers',
  run: async (context) => {
    const { cases: peers, missing } = sortOut([openPeer(context.root, 'npm-mux')]);
    try {
      return await against(peers, missing, context);
    } finally {
      for (const peer of peers) peer.close();
    }
  },
};

async function against(peers: readonly Peer[], missing: string[], { progress }: BenchContext): Promise<SuiteResult> {
  const theirs = async (work: string, params: object = {}): Promise<readonly RemoteCase[]> => {
    const asked = LIBRARIES.flatMap(([library, name]) =>
      peers.map((peer): Promise<RemoteCase | NotMeasured> => peer.prepare(work, { library, ...params }, name)),
    );
    const found = sortOut(await Promise.all(asked));
    missing.push(...found.missing);
    return found.cases;
  };
  const groups: GroupResult[] = [];
  for (const octets of WRITES) {
    const size = `${octets / 1_024} KiB`;
    progress(`mux, writes of ${size}`);
    const cases = [muxBulk(octets), copies(octets), ...(await theirs('bulk', { octets }))];
    groups.push(await measureGroup({ title: `One stream, writes of ${size}`, unit: 'mebibyte', ratios: true, cases }));
  }
  for (const octets of WRITES) {
    const size = `${octets / 1_024} KiB`;
    progress(`session, writes of ${size}`);
    const cases = [sessionBulk(octets), aead(32_768)];
    const title = `The whole session: mux, sealing, opening; one stream, writes of ${size}`;
    groups.push(await measureGroup({ title, unit: 'mebibyte', ratios: true, cases }));
  }
  progress('streams');
  const cases = [muxStreams(), ...(await theirs('streams'))];
  groups.push(
    await measureGroup({
      title: 'Open a stream, one octet through it, close both directions',
      unit: 'stream',
      ratios: true,
      cases,
    }),
  );
  return { groups, missing };
}

function muxPair(): readonly [Mux, Mux] {
  const limits = { streamCountMax: 128, windowOctets: 65_536 };
  const entropy = new SeededEntropy('bench mux');
  return [
    new Mux({ role: 'initiator', entropy, own: limits, peer: limits }),
    new Mux({ role: 'responder', entropy, own: limits, peer: limits }),
  ];
}

/** Carries records both ways until nothing waits, and takes the events. */
function exchange(a: Mux, b: Mux): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (let record = a.pollTransmit(); record !== undefined; record = a.pollTransmit()) {
      b.handleRecord(0, record);
      moved = true;
    }
    for (let record = b.pollTransmit(); record !== undefined; record = b.pollTransmit()) {
      a.handleRecord(0, record);
      moved = true;
    }
  }
  while (a.pollEvent() !== undefined);
  while (b.pollEvent() !== undefined);
}

function muxBulk(octets: number): Case {
  const [a, b] = muxPair();
  const opened = a.open(0, { name: 'bulk', priority: 3 });
  if (!opened.ok) throw new Error(opened.error);
  const stream = opened.value;
  const piece = new Uint8Array(octets).fill(7);
  return {
    name: 'nexus-net',
    run: (count) => {
      const wanted = count * MEBIBYTE;
      let sent = 0;
      let received = 0;
      while (received < wanted) {
        // A whole window at a time, each write one call.
        for (let i = 0; i < 65_536 / octets && sent < wanted; i++) sent += a.write(0, stream, piece);
        exchange(a, b);
        for (let bytes = b.read(0, stream); bytes !== undefined; bytes = b.read(0, stream)) received += bytes.length;
      }
      return received;
    },
  };
}

/** What no muxer that owns its octets can do without: a copy of what is written, and one for who reads it. No memory is taken for them. */
function copies(octets: number): Case {
  const piece = new Uint8Array(octets).fill(7);
  const [first, second] = [new Uint8Array(octets), new Uint8Array(octets)];
  return {
    name: 'the limit: each write copied twice, nothing else',
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < (count * MEBIBYTE) / octets; i++) {
        first.set(piece);
        second.set(first);
        sum += second[i % octets] as number;
      }
      return sum;
    },
  };
}

function muxStreams(): Case {
  const [a, b] = muxPair();
  const octet = Uint8Array.of(7);
  return {
    name: 'nexus-net',
    run: (count) => {
      let received = 0;
      for (let i = 0; i < count; i++) {
        const opened = a.open(0, { name: 'one', priority: 3 });
        if (!opened.ok) throw new Error(opened.error);
        const stream = opened.value;
        a.write(0, stream, octet);
        a.finish(0, stream);
        exchange(a, b);
        received += b.read(0, stream)?.length ?? 0;
        b.finish(0, stream);
        exchange(a, b);
      }
      if (received !== count || a.inspect().streams.length > 0) throw new Error('streams were lost');
      return received;
    },
  };
}

function sessionBulk(octets: number): Case {
  const key = (name: string): ReturnType<typeof nodeCrypto.x25519KeyPair> => {
    const secret = new Uint8Array(32);
    new SeededEntropy(name).fill(secret);
    return nodeCrypto.x25519KeyPair(secret);
  };
  const common = { crypto: nodeCrypto, judge: () => 'trusted' as const };
  const remote = { deviceId: 'b', key: key('b').publicKey };
  const a = new BusSession({ ...common, entropy: new SeededEntropy('a'), deviceId: 'a', localStatic: key('a'), remote });
  const b = new BusSession({ ...common, entropy: new SeededEntropy('b'), deviceId: 'b', localStatic: key('b') });
  const carry = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const)
        for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
          if (out.type !== 'bytes') throw new Error('the session ended');
          to.handleBytes(0, out.bytes);
          moved = true;
        }
    }
    while (a.pollEvent() !== undefined);
    while (b.pollEvent() !== undefined);
  };
  b.start(0);
  a.start(0);
  carry();
  const opened = a.openStream(0, { name: 'bulk', priority: 3 });
  if (!opened.ok) throw new Error(opened.error);
  const stream = opened.value;
  const piece = new Uint8Array(octets).fill(7);
  return {
    name: 'nexus-net, node:crypto',
    run: (count) => {
      const wanted = count * MEBIBYTE;
      let sent = 0;
      let received = 0;
      while (received < wanted) {
        for (let i = 0; i < 65_536 / octets && sent < wanted; i++) sent += a.write(0, stream, piece);
        carry();
        for (let bytes = b.read(0, stream); bytes !== undefined; bytes = b.read(0, stream)) received += bytes.length;
      }
      return received;
    },
  };
}

/** Sealing and opening records of that size with node:crypto, nothing else. */
function aead(octets: number): Case {
  const key = new Uint8Array(32).fill(1);
  const plaintext = new Uint8Array(octets).fill(7);
  const nonce = new Uint8Array(12);
  return {
    name: `the limit: ChaCha20-Poly1305 of node:crypto, sealed and opened, ${octets / 1_024} KiB at a time`,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < (count * MEBIBYTE) / octets; i++) {
        const seal = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
        const sealed = seal.update(plaintext);
        seal.final();
        const open = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
        open.setAuthTag(seal.getAuthTag());
        sum += open.update(sealed).length;
        open.final();
      }
      return sum;
    },
  };
}
