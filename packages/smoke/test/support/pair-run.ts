import { InMemoryStatefs } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { NexusMachine, packageImage } from '@nexus-net/guest';
import { type Millis, NEVER, SeededEntropy } from '@nexus-net/sansio';
import type { NodeName, Verdict } from '@nexus-net/verdict';
import { describeFact } from '@nexus-net/wire';
import { expect } from 'vitest';
import type { CaptureFrame, RecordedInput } from '../../src/index.js';
import {
  exitOf,
  ladderOptionsOf,
  NEXUS,
  os2vmExitCode,
  type RequestOptions,
  readEventsFile,
  readRequest,
  recordedInput,
  type SmokeEvent,
  SmokeMachine,
  verifyRecording,
} from '../../src/index.js';

export interface PairOptions extends Partial<RequestOptions> {
  readonly seed?: number;
  /** How long after the harness each machine comes to its prompt. Default 0. */
  readonly bootMs?: Readonly<Record<NodeName, Millis>>;
  /** Changes or swallows a line. */
  readonly lie?: (node: NodeName, line: string) => string | undefined;
  /** Frames that a node sends into its cable beside its own, whenever it sends one. */
  readonly inject?: (node: NodeName, frame: Uint8Array) => readonly Uint8Array[];
  /** A machine that begins again finds nothing of what it wrote. */
  readonly isForgetful?: boolean;
}

export interface PairRun {
  readonly verdict: Verdict;
  readonly events: readonly SmokeEvent[];
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  /** What `verify` reads of the run. */
  readonly inputs: readonly RecordedInput[];
  readonly frames: readonly CaptureFrame[];
  readonly request: ReturnType<typeof readRequest>;
  /** Faults whose moment never came. */
  readonly faultsPending: readonly string[];
}

/** Two machines of ours and the harness, joined by cables and consoles, in virtual time. */
export function runPair(options: PairOptions = {}): PairRun {
  const { seed = 1, bootMs = {}, lie = (_node, line) => line, inject = () => [], isForgetful = false, ...wish } = options;
  const request = readRequest({}, { guest: NEXUS, dhcpServer: false, profile: 'os2vm', nodeCount: 2, ...wish });
  const entropy = new SeededEntropy(seed);
  const smoke = new SmokeMachine({ request, entropy: entropy.fork('wire') });
  const nodes = new Map<NodeName, NexusMachine>();
  const disks = new Map<NodeName, InMemoryStatefs>();
  const prompts = new Map<NodeName, Millis>(request.profile.nodes.map((node) => [node, bootMs[node] ?? 0]));
  const events: SmokeEvent[] = [];
  const recorded: string[] = [];
  const frames: CaptureFrame[] = [];
  let boots = 0;
  let verdict: Verdict | undefined;
  let now: Millis = 0;
  const say = (node: NodeName, text: string): void => smoke.handleConsole(now, new TextEncoder().encode(text), node);
  const type = (node: NodeName, bytes: Uint8Array): void => {
    const statefs = (!isForgetful && disks.get(node)) || new InMemoryStatefs();
    disks.set(node, statefs);
    const nexus = new NexusMachine({
      config: JSON.parse(new TextDecoder().decode(bytes)),
      entropy: entropy.fork(`${node}/${boots++}`),
      bus: { crypto: nodeCrypto, packageImage: IMAGE, statefs },
    });
    nodes.set(node, nexus);
    say(node, '\n');
    nexus.start(now);
  };
  const power = (node: NodeName, state: 'off' | 'on'): void => {
    if (state === 'on') prompts.set(node, now + (bootMs[node] ?? 0));
    else {
      nodes.delete(node);
      smoke.handleExit(now, 'power taken away', node);
    }
  };
  const record = (event: SmokeEvent): void => {
    if (verdict !== undefined) return;
    events.push(event);
    if (event.type === 'frame') {
      const { number, at, bytes, port } = event.observed;
      frames.push({ number, at, bytes: bytes.slice(), ...(port !== undefined && { port }) } as CaptureFrame);
    } else if (event.type === 'script') {
      const { at, node } = event;
      recorded.push(JSON.stringify({ ...event.event, at, node, type: `script-${event.event.type}`, afterFrame: frames.length }));
    } else if (['start', 'line', 'output', 'exit', 'abort'].includes(event.type))
      recorded.push(JSON.stringify(recordedInput(event as never, { afterFrame: frames.length, wallAtZero: 0 })));
    else if (event.type === 'verdict') verdict = event.verdict;
  };
  const pump = (): void => {
    for (let moved = true; moved && verdict === undefined; ) {
      moved = false;
      for (const [node, at] of prompts) {
        if (at > now) continue;
        prompts.delete(node);
        moved = true;
        say(node, 'nexus> ');
      }
      for (let out = smoke.pollTransmit(); out !== undefined; out = smoke.pollTransmit()) {
        moved = true;
        if (out.to === 'console') type(out.node, out.bytes);
        else if (out.to === 'power') power(out.node, out.state);
        else if (out.to === 'wire') nodes.get(out.node)?.handleFrame(now, out.frame);
      }
      for (const [node, nexus] of nodes) {
        for (let out = nexus.pollTransmit(); out !== undefined; out = nexus.pollTransmit()) {
          moved = true;
          if (out.to === 'wire') for (const each of [out.frame, ...inject(node, out.frame)]) smoke.handleFrame(now, each, node);
          else if (out.to === 'loopback') smoke.handleLoopbackFrame(now, out.frame, node);
          else {
            const line = lie(node, out.line);
            if (line !== undefined) say(node, `${line}\n`);
          }
        }
      }
      for (let event = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent()) record(event);
    }
  };
  smoke.start(now);
  pump();
  for (let step = 0; verdict === undefined && step < 200_000; step++) {
    const due = [...nodes.values()].map((nexus) => nexus.nextTimeout());
    now = Math.min(smoke.nextTimeout(), ...due, ...prompts.values(), NEVER);
    for (const nexus of nodes.values()) nexus.handleTimeout(now);
    smoke.handleTimeout(now);
    pump();
  }
  if (verdict === undefined) throw new Error('no verdict');
  const inputs = readEventsFile(recorded.join('\n'));
  if (typeof inputs === 'string') throw new Error(inputs);
  const facts = events.flatMap((event) => (event.type === 'fact' ? [describeFact(event.fact)] : []));
  return { verdict, events, facts, inputs, frames, request, faultsPending: smoke.inspect().faultsPending };
}

const IMAGE = packageImage({ 'ro.product.name': 'pair' });

/** The markers of a run that nothing on the wire has proven. */
export function unprovenIn({ verdict }: PairRun): readonly string[] {
  return verdict.markers.filter(({ evidence }) => evidence !== 'proven').map(({ id }) => id);
}

/** Where a run fails, for which cause, and the number that the command ends with. */
export function failureOf(options: PairOptions): readonly unknown[] {
  const { verdict } = runPair(options);
  const { phase, node, cause } = verdict.failure ?? {};
  return [phase, node, cause, os2vmExitCode({ exit: exitOf(verdict), ...(verdict.failure && { failure: verdict.failure }) })];
}

/** Judged again from its recording, a run has the verdict that it had. */
export function expectSameOffline({ request, frames, inputs, verdict }: PairRun): void {
  expect(verifyRecording(ladderOptionsOf(request), { frames, inputs })).toEqual(verdict);
}
