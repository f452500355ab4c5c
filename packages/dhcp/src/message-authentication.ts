import { concatBytes, err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import type { DhcpDecodeError } from './message-decode.js';
import { OFFSET } from './message-fields.js';
import { type DhcpWireForm, type DhcpWireItem, decodeDhcpWire, encodeDhcpWire } from './message-wire.js';
import { type Authentication, authentication } from './options/authentication.js';

/** Why there is nothing to check in a datagram. */
export type AuthenticationError =
  | DhcpDecodeError
  /** No option 90 in the options field, or one that is malformed or in parts. */
  | 'not-authenticated'
  /** Option 90 of a protocol and algorithm that carries no HMAC-MD5. */
  | 'unknown-protocol';

/** What a message authentication code is made of, and checked against. */
export interface AuthenticationInput {
  /** The octets to authenticate: hops, giaddr and the code itself are zero, option 82 is left out (RFC 3118 §3, §5.2). */
  readonly message: Uint8Array;
  /** The code in the datagram, 16 octets. */
  readonly code: Uint8Array;
  /** Which key: the secret id of delayed authentication (RFC 3118 §5.2); `undefined` for a reconfigure key (RFC 6704 §3.1.2). */
  readonly secretId: Uint8Array | undefined;
  readonly option: Authentication;
}

/** Reads an authenticated datagram: delayed authentication (protocol 1) or reconfigure key (protocol 3), with HMAC-MD5. Total. */
export function authenticationInput(datagram: Uint8Array): Result<AuthenticationInput, AuthenticationError> {
  const decoded = decodeDhcpWire(datagram);
  if (!decoded.ok) return decoded;
  const { form } = decoded.value;
  const fragments = form.options.filter((item) => item.type === 'option' && item.code === AUTHENTICATION);
  const [fragment] = fragments;
  const option = fragment?.type === 'option' ? authentication.decode(fragment.value) : undefined;
  if (fragments.length !== 1 || option?.ok !== true) return err('not-authenticated');
  const codeAt = codeOffset(option.value);
  if (codeAt === undefined) return err('unknown-protocol');
  const { information } = option.value;
  return ok({
    message: withCode(form, new Uint8Array(CODE_LENGTH), { covered: true }),
    code: information.subarray(codeAt),
    secretId: codeAt === 4 ? information.subarray(0, 4) : undefined,
    option: option.value,
  });
}

/**
 * Puts a code into a datagram whose option 90 has 16 octets of room for one: `mac` makes it of the octets that
 * {@link authenticationInput} gives. Throws `UsageError` where there is no such option.
 */
export function signDhcpMessage(datagram: Uint8Array, mac: (message: Uint8Array) => Uint8Array): Uint8Array {
  const input = authenticationInput(datagram);
  const decoded = decodeDhcpWire(datagram);
  requireArgument(input.ok && decoded.ok, 'the message has an option 90 with room for a code');
  return withCode(decoded.value.form, mac(input.value.message), { covered: false });
}

function withCode(form: DhcpWireForm, code: Uint8Array, { covered }: { readonly covered: boolean }): Uint8Array {
  requireArgument(code.length === CODE_LENGTH, 'HMAC-MD5 has 16 octets');
  const options = form.options.flatMap((item): readonly DhcpWireItem[] => {
    if (item.type !== 'option') return [item];
    if (item.code === RELAY_AGENT && covered) return [];
    return [item.code === AUTHENTICATION ? { ...item, value: concatBytes([item.value.subarray(0, -CODE_LENGTH), code]) } : item];
  });
  const bytes = encodeDhcpWire({ ...form, options });
  if (covered) {
    bytes[OFFSET.hops] = 0;
    bytes.fill(0, OFFSET.giaddr, OFFSET.giaddr + 4);
  }
  return bytes;
}

/** Where the code lies in the authentication information. */
function codeOffset({ protocol, algorithm, information }: Authentication): number | undefined {
  if (algorithm !== HMAC_MD5) return undefined;
  if (protocol === 1) return information.length === 4 + CODE_LENGTH ? 4 : undefined;
  return protocol === 3 && information.length === 1 + CODE_LENGTH && information[0] === DIGEST ? 1 : undefined;
}

const AUTHENTICATION = 90;
const RELAY_AGENT = 82;
const HMAC_MD5 = 1;
/** RFC 6704 §3.1.2: the value is a digest, not the key. */
const DIGEST = 2;
const CODE_LENGTH = 16;
