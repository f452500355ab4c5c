import type { MuxFailure, MuxSnapshot } from '@nexus-net/dsoftbus';

/** One thing that is done to a mux. Frames are the peer's; the rest is the application's. */
export type MuxStep =
  | { readonly do: 'frame-open'; readonly id: number; readonly name: string; readonly priority: number }
  | { readonly do: 'frame-ack' | 'frame-close'; readonly id: number; readonly priority: number }
  | { readonly do: 'frame-data'; readonly id: number; readonly length: number; readonly priority: number }
  | { readonly do: 'frame-credit'; readonly id: number; readonly delta: number; readonly priority: number }
  | { readonly do: 'frame-reset'; readonly id: number; readonly priority: number }
  | { readonly do: 'frame-ping' | 'frame-pong' | 'frame-extension' | 'frame-unknown' }
  | { readonly do: 'frame-goaway'; readonly lastId: number }
  | { readonly do: 'open'; readonly name: string; readonly priority: number }
  | { readonly do: 'write'; readonly id: number; readonly length: number }
  | { readonly do: 'read'; readonly id: number; readonly length: number }
  | { readonly do: 'finish' | 'reset'; readonly id: number }
  | { readonly do: 'goaway' };

export interface ModelStream {
  readonly own: boolean;
  readonly name: string;
  readonly priority: number;
  accepted: boolean;
  peerClosed: boolean;
  send: 'open' | 'closing' | 'closed';
  sendCredit: number;
  receiveCredit: number;
  unsent: number;
  unread: number;
  consumed: number;
}

export const MODEL_LIMITS = {
  streams: 2,
  window: 1_024,
  sendBuffer: 512,
  resetBurst: 2,
  pingBurst: 3,
} as const;

/**
 * What docs/dsoftbus-bus-v1.md says, in numbers without octets, for an initiator whose every frame is sent at once: the twin of the mux
 * under test. Budgets stand still, as no time passes.
 */
export class MuxModel {
  failure: MuxFailure | undefined;
  readonly streams: Map<number, ModelStream> = new Map();
  nextOwn = 1;
  lastPeer = 0;
  late = 0;
  lateFrames = 0;
  resets: number = MODEL_LIMITS.resetBurst;
  pings: number = MODEL_LIMITS.pingBurst;
  leaving = false;
  peerLeaves: number | undefined;

  apply(step: MuxStep): void {
    if (this.failure !== undefined) return;
    this.failure = this.#apply(step);
    if (this.failure !== undefined) this.streams.clear();
    else this.#send();
  }

  #apply(step: MuxStep): MuxFailure | undefined {
    switch (step.do) {
      case 'frame-open':
        return this.#peerOpens(step);
      case 'frame-ping':
        return this.pings-- > 0 ? undefined : 'ping-flood';
      case 'frame-pong': // never one that was asked for
        return this.pings-- > 0 ? undefined : 'ping-flood';
      case 'frame-extension':
        return undefined;
      case 'frame-unknown':
        return 'unknown-kind';
      case 'frame-goaway':
        return this.#peerGoes(step.lastId);
      case 'open':
        this.#open(step);
        return undefined;
      case 'goaway':
        this.leaving = true;
        return undefined;
      case 'write': {
        const stream = this.streams.get(step.id);
        if (stream !== undefined) stream.unsent += Math.min(step.length, MODEL_LIMITS.sendBuffer - stream.unsent);
        return undefined;
      }
      case 'read':
        this.#read(step);
        return undefined;
      case 'finish': {
        const stream = this.streams.get(step.id);
        if (stream !== undefined) stream.send = 'closing';
        return undefined;
      }
      case 'reset': {
        const stream = this.streams.get(step.id);
        if (stream !== undefined) this.#drop(step.id, stream.peerClosed ? 0 : stream.receiveCredit);
        return undefined;
      }
      default:
        return this.#peerFrame(step);
    }
  }

  #peerFrame(
    step: Extract<MuxStep, { readonly do: 'frame-ack' | 'frame-close' | 'frame-data' | 'frame-credit' | 'frame-reset' }>,
  ): MuxFailure | undefined {
    const { id, priority } = step;
    if (id === 0) return 'bad-stream-id';
    if (step.do === 'frame-data' && step.length === 0) return 'bad-frame';
    if (step.do === 'frame-credit' && (step.delta < 1 || step.delta > 2 ** 31 - 1)) return 'bad-credit';
    const stream = this.streams.get(id);
    if (stream === undefined) return this.#lateFrame(id, step.do === 'frame-data' ? step.length : 1);
    if (priority !== stream.priority) return 'bad-priority';
    switch (step.do) {
      case 'frame-ack':
        if (!stream.own || stream.accepted) return 'bad-state';
        stream.accepted = true;
        return undefined;
      case 'frame-data':
        if (stream.peerClosed) return 'bad-state';
        if (step.length > stream.receiveCredit) return 'credit-exceeded';
        stream.receiveCredit -= step.length;
        stream.unread += step.length;
        return undefined;
      case 'frame-credit':
        if (stream.sendCredit + step.delta > 2 ** 32 - 1) return 'credit-overflow';
        stream.sendCredit += step.delta;
        return undefined;
      case 'frame-close':
        if (stream.peerClosed) return 'bad-state';
        stream.peerClosed = true;
        this.#leaveIfDone(id, stream);
        return undefined;
      case 'frame-reset':
        if (this.resets-- <= 0) return 'reset-flood';
        this.#drop(id, 0);
        return undefined;
    }
  }

  #peerOpens({ id, name, priority }: Extract<MuxStep, { readonly do: 'frame-open' }>): MuxFailure | undefined {
    if (id % 2 === 1 || id <= this.lastPeer) return 'bad-stream-id';
    if (name === '') return 'bad-name';
    const peers = [...this.streams.values()].filter(({ own }) => !own);
    const refused = this.leaving || peers.length >= MODEL_LIMITS.streams || peers.some((each) => each.name === name);
    if (refused && this.resets-- <= 0) return 'reset-flood';
    this.lastPeer = id;
    if (refused) this.late += 16 + MODEL_LIMITS.window;
    else this.streams.set(id, fresh({ own: false, name, priority }));
    return undefined;
  }

  #peerGoes(lastId: number): MuxFailure | undefined {
    if (this.peerLeaves !== undefined && lastId > this.peerLeaves) return 'bad-goaway';
    if (lastId !== 0 && (lastId % 2 === 0 || lastId >= this.nextOwn)) return 'bad-goaway';
    this.peerLeaves = lastId;
    for (const [id, { own }] of [...this.streams]) if (own && id > lastId) this.#drop(id, 0);
    return undefined;
  }

  #open({ name, priority }: Extract<MuxStep, { readonly do: 'open' }>): void {
    const own = [...this.streams.values()].filter((each) => each.own);
    if (this.leaving || this.peerLeaves !== undefined || own.length >= MODEL_LIMITS.streams) return;
    if (own.some((each) => each.name === name)) return;
    this.streams.set(this.nextOwn, fresh({ own: true, name, priority }));
    this.nextOwn += 2;
  }

  #read({ id, length }: Extract<MuxStep, { readonly do: 'read' }>): void {
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    const count = Math.min(length, stream.unread);
    stream.unread -= count;
    stream.consumed += count;
    this.#leaveIfDone(id, stream);
  }

  /** Everything that may go out does. */
  #send(): void {
    for (const [id, stream] of [...this.streams]) {
      const enough = stream.unread === 0 ? MODEL_LIMITS.window / 4 : MODEL_LIMITS.window / 2;
      if (!stream.peerClosed && stream.consumed >= enough) {
        stream.receiveCredit += stream.consumed;
        stream.consumed = 0;
      }
      const count = Math.min(stream.unsent, stream.sendCredit);
      stream.unsent -= count;
      stream.sendCredit -= count;
      if (stream.send === 'closing' && stream.unsent === 0) stream.send = 'closed';
      this.#leaveIfDone(id, stream);
    }
  }

  #leaveIfDone(id: number, stream: ModelStream): void {
    if (stream.peerClosed && stream.send === 'closed' && stream.unread === 0) this.#drop(id, 0);
  }

  #drop(id: number, underWay: number): void {
    if (this.streams.delete(id)) this.late += 16 + underWay;
  }

  #lateFrame(id: number, cost: number): MuxFailure | undefined {
    const used = id % 2 === 1 ? id < this.nextOwn : id <= this.lastPeer;
    if (!used) return 'unknown-stream';
    if (cost > this.late) return 'late-flood';
    this.late -= cost;
    this.lateFrames++;
    return undefined;
  }
}

/** Where the mux and its model differ; `undefined` where they don't. */
export function divergence(model: MuxModel, mux: MuxSnapshot): string | undefined {
  if (model.failure !== mux.failure) return `the model says ${model.failure}, the mux ${mux.failure}`;
  if (model.failure !== undefined) return undefined;
  if (model.streams.size !== mux.streams.length) return `${model.streams.size} streams, the mux has ${mux.streams.length}`;
  if (model.lateFrames !== (mux.ignored['late-frame'] ?? 0)) return `${model.lateFrames} late frames`;
  for (const seen of mux.streams) {
    const stream = model.streams.get(seen.id);
    if (stream === undefined) return `stream ${seen.id} is gone in the model`;
    const isSame =
      stream.name === seen.name &&
      stream.priority === seen.priority &&
      stream.accepted === seen.isAccepted &&
      stream.sendCredit === seen.sendCredit &&
      stream.receiveCredit === seen.receiveCredit &&
      stream.unsent === seen.unsent &&
      stream.unread === seen.unread &&
      stateOf(stream) === seen.state;
    if (!isSame) return `stream ${seen.id}: ${JSON.stringify(stream)}, the mux has ${JSON.stringify(seen)}`;
  }
  return undefined;
}

function stateOf({ send, peerClosed }: ModelStream): string {
  if (send === 'open') return peerClosed ? 'half-closed-remote' : 'open';
  return peerClosed ? 'finished' : 'half-closed-local';
}

function fresh(stream: Pick<ModelStream, 'own' | 'name' | 'priority'>): ModelStream {
  return {
    ...stream,
    accepted: false,
    peerClosed: false,
    send: 'open',
    sendCredit: MODEL_LIMITS.window,
    receiveCredit: MODEL_LIMITS.window,
    unsent: 0,
    unread: 0,
    consumed: 0,
  };
}
