/** Has no lone surrogate, so that its UTF-8 reads as the same text again. */
export function isUnicode(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/**
 * A name from the wire for a log or a page: printable ASCII as it is, everything else as `\u{…}`. Control characters, direction
 * overrides and letters that look like others can't pretend anything.
 */
export function escapeName(name: string): string {
  return name.replaceAll(/[^\x20-\x5b\x5d-\x7e]/gu, (one) => `\\u{${(one.codePointAt(0) as number).toString(16)}}`);
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
