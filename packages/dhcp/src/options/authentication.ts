import { concatBytes, ok, requireArgument } from '@nexus-net/sansio';
import { lengthError, requireWhole } from './numbers.js';
import type { Shape } from './shape.js';

/** Option 90 (RFC 3118 §2). */
export interface Authentication {
  /** 0 configuration token, 1 delayed authentication, 3 reconfigure key (RFC 6704 §3.1.2). */
  readonly protocol: number;
  /** For protocols 1 and 3: 1 is HMAC-MD5. */
  readonly algorithm: number;
  /** 0: `replay` is a counter that only grows. */
  readonly replayMethod: number;
  /** 8 octets. */
  readonly replay: Uint8Array;
  /** Meaning by protocol; empty in a DISCOVER of protocol 1. */
  readonly information: Uint8Array;
}

export const authentication: Shape<Authentication> = {
  layout: '3 octets protocol, algorithm, replay detection method; 8 octets replay value; the rest by protocol',
  decode(octets) {
    if (octets.length < HEAD) return lengthError(octets);
    return ok({
      protocol: octets[0]!,
      algorithm: octets[1]!,
      replayMethod: octets[2]!,
      replay: octets.subarray(3, HEAD),
      information: octets.subarray(HEAD),
    });
  },
  encode({ protocol, algorithm, replayMethod, replay, information }) {
    for (const octet of [protocol, algorithm, replayMethod]) requireWhole(octet, 0, 0xff);
    requireArgument(replay.length === 8, 'the replay value has 8 octets');
    return concatBytes([Uint8Array.of(protocol, algorithm, replayMethod), replay, information]);
  },
};

const HEAD = 11;
