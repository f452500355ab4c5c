import { type CryptoProvider, decodeAnnounce, type GatewayAnswer, type OsServices } from '@nexus-net/dsoftbus';
import { NodeService } from '@nexus-net/lan';
import type { Sockets } from '@nexus-net/net-os';
import { type Entropy, type Millis, NEVER } from '@nexus-net/sansio';
import type { MarkerId } from '@nexus-net/verdict';
import { ADDRESS_PLAN, dissect } from '@nexus-net/wire';
import type { DsoftbusConfig } from '../nexus-config.js';
import { BusPair } from './bus-pair.js';
import type { BusService } from './bus-service.js';
import { drawSecret } from './draw-key.js';
import { type NodePair, PAIR_ADDRESSES, type PairEvent } from './node-pair.js';
import { OsPair } from './os-pair.js';
import { QdProof } from './qd-proof.js';
import { type SelftestMarker, type SelftestStep, selftest } from './selftest.js';

export interface DsoftbusdOptions {
  readonly config: Extract<DsoftbusConfig, { readonly mode: 'single' }>;
  readonly crypto: CryptoProvider;
  readonly entropy: Entropy;
  readonly sockets: Sockets;
  readonly services: OsServices;
  /** Prints a marker. */
  readonly say: (marker: MarkerId) => void;
  /** Prints a line that is none. */
  readonly line: (text: string) => void;
}

/**
 * The bus service of one machine: two nodes on its loopback interface, as the OS has them in its single-machine proof. A marker
 * is said when both the node and, where it names something that is sent, the interface itself have shown it.
 */
export class Dsoftbusd implements BusService {
  readonly #options: DsoftbusdOptions;
  readonly #pair: NodePair;
  readonly #services: readonly NodeService<unknown>[];
  readonly #selftest: Generator<SelftestStep, void, GatewayAnswer | undefined>;
  readonly #seen = new Set<Milestone>();
  /** How many of the milestones' lines, which come in their order, were said. */
  #said = 0;
  #isOver = false;
  /** The datagram session, while it goes on. */
  #datagrams: QdProof | undefined;
  #hasBegunDatagrams = false;

  constructor(options: DsoftbusdOptions) {
    const { config, crypto, entropy, sockets, services } = options;
    this.#options = options;
    const { later: hasLater = false } = config;
    const pairOptions = { crypto, entropy, services, wrongPeerKey: config.fault === 'wrong-peer-key', provesMux: hasLater };
    this.#pair = config.dialect === 'os' ? new OsPair(pairOptions) : new BusPair(pairOptions);
    this.#services = this.#pair.nodes.map((node) => new NodeService({ node, sockets, joinGroup: () => {} }));
    this.#selftest = selftest(drawSecret(entropy));
  }

  start(now: Millis): void {
    for (const service of this.#services) service.run(now); // binds and listens
    if (!this.#services.every((service) => service.inspect().isBound)) {
      this.#options.line('dsoftbusd: listen FAIL');
      this.#isOver = true;
      return;
    }
    this.#reach('bound');
    this.#pair.start(now);
    this.run(now);
  }

  /** Moves what can be moved. */
  run(now: Millis): void {
    if (this.#isOver) return;
    for (const service of this.#services) service.run(now);
    this.#pair.run(now);
    for (let event = this.#nextEvent(now); event !== undefined; event = this.#nextEvent(now)) {
      this.#onEvent(now, event);
      for (const service of this.#services) service.run(now);
      this.#pair.run(now);
    }
    this.#runDatagrams(now);
  }

  /** A frame that arrived on the loopback interface. */
  handleLoopbackFrame(frame: Uint8Array): void {
    if (this.#seen.has('announced') && this.#seen.has('connected')) return;
    const { udp, tcp, ipv4 } = dissect(frame);
    if (ipv4?.source === PAIR_ADDRESSES['node-a'] && udp?.destinationPort === ADDRESS_PLAN.ports.dsoftbusDiscovery) {
      const announce = decodeAnnounce(udp.payload);
      if (announce.ok && announce.value.deviceId === 'node-a') this.#reach('announced');
    }
    const isAccepted = tcp?.sourcePort === ADDRESS_PLAN.ports.dsoftbusSessionB && tcp.flags.syn && tcp.flags.ack;
    if (isAccepted && ipv4?.source === PAIR_ADDRESSES['node-b']) this.#reach('connected');
  }

  nextTimeout(): Millis {
    if (this.#isOver) return NEVER;
    return Math.min(this.#datagrams?.nextTimeout() ?? NEVER, ...this.#services.map((service) => service.nextTimeout()));
  }

  #nextEvent(now: Millis): PairEvent | undefined {
    return this.#isOver ? undefined : this.#pair.pollEvent(now);
  }

  #onEvent(now: Millis, event: PairEvent): void {
    switch (event.type) {
      case 'peer-found':
        this.#reach('found');
        break;
      case 'session':
        this.#reach(event.node === 'node-a' ? 'bound-identity' : 'authenticated');
        break;
      case 'usable':
        if (!this.#seen.has('usable')) this.#advance(now, undefined);
        this.#reach('usable');
        this.#beginDatagrams(now);
        break;
      case 'mux':
        this.#options.say(`dsoftbus-mux-${event.milestone}`);
        break;
      case 'mux-failed':
        this.#options.line(`dsoftbus:mux selftest fail ${event.label}`);
        break;
      case 'failed':
        if (!this.#seen.has('usable')) this.#fail(event);
        break;
      case 'answer':
        this.#advance(now, event.answer);
        break;
    }
  }

  #beginDatagrams(now: Millis): void {
    const { config, crypto, entropy, sockets, line } = this.#options;
    if (!config.later || this.#hasBegunDatagrams) return;
    this.#hasBegunDatagrams = true;
    this.#datagrams = QdProof.open(now, { crypto, entropy, sockets });
    if (this.#datagrams === undefined) line('dsoftbusd: quic udp bind FAIL');
  }

  #runDatagrams(now: Millis): void {
    const outcome = this.#datagrams?.run(now);
    if (outcome === undefined) return;
    this.#datagrams = undefined;
    if (outcome.type === 'failed') {
      this.#options.line(outcome.line);
      return;
    }
    this.#options.say('dsoftbus-transport-quic');
    this.#options.say('dsoftbus-quic-session-ok');
  }

  /** Says the lines whose turn it is: each when it and all before it were reached. */
  #reach(milestone: Milestone): void {
    this.#seen.add(milestone);
    for (let next = LADDER[this.#said]; next?.needs.every((each) => this.#seen.has(each)); next = LADDER[this.#said]) {
      this.#said++;
      this.#options.say(next.marker);
    }
  }

  /** The end of the service, as at the OS. */
  #fail({ failure, label }: Extract<PairEvent, { readonly type: 'failed' }>): void {
    this.#isOver = true;
    for (const service of this.#services) service.stop();
    this.#options.line(
      failure === 'identity' ? 'dsoftbusd: identity mismatch peer=node-b' : `dsoftbusd: dual-node ${failure} FAIL ${label}`,
    );
  }

  #advance(now: Millis, answer: GatewayAnswer | undefined): void {
    for (let step = this.#selftest.next(answer); !step.done; step = this.#selftest.next()) {
      const { value } = step;
      if (value.type === 'ask') {
        if (this.#pair.ask(now, value.request)) return;
        continue; // it answers itself that it is lost
      }
      if (value.type === 'shown') this.#reach(value.marker);
      else this.#options.line(value.line);
    }
  }
}

/** What happened, as far as the lines of the ladder speak of it. */
type Milestone = 'bound' | 'announced' | 'found' | 'connected' | 'bound-identity' | 'authenticated' | 'usable' | SelftestMarker;

/** The twelve lines in the order of the OS, and what has to have happened for each beside what the ones before it needed. */
const LADDER: readonly { readonly marker: MarkerId; readonly needs: readonly Milestone[] }[] = [
  { marker: 'dsoftbus-discovery-up', needs: ['bound'] },
  { marker: 'dsoftbus-announce-sent', needs: ['announced'] },
  { marker: 'dsoftbus-peer-found', needs: ['found'] },
  { marker: 'dsoftbus-transport-up', needs: ['connected'] },
  { marker: 'dsoftbus-session-connect', needs: ['connected'] },
  { marker: 'dsoftbus-identity-bound', needs: ['bound-identity'] },
  { marker: 'dsoftbus-dual-node-session-ok', needs: ['bound-identity', 'authenticated'] },
  { marker: 'dsoftbus-ready', needs: ['usable'] },
  { marker: 'dsoftbus-auth-ok', needs: ['authenticated'] },
  { marker: 'dsoftbus-os-session-ok', needs: ['dsoftbus-os-session-ok'] },
  { marker: 'dsoftbus-os-connect-ok', needs: ['dsoftbus-os-connect-ok'] },
  { marker: 'dsoftbus-ping-ok', needs: ['dsoftbus-ping-ok'] },
];
