/** What a transfer was agreed to be. */
export interface TftpTerms {
  /** Octets of a block (RFC 2348), 8..65 464. Without the option 512. */
  readonly blockOctets: number;
  /** Blocks before an acknowledgment (RFC 7440), 1..65 535. Without the option 1. */
  readonly windowBlocks: number;
  /** Before something is sent again (RFC 2349). */
  readonly timeoutMs: number;
}

export interface TftpTermLimits {
  /** Largest block that is agreed to, 8..65 464. Default 1 468, which fits Ethernet in one frame. */
  readonly blockOctetsMax: number;
  /** Largest window that is agreed to, 1..65 535. Default 16. */
  readonly windowBlocksMax: number;
  /** Before something is sent again, where the client asks for nothing. Default 1 000 ms. */
  readonly timeoutMs: number;
}

/**
 * What comes of the options that a client asked for (RFC 2347): the terms, and the options that the answer repeats with the values agreed
 * to. An option that is unknown or makes no sense is left out, as if it had not been there.
 */
export function agreeOnTerms(
  asked: ReadonlyMap<string, string>,
  limits: TftpTermLimits,
): { readonly terms: TftpTerms; readonly agreed: Map<string, string> } {
  const agreed = new Map<string, string>();
  const take = (name: string, bounds: { readonly least: number; readonly most: number }, most: number): number | undefined => {
    const value = numberOf(asked.get(name));
    if (value === undefined || value < bounds.least || value > bounds.most) return undefined;
    const taken = Math.min(value, most);
    agreed.set(name, `${taken}`);
    return taken;
  };
  const blockOctets = take('blksize', { least: 8, most: 65_464 }, limits.blockOctetsMax) ?? 512;
  const windowBlocks = take('windowsize', { least: 1, most: 65_535 }, limits.windowBlocksMax) ?? 1;
  // RFC 2349: the timeout is accepted as it is, or not at all.
  const timeoutS = take('timeout', { least: 1, most: 255 }, 255);
  const timeoutMs = timeoutS === undefined ? limits.timeoutMs : timeoutS * 1_000;
  return { terms: { blockOctets, windowBlocks, timeoutMs }, agreed };
}

/** A decimal number of an option; `undefined` for anything else. */
export function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
