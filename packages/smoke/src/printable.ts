/**
 * Text of somebody else, fit for a terminal: a console, a capture or a name on the wire may hold control characters, and a
 * terminal obeys them. C1 (0x80-0x9f) is as good as ESC to some.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '·');
}
