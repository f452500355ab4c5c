import type { CryptoProvider, GatewayAnswer, OsServices } from '@nexus-net/dsoftbus';
import { NodeService } from '@nexus-net/lan';
import type { Sockets } from '@nexus-net/net-os';
import { type Entropy, fromHex, type Ipv4Address, type Millis, NEVER, parseIpv4 } from '@nexus-net/sansio';
import type { CrossVmConfig, CrossVmNodeName } from '../../nexus-config.js';
import type { BusService } from '../bus-service.js';
import { drawKey, drawSecret } from '../draw-key.js';
import { BusCrossNode } from './bus-cross-node.js';
import { type CrossVmMarker, crossVmLadder } from './cross-ladder.js';
import type { CrossNode, CrossNodeEvent } from './cross-node.js';
import { peerOf } from './cross-node-options.js';
import { OsCrossNode } from './os-cross-node.js';
import { bootKey, type RemoteMarker, RemoteProof } from './remote-proof.js';

export interface CrossVmServiceOptions {
  readonly config: CrossVmConfig;
  readonly crypto: CryptoProvider;
  readonly entropy: Entropy;
  readonly sockets: Sockets;
  readonly joinGroup: (now: Millis, group: Ipv4Address) => void;
  readonly services: OsServices;
  /** Prints a marker. */
  readonly say: (marker: CrossVmMarker, peer: CrossVmNodeName) => void;
  /** Prints a line that is none. */
  readonly line: (text: string) => void;
}

/**
 * The bus service of one of two machines. It looks for the other one as long as it runs; what was shown once is not said again, and what
 * was not is tried in the next session.
 */
export class CrossVmService implements BusService {
  readonly #options: CrossVmServiceOptions;
  readonly #peer: CrossVmNodeName;
  readonly #ladder: readonly CrossVmMarker[];
  readonly #proof: RemoteProof | undefined;
  readonly #seen = new Set<CrossVmMarker>();
  /** How many of the ladder's lines, which come in their order, were said. */
  #said = 0;
  #node: CrossNode | undefined;
  #service: NodeService<unknown> | undefined;
  #isUsable = false;
  #isMismatchTold = false;
  /** When the peer is asked again without anything having happened. */
  #askAt: Millis = NEVER;

  constructor(options: CrossVmServiceOptions) {
    const { self } = options.config;
    this.#options = options;
    this.#peer = peerOf(self);
    this.#ladder = crossVmLadder(self);
    if (self === 'node-a') this.#proof = new RemoteProof({ nonce: drawSecret(options.entropy), peer: this.#peer });
  }

  start(now: Millis, address: Ipv4Address): void {
    const { config, crypto, entropy, sockets, joinGroup, services, line } = this.#options;
    const { dialect, self, identity, peer, fault } = config;
    if (this.#node !== undefined) return;
    const secret = fromHex(identity);
    const node: CrossNode = new NODES[dialect]({
      self,
      address,
      identity: crypto.x25519KeyPair(secret),
      secret,
      peerKey: fault === 'wrong-peer-key' ? drawKey(crypto, entropy).publicKey : fromHex(peer.key),
      peerAddress: parseIpv4(peer.address),
      services,
      crypto,
      entropy,
    });
    // Written before anybody can ask for it.
    if (self === 'node-b') services.statefs?.put(bootKey(self), drawSecret(entropy).subarray(0, 16), LOCAL);
    const service = new NodeService({ node: node.node, sockets, joinGroup });
    service.run(now); // binds, joins and listens
    if (!service.inspect().isBound) {
      line('dsoftbusd: listen FAIL');
      service.stop();
      return;
    }
    this.#node = node;
    this.#service = service;
    node.start(now);
    this.#reach('crossvm-discovery-up');
    this.run(now);
  }

  run(now: Millis): void {
    const [node, service] = [this.#node, this.#service];
    if (node === undefined || service === undefined) return;
    service.run(now);
    node.run(now);
    for (let event = node.pollEvent(now); event !== undefined; event = node.pollEvent(now)) {
      this.#onEvent(now, event);
      service.run(now);
      node.run(now);
    }
    if (this.#askAt > now) return;
    this.#proof?.handleWatch();
    this.#advance(now);
    service.run(now);
  }

  handleLoopbackFrame(): void {}

  nextTimeout(): Millis {
    return Math.min(this.#service?.nextTimeout() ?? NEVER, this.#askAt);
  }

  #onEvent(now: Millis, event: CrossNodeEvent): void {
    switch (event.type) {
      case 'session':
        this.#reach('crossvm-session-ok');
        break;
      case 'mux':
        this.#reach(event.milestone);
        break;
      case 'mux-failed':
        this.#options.line(`dsoftbus:mux crossvm fail ${event.label}`);
        break;
      case 'usable':
        this.#isUsable = true;
        this.#proof?.handleSession();
        this.#advance(now);
        break;
      case 'answer':
        this.#advance(now, event.answer);
        break;
      case 'served':
        this.#reach(event.service === 'statefs' ? 'remote-statefs-served' : 'remote-pkgfs-served');
        break;
      case 'session-lost':
        this.#isUsable = false;
        this.#askAt = NEVER;
        this.#options.line(`dsoftbusd: cross-vm session lost ${this.#peer} ${event.label}`);
        break;
      case 'identity-mismatch':
        // Each try says so; a line says it once.
        if (!this.#isMismatchTold) this.#options.line(`dsoftbusd: identity mismatch peer=${this.#peer}`);
        this.#isMismatchTold = true;
        break;
    }
  }

  /** Says the lines whose turn it is: each when it and all before it were reached. */
  #reach(marker: CrossVmMarker): void {
    this.#seen.add(marker);
    for (let next = this.#ladder[this.#said]; next !== undefined && this.#seen.has(next); next = this.#ladder[this.#said]) {
      this.#said++;
      this.#options.say(next, this.#peer);
    }
  }

  #advance(now: Millis, answer?: GatewayAnswer): void {
    this.#askAt = NEVER;
    if (!this.#isUsable || this.#proof === undefined) return;
    for (let step = this.#proof.advance(answer); step !== undefined; step = this.#proof.advance()) {
      if (step.type === 'shown') this.#shown(step.marker);
      else if (step.type === 'failed') this.#options.line(step.line);
      else {
        if (this.#node?.ask(now, step.request) === true) return;
        this.#proof.handleLost();
        break;
      }
    }
    this.#askAt = this.#proof.isOver ? NEVER : now + WATCH_MS;
  }

  #shown(marker: RemoteMarker): void {
    // Not of the ladder: most runs have no restart.
    if (marker === 'remote-statefs-persist-ok') this.#options.say(marker, this.#peer);
    else this.#reach(marker);
  }
}

const NODES = { bus: BusCrossNode, os: OsCrossNode };
const LOCAL = { type: 'local', serviceId: 0 } as const;
const WATCH_MS: Millis = 2_000;
