const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Strict UTF-8, as Rust's `str`: no surrogates, no overlong forms, no lone continuation octets. A byte order mark is a character. */
export function decodeUtf8(octets: Uint8Array): string | undefined {
  let text = '';
  for (const octet of octets) {
    if (octet >= 0x80) return decodeBeyondAscii(octets);
    text += String.fromCharCode(octet);
  }
  return text;
}

function decodeBeyondAscii(octets: Uint8Array): string | undefined {
  try {
    return decoder.decode(Uint8Array.from(octets));
  } catch {
    return undefined;
  }
}

/** UTF-8 of a text that has no lone surrogate; see {@link isUnicode}. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

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
