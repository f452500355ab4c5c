import ts from 'typescript';

/** What a pure package may not touch: clocks, timers, randomness, the process, the console, and Node's own globals. */
const IMPURE: ReadonlySet<string> = new Set([
  'Buffer',
  'Date',
  'Promise',
  'WebSocket',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'global',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
]);

/** Every impurity and every import of a source file, with its line. Reads the syntax tree, so names in comments and strings don't count. */
export function inspectSource(
  path: string,
  text: string,
): { readonly impurities: readonly string[]; readonly imports: readonly string[] } {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const impurities: string[] = [];
  const imports: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    impurities.push(`${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
  };
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      imports.push((node.moduleSpecifier as ts.StringLiteral).text);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) report(node, 'import()');
    if (ts.isImportTypeNode(node)) imports.push(((node.argument as ts.LiteralTypeNode).literal as ts.StringLiteral).text);
    if (node.kind === ts.SyntaxKind.AsyncKeyword) report(node, 'async');
    if (ts.isAwaitExpression(node)) report(node, 'await');
    if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'Math' && node.name.text === 'random')
      report(node, 'Math.random');
    if (ts.isIdentifier(node) && IMPURE.has(node.text) && !isMemberName(node)) report(node, node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { impurities, imports };
}

/** `x.process` and `{ process: … }` name a member, not the global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isPropertySignature(parent) && parent.name === node) ||
    (ts.isMethodDeclaration(parent) && parent.name === node)
  );
}
