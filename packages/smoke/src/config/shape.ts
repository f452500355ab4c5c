import { Refusal } from '../refusal.js';
import { consolePattern } from './console-pattern.js';

/** What a value of a file has to be. One table says it for the reader, its refusals and the documentation. */
export type Shape =
  /** `form`: what all of it has to match, and how that is called. */
  | { readonly kind: 'text'; readonly mayBeEmpty?: true; readonly form?: { readonly pattern: RegExp; readonly is: string } }
  | { readonly kind: 'integer'; readonly low: number; readonly high: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'one-of'; readonly of: readonly string[] }
  /** A regular expression for lines of a console: see `consolePattern`. */
  | { readonly kind: 'pattern' }
  | { readonly kind: 'list'; readonly of: Shape; readonly countMax: number; readonly countMin?: number }
  /** Values by name. */
  | { readonly kind: 'map'; readonly of: Shape; readonly countMax: number }
  /** The first that is of the value's type. */
  | { readonly kind: 'either'; readonly of: readonly Shape[] }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Field>> };

export interface Field {
  readonly shape: Shape;
  /** A sentence for the documentation. */
  readonly meaning: string;
  readonly isNeeded?: true;
}

/**
 * Checks a value of a JSON file. `file` and `where` name it in the refusal, as `guest.json` and `boot.smp`. Throws {@link Refusal} with one
 * sentence for the first thing that is not as it has to be; a key that nobody reads is one.
 */
export function checkShape(
  shape: Shape,
  value: unknown,
  { file, where }: { readonly file: string; readonly where: string },
): void {
  const refuse = (what: string): never => {
    throw new Refusal(`${file}: ${where === '' ? 'it' : where} ${what}.`);
  };
  const inside = (key: string | number): { readonly file: string; readonly where: string } => {
    const step = typeof key === 'number' ? `[${key}]` : where === '' ? key : `.${key}`;
    return { file, where: `${where}${step}` };
  };
  if (!isOfType(shape, value)) refuse(`is ${describeShape(shape)}, not ${shown(value)}`);
  switch (shape.kind) {
    case 'text': {
      const text = value as string;
      if (text === '' && shape.mayBeEmpty !== true) refuse('is empty');
      if (text.includes('\0') || text.length > TEXT_LENGTH_MAX) refuse(`has a NUL, or more than ${TEXT_LENGTH_MAX} characters`);
      if (shape.form !== undefined && !shape.form.pattern.test(text)) refuse(`is ${shape.form.is}, not ${shown(text)}`);
      return;
    }
    case 'integer': {
      const { low, high } = shape;
      const number = value as number;
      if (!Number.isInteger(number) || number < low || number > high) refuse(`is ${describeShape(shape)}, not ${number}`);
      return;
    }
    case 'one-of':
      if (!shape.of.includes(value as string)) refuse(`is ${describeShape(shape)}, not ${shown(value)}`);
      return;
    case 'pattern': {
      const pattern = consolePattern(value as string);
      if (typeof pattern === 'string') refuse(pattern);
      return;
    }
    case 'list': {
      const list = value as readonly unknown[];
      const { countMax, countMin = 0 } = shape;
      if (list.length > countMax || list.length < countMin) refuse(`has ${countMin} to ${countMax} entries, not ${list.length}`);
      for (const [index, each] of list.entries()) checkShape(shape.of, each, inside(index));
      return;
    }
    case 'map': {
      const entries = Object.entries(value as object);
      if (entries.length > shape.countMax) refuse(`has at most ${shape.countMax} entries, not ${entries.length}`);
      for (const [key, each] of entries) {
        if (key === '' || key === '__proto__' || key.includes('\0')) refuse(`has an entry with the name ${shown(key)}`);
        checkShape(shape.of, each, inside(key));
      }
      return;
    }
    case 'either':
      checkShape(shape.of.find((each) => isOfType(each, value)) as Shape, value, { file, where });
      return;
    case 'object': {
      const given = value as Readonly<Record<string, unknown>>;
      const known = Object.keys(shape.fields);
      const stranger = Object.keys(given).find((key) => !known.includes(key));
      if (stranger !== undefined) refuse(`has a key ${shown(stranger)}, which nobody reads; known are ${known.join(', ')}`);
      for (const [key, { shape: inner, isNeeded }] of Object.entries(shape.fields)) {
        if (Object.hasOwn(given, key)) checkShape(inner, given[key], inside(key));
        else if (isNeeded === true) refuse(`has no ${key}`);
      }
      return;
    }
    case 'flag':
      return;
  }
}

/** As `a whole number from 1 to 512`. */
export function describeShape(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return shape.form === undefined ? 'a text' : shape.form.is;
    case 'integer':
      return `a whole number from ${shape.low} to ${shape.high}`;
    case 'flag':
      return 'true or false';
    case 'one-of':
      return shape.of.map((each) => JSON.stringify(each)).join(' or ');
    case 'pattern':
      return 'a regular expression';
    case 'list':
      return `a list: ${describeShape(shape.of)}`;
    case 'map':
      return `an object of values by name: ${describeShape(shape.of)}`;
    case 'either':
      return shape.of.map(describeShape).join(', or ');
    case 'object':
      return 'an object';
  }
}

function isOfType(shape: Shape, value: unknown): boolean {
  switch (shape.kind) {
    case 'text':
    case 'one-of':
    case 'pattern':
      return typeof value === 'string';
    case 'integer':
      return typeof value === 'number';
    case 'flag':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'map':
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'either':
      return shape.of.some((each) => isOfType(each, value));
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

const TEXT_LENGTH_MAX = 4_096;
