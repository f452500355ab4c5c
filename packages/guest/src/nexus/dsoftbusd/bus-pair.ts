import {
  BusNode,
  type BusNodeEvent,
  type BusNodeOptions,
  type CryptoProvider,
  type GatewayRequest,
  type OsServices,
  osGatewayServices,
  TrustStore,
  type X25519KeyPair,
} from '@nexus-net/dsoftbus';
import { type Entropy, type Millis, Queue } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { drawKey } from './draw-key.js';
import { NODE_A_RULES } from './gateway-rules.js';
import { MuxEcho } from './mux/mux-echo.js';
import { MuxProof } from './mux/mux-proof.js';
import { MUX_PROOF_WINDOW, muxUserOf } from './mux/mux-user.js';
import { type NodePair, PAIR_ADDRESSES, type PairEvent, type PairNode } from './node-pair.js';

export interface PairOptions {
  readonly crypto: CryptoProvider;
  readonly entropy: Entropy;
  /** What node-b serves. */
  readonly services: OsServices;
  /** node-a believes that node-b has another key. */
  readonly wrongPeerKey: boolean;
  /** node-a proves the mux of the session too, before it asks anything. Default false; only of dialect `bus`. */
  readonly provesMux?: boolean;
}

/** Two nodes of dialect `bus`, each of which has pinned the other's key. */
export class BusPair implements NodePair {
  readonly nodes: readonly [a: BusNode, b: BusNode];
  readonly #events = new Queue<PairEvent>(1_024);
  readonly #entropy: Entropy;
  readonly #provesMux: boolean;
  #proof: MuxProof | undefined;
  #echo: MuxEcho | undefined;

  constructor({ crypto, entropy, services, wrongPeerKey, provesMux = false }: PairOptions) {
    this.#entropy = entropy;
    this.#provesMux = provesMux;
    const [keyA, keyB] = [drawKey(crypto, entropy), drawKey(crypto, entropy)];
    const believed = wrongPeerKey ? drawKey(crypto, entropy) : keyB;
    const { dsoftbusSessionA, dsoftbusSessionB } = ADDRESS_PLAN.ports;
    const common = {
      crypto,
      entropy,
      services: ['samgrd', 'bundlemgrd'],
      ...(provesMux && { session: { limits: { streamCountMax: 16, windowOctets: MUX_PROOF_WINDOW } } }),
    };
    this.nodes = [
      new BusNode({
        ...common,
        ...ends('node-a', 'node-b', keyA, believed),
        port: dsoftbusSessionA,
        dial: ['node-b'],
      }),
      new BusNode({
        ...common,
        ...ends('node-b', 'node-a', keyB, keyA),
        port: dsoftbusSessionB,
        dial: 'none',
        rules: NODE_A_RULES,
        gatewayServices: osGatewayServices(services),
      }),
    ];
  }

  start(now: Millis): void {
    for (const node of this.nodes) node.start(now);
  }

  ask(now: Millis, request: GatewayRequest): boolean {
    return this.nodes[0].request(now, 'node-b', request) !== undefined;
  }

  run(now: Millis): void {
    this.#proof?.run(now);
  }

  pollEvent(now: Millis): PairEvent | undefined {
    const [a, b] = this.nodes;
    for (let event = a.pollEvent(); event !== undefined; event = a.pollEvent()) this.#fromA(now, event);
    for (let event = b.pollEvent(); event !== undefined; event = b.pollEvent()) this.#fromB(now, event);
    for (let event = this.#proof?.pollEvent(); event !== undefined; event = this.#proof?.pollEvent()) this.#events.push(event);
    return this.#events.shift();
  }

  #fromA(now: Millis, event: BusNodeEvent): void {
    switch (event.type) {
      case 'peer-found':
        if (event.peer.deviceId === 'node-b') this.#events.push({ type: 'peer-found' });
        break;
      case 'session-open':
        this.#events.push({ type: 'session', node: 'node-a' });
        this.#events.push({ type: 'usable' });
        if (this.#provesMux) this.#proof = new MuxProof(muxUserOf(this.nodes[0], 'node-b'), { now, entropy: this.#entropy });
        break;
      case 'stream':
        this.#proof?.handleEvent(now, event.event);
        break;
      case 'session-failed':
        this.#failed(event);
        break;
      case 'reply':
        this.#events.push({ type: 'answer', answer: event.result });
        break;
      default:
        break;
    }
  }

  #fromB(now: Millis, event: BusNodeEvent): void {
    if (event.type === 'session-open') {
      this.#events.push({ type: 'session', node: 'node-b' });
      if (this.#provesMux) this.#echo = new MuxEcho(muxUserOf(this.nodes[1], 'node-a'));
    }
    if (event.type === 'stream') this.#echo?.handleEvent(now, event.event);
    if (event.type === 'session-failed') this.#failed(event);
  }

  #failed({ end }: Extract<BusNodeEvent, { readonly type: 'session-failed' }>): void {
    const label = end.type === 'no-connection' ? end.cause : end.type === 'failed' ? end.label : end.detail;
    // The side that dialled only sees that its connection ends: the other side says why, and is heard.
    if (label === 'truncated') return;
    const failure = end.type === 'no-connection' ? 'connect' : IDENTITY_LABELS.has(label) ? 'identity' : 'handshake';
    this.#events.push({ type: 'failed', failure, label });
  }
}

function ends(
  own: PairNode,
  peer: PairNode,
  localStatic: X25519KeyPair,
  { publicKey }: X25519KeyPair,
): Pick<BusNodeOptions, 'address' | 'deviceId' | 'localStatic' | 'trust' | 'discovery'> {
  const trust = new TrustStore();
  trust.pin(peer, publicKey);
  return {
    address: PAIR_ADDRESSES[own],
    deviceId: own,
    localStatic,
    trust,
    discovery: {
      targets: { group: undefined, broadcast: undefined, unicast: [PAIR_ADDRESSES[peer]] },
      loopback: true,
    },
  };
}

/** Of `BusFailure`: who is there is not who was meant. */
const IDENTITY_LABELS: ReadonlySet<string> = new Set([
  'wrong-identity-or-prologue',
  'responder-identity',
  'unknown-device',
  'key-changed',
  'key-revoked',
  'key-id-mismatch',
]);
