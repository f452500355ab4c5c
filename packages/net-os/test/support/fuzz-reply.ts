import { DHCP_MESSAGE_TYPE, type DhcpMessage, messageType } from '@nexus-net/dhcp';
import { drawAddress, drawDamage, drawOptions, octetsOf } from '../../../dhcp/test/support/fuzz-message.js';
import type { FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { OUR_MAC } from './fuzz-frames.js';

/** An answer of a DHCP server to the last message, good in most respects: 600 s, 10.0.2.2 as its identifier. */
export function drawReply(
  script: FuzzScript,
  { last, server }: { readonly last: DhcpMessage | undefined; readonly server: Uint8Array },
): Uint8Array {
  const bits = script.u8();
  const isDiscover = last !== undefined && messageType(last) === DHCP_MESSAGE_TYPE.discover;
  const fitting = isDiscover ? DHCP_MESSAGE_TYPE.offer : DHCP_MESSAGE_TYPE.ack;
  const own = [
    { code: 53, value: Uint8Array.of((bits & 3) === 3 ? script.u8() : fitting) },
    { code: 54, value: (bits & 16) === 0 ? server : octetsOf(drawAddress(script)) },
    { code: 51, value: octetsOf((bits & 32) === 0 ? 600 : script.u32()) },
    ...((bits & 64) === 0 ? [{ code: 1, value: octetsOf(0xffffff00) }] : []),
  ];
  const yiaddr = drawAddress(script);
  const options = drawOptions(script).filter(({ code }) => own.every((other) => other.code !== code));
  const xid = (bits & 128) === 0 ? (last?.xid ?? 0) : script.u32();
  return drawDamage(script, { op: 2, xid, chaddr: OUR_MAC, yiaddr, options: [...options, ...own] });
}
