import { type GatewayRequest, OsNode, type OsNodeEvent } from '@nexus-net/dsoftbus';
import { type Millis, Queue } from '@nexus-net/sansio';
import type { PairOptions } from './bus-pair.js';
import { drawSecret } from './draw-key.js';
import { type NodePair, PAIR_ADDRESSES, type PairEvent, type PairNode } from './node-pair.js';
import { type OsQuestion, osQuestion } from './os-question.js';

/** Two nodes of the OS's own dialect, with keys that were drawn for them. */
export class OsPair implements NodePair {
  readonly nodes: readonly [a: OsNode, b: OsNode];
  readonly #events = new Queue<PairEvent>(1_024);
  #asked: { readonly id: number; readonly question: OsQuestion } | undefined;

  constructor({ crypto, entropy, services, wrongPeerKey }: PairOptions) {
    const secrets = { 'node-a': drawSecret(entropy), 'node-b': drawSecret(entropy) };
    const publicKey = (secret: Uint8Array): Uint8Array => crypto.x25519KeyPair(secret).publicKey;
    const node = (role: PairNode, peer: PairNode, peerStatic: Uint8Array): OsNode =>
      new OsNode({
        role,
        provider: crypto,
        entropy,
        keys: { type: 'own', staticSecret: secrets[role], peerStatic },
        address: PAIR_ADDRESSES[role],
        peerAddress: PAIR_ADDRESSES[peer],
        ...(role === 'node-b' && { services }),
        discovery: {
          targets: { group: undefined, broadcast: undefined, unicast: [PAIR_ADDRESSES[peer]] },
          loopback: true,
        },
      });
    this.nodes = [
      node('node-a', 'node-b', publicKey(wrongPeerKey ? drawSecret(entropy) : secrets['node-b'])),
      node('node-b', 'node-a', publicKey(secrets['node-a'])),
    ];
  }

  start(now: Millis): void {
    for (const node of this.nodes) node.start(now);
  }

  run(): void {}

  ask(now: Millis, request: GatewayRequest): boolean {
    const question = osQuestion(request);
    const id = this.nodes[0].request(now, question.kind, question.payload);
    if (typeof id === 'number') this.#asked = { id, question };
    return typeof id === 'number';
  }

  pollEvent(): PairEvent | undefined {
    const [a, b] = this.nodes;
    for (let event = a.pollEvent(); event !== undefined; event = a.pollEvent()) this.#follow('node-a', event);
    for (let event = b.pollEvent(); event !== undefined; event = b.pollEvent()) this.#follow('node-b', event);
    return this.#events.shift();
  }

  #follow(node: PairNode, event: OsNodeEvent): void {
    switch (event.type) {
      case 'peer-found':
        if (node === 'node-a' && event.peer.deviceId === 'node-b') this.#events.push({ type: 'peer-found' });
        break;
      case 'session-up':
        this.#events.push({ type: 'session', node });
        break;
      case 'ready':
        if (node === 'node-a') this.#events.push({ type: 'usable' });
        break;
      case 'response':
        if (node === 'node-a' && this.#asked?.id === event.request)
          this.#events.push({ type: 'answer', answer: this.#asked.question.answer(event) });
        break;
      case 'request-failed':
        if (node === 'node-a' && this.#asked?.id === event.request)
          this.#events.push({ type: 'answer', answer: { status: 'lost' } });
        break;
      case 'dial-failed':
        this.#events.push({ type: 'failed', failure: 'connect', label: event.cause });
        break;
      case 'closed':
        if (event.phase !== 'ready') this.#failed(node, event.detail ?? event.cause);
        break;
      default:
        break;
    }
  }

  #failed(node: PairNode, label: string): void {
    // The side that is not told why only sees that its connection ends.
    if (label === 'truncated' || label === 'connection-lost') return;
    const isIdentity = label === 'static-key-mismatch' || (node === 'node-a' && label === 'bad-tag');
    this.#events.push({ type: 'failed', failure: isIdentity ? 'identity' : 'handshake', label });
  }
}
