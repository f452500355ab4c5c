import { fromHex, parseIpv4, toHex } from '@nexus-net/sansio';
import type { NodeTransmit } from '../../../src/node/node-io.js';
import { InMemoryBundlemgr } from '../../../src/os/gateway/bn.js';
import { makePair, type Pair } from '../os/nodes.js';
import { differs } from './differs.js';

export interface CrossVmVector {
  readonly name: string;
  readonly udp_datagrams: readonly { readonly bytes: string; readonly from: string; readonly to: string }[];
  readonly tcp: { readonly a_to_b_first: readonly string[]; readonly b_to_a_first: readonly string[] };
}

const CONSTANT_KEYS = { keys: { type: 'publicly-known-test-keys', ephemeral: 'publicly-known' } } as const;

function constantPair(overrides: Parameters<typeof makePair>[1] = {}): Pair {
  return makePair(
    { seed: 'recorded' },
    { a: { ...CONSTANT_KEYS, fallbackDialMs: 0, oversizedLocal: 'cut', ...overrides.a }, b: { ...CONSTANT_KEYS, ...overrides.b } },
  );
}

function datagramsOf({ world }: Pair, from: 'a' | 'b'): { bytes: string; from: string; to: string }[] {
  const text = ({ address, port }: { address: number; port: number }): string =>
    `${[24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')}:${port}`;
  return world.sent.flatMap(({ from: name, transmit }) =>
    name === from && transmit.type === 'datagram'
      ? [{ bytes: toHex(transmit.payload), from: text(transmit.source), to: text(transmit.destination) }]
      : [],
  );
}

const octetsOf = (transmits: readonly { readonly from: string; readonly transmit: NodeTransmit }[], name: string): string =>
  transmits.flatMap(({ from, transmit }) => (from === name && transmit.type === 'stream-bytes' ? [toHex(transmit.bytes)] : [])).join('');

/** Our two nodes, with the constant keys, put the same octets on the wire as the two of the OS. */
export function checkCrossVm(vector: CrossVmVector): string | undefined {
  const pair = constantPair();
  const { world, a } = pair;
  world.run(60, () => world.eventsOf('a', 'ready').length > 0);
  // What the recorded session asks first.
  for (const request of RECORDED_REQUESTS) {
    world.act('a', (now) => a.handleLocalRequest(now, fromHex(request)));
    world.run(world.now + 10);
  }
  const aOctets = vector.tcp.a_to_b_first.join('');
  const bOctets = vector.tcp.b_to_a_first.join('');
  const datagrams = [...datagramsOf(pair, 'b'), ...datagramsOf(pair, 'a')];
  return (
    differs(datagrams.slice(0, vector.udp_datagrams.length), vector.udp_datagrams) ??
    differs(octetsOf(world.sent, 'a').slice(0, aOctets.length), aOctets) ??
    differs(octetsOf(world.sent, 'b').slice(0, bOctets.length), bOctets) ??
    (parseIpv4('10.42.0.10') === a.bindings.streams[0]?.address ? undefined : 'node-a is elsewhere')
  );
}

/** The script of local-ipc-ds.json begins so, and the recorded session with it. */
const RECORDED_REQUESTS = ['445301010a62756e646c656d677264', '44530101046e6f7065'] as const;

export interface LocalIpcVector {
  readonly name: string;
  readonly request: string;
  readonly response: string;
  readonly tcp_bytes_a_to_b: number;
  readonly tcp_bytes_b_to_a: number;
}

/** The file is one script on one session. */
export function checkLocalIpc(): (vector: LocalIpcVector) => string | undefined {
  let denies = false;
  const bundlemgr = new InMemoryBundlemgr({ bundles: ['system'], allows: () => !denies });
  const pair = constantPair();
  // The services are one object: the last vector wants a bundlemgrd that denies.
  Object.assign(pair.services, { bundlemgr });
  const { world, a } = pair;
  world.run(60, () => world.eventsOf('a', 'ready').length > 0);
  const ask = (request: string): void => {
    const before = world.eventsOf('a', 'local-answer').length;
    world.act('a', (now) => a.handleLocalRequest(now, fromHex(request)));
    world.run(world.now + 50, () => world.eventsOf('a', 'local-answer').length > before);
  };
  let repeated = -1;
  return (vector) => {
    // The file leaves out two of seven steps that are the same but for their number.
    const number = Number(/\((\d)\)/.exec(vector.name)?.[1] ?? -1);
    for (; number >= 0 && repeated + 1 < number; repeated++) ask(vector.request);
    repeated = number;
    denies = vector.name.includes('when bundlemgrd denies');
    const before = world.sent.length;
    ask(vector.request);
    const answer = world.eventsOf('a', 'local-answer').at(-1);
    const sent = world.sent.slice(before);
    return differs(
      [answer?.type === 'local-answer' && toHex(answer.frame), octetsOf(sent, 'a').length / 2, octetsOf(sent, 'b').length / 2],
      [vector.response, vector.tcp_bytes_a_to_b, vector.tcp_bytes_b_to_a],
    );
  };
}
