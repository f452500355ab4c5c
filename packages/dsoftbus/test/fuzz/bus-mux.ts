import { demand, drain, type FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { dataFrame, openFrame } from '../support/mux-frames.js';
import { muxOf, SMALL } from '../support/mux-pair.js';

export const limits: FuzzLimits = {
  octetsMax: 2_048,
  costBase: 100_000,
  costPerOctet: 2_000,
  allocatedBase: 200_000,
  allocatedPerOctet: 5_000,
};

/** Any octets as records of a peer: nothing throws, and what is held stays within streams times window. */
export function target(bytes: Uint8Array): void {
  const mux = muxOf('initiator');
  mux.start(0);
  const own = mux.open(0, { name: 'ours', priority: 3 });
  if (own.ok) mux.write(0, own.value, new Uint8Array(2_000));
  drain(() => mux.pollTransmit());
  for (let at = 0, now = 0; at < bytes.length; now += 100) {
    const length = 1 + (bytes[at] as number);
    mux.handleRecord(now, bytes.subarray(at + 1, at + 1 + length));
    at += 1 + length;
    for (const event of drain(() => mux.pollEvent(), 100_000))
      if (event.type === 'readable' && event.stream % 4 === 0) mux.read(now, event.stream, 100);
    drain(() => mux.pollTransmit());
    const { streams, failure } = mux.inspect();
    demand(streams.length <= 2 * SMALL.streamCountMax, 'streams are bounded');
    demand(
      streams.every(({ unread }) => unread <= SMALL.windowOctets),
      'what is unread is within the window',
    );
    demand(failure === undefined || (streams.length === 0 && mux.pollTransmit() === undefined), 'a failure ends everything');
  }
}

/** A record in front of each: its length less one. */
export function seeds(): Uint8Array[] {
  const record = (frame: Uint8Array): number[] => [frame.length - 1, ...frame];
  return [Uint8Array.from([...record(openFrame(2, 'x')), ...record(dataFrame(2, 9)), ...record(openFrame(4, 'y', 7))])];
}
