import fc from 'fast-check';

/** Text of any code points but surrogates. fast-check's own `unit: 'binary'` lists all million of them before the first case. */
export function anyText(constraints: { readonly minLength?: number; readonly maxLength: number }): fc.Arbitrary<string> {
  const codePoint = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10_ffff }),
  );
  return fc.array(codePoint, constraints).map((codePoints) => String.fromCodePoint(...codePoints));
}
