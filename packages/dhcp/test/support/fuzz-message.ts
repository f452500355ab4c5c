import { type Ipv4Address, ipv4FromU32, type MacAddress, type Millis, writeU32 } from '@nexus-net/sansio';
import type { FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { type DhcpMessageInit, dhcpMessage, encodeDhcpMessage } from '../../src/message.js';
import type { DhcpOption } from '../../src/option-list.js';

export { drain } from '../../../sansio/test/support/fuzz.js';

/** Addresses that a script speaks of: of the pool, of the servers, of another network, and those that nobody may have. */
export const ADDRESSES: readonly Ipv4Address[] = [
  0x0a00020f, 0x0a000210, 0x0a000211, 0x0a000212, 0x0a000202, 0x0a000209, 0x0a0002fe, 0x0a0002ff, 0x0a090001, 0x0a090010,
  0xc0a80001, 0, 0xffffffff, 0xe0000001, 0x7f000001, 0x0a000200,
].map(ipv4FromU32);
const SECONDS: readonly number[] = [0, 1, 2, 10, 60, 120, 600, 3600, 86_400, 0x7fffffff, 0x80000000, 0xffffffff];
const JUMPS: readonly Millis[] = [0, 1, 999, 1000, 4000, 10_000, 61_000, 600_000, 3_600_000, 86_400_000, 5e12, -1, -70_000];

export function drawAddress(script: FuzzScript): Ipv4Address {
  return script.pick(ADDRESSES);
}

export function drawMac(script: FuzzScript): MacAddress {
  return (0x02_00_00_00_00_00 + (script.u8() % 5)) as MacAddress;
}

/** How far the clock goes on, or back. */
export function drawJump(script: FuzzScript): Millis {
  return script.pick(JUMPS);
}

/** Options of the script's choice: a code and a value of the size that the code wants, or any octets. */
export function drawOptions(script: FuzzScript): DhcpOption[] {
  const options: DhcpOption[] = [];
  for (let count = script.u8() % 8; count > 0; count--) {
    const code = 1 + (script.u8() % 254);
    if (code === 52) continue; // the encoder writes it
    if ([50, 54, 118, 1, 3, 6, 28].includes(code)) options.push({ code, value: octetsOf(drawAddress(script)) });
    else if ([51, 58, 59, 108].includes(code)) options.push({ code, value: octetsOf(script.pick(SECONDS)) });
    else options.push({ code, value: script.take(script.u8() % 40) });
  }
  return options;
}

/** A message as octets. Every eighth is damaged: some octets are other ones, and its end is missing. */
export function drawDamage(script: FuzzScript, message: DhcpMessageInit): Uint8Array {
  const payload = encodeDhcpMessage(dhcpMessage(message));
  if (script.u8() % 8 !== 7) return payload;
  for (let count = script.u8() % 4; count > 0; count--) payload[script.u16() % payload.length] = script.u8();
  return payload.subarray(0, payload.length - (script.u8() % 64));
}

export function octetsOf(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  writeU32(octets, 0, value);
  return octets;
}
