const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const DIGITS: readonly number[] = Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

/** A key of 32 octets as a JWK has it: base64url without padding (RFC 4648 §5), 43 characters. */
export function base64UrlOfKey(key: Uint8Array): string {
  let text = '';
  for (let i = 0; i < 30; i += 3) {
    const bits = ((key[i] as number) << 16) | ((key[i + 1] as number) << 8) | (key[i + 2] as number);
    text += (ALPHABET[bits >> 18] as string) + ALPHABET[(bits >> 12) & 63] + ALPHABET[(bits >> 6) & 63] + ALPHABET[bits & 63];
  }
  const bits = ((key[30] as number) << 10) | ((key[31] as number) << 2);
  return text + ALPHABET[bits >> 12] + ALPHABET[(bits >> 6) & 63] + ALPHABET[bits & 63];
}

/** The inverse, for text that a JWK export made. */
export function keyOfBase64Url(text: string): Uint8Array {
  const key = new Uint8Array(32);
  let bits = 0;
  let count = 0;
  let length = 0;
  for (let i = 0; i < text.length && length < key.length; i++) {
    bits = ((bits << 6) | (DIGITS[text.charCodeAt(i)] as number)) & 0x3fff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      key[length++] = bits >> count;
    }
  }
  return key;
}
