import assert from 'node:assert/strict';
import { assertNoFindings, type Finding } from './findings.ts';
import { parseSourceFile, readSourceFiles, type SourceFile } from './source-tree.ts';

interface FileWriter {
  readonly file: string;
  /** The functions of `node:fs` that it uses. */
  readonly functions: readonly string[];
  readonly reason: string;
}

/** The files outside `src/files` that may open, create or rename files, or change permissions. */
const fileWriters: readonly FileWriter[] = [
  {
    file: 'src/adapters/log-file-writer.ts',
    functions: ['mkdirSync', 'openSync', 'renameSync', 'writeSync'],
    reason: 'a log is appended to, and rotated by renaming',
  },
  {
    file: 'src/cli/commands/setup/secret-file.ts',
    functions: ['open'],
    reason: 'it reads a file that the user names',
  },
  {
    file: 'src/cli/terminal/terminal.ts',
    functions: ['writeSync'],
    reason: 'it writes to the standard streams, not to files',
  },
  { file: 'src/platform/process-context.ts', functions: ['openSync'], reason: 'it reads the head of a file' },
  {
    file: 'src/sources/kinds/token-file.ts',
    functions: ['open'],
    reason: 'it reads a token of another program',
  },
];

const readingFunctions = new Set([
  'access',
  'close',
  'constants',
  'exists',
  'fstat',
  'lstat',
  'read',
  'readdir',
  'readFile',
  'readlink',
  'realpath',
  'stat',
  // Removing leaves no part of a file.
  'rm',
  'rmdir',
  'unlink',
]);

const reason = 'only src/files writes files: whole, durable, with a mode, and with the path in its errors';
const fsImport = /^import\s+(?<isType>type\s+)?(?<names>[^'"]+?)\s+from\s+'node:fs(?:\/promises)?'/gm;

/** Named imports of functions that do not only read; `*` for an import of the whole module. */
function importedWriteFunctions({ code }: SourceFile): readonly string[] {
  return [...code.matchAll(fsImport)].flatMap(({ groups }) => {
    const names = groups?.['names'] ?? '';
    if (groups?.['isType'] !== undefined) return [];
    if (!names.startsWith('{')) return ['*'];
    return names
      .replaceAll(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type '))
      .map((name) => name.replace(/ as .*/, ''))
      .filter((name) => !readingFunctions.has(name.replace(/Sync$/, '')));
  });
}

function checkFileWrites(
  files: readonly SourceFile[],
  writers: readonly FileWriter[] = fileWriters,
): readonly Finding[] {
  const unlisted = files
    .filter(({ path }) => !path.startsWith('src/files/'))
    .flatMap((file) => {
      const allowed = writers.find((writer) => writer.file === file.path)?.functions ?? [];
      return importedWriteFunctions(file)
        .filter((name) => !allowed.includes(name))
        .map((name) => `${file.path}: imports ${name} of node:fs: ${reason}`);
    });
  const unused = writers.flatMap(({ file: path, functions }) => {
    const file = files.find((candidate) => candidate.path === path);
    const names = file === undefined ? [] : importedWriteFunctions(file);
    return functions
      .filter((name) => !names.includes(name))
      .map((name) => `${path}: may import ${name} as an exception, and does not: remove the exception`);
  });
  return [...unlisted, ...unused];
}

describe('files are written by src/files only', () => {
  it('with the listed exceptions', () => assertNoFindings(checkFileWrites(readSourceFiles())));
});

describe('the check of file writes', () => {
  const check = (text: string, writers: readonly FileWriter[] = []): readonly Finding[] =>
    checkFileWrites([parseSourceFile('src/cli/x.ts', text)], writers);

  it('finds writing functions and imports of the whole module', () => {
    const text = [
      "import { readFileSync, writeFileSync } from 'node:fs';",
      "import * as fs from 'node:fs/promises';",
      "import { promises } from 'node:fs';",
    ].join('\n');
    assert.deepEqual(check(text), [
      `src/cli/x.ts: imports writeFileSync of node:fs: ${reason}`,
      `src/cli/x.ts: imports * of node:fs: ${reason}`,
      `src/cli/x.ts: imports promises of node:fs: ${reason}`,
    ]);
  });

  it('allows reading, removing, types and src/files', () => {
    const text =
      "import { lstatSync, rmSync, type Stats } from 'node:fs';\nimport type * as fs from 'node:fs';";
    assert.deepEqual(check(text), []);
    const writer = parseSourceFile('src/files/x.ts', "import { writeFileSync } from 'node:fs';");
    assert.deepEqual(checkFileWrites([writer], []), []);
  });

  it('finds an exception that is not used', () => {
    const writers = [{ file: 'src/cli/x.ts', functions: ['openSync', 'writeSync'], reason: '' }];
    assert.deepEqual(check("import { openSync } from 'node:fs';", writers), [
      'src/cli/x.ts: may import writeSync as an exception, and does not: remove the exception',
    ]);
  });
});
