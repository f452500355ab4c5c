import { encodePcap, encodePcapng } from '@nexus-net/wire';
import { demand, type FuzzLimits, isSame } from '../../../sansio/test/support/fuzz.js';
import { type CaptureFrames, decodeFrames, type VnetHeaderChoice } from '../../src/capture-file.js';
import { inspectFrames, inspectionLines } from '../../src/inspect.js';
import { replayFrames, replayLines } from '../../src/replay.js';

export const limits: FuzzLimits = { octetsMax: 2048, costBase: 1_000_000, costPerOctet: 20_000, allocatedPerOctet: 20_000 };

/**
 * The octets are a capture file from anybody. Whatever comes: frames or one sentence; every frame has its number, in order, and
 * lies in the file; inspection and replay see the same facts and violations; what they print for a person is lines without
 * control characters, what they write for a machine is JSON.
 */
export function target(bytes: Uint8Array): void {
  for (const choice of CHOICES) {
    const capture = decodeFrames(bytes, choice);
    if (typeof capture === 'string') {
      demand(isPrintable(capture), 'a message is a line');
      return;
    }
    checkFrames(capture, bytes.length);
    if (choice !== 'auto') continue;
    const inspection = inspectFrames(capture);
    const replay = replayFrames(capture);
    demand(isSame(inspection.facts, replay.facts), 'inspection and replay see the same facts');
    demand(isSame(inspection.violations, replay.violations), 'inspection and replay see the same violations');
    demand(inspection.frames.length === capture.frames.length, 'each frame is shown');
    for (const line of [...inspectionLines(inspection), ...replayLines(replay)])
      demand(isPrintable(line), 'a line for a person has no control characters');
    for (const document of [inspection, replay])
      demand(isSame(JSON.parse(JSON.stringify(document)), plain(document)), 'it is JSON');
  }
}

const CHOICES: readonly VnetHeaderChoice[] = ['auto', 0, 10, 12];

function checkFrames({ frames, otherPackets }: CaptureFrames, octets: number): void {
  demand(otherPackets >= 0, 'packets are counted');
  let last = 0;
  let sum = 0;
  for (const { number, at, bytes, cut } of frames) {
    demand(number > last, 'frames have their numbers, in order');
    demand(Number.isFinite(at) && cut >= 0, 'a frame has a time, and may be cut');
    last = number;
    sum += bytes.length;
  }
  demand(sum <= octets, 'frames lie in the file');
}

function isPrintable(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  return !/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(text);
}

/** The same without what JSON does not keep: fields that are undefined. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, each]) => (each === undefined ? [] : [[key, plain(each)]])));
}

/** Small files of both formats, with frames too short for Ethernet. */
export function seeds(): Uint8Array[] {
  const packets = [{ at: 1000, bytes: Uint8Array.of(1, 2, 3) }];
  return [encodePcap({ packets }), encodePcapng({ interfaces: [{ name: 'guest' }], packets })];
}
