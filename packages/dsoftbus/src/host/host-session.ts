import { Counters, type Entropy, type Millis, NEVER, Queue, requireArgument, type StreamMachine } from '@nexus-net/sansio';
import { AEAD_TAG_LENGTH, type CryptoProvider, type X25519PublicKey } from '../crypto/index.js';
import { type CipherState, HandshakeState, NOISE_MESSAGE_LENGTH_MAX, type NoiseError, type Transport } from '../noise/index.js';
import type { CapnpError } from './capnp.js';
import { checkProof, type HostIdentity, type HostPeer, type HostRole, makeProof, type ProofError } from './identity.js';
import { frameMessage, HOST_LENGTH_OCTETS, MessageSplitter } from './length-framing.js';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeHostFrame,
  encodeConnectRequest,
  encodeConnectResponse,
  encodeHostFrame,
  type HostFrame,
} from './messages.js';

/** The one suite and pattern of this dialect, with an empty prologue. */
export const HOST_PROTOCOL = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';

/**
 * Why a session ended. Those of Noise, of a proof and of Cap'n Proto keep their names; beside them:
 *
 * - `oversize-prefix`: a length above what may come now, refused before a byte of it is kept.
 * - `announced-id-mismatch`: the server is not the device that was dialled.
 * - `peer-refused`: the server's `accept` said no to a client that has proven who it is.
 * - `payload-identity-spoof`: the client names another device than the one that it has proven to be (upstream:
 *   `core.reject.payload_identity_spoof_vs_sender_service_id`).
 * - `connection-rejected`: the server said no.
 * - `handshake-timeout`, `idle-timeout`: the deadlines of the options.
 * - `truncated`: the byte stream ended. This dialect has no goodbye, so no end can be told from one that an attacker made.
 * - `event-backlog`: the application left `eventCountMax` events unread.
 * - `local-close`: `close` was called.
 */
export type HostCloseReason =
  | NoiseError
  | ProofError
  | CapnpError
  | 'oversize-prefix'
  | 'announced-id-mismatch'
  | 'peer-refused'
  | 'payload-identity-spoof'
  | 'connection-rejected'
  | 'handshake-timeout'
  | 'idle-timeout'
  | 'truncated'
  | 'event-backlog'
  | 'local-close';

export type HostSessionEvent =
  | { readonly type: 'connected'; readonly at: Millis; readonly peer: HostPeer }
  | { readonly type: 'frame'; readonly at: Millis; readonly frame: HostFrame }
  /** The last event. The byte stream is to be closed. */
  | { readonly type: 'closed'; readonly at: Millis; readonly reason: HostCloseReason };

export interface HostSessionOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly identity: HostIdentity;
  /** What this side is, and whom it speaks to. */
  readonly as:
    | { readonly role: 'client' /** As announced. */; readonly deviceId: string; readonly noiseStatic: X25519PublicKey }
    /** Upstream takes any client that proves who it is; here somebody has to say so. */
    | { readonly role: 'server'; readonly accept: (peer: HostPeer) => boolean };
  /** From `start` until both sides are connected. Default 5 000 ms, as upstream. */
  readonly handshakeTimeoutMs?: number;
  /** Without a message from the peer. Default never; upstream closes after 5 000 ms. */
  readonly idleTimeoutMs?: number;
  /** Octets of a handshake or connect message at most. Default 4 096: a proof has about 500. */
  readonly handshakeLengthMax?: number;
  /** Octets that wait for `pollTransmit` at most; beyond it `send` says `would-block`. Default 1 MiB. */
  readonly sendOctetsMax?: number;
  /** Events that wait for `pollEvent` at most. Default 65 536. */
  readonly eventCountMax?: number;
}

type State =
  | { readonly type: 'idle' }
  | { readonly type: 'handshake'; readonly noise: HandshakeState; readonly deadline: Millis }
  | { readonly type: 'connecting'; readonly transport: Transport; readonly peer: HostPeer; readonly deadline: Millis }
  | { readonly type: 'connected'; readonly transport: Transport; readonly peer: HostPeer; idleAt: Millis }
  | { readonly type: 'closed'; readonly reason: HostCloseReason };

/**
 * One session of the host dialect over a byte stream: standard Noise XK with a proof of identity in the second and third message,
 * a connect request and its answer, then frames. Either side; the byte stream and the clock are the caller's.
 */
export class HostSession implements StreamMachine<HostSessionEvent> {
  readonly #options: Required<HostSessionOptions>;
  readonly #splitter: MessageSplitter;
  readonly #transmits: Queue<Uint8Array> = new Queue<Uint8Array>(Number.MAX_SAFE_INTEGER); // bounded by sendOctetsMax
  #transmitOctets = 0;
  readonly #events: Queue<HostSessionEvent>;
  readonly #rejects: Counters<HostCloseReason> = new Counters<HostCloseReason>();
  #frames = { sent: 0, received: 0 };
  #now: Millis = Number.NEGATIVE_INFINITY;
  #state: State = { type: 'idle' };

  constructor(options: HostSessionOptions) {
    const {
      handshakeTimeoutMs = 5_000,
      idleTimeoutMs = NEVER,
      handshakeLengthMax = 4_096,
      sendOctetsMax = 2 ** 20,
      eventCountMax = 65_536,
    } = options;
    requireArgument(handshakeTimeoutMs > 0 && idleTimeoutMs > 0, 'time-outs are positive');
    requireArgument(
      Number.isInteger(handshakeLengthMax) && handshakeLengthMax >= 1_024 && handshakeLengthMax <= NOISE_MESSAGE_LENGTH_MAX,
      'handshakeLengthMax is 1024..65535 octets: a proof needs half of that',
    );
    requireArgument(Number.isInteger(sendOctetsMax) && sendOctetsMax >= 65_539, 'sendOctetsMax holds at least one message');
    requireArgument(Number.isInteger(eventCountMax) && eventCountMax > 0, 'eventCountMax is positive');
    this.#options = { ...options, handshakeTimeoutMs, idleTimeoutMs, handshakeLengthMax, sendOctetsMax, eventCountMax };
    this.#splitter = new MessageSplitter(handshakeLengthMax);
    this.#events = new Queue<HostSessionEvent>(eventCountMax + 1); // one place is for the last event
  }

  get role(): HostRole {
    return this.#options.as.role;
  }

  /** The byte stream is there: the client sends its first message, and the deadline of both begins. */
  start(now: Millis): void {
    requireArgument(this.#state.type === 'idle', 'a session starts once');
    const at = this.#advance(now);
    const { provider, entropy, identity, as } = this.#options;
    const common = { protocol: HOST_PROTOCOL, entropy, localStatic: identity.noiseStatic } as const;
    const noise = new HandshakeState(
      provider,
      as.role === 'client' ? { ...common, role: 'initiator', remoteStatic: as.noiseStatic } : { ...common, role: 'responder' },
    );
    this.#state = { type: 'handshake', noise, deadline: at + this.#options.handshakeTimeoutMs };
    if (as.role === 'client') this.#writeHandshake(noise); // no payload: anybody may replay this message
  }

  /** Queues a frame. `would-block` leaves nothing queued; so does a session that isn't connected (`not-connected`). */
  send(frame: HostFrame): 'sent' | 'would-block' | 'not-connected' {
    if (this.#state.type !== 'connected') return 'not-connected';
    if (this.#transmitOctets >= this.#options.sendOctetsMax) return 'would-block';
    if (!this.#seal(this.#state.transport.send, encodeHostFrame(frame))) return 'not-connected';
    this.#frames.sent++;
    return 'sent';
  }

  /** Ends the session. The peer sees the end of the byte stream, and nothing else: this dialect has no goodbye. */
  close(now: Millis): void {
    if (this.#state.type !== 'closed') this.#close(this.#advance(now), 'local-close');
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    const at = this.#advance(now);
    if (this.#state.type === 'idle' || this.#state.type === 'closed') return;
    const inBounds = this.#splitter.push(bytes, (message) => {
      this.#handleMessage(at, message);
      return (this.#state as State).type !== 'closed';
    });
    if (!inBounds) this.#close(at, 'oversize-prefix');
  }

  handleEnd(now: Millis): void {
    if (this.#state.type !== 'closed') this.#close(this.#advance(now), 'truncated');
  }

  handleTimeout(now: Millis): void {
    const at = this.#advance(now);
    if (this.nextTimeout() > at) return;
    this.#close(at, this.#state.type === 'connected' ? 'idle-timeout' : 'handshake-timeout');
  }

  nextTimeout(): Millis {
    switch (this.#state.type) {
      case 'handshake':
      case 'connecting':
        return this.#state.deadline;
      case 'connected':
        return this.#state.idleAt;
      default:
        return NEVER;
    }
  }

  pollTransmit(): Uint8Array | undefined {
    const bytes = this.#transmits.shift();
    if (bytes !== undefined) this.#transmitOctets -= bytes.length;
    return bytes;
  }

  pollEvent(): HostSessionEvent | undefined {
    return this.#events.shift();
  }

  /** No key and no payload. */
  inspect(): {
    readonly state: State['type'];
    readonly reason: HostCloseReason | undefined;
    readonly peer: string | undefined;
    readonly framesSent: number;
    readonly framesReceived: number;
    readonly pendingOctets: number;
    readonly rejects: Partial<Record<HostCloseReason, number>>;
  } {
    return {
      state: this.#state.type,
      reason: this.#state.type === 'closed' ? this.#state.reason : undefined,
      peer: this.#state.type === 'connected' ? this.#state.peer.deviceId : undefined,
      framesSent: this.#frames.sent,
      framesReceived: this.#frames.received,
      pendingOctets: this.#splitter.pending,
      rejects: this.#rejects.snapshot(),
    };
  }

  /** Handed an earlier instant than before, the machine keeps the later one. */
  #advance(now: Millis): Millis {
    this.#now = Math.max(this.#now, now);
    return this.#now;
  }

  #handleMessage(at: Millis, message: Uint8Array): void {
    const state = this.#state;
    switch (state.type) {
      case 'handshake':
        this.#handleHandshake(at, state.noise, message, state.deadline);
        return;
      case 'connecting':
      case 'connected': {
        const opened = state.transport.receive.decryptWithAd(EMPTY, message);
        // The nonce has not moved, but over a byte stream what is wrong now was never meant to be right later.
        if (!opened.ok) this.#close(at, opened.error);
        else if (state.type === 'connecting') this.#handleConnect(at, state, opened.value);
        else this.#handleFrame(at, state, opened.value);
        return;
      }
      default:
    }
  }

  #handleHandshake(at: Millis, noise: HandshakeState, message: Uint8Array, deadline: Millis): void {
    const { provider, as } = this.#options;
    const read = noise.readMessage(message);
    if (!read.ok) {
      this.#close(at, read.error);
      return;
    }
    if (as.role === 'server' && noise.step === 'write') {
      // Whatever the payload of the first message says, it may be a replay, and nobody looks at it.
      this.#writeHandshake(noise, makeProof(provider, 'server', this.#options.identity));
      return;
    }
    const noiseStatic = noise.remoteStatic as Uint8Array;
    const peerRole: HostRole = as.role === 'client' ? 'server' : 'client';
    const peer = checkProof(provider, { role: peerRole, payload: read.value, noiseStatic });
    if (!peer.ok) {
      this.#close(at, peer.error);
      return;
    }
    if (as.role === 'client') {
      if (peer.value.deviceId !== as.deviceId) {
        this.#close(at, 'announced-id-mismatch');
        return;
      }
      if (!this.#writeHandshake(noise, makeProof(provider, 'client', this.#options.identity))) return;
    } else if (!as.accept(peer.value)) {
      this.#close(at, 'peer-refused');
      return;
    }
    const transport = noise.split();
    this.#state = { type: 'connecting', transport, peer: peer.value, deadline };
    if (as.role === 'client') this.#seal(transport.send, encodeConnectRequest(this.#options.identity.deviceId));
  }

  #handleConnect(at: Millis, { transport, peer }: State & { type: 'connecting' }, plaintext: Uint8Array): void {
    if (this.role === 'server') {
      const deviceId = decodeConnectRequest(plaintext);
      if (!deviceId.ok) {
        this.#close(at, deviceId.error);
        return;
      }
      const isTrue = deviceId.value === peer.deviceId;
      this.#seal(transport.send, encodeConnectResponse(isTrue));
      if (!isTrue) {
        this.#close(at, 'payload-identity-spoof');
        return;
      }
    } else {
      const accepted = decodeConnectResponse(plaintext);
      if (!accepted.ok || !accepted.value) {
        this.#close(at, accepted.ok ? 'connection-rejected' : accepted.error);
        return;
      }
    }
    this.#splitter.setLengthMax(NOISE_MESSAGE_LENGTH_MAX);
    this.#state = { type: 'connected', transport, peer, idleAt: at + this.#options.idleTimeoutMs };
    this.#emit(at, { type: 'connected', at, peer });
  }

  #handleFrame(at: Millis, state: State & { type: 'connected' }, plaintext: Uint8Array): void {
    const frame = decodeHostFrame(plaintext);
    if (!frame.ok) {
      this.#close(at, frame.error);
      return;
    }
    state.idleAt = at + this.#options.idleTimeoutMs;
    this.#frames.received++;
    this.#emit(at, { type: 'frame', at, frame: frame.value });
  }

  /** False where the handshake ended instead. */
  #writeHandshake(noise: HandshakeState, payload?: Uint8Array): boolean {
    const written = noise.writeMessage(payload);
    if (written.ok) this.#push(frameMessage(written.value));
    else this.#close(this.#now, written.error);
    return written.ok;
  }

  #seal(cipher: CipherState, plaintext: Uint8Array): boolean {
    const length = plaintext.length + AEAD_TAG_LENGTH;
    const prefix = [length >>> 24, length >>> 16, length >>> 8, length];
    if (plaintext.length >= PARTS_FROM) {
      const parts = cipher.encryptToParts(EMPTY, plaintext);
      if (parts.ok) for (const part of [Uint8Array.from(prefix), ...parts.value]) this.#push(part);
      else this.#close(this.#now, parts.error);
      return parts.ok;
    }
    const sealed = cipher.encryptWithAd(EMPTY, plaintext, HOST_LENGTH_OCTETS);
    if (sealed.ok) {
      sealed.value.set(prefix);
      this.#push(sealed.value);
    } else this.#close(this.#now, sealed.error);
    return sealed.ok;
  }

  #push(bytes: Uint8Array): void {
    this.#transmits.push(bytes);
    this.#transmitOctets += bytes.length;
  }

  #emit(at: Millis, event: HostSessionEvent): void {
    if (this.#events.length >= this.#options.eventCountMax) this.#close(at, 'event-backlog');
    else this.#events.push(event);
  }

  #close(at: Millis, reason: HostCloseReason): void {
    if (this.#state.type === 'closed') return;
    if (reason !== 'local-close') this.#rejects.increment(reason);
    this.#state = { type: 'closed', reason }; // the keys go with the state that had them
    this.#events.push({ type: 'closed', at, reason });
  }
}

const EMPTY = new Uint8Array(0);
/** Octets from which on a message goes out in pieces instead of being put together once more. */
const PARTS_FROM = 4_096;
