import { Mux } from '@nexus-net/dsoftbus';
import { SeededEntropy, uniform } from '@nexus-net/sansio';
import {
  closeFrame,
  creditFrame,
  dataFrame,
  goAwayFrame,
  openAckFrame,
  openFrame,
  pingFrame,
  pongFrame,
  raw,
  resetFrame,
} from './mux-frames.js';
import { divergence, MODEL_LIMITS, MuxModel, type MuxStep } from './mux-model.js';

/** A mux as small as its model. */
export function modelledMux(): Mux {
  const limits = { streamCountMax: MODEL_LIMITS.streams, windowOctets: MODEL_LIMITS.window };
  return new Mux({
    role: 'initiator',
    entropy: NO_ENTROPY,
    own: limits,
    peer: limits,
    recordOctetsMax: 2_048,
    sendBufferOctetsMax: MODEL_LIMITS.sendBuffer,
    resetRate: { burst: MODEL_LIMITS.resetBurst, perSecond: 0 },
    pingRate: { burst: MODEL_LIMITS.pingBurst, perSecond: 0 },
  });
}

const NO_ENTROPY = new SeededEntropy('unused');

/** Does a step to the mux, and lets it send all that it may. */
export function perform(mux: Mux, step: MuxStep): void {
  const frame = frameOf(step);
  if (frame !== undefined) mux.handleRecord(0, frame);
  else
    switch (step.do) {
      case 'open':
        mux.open(0, step);
        break;
      case 'write':
        mux.write(0, step.id, ZEROS.subarray(0, step.length));
        break;
      case 'read':
        mux.read(0, step.id, step.length);
        break;
      case 'finish':
        mux.finish(0, step.id);
        break;
      case 'reset':
        mux.reset(0, step.id);
        break;
      case 'goaway':
        mux.goAway(0, 0);
        break;
    }
  while (mux.pollTransmit() !== undefined);
  while (mux.pollEvent() !== undefined);
}

const ZEROS = new Uint8Array(1_024);

function frameOf(step: MuxStep): Uint8Array | undefined {
  switch (step.do) {
    case 'frame-open':
      return openFrame(step.id, step.name, step.priority);
    case 'frame-ack':
      return openAckFrame(step.id, step.priority);
    case 'frame-close':
      return closeFrame(step.id, step.priority);
    case 'frame-data':
      return dataFrame(step.id, step.length, step.priority);
    case 'frame-credit':
      return creditFrame(step.id, step.delta, step.priority);
    case 'frame-reset':
      return resetFrame(step.id, 0, step.priority);
    case 'frame-ping':
      return pingFrame(1, 2);
    case 'frame-pong':
      return pongFrame(new Uint8Array(8));
    case 'frame-extension':
      return raw(200, 7, 9, ZEROS.subarray(0, 3));
    case 'frame-unknown':
      return raw(10, 1, 0);
    case 'frame-goaway':
      return goAwayFrame(step.lastId, 0);
    default:
      return undefined;
  }
}

/** Where a mux and its model part on these steps; `undefined` where they never do. */
export function divergenceOn(steps: Iterable<MuxStep>): string | undefined {
  const mux = modelledMux();
  const model = new MuxModel();
  const done: MuxStep[] = [];
  for (const step of steps) {
    perform(mux, step);
    model.apply(step);
    done.push(step);
    const problem = divergence(model, mux.inspect());
    if (problem !== undefined) return `${problem} after ${JSON.stringify(done)}`;
    if (model.failure !== undefined) return undefined;
  }
  return undefined;
}

/** `count` random walks of up to `stepCountMax` steps; the first divergence, and how often each end was reached. */
export function walk(
  seed: string,
  { count, stepCountMax }: { readonly count: number; readonly stepCountMax: number },
): { readonly problem: string | undefined; readonly ends: ReadonlyMap<string, number> } {
  const entropy = new SeededEntropy(seed);
  const ends = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const mux = modelledMux();
    const model = new MuxModel();
    const done: MuxStep[] = [];
    for (let n = uniform(entropy, { low: 1, high: stepCountMax }); n > 0 && model.failure === undefined; n--) {
      const step = randomStep(entropy, model);
      done.push(step);
      perform(mux, step);
      model.apply(step);
      const problem = divergence(model, mux.inspect());
      if (problem !== undefined) return { problem: `walk ${i}: ${problem} after ${JSON.stringify(done)}`, ends };
    }
    const end = model.failure ?? 'alive';
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  return { problem: undefined, ends };
}

/** Mostly what a peer and an application may do; one in sixteen is anything. */
function randomStep(entropy: SeededEntropy, model: MuxModel): MuxStep {
  const draw = entropy.u32();
  const isWild = draw % 16 === 0;
  const ids = [...model.streams.keys()];
  const pick = (draw >>> 4) % 8;
  const id = isWild || ids.length === 0 ? pick : (ids[pick % ids.length] as number);
  const stream = model.streams.get(id);
  const priority = isWild && (draw & 0x100) === 0 ? 1 : (stream?.priority ?? 0);
  const size = (draw >>> 9) % 700;
  const open = stream?.send === 'open';
  switch ((draw >>> 20) % 20) {
    case 0:
    case 1:
      return { do: 'open', name: `n${pick % 3}`, priority: pick % 2 };
    case 2:
    case 3:
      return {
        do: 'frame-open',
        id: isWild ? pick : model.lastPeer + 2 + 2 * (pick % 2),
        name: isWild && pick < 4 ? '' : `n${pick % 3}`,
        priority: pick % 2,
      };
    case 4:
    case 5:
    case 6:
    case 7:
      return {
        do: 'frame-data',
        id,
        priority,
        length: isWild
          ? pick < 4
            ? 0
            : size * 2
          : Math.min(1 + size, stream?.peerClosed === true ? 0 : (stream?.receiveCredit ?? 0)) || 1,
      };
    case 8:
    case 9:
      return onKnown(model, id, (known) => ({ do: 'read', id: known, length: size }));
    case 10:
    case 11:
      return open ? { do: 'write', id, length: size } : { do: 'open', name: 'n3', priority: 0 };
    case 12:
      return open ? { do: 'finish', id } : { do: 'frame-credit', id, priority, delta: 1 + size };
    case 13:
      return { do: 'frame-credit', id, priority, delta: isWild ? pick * 2 ** 29 : pick === 0 ? 2 ** 31 - 1 : 1 + size };
    case 14:
    case 15:
      return { do: 'frame-close', id, priority };
    case 16:
      return pick < 4 ? onKnown(model, id, (known) => ({ do: 'reset', id: known })) : { do: 'frame-reset', id, priority };
    case 17:
      return { do: 'frame-ack', id, priority };
    case 18:
      return { do: pick < 3 ? 'frame-ping' : pick < 5 ? 'frame-extension' : isWild ? 'frame-unknown' : 'frame-pong' };
    default:
      if (pick < 6) return { do: 'frame-data', id, priority, length: 1 + (size % 8) };
      return pick === 6 ? { do: 'goaway' } : { do: 'frame-goaway', lastId: isWild ? pick : Math.max(0, model.nextOwn - 2) };
  }
}

/** A step of the application on a stream that was given; where none was, it opens one. */
function onKnown(model: MuxModel, id: number, make: (id: number) => MuxStep): MuxStep {
  if (model.streams.has(id)) return make(id);
  if (model.nextOwn > 1) return make(1);
  return model.lastPeer > 0 ? make(model.lastPeer) : { do: 'open', name: 'n0', priority: 0 };
}
