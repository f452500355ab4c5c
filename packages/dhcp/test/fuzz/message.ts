import { bytesEqual } from '@nexus-net/sansio';
import { demand, type FuzzLimits, isSame } from '../../../sansio/test/support/fuzz.js';
import { withinBounds } from '../../../wire/test/support/fuzz-codec.js';
import {
  type DecodedDhcpMessage,
  decodeDhcpMessage,
  decodeDhcpWire,
  encodeDhcpMessage,
  encodeDhcpWire,
  fitDhcpMessage,
  malformedOptions,
} from '../../src/index.js';

export const limits: FuzzLimits = { octetsMax: 1500, costBase: 20_000, costPerOctet: 300 };

/**
 * A message that decodes is the same after encode and decode; its wire form gives the octets back, one by one; what is fitted
 * into fewer octets has them, and holds every option that was not dropped.
 */
export function target(bytes: Uint8Array): void {
  const decoded = decodeDhcpMessage(bytes);
  const wire = decodeDhcpWire(bytes);
  demand(decoded.ok === wire.ok, 'both decoders agree about what is a message');
  if (!decoded.ok || !wire.ok) return;
  demand(bytesEqual(encodeDhcpWire(wire.value.form), bytes), 'the wire form gives the octets back');
  demand(isSame(contentOf(wire.value.message), contentOf(decoded.value)), 'both decoders read the same');
  malformedOptions(decoded.value);

  const written = encodeDhcpMessage(decoded.value);
  const again = decodeDhcpMessage(written, { strict: ['missing-end', 'truncated-option', 'data-after-end', 'nested-overload'] });
  demand(again.ok, 'what was encoded decodes');
  demand(isSame(contentOf(again.value), contentOf(decoded.value)), 'a message is the same after encode and decode');
  demand(bytesEqual(encodeDhcpMessage(again.value), written), 'one message has one encoding');

  const lengthMax = 300 + ((bytes[4] ?? 0) << 1);
  const fitted = fitDhcpMessage(decoded.value, { lengthMax });
  demand(fitted.bytes.length <= lengthMax, 'what is fitted fits');
  const read = decodeDhcpMessage(fitted.bytes);
  demand(read.ok, 'what was fitted decodes');
  const dropped = new Set(fitted.dropped.map(({ code }) => code));
  const kept = decoded.value.options.filter(({ code }) => !dropped.has(code));
  const byCode = (a: { readonly code: number }, b: { readonly code: number }): number => a.code - b.code;
  demand(isSame([...kept].sort(byCode), [...read.value.options].sort(byCode)), 'each option is kept whole or dropped');
}

export function strict(bytes: Uint8Array): void {
  withinBounds((octets) => {
    const decoded = decodeDhcpMessage(octets);
    return decoded.ok ? contentOf(decoded.value) : decoded.error;
  }, bytes);
}

function contentOf({ options, anomalies: _, ...fields }: DecodedDhcpMessage): unknown {
  return { ...fields, options: options.map((option) => option) };
}
