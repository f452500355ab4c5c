import { createHmac } from 'node:crypto';
import { DHCP_MESSAGE_TYPE, dhcpMessage, encodeDhcpMessage, type HmacMd5 } from '../../src/index.js';
import { MAC, SERVER, u32 } from './client-lab.js';

// RFC 6704, as a server does it: the nonce goes out with the ACK, FORCERENEW comes signed with it.

const KEY: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const hmacMd5: HmacMd5 = ({ key, message }) => new Uint8Array(createHmac('md5', key).update(message).digest());

export const authenticate: { readonly hmacMd5: HmacMd5 } = { hmacMd5 };
/** Option 90 of the ACK: protocol 3, HMAC-MD5, counter 0, type 1, nonce. */
export const NONCE: Uint8Array = Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, ...KEY);

export interface ForceRenewChange {
  readonly key?: Uint8Array;
  readonly type?: number;
  readonly protocol?: number;
  readonly server?: number;
  /** `hops` and `giaddr` are set after signing: a relay changes them. */
  readonly relayed?: boolean;
}

/** A FORCERENEW with the replay counter `counter`. */
export function forceRenew(counter: number, change: ForceRenewChange = {}): Uint8Array {
  const authentication = Uint8Array.of(
    change.protocol ?? 3,
    1,
    0,
    0,
    0,
    0,
    0,
    ...u32(counter),
    change.type ?? 2,
    ...new Array(16).fill(0),
  );
  const payload = encodeDhcpMessage(
    dhcpMessage({
      op: 2,
      xid: 0x77777777,
      chaddr: MAC,
      options: [
        { code: 53, value: Uint8Array.of(DHCP_MESSAGE_TYPE.forceRenew) },
        { code: 54, value: u32(change.server ?? SERVER) },
        { code: 90, value: authentication },
      ],
    }),
  );
  const digest = hmacMd5({ key: change.key ?? KEY, message: payload });
  payload.set(digest, 240 + 3 + 6 + 2 + 12); // cookie, 53, 54, then the header of 90 and its first 12 octets
  if (change.relayed === true) {
    payload[3] = 1;
    payload.set([10, 0, 9, 1], 24);
  }
  return payload;
}
