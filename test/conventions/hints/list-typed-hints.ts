import { parseSync, Visitor } from 'oxc-parser';

/** The functions that find a hint in the output and fail without it, to type it. */
const finders: ReadonlySet<string> = new Set(['findHintLine', 'typeHint']);

/** The hints that the tests of a file look for: literals, or constants in the same file that have them. */
export function listTypedHints(path: string, text: string): ReadonlySet<string> {
  const constants = new Map<string, string>();
  const typed = new Set<string>();
  const { program } = parseSync(path, text);
  new Visitor({
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'Identifier' || init?.type !== 'Literal' || typeof init.value !== 'string') return;
      constants.set(id.name, init.value);
    },
  }).visit(program);
  let testDepth = 0;
  new Visitor({
    CallExpression: ({ callee, arguments: [hint] }) => {
      if (callee.type !== 'Identifier') return;
      if (callee.name === 'it') testDepth += 1;
      if (testDepth === 0 || !finders.has(callee.name)) return;
      if (hint?.type === 'Literal' && typeof hint.value === 'string') typed.add(hint.value);
      if (hint?.type !== 'Identifier') return;
      const value = constants.get(hint.name);
      if (value !== undefined) typed.add(value);
    },
    'CallExpression:exit': ({ callee }) => {
      if (callee.type === 'Identifier' && callee.name === 'it') testDepth -= 1;
    },
  }).visit(program);
  return typed;
}
