import {
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpDescription,
  decodeDhcpMessage,
  describeDhcpMessage,
} from '@nexus-net/dhcp';
import { segmentWitnesses, summarizeFrame } from '@nexus-net/lan';
import type { Millis } from '@nexus-net/sansio';
import {
  type Dissection,
  describeFact,
  type Fact,
  FrameDissector,
  type Violation,
  type Witness,
  type WitnessEvent,
} from '@nexus-net/wire';
import type { CaptureFrame, CaptureFrames } from './capture-file.js';
import { loopbackWitnesses } from './loopback.js';
import { isLoopbackPort } from './places.js';
import { printable } from './printable.js';

/** What is said of one frame. */
export interface InspectedFrame {
  readonly number: number;
  /** Milliseconds from the first frame. */
  readonly atMs: Millis;
  readonly port?: string;
  readonly length: number;
  readonly summary: string;
  /** The whole DHCP message, where there is one; or why it can't be read. */
  readonly dhcp?: DhcpDescription | { readonly error: string };
}

export interface Inspection {
  readonly schema: 'nexus-net/inspect/1';
  readonly format: CaptureFrames['format'];
  readonly vnetHeader: number;
  readonly frames: readonly InspectedFrame[];
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  readonly violations: readonly Violation[];
  readonly otherPackets: number;
  readonly endsEarly?: string;
}

/** What the witnesses of all protocols say of these frames, those of a guest's loopback interface to their own. The same witnesses as on a live segment. */
export function witnessFrames(frames: readonly CaptureFrame[]): {
  readonly facts: readonly Fact[];
  readonly violations: readonly Violation[];
} {
  const segment = segmentWitnesses();
  const loopbacks = new Map<string, Witness[]>();
  const facts: Fact[] = [];
  const violations: Violation[] = [];
  const drain = (event: WitnessEvent | undefined): boolean => {
    if (event?.type === 'fact') facts.push(event.fact);
    if (event?.type === 'violation') violations.push(event.violation);
    return event !== undefined;
  };
  const witnessesOf = (port: string | undefined): readonly Witness[] => {
    if (port === undefined || !isLoopbackPort(port)) return segment;
    const known = loopbacks.get(port) ?? loopbackWitnesses();
    loopbacks.set(port, known);
    return known;
  };
  const dissector = new FrameDissector();
  for (const { number, at, port, bytes } of frames) {
    const observed = { number, at, bytes, layers: dissector.dissect(at, bytes), ...(port !== undefined && { port }) };
    for (const witness of witnessesOf(port)) {
      witness.handleFrame(at, observed);
      while (drain(witness.pollEvent()));
    }
  }
  return { facts, violations };
}

/** Everything that can be said of a capture. Total: any frames, any number. */
export function inspectFrames(capture: CaptureFrames): Inspection {
  const { facts, violations } = witnessFrames(capture.frames);
  const dissector = new FrameDissector();
  return {
    schema: 'nexus-net/inspect/1',
    format: capture.format,
    vnetHeader: capture.vnetHeader,
    frames: capture.frames.map((frame) => inspectFrame(frame, dissector.dissect(frame.at, frame.bytes))),
    facts: facts.map((fact) => ({ ...describeFact(fact), frames: fact.frames })),
    violations,
    otherPackets: capture.otherPackets,
    ...(capture.endsEarly !== undefined && { endsEarly: capture.endsEarly }),
  };
}

function inspectFrame({ number, at, port, bytes, cut }: CaptureFrame, layers: Dissection): InspectedFrame {
  const dhcp = dhcpOf(layers);
  return {
    number,
    atMs: at,
    ...(port !== undefined && { port }),
    length: bytes.length,
    summary: cut === 0 ? summarizeFrame(layers) : `${summarizeFrame(layers)} [${cut} octets not captured]`,
    ...(dhcp !== undefined && { dhcp }),
  };
}

function dhcpOf({ udp }: Dissection): InspectedFrame['dhcp'] {
  if (udp === undefined) return undefined;
  const ports = [udp.sourcePort, udp.destinationPort];
  if (!ports.includes(DHCP_SERVER_PORT) && !ports.includes(DHCP_CLIENT_PORT)) return undefined;
  const decoded = decodeDhcpMessage(udp.payload, { borrow: true });
  return decoded.ok ? describeDhcpMessage(decoded.value) : { error: decoded.error };
}

/** An inspection as lines for a person. */
export function inspectionLines(inspection: Inspection): readonly string[] {
  const { frames, violations, otherPackets, endsEarly, vnetHeader } = inspection;
  const lines: string[] = [];
  if (vnetHeader > 0) lines.push(`(${vnetHeader} octets of virtio-net header before each frame taken off)`);
  for (const frame of frames) {
    const port = frame.port === undefined ? '' : ` ${frame.port}`;
    lines.push(`${String(frame.number).padStart(5)}  ${(frame.atMs / 1_000).toFixed(6)}${port}  ${frame.summary}`);
    if (frame.dhcp !== undefined) lines.push(...dhcpLines(frame.dhcp));
  }
  if (otherPackets > 0) lines.push(`${counted(otherPackets, 'packet')} of other link layers not read`);
  if (endsEarly !== undefined) lines.push(endsEarly);
  lines.push(violations.length === 0 ? 'no rule broken' : `${counted(violations.length, 'rule')} broken:`);
  for (const { rule, reference, message, frames: numbers } of violations) {
    lines.push(`  frame ${numbers.join(', ')}  ${reference}  ${message} (${rule})`);
  }
  return lines.map(printable);
}

export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function dhcpLines(dhcp: NonNullable<InspectedFrame['dhcp']>): readonly string[] {
  if ('error' in dhcp) return [`         not a DHCP message: ${dhcp.error}`];
  const fields = Object.entries(dhcp.fields).map(([name, value]) => `${name}=${value === '' ? '-' : value}`);
  return [
    `         ${fields.slice(0, 8).join(' ')}`,
    `         ${fields.slice(8).join(' ')}`,
    ...dhcp.options.map(({ code, name = '(unknown)', value, error }) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `         ${String(code).padStart(3)} ${name} = ${text}${error === undefined ? '' : ` [${error}]`}`;
    }),
    ...dhcp.anomalies.map((anomaly) => `         ! ${anomaly}`),
  ];
}
