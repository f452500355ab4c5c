import { fromHex, type Ipv4Address, ipv4, ipv4FromU32, NEVER, parseIpv4, SeededEntropy, toHex } from '@nexus-net/sansio';
import { type Announce, announceProblem, decodeAnnounce, encodeAnnounce } from '../../../src/discovery/announce.js';
import { Discovery } from '../../../src/discovery/discovery.js';
import { PeerLru } from '../../../src/discovery/peer-lru.js';
import { differs } from './differs.js';

interface AnnounceFields {
  readonly device_id: string;
  readonly noise_static: string;
  readonly port: number;
  readonly services: readonly string[];
}

export type AnnounceVector = { readonly name: string; readonly expect_error?: string } & (
  | { readonly op: 'encode'; readonly input: AnnounceFields; readonly expect?: string; readonly length?: number }
  | { readonly op: 'decode'; readonly input: string; readonly expect?: AnnounceFields }
);

const fieldsOf = ({ deviceId, noiseStatic, port, services }: Announce): AnnounceFields => ({
  device_id: deviceId,
  noise_static: toHex(noiseStatic),
  port,
  services,
});

const announceOf = ({ device_id, noise_static, port, services }: AnnounceFields): Announce => ({
  deviceId: device_id,
  noiseStatic: fromHex(noise_static),
  port,
  services,
});

/** The OS's name for a fault and ours. */
const ANNOUNCE_ERRORS: Readonly<Record<string, string>> = {
  Truncated: 'truncated',
  BadMagic: 'bad-magic',
  Utf8: 'bad-utf8',
  'InvalidInput(device_id length)': 'bad-device-id-length',
  'InvalidInput(service count)': 'bad-service-count',
  'InvalidInput(service name length)': 'bad-service-name-length',
};

function announceError(name: string): string {
  return name.startsWith('UnsupportedVersion(') ? 'unsupported-version' : (ANNOUNCE_ERRORS[name] ?? name);
}

export function checkAnnounceVector(vector: AnnounceVector): string | undefined {
  const wrong = vector.expect_error === undefined ? undefined : announceError(vector.expect_error);
  if (vector.op === 'encode') {
    const announce = announceOf(vector.input);
    if (wrong !== undefined) return differs(announceProblem(announce), wrong);
    const bytes = encodeAnnounce(announce);
    return differs({ bytes: toHex(bytes), length: bytes.length }, { bytes: vector.expect, length: vector.length });
  }
  const bytes = fromHex(vector.input);
  const decoded = decodeAnnounce(bytes);
  if (vector.expect_error?.startsWith('UnsupportedVersion(') && vector.expect_error !== `UnsupportedVersion(${bytes[4]})`)
    return `the version is ${bytes[4]}`;
  return differs(decoded.ok ? fieldsOf(decoded.value) : decoded.error, vector.expect ?? wrong);
}

type Slot = { readonly port: number; address?: Ipv4Address };

export type PeerLruVector =
  | {
      readonly name: string;
      readonly capacity: number;
      readonly steps: readonly {
        readonly op: { readonly op: 'insert' | 'get' | 'peek'; readonly id: string; readonly port?: number };
        readonly result: number | null;
        readonly len: number;
        readonly is_empty: boolean;
        readonly order_after: readonly { readonly id: string; readonly port: number }[];
      }[];
    }
  | {
      readonly name: string;
      readonly op: 'set_then_rebuild_peer_ips';
      readonly lru_inserted_in_order: readonly string[];
      readonly ips_before: readonly (readonly [string, readonly [number, number, number, number]])[];
      readonly set: readonly [string, readonly [number, number, number, number]] | null;
      readonly ips_after: readonly (readonly [string, readonly [number, number, number, number]])[];
    };

export function checkPeerLruVector(vector: PeerLruVector): string | undefined {
  if ('op' in vector) return checkPeerAddresses(vector);
  const lru = new PeerLru<Slot>(vector.capacity);
  for (const [i, { op, ...expected }] of vector.steps.entries()) {
    let result: number | null = null;
    if (op.op === 'insert') lru.insert(op.id, { port: op.port as number });
    else result = (op.op === 'get' ? lru.get(op.id) : lru.peek(op.id))?.port ?? null;
    const order = lru.entries().map(([id, { port }]) => ({ id, port }));
    const found = { result, len: lru.size, is_empty: lru.size === 0, order_after: order };
    const problem = differs(found, { ...found, ...expected });
    if (problem !== undefined) return `step ${i}: ${problem}`;
  }
  return undefined;
}

/** The OS keeps addresses in a list beside its table; ours are in the entries, so there is nothing to rebuild and nothing stale. */
function checkPeerAddresses(vector: Extract<PeerLruVector, { op: string }>): string | undefined {
  const lru = new PeerLru<{ address: Ipv4Address | undefined }>();
  const before = new Map(vector.ips_before.map(([id, octets]) => [id, ipv4(...octets)]));
  for (const id of vector.lru_inserted_in_order) lru.insert(id, { address: before.get(id) });
  const changed = vector.set === null ? undefined : lru.peek(vector.set[0]);
  if (changed !== undefined && vector.set !== null) changed.address = ipv4(...vector.set[1]);
  const after = lru.entries().flatMap(([id, { address }]) => (address === undefined ? [] : [[id, address]]));
  return differs(
    after,
    vector.ips_after.map(([id, octets]) => [id, ipv4(...octets)]),
  );
}

export interface FacadeVector {
  readonly name: string;
  readonly datagrams: readonly { readonly bytes: string }[];
  readonly yielded: readonly { readonly device_id: string; readonly port: number; readonly services: readonly string[] }[];
  readonly second_watch_seed: readonly { readonly device_id: string; readonly port: number }[];
}

/** What the facade yields is what our discovery tells as found or changed, and its second watch starts with what we know, by id. */
export function checkFacadeVector(vector: FacadeVector): string | undefined {
  const discovery = new Discovery({
    address: parseIpv4('127.0.0.2'),
    entropy: new SeededEntropy(1),
    deviceIds: 'key-hash',
    loopback: true,
    ttlMs: NEVER,
    changeEventMs: 0,
  });
  const destination = { address: ipv4FromU32(0x7f000001), port: 37020 };
  for (const { bytes } of vector.datagrams)
    discovery.handleDatagram(0, { source: destination, destination, payload: fromHex(bytes) });
  const yielded: unknown[] = [];
  for (let event = discovery.pollEvent(); event !== undefined; event = discovery.pollEvent())
    if (event.type === 'peer-found' || event.type === 'peer-changed') {
      const { port, services } = event.peer.candidates[0] as { port: number; services: readonly string[] };
      yielded.push({ device_id: event.peer.deviceId, port, services });
    }
  const seed = discovery
    .peers()
    .map(({ deviceId, candidates }) => ({ device_id: deviceId, port: candidates[0]?.port }))
    .sort((a, b) => (a.device_id < b.device_id ? -1 : 1));
  const byId = [...vector.second_watch_seed].sort((a, b) => (a.device_id < b.device_id ? -1 : 1));
  return differs({ yielded, seed }, { yielded: vector.yielded, seed: byId });
}
