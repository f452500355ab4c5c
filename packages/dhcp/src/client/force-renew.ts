import { bytesEqual } from '@nexus-net/sansio';
import { type DhcpMessage, HEADER_LENGTH, OFFSET, OPTION_END, OPTION_PAD } from '../message-fields.js';
import { readOption } from '../option.js';
import type { DhcpOptionList } from '../option-list.js';
import { OPTIONS } from '../options/table.js';
import type { HmacMd5 } from './config.js';

export type ForceRenewReject = 'force-renew-unauthenticated' | 'force-renew-bad-digest' | 'force-renew-replayed';

// Option 90 in this protocol (RFC 6704 §3.1.2, §3.1.4), octets:
// 0 protocol 3   1 algorithm 1 (HMAC-MD5)   2 replay detection method 0 (counter)   3..10 counter   11 type   12..27 value
const LENGTH = 28;
const TYPE_NONCE = 1;
const TYPE_DIGEST = 2;

/** The nonce that a server gave with its ACK, and the check of a FORCERENEW against it (RFC 6704). */
export class ForceRenewKey {
  readonly #hmacMd5: HmacMd5;
  #key: { readonly nonce: Uint8Array; readonly counter: Uint8Array } | undefined;

  constructor(hmacMd5: HmacMd5) {
    this.#hmacMd5 = hmacMd5;
  }

  /** Reads the ACK of a new lease or of a renewal. A renewal without a nonce keeps the one there is. */
  learn(options: DhcpOptionList, { renewal }: { readonly renewal: boolean }): void {
    const read = authentication(options, TYPE_NONCE);
    if (read !== undefined) this.#key = { nonce: read.value, counter: read.counter };
    else if (!renewal) this.#key = undefined;
  }

  /** May this FORCERENEW be obeyed? `payload`: the datagram as it came. */
  verify(message: DhcpMessage, payload: Uint8Array): ForceRenewReject | undefined {
    const read = authentication(message.options, TYPE_DIGEST);
    const at = authenticationOffset(payload);
    if (this.#key === undefined || read === undefined || at === undefined) return 'force-renew-unauthenticated';
    const zeroed = new Uint8Array(payload);
    // RFC 3118 §5.2: relays change hops and giaddr, so both count as zero, as does the digest itself.
    zeroed[OFFSET.hops] = 0;
    zeroed.fill(0, OFFSET.giaddr, OFFSET.giaddr + 4);
    zeroed.fill(0, at + 12, at + LENGTH);
    const digest = this.#hmacMd5({ key: this.#key.nonce, message: zeroed });
    if (!bytesEqual(digest, read.value)) return 'force-renew-bad-digest';
    if (!rises(this.#key.counter, read.counter)) return 'force-renew-replayed';
    this.#key = { nonce: this.#key.nonce, counter: read.counter };
    return undefined;
  }
}

/** Option 90 of the nonce's protocol: its counter and its value; `undefined` for every other. */
function authentication(
  options: DhcpOptionList,
  type: number,
): { readonly counter: Uint8Array; readonly value: Uint8Array } | undefined {
  const read = readOption(options, 'authentication');
  if (read?.protocol !== 3 || read.algorithm !== 1 || read.replayMethod !== 0) return undefined;
  if (read.information.length !== LENGTH - 11 || read.information[0] !== type) return undefined;
  return { counter: read.replay.slice(), value: read.information.slice(1) };
}

/** Where the value of option 90 lies in the datagram. Only in the options area, and not split: nobody signs it otherwise. */
function authenticationOffset(payload: Uint8Array): number | undefined {
  for (let at = HEADER_LENGTH; at + 1 < payload.length; ) {
    const code = payload[at]!;
    if (code === OPTION_END) return undefined;
    if (code === OPTIONS.authentication.code) return payload[at + 1] === LENGTH ? at + 2 : undefined;
    at += code === OPTION_PAD ? 1 : 2 + payload[at + 1]!;
  }
  return undefined;
}

/** Is `after` above `before`, both unsigned 64 bit big-endian (RFC 3118 §4)? */
function rises(before: Uint8Array, after: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (before[i] !== after[i]) return after[i]! > before[i]!;
  return false;
}
