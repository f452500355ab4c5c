import { type Endpoint, type Entropy, type Ipv4Address, requireArgument } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { CryptoProvider } from '../../crypto/index.js';
import { OS_DATAGRAM_LENGTH_MAX } from '../../discovery/announce.js';
import type { DiscoveryOptions } from '../../discovery/discovery-options.js';
import type { OsServices } from '../gateway/services.js';
import { type OsKeyOptions, type OsKeys, resolveOsKeys } from '../keys.js';
import type { OsSessionOptions } from '../session/session-options.js';
import { PUBLICLY_KNOWN_TEST_KEYS } from '../test-keys.js';

export type OsRole = 'node-a' | 'node-b';

export interface OsNodeOptions {
  /** node-a dials and asks, node-b accepts and serves. The role is the device id. */
  readonly role: OsRole;
  readonly provider: CryptoProvider;
  /** For ephemeral keys, and the jitter of dialling. */
  readonly entropy: Entropy;
  readonly keys: OsKeyOptions;
  /** What node-b's gateway serves. Default: nothing. */
  readonly services?: OsServices;
  /** Own address. Default: that of the role in the address plan. */
  readonly address?: Ipv4Address;
  /** Where the peer is believed to be: announces go there, and it is dialled where discovery knows nothing. Default: the address plan. */
  readonly peerAddress?: Ipv4Address;
  /** How long node-a waits for an announce before it dials `peerAddress`; 0: at once, as the OS does. Default 1 000 ms. */
  readonly fallbackDialMs?: number;
  /** A connection that is not there after this time is given up. Default 3 000 ms. */
  readonly connectMs?: number;
  /** Time before the second try, doubled for each further one, with up to a quarter more at random. Default 100 ms. */
  readonly retryMsMin?: number;
  /** Default 5 000 ms. */
  readonly retryMsMax?: number;
  /** Connections to node-b whose peer has not proved itself yet. Further ones are reset. Default 4. */
  readonly pendingCountMax?: number;
  /** Of these, from one address. Default 2. */
  readonly pendingPerSourceMax?: number;
  /** Overrides what the dialect sets for discovery. */
  readonly discovery?: Partial<DiscoveryOptions>;
  /** Overrides the limits of sessions. */
  readonly session?: Pick<
    OsSessionOptions,
    'handshakeMs' | 'ladderMs' | 'responseMs' | 'requestCountMax' | 'transmitCountMax' | 'eventCountMax'
  >;
  /** What becomes of a local name that makes a request longer than a record: see `planDs`. Default `refuse`. */
  readonly oversizedLocal?: 'refuse' | 'cut';
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 4 096. */
  readonly eventCountMax?: number;
}

export interface ResolvedOsNode {
  readonly role: OsRole;
  readonly peerId: OsRole;
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly keys: OsKeys;
  readonly services: OsServices;
  /** Where we listen. */
  readonly own: Endpoint;
  readonly peer: Endpoint;
  readonly fallbackDialMs: number;
  readonly connectMs: number;
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  readonly pendingCountMax: number;
  readonly pendingPerSourceMax: number;
  readonly discovery: DiscoveryOptions;
  readonly session: NonNullable<OsNodeOptions['session']>;
  readonly oversizedLocal: 'refuse' | 'cut';
  readonly eventCountMax: number;
}

export function resolveOsNode(options: OsNodeOptions): ResolvedOsNode {
  const { role, provider, entropy, fallbackDialMs = 1_000, connectMs = 3_000, retryMsMin = 100, retryMsMax = 5_000 } = options;
  const { pendingCountMax = 4, pendingPerSourceMax = 2, eventCountMax = 4_096 } = options;
  requireArgument(role === 'node-a' || role === 'node-b', 'role is node-a or node-b');
  requireArgument(fallbackDialMs >= 0 && connectMs > 0, 'fallbackDialMs is at least 0, connectMs more than 0');
  requireArgument(retryMsMin > 0 && retryMsMax >= retryMsMin, 'retryMsMax is not below retryMsMin, which is more than 0');
  for (const [name, limit] of Object.entries({ pendingCountMax, pendingPerSourceMax, eventCountMax }))
    requireArgument(Number.isSafeInteger(limit) && limit >= 1, `${name} is a whole number of at least 1`);
  const isA = role === 'node-a';
  const { os2vm, ports } = ADDRESS_PLAN;
  const { nodeA, nodeB } = PUBLICLY_KNOWN_TEST_KEYS.crossVm;
  const keys = resolveOsKeys(provider, options.keys, isA ? { own: nodeA, peer: nodeB } : { own: nodeB, peer: nodeA });
  const address = options.address ?? (isA ? os2vm.nodeA : os2vm.nodeB);
  const peerAddress = options.peerAddress ?? (isA ? os2vm.nodeB : os2vm.nodeA);
  const own = { address, port: isA ? ports.dsoftbusSessionA : ports.dsoftbusSessionB };
  const peer = { address: peerAddress, port: isA ? ports.dsoftbusSessionB : ports.dsoftbusSessionA };
  const peerId = isA ? 'node-b' : 'node-a';
  return {
    role,
    peerId,
    provider,
    entropy,
    keys,
    services: options.services ?? {},
    own,
    peer,
    fallbackDialMs,
    connectMs,
    retryMsMin,
    retryMsMax,
    pendingCountMax,
    pendingPerSourceMax,
    discovery: {
      self: { deviceId: role, port: own.port, noiseStatic: keys.staticKey.publicKey, services: ['samgrd', 'bundlemgrd'] },
      address,
      entropy,
      schedule: { type: 'os' },
      targets: { group: os2vm.discoveryGroup, broadcast: undefined, unicast: [peerAddress] },
      fallbackAfterMs: 0, // the OS always sends both
      pinned: new Map([[peerId, keys.peerStatic]]),
      receiveLengthMax: OS_DATAGRAM_LENGTH_MAX,
      // The OS announces 15 times a second, twice where both copies arrive.
      sourceRate: { perSecond: 40, burst: 80 },
      strangerRate: { perSecond: 40, burst: 80 },
      ...options.discovery,
    },
    session: options.session ?? {},
    oversizedLocal: options.oversizedLocal ?? 'refuse',
    eventCountMax,
  };
}
