import ts from 'typescript';

/**
 * The one rule by which an arm of a branch counts as reached though no test reaches it, the rule of invariants: the arm is nothing
 * but a call of `assert` or `unreachable`, or it stands among the arguments of such a call. No input leads there; an arm that an
 * input could lead to has to be reached, whatever it looks like.
 */
export function isInvariant(source, start, { isThen = false } = {}) {
  if (start?.line === undefined) return false; // an `else` that isn't written has no place
  const at = source.getPositionOfLineAndCharacter(start.line - 1, start.column);
  let found = false;
  const visit = (node) => {
    if (found || at < node.getFullStart() || at >= node.getEnd()) return;
    if (isCall(node) && at > node.getStart(source)) found = true;
    else if (node.getStart(source) === at) {
      // An `if` is given by its own place, also where its first arm is meant.
      if (isThen && ts.isIfStatement(node)) found = isOnlyCall(node.thenStatement);
      else if (!isThen) found = isOnlyCall(node);
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

const isCall = (node) =>
  ts.isCallExpression(node) && ts.isIdentifier(node.expression) && ['assert', 'unreachable'].includes(node.expression.text);

/** Whether a node is such a call: as an expression, a statement, a block of one, or a clause of a switch. */
function isOnlyCall(node) {
  if (isCall(node)) return true;
  if (ts.isReturnStatement(node) || ts.isExpressionStatement(node))
    return node.expression !== undefined && isOnlyCall(node.expression);
  if (ts.isBlock(node) || ts.isCaseOrDefaultClause(node)) return node.statements.length === 1 && isOnlyCall(node.statements[0]);
  return false;
}
