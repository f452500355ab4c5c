import { ipv4 as ip } from '@nexus-net/sansio';
import { dissect, encodeIgmp, type IgmpMessage, IP_PROTOCOL, ipv4MulticastMac } from '@nexus-net/wire';
import { expect, test } from 'vitest';
import { IgmpWitness } from '../src/index.js';
import { ipv4 } from './support/frames.js';
import { drainFrames, OUR_IP, ourHost, PEER_IP } from './support/wire.js';

const GROUP = ip(239, 42, 0, 1);
const ALL_ROUTERS = ip(224, 0, 0, 2);

function frame(message: IgmpMessage, { destination = GROUP, ttl = 1 } = {}): Uint8Array {
  const payload = encodeIgmp(message);
  return ipv4({ protocol: IP_PROTOCOL.igmp, destination, ttl, payload }, ipv4MulticastMac(destination));
}

/** What the witness says of these frames, in words. */
function say(...frames: readonly Uint8Array[]): string[] {
  const witness = new IgmpWitness();
  const said: string[] = [];
  frames.forEach((bytes, i) => {
    witness.handleFrame(i, { number: i + 1, at: i, bytes, layers: dissect(bytes) });
    for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent())
      said.push(`${i + 1} ${event.type === 'fact' ? event.fact.kind : event.violation.rule}`);
  });
  return said;
}

const REPORT = frame({ type: 'report', version: 2, group: GROUP });
const LEAVE = frame({ type: 'leave', group: GROUP }, { destination: ALL_ROUTERS });

test('a host that joins is told once, until it has left', () => {
  expect(say(REPORT, REPORT, LEAVE, REPORT, REPORT)).toEqual(['1 igmp.joined', '3 igmp.left', '4 igmp.joined']);
});

test('our own host joins and leaves', () => {
  const host = ourHost();
  host.joinGroup(10_000, GROUP);
  host.handleTimeout(30_000);
  host.leaveGroup(31_000, GROUP);
  const witness = new IgmpWitness();
  drainFrames(host).forEach((bytes, i) => {
    witness.handleFrame(i, { number: i + 1, at: i, bytes, layers: dissect(bytes) });
  });
  expect([witness.pollEvent(), witness.pollEvent(), witness.pollEvent()]).toEqual([
    { type: 'fact', fact: { kind: 'igmp.joined', at: 0, frames: [1], host: OUR_IP, group: GROUP } },
    { type: 'fact', fact: { kind: 'igmp.left', at: 2, frames: [3], host: OUR_IP, group: GROUP } },
    undefined,
  ]);
});

test.each([
  ['a TTL that leads off the link', frame({ type: 'report', version: 2, group: GROUP }, { ttl: 64 }), ['1 igmp.ttl']],
  [
    'a report to another group',
    frame({ type: 'report', version: 2, group: GROUP }, { destination: ALL_ROUTERS }),
    ['1 igmp.report-destination'],
  ],
  ['a query', frame({ type: 'query', maxResponseCode: 10, group: GROUP }), []],
  ['a report of what is no group', frame({ type: 'report', version: 2, group: PEER_IP }, { destination: GROUP }), []],
])('%s', (_, bytes, said) => {
  expect(say(bytes)).toEqual(said);
});
