import { TcpPair, transfer } from './tcp-pair.js';

/** What a whole exchange of two hosts looked like: one number for every frame and its instant. */
export function traceOf({ total, seed }: { readonly total: number; readonly seed: number }): {
  readonly trace: string;
  readonly ms: number;
  readonly exact: boolean;
} {
  const pair = new TcpPair({
    seed,
    cable: { delayMs: 2, jitterMs: 1, loss: 0.0005, duplicate: 0.0005, rate: 125_000, queueMax: 400 },
  });
  let low = 0x811c9dc5;
  let frames = 0;
  pair.onFrame = (now, from, frame) => {
    frames += 1;
    low = Math.imul(low ^ Math.round(now * 1_024) ^ (from === 'a' ? 1 : 2), 0x01000193);
    // The headers say it all but for the text, which is compared octet by octet where it arrives.
    for (let i = 14; i < Math.min(frame.length, 70); i++) low = Math.imul(low ^ (frame[i] as number), 0x01000193);
  };
  const { ms, sink } = transfer(pair, { total });
  return { trace: `${frames} frames, ${(low >>> 0).toString(16)}, ${ms} ms`, ms, exact: sink.isExact && sink.received === total };
}
