import type { Result } from '@nexus-net/sansio';

/** Why the octets of an option are not a value of its shape. The option counts as absent; its octets stay in the message. */
export type OptionError =
  /** No octets at all, or nothing but NUL: some servers send such a 12, 15 or 6 for "none". */
  | 'empty'
  /** Too short, too long, or not a multiple of its elements. */
  | 'bad-length'
  /** The right size, but a value that its RFC doesn't allow. */
  | 'bad-value'
  /** A domain name that breaks RFC 1035 §3.1 or §4.1.4: label above 63 octets, name above 255, pointer not to a prior name. */
  | 'bad-name';

/** How the octets of one option and a typed value turn into each other. Law: `decode(encode(v))` is `v`. */
export interface Shape<V> {
  /** What the octets are, for the generated documentation. */
  readonly layout: string;
  /** Total: returns for any octets. */
  decode(octets: Uint8Array): Result<V, OptionError>;
  /** Throws `UsageError` for a value that the shape cannot hold. */
  encode(value: V): Uint8Array;
}
