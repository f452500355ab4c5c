// TextDecoder and TextEncoder are of ECMAScript's surroundings everywhere, and keep no state between these calls.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Strict UTF-8: `undefined` for surrogates, overlong forms and cut characters. A byte order mark is a character like any other. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (bytes.length <= SHORT) {
    let text = '';
    for (let i = 0; i < bytes.length; i++) {
      const octet = bytes[i] as number;
      if (octet >= 0x80) return decodeStrict(bytes);
      text += String.fromCharCode(octet);
    }
    return text;
  }
  return decodeStrict(bytes);
}

export function encodeUtf8(text: string): Uint8Array {
  const { length } = text;
  if (length > SHORT) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoder.encode(text);
    bytes[i] = unit;
  }
  return bytes;
}

/** Octets of the text in UTF-8; a lone surrogate counts as its replacement character. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return length;
}

function decodeStrict(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes.slice()); // a copy: the decoder takes no object that merely behaves like octets
  } catch {
    return undefined;
  }
}

/** A call into the decoder costs more than a short name in ASCII. */
const SHORT = 64;
