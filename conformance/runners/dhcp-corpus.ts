import { decodeDhcpMessage, describeDhcpMessage } from '@nexus-net/dhcp';
import { checkDhcpOctets } from '../../packages/dhcp/test/support/vectors.js';
import { type CaseReport, reportOf } from '../report.js';
import type { VectorFile } from '../vector-file.js';

/**
 * A message as other projects' fuzzers hold it, whatever it is: decoding is total, encoding gives it back, and so it is for
 * everything in it that begins where a message could, behind the headers that some files have in front.
 */
export function checkDhcpMessage({ bytes }: VectorFile): CaseReport {
  const problems = new Set<string>();
  for (const start of new Set([0, SLL_LENGTH, SLL_LENGTH + IPV4_LENGTH, SLL_LENGTH + IPV4_LENGTH + UDP_LENGTH])) {
    if (start > bytes.length) continue;
    const octets = bytes.subarray(start);
    const problem = checkDhcpOctets(octets);
    if (problem !== undefined) problems.add(`from octet ${start}: ${problem}`);
    const decoded = decodeDhcpMessage(octets);
    if (decoded.ok) describeDhcpMessage(decoded.value);
  }
  return reportOf([['', problems.size === 0 ? undefined : [...problems].join('; ')]]);
}

const SLL_LENGTH = 14;
const IPV4_LENGTH = 20;
const UDP_LENGTH = 8;

/** Tokens of a fuzzer: each as a message of its own, and as the options of one. */
export function checkDictionary({ bytes }: VectorFile): CaseReport {
  const lines = new TextDecoder().decode(bytes).split('\n');
  const tokens = lines.flatMap((line) => /^"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? []);
  return reportOf(
    tokens.map((token): readonly [string, string | undefined] => {
      const text = token.replaceAll(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
      const octets = Uint8Array.from(text, (character) => character.charCodeAt(0));
      const message = new Uint8Array(FIXED_LENGTH + octets.length);
      message.set([1, 1, 6, 0]);
      message.set([0x63, 0x82, 0x53, 0x63], FIXED_LENGTH - 4);
      message.set(octets, FIXED_LENGTH);
      return [token, checkDhcpOctets(octets) ?? checkDhcpOctets(message)];
    }),
  );
}

/** Up to the options: BOOTP's fields and the cookie. */
const FIXED_LENGTH = 240;
