import { type GatewayRequest, type OsAudit, OsNode, type OsNodeEvent, SF_OP, type StreamId } from '@nexus-net/dsoftbus';
import { type Millis, Queue } from '@nexus-net/sansio';
import type { CrossVmNodeName } from '../../nexus-config.js';
import { type OsQuestion, osQuestion } from '../os-question.js';
import type { CrossNode, CrossNodeEvent } from './cross-node.js';
import type { CrossNodeOptions } from './cross-node-options.js';

/**
 * A node of the OS's own dialect, with keys of its own. Its mux carries lengths and no octets: two lines of it tell of the records that both
 * machines exchanged, and the other three of what scheduler and credits do by themselves, as at the OS.
 */
export class OsCrossNode implements CrossNode {
  readonly node: OsNode;
  readonly #self: CrossVmNodeName;
  readonly #events = new Queue<CrossNodeEvent>(1_024);
  /** The connection of the session that stands. */
  #session: StreamId | undefined;
  #asked: { readonly id: number; readonly question: OsQuestion } | undefined;

  constructor({ self, address, secret, peerKey, peerAddress, services, crypto, entropy }: CrossNodeOptions) {
    this.#self = self;
    this.node = new OsNode({
      role: self,
      provider: crypto,
      entropy,
      keys: { type: 'own', staticSecret: secret, peerStatic: peerKey },
      address,
      peerAddress,
      ...(self === 'node-b' && { services }),
    });
  }

  start(now: Millis): void {
    this.node.start(now);
  }

  run(): void {}

  ask(now: Millis, request: GatewayRequest): boolean {
    const question = osQuestion(request);
    const id = this.node.request(now, question.kind, question.payload);
    if (typeof id !== 'number') return false;
    this.#asked = { id, question };
    return true;
  }

  pollEvent(): CrossNodeEvent | undefined {
    for (let event = this.node.pollEvent(); event !== undefined; event = this.node.pollEvent()) this.#follow(event);
    return this.#events.shift();
  }

  #follow(event: OsNodeEvent): void {
    switch (event.type) {
      case 'session-up':
        // The peer has come back before its old session was missed.
        if (this.#session !== undefined) this.#events.push({ type: 'session-lost', label: 'replaced' });
        this.#session = event.stream;
        this.#events.push({ type: 'session' });
        break;
      case 'mux-up':
        this.#events.push({ type: 'mux', milestone: 'crossvm-mux-session-up' });
        break;
      case 'mux-data':
        this.#events.push({ type: 'mux', milestone: 'crossvm-mux-data-ok' });
        break;
      case 'mux-check': {
        const { priority, bulk, backpressure } = event.check;
        if (priority) this.#events.push({ type: 'mux', milestone: 'crossvm-mux-control-ok' });
        if (bulk) this.#events.push({ type: 'mux', milestone: 'crossvm-mux-bulk-ok' });
        if (backpressure) this.#events.push({ type: 'mux', milestone: 'crossvm-mux-backpressure-ok' });
        if (!priority || !bulk || !backpressure) this.#events.push({ type: 'mux-failed', label: 'local-check' });
        break;
      }
      case 'ready':
        this.#events.push({ type: 'usable' });
        break;
      case 'response':
        if (this.#asked?.id === event.request) this.#events.push({ type: 'answer', answer: this.#asked.question.answer(event) });
        break;
      case 'request-failed':
        if (this.#asked?.id === event.request) this.#events.push({ type: 'answer', answer: { status: 'lost' } });
        break;
      case 'served':
        this.#served(event.audit);
        break;
      case 'closed':
        this.#closed(event);
        break;
      default:
        break;
    }
  }

  #closed({ stream, cause, phase, detail }: Extract<OsNodeEvent, { readonly type: 'closed' }>): void {
    if (phase === 'ladder' && cause === 'ladder-refused') this.#events.push({ type: 'mux-failed', label: detail ?? 'refused' });
    if (phase === 'handshake' && this.#isMismatch(cause)) this.#events.push({ type: 'identity-mismatch' });
    if (stream !== this.#session) return;
    this.#session = undefined;
    this.#asked = undefined;
    this.#events.push({ type: 'session-lost', label: cause });
  }

  /** The responder learns who the initiator is; the initiator, with a wrong key for the responder, can't read its answer. */
  #isMismatch(cause: string): boolean {
    return cause === 'static-key-mismatch' || (this.#self === 'node-a' && cause === 'bad-tag');
  }

  #served({ service, op, outcome }: OsAudit): void {
    if (outcome?.status !== 0) return;
    if (service === 'packagefsd') this.#events.push({ type: 'served', service: 'packagefs' });
    if (service === 'statefsd' && (op === SF_OP.put || op === SF_OP.delete))
      this.#events.push({ type: 'served', service: 'statefs' });
  }
}
