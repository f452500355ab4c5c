import type { Case, Group, GroupResult, RemoteCase } from '../harness.js';
import { measureGroup } from '../harness.js';
import { DISCOVER, LONG_ACK, OVERLOAD_ACK, RICH_ACK, type Sample } from '../messages.js';
import { type NotMeasured, openPeer, type Peer, sortOut } from '../peer.js';
import { decodeAllCase, decodeCase, encodeCase } from './codec.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

const PEERS = ['go-dhcp', 'npm-dhcp'];

export const CODEC_PEERS: Suite = {
  name: 'peers-codec',
  about: 'DHCP messages to values and back, against other libraries',
  run: async (context) => {
    const { cases: peers, missing } = sortOut(PEERS.map((name) => openPeer(context.root, name)));
    try {
      return await against(peers, missing, context);
    } finally {
      for (const peer of peers) peer.close();
    }
  },
};

async function against(peers: readonly Peer[], missing: string[], { progress }: BenchContext): Promise<SuiteResult> {
  const groups: GroupResult[] = [];
  for (const sample of [DISCOVER, RICH_ACK, LONG_ACK, OVERLOAD_ACK]) {
    progress(sample.name);
    for (const work of ['decode', 'encode'] as const) {
      const found = await Promise.all(peers.map((peer) => peerCase(peer, work, sample)));
      const theirs = sortOut(found);
      missing.push(...theirs.missing);
      groups.push(await measureGroup(group(work, sample, theirs.cases)));
    }
  }
  return { groups, missing };
}

async function peerCase(peer: Peer, work: string, { name, bytes }: Sample): Promise<RemoteCase | NotMeasured> {
  const found = await peer.prepare(work, { hex: Buffer.from(bytes).toString('hex') });
  return 'missing' in found ? { missing: found.missing.replace(`, ${work}:`, `, ${work}, ${name}:`) } : found;
}

function group(work: 'decode' | 'encode', sample: Sample, theirs: readonly RemoteCase[]): Group {
  const named = (name: string, each: Case): Case => ({ ...each, name });
  const ours =
    work === 'decode'
      ? [
          named('nexus-net, every option made', decodeAllCase(sample)),
          named('nexus-net, every option made, datagram not copied', decodeAllCase(sample, { borrow: true })),
          named('nexus-net, as a server reads it', decodeCase(sample)),
        ]
      : [
          named('nexus-net, into an array of its own', encodeCase(sample)),
          named('nexus-net, into a buffer of the caller', encodeCase(sample, { into: new Uint8Array(1024) })),
        ];
  return {
    title: `${work === 'decode' ? 'Decode' : 'Encode'} ${sample.name}`,
    unit: 'message',
    ratios: true,
    cases: [...ours, ...theirs],
  };
}
