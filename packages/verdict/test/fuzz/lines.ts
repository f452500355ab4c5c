import { demand, drain, type FuzzLimits, FuzzScript, isSame } from '../../../sansio/test/support/fuzz.js';
import { type ConsoleLine, LineAssembler, type LineAssemblerOptions } from '../../src/lines.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 5000, costPerOctet: 200 };

/**
 * The octets are a limit, a way to split, and a console. Whatever comes: the lines are the same however their octets come; they
 * are counted, clean and within the limit; a line that is not marked as cut is whole.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const lineLengthMax = 1 + (script.u8() % 32);
  const pieceOctets = 1 + (script.u8() % 16);
  const octets = script.rest();
  const lines = linesOf(octets, octets.length, { lineLengthMax });
  demand(isSame(linesOf(octets, pieceOctets, { lineLengthMax }), lines), 'lines are the same however their octets come');
  const whole = linesOf(octets, octets.length);
  demand(whole.length <= lines.length, 'a limit takes no line away');
  for (const [i, { number, text, cut }] of lines.entries()) {
    demand(number === i + 1, 'lines are counted');
    demand(text.length <= lineLengthMax, 'a line keeps to its limit');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    demand(!/[\x00-\x08\x0a-\x1f\x7f]/.test(text), 'a line has no control characters but tabs');
    demand(cut || text === whole[i]?.text, 'a line that is not marked as cut is whole');
    demand(whole[i]?.cut !== true, 'nothing is cut below the limit');
  }
}

function linesOf(octets: Uint8Array, pieceOctets: number, options: LineAssemblerOptions = {}): ConsoleLine[] {
  const assembler = new LineAssembler(options);
  const size = Math.max(1, pieceOctets);
  for (let at = 0; at < octets.length; at += size) assembler.handleBytes(0, octets.subarray(at, at + size));
  assembler.handleEnd(0);
  return drain(() => assembler.pollEvent());
}

/** Lines with the noise of consoles: colours, carriage returns, backspaces, tabs, a line too long, no end. */
export function seeds(): Uint8Array[] {
  const texts = [
    'net: virtio-net up\r\n',
    '\x1b[1;32mok\x1b[0m\n',
    'ab\b\bc\tde\n',
    'x'.repeat(40),
    `\x1bcU-Boot\x07\n\0\n${'\t'.repeat(9)}`,
  ];
  return texts.map((text) => Uint8Array.from([30, 2, ...new TextEncoder().encode(text)]));
}
