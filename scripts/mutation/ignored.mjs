// Where no mutant is made. Nodes are Babel's.

const calls = (node, ...names) => node?.type === 'CallExpression' && names.includes(node.callee.name);

/** The expression that a statement is about. */
const expression = (statement) => (statement.type === 'ReturnStatement' ? statement.argument : statement.expression);

/** Why nothing is mutated in `node`, which stands in `parent`; undefined where it is. */
export function reasonToIgnore(node, parent) {
  // No input leads there, so no test can tell.
  if (calls(node, 'assert', 'unreachable')) return 'invariant';
  if (
    node.type === 'SwitchCase' &&
    node.consequent.length === 1 &&
    calls(expression(node.consequent[0]), 'assert', 'unreachable')
  )
    return 'invariant';
  // The text of an error is for people; that there is one, and of which kind, is what callers rely on.
  const isText = node.type === 'StringLiteral' || node.type === 'TemplateLiteral';
  if (isText && calls(parent, 'requireArgument') && parent.arguments[1] === node) return 'text of an error';
  // Beside the name of the rule and the frames: what a person reads about a violation.
  if (isText && calls(parent, 'report') && parent.arguments[1] === node) return 'text of a report';
  if (isText && parent?.type === 'NewExpression' && parent.callee.name === 'UsageError') return 'text of an error';
  return undefined;
}
