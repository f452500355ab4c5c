import { fromHex, type MacAddress, type Millis, NEVER, SeededEntropy } from '@nexus-net/sansio';
import { dissect, encodeUdpFrame } from '@nexus-net/wire';
import { type DhcpClientConfig, type DhcpLease, decodeDhcpMessage, messageType } from '../../src/index.js';
import { ClientLab, type Sent } from './client-lab.js';
import { observe } from './scene.js';
import { SCRIPTED_OUTCOMES } from './scripted-outcomes.js';
import { datagramIn, editFrame, spoilIpv4Checksum, type VectorCase, type VectorFrame } from './vector-frames.js';
import type { VectorReport } from './vectors.js';

/** What an odd server answered to a real client: the frames of both, in order. */
export interface ScriptedBehaviour {
  readonly behaviour: string;
  readonly cases: readonly VectorCase[];
  readonly frames: readonly VectorFrame[];
}

/** What our client did with that server. */
export interface ScriptedRun {
  readonly lab: ClientLab;
  /** Every lease it was bound to, in order. */
  readonly leases: readonly DhcpLease[];
  /** Messages within the busiest minute. */
  readonly busiestMinute: number;
  /** Deadline that is left when the horizon is reached. */
  readonly nextTimeout: Millis;
}

/** Long enough for all retransmissions of a REQUEST, and many short leases. */
const HORIZON_MS: Millis = 150_000;
/** The client's own default of messages in any minute. */
const MESSAGES_PER_MINUTE = 20;
const DHCP_CLIENT_PORT = 68;

/** Runs our client against each scripted server; a behaviour without a required outcome is a failure. */
export function checkScripted(behaviours: readonly ScriptedBehaviour[], progress: (id: string) => void = () => {}): VectorReport {
  const plain = behaviours.find(({ behaviour }) => behaviour === 'plain');
  const failed: { id: string; problem: string }[] = [];
  let passed = 0;
  for (const scripted of behaviours) {
    progress(scripted.behaviour);
    const problem = checkBehaviour(scripted, plain);
    if (problem === undefined) passed++;
    else failed.push({ id: scripted.behaviour, problem });
  }
  return { passed, failed, notRun: [] };
}

function checkBehaviour(scripted: ScriptedBehaviour, plain: ScriptedBehaviour | undefined): string | undefined {
  const outcome = SCRIPTED_OUTCOMES[scripted.behaviour];
  if (outcome === undefined) return 'no outcome is known for this behaviour';
  for (const { config = {}, horizonMs = HORIZON_MS, check } of outcome) {
    const run = runScripted(withReplies(scripted, plain), { config, horizonMs });
    const problem = typeof run === 'string' ? run : (check(run) ?? checkAlways(run));
    if (problem !== undefined) return Object.keys(config).length === 0 ? problem : `${JSON.stringify(config)}: ${problem}`;
  }
  return undefined;
}

/** The replies with a wrong IP checksum were not captured: they are those of the plain server, spoiled. */
function withReplies(scripted: ScriptedBehaviour, plain: ScriptedBehaviour | undefined): ScriptedBehaviour {
  if (scripted.behaviour !== 'bad-ip-csum' || plain === undefined) return scripted;
  const frames = plain.frames.map(({ kind, frame }) => {
    const bytes = fromHex(frame);
    return { kind, frame: isReply(bytes) ? Buffer.from(spoilIpv4Checksum(bytes)).toString('hex') : frame };
  });
  return { ...scripted, frames };
}

/** What holds whatever a server does. */
function checkAlways({ busiestMinute }: ScriptedRun): string | undefined {
  return busiestMinute > MESSAGES_PER_MINUTE ? `${busiestMinute} messages within a minute` : undefined;
}

export function runScripted(
  { frames }: ScriptedBehaviour,
  { config, horizonMs }: { readonly config: Partial<DhcpClientConfig>; readonly horizonMs: Millis },
): ScriptedRun | string {
  const script = new Script(frames.map(({ frame }) => fromHex(frame)));
  if (script.client === undefined) return 'no message of a client in this behaviour';
  const lab = new ClientLab({ mac: script.client, entropy: new SeededEntropy('scripted'), ...config });
  const seen: { at: Millis; bytes: Uint8Array; ours: boolean }[] = [];
  lab.start();
  let answered = 0;
  for (let steps = 0; ; steps++) {
    if (steps > 10_000) return 'the client does not come to rest';
    for (; answered < lab.sent.length; answered++) {
      const sent = lab.sent[answered] as Sent;
      const link = { source: script.client, destination: 0xffffffffffff as MacAddress };
      seen.push({ at: lab.now, bytes: encodeUdpFrame({ link, datagram: sent.datagram }), ours: true });
      for (const reply of script.answer(sent)) {
        seen.push({ at: lab.now, bytes: reply, ours: false });
        const datagram = datagramIn(reply);
        if (datagram !== undefined) lab.receiveBytes(datagram.payload, { from: datagram.source, to: datagram.destination });
      }
    }
    const next = lab.client.nextTimeout();
    if (next > horizonMs) break;
    lab.runTo(next);
  }
  const blamed = observe(seen).violations.find(({ frames: numbers }) => seen[(numbers.at(-1) as number) - 1]?.ours);
  if (blamed !== undefined) return `our own message breaks ${blamed.rule}: ${blamed.message}`;
  return {
    lab,
    leases: lab.eventsOf('bound').map(({ lease }) => lease),
    busiestMinute: Math.max(
      0,
      ...lab.sent.map(({ at }) => lab.sent.filter((one) => one.at >= at && one.at < at + 60_000).length),
    ),
    nextTimeout: lab.client.nextTimeout() === NEVER ? NEVER : lab.client.nextTimeout(),
  };
}

interface Turn {
  /** `xid` of the recorded message of the client. */
  readonly xid: number;
  readonly replies: readonly Uint8Array[];
}

/** Answers our client as the recorded server answered the recorded one: the n-th DISCOVER like its n-th, and so on. */
class Script {
  readonly client: MacAddress | undefined;
  readonly #turns = new Map<string, Turn[]>();
  readonly #asked = new Map<string, number>();

  constructor(frames: readonly Uint8Array[]) {
    let replies: Uint8Array[] = [];
    for (const frame of frames) {
      if (isReply(frame)) {
        replies.push(frame);
        continue;
      }
      const { ethernet, udp } = dissect(frame);
      const decoded = udp === undefined ? undefined : decodeDhcpMessage(udp.payload);
      if (!decoded?.ok) continue;
      this.client ??= ethernet?.source;
      replies = [];
      const { xid, ciaddr } = decoded.value;
      const kind = kindOf(messageType(decoded.value), ciaddr);
      this.#turns.set(kind, [...(this.#turns.get(kind) ?? []), { xid, replies }]);
    }
  }

  answer({ message }: Sent): readonly Uint8Array[] {
    const kind = kindOf(messageType(message), message.ciaddr);
    const count = this.#asked.get(kind) ?? 0;
    this.#asked.set(kind, count + 1);
    // A renewal that the recorded client never came to is answered like its first REQUEST.
    const turns = this.#turns.get(kind) ?? (kind === 'renewal' ? this.#turns.get('request') : undefined) ?? [];
    const turn = turns[Math.min(count, turns.length - 1)];
    return (turn?.replies ?? []).map((reply) => editFrame(reply, { xid: this.#xid(reply, turn as Turn, message.xid) }));
  }

  /** A reply with the right `xid` gets ours, one with a wrong `xid` stays as wrong. */
  #xid(reply: Uint8Array, turn: Turn, ours: number): number {
    const octets = dissect(reply).udp?.payload;
    const recorded = octets === undefined ? turn.xid : new DataView(octets.buffer, octets.byteOffset).getUint32(4);
    return (ours ^ turn.xid ^ recorded) >>> 0;
  }
}

function isReply(frame: Uint8Array): boolean {
  return dissect(frame).udp?.destinationPort === DHCP_CLIENT_PORT;
}

function kindOf(type: number | undefined, ciaddr: number): string {
  return type === 3 ? (ciaddr === 0 ? 'request' : 'renewal') : String(type);
}
