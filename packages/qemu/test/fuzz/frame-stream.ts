import { demand, drain, type FuzzLimits, FuzzScript, isSame } from '../../../sansio/test/support/fuzz.js';
import { FrameStream, type FrameStreamEvent } from '../../src/frame-stream.js';

const FRAME_MAX = 2000;

export const limits: FuzzLimits = {
  octetsMax: 600,
  costBase: 5000,
  costPerOctet: 300,
  allocatedBase: 10_000,
  allocatedPerOctet: 50,
};

/**
 * The octets are a way to split and what comes from the peer. Whatever comes: frames are the same however the stream is cut;
 * their octets are those of the stream; nothing follows the end; frames sent through a stream come out of another.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const pieceOctets = 1 + script.u8();
  const octets = script.rest();
  const events = eventsOf(octets, octets.length);
  demand(isSame(eventsOf(octets, pieceOctets), events), 'frames are the same however the stream is cut');
  const frames = events.flatMap((event) => (event.type === 'frame' ? [event.frame] : []));
  const [end, ...after] = events.filter(({ type }) => type === 'ended');
  demand(end?.type === 'ended' && after.length === 0 && events.at(-1) === end, 'a stream ends once, and last');
  const used = frames.reduce((sum, frame) => sum + 4 + frame.length, 0);
  demand(used <= octets.length && (end.reason !== 'closed' || used === octets.length), 'frames are made of the stream');
  for (const frame of frames) demand(frame.length > 0 && frame.length <= FRAME_MAX, 'frames keep to their limit');

  const sender = new FrameStream({ frameBytesMax: FRAME_MAX });
  for (const frame of frames) demand(sender.sendFrame(0, frame) === 'queued', 'what came can be sent');
  const sent = drain(() => sender.pollTransmit()).flatMap((chunk) => [...chunk]);
  demand(isSame(Uint8Array.from(sent), octets.slice(0, used)), 'what is sent is what came');
}

function eventsOf(octets: Uint8Array, pieceOctets: number): FrameStreamEvent[] {
  const stream = new FrameStream({ frameBytesMax: FRAME_MAX });
  const size = Math.max(1, pieceOctets);
  for (let at = 0; at < octets.length; at += size) stream.handleBytes(0, octets.subarray(at, at + size));
  stream.handleEnd(0);
  return drain(() => stream.pollEvent());
}

/** Two frames; one that is announced too long, one of no octets, one without its end. */
export function seeds(): Uint8Array[] {
  const frame = [0, 0, 0, 3, 7, 8, 9];
  return [
    Uint8Array.from([0, ...frame, ...frame]),
    Uint8Array.from([2, ...frame, 0, 1, 0, 0, 1]),
    Uint8Array.from([4, ...frame, 0, 0, 0, 0]),
    Uint8Array.from([5, ...frame, 0, 0, 0, 9, 1]),
  ];
}
