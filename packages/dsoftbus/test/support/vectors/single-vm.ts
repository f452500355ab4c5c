import { type Datagram, SeededEntropy, toHex } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { nodeCrypto } from '../../../src/crypto-node.js';
import { Discovery } from '../../../src/discovery/discovery.js';
import { resolveOsKeys } from '../../../src/os/keys.js';
import { QdSession } from '../../../src/os/qd/qd-session.js';
import { OsSession } from '../../../src/os/session/session.js';
import { PUBLICLY_KNOWN_TEST_KEYS, publiclyKnownTestSecret } from '../../../src/os/test-keys.js';
import { differs } from './differs.js';

export interface SingleVmVector {
  readonly name: string;
  readonly client_probe_ok: boolean;
  readonly udp_datagrams: readonly { readonly bytes: string; readonly from: string; readonly to: string }[];
  readonly tcp_dual_node: readonly { readonly bytes: string; readonly stream: number }[];
}

const CONSTANT = { type: 'publicly-known-test-keys', ephemeral: 'publicly-known' } as const;
const entropy = new SeededEntropy('single-vm');
const address = ADDRESS_PLAN.smoke.guest;

function text({ address: ip, port }: { readonly address: number; readonly port: number }): string {
  return `${[24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join('.')}:${port}`;
}

/** One machine that talks to itself: discovery, the dual-node handshake on TCP, and the datagram session. */
export function checkSingleVm(vector: SingleVmVector): string | undefined {
  const sent: Datagram[] = [];
  const { dualNode, qd } = PUBLICLY_KNOWN_TEST_KEYS;
  const staticB = nodeCrypto.x25519KeyPair(publiclyKnownTestSecret(dualNode.nodeB.staticKey)).publicKey;
  // A synthetic peer: announced once, by unicast to itself.
  const discovery = new Discovery({
    self: { deviceId: 'node-b', port: ADDRESS_PLAN.ports.dsoftbusSessionB, noiseStatic: staticB, services: ['dsoftbusd'] },
    address,
    entropy,
    loopback: true,
    schedule: { type: 'os' },
    targets: { group: undefined, broadcast: undefined, unicast: [address] },
  });
  discovery.start(0);
  for (let one = discovery.pollTransmit(); one !== undefined; one = discovery.pollTransmit()) {
    sent.push(one);
    discovery.handleDatagram(0, one);
  }
  if (discovery.peer('node-b') === undefined) return 'node-b was not found';

  const tcp: { bytes: string; stream: number }[] = [];
  const session = (role: 'initiator' | 'responder'): OsSession => {
    const isA = role === 'initiator';
    const own = isA ? dualNode.nodeA : dualNode.nodeB;
    const peer = isA ? dualNode.nodeB : dualNode.nodeA;
    const keys = resolveOsKeys(nodeCrypto, CONSTANT, { own, peer });
    return new OsSession({ role, provider: nodeCrypto, entropy, keys, peerId: isA ? 'node-b' : 'nodeA', until: 'handshake' }, 0);
  };
  const initiator = session('initiator');
  const responder = session('responder');
  for (let turn = 0; turn < 3; turn++) {
    const [from, to, stream] = turn % 2 === 0 ? ([initiator, responder, 0] as const) : ([responder, initiator, 1] as const);
    for (let bytes = from.pollTransmit(); bytes !== undefined; bytes = from.pollTransmit()) {
      tcp.push({ bytes: toHex(bytes), stream });
      to.handleBytes(0, bytes);
    }
  }

  const clientAt = { address, port: ADDRESS_PLAN.ports.dsoftbusQuicClient };
  const serverAt = { address, port: ADDRESS_PLAN.ports.dsoftbusQuicServer };
  const end = (role: 'client' | 'server'): QdSession => {
    const isClient = role === 'client';
    const keys = resolveOsKeys(nodeCrypto, CONSTANT, {
      own: isClient ? qd.client : qd.server,
      peer: isClient ? qd.server : qd.client,
    });
    const common = { role, provider: nodeCrypto, entropy, keys, own: isClient ? clientAt : serverAt };
    return new QdSession(isClient ? { ...common, peer: serverAt } : common);
  };
  const client = end('client');
  const server = end('server');
  server.start(0);
  client.start(0);
  for (let turn = 0; turn < 4; turn++)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const)
      for (let one = from.pollTransmit(); one !== undefined; one = from.pollTransmit()) {
        sent.push(one);
        to.handleDatagram(0, one);
      }
  const datagrams = sent.map(({ source, destination, payload }) => ({
    bytes: toHex(payload),
    from: text(source),
    to: text(destination),
  }));
  return differs(
    [datagrams, tcp, [initiator.end, responder.end], client.step === 'done' && server.step === 'done'],
    [vector.udp_datagrams, vector.tcp_dual_node, ['finished', 'finished'], vector.client_probe_ok],
  );
}

