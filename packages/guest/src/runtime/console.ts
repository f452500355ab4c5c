import { execFileSync } from 'node:child_process';
import { constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';

/** The guest's own console: a UART of its own, so that no message of the kernel can come in between of a line. */
export class GuestConsole {
  readonly #fd: number;
  readonly #input: ReadStream;
  #text = '';
  readonly #lines: string[] = [];
  #wake: (() => void) | undefined;

  /** `path`: the UART, as `/dev/ttyS0`. */
  constructor(path: string) {
    execFileSync('/bin/busybox', ['stty', '-F', path, 'raw', '-echo']);
    this.#fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    this.#input = new ReadStream(this.#fd);
    this.#input.on('data', (bytes: Uint8Array) => this.#take(bytes));
  }

  /** Writes one line. It is out when this returns. */
  line(text: string): void {
    this.#write(`${text}\n`);
  }

  /** Writes a prompt and waits for the line that is typed at it. Lines longer than 64 KiB are cut. */
  async ask(prompt: string): Promise<string> {
    this.#write(prompt);
    while (this.#lines.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#write('\n'); // nothing is echoed, so the prompt's line ends here
    return this.#lines.shift() as string;
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error; // the UART's buffer is full for a moment
      }
    }
  }

  #take(bytes: Uint8Array): void {
    for (const octet of bytes) {
      if (octet === 0x0a || octet === 0x0d) {
        if (this.#text !== '') this.#lines.push(this.#text);
        this.#text = '';
      } else if (this.#text.length < LINE_LENGTH_MAX) this.#text += String.fromCharCode(octet);
    }
    this.#wake?.();
  }
}

const LINE_LENGTH_MAX = 64 * 1024;
