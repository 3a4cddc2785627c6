import * as v from 'valibot';
import type { Config, ConfigSchema } from './config.ts';

interface Mistake {
  readonly line: number;
  readonly message: string;
}

export interface ParsedConfigFile {
  /** All defaults where there are mistakes. */
  readonly config: Config;
  /** All that there are at once, each with the number of its line in front. */
  readonly mistakes: readonly string[];
}

export async function parseConfigFile(text: string, schema: ConfigSchema): Promise<ParsedConfigFile> {
  // 26 ms to load, and most people have no such file.
  const { isMap, isScalar, LineCounter, parseDocument, visit } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true });
  const mistakes: Mistake[] = document.errors.map(({ message, linePos }) => ({
    line: linePos?.[0].line ?? 1,
    message: message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML',
  }));
  const duplicates = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY').length;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = `*${alias.source}: quote what begins with an asterisk`;
      mistakes.push({ line: lines.linePos(alias.range?.[0] ?? 0).line, message });
    },
  });
  const root = document.contents;
  const isEmpty = root === null || (isScalar(root) && root.value === null);
  if (mistakes.length === duplicates && !isEmpty && !isMap(root)) {
    mistakes.push({ line: 1, message: 'must be keys and values, like "store: keychain"' });
  }
  // A key that is there twice hides nothing of the rest.
  if (mistakes.length === duplicates) {
    const { output, issues } = checked(schema, document.toJS() ?? {});
    if (issues.length + duplicates === 0) return { config: output, mistakes: [] };
    mistakes.push(...issues.map(mistakeOf));
  }
  const inOrder = mistakes.toSorted((a, b) => a.line - b.line);
  // What follows from one mistake is said once.
  const texts = new Set(inOrder.map(({ line, message }) => `${line}: ${message}`));
  return { config: v.parse(schema, {}), mistakes: [...texts] };

  function mistakeOf(issue: v.BaseIssue<unknown>): Mistake {
    const keys = keysOf(issue);
    const message = isUnknownKey(issue) ? 'there is no such key' : said(issue);
    return { line: lineOf(keys), message: `${keys.join('.')}: ${message}` };
  }

  /** Of the last key that is there. */
  function lineOf(keys: readonly unknown[]): number {
    let node: unknown = root;
    let offset = 0;
    for (const key of keys) {
      if (!isMap(node)) break;
      const pair = node.items.findLast(({ key: name }) => isScalar(name) && name.value === key);
      if (!isScalar(pair?.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    }
    return lines.linePos(offset).line;
  }
}

/** valibot names one unknown key of an object and no further: without that key it is asked again. */
function checked(
  schema: ConfigSchema,
  given: unknown,
): { readonly output: Config; readonly issues: readonly v.BaseIssue<unknown>[] } {
  const result = v.safeParse(schema, given);
  const unknown = result.success ? [] : result.issues.filter(isUnknownKey);
  if (unknown.length === 0) return { output: result.output as Config, issues: result.issues ?? [] };
  for (const { path } of unknown) {
    const last = path?.at(-1);
    if (last !== undefined) Reflect.deleteProperty(last.input as object, last.key as string);
  }
  const rest = checked(schema, given);
  return { ...rest, issues: [...unknown, ...rest.issues] };
}

function keysOf({ path }: v.BaseIssue<unknown>): readonly unknown[] {
  return (path ?? []).map(({ key }) => key);
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never';
}

function said(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  const { expected, received } = issue;
  return `must be ${forms[expected ?? ''] ?? expected ?? 'something else'}, not ${received}`;
}

/** What valibot's words mean to a person. */
const forms: Readonly<Record<string, string>> = {
  Object: 'keys and values',
  string: 'text',
  boolean: 'true or false',
};
