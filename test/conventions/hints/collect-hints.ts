/** Finds every text that the product can print as a hint, by the syntax tree of its sources. */
import { posix } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

export interface ParsedFile {
  readonly path: string;
  readonly text: string;
}

type Program = ReturnType<typeof parseSync>['program'];
type VisitorObject = ConstructorParameters<typeof Visitor>[0];
type NodeOf<K extends keyof VisitorObject> = Parameters<NonNullable<VisitorObject[K]>>[0];
type ArrowFunction = NodeOf<'ArrowFunctionExpression'>;
type FunctionNode = NodeOf<'FunctionDeclaration'> | ArrowFunction;
/** An expression, or what it consists of. */
type Node =
  | NonNullable<NodeOf<'ReturnStatement'>['argument']>
  | NodeOf<'CallExpression'>['arguments'][number]
  | NodeOf<'Property'>['value'];
/** An expression, and the file that it is in. */
type Place = readonly [path: string, node: Node];
interface ImportedName {
  readonly path: string;
  readonly name: string;
}

/** Names of fields, parameters and variables that hold a hint. */
const hintName = /^hints?$|Hints?$|^remedy$|^alternative$/;
const hintParameter = /^(?:hints?|\w+Hints?)$/;
/** There, a command is what a hint is made of. */
const commandFiles = /^src\/(?:cli\/doctor|config|files|daemon\/instance)\//;

function isHintParameter(path: string, name: string): boolean {
  return hintParameter.test(name) || (name === 'command' && commandFiles.test(path));
}

/** They format a word of a hint, and are no hints. */
const wordFormatters =
  /^(?:quote\w*|format\w*Option|joinHints|linesOf|formatHint|escape\w*|omitUndefined|daemonHint)$/;

/** @returns each as `FILE: TEXT`; `${…}` stands for an expression, `{…}` for a command hint with its parts */
export function collectHints(files: readonly ParsedFile[]): ReadonlySet<string> {
  const modules = new Map(files.map(({ path, text }) => [path, parseModule(path, text)]));
  const collector = new Collector(modules);
  for (const [path, { program }] of modules) collector.visitHints(path, program);
  return collector.hints;
}

interface Module {
  readonly program: Program;
  readonly text: string;
  /** The values of constants, and what functions return, by name. */
  readonly values: ReadonlyMap<string, readonly Node[]>;
  /** The index of the parameter that is a hint, by the name of the function. */
  readonly hintParameters: ReadonlyMap<string, number>;
  readonly imports: ReadonlyMap<string, ImportedName>;
}

function parseModule(path: string, text: string): Module {
  const { program } = parseSync(path, text);
  const values = new Map<string, readonly Node[]>();
  const hintParameters = new Map<string, number>();
  const imports = new Map<string, ImportedName>();
  const addFunction = (name: string | undefined, { params, body }: FunctionNode) => {
    if (name === undefined) return;
    values.set(name, returnedValues(body));
    const index = params.findIndex((parameter) => isHintParameter(path, parameterName(parameter)));
    if (index !== -1) hintParameters.set(name, index);
  };
  new Visitor({
    FunctionDeclaration: (node) => addFunction(node.id?.name, node),
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'Identifier' || init === null) return;
      const made =
        init.type === 'CallExpression' && init.callee.type === 'Identifier'
          ? values.get(init.callee.name)?.[0]
          : init;
      if (made?.type === 'ArrowFunctionExpression') addFunction(id.name, made);
      else values.set(id.name, [init]);
    },
    ImportDeclaration: ({ source, specifiers }) => {
      if (!source.value.startsWith('.')) return;
      const target = posix.join(posix.dirname(path), source.value);
      for (const specifier of specifiers) {
        if (specifier.type === 'ImportSpecifier' && specifier.imported.type === 'Identifier')
          imports.set(specifier.local.name, { path: target, name: specifier.imported.name });
      }
    },
  }).visit(program);
  return { program, text, values, hintParameters, imports };
}

function parameterName(parameter: FunctionNode['params'][number]): string {
  const target = parameter.type === 'AssignmentPattern' ? parameter.left : parameter;
  return target.type === 'Identifier' ? target.name : '';
}

function returnedValues(body: FunctionNode['body']): readonly Node[] {
  if (body === null) return [];
  if (body.type !== 'BlockStatement') return [body];
  const found: Node[] = [];
  let depth = 0;
  const enter = (): void => void (depth += 1);
  const leave = (): void => void (depth -= 1);
  const program = { type: 'Program', body: body.body } as unknown as Program;
  new Visitor({
    ArrowFunctionExpression: enter,
    'ArrowFunctionExpression:exit': leave,
    FunctionExpression: enter,
    'FunctionExpression:exit': leave,
    FunctionDeclaration: enter,
    'FunctionDeclaration:exit': leave,
    ReturnStatement: ({ argument }) => {
      if (depth === 0 && argument !== null) found.push(argument);
    },
  }).visit(program);
  return found;
}

class Collector {
  readonly hints = new Set<string>();
  readonly #modules: ReadonlyMap<string, Module>;
  readonly #visited = new Set<Node>();

  constructor(modules: ReadonlyMap<string, Module>) {
    this.#modules = modules;
  }

  /** Collects from each place of a file where a hint is written down. */
  visitHints(path: string, program: Program): void {
    new Visitor({
      Property: ({ key, value }) => {
        if (key.type !== 'Identifier') return;
        const isCommand = key.name === 'command' && value.type === 'TemplateLiteral';
        if (isCommand || hintName.test(key.name)) this.#collect([path, value]);
      },
      VariableDeclarator: ({ id, init }) => {
        if (init === null) return;
        if (id.type === 'ArrayPattern') return this.#collectTuples(path, id, init);
        if (id.type !== 'Identifier') return;
        const isCommand = id.name === 'command' && /^(?:Template|Conditional)/.test(init.type);
        const isHint = hintName.test(id.name) && init.type !== 'ArrowFunctionExpression';
        if (isCommand || isHint) this.#collect([path, init]);
      },
      AssignmentPattern: ({ left, right }) => {
        if (left.type === 'Identifier' && hintName.test(left.name)) this.#collect([path, right]);
      },
      CallExpression: ({ callee, arguments: args }) => {
        if (callee.type !== 'Identifier') return;
        const target = this.#declarationOf(path, callee.name);
        const index = target && this.#modules.get(target.path)?.hintParameters.get(target.name);
        const argument = index === undefined ? undefined : args[index];
        if (argument !== undefined) this.#collect([path, argument]);
      },
    }).visit(program);
  }

  /** For `const [reason, hint] = …`: the values of a function, or of an object, that are tuples. */
  #collectTuples(path: string, { elements }: NodeOf<'ArrayPattern'>, init: Node): void {
    const index = elements.findIndex(
      (element) => element?.type === 'Identifier' && isHintParameter(path, element.name),
    );
    if (index === -1) return;
    const target =
      init.type === 'CallExpression' && init.callee.type === 'Identifier'
        ? this.#declarationOf(path, init.callee.name)
        : undefined;
    const values = target && this.#modules.get(target.path)?.values.get(target.name);
    const source = init.type === 'MemberExpression' ? init.object : init;
    const fields = source.type === 'ObjectExpression' ? source.properties : [];
    const fieldValues = fields.flatMap((field) => (field.type === 'Property' ? [field.value] : []));
    for (const value of [...(values ?? []), ...fieldValues]) {
      const tuple = value.type === 'TSAsExpression' ? value.expression : value;
      const element = tuple.type === 'ArrayExpression' ? tuple.elements[index] : null;
      if (element) this.#collect([target?.path ?? path, element]);
    }
  }

  #declarationOf(path: string, name: string): ImportedName | undefined {
    const module = this.#modules.get(path);
    if (module?.values.has(name) === true) return { path, name };
    return module?.imports.get(name);
  }

  #collect([path, node]: Place): void {
    if (this.#visited.has(node)) return;
    this.#visited.add(node);
    if (node.type === 'Literal' && typeof node.value === 'string' && node.value !== '')
      this.#add(path, node.value);
    else if (node.type === 'TemplateLiteral') this.#add(path, formatTemplate(node));
    else if (node.type === 'ObjectExpression') this.#addCommand(path, node);
    else if (node.type === 'Identifier') this.#collectValue(path, node.name);
    else if (node.type === 'CallExpression') this.#collectCall(path, node);
    else for (const part of partsOf(node)) this.#collect([path, part]);
  }

  #collectCall(path: string, { callee, arguments: args }: NodeOf<'CallExpression'>): void {
    if (callee.type === 'Identifier') {
      if (wordFormatters.test(callee.name)) args.forEach((each) => this.#collect([path, each]));
      else this.#collectValue(path, callee.name);
      return;
    }
    if (callee.type !== 'MemberExpression') return;
    // Such as `lines.map(…).join()`.
    for (const part of [callee.object, ...args]) {
      if (
        part.type === 'ArrayExpression' ||
        part.type === 'ArrowFunctionExpression' ||
        part.type === 'CallExpression'
      )
        this.#collect([path, part]);
    }
  }

  #collectValue(path: string, name: string): void {
    const target = this.#declarationOf(path, name);
    const values = target && this.#modules.get(target.path)?.values.get(target.name);
    for (const value of values ?? []) this.#collect([target?.path ?? path, value]);
  }

  #addCommand(path: string, { properties }: NodeOf<'ObjectExpression'>): void {
    const textOf = (name: string): string | null => {
      for (const property of properties) {
        if (property.type !== 'Property' || property.key.type !== 'Identifier' || property.key.name !== name)
          continue;
        const { value } = property;
        if (value.type === 'Literal') return String(value.value);
        if (value.type === 'TemplateLiteral') return formatTemplate(value);
        return '${}';
      }
      return null;
    };
    if (textOf('command') === null) return;
    const parts = ['text', 'runner', 'command', 'kind', 'options'].map(textOf);
    this.#add(path, `{${parts.filter((part) => part !== null && part !== '').join(' | ')}}`);
  }

  #add(path: string, text: string): void {
    this.hints.add(`${posix.basename(path)}: ${text}`);
  }
}

function formatTemplate({ quasis }: NodeOf<'TemplateLiteral'>): string {
  return quasis.map(({ value }) => value.raw).join('${}');
}

/** The expressions of which one, or each, is the value. */
function partsOf(node: Node): readonly Node[] {
  if (node.type === 'TaggedTemplateExpression') return [node.quasi];
  if (node.type === 'ConditionalExpression') return [node.consequent, node.alternate];
  if (node.type === 'LogicalExpression') return [node.left, node.right];
  if (node.type === 'BinaryExpression' && node.left.type !== 'PrivateIdentifier')
    return [node.left, node.right];
  if (node.type === 'ArrayExpression') return node.elements.filter((element) => element !== null);
  if (node.type === 'SpreadElement') return [node.argument];
  if (node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression') return [node.expression];
  if (node.type === 'ParenthesizedExpression') return [node.expression];
  return node.type === 'ArrowFunctionExpression' ? returnedValues(node.body) : [];
}
