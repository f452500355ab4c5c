import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './packages.js';

/** A test of ours, as its source says. */
export interface NamedTest {
  readonly file: string;
  /** The title, those of the groups around it, and for a table of cases its rows too: wherever an id may stand. */
  readonly text: string;
  /** Said not to run: skip, todo, or a condition. */
  readonly skipped: boolean;
  readonly asserts: boolean;
}

/** Every call of `test` or `it` in the test files of all packages. */
export function namedTests(): readonly NamedTest[] {
  const tests: NamedTest[] = [];
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    const folder = join('packages', name, 'test');
    for (const path of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (path.endsWith('.test.ts')) tests.push(...testsIn(join(folder, path), readFileSync(join(ROOT, folder, path), 'utf8')));
    }
  }
  return tests;
}

/** The tests of one file. */
export function testsIn(file: string, text: string): readonly NamedTest[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const tests: NamedTest[] = [];
  const visit = (node: ts.Node, groups: string): void => {
    if (ts.isCallExpression(node)) {
      const head = node.expression.getText();
      if (/^describe\b/.test(head) && node.arguments.some(isBody)) {
        if (/\.(?:skip|todo|skipIf|runIf)\b/.test(head)) return; // what does not run shows nothing
        const titles = node.arguments.filter((each) => !isBody(each)).map((each) => each.getText());
        ts.forEachChild(node, (child) => visit(child, `${groups} ${titles.join(' ')}`));
        return;
      }
      const called = /^(?:test|it)\b/.test(head);
      // `test.each(rows)(title, body)` is a call of a call: the outer one has title and body, the rows stand in the inner one.
      if (called && node.arguments.some(isBody)) {
        const body = node.arguments
          .filter(isBody)
          .map((each) => each.getText())
          .join('\n');
        const words = node.arguments
          .filter((each) => !isBody(each))
          .map((each) => each.getText())
          .join(' ');
        tests.push({
          file,
          text: `${groups} ${head} ${words} ${rowsNamedBy(head, source)}`,
          skipped: /^\w+(?:\.\w+)*\.(?:skip|todo|skipIf|runIf)\b/.test(head),
          asserts: /\bexpect|\bassert|Law\(|\blaw\(|check\w*\(/.test(body),
        });
        return;
      }
    }
    ts.forEachChild(node, (child) => visit(child, groups));
  };
  visit(source, '');
  return tests;
}

function isBody(node: ts.Expression): boolean {
  return ts.isArrowFunction(node) || ts.isFunctionExpression(node);
}

/** The text of a table that `test.each(TABLE)` names. */
function rowsNamedBy(head: string, source: ts.SourceFile): string {
  const name = /\.(?:each|for)(?:<[\s\S]*?>)?\((?:Object\.\w+\()?([A-Za-z_]\w*)/.exec(head)?.[1];
  if (name === undefined) return '';
  let found = '';
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name) found = node.getText();
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Whether a text carries `kind/id`: `dhcp/K08` is no mention of `dhcp/K08b`, nor the other way round. */
export function mentionsId(text: string, kind: string, id: string): boolean {
  return new RegExp(`\\b${kind}/${id}(?![0-9a-z])`).test(text);
}

/** The ids that no test carries which runs and asserts something. */
export function untested(tests: readonly NamedTest[], kind: string, ids: readonly string[]): readonly string[] {
  return ids.filter((id) => !tests.some(({ text, skipped, asserts }) => mentionsId(text, kind, id) && !skipped && asserts));
}
