/**
 * Paths and keys as they are taken: literally. Nothing is decoded, folded or cut, so one text means one thing, to the rule and to the
 * service alike; what would need a second look is refused.
 */

/** `pkg:/` or `/packages/`, then segments that are not empty, `.` or `..` (or look like it), without backslash, `%` and control characters. */
export function isCanonicalPath(path: string): boolean {
  const prefix = PATH_PREFIXES.find((each) => path.startsWith(each));
  return prefix !== undefined && path.slice(prefix.length).split('/').every(isSegment);
}

/** `/state/shared/`, then segments as in a path. A prefix may end at the slash. */
export function isCanonicalKey(key: string, isPrefix: boolean): boolean {
  if (!key.startsWith(KEY_PREFIX)) return false;
  const rest = key.slice(KEY_PREFIX.length);
  if (isPrefix && rest === '') return true;
  const segments = rest.split('/');
  if (isPrefix && segments.at(-1) === '') segments.pop();
  return segments.every(isSegment);
}

/** Whether `resource` is `prefix` or lies below it: a prefix ends where a segment does. */
export function isWithin(resource: string, prefix: string): boolean {
  return resource === prefix || resource.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function isSegment(segment: string): boolean {
  if (segment === '' || segment.trim() !== segment || segment.includes('%')) return false;
  // What somebody behind us might fold into dots or slashes: two dots of one character, full-width forms.
  const folded = segment.normalize('NFKC');
  if (folded === '.' || folded === '..' || folded.includes('/')) return false;
  for (const character of folded) {
    const point = character.codePointAt(0) as number;
    if (point < 0x20 || point === 0x7f || character === '\\') return false;
  }
  return true;
}

const PATH_PREFIXES = ['pkg:/', '/packages/'];
const KEY_PREFIX = '/state/shared/';
