/** Characters of a console line that a pattern of a file is tried on; a longer line is none of its. */
export const LINE_LENGTH_MAX = 256;
const SOURCE_LENGTH_MAX = 512;
const REPETITIONS_MAX = 3;

/**
 * A regular expression out of a file, for lines of a guest that says what it likes: it holds on to the beginning of the line, and can't be made
 * to take long. So it begins with `^`, repeats in at most three places, repeats nothing that repeats or has alternatives itself, and refers back
 * to nothing. Gives the words of a refusal where it is none of these.
 */
export function consolePattern(source: string): RegExp | string {
  if (source.length > SOURCE_LENGTH_MAX) return `has more than ${SOURCE_LENGTH_MAX} characters`;
  if (!source.startsWith('^')) return 'has to begin with ^: a line means something from its beginning on, or nothing';
  try {
    new RegExp(source);
  } catch (error) {
    return `is no regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, '')}`;
  }
  const slow = slowness(source);
  return slow ?? new RegExp(`^(?=.{0,${LINE_LENGTH_MAX}}$)(?:${source})`);
}

/** Why an expression that compiles could take long, in words; `undefined` where it can't. */
function slowness(source: string): string | undefined {
  /** For each open group: does it hold a repetition or alternatives? */
  const groups: { isComplex: boolean }[] = [{ isComplex: false }];
  let closed: { isComplex: boolean } | undefined;
  let repetitions = 0;
  for (let at = 0; at < source.length; at++) {
    const character = source[at] as string;
    const inner = groups.at(-1) as { isComplex: boolean };
    const justClosed = closed;
    closed = undefined;
    if (character === '\\') {
      if (/[1-9k]/.test(source[at + 1] ?? '')) return 'refers back to what it has matched before, which is not allowed here';
      at++;
    } else if (character === '[') {
      for (at++; source[at] !== ']'; at++) if (source[at] === '\\') at++;
    } else if (character === '(') {
      groups.push({ isComplex: false });
      // `?:`, `?=`, `?<name>` …: no repetition
      if (source[at + 1] === '?') at++;
    } else if (character === ')') {
      closed = groups.pop();
      if (closed?.isComplex) (groups.at(-1) as { isComplex: boolean }).isComplex = true;
    } else if (character === '|') inner.isComplex = true;
    else if (character === '*' || character === '+' || /^\{\d+(?:,\d*)?\}/.test(source.slice(at))) {
      if (justClosed?.isComplex) return 'repeats a group that repeats or has alternatives itself, which is not allowed here';
      if (++repetitions > REPETITIONS_MAX) return `repeats in more than ${REPETITIONS_MAX} places, which is not allowed here`;
      inner.isComplex = true;
      if (character === '{') at = source.indexOf('}', at);
      if (source[at + 1] === '?') at++;
    }
  }
  return undefined;
}
