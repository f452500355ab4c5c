/**
 * Text of somebody else inside of HTML: no markup, and nothing invisible. Controls, line and paragraph separators, marks that turn the
 * direction of text (CVE-2021-42574) and halves of surrogate pairs are shown as what they are.
 */
export function escapeHtml(text: string): string {
  return visible(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** The same for XML 1.0, which has no place for controls at all. */
export function escapeXml(text: string): string {
  return escapeHtml(text);
}

/** Invisible characters as their escapes: `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replaceAll(INVISIBLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is made visible
  /[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
