import { gunzipSync } from 'node:zlib';
import { HOST_LIMITS, Host } from '@nexus-net/net-os';
import {
  fromHex,
  type Ipv4Address,
  ipv4FromU32,
  isIpv4Multicast,
  isIpv4Unicast,
  isMacGroup,
  type MacAddress,
  parseIpv4,
  readMac,
  readU32,
  SeededEntropy,
} from '@nexus-net/sansio';
import { dissect } from '@nexus-net/wire';
import { type CaptureFrames, decodeFrames } from '../../packages/smoke/src/capture-file.js';
import { inspectFrames, inspectionLines } from '../../packages/smoke/src/inspect.js';
import { type CaseReport, merge, notRun, reportOf } from '../report.js';
import type { VectorFile } from '../vector-file.js';

/** Nothing takes longer for each octet than this, and a second on top: a hang is found, a slow machine is none. */
const MS_PER_KILOBYTE = 20;
/** Octets of heap that may be alive after a file; captures have a megabyte at most. */
const HEAP_GROWTH_MAX = 256 * 1024 * 1024;
/** Octets that a compressed capture may have: what inflates to more is an attack, and is refused. */
const INFLATED_MAX = 64 * 1024 * 1024;

/** A capture through the reader, the inspector and a host: no exception, no hang, no growth. One case for each of them. */
export function checkCaptureFile({ bytes, path }: VectorFile): CaseReport {
  const plain = path.endsWith('.gz') ? new Uint8Array(gunzipSync(bytes, { maxOutputLength: INFLATED_MAX })) : bytes;
  let capture: CaptureFrames | string = '';
  const read = guarded(plain.length, () => {
    capture = decodeFrames(plain, 'auto');
    // Every file here is a capture that other readers open.
    return typeof capture === 'string' ? capture : undefined;
  });
  if (typeof capture === 'string') return reportOf([['decodeFrames', read]]);
  const { frames, otherPackets } = capture as CaptureFrames;
  const inspected = guarded(plain.length, () => {
    const inspection = inspectFrames(capture as CaptureFrames);
    inspectionLines(inspection);
    return inspection.frames.length === frames.length ? undefined : `${inspection.frames.length} of ${frames.length} frames`;
  });
  const report = reportOf([
    ['decodeFrames', read],
    ['inspect', inspected],
  ]);
  if (frames.length === 0 && otherPackets > 0)
    return merge(report, { passed: 0, failed: [], notRun: [{ id: 'host', why: 'another link layer than Ethernet' }] });
  return merge(report, reportOf([['host', checkHost(frames)]]));
}

/** One frame, raw. */
export function checkFrameFile({ bytes }: VectorFile): CaseReport {
  return reportOf([
    ['inspect', guarded(bytes.length, () => inspectOne(bytes))],
    ['host', checkHost([{ at: 0, bytes }])],
  ]);
}

/** A JSON object with `hex` on each line. */
export function checkFrameLines({ bytes, progress }: VectorFile): CaseReport {
  const lines = new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '');
  if (lines.length === 0) return notRun('the file is empty');
  return reportOf(
    lines.map((line, i): readonly [string, string | undefined] => {
      if (i % 500 === 0) progress(`${i}/${lines.length}`);
      const frame = fromHex((JSON.parse(line) as { hex: string }).hex);
      return [`line ${i + 1}`, guarded(frame.length, () => inspectOne(frame)) ?? checkHost([{ at: 0, bytes: frame }])];
    }),
  );
}

function inspectOne(bytes: Uint8Array): undefined {
  const frame = { number: 1, at: 0, bytes, cut: 0 };
  inspectionLines(inspectFrames({ format: 'pcap', vnetHeader: 0, frames: [frame], otherPackets: 0 }));
  return undefined;
}

/** Two hosts hear the frames: one that nobody talks to, and one that is the receiver of the first frame to one station. */
function checkHost(frames: readonly { readonly at: number; readonly bytes: Uint8Array }[]): string | undefined {
  const octets = frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return guarded(octets, () => {
    for (const { mac, address } of [STRANGER, receiverOf(frames)]) {
      const host = new Host({ mac, entropy: new SeededEntropy('conformance') });
      host.configure(0, { address, prefixLength: 24 });
      host.bindUdp({ port: 68 });
      for (const group of groupsOf(frames)) host.joinGroup(0, group);
      let received = 0;
      let last = 0;
      for (const { at, bytes } of frames) {
        last = Math.max(last, at);
        host.handleFrame(at, bytes);
        received++;
        const problem = drain(host, octets);
        if (problem !== undefined) return `after frame ${received}: ${problem}`;
      }
      // All that it started comes to its end.
      for (let steps = 0; host.nextTimeout() < last + 600_000; steps++) {
        if (steps > 10_000) return 'the host has something due again and again';
        host.handleTimeout(host.nextTimeout());
        drain(host, octets);
      }
      const { frames: counts } = host.inspect();
      if (counts.received !== received) return `${counts.received} of ${received} frames are counted`;
    }
    return undefined;
  });
}

/** Frames out are bounded: an answer for a frame in, in the fragments of the longest datagram at most, and ARP. */
function drain(host: Host, octets: number): string | undefined {
  let sent = 0;
  for (let frame = host.pollTransmit(); frame !== undefined; frame = host.pollTransmit()) {
    if (++sent > 64) return 'more than 64 frames for one';
    if (dissect(frame).problem !== undefined && frame.length > octets + 1514)
      return 'an answer that is larger than all that came';
  }
  while (host.pollEvent() !== undefined);
  const { octets: kept, datagrams } = host.inspect().reassembly;
  if (kept > HOST_LIMITS.reassemblyOctetsMax || datagrams > HOST_LIMITS.reassemblyCountMax)
    return `${kept} octets of ${datagrams} incomplete datagrams`;
  return undefined;
}

interface Station {
  readonly mac: MacAddress;
  readonly address: Ipv4Address;
}

const STRANGER: Station = { mac: 0x020000000001 as MacAddress, address: parseIpv4('192.0.2.1') };

function receiverOf(frames: readonly { readonly bytes: Uint8Array }[]): Station {
  for (const { bytes } of frames) {
    if (bytes.length < 34) continue;
    const mac = readMac(bytes, 0);
    const address = dissect(bytes).ipv4?.destination ?? ipv4FromU32(readU32(bytes, 30));
    if (!isMacGroup(mac) && mac !== 0 && isIpv4Unicast(address) && (address & 0xff) !== 0 && (address & 0xff) !== 255)
      return { mac, address };
  }
  return STRANGER;
}

/** The multicast groups that the frames go to, the first eight: the host joins them. */
function groupsOf(frames: readonly { readonly bytes: Uint8Array }[]): readonly Ipv4Address[] {
  const groups = new Set<Ipv4Address>();
  for (const { bytes } of frames) {
    if (groups.size >= 8) break;
    const destination = dissect(bytes).ipv4?.destination;
    if (destination !== undefined && isIpv4Multicast(destination)) groups.add(destination);
  }
  return [...groups];
}

/** Runs it, with an eye on exceptions, the clock and the heap. */
function guarded(octets: number, run: () => string | undefined): string | undefined {
  const before = process.memoryUsage().heapUsed;
  const started = performance.now();
  let problem: string | undefined;
  try {
    problem = run();
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const ms = performance.now() - started;
  if (ms > 1000 + (octets / 1024) * MS_PER_KILOBYTE) return `${ms.toFixed(0)} ms for ${octets} octets`;
  const growth = process.memoryUsage().heapUsed - before;
  return growth > HEAP_GROWTH_MAX ? `${growth} octets of heap for ${octets} octets` : problem;
}
