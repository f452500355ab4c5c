import { type Endpoint, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import type { WitnessEvent } from '@nexus-net/wire';
import { nodeCrypto } from '../../src/crypto-node.js';
import { BusSession, type CryptoProvider, type X25519KeyPair } from '../../src/index.js';
import { DsoftbusWitness, type ObservedStream, type WitnessKeys } from '../../src/witness/index.js';
import { keyOf, secretOf } from './noise-pair.js';

export const CLIENT_AT: Endpoint = { address: parseIpv4('10.42.0.10'), port: 40_000 };
export const SERVER_AT: Endpoint = { address: parseIpv4('10.42.0.11'), port: 34_568 };
export const STREAM: ObservedStream = { client: CLIENT_AT, server: SERVER_AT };

export type Side = 'client' | 'server';

/** Pieces of a session in their order. */
export type Spoken = readonly (readonly [side: Side, bytes: Uint8Array])[];

/** A witness that was told `spoken`, piece by piece, in pieces of at most `size` octets. */
export function witnessOf(
  spoken: Spoken,
  {
    keys = [],
    size = 1e9,
    provider = nodeCrypto,
  }: { readonly keys?: readonly WitnessKeys[]; readonly size?: number; readonly provider?: CryptoProvider } = {},
): DsoftbusWitness {
  const witness = new DsoftbusWitness({ follow: { provider, keys } });
  for (const [i, [side, bytes]] of spoken.entries())
    for (let at = 0; at < bytes.length; at += size)
      witness.handleStreamBytes(i, STREAM, side, bytes.subarray(at, at + size), i + 1);
  return witness;
}

export function eventsOf(witness: DsoftbusWitness): WitnessEvent[] {
  const all: WitnessEvent[] = [];
  for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent()) all.push(event);
  return all;
}

/** An event in one line without its ends: what a test reads. */
export function linesOf(witness: DsoftbusWitness): string[] {
  return eventsOf(witness).map((event) => {
    if (event.type === 'violation') return `! ${event.violation.rule} ${event.violation.message.split(': ').slice(1).join(': ')}`;
    const { kind, at: _at, frames: _frames, ...detail } = event.fact;
    const own = Object.entries(detail).filter(([name]) => !ENDS.has(name));
    return [
      kind.slice('dsoftbus.'.length),
      ...own.map(([name, value]) => `${name}=${name === 'sender' ? senderName(value) : value}`),
    ].join(' ');
  });
}

function senderName(address: unknown): string {
  return address === CLIENT_AT.address ? 'client' : 'server';
}

const ENDS: ReadonlySet<string> = new Set(['client', 'clientPort', 'server', 'serverPort', 'dialect']);

/** The secrets of one end that draws its ephemeral from a seed. */
export function keysOf(side: Side, staticKey: X25519KeyPair, seed: string, serverStatic: Uint8Array): WitnessKeys {
  const ephemeral = nodeCrypto.x25519KeyPair(secretOf(seed));
  if (side === 'server') return { side, staticKey, ephemeral };
  return { side, staticKey, ephemeral, serverStatic: nodeCrypto.x25519PublicKey(serverStatic) };
}

export interface BusTalk {
  readonly client: BusSession;
  readonly server: BusSession;
  readonly spoken: [side: Side, bytes: Uint8Array][];
  /** Carries everything both ways until nobody says anything more. */
  readonly settle: () => void;
}

/** Two ends of a session of dialect bus, started; what they say is written down. */
export function busTalk(
  options: {
    readonly provider?: CryptoProvider;
    readonly judge?: () => 'trusted' | 'unknown-device';
    readonly rekeyRecords?: number;
  } = {},
): BusTalk {
  const { provider: crypto = nodeCrypto, judge = () => 'trusted' as const, rekeyRecords } = options;
  const common = { crypto, ...(rekeyRecords === undefined ? {} : { rekeyRecords }) };
  const of = (name: Side) => ({
    ...common,
    entropy: new SeededEntropy(name),
    deviceId: `the ${name}`,
    localStatic: keyOf(name, crypto),
  });
  const client = new BusSession({
    ...of('client'),
    judge: () => 'trusted',
    remote: { deviceId: 'the server', key: keyOf('server', crypto).publicKey },
  });
  const server = new BusSession({ ...of('server'), judge });
  const spoken: BusTalk['spoken'] = [];
  const settle = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [side, from, to] of [
        ['client', client, server],
        ['server', server, client],
      ] as const)
        for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
          moved = true;
          if (out.type !== 'bytes') to.handleEnd(0);
          else {
            spoken.push([side, out.bytes]);
            to.handleBytes(0, out.bytes);
          }
        }
    }
  };
  server.start(0);
  client.start(0);
  settle();
  return { client, server, spoken, settle };
}

export function busKeys(side: Side): WitnessKeys {
  return keysOf(side, keyOf(side), side, keyOf('server').publicKey);
}
