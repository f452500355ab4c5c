import { bytesEqual, concatBytes, writeU32 } from '@nexus-net/sansio';
import fc from 'fast-check';
import { property } from '../../sansio/test/support/law.js';
import { FrameStream, type FrameStreamEvent, type FrameStreamOptions } from '../src/index.js';

const LIMIT = 12;
type Make = (options: FrameStreamOptions) => FrameStream;
const real: Make = (options) => new FrameStream(options);

/** A stream whose input is changed on the way in. */
function tampered(change: (bytes: Uint8Array) => Uint8Array): Make {
  return (options) => {
    const stream = new FrameStream(options);
    const handleBytes = stream.handleBytes.bind(stream);
    stream.handleBytes = (now, bytes) => handleBytes(now, change(bytes));
    return stream;
  };
}

function drain(stream: FrameStream): FrameStreamEvent[] {
  const events: FrameStreamEvent[] = [];
  for (let event = stream.pollEvent(); event !== undefined; event = stream.pollEvent()) events.push(event);
  return events;
}

function sent(stream: FrameStream): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let chunk = stream.pollTransmit(); chunk !== undefined; chunk = stream.pollTransmit()) chunks.push(chunk);
  return concatBytes(chunks);
}

/** Cuts `bytes` at the given places, each a fraction of the length. */
function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

function received(stream: FrameStream, chunks: readonly Uint8Array[]): FrameStreamEvent[] {
  const events: FrameStreamEvent[] = [];
  for (const chunk of chunks) {
    const borrowed = chunk.slice();
    stream.handleBytes(0, borrowed);
    borrowed.fill(0xee); // the machine may not keep what was only borrowed
    events.push(...drain(stream));
  }
  stream.handleEnd(0);
  return [...events, ...drain(stream)];
}

const frame = fc.uint8Array({ minLength: 1, maxLength: LIMIT });
const frames = fc.array(frame, { maxLength: 6 });
const cuts = fc.array(
  fc.nat(1000).map((thousandth) => thousandth / 1000),
  { maxLength: 8 },
);
/** Frames mostly, then anything: good, cut short, absurd lengths, noise. */
const stream: fc.Arbitrary<Uint8Array> = fc
  .tuple(frames, fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 8 }), fc.nat(LIMIT + 2).map(header)))
  .map(([good, rest]) => concatBytes([...good.flatMap((one) => [header(one.length), one]), rest]));

function header(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, length);
  return bytes;
}

/** What a person would write: the whole stream in hand, no state. */
function readAll(bytes: Uint8Array): FrameStreamEvent[] {
  const events: FrameStreamEvent[] = [];
  for (let offset = 0; ; ) {
    if (offset === bytes.length) return [...events, { type: 'ended', reason: 'closed' }];
    if (bytes.length - offset < 4) return [...events, { type: 'ended', reason: 'truncated' }];
    const length = new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0);
    if (length === 0) return [...events, { type: 'ended', reason: 'length-zero', length }];
    if (length > LIMIT) return [...events, { type: 'ended', reason: 'length-over-limit', length }];
    if (bytes.length - offset - 4 < length) return [...events, { type: 'ended', reason: 'truncated' }];
    events.push({ type: 'frame', frame: bytes.slice(offset + 4, offset + 4 + length) });
    offset += 4 + length;
  }
}

property('any split of the bytes gives the same events', {
  law: (make: Make) =>
    fc.property(stream, cuts, (bytes, places) => {
      const events = received(make({ frameBytesMax: LIMIT }), split(bytes, places));
      return JSON.stringify(plain(events)) === JSON.stringify(plain(readAll(bytes)));
    }),
  real,
  planted: {
    'each read is taken for a whole number of frames': (options) => {
      let inner = new FrameStream(options);
      const outer = new FrameStream(options);
      outer.handleBytes = (now, bytes) => {
        inner.handleEnd(now); // forgets a partial frame
        inner = new FrameStream(options);
        inner.handleBytes(now, bytes);
      };
      outer.handleEnd = (now) => inner.handleEnd(now);
      outer.pollEvent = () => inner.pollEvent();
      return outer;
    },
    'a limit one too low': (options) => new FrameStream({ ...options, frameBytesMax: LIMIT - 1 }),
    'no limit': (options) => new FrameStream({ ...options, frameBytesMax: 65_550 }),
    'the last octet of a read is lost': tampered((bytes) => bytes.subarray(0, bytes.length - 1)),
    'borrowed octets are kept': (options) => {
      const machine = new FrameStream(options);
      const handleBytes = machine.handleBytes.bind(machine);
      const pollEvent = machine.pollEvent.bind(machine);
      let borrowed: Uint8Array = new Uint8Array(0);
      machine.handleBytes = (now, bytes) => handleBytes(now, (borrowed = bytes));
      machine.pollEvent = () => {
        const event = pollEvent();
        if (event?.type !== 'frame' || event.frame.length > borrowed.length) return event;
        return { type: 'frame', frame: borrowed.subarray(0, event.frame.length) };
      };
      return machine;
    },
  },
});

property('what one end sends, the other receives', {
  law: (make: Make) =>
    fc.property(frames, cuts, (given, places) => {
      const sender = make({ frameBytesMax: LIMIT });
      for (const one of given) {
        const borrowed = one.slice();
        sender.sendFrame(0, borrowed);
        borrowed.fill(0xee);
      }
      const events = received(new FrameStream({ frameBytesMax: LIMIT }), split(sent(sender), places));
      const arrived = events.flatMap((event) => (event.type === 'frame' ? [event.frame] : []));
      return arrived.length === given.length && given.every((one, i) => bytesEqual(one, arrived[i] as Uint8Array));
    }),
  real,
  planted: {
    'little-endian length': (options) => {
      const machine = new FrameStream(options);
      const pollTransmit = machine.pollTransmit.bind(machine);
      machine.pollTransmit = () => {
        const chunk = pollTransmit();
        chunk?.subarray(0, 4).reverse();
        return chunk;
      };
      return machine;
    },
    'newest first': (options) => {
      const machine = new FrameStream(options);
      const pollTransmit = machine.pollTransmit.bind(machine);
      machine.pollTransmit = () => {
        const first = pollTransmit();
        const second = first === undefined ? undefined : pollTransmit();
        return first === undefined || second === undefined ? first : concatBytes([second, first]);
      };
      return machine;
    },
  },
});

property('queues stay within their limits, and every frame is sent or counted', {
  law: (make: Make) =>
    fc.property(fc.array(fc.oneof({ weight: 4, arbitrary: frame }, fc.constant('poll' as const)), { maxLength: 30 }), (steps) => {
      const limits = { frameBytesMax: LIMIT, transmitCountMax: 3, transmitBytesMax: 30 };
      const machine = make(limits);
      let offered = 0;
      let polled = 0;
      let waiting = 0;
      for (const step of steps) {
        if (step === 'poll') {
          const chunk = machine.pollTransmit();
          if (chunk !== undefined) {
            polled++;
            waiting -= chunk.length;
          }
        } else {
          offered++;
          if (machine.sendFrame(0, step) === 'queued') waiting += 4 + step.length;
        }
        if (waiting !== machine.inspect().transmitBytes || waiting > limits.transmitBytesMax) return false;
      }
      let left = 0;
      while (machine.pollTransmit() !== undefined) left++;
      return left <= limits.transmitCountMax && polled + left + (machine.inspect().rejects['transmit-limit'] ?? 0) === offered;
    }),
  real,
  planted: {
    'no limit in octets': (options) => new FrameStream({ ...options, transmitBytesMax: 2 ** 20 }),
    'no limit in frames': (options) => new FrameStream({ ...options, transmitCountMax: 1000 }),
    'drops are not counted': (options) => {
      const machine = new FrameStream(options);
      machine.inspect = () => ({
        ...new FrameStream(options).inspect(),
        transmitBytes: FrameStream.prototype.inspect.call(machine).transmitBytes,
      });
      return machine;
    },
  },
});

function plain(events: readonly FrameStreamEvent[]): unknown[] {
  return events.map((event) => (event.type === 'frame' ? [...event.frame] : event));
}
