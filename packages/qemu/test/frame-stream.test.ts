import { concatBytes, NEVER, UsageError } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { FrameStream, type FrameStreamOptions } from '../src/index.js';

const frameOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

describe('between frames', () => {
  test('a frame is preceded by its length in four octets, most significant first', () => {
    const stream = new FrameStream();
    expect(stream.sendFrame(0, frameOf(342))).toBe('queued');
    const chunk = stream.pollTransmit() as Uint8Array;
    expect(chunk.subarray(0, 4)).toEqual(new Uint8Array([0, 0, 1, 86]));
    expect(chunk.subarray(4)).toEqual(frameOf(342));
    expect(stream.pollTransmit()).toBeUndefined();
  });

  test('a clean close is the reason closed', () => {
    const stream = new FrameStream();
    stream.handleEnd(0);
    stream.handleEnd(0);
    expect(stream.pollEvent()).toEqual({ type: 'ended', reason: 'closed' });
    expect(stream.pollEvent()).toBeUndefined();
    expect(stream.inspect().rejects).toEqual({});
  });

  test.each([
    ['length-zero', 0, [0, 0, 0, 0]],
    ['length-over-limit', 65_551, [0, 1, 0, 15]],
    ['length-over-limit', 0xffffffff, [255, 255, 255, 255]],
  ] as const)('%s (%i) ends the link; what follows is not looked at', (reason, length, octets) => {
    const stream = new FrameStream();
    stream.handleBytes(0, new Uint8Array([0, 0, 0, 1, 7, ...octets, 0, 0, 0, 1, 8]));
    stream.handleBytes(0, new Uint8Array(3));
    stream.handleEnd(0);
    expect(stream.pollEvent()).toEqual({ type: 'frame', frame: new Uint8Array([7]) });
    expect(stream.pollEvent()).toEqual({ type: 'ended', reason, length });
    expect(stream.pollEvent()).toBeUndefined();
    expect(stream.inspect()).toMatchObject({ state: 'ended', reason, rejects: { [reason]: 1, 'bytes-after-end': 2 } });
  });

  test('the longest frame passes', () => {
    const stream = new FrameStream();
    stream.sendFrame(0, new Uint8Array(65_550));
    stream.handleBytes(0, stream.pollTransmit() as Uint8Array);
    expect(stream.pollEvent()).toMatchObject({ type: 'frame', frame: { length: 65_550 } });
  });
});

describe('inside a frame', () => {
  test.each([1, 3, 4, 6])('a close after %i octets is the reason truncated', (length) => {
    const stream = new FrameStream();
    stream.handleBytes(0, new Uint8Array([0, 0, 0, 3, 1, 2, 3]).subarray(0, length));
    stream.handleEnd(0);
    expect(stream.pollEvent()).toEqual({ type: 'ended', reason: 'truncated' });
  });
});

describe('limits', () => {
  test('frames that nobody can send are dropped and counted by reason', () => {
    const stream = new FrameStream({ frameBytesMax: 10, transmitCountMax: 2 });
    expect(stream.sendFrame(0, new Uint8Array(0))).toBe('frame-empty');
    expect(stream.sendFrame(0, new Uint8Array(11))).toBe('frame-over-limit');
    for (const outcome of ['queued', 'queued', 'transmit-limit']) expect(stream.sendFrame(0, new Uint8Array(10))).toBe(outcome);
    stream.handleEnd(0);
    expect(stream.sendFrame(0, new Uint8Array(1))).toBe('link-ended');
    expect(stream.pollTransmit()).toBeUndefined();
    // Two of link-ended were still queued when the link ended.
    expect(stream.inspect().rejects).toEqual({ 'frame-empty': 1, 'frame-over-limit': 1, 'transmit-limit': 1, 'link-ended': 3 });
  });

  test('received frames that nobody takes are dropped and counted', () => {
    const stream = new FrameStream({ frameBytesMax: 10, receiveBytesMax: 30 });
    const wire = concatBytes([new Uint8Array([0, 0, 0, 10]), new Uint8Array(10)]);
    for (let i = 0; i < 3; i++) stream.handleBytes(0, wire);
    expect(stream.inspect()).toMatchObject({ framesIn: 2, receiveBytes: 28, rejects: { 'receive-limit': 1 } });
    stream.pollEvent();
    stream.handleBytes(0, wire);
    expect(stream.inspect()).toMatchObject({ framesIn: 3, receiveBytes: 28 });
  });

  test.each<FrameStreamOptions>([
    { frameBytesMax: 0 },
    { frameBytesMax: 1.5 },
    { frameBytesMax: 2 ** 31 },
    { transmitCountMax: 0 },
    { transmitBytesMax: 65_553 },
    { receiveBytesMax: 65_553 },
    { frameBytesMax: Number.NaN },
  ])('the options %o are refused', (options) => {
    expect(() => new FrameStream(options)).toThrow(UsageError);
  });
});

test('it has no timer', () => {
  const stream = new FrameStream();
  stream.handleTimeout(1e9);
  expect(stream.nextTimeout()).toBe(NEVER);
});
