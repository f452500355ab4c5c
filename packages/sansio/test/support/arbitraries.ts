import fc from 'fast-check';
import { type Ipv4Address, ipv4FromU32, type MacAddress } from '../../src/index.js';

/** All addresses; the ends of the range and small numbers more often. */
export const ipv4Address: fc.Arbitrary<Ipv4Address> = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromU32);

export const macAddress: fc.Arbitrary<MacAddress> = fc.integer({ min: 0, max: 2 ** 48 - 1 }).map((value) => value as MacAddress);

export const octets: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 40 });
