import type { ExitName } from './exit-codes.js';

/** A wish that can't be granted, found before anything booted: one clear sentence, and how the program ends. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly exit: ExitName;

  constructor(message: string, exit: ExitName = 'usage') {
    super(message);
    this.exit = exit;
  }
}
