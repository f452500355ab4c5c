import { encodeAnnounce } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import type { Ipv4Address } from '@nexus-net/sansio';
import { ADDRESS_PLAN, dissect, encodeUdpFrame } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { busKeys, busTalk } from '../../dsoftbus/test/support/witnessed.js';
import { DsoftbusSegmentWitness, segmentWitnesses } from '../src/index.js';
import { drain } from './support/frames.js';
import { framesOf, SERVER } from './support/session-frames.js';

const { nodeA, nodeAMac, nodeB, nodeBMac } = ADDRESS_PLAN.os2vm;

function announceFrame(address: Ipv4Address, port: number): Uint8Array {
  const payload = encodeAnnounce({ deviceId: 'node-b', port, noiseStatic: new Uint8Array(32).fill(1), services: [] });
  const at = { address, port: 37_020 };
  return encodeUdpFrame({
    link: { source: nodeBMac, destination: nodeAMac },
    datagram: { source: at, destination: { address: nodeA, port: 37_020 }, payload },
  });
}

function told(
  frames: readonly Uint8Array[],
  witness = new DsoftbusSegmentWitness(),
): { kind: string; frames: readonly number[] }[] {
  return frames.flatMap((bytes, i) => {
    witness.handleFrame(i, { number: i + 1, at: i, bytes, layers: dissect(bytes) });
    return drain(() => witness.pollEvent()).map((event) =>
      event.type === 'fact'
        ? { kind: event.fact.kind, frames: event.fact.frames }
        : { kind: event.violation.rule, frames: event.violation.frames },
    );
  });
}

describe('sessions in frames', () => {
  const { spoken, client, settle } = busTalk();
  client.openStream(0, { name: 'demo', priority: 1 });
  settle();

  test('from outside: opened and ended, with the frames that show it', () => {
    // SYN, SYN-ACK, three messages, then the ACCEPT of both.
    expect(told(framesOf(spoken))).toEqual([
      { kind: 'dsoftbus.session-opened', frames: [3, 4, 5, 6, 7] },
      { kind: 'dsoftbus.session-ended', frames: expect.arrayContaining([3, 8]) },
    ]);
  });

  test('with keys: who, and which stream', () => {
    const witness = new DsoftbusSegmentWitness({ follow: { provider: nodeCrypto, keys: [busKeys('client')] } });
    expect(told(framesOf(spoken, { mss: 1 }), witness).map(({ kind }) => kind)).toEqual([
      'dsoftbus.identified',
      'dsoftbus.identified',
      'dsoftbus.session-opened',
      'dsoftbus.session-established',
      'dsoftbus.stream-opened',
      'dsoftbus.session-ended',
    ]);
  });

  test('segments out of order and sent again change nothing; a reset is an end', () => {
    const [syn, synAck, first, second, ...rest] = framesOf(spoken, { end: 'rst', mss: 30 }) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const again = [syn, syn, synAck, second, first, second, ...(rest as Uint8Array[])];
    expect(told(again).map(({ kind }) => kind)).toEqual(['dsoftbus.session-opened', 'dsoftbus.session-ended']);
  });

  test('another port is listened at once somebody announced it', () => {
    const server = { ...SERVER, port: 50_123 };
    expect(told(framesOf(spoken, { server }))).toEqual([]);
    const kinds = told([announceFrame(nodeB, 50_123), ...framesOf(spoken, { server })]).map(({ kind }) => kind);
    expect(kinds).toEqual(['dsoftbus.announced', 'dsoftbus.session-opened', 'dsoftbus.session-ended']);
    const full = new DsoftbusSegmentWitness({ portCountMax: 3 });
    told(
      [1, 2, 3].map((port) => announceFrame(nodeB, 50_000 + port)),
      full,
    );
    expect(full.inspect()).toMatchObject({ ports: 3, portsIgnored: 2 });
  });

  test('what was missed for good is forgotten, and no failure is made of it', () => {
    const witness = new DsoftbusSegmentWitness({ connectionCountMax: 1 });
    const cut = framesOf(spoken).slice(0, 4);
    const other = framesOf(spoken, { server: { ...SERVER, port: ADDRESS_PLAN.ports.dsoftbusSessionA } }).slice(0, 2);
    expect(told([...cut, ...other], witness)).toEqual([]);
    expect(witness.inspect()).toMatchObject({ connections: 1, sessions: 0 });
  });

  test('it is one of the witnesses of a segment', () => {
    expect(segmentWitnesses().some((witness) => witness instanceof DsoftbusSegmentWitness)).toBe(true);
  });
});
