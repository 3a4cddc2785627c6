/** Reads the sources for the convention checks: their text, and what each file imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Compiled, this file lies three folders down: `dist/test/conventions`. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface SourceFile {
  /** From the top of the project, with forward slashes. */
  readonly path: string;
  /** The text, every comment blanked. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As it is written; `null` where the name is computed. */
  readonly specifier: string | null;
  /** Another file of the project, from its top; `null` for Node's own and for packages. */
  readonly file: string | null;
  /** The compiler drops it: nothing is loaded. */
  readonly isTypeOnly: boolean;
  /** `import()`, `require()` and their like: loaded when that line runs. */
  readonly isDynamic: boolean;
}

export function parseSourceFile(path: string, text: string): SourceFile {
  const code = blankComments(text);
  return { path, code, imports: parseImports(path, code) };
}

/** All of `src`. */
export function readSourceFiles(): readonly SourceFile[] {
  return readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .map((path) => parseSourceFile(path, readFileSync(`${root}/${path}`, 'utf8')));
}

/** Comments, and before them all that may hold what only looks like one: strings, templates, regular expressions. */
const tokens = new RegExp(
  [
    /(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)/,
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[^]|[^`\\])*`/,
    /(?<=(?:[(,=:[!&|?{};>]|\breturn|^)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
  'gm',
);

function blankComments(text: string): string {
  return text.replaceAll(tokens, (token, comment) =>
    typeof comment === 'string' ? token.replaceAll(/[^\n]/g, ' ') : token,
  );
}

/** Prettier leaves each such statement at the start of a line. */
const importStatement =
  /^(?:import|export)\s+(?<type>type\s+)?(?:[\w\s{},*$]+?\s+from\s+)?(['"])(?<name>.+?)\2/gm;
const importCall = /(?:(?<![.\w])(?:import|require)|\bgetBuiltinModule)\s*\(\s*(?:(['"])(?<name>.+?)\1)?/g;

function parseImports(path: string, code: string): readonly Import[] {
  const statementMatches = [...code.matchAll(importStatement)].map((match) => ({ match, isDynamic: false }));
  const callMatches = [...code.matchAll(importCall)].map((match) => ({ match, isDynamic: true }));
  return [...statementMatches, ...callMatches].map(({ match, isDynamic }) => {
    const specifier = match.groups?.['name'] ?? null;
    return {
      specifier,
      file: specifier?.startsWith('.') === true ? posix.join(posix.dirname(path), specifier) : null,
      isTypeOnly: match.groups?.['type'] !== undefined,
      isDynamic,
    };
  });
}
