import {
  bytesEqual,
  concatBytes,
  type Endpoint,
  formatIpv4,
  type Millis,
  NEVER,
  Queue,
  readU32,
  requireArgument,
} from '@nexus-net/sansio';
import type { ObservedFrame, Witness, WitnessEvent } from '@nexus-net/wire';
import type { CryptoProvider, X25519KeyPair, X25519PublicKey } from '../crypto/index.js';
import { decodeAnnounce } from '../discovery/index.js';
import { decodeHostFrame } from '../host/messages.js';
import { HandshakeState, type Transport } from '../noise/index.js';

/** A TCP byte stream as whoever reassembles it names it. */
export interface ObservedStream {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** A client's secrets, for tests that made them: with these the witness reads what only the two ends can read. */
export interface WitnessKeys {
  readonly provider: CryptoProvider;
  readonly clientStatic: X25519KeyPair;
  /** The secret of the client's ephemeral key, 32 octets. */
  readonly clientEphemeral: Uint8Array;
  readonly serverStatic: X25519PublicKey;
}

export interface DsoftbusWitnessOptions {
  readonly keys?: WitnessKeys;
  /** Sessions followed at one time; the oldest is forgotten, counted. Default 256. */
  readonly sessionCountMax?: number;
  /** Events that wait for `pollEvent`; further ones are dropped and counted. Default 4 096. */
  readonly eventCountMax?: number;
}

type Side = 'client' | 'server';

interface Session {
  readonly stream: ObservedStream;
  readonly buffers: Record<Side, Uint8Array>;
  readonly frames: number[];
  dialect: 'os' | 'host' | undefined;
  /** Whole handshake messages: three, in turns, the client's first. */
  messages: number;
  isOpen: boolean;
  records: number;
  noise: HandshakeState | undefined;
  transport: Transport | undefined;
}

/** Octets of the messages of the OS handshake, which has no framing. */
const OS_LENGTHS: readonly number[] = [32, 96, 64];
/** The first message of standard XK without payload. */
const XK_FIRST_LENGTH = 48;
const HOST_LENGTH_MAX = 65_536;
const DISCOVERY_PORT = 37_020;

/**
 * Watches DSoftBus on a segment: announces in UDP frames, sessions in the TCP streams that are handed to it reassembled. It says what
 * can be seen from outside: which dialect, how far a handshake came, how many messages followed, and plaintext where there must
 * be none. With the keys of a test it also says what the messages of a host session are. It never transmits.
 */
export class DsoftbusWitness implements Witness {
  readonly #keys: WitnessKeys | undefined;
  readonly #sessionCountMax: number;
  readonly #events: Queue<WitnessEvent>;
  readonly #sessions = new Map<string, Session>();
  #evicted = 0;
  #now: Millis = Number.NEGATIVE_INFINITY;

  constructor({ keys, sessionCountMax = 256, eventCountMax = 4_096 }: DsoftbusWitnessOptions = {}) {
    requireArgument(sessionCountMax >= 1 && eventCountMax >= 1, 'limits are at least 1');
    this.#keys = keys;
    this.#sessionCountMax = sessionCountMax;
    this.#events = new Queue(eventCountMax);
  }

  handleFrame(now: Millis, frame: ObservedFrame): void {
    const at = this.#advance(now);
    const { udp, ipv4, problem } = frame.layers;
    if (udp === undefined || ipv4 === undefined || udp.destinationPort !== DISCOVERY_PORT) return;
    if (problem !== undefined && problem.error !== 'partial-checksum') return;
    const announce = decodeAnnounce(udp.payload);
    if (announce.ok) {
      const { deviceId, port, services } = announce.value;
      const detail = { source: ipv4.source, deviceId, sessionPort: port, services: services.length };
      this.#push({ type: 'fact', fact: { kind: 'dsoftbus.announced', at, frames: [frame.number], ...detail } });
    } else this.#violation(at, [frame.number], 'dsoftbus.malformed-announce', `${formatIpv4(ipv4.source)}: ${announce.error}`);
  }

  /** Octets of one direction, in order; `frame` is the number of the frame that completed them. Borrowed for the call. */
  handleStreamBytes(now: Millis, stream: ObservedStream, side: Side, bytes: Uint8Array, frame: number): void {
    const at = this.#advance(now);
    const session = this.#sessionOf(stream);
    if (session === undefined || bytes.length === 0) return;
    if (session.frames.at(-1) !== frame && session.frames.length < 64) session.frames.push(frame);
    session.buffers[side] = concatBytes([session.buffers[side], bytes]);
    if (session.dialect === undefined && session.buffers.client.length >= 4)
      session.dialect = readU32(session.buffers.client, 0) === XK_FIRST_LENGTH ? 'host' : 'os';
    while (this.#take(at, session, side, frame)) {}
  }

  /** One side will send no more. A session that has not opened by then has failed, as far as can be seen. */
  handleStreamEnd(now: Millis, stream: ObservedStream): void {
    const at = this.#advance(now);
    const key = keyOf(stream);
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    const { messages, records, isOpen } = session;
    const detail = isOpen ? { kind: 'dsoftbus.session-ended', records } : { kind: 'dsoftbus.handshake-failed', messages };
    this.#push({ type: 'fact', fact: { ...detail, at, frames: session.frames, ...this.#ends(session) } as never });
  }

  handleTimeout(now: Millis): void {
    this.#advance(now);
  }

  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): WitnessEvent | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return NEVER;
  }

  inspect(): { readonly sessions: number; readonly evicted: number; readonly eventsDropped: number } {
    return { sessions: this.#sessions.size, evicted: this.#evicted, eventsDropped: this.#events.dropped };
  }

  #advance(now: Millis): Millis {
    this.#now = Math.max(this.#now, now);
    return this.#now;
  }

  #push(event: WitnessEvent): void {
    this.#events.push(event);
  }

  #sessionOf(stream: ObservedStream): Session | undefined {
    const key = keyOf(stream);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    if (this.#sessions.size >= this.#sessionCountMax) {
      this.#sessions.delete(this.#sessions.keys().next().value as string);
      this.#evicted++;
    }
    const session: Session = {
      stream,
      buffers: { client: EMPTY, server: EMPTY },
      frames: [],
      dialect: undefined,
      messages: 0,
      isOpen: false,
      records: 0,
      noise: undefined,
      transport: undefined,
    };
    this.#sessions.set(key, session);
    return session;
  }

  /** Takes one message of a side off its buffer; false where there is none yet. */
  #take(at: Millis, session: Session, side: Side, frame: number): boolean {
    const buffer = session.buffers[side];
    if (session.dialect === 'os') {
      const length = session.messages < 3 ? (OS_LENGTHS[session.messages] as number) : buffer.length;
      if (buffer.length < length || buffer.length === 0) return false;
      session.buffers[side] = buffer.slice(length);
      this.#message(at, session, side, buffer.subarray(0, length), frame);
      return true;
    }
    if (session.dialect === undefined || buffer.length < 4) return false;
    const length = readU32(buffer, 0);
    if (length > HOST_LENGTH_MAX) {
      this.#violation(at, [frame], 'dsoftbus.oversize-message', `${length} octets are announced`);
      session.buffers[side] = EMPTY;
      return false;
    }
    if (buffer.length < 4 + length) return false;
    session.buffers[side] = buffer.slice(4 + length);
    this.#message(at, session, side, buffer.subarray(4, 4 + length), frame);
    return true;
  }

  #message(at: Millis, session: Session, side: Side, bytes: Uint8Array, frame: number): void {
    if (looksPlain(bytes)) {
      const from = formatIpv4(session.stream[side].address);
      this.#violation(at, [frame], 'dsoftbus.plaintext', `${from} sends in clear what has to be encrypted`);
    }
    if (session.messages < 3) {
      const due: Side = session.messages === 1 ? 'server' : 'client';
      if (side !== due) this.#violation(at, [frame], 'dsoftbus.out-of-turn', `the ${side} speaks before the handshake is over`);
      else {
        this.#follow(session, bytes);
        session.messages++;
      }
      return;
    }
    session.records++;
    // The server goes on only where the third message satisfied it: what follows from it is the first sign of success.
    if (side === 'server' && !session.isOpen) {
      session.isOpen = true;
      const fact = { kind: 'dsoftbus.session-opened', at, frames: [...session.frames], ...this.#ends(session) } as const;
      this.#push({ type: 'fact', fact });
    }
    this.#decrypt(at, session, side, bytes, frame);
  }

  /** With the client's secrets the handshake is made once more, beside the one that is seen. */
  #follow(session: Session, bytes: Uint8Array): void {
    if (this.#keys === undefined || session.dialect !== 'host') return;
    const { provider, clientStatic, clientEphemeral, serverStatic } = this.#keys;
    if (session.messages === 0) {
      const noise = new HandshakeState(provider, {
        protocol: 'Noise_XK_25519_ChaChaPoly_BLAKE2s',
        role: 'initiator',
        entropy: { u32: () => 0, fill: (secret) => secret.set(clientEphemeral) },
        localStatic: clientStatic,
        remoteStatic: serverStatic,
      });
      const first = noise.writeMessage();
      if (first.ok && bytesEqual(first.value, bytes)) session.noise = noise; // otherwise it is another client's session
    } else if (session.messages === 1 && session.noise?.readMessage(bytes).ok === true) {
      // The payload of the third message is not known here, and the keys of the session don't depend on it.
      if (session.noise.writeMessage().ok) session.transport = session.noise.split();
    }
  }

  #decrypt(at: Millis, session: Session, side: Side, bytes: Uint8Array, frame: number): void {
    const { transport } = session;
    if (transport === undefined) return;
    const opened = (side === 'client' ? transport.send : transport.receive).decryptWithAd(EMPTY, bytes);
    if (!opened.ok) {
      this.#violation(at, [frame], 'dsoftbus.undecryptable', `message ${session.records} of the session: ${opened.error}`);
      return;
    }
    if (session.records <= 2) return; // the connect request and its answer
    const read = decodeHostFrame(opened.value);
    if (!read.ok) {
      this.#violation(at, [frame], 'dsoftbus.malformed-frame', read.error);
      return;
    }
    const detail = { sender: session.stream[side].address, channel: read.value.channel, octets: read.value.payload.length };
    this.#push({ type: 'fact', fact: { kind: 'dsoftbus.frame', at, frames: [frame], ...detail } });
  }

  #ends({ stream: { client, server }, dialect = 'os' }: Session) {
    return {
      client: client.address,
      clientPort: client.port,
      server: server.address,
      serverPort: server.port,
      dialect: dialect as string,
    };
  }

  #violation(at: Millis, frames: readonly number[], rule: string, message: string): void {
    this.#push({ type: 'violation', violation: { rule, reference: REFERENCES[rule] as string, at, frames, message } });
  }
}

const REFERENCES: Readonly<Record<string, string>> = {
  'dsoftbus.malformed-announce': 'announce v1',
  'dsoftbus.oversize-message': 'Noise §3',
  'dsoftbus.plaintext': 'Noise §5',
  'dsoftbus.out-of-turn': 'Noise §5.3',
  'dsoftbus.undecryptable': 'Noise §5.1',
  'dsoftbus.malformed-frame': 'host dialect, frames',
};

/** A Cap'n Proto message of one segment as long as it says, or a proof of identity: no ciphertext looks like either by chance. */
function looksPlain(bytes: Uint8Array): boolean {
  if (bytes.length >= 16 && bytes.length % 8 === 0 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0) {
    const words =
      (bytes[4] as number) | ((bytes[5] as number) << 8) | ((bytes[6] as number) << 16) | ((bytes[7] as number) << 24);
    if (8 + 8 * words === bytes.length) return true;
  }
  for (let at = 0; at + MARK.length <= bytes.length; at++) {
    let i = 0;
    while (i < MARK.length && bytes[at + i] === MARK[i]) i++;
    if (i === MARK.length) return true;
  }
  return false;
}

function keyOf({ client, server }: ObservedStream): string {
  return `${client.address}:${client.port}>${server.address}:${server.port}`;
}

const MARK: Uint8Array = new TextEncoder().encode('"verifying_key"');
const EMPTY = new Uint8Array(0);
