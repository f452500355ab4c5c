import { type Entropy, SeededEntropy } from '@nexus-net/sansio';
import { nodeCrypto } from '../../src/crypto-node.js';
import {
  type HostIdentity,
  HostSession,
  type HostSessionEvent,
  type HostSessionOptions,
  hostIdentity,
} from '../../src/host/index.js';
import type { CryptoProvider } from '../../src/index.js';

export const SERVER: HostIdentity = hostIdentity(nodeCrypto, new Uint8Array(32).fill(1));
export const CLIENT: HostIdentity = hostIdentity(nodeCrypto, new Uint8Array(32).fill(2));
export const STRANGER: HostIdentity = hostIdentity(nodeCrypto, new Uint8Array(32).fill(3));

type Limits = Omit<Partial<HostSessionOptions>, 'as'>;

export function hostServer(options: Limits & { readonly accept?: (peer: { deviceId: string }) => boolean } = {}): HostSession {
  const { accept = () => true, ...limits } = options;
  return new HostSession({
    provider: nodeCrypto,
    entropy: new SeededEntropy('server'),
    identity: SERVER,
    as: { role: 'server', accept },
    ...limits,
  });
}

/** A client that dials the server as announced: id and key may be somebody else's. */
export function hostClient(
  options: Limits & { readonly deviceId?: string; readonly noiseStatic?: Uint8Array; readonly provider?: CryptoProvider } = {},
): HostSession {
  const { deviceId = SERVER.deviceId, noiseStatic = SERVER.noiseStatic.publicKey, ...limits } = options;
  return new HostSession({
    provider: nodeCrypto,
    entropy: new SeededEntropy('client'),
    identity: CLIENT,
    as: { role: 'client', deviceId, noiseStatic: (options.provider ?? nodeCrypto).x25519PublicKey(noiseStatic) },
    ...limits,
  });
}

export function events(session: HostSession): HostSessionEvent[] {
  const all: HostSessionEvent[] = [];
  for (let event = session.pollEvent(); event !== undefined; event = session.pollEvent()) all.push(event);
  return all;
}

export function sent(session: HostSession): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let bytes = session.pollTransmit(); bytes !== undefined; bytes = session.pollTransmit()) all.push(bytes);
  return all;
}

/** Carries octets both ways until neither has more to say; `change` sees each message and may change, keep back or repeat it. */
export function run(
  client: HostSession,
  server: HostSession,
  change: (bytes: Uint8Array, from: 'client' | 'server', index: number) => readonly Uint8Array[] = (bytes) => [bytes],
): void {
  let [toServer, toClient] = [0, 0];
  for (;;) {
    const fromClient = sent(client);
    for (const bytes of fromClient) for (const each of change(bytes, 'client', toServer++)) server.handleBytes(0, each);
    const fromServer = sent(server);
    for (const bytes of fromServer) for (const each of change(bytes, 'server', toClient++)) client.handleBytes(0, each);
    if (fromClient.length + fromServer.length === 0) return;
  }
}

/** Two ends that are connected. */
export function connected(options: { readonly client?: Limits; readonly server?: Limits } = {}): {
  readonly client: HostSession;
  readonly server: HostSession;
} {
  const client = hostClient(options.client);
  const server = hostServer(options.server);
  client.start(0);
  server.start(0);
  run(client, server);
  events(client);
  events(server);
  return { client, server };
}

export function unlucky(): Entropy {
  return { u32: () => 0, fill: (bytes) => bytes.fill(0x42) };
}
