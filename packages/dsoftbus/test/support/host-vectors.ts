import { bytesEqual, concatBytes, fromHex, toHex } from '@nexus-net/sansio';
import {
  decodeConnectRequest,
  decodeHostFrame,
  encodeConnectRequest,
  encodeConnectResponse,
  encodeHostFrame,
  frameMessage,
  type HostCloseReason,
  HostSession,
  type HostSessionEvent,
  hostIdentity,
  MessageSplitter,
  makeProof,
  proofMessage,
} from '../../src/host/index.js';
import type { CryptoProvider } from '../../src/index.js';
import { fixedEntropy } from './entropy.js';

/** One vector of `host-frames-capnp.json`. */
export interface FrameVector {
  readonly name: string;
  readonly op: string;
  readonly channel?: number;
  readonly payload?: string;
  readonly payload_byte?: number;
  readonly payload_len?: number;
  readonly length?: number;
  readonly sha256?: string;
  readonly input?: string;
  readonly device_id?: string;
  readonly ok?: boolean;
  readonly expect?: string | { readonly channel: number; readonly payload: string };
  readonly expect_error?: string;
  readonly expect_head_96?: string;
  readonly expect_len?: number;
  readonly consumed?: number;
}

/** What is wrong, or `undefined`. */
export function checkFrameVector(provider: CryptoProvider, vector: FrameVector): string | undefined {
  const { op, expect, expect_error: error } = vector;
  switch (op) {
    case 'serialize_frame': {
      const { payload, payload_byte: filler = 0, payload_len: length = 0, channel = 0 } = vector;
      const octets = payload === undefined ? new Uint8Array(length).fill(filler) : fromHex(payload);
      const message = encodeHostFrame({ channel, payload: octets });
      const read = decodeHostFrame(message);
      if (!read.ok || read.value.channel !== channel || !bytesEqual(read.value.payload, octets)) return 'not read back';
      if (message.length !== vector.length) return `${message.length} octets`;
      if (expect !== undefined) return same(toHex(message), expect as string);
      if (!toHex(message).startsWith(vector.expect_head_96 ?? '')) return 'begins in another way';
      return same(toHex(provider.hash('SHA256').digest(message)), vector.sha256 ?? '');
    }
    case 'deserialize_frame': {
      const read = decodeHostFrame(fromHex(vector.input ?? ''));
      if (error !== undefined) return read.ok ? 'accepted' : undefined;
      if (!read.ok) return `refused: ${read.error}`;
      const value = { channel: read.value.channel, payload: toHex(read.value.payload) };
      return same(JSON.stringify(value), JSON.stringify(expect));
    }
    case 'connect_response':
      return same(toHex(encodeConnectResponse(vector.ok === true)), expect as string);
    case 'connect_request': {
      const message = encodeConnectRequest(vector.device_id ?? '');
      const read = decodeConnectRequest(message);
      return read.ok && read.value === vector.device_id ? same(toHex(message), expect as string) : 'not read back';
    }
    case 'decode_connect_request':
      return decodeConnectRequest(fromHex(vector.input ?? '')).ok ? 'accepted' : undefined;
    case 'read_frame':
      return checkPrefix(vector);
    default:
      return 'no outcome is known';
  }
}

/** Upstream's reader takes 65536 octets, one more than a Noise message has. */
function checkPrefix({ input = '', expect, expect_error: error, expect_len: length }: FrameVector): string | undefined {
  const [head = '', , count, , filler = ''] = input.split(' ');
  const bytes = concatBytes([fromHex(head), new Uint8Array(Number(count ?? 0)).fill(Number.parseInt(filler || '0', 16))]);
  const splitter = new MessageSplitter(65_536);
  const messages: string[] = [];
  const isGood = splitter.push(bytes, (message) => messages.push(toHex(message)) > 0);
  if (error === 'InvalidData') return isGood ? 'accepted' : undefined;
  if (!isGood) return 'refused';
  if (error === 'UnexpectedEof') return messages.length === 0 && splitter.pending > 0 ? undefined : 'taken as whole';
  if (length !== undefined) return same(String((messages[0] ?? '').length / 2), String(length));
  return same(messages.join(), expect as string);
}

function same(actual: string, expected: string): string | undefined {
  return actual === expected ? undefined : `${actual.slice(0, 80)} and not ${expected.slice(0, 80)}`;
}

/** One vector of `host-noise-xk.json`. */
export interface HostNoiseVector {
  readonly name: string;
  readonly op: 'identity' | 'session' | 'handshake';
  readonly ed25519_secret?: string;
  readonly device_id?: string;
  readonly verifying_key?: string;
  readonly noise_public?: string;
  readonly client_proof_json?: string;
  readonly client_proof_message?: string;
  readonly server_proof_json?: string;
  readonly server_proof_message?: string;
  readonly client?: { readonly ed25519_secret: string; readonly ephemeral_secret: string };
  readonly server?: { readonly ed25519_secret: string; readonly ephemeral_secret: string };
  readonly client_sees?: string;
  readonly server_sees?: string;
  readonly frames_without_length_prefix?: Readonly<Record<string, string>>;
  readonly delivered_frames?: readonly string[];
  readonly client_result?: string;
  readonly server_result?: string;
}

export function checkHostNoiseVector(provider: CryptoProvider, vector: HostNoiseVector): string | undefined {
  if (vector.op === 'identity') return checkIdentity(provider, vector);
  return vector.op === 'session' ? checkSession(provider, vector) : checkRefused(provider, vector);
}

function checkIdentity(provider: CryptoProvider, vector: HostNoiseVector): string | undefined {
  const identity = hostIdentity(provider, fromHex(vector.ed25519_secret ?? ''));
  const text = (role: 'client' | 'server'): string => new TextDecoder().decode(makeProof(provider, role, identity));
  const message = (role: 'client' | 'server'): string => toHex(proofMessage(provider, role, identity.noiseStatic.publicKey));
  const actual = [
    identity.deviceId,
    toHex(identity.verifyingKey),
    toHex(identity.noiseStatic.publicKey),
    text('client'),
    message('client'),
    text('server'),
    message('server'),
  ];
  const expected = [
    vector.device_id,
    vector.verifying_key,
    vector.noise_public,
    vector.client_proof_json,
    vector.client_proof_message,
    vector.server_proof_json,
    vector.server_proof_message,
  ];
  return same(actual.join(), expected.join());
}

const SERVER_SEED = '01'.repeat(32);
const CLIENT_SEED = '02'.repeat(32);

function sessions(provider: CryptoProvider, ephemerals: { readonly client: string; readonly server: string }) {
  const server = hostIdentity(provider, fromHex(SERVER_SEED));
  const client = hostIdentity(provider, fromHex(CLIENT_SEED));
  const ends = {
    client: new HostSession({
      provider,
      entropy: fixedEntropy(ephemerals.client),
      identity: client,
      as: {
        role: 'client',
        deviceId: server.deviceId,
        noiseStatic: provider.x25519PublicKey(server.noiseStatic.publicKey),
      },
    }),
    server: new HostSession({
      provider,
      entropy: fixedEntropy(ephemerals.server),
      identity: server,
      as: { role: 'server', accept: () => true },
    }),
  };
  ends.client.start(0);
  ends.server.start(0);
  return ends;
}

/** The whole session octet for octet: each side writes what stands there when it gets what stands there. */
function checkSession(provider: CryptoProvider, vector: HostNoiseVector): string | undefined {
  const { client, server } = sessions(provider, {
    client: vector.client?.ephemeral_secret ?? '',
    server: vector.server?.ephemeral_secret ?? '',
  });
  for (const [name, octets] of Object.entries(vector.frames_without_length_prefix ?? {})) {
    const [writer, reader] = name.includes(' client ') ? [client, server] : [server, client];
    const frame = /Frame\((\d+),(\w+)\)/.exec(name);
    if (frame !== null) writer.send({ channel: Number(frame[1]), payload: new TextEncoder().encode(frame[2]) });
    const sent = writer.pollTransmit();
    if (sent === undefined) return `${name} is not sent`;
    if (toHex(sent.subarray(4)) !== octets) return `${name} is another`;
    reader.handleBytes(0, sent);
  }
  const seen = (end: HostSession): string => describe(allEvents(end));
  const expected = (id: string | undefined, text: string): string => `connected ${id}; frame 1 ${text}`;
  return same(
    `${seen(client)} | ${seen(server)}`,
    `${expected(vector.client_sees, 'pong')} | ${expected(vector.server_sees, 'ping')}`,
  );
}

function describe(events: readonly HostSessionEvent[]): string {
  return events
    .map((event) => {
      if (event.type === 'connected') return `connected ${event.peer.deviceId}`;
      if (event.type === 'frame') return `frame ${event.frame.channel} ${new TextDecoder().decode(event.frame.payload)}`;
      return `closed ${event.reason}`;
    })
    .join('; ');
}

function allEvents(session: HostSession): HostSessionEvent[] {
  const events: HostSessionEvent[] = [];
  for (let event = session.pollEvent(); event !== undefined; event = session.pollEvent()) events.push(event);
  return events;
}

/** What upstream's words stand for. */
const REASONS: readonly (readonly [RegExp, readonly HostCloseReason[]])[] = [
  [/decrypt error/, ['bad-tag', 'wrong-identity-or-prologue']],
  [/input error/, ['short-message']],
  [/announcement device_id mismatch/, ['announced-id-mismatch']],
];

/** The messages as they arrived, in turns; the side that refused upstream has to refuse, and nothing is connected. */
function checkRefused(provider: CryptoProvider, vector: HostNoiseVector): string | undefined {
  const [first = '', second, third] = vector.delivered_frames ?? [];
  // Which side drew which of the two ephemeral keys differs from vector to vector; the first message shows it.
  const isSwapped = first.startsWith('db48');
  const [a, b] = ['a1'.repeat(32), 'b2'.repeat(32)];
  const { client, server } = sessions(provider, isSwapped ? { client: b, server: a } : { client: a, server: b });
  client.pollTransmit();
  server.handleBytes(0, frameMessage(fromHex(first)));
  if (second !== undefined) client.handleBytes(0, frameMessage(fromHex(second)));
  if (third !== undefined) server.handleBytes(0, frameMessage(fromHex(third)));
  for (const [end, result] of [
    [client, vector.client_result ?? ''],
    [server, vector.server_result ?? ''],
  ] as const) {
    const reasons = REASONS.find(([words]) => words.test(result))?.[1];
    const { state, reason } = end.inspect();
    if (state === 'connected') return `the ${end.role} is connected`;
    if (reasons !== undefined && !reasons.includes(reason as HostCloseReason)) return `the ${end.role} says ${reason}: ${result}`;
  }
  return undefined;
}
