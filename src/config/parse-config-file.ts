import * as v from 'valibot';
import { errorMessage } from '../shared/error-utils.ts';
import type { Config, ConfigSchema } from './config.ts';
import { formatViolation } from './format-violation.ts';

interface ConfigViolation {
  readonly line: number;
  readonly message: string;
}

export interface ParsedConfigFile {
  /** All defaults if there are violations. */
  readonly config: Config;
  /** The value of `network.caFile`. */
  readonly caFile: string | null;
  /** All violations, each as `LINE: message`. */
  readonly violations: readonly string[];
}

export async function parseConfigFile(text: string, schema: ConfigSchema): Promise<ParsedConfigFile> {
  // Loaded on demand: it takes 26 ms, and few users have a configuration file.
  const { isMap, isScalar, LineCounter, parseDocument, visit } = await import('yaml');
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter: lineCounter, uniqueKeys: true, stringKeys: true });
  const violations: ConfigViolation[] = document.errors.map(({ message, linePos, code }) => ({
    line: linePos?.[0].line ?? 1,
    message: formatYamlError(message, code),
  }));
  const duplicateKeys = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY').length;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = `*${alias.source}: quote a value that begins with an asterisk`;
      violations.push({ line: lineCounter.linePos(alias.range?.[0] ?? 0).line, message });
    },
  });
  const root = document.contents;
  const isEmpty = root === null || (isScalar(root) && root.value === null);
  if (violations.length === duplicateKeys && !isEmpty && !isMap(root)) {
    violations.push({ line: 1, message: 'must be a mapping, such as "store: keychain"' });
  }
  // A duplicate key does not prevent the check of the other keys.
  if (violations.length === duplicateKeys) {
    const value = expandAliases(() => document.toJS(), violations);
    const { output, issues } = collectIssues(schema, value ?? {});
    if (issues.length + violations.length === 0) {
      return { config: output, caFile: caFileIn(value), violations: [] };
    }
    violations.push(...issues.map(violationOf));
  }
  const violationsByLine = violations.toSorted((a, b) => a.line - b.line);
  // One mistake can cause the same message twice.
  const messages = new Set(violationsByLine.map(({ line, message }) => `${line}: ${message}`));
  return { config: v.parse(schema, {}), caFile: null, violations: [...messages] };

  function violationOf(issue: v.BaseIssue<unknown>): ConfigViolation {
    const keys = keyPathOf(issue);
    const name = keys.join('.');
    if (isUnknownKey(issue)) return { line: lineOf(keys), message: `${name}: unknown key` };
    // The value of `file` can be a passphrase in the wrong place, and an argument of a hook a secret.
    const value = keys[0] === 'file' || keys[0] === 'hooks' ? undefined : issue.path?.at(-1)?.value;
    return { line: lineOf(keys), message: formatViolation(name, value, ruleOf(issue)) };
  }

  /** The line of the last key of the path that exists. */
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
    return lineCounter.linePos(offset).line;
  }
}

/** Without the piece of the file at the end of some messages: it may be a secret in the wrong place. */
function formatYamlError(message: string, code: string): string {
  const [line = 'invalid YAML'] = message.split('\n');
  const reason = line.replace(/ at line \d+, column \d+:?$/, '');
  if (code === 'BAD_DQ_ESCAPE') return 'Invalid escape sequence; put a Windows path in single quotes';
  return reason.replace(/: .*|(?<=\b(?:directive|version)) .*/, '');
}

/** The value of `network.caFile` in a text that may be invalid, as `parseConfigFile` finds it; `null` without one. */
export async function findCaFile(text: string): Promise<string | null> {
  const { parseDocument } = await import('yaml');
  try {
    const { network } = parseDocument(text).toJS() as { readonly network?: { readonly caFile?: unknown } };
    return typeof network?.caFile === 'string' ? network.caFile : null;
  } catch {
    return null; // Invalid YAML is reported later.
  }
}

/** @param input valid */
function caFileIn(input: unknown): string | null {
  const { network } = (input ?? {}) as { readonly network?: { readonly caFile?: string | null } | null };
  return network?.caFile ?? null;
}

/** valibot reports only the first unknown key of an object: each is removed, and the rest is checked again. */
function collectIssues(
  schema: ConfigSchema,
  input: unknown,
): { readonly output: Config; readonly issues: readonly v.BaseIssue<unknown>[] } {
  const result = v.safeParse(schema, input);
  const unknownKeys = result.success ? [] : result.issues.filter(isUnknownKey);
  if (unknownKeys.length === 0) return { output: result.output as Config, issues: result.issues ?? [] };
  for (const { path } of unknownKeys) {
    const lastKey = path?.at(-1);
    if (lastKey !== undefined) Reflect.deleteProperty(lastKey.input as object, lastKey.key as string);
  }
  const remaining = collectIssues(schema, input);
  return { ...remaining, issues: [...unknownKeys, ...remaining.issues] };
}

function keyPathOf({ path }: v.BaseIssue<unknown>): readonly unknown[] {
  return (path ?? []).map(({ key }) => key);
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never';
}

function ruleOf({ message, expected }: v.BaseIssue<unknown>): string {
  if (!message.startsWith('Invalid ')) return message;
  return `must be ${typeNames[expected ?? ''] ?? expected ?? 'something else'}`;
}

/** The types of YAML by the names that valibot uses. */
const typeNames: Readonly<Record<string, string>> = {
  Object: 'a mapping',
  string: 'a string',
  boolean: 'true or false',
};

/** @param violations gets one if the aliases expand to an excessive size */
function expandAliases(toJS: () => unknown, violations: ConfigViolation[]): unknown {
  try {
    return toJS();
  } catch (error) {
    violations.push({ line: 1, message: errorMessage(error) });
    return {};
  }
}

/**
 * One setting of a configuration file, unchecked.
 * @throws Error for invalid YAML
 */
export async function readSetting(text: string, name: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  if (document.errors[0] !== undefined) throw document.errors[0];
  return (document.toJS() as Readonly<Record<string, unknown>> | null)?.[name];
}
