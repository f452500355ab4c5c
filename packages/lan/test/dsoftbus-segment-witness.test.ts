import { encodeAnnounce } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import type { Endpoint, Ipv4Address } from '@nexus-net/sansio';
import {
  ADDRESS_PLAN,
  dissect,
  ETHERTYPE,
  encodeEthernet,
  encodeIpv4,
  encodeTcp,
  encodeUdpFrame,
  IP_PROTOCOL,
} from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { busKeys, busTalk, type Spoken } from '../../dsoftbus/test/support/witnessed.js';
import { DsoftbusSegmentWitness, segmentWitnesses } from '../src/index.js';
import { drain } from './support/frames.js';

const { nodeA, nodeAMac, nodeB, nodeBMac } = ADDRESS_PLAN.os2vm;
const CLIENT: Endpoint = { address: nodeA, port: 40_000 };
const SERVER: Endpoint = { address: nodeB, port: ADDRESS_PLAN.ports.dsoftbusSessionB };
const FLAGS = { fin: false, syn: false, rst: false, psh: false, ack: true, urg: false, ece: false, cwr: false };

/** A session as frames of TCP: SYN, SYN-ACK, at most `mss` octets in each, and a FIN or a RST. */
function framesOf(spoken: Spoken, { server = SERVER, mss = 100, end = 'fin' as 'fin' | 'rst' } = {}): Uint8Array[] {
  const next = { client: 1_000, server: 0xffff_ff00 };
  const frames: Uint8Array[] = [];
  const send = (side: 'client' | 'server', flags: Partial<typeof FLAGS>, payload: Uint8Array = new Uint8Array(0)): void => {
    const [source, destination] = side === 'client' ? [CLIENT, server] : [server, CLIENT];
    const pseudo = { source: source.address, destination: destination.address };
    const acknowledgment = next[side === 'client' ? 'server' : 'client'];
    const segment = encodeTcp(
      {
        sourcePort: source.port,
        destinationPort: destination.port,
        sequence: next[side],
        acknowledgment: flags.syn === true && side === 'client' ? 0 : acknowledgment,
        flags: { ...FLAGS, ...flags },
        window: 60_000,
        urgentPointer: 0,
        options: [],
        payload,
      },
      pseudo,
    );
    next[side] = (next[side] + payload.length + (flags.syn === true || flags.fin === true ? 1 : 0)) >>> 0;
    frames.push(onWire(side === 'client', encodeIpv4({ protocol: IP_PROTOCOL.tcp, ...pseudo, payload: segment })));
  };
  send('client', { syn: true, ack: false });
  send('server', { syn: true });
  for (const [side, bytes] of spoken)
    for (let at = 0; at < bytes.length; at += mss) send(side, { psh: true }, bytes.subarray(at, at + mss));
  if (end === 'rst') send('client', { rst: true });
  else {
    send('client', { fin: true });
    send('server', { fin: true });
  }
  return frames;
}

function onWire(fromA: boolean, payload: Uint8Array): Uint8Array {
  const [source, destination] = fromA ? [nodeAMac, nodeBMac] : [nodeBMac, nodeAMac];
  return encodeEthernet({ source, destination, etherType: ETHERTYPE.ipv4, payload });
}

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
