import { GUEST_CONFIG_FIELDS } from './guest-config.js';
import { PROFILE_FIELDS } from './profile-shape.js';
import { describeShape, type Field, type Shape } from './shape.js';

/** The tables of `docs/guest-config.md`, made of what the reader takes. */
export function guestConfigTables(): string {
  return ['## Fields', '', ...table(GUEST_CONFIG_FIELDS), '', '## Fields of a profile', '', ...table(PROFILE_FIELDS), ''].join(
    '\n',
  );
}

function table(fields: Readonly<Record<string, Field>>): readonly string[] {
  return [
    '| field | is | means |',
    '| --- | --- | --- |',
    ...rows(fields, '').map(({ path, field: { shape, meaning, isNeeded } }) => {
      const needed = isNeeded === true ? ' (needed)' : '';
      return `| \`${path}\`${needed} | ${cell(describeShape(shape))} | ${cell(meaning)} |`;
    }),
  ];
}

interface Row {
  readonly path: string;
  readonly field: Field;
}

function rows(fields: Readonly<Record<string, Field>>, before: string): readonly Row[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = `${before}${name}`;
    // Profiles have a table of their own.
    const inner = path === 'profiles' ? undefined : innerFields(field.shape, path);
    return [{ path, field }, ...(inner === undefined ? [] : rows(inner.fields, inner.before))];
  });
}

/** The fields of an object, of the objects of a list, or of those of a map. */
function innerFields(
  shape: Shape,
  path: string,
): { readonly fields: Readonly<Record<string, Field>>; readonly before: string } | undefined {
  switch (shape.kind) {
    case 'object':
      return { fields: shape.fields, before: `${path}.` };
    case 'list':
      return innerFields(shape.of, `${path}[]`);
    case 'map':
      return innerFields(shape.of, `${path}.NAME`);
    case 'either':
      return shape.of.map((each) => innerFields(each, path)).find((each) => each !== undefined);
    default:
      return undefined;
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
