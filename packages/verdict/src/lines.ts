import type { Millis } from '@nexus-net/sansio';
import { NEVER, Queue, requireArgument } from '@nexus-net/sansio';

/** One line of a console, without its end, cleaned: see {@link LineAssembler}. */
export interface ConsoleLine {
  /** 1-based, counting every line of the console. */
  readonly number: number;
  /** When the line's last octet arrived. */
  readonly at: Millis;
  readonly text: string;
  /** The line was longer than the limit: only its beginning is here. */
  readonly cut: boolean;
}

export type LineAssemblerOptions = {
  /** Characters kept of one line; the rest is dropped and the line marked as cut. Default 4 096. */
  readonly lineLengthMax?: number;
  /** Lines that wait for `pollEvent`; further ones are dropped and counted. Default 65 536. */
  readonly pendingLinesMax?: number;
};

/**
 * Turns the bytes of a console into lines: a stream machine, so any split of the bytes gives the same lines.
 *
 * Consoles are noisy and the noise is not the guest's meaning: NUL, bell and other C0 controls, carriage returns, and ANSI
 * escape sequences (ECMA-48: CSI, strings as in a window title, and short escapes) are removed; a backspace removes the
 * character before it.
 * Octets above 127 become the character of the same number, so nothing is lost and nothing is misread.
 */
export class LineAssembler {
  readonly #lineLengthMax: number;
  readonly #lines: Queue<ConsoleLine>;
  #text = '';
  #cut = false;
  #number = 0;
  #escape: 'none' | 'escape' | 'csi' | 'string' = 'none';

  constructor(options: LineAssemblerOptions = {}) {
    const { lineLengthMax = 4_096, pendingLinesMax = 65_536 } = options;
    requireArgument(Number.isInteger(lineLengthMax) && lineLengthMax > 0, 'lineLengthMax is a positive integer');
    this.#lineLengthMax = lineLengthMax;
    this.#lines = new Queue(pendingLinesMax);
  }

  handleBytes(now: Millis, bytes: Uint8Array): void {
    for (const octet of bytes) this.#octet(now, octet);
  }

  /** The console is gone: what stands without a line end is a line too. */
  handleEnd(now: Millis): void {
    if (this.#text !== '' || this.#cut) this.#finish(now);
  }

  /** Does nothing: a line has no clock. Here because every machine has it. */
  handleTimeout(_now: Millis): void {}

  nextTimeout(): Millis {
    return NEVER;
  }

  /** Consoles are read here, not written. */
  pollTransmit(): undefined {
    return undefined;
  }

  pollEvent(): ConsoleLine | undefined {
    return this.#lines.shift();
  }

  /** What stands after the last line end: where a prompt waits. */
  get tail(): string {
    return this.#text;
  }

  inspect(): { readonly lines: number; readonly tail: string; readonly linesDropped: number } {
    return { lines: this.#number, tail: this.#text, linesDropped: this.#lines.dropped };
  }

  #octet(now: Millis, octet: number): void {
    // A sequence is torn where a console is: a line end ends it, and an escape begins another.
    if (octet === LF) {
      this.#escape = 'none';
      this.#finish(now);
    } else if (octet === ESC) {
      this.#escape = 'escape';
    } else if (this.#escape !== 'none') {
      this.#escapeOctet(octet);
    } else if (octet === BS) {
      this.#text = this.#text.slice(0, -1);
    } else if ((octet >= 0x20 && octet !== DEL) || octet === TAB) {
      if (this.#text.length < this.#lineLengthMax) this.#text += String.fromCharCode(octet);
      else this.#cut = true;
    }
  }

  #escapeOctet(octet: number): void {
    if (octet === CAN || octet === SUB) {
      this.#escape = 'none';
    } else if (this.#escape === 'string') {
      if (octet === BEL) this.#escape = 'none'; // or ESC \, which ends as an escape of two characters does
    } else if (this.#escape === 'csi') {
      // ECMA-48 §5.4: CSI is ESC [, parameters 0x30-0x3f, intermediates 0x20-0x2f, one final octet 0x40-0x7e.
      if (octet >= 0x40) this.#escape = 'none';
    } else if (octet === OPENING_BRACKET) {
      this.#escape = 'csi';
    } else if (STRING_OPENERS.includes(octet)) {
      this.#escape = 'string';
    } else if (octet >= 0x30) {
      this.#escape = 'none'; // ECMA-35 §13.2: ESC, intermediates 0x20-0x2f, one final octet, as in the choice of a character set
    }
  }

  #finish(now: Millis): void {
    this.#number++;
    this.#lines.push({ number: this.#number, at: now, text: this.#text, cut: this.#cut });
    this.#text = '';
    this.#cut = false;
  }
}

const BEL = 0x07;
const BS = 0x08;
const TAB = 0x09;
const LF = 0x0a;
const CAN = 0x18;
const SUB = 0x1a;
const ESC = 0x1b;
const OPENING_BRACKET = 0x5b;
const DEL = 0x7f;
/** What follows ESC in DCS, SOS, OSC, PM and APC (ECMA-48 §5.6): a string follows. */
const STRING_OPENERS: readonly number[] = [0x50, 0x58, 0x5d, 0x5e, 0x5f];
