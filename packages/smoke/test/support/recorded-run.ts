import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { NexusMachine, packageImage } from '@nexus-net/guest';
import { type Millis, NEVER, SeededEntropy } from '@nexus-net/sansio';
import type { Verdict } from '@nexus-net/verdict';
import { describeFact, PcapngWriter } from '@nexus-net/wire';
import {
  decodeFrames,
  type Environment,
  framesOnRunClock,
  type JudgedInput,
  NEXUS,
  type RecordedInput,
  type RunRequest,
  readEventsFile,
  readRequest,
  recordedInput,
  type SmokeEvent,
  SmokeMachine,
} from '../../src/index.js';

/** A run as files: byte for byte what its folder would hold. */
export interface RecordedRun {
  readonly request: RunRequest;
  readonly verdict: Verdict;
  readonly uart: Uint8Array;
  readonly pcapng: Uint8Array;
  readonly events: string;
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  readonly frameCount: number;
}

export interface RecordOptions {
  readonly environment?: Environment;
  readonly dhcpServer?: boolean;
  readonly seed?: number;
  /** Cuts the console's octets, and how long each piece takes. Default: a line at a time. */
  readonly chunks?: (octets: Uint8Array) => readonly Uint8Array[];
  readonly lie?: (line: string) => string | undefined;
  /** Swallows frames of the guest from this instant on. */
  readonly cut?: Millis;
}

const CABLE_MS: Millis = 0.375;
const WALL = 1_790_000_000_123;

/** Our services in virtual time as the guest, written down as a run's folder is. */
export function recordRun(options: RecordOptions = {}): RecordedRun {
  const {
    environment = {},
    dhcpServer = true,
    seed = 1,
    chunks = (octets) => [octets],
    lie = (line) => line,
    cut = NEVER,
  } = options;
  const request = readRequest(environment, { guest: NEXUS, dhcpServer });
  const entropy = new SeededEntropy(seed);
  const smoke = new SmokeMachine({ request, entropy: entropy.fork('wire') });
  const uart: number[] = [];
  const events: string[] = [];
  const facts: Readonly<Record<string, unknown>>[] = [];
  const writer = new PcapngWriter({ interfaces: [] });
  const capture: Uint8Array[] = [writer.header()];
  const ports = new Map<string, number>();
  let frameCount = 0;
  let nexus: NexusMachine | undefined;
  let verdict: Verdict | undefined;
  let now: Millis = 0.25;
  const write = (event: object): void => {
    events.push(`${JSON.stringify(event)}\n`);
  };
  const record = (event: SmokeEvent): void => {
    if (verdict !== undefined) return;
    switch (event.type) {
      case 'frame': {
        const { at, bytes, port = 'wire' } = event.observed;
        frameCount = event.observed.number;
        if (!ports.has(port)) {
          ports.set(port, ports.size);
          capture.push(writer.addInterface({ name: port }));
        }
        const timestampNs = BigInt(WALL) * 1_000_000n + BigInt(Math.round(at * 1e6));
        capture.push(writer.packet({ timestampNs, interfaceId: ports.get(port) as number, bytes }));
        break;
      }
      case 'fact':
        facts.push({ ...describeFact(event.fact), frames: event.fact.frames });
        break;
      case 'script':
        write({ ...event.event, at: event.at, node: event.node, type: `script-${event.event.type}`, afterFrame: frameCount });
        break;
      case 'marker':
        write({ ...event.report, at: event.report.atMs, type: 'marker' });
        break;
      case 'verdict':
        verdict = event.verdict;
        break;
      case 'violation':
      case 'phase':
      case 'fault':
        break;
      default:
        write(recordedInput(event satisfies JudgedInput, { afterFrame: frameCount, wallAtZero: WALL }));
    }
  };
  const drain = (): void => {
    for (let event = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent()) record(event);
  };
  const say = (text: string): void => {
    for (const chunk of chunks(new TextEncoder().encode(text))) {
      uart.push(...chunk);
      if (verdict === undefined) smoke.handleConsole(now, chunk);
      drain();
    }
  };
  const type = (bytes: Uint8Array): void => {
    nexus = new NexusMachine({
      config: JSON.parse(new TextDecoder().decode(bytes)),
      entropy: entropy.fork('guest'),
      bus: BUS_PARTS,
    });
    say('\n');
    nexus.start(now);
  };
  const pump = (): void => {
    for (let moved = true; moved && verdict === undefined; ) {
      moved = false;
      now += CABLE_MS; // what follows takes a while, as it does on a machine
      for (let out = smoke.pollTransmit(); out !== undefined; out = smoke.pollTransmit()) {
        moved = true;
        if (out.to === 'console') type(out.bytes);
        else if (out.to === 'wire' && now < cut) nexus?.handleFrame(now, out.frame);
      }
      for (let out = nexus?.pollTransmit(); out !== undefined; out = nexus?.pollTransmit()) {
        moved = true;
        if (out.to === 'wire') {
          if (now < cut) smoke.handleFrame(now, out.frame);
        } else if (out.to === 'loopback') smoke.handleLoopbackFrame(now, out.frame);
        else {
          const line = lie(out.line);
          if (line !== undefined) say(`${line}\n`);
        }
      }
      drain();
    }
  };
  smoke.start(now);
  say('nexus> ');
  pump();
  for (let step = 0; verdict === undefined && step < 100_000; step++) {
    now = Math.min(smoke.nextTimeout(), nexus?.nextTimeout() ?? NEVER);
    nexus?.handleTimeout(now);
    smoke.handleTimeout(now);
    pump();
  }
  if (verdict === undefined) throw new Error('no verdict');
  const length = capture.reduce((sum, each) => sum + each.length, 0);
  const pcapng = new Uint8Array(length);
  let offset = 0;
  for (const piece of capture) {
    pcapng.set(piece, offset);
    offset += piece.length;
  }
  return { request, verdict, uart: Uint8Array.from(uart), pcapng, events: events.join(''), facts, frameCount };
}

/** What `verify` reads out of the files of a run. */
export function filesOf({ pcapng, events }: Pick<RecordedRun, 'pcapng' | 'events'>): {
  readonly inputs: readonly RecordedInput[];
  readonly frames: Exclude<ReturnType<typeof decodeFrames>, string>['frames'];
} {
  const inputs = readEventsFile(events);
  const capture = decodeFrames(pcapng, 0);
  if (typeof inputs === 'string') throw new Error(inputs);
  if (typeof capture === 'string') throw new Error(capture);
  return { inputs, frames: framesOnRunClock(capture, WALL) };
}

const BUS_PARTS = { crypto: nodeCrypto, packageImage: packageImage({ 'ro.product.name': 'recorded' }) };
