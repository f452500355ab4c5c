import { type Datagram, type Entropy, type Ipv4Address, type Millis, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import fc from 'fast-check';
import {
  type DhcpClient,
  type DhcpClientConfig,
  type DhcpClientEvent,
  type DhcpMessage,
  type DhcpOption,
  decodeDhcpMessage,
  dhcpMessage,
  dhcpMessageTypeName,
  encodeDhcpMessage,
  messageType,
} from '../../src/index.js';
import { boundLab, describe, describeEvent, MAC, u32 } from './client-lab.js';

/** Makes the client that a law is about: the real one, or one with a planted bug. */
export type MakeClient = (config: DhcpClientConfig) => DhcpClient;

/** What happens to the client, one step after the other. */
export type Step =
  /** Time passes up to the next deadline (or a minute, where there is none), and the driver calls. */
  | { readonly do: 'tick' }
  /** Time passes, by up to years or by nothing, perhaps backwards; one call. */
  | { readonly do: 'wait'; readonly ms: Millis }
  | { readonly do: 'reply'; readonly reply: Reply }
  | { readonly do: 'bytes'; readonly payload: Uint8Array; readonly port: number }
  | { readonly do: 'command'; readonly name: CommandName };

export interface Reply {
  /** Option 53; `fitting` is OFFER to a DISCOVER and ACK to all else. */
  readonly type: number | 'fitting';
  /** Changes to a good answer to the last message; `undefined` leaves it as it is. */
  readonly xid: number | undefined;
  readonly server: string;
  readonly yiaddr: string;
  readonly times: readonly [lease: number | undefined, t1: number | undefined, t2: number | undefined];
  readonly mask: number | undefined;
  readonly extra: readonly DhcpOption[];
  /** Octets to overwrite: position, value. */
  readonly damage: readonly (readonly [number, number])[];
}

const COMMANDS = [
  'start',
  'stop',
  'release',
  'decline',
  'inform',
  'linkDown',
  'linkUp',
  'probeFree',
  'probeInUse',
  'attachmentSame',
  'attachmentOther',
] as const;
export type CommandName = (typeof COMMANDS)[number];

const { lease: LEASE } = boundLab();

export const INFORM_ADDRESS: Ipv4Address = parseIpv4('10.9.9.9');

const SECONDS = [0, 1, 2, 10, 60, 600, 3600, 86_400, 0x7fffffff, 0x80000000, 0xffffffff];
const seconds = fc.option(fc.constantFrom(...SECONDS), { nil: undefined });

export const replies: fc.Arbitrary<Reply> = fc.record({
  type: fc.oneof(
    { weight: 12, arbitrary: fc.constant('fitting' as const) },
    { weight: 4, arbitrary: fc.constantFrom(2, 5, 6, 6) },
    { weight: 1, arbitrary: fc.nat(19) },
  ),
  xid: fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(0xffffffff) }),
  server: fc.oneof(
    { weight: 10, arbitrary: fc.constant('10.0.2.2') },
    { weight: 1, arbitrary: fc.constantFrom('10.0.2.9', '0.0.0.0', '255.255.255.255') },
  ),
  yiaddr: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom('10.0.2.15', '10.0.2.16') },
    { weight: 1, arbitrary: fc.constantFrom('0.0.0.0', '255.255.255.255', '224.0.0.1', '10.0.2.255', '10.0.2.2', '127.0.0.1') },
  ),
  times: fc.tuple(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...SECONDS) }, { weight: 1, arbitrary: fc.constant(undefined) }),
    seconds,
    seconds,
  ),
  mask: fc.constantFrom(0xffffff00, 0xffffff00, 0xffffff00, 0xffffff00, 0xffffffff, 0xff00ff00, 0, undefined),
  extra: fc.array(
    fc.record({
      code: fc.constantFrom(3, 6, 15, 26, 80, 82, 90, 108, 116, 121, 145, 224),
      value: fc.uint8Array({ maxLength: 9 }),
    }),
    { maxLength: 3 },
  ),
  damage: fc.oneof(
    { weight: 10, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(299), fc.nat(255)), { minLength: 1, maxLength: 4 }) },
  ),
});

export const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'tick' }) },
  {
    weight: 2,
    arbitrary: fc
      .oneof(fc.integer({ min: -5000, max: 70_000 }), fc.constantFrom(3_600_000, 86_400_000, 315_360_000_000))
      .map<Step>((ms) => ({ do: 'wait', ms })),
  },
  { weight: 8, arbitrary: replies.map<Step>((reply) => ({ do: 'reply', reply })) },
  {
    weight: 1,
    arbitrary: fc
      .record({ payload: fc.uint8Array({ maxLength: 330 }), port: fc.constantFrom(68, 68, 67) })
      .map<Step>((bytes) => ({ do: 'bytes', ...bytes })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('start', 'start', 'linkUp', 'decline', 'probeInUse', ...COMMANDS)
      .map<Step>((name) => ({ do: 'command', name })),
  },
);

/** Everything on, and everything off: most of the ways through the machine. */
export const configs: fc.Arbitrary<Omit<DhcpClientConfig, 'mac' | 'entropy'>> = fc.record({
  conflictDetection: fc.boolean(),
  rapidCommit: fc.boolean(),
  ipv6OnlyPreferred: fc.boolean(),
  detectAttachment: fc.boolean(),
  releaseOnStop: fc.boolean(),
  broadcastReplies: fc.boolean(),
  offerWindowMs: fc.constantFrom(0, 0, 3000),
  rebootUnanswered: fc.constantFrom('restart' as const, 'keep-lease' as const),
  missingMask: fc.constantFrom('reject' as const, 'host' as const),
});

export interface Script {
  readonly seed: number;
  readonly config: Omit<DhcpClientConfig, 'mac' | 'entropy'>;
  /** Begins with a lease of an earlier run, one hour from 0. */
  readonly remembers: boolean;
  readonly steps: readonly Step[];
}

export const scripts: fc.Arbitrary<Script> = fc.record({
  seed: fc.nat(),
  config: configs,
  remembers: fc.boolean(),
  steps: fc.array(steps, { minLength: 10, maxLength: 40, size: 'max' }),
});

/** What one call brought. */
export interface Outcome {
  readonly step: Step;
  readonly now: Millis;
  readonly sent: readonly Datagram[];
  readonly events: readonly DhcpClientEvent[];
}

/** Plays a script; `see` looks at each outcome and throws where a law is broken. */
export function play(
  make: MakeClient,
  { seed, config, remembers, steps }: Script,
  see: (outcome: Outcome, client: DhcpClient) => void,
  entropy: Entropy = new SeededEntropy(seed),
): void {
  const client = make({ mac: MAC, entropy, ...config, ...(remembers ? { remembered: LEASE } : {}) });
  let clock: Millis = 0;
  let now: Millis = 0;
  let last: DhcpMessage | undefined;
  for (const step of [{ do: 'command', name: 'start' } as const, ...steps]) {
    if (step.do === 'tick') clock = Math.max(clock, Math.min(client.nextTimeout(), clock + 4e9));
    if (step.do === 'wait') clock += step.ms;
    now = Math.max(now, clock); // the client keeps the later time
    act(client, step, { clock, last });
    const sent: Datagram[] = [];
    const events: DhcpClientEvent[] = [];
    for (let d = client.pollTransmit(); d !== undefined; d = client.pollTransmit()) sent.push(d);
    for (let e = client.pollEvent(); e !== undefined; e = client.pollEvent()) events.push(e);
    const newest = sent.at(-1);
    if (newest !== undefined) last = messageOf(newest);
    see({ step, now, sent, events }, client);
  }
}

/** The whole trace as text. */
export function trace(make: MakeClient, script: Script, entropy?: Entropy): string {
  const lines: string[] = [];
  const see = ({ now, sent, events }: Outcome): void => {
    for (const datagram of sent) lines.push(`${now} > ${describe(datagram, messageOf(datagram))}`);
    for (const event of events) lines.push(`${event.at} ${describeEvent(event)}`);
  };
  play(make, script, see, entropy);
  return lines.join('\n');
}

export function messageOf(datagram: Datagram): DhcpMessage {
  const decoded = decodeDhcpMessage(datagram.payload, { strict: true });
  if (!decoded.ok) throw new Error(`unreadable message sent: ${decoded.error}`);
  return decoded.value;
}

export function typeOf(datagram: Datagram): string | undefined {
  return dhcpMessageTypeName(messageType(messageOf(datagram)) ?? 0);
}

function act(
  client: DhcpClient,
  step: Step,
  { clock, last }: { readonly clock: Millis; readonly last: DhcpMessage | undefined },
): void {
  switch (step.do) {
    case 'tick':
    case 'wait':
      client.handleTimeout(clock);
      break;
    case 'reply':
      client.handleDatagram(clock, fromServer(encodeReply(step.reply, last), 68));
      break;
    case 'bytes':
      client.handleDatagram(clock, fromServer(step.payload, step.port));
      break;
    case 'command':
      command(client, clock, step.name);
  }
}

function command(client: DhcpClient, now: Millis, name: CommandName): void {
  switch (name) {
    case 'inform':
      client.inform(now, INFORM_ADDRESS);
      break;
    case 'probeFree':
      client.probeResult(now, 'free');
      break;
    case 'probeInUse':
      client.probeResult(now, 'in-use');
      break;
    case 'attachmentSame':
      client.attachmentResult(now, 'same');
      break;
    case 'attachmentOther':
      client.attachmentResult(now, 'other');
      break;
    default:
      client[name](now);
  }
}

function fromServer(payload: Uint8Array, port: number): Datagram {
  return {
    source: { address: parseIpv4('10.0.2.2'), port: 67 },
    destination: { address: parseIpv4('255.255.255.255'), port },
    payload,
  };
}

export function encodeReply(reply: Reply, last: DhcpMessage | undefined): Uint8Array {
  const [lease, t1, t2] = reply.times;
  const timed: readonly (readonly [number, number | undefined])[] = [
    [51, lease],
    [58, t1],
    [59, t2],
    [1, reply.mask],
  ];
  const fitting = last !== undefined && messageType(last) === 1 ? 2 : 5;
  const payload = encodeDhcpMessage(
    dhcpMessage({
      op: 2,
      xid: reply.xid ?? last?.xid ?? 0,
      chaddr: MAC,
      yiaddr: parseIpv4(reply.yiaddr),
      options: [
        { code: 53, value: Uint8Array.of(reply.type === 'fitting' ? fitting : reply.type) },
        { code: 54, value: u32(parseIpv4(reply.server)) },
        ...timed.flatMap(([code, value]) => (value === undefined ? [] : [{ code, value: u32(value) }])),
        ...reply.extra,
      ],
    }),
  );
  for (const [at, octet] of reply.damage) payload[at] = octet;
  return payload;
}
