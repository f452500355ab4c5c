import { BusNode, type BusNodeEvent, osGatewayServices, TrustStore } from '@nexus-net/dsoftbus';
import { bytesEqual, type Entropy, type Millis, Queue } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { CrossVmNodeName } from '../../nexus-config.js';
import { NODE_A_RULES } from '../gateway-rules.js';
import { MuxEcho } from '../mux/mux-echo.js';
import { MuxProof } from '../mux/mux-proof.js';
import type { MuxUser } from '../mux/mux-protocol.js';
import { MUX_PROOF_WINDOW, muxUserOf } from '../mux/mux-user.js';
import type { CrossNode, CrossNodeEvent } from './cross-node.js';
import { type CrossNodeOptions, peerOf } from './cross-node-options.js';

/** A node of dialect `bus`, which has pinned the key of its one peer. Both nodes prove the mux, each by streams of its own. */
export class BusCrossNode implements CrossNode {
  readonly node: BusNode;
  readonly #self: CrossVmNodeName;
  readonly #peer: CrossVmNodeName;
  readonly #peerKey: Uint8Array;
  readonly #entropy: Entropy;
  readonly #user: MuxUser;
  readonly #events = new Queue<CrossNodeEvent>(1_024);
  #echo: MuxEcho | undefined;
  #proof: MuxProof | undefined;
  #isMuxShown = false;

  constructor({ self, address, identity, peerKey, peerAddress, services, crypto, entropy }: CrossNodeOptions) {
    const peer = peerOf(self);
    this.#self = self;
    this.#peer = peer;
    this.#peerKey = peerKey;
    this.#entropy = entropy;
    const trust = new TrustStore();
    trust.pin(peer, peerKey);
    const { dsoftbusSessionA, dsoftbusSessionB } = ADDRESS_PLAN.ports;
    const node = new BusNode({
      crypto,
      entropy,
      address,
      port: self === 'node-a' ? dsoftbusSessionA : dsoftbusSessionB,
      deviceId: self,
      localStatic: identity,
      trust,
      services: ['samgrd', 'bundlemgrd'],
      dial: self === 'node-a' ? [peer] : 'none',
      ...(self === 'node-b' && { rules: NODE_A_RULES, gatewayServices: osGatewayServices(services) }),
      discovery: {
        // To the group and to the peer, as the OS does, and so often that whoever starts second hears the first one soon.
        targets: { broadcast: undefined, unicast: [peerAddress] },
        fallbackAfterMs: 0,
        schedule: { type: 'steady', intervalMs: 1_000, jitterMs: 100 },
      },
      backoff: { firstMs: 250, maxMs: 4_000 },
      dialTimeoutMs: 4_000,
      session: {
        limits: { streamCountMax: 16, windowOctets: MUX_PROOF_WINDOW },
        mux: { pingIntervalMs: 2_000, pongTimeoutMs: 10_000 },
      },
    });
    this.node = node;
    this.#user = muxUserOf(node, peer);
  }

  start(now: Millis): void {
    this.node.start(now);
  }

  run(now: Millis): void {
    this.#proof?.run(now);
  }

  ask(now: Millis, request: Parameters<CrossNode['ask']>[1]): boolean {
    return this.node.request(now, this.#peer, request) !== undefined;
  }

  pollEvent(now: Millis): CrossNodeEvent | undefined {
    for (let event = this.node.pollEvent(); event !== undefined; event = this.node.pollEvent()) this.#follow(now, event);
    for (let event = this.#proof?.pollEvent(); event !== undefined; event = this.#proof?.pollEvent()) {
      this.#events.push(event.type === 'mux' ? { type: 'mux', milestone: `crossvm-mux-${event.milestone}` } : event);
      if (event.type !== 'mux' || event.milestone !== 'backpressure-ok') continue;
      this.#isMuxShown = true;
      this.#events.push({ type: 'usable' });
    }
    return this.#events.shift();
  }

  #follow(now: Millis, event: BusNodeEvent): void {
    switch (event.type) {
      case 'session-open':
        this.#events.push({ type: 'session' });
        this.#echo = new MuxEcho(this.#user);
        if (this.#isMuxShown) this.#events.push({ type: 'usable' });
        else this.#proof = new MuxProof(this.#user, { now, entropy: this.#entropy });
        break;
      case 'session-closed':
        this.#echo = undefined;
        this.#proof = undefined;
        this.#events.push({
          type: 'session-lost',
          label: event.end.type === 'failed' ? event.end.label : `goodbye ${event.end.code}`,
        });
        break;
      case 'session-failed':
        if (this.#isMismatch(event)) this.#events.push({ type: 'identity-mismatch' });
        break;
      case 'stream':
        if (this.#echo?.handleEvent(now, event.event) !== true) this.#proof?.handleEvent(now, event.event);
        break;
      case 'reply':
        this.#events.push({ type: 'answer', answer: event.result });
        break;
      case 'audit':
        if (event.outcome !== 'ok') break;
        if (event.service === 'packagefs') this.#events.push({ type: 'served', service: 'packagefs' });
        if (event.service === 'statefs' && (event.operation === 'put' || event.operation === 'delete'))
          this.#events.push({ type: 'served', service: 'statefs' });
        break;
      default:
        break;
    }
  }

  #isMismatch({ end }: Extract<BusNodeEvent, { readonly type: 'session-failed' }>): boolean {
    if (end.type !== 'failed') return false;
    if (MISMATCH_LABELS.has(end.label)) return true;
    // Who dials with a wrong key only sees that its connection ends. What the other side announces is no proof, but says why.
    if (this.#self !== 'node-a' || end.label !== 'truncated') return false;
    const candidates = this.node.peers().find(({ deviceId }) => deviceId === this.#peer)?.candidates ?? [];
    return candidates.length > 0 && candidates.every(({ noiseStatic }) => !bytesEqual(noiseStatic, this.#peerKey));
  }
}

/** Of `BusFailure`: it says that it is the peer, and has another key. */
const MISMATCH_LABELS: ReadonlySet<string> = new Set(['responder-identity', 'key-changed', 'key-revoked', 'key-id-mismatch']);
