/** The local caller used an API wrongly (bad argument, wrong state). Never thrown for bytes from the wire. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Refuses a bad argument from the local caller. */
export function requireArgument(condition: boolean, message: string): asserts condition {
  if (!condition) throw new UsageError(message);
}

/** States an invariant of our own code. A failure is a defect of this library, not of the caller or the peer. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** The default arm of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
