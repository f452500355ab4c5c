/** Longer texts are messages for people: no decoder looks for them. */
const TOKEN_OCTETS_MAX = 48;
const TOKENS_MAX = 2000;

/**
 * Tokens for the mutator from the constants of JavaScript source: a magic number or a keyword is found by chance once in
 * 2^32 executions, but it stands in the source that compares with it. Numbers appear in the widths and byte orders in which
 * a wire format may hold them, texts as their UTF-8 octets.
 */
export function tokensOf(source: string): Uint8Array[] {
  const tokens = new Map<string, Uint8Array>();
  const add = (octets: readonly number[] | Uint8Array): void => {
    if (octets.length === 0 || octets.length > TOKEN_OCTETS_MAX || tokens.size >= TOKENS_MAX) return;
    tokens.set(octets.join(), Uint8Array.from(octets));
  };
  for (const [, literal] of source.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)) {
    const text = unescaped(literal as string);
    // Imports, and messages for people: nothing that a decoder looks for.
    if (!/^[@.]|(?: \S+){5}/.test(text)) add(new TextEncoder().encode(text));
  }
  for (const [literal] of source.matchAll(/(?<![\w$."])(?:0x[\da-fA-F_]+|\d[\d_]*(?:e\d+)?)(?![\w$."])/g)) {
    const value = Number(literal.replaceAll('_', ''));
    if (value <= 0xff) add([value]);
    if (value <= 0xffff) add([value >>> 8, value & 0xff]);
    if (value > 0xff && value <= 0xffff) add([value & 0xff, value >>> 8]);
    if (value > 0xffff && value <= 0xffff_ffff) {
      const octets = [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
      add(octets);
      add(octets.toReversed());
    }
    if (value > 0xffff_ffff && value < 2 ** 48)
      add(Array.from({ length: 6 }, (_, i) => Math.floor(value / 2 ** (8 * (5 - i))) % 256));
  }
  return [...tokens.values()];
}

/** What a string literal stands for; the source is what esbuild printed, so the escapes are those of JSON and a few more. */
function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return '';
  }
}
