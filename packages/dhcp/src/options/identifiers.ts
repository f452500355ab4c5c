import { concatBytes, err, ok, readU16, readU32, requireArgument, writeU16 } from '@nexus-net/sansio';
import { lengthError, requireWhole, u32Octets } from './numbers.js';
import type { Shape } from './shape.js';

/**
 * Option 61. A server compares its octets and nothing else (RFC 2131 §4.2); this view is for people and for policies.
 * `typed` is RFC 2132 §9.14: a hardware type (0: none) and what goes with it. `duid` is RFC 4361 §6.1.
 */
export type ClientIdentifier =
  | { readonly form: 'typed'; readonly type: number; readonly id: Uint8Array }
  | { readonly form: 'duid'; readonly iaid: number; readonly duid: Uint8Array };

/** The kind of a DUID: 1 link-layer plus time, 2 enterprise, 3 link-layer (RFC 8415 §11), 4 UUID (RFC 6355). */
export function duidType(duid: Uint8Array): number {
  return readU16(duid, 0);
}

export const clientIdentifier: Shape<ClientIdentifier> = {
  layout: '1 octet type, at least 1 octet identifier; type 255: 4 octets IAID, DUID of at least 3',
  decode(octets) {
    if (octets.length < 2) return lengthError(octets);
    const type = octets[0]!;
    return ok(
      type === DUID_TYPE && octets.length >= 8
        ? { form: 'duid', iaid: readU32(octets, 1), duid: octets.subarray(5) }
        : { form: 'typed', type, id: octets.subarray(1) },
    );
  },
  encode(value) {
    if (value.form === 'duid') {
      requireArgument(value.duid.length >= 3, 'a DUID has a type and at least one octet');
      requireWhole(value.iaid, 0, 0xffffffff);
      return concatBytes([Uint8Array.of(DUID_TYPE), u32Octets(value.iaid), value.duid]);
    }
    requireWhole(value.type, 0, 0xff);
    requireArgument(value.id.length > 0, 'an identifier has at least one octet');
    return concatBytes([Uint8Array.of(value.type), value.id]);
  },
};

/** RFC 4578 §2.2: type 1 is UNDI, with its version. */
export interface NetworkInterfaceId {
  readonly type: number;
  readonly major: number;
  readonly minor: number;
}

export const networkInterfaceId: Shape<NetworkInterfaceId> = {
  layout: '3 octets: type, major, minor version',
  decode(octets) {
    if (octets.length !== 3) return lengthError(octets);
    return ok({ type: octets[0]!, major: octets[1]!, minor: octets[2]! });
  },
  encode({ type, major, minor }) {
    for (const octet of [type, major, minor]) requireWhole(octet, 0, 0xff);
    return Uint8Array.of(type, major, minor);
  },
};

/** RFC 4578 §2.3: type 0 is a UUID of 16 octets. */
export interface MachineId {
  readonly type: number;
  readonly id: Uint8Array;
}

export const machineId: Shape<MachineId> = {
  layout: '1 octet type, identifier; type 0: a UUID of 16 octets',
  decode(octets) {
    if (octets.length < 2) return lengthError(octets);
    if (octets[0] === 0 && octets.length !== 17) return err('bad-length');
    return ok({ type: octets[0]!, id: octets.subarray(1) });
  },
  encode({ type, id }) {
    requireWhole(type, 0, 0xff);
    requireArgument(type === 0 ? id.length === 16 : id.length > 0, 'a UUID has 16 octets, another identifier at least one');
    return concatBytes([Uint8Array.of(type), id]);
  },
};

/** RFC 6607 §3: which virtual private network the addresses are of. */
export interface SubnetSelector {
  /** 0: `info` is an NVT name; 1: an RFC 2685 VPN id of 7 octets; 255: the global network, no `info`. */
  readonly type: number;
  readonly info: Uint8Array;
}

export const subnetSelector: Shape<SubnetSelector> = {
  layout: '1 octet type; type 0: a name, 1: 7 octets, 255: nothing',
  decode(octets) {
    if (octets.length === 0) return err('empty');
    const type = octets[0]!;
    const info = octets.subarray(1);
    return selectorFits(type, info.length) ? ok({ type, info }) : err('bad-length');
  },
  encode({ type, info }) {
    requireWhole(type, 0, 0xff);
    requireArgument(selectorFits(type, info.length), 'a VPN id has 7 octets, the global network none');
    return concatBytes([Uint8Array.of(type), info]);
  },
};

/** RFC 7618 §9: the ports that a client shares an address with. */
export interface PortParameters {
  readonly offset: number;
  readonly psidLength: number;
  readonly psid: number;
}

export const portParameters: Shape<PortParameters> = {
  layout: '1 octet offset 0..15, 1 octet PSID length 0..16, 2 octets PSID',
  decode(octets) {
    if (octets.length !== 4) return lengthError(octets);
    const value = { offset: octets[0]!, psidLength: octets[1]!, psid: readU16(octets, 2) };
    return value.offset > 15 || value.psidLength > 16 ? err('bad-value') : ok(value);
  },
  encode({ offset, psidLength, psid }) {
    requireWhole(offset, 0, 15);
    requireWhole(psidLength, 0, 16);
    requireWhole(psid, 0, 0xffff);
    const octets = Uint8Array.of(offset, psidLength, 0, 0);
    writeU16(octets, 2, psid);
    return octets;
  },
};

function selectorFits(type: number, length: number): boolean {
  if (type === 0) return length > 0;
  if (type === 1) return length === 7;
  return type !== 255 || length === 0;
}

const DUID_TYPE = 255;
