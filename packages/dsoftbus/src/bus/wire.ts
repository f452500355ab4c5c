/** Binds dialect and version: `nexus-dsoftbus` NUL `bus` NUL version. */
export const BUS_PROLOGUE: Uint8Array = Uint8Array.from([...'nexus-dsoftbus\0bus\0'].map((c) => c.charCodeAt(0)).concat(1));
export const BUS_NOISE_PROTOCOL = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';
export const BUS_VERSION = 1;

/** Magic "NB", version u8, message number u8, length u16. */
export const HANDSHAKE_HEADER_OCTETS = 6;
export const HANDSHAKE_MESSAGE_OCTETS_MAX = 512;

export function handshakeFrame(number: number, message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HANDSHAKE_HEADER_OCTETS + message.length);
  frame[0] = MAGIC_0;
  frame[1] = MAGIC_1;
  frame[2] = BUS_VERSION;
  frame[3] = number;
  frame[4] = message.length >>> 8;
  frame[5] = message.length;
  frame.set(message, HANDSHAKE_HEADER_OCTETS);
  return frame;
}

/** The length of the message behind a header, or what is wrong with it. `number` is the message that is due. */
export function handshakeLength(header: Uint8Array, number: number): number | HandshakeHeaderReject {
  if (header[0] !== MAGIC_0 || header[1] !== MAGIC_1) return 'bad-magic';
  if (header[2] !== BUS_VERSION) return 'unsupported-version';
  if (header[3] !== number) return 'bad-message-number';
  const length = ((header[4] as number) << 8) | (header[5] as number);
  const [least, most] = number === 1 ? [48, 48] : [48, HANDSHAKE_MESSAGE_OCTETS_MAX];
  return length < least || length > most ? 'bad-handshake-length' : length;
}

export type HandshakeHeaderReject = 'bad-magic' | 'unsupported-version' | 'bad-message-number' | 'bad-handshake-length';

export const RECORD_HEADER_OCTETS = 2;
/** A type and a tag. */
export const RECORD_OCTETS_MIN = 17;

export const RECORD = { accept: 1, pairing: 2, rekey: 3, rekeyed: 4, goodbye: 5, mux: 6 } as const;

/** Why a session is ended by its GOODBYE. */
export const GOODBYE = {
  done: 0,
  protocolError: 1,
  identityRefused: 2,
  pairingRefused: 3,
  overload: 4,
  keepalive: 5,
  exhausted: 6,
  replaced: 7,
  withdrawn: 8,
  goingAway: 9,
} as const;

export const GOODBYE_DETAIL_OCTETS_MAX = 64;

const MAGIC_0 = 0x4e;
const MAGIC_1 = 0x42;
