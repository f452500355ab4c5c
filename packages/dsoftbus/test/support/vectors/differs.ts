import { isDeepStrictEqual } from 'node:util';

/** What is different, as one line, or `undefined` where nothing is. */
export function differs(found: unknown, expected: unknown): string | undefined {
  if (isDeepStrictEqual(found, expected)) return undefined;
  const text = (value: unknown): string => JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? `${one}n` : one)) ?? 'undefined';
  return `${text(found)} instead of ${text(expected)}`;
}
