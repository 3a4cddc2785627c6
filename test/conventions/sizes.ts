/** The size limits of files, functions and folders, as data and as checks. */
import { parseSync, Visitor } from 'oxc-parser';
import type { Finding } from './findings.ts';

export const limits = { fileLines: 300, functionLines: 60, folderFiles: 15 } as const;

export interface SizeException {
  /** A file, a folder, or `FILE:FUNCTION`. */
  readonly place: string;
  readonly reason: string;
}

/** An exception that is no longer needed is a finding too. */
export const sizeExceptions: readonly SizeException[] = [];

export interface SizedFile {
  /** From the top of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

interface Excess {
  readonly place: string;
  readonly finding: Finding;
}

export function checkSizes(
  files: readonly SizedFile[],
  folders: ReadonlyMap<string, number>,
  exceptions: readonly SizeException[] = sizeExceptions,
): readonly Finding[] {
  const excesses = [
    ...files.flatMap((file) => [...longFiles(file), ...longFunctions(file)]),
    ...[...folders].flatMap(([folder, count]) => fullFolders(folder, count)),
  ];
  const excepted = new Set(exceptions.map(({ place }) => place));
  const exceeded = new Set(excesses.map(({ place }) => place));
  return [
    ...excesses.filter(({ place }) => !excepted.has(place)).map(({ finding }) => finding),
    ...exceptions
      .filter(({ place }) => !exceeded.has(place))
      .map(({ place }) => `${place}: is within the limits; remove its exception`),
  ];
}

function longFiles({ path, text }: SizedFile): readonly Excess[] {
  const lines = text.split('\n').length - 1;
  if (lines <= limits.fileLines) return [];
  return [{ place: path, finding: `${path}: has ${lines} lines; at most ${limits.fileLines}` }];
}

function fullFolders(folder: string, count: number): readonly Excess[] {
  if (count <= limits.folderFiles) return [];
  return [{ place: folder, finding: `${folder}: has ${count} files; at most ${limits.folderFiles}` }];
}

interface FunctionNode {
  readonly start: number;
  readonly end: number;
}

/** A callback of `describe`, and a function that is named `describe…`, group tests and have no limit. */
function longFunctions({ path, text }: SizedFile): readonly Excess[] {
  const groups = new Set<number>();
  const names = new Map<number, string>();
  const excesses: Excess[] = [];
  const measure = ({ start, end }: FunctionNode): void => {
    const lines = text.slice(start, end).split('\n').length;
    if (groups.has(start) || lines <= limits.functionLines) return;
    const place = `${path}:${names.get(start) ?? `line ${text.slice(0, start).split('\n').length}`}`;
    excesses.push({ place, finding: `${place}: has ${lines} lines; at most ${limits.functionLines}` });
  };
  new Visitor({
    CallExpression: ({ callee, arguments: [, callback] }) => {
      if (callee.type === 'Identifier' && callee.name.startsWith('describe') && callback)
        groups.add(callback.start);
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type === 'Identifier' && init) names.set(init.start, id.name);
    },
    MethodDefinition: ({ key, value }) => {
      if (key.type === 'Identifier' || key.type === 'PrivateIdentifier') names.set(value.start, key.name);
    },
    FunctionDeclaration: (node) => {
      if (node.id?.name.startsWith('describe')) return;
      if (node.id) names.set(node.start, node.id.name);
      measure(node);
    },
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(parseSync(path, text).program);
  return excesses;
}
