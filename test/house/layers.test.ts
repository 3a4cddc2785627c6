import assert from 'node:assert/strict';
import { assertNone, type Finding } from './findings.ts';
import {
  cycles,
  foldersWithoutRow,
  forbidden,
  importsOfHigherRows,
  importsOfNothing,
  nodeModules,
  packageImporters,
  reachedPackages,
  words,
} from './layer-check.ts';
import { sourceFile, type SourceFile, sourceFiles } from './source-tree.ts';

const files = sourceFiles();

describe('the layers of src', () => {
  it('have a row for each folder', () => assertNone(foldersWithoutRow(files)));
  it('import only from lower rows and from their own folder', () => assertNone(importsOfHigherRows(files)));
  it('import files that are there, by names that can be read', () => assertNone(importsOfNothing(files)));
  it('import nothing that a rule of its own forbids', () => assertNone(forbidden(files)));
  it('use no more of Node than their folder may', () => assertNone(nodeModules(files)));
  it('import each package in the one place for it', () => assertNone(packageImporters(files)));
  it('load no package on the way to a token', () => assertNone(reachedPackages(files)));
  it('have no cycle', () => assertNone(cycles(files)));
  it('leave time, chance and the end of a process to their one place, and export by name', () =>
    assertNone(words(files)));
});

describe('the check of the layers', () => {
  it('reads every way to import', () => {
    const { imports } = sourceFile(
      'src/daemon/a.ts',
      [
        "import type { A } from './types.ts';",
        "import { b, type B } from '../token/b.ts';",
        'import {\n  c,\n  d,\n} from "node:net";',
        "import './effect.ts';",
        "import * as all from 'valibot';",
        "export * from './again.ts';",
        "export type { E } from './e.ts';",
        "const f = await import('keytar');",
        "type G = import('./g.ts').G;",
        'const h = await import(name);',
        "const i = require('@scope/i/part');",
        "// import { x } from './comment.ts';",
        "/*\nimport { y } from './comment.ts';\n*/",
        "const slashes = /['\"]\\//; // import('./comment.ts')",
        "const address = 'https://example.invalid'; const j = import('./j.ts');",
      ].join('\n'),
    );
    assert.deepEqual(
      imports.map(({ specifier, typeOnly, dynamic }) =>
        [specifier, typeOnly && 'type', dynamic && 'dynamic'].filter((part) => part !== false).join(' '),
      ),
      [
        './types.ts type',
        '../token/b.ts',
        'node:net',
        './effect.ts',
        'valibot',
        './again.ts',
        './e.ts type',
        'keytar dynamic',
        './g.ts dynamic',
        ' dynamic',
        '@scope/i/part dynamic',
        './j.ts dynamic',
      ],
    );
    assert.equal(imports[1]?.file, 'src/token/b.ts');
  });

  /** What the check says of a file that breaks the rule, among others that do not. */
  const finds = (
    check: (tree: readonly SourceFile[]) => readonly Finding[],
    broken: Readonly<Record<string, string>>,
    expected: RegExp,
  ): void => {
    const findings = check(Object.entries(broken).map(([path, text]) => sourceFile(path, text)));
    assert.equal(findings.length, 1, `one of: ${findings.join('\n')}`);
    assert.match(findings[0] ?? '', expected);
  };

  it('finds a folder that has no row', () =>
    finds(foldersWithoutRow, { 'src/util/a.ts': '' }, /^src\/util\/a\.ts: .*no row/));

  it('finds an import of a higher row, of a neighbour, and of what is outside', () => {
    finds(
      importsOfHigherRows,
      { 'src/token/a.ts': "import type { D } from '../daemon/d.ts';" },
      /row 1 .*row 3/,
    );
    finds(
      importsOfHigherRows,
      { 'src/config/a.ts': "import { s } from '../sources/s.ts';" },
      /row 2 .*row 2/,
    );
    finds(importsOfHigherRows, { 'src/cli/a.ts': "import { t } from '../../test/t.ts';" }, /outside/);
  });

  it('finds an import of what is not there, or of a computed name', () => {
    finds(importsOfNothing, { 'src/cli/a.ts': "import { b } from './b.js';" }, /not there/);
    finds(importsOfNothing, { 'src/cli/a.ts': 'await import(name);' }, /computed name/);
  });

  it('finds an import that a rule of its own forbids', () => {
    finds(forbidden, { 'src/daemon/a.ts': "import { c } from '../adapters/c.ts';" }, /come in as parameters/);
    assert.deepEqual(
      forbidden([sourceFile('src/daemon/a.ts', "import type { C } from '../adapters/c.ts';")]),
      [],
    );
  });

  it('finds a module of Node that the folder may not use', () => {
    const withoutExceptions = (tree: readonly SourceFile[]): readonly Finding[] => nodeModules(tree, []);
    finds(
      withoutExceptions,
      { 'src/platform/a.ts': "import { homedir } from 'node:os';" },
      /may import node:path/,
    );
    finds(withoutExceptions, { 'src/token/a.ts': "import { join } from 'node:path';" }, /may import nothing/);
    finds(withoutExceptions, { 'src/client/a.ts': "import { tmpdir } from 'node:os';" }, /node:net, node:fs/);
    finds(withoutExceptions, { 'src/daemon/a.ts': "import fs from 'fs';" }, /without "node:"/);
    finds(
      withoutExceptions,
      { 'src/daemon/a.ts': "import { setTimeout } from 'node:timers/promises';" },
      /`Clock`/,
    );
  });

  it('lets one file use more of Node for a reason, as long as it does', () => {
    const exceptions = [{ file: 'src/platform/a.ts', only: ['node:os'], reason: 'it asks who we are' }];
    const user = sourceFile('src/platform/a.ts', "process.getBuiltinModule('node:os');");
    assert.equal(nodeModules([user], []).length, 1);
    assert.deepEqual(nodeModules([user], exceptions), []);
    assert.match(nodeModules([], exceptions).join(), /^src\/platform\/a\.ts: .*take the exception back/);
  });

  it('finds a package in the wrong place, in two places, or without a row', () => {
    finds(packageImporters, { 'src/daemon/a.ts': "import winston from 'winston';" }, /src\\\/adapters/);
    finds(packageImporters, { 'src/keychain/keytar-store.ts': "await import('keytar');" }, /keytar-library/);
    finds(
      packageImporters,
      { 'src/cli/a.ts': "import { x } from 'left-pad/x';" },
      /left-pad, which has no row/,
    );
    const importing = "import { Cron } from 'croner';";
    finds(
      packageImporters,
      { 'src/adapters/a.ts': importing, 'src/adapters/b.ts': importing },
      /2 files import croner/,
    );
  });

  it('finds a package that is loaded on the way to a token, however far away', () =>
    finds(
      reachedPackages,
      {
        'src/bin/iam-token.ts': "import { main } from '../cli/main.ts';\nimport type { W } from 'winston';",
        'src/cli/main.ts': "import { b } from './b.ts';\nconst yaml = await import('yaml');",
        'src/cli/b.ts': "import { c } from 'croner';",
      },
      /^src\/bin\/iam-token\.ts > src\/cli\/main\.ts > src\/cli\/b\.ts > croner: /,
    ));

  it('finds a cycle, also one of types', () =>
    finds(
      cycles,
      {
        'src/token/a.ts': "import { b } from './b.ts';",
        'src/token/b.ts': "import { c } from './c.ts';",
        'src/token/c.ts': "import type { B } from './b.ts';",
      },
      /^src\/token\/b\.ts > src\/token\/c\.ts > src\/token\/b\.ts: a cycle/,
    ));

  for (const [path, text] of [
    ['src/cli/a.ts', 'Date.now();'],
    ['src/cli/a.ts', 'new Date();'],
    ['src/cli/a.ts', 'setTimeout(f, 1);'],
    ['src/cli/a.ts', 'globalThis.setTimeout(f, 1);'],
    ['src/cli/a.ts', 'setInterval(f, 1);'],
    ['src/cli/a.ts', 'AbortSignal.timeout(1);'],
    ['src/cli/a.ts', 'Math.random();'],
    ['src/cli/a.ts', 'performance.now();'],
    ['src/cli/a.ts', 'process.exit(1);'],
    ['src/cli/a.ts', 'process.exitCode = 1;'],
    ['src/platform/a.ts', 'const { HOME } = process.env;'],
    ['src/bin/a.ts', 'export default main;'],
    ['src/bin/a.ts', 'export { main as default };'],
  ] as const) {
    it(`finds ${text} in ${path}`, () => finds(words, { [path]: text }, /: has /));
  }

  it('lets pass what only looks like it', () =>
    assertNone(
      words([
        sourceFile('src/adapters/system-clock.ts', 'Date.now(); setTimeout(f, 1); Math.random();'),
        sourceFile('src/bin/a.ts', 'process.exitCode = 1;'),
        sourceFile('src/client/a.ts', 'socket.setTimeout(1); new Date(atMs); // Date.now()'),
        sourceFile('src/token/a.ts', "/** `setTimeout` of the process. */ const area = 'sub-process.';"),
      ]),
    ));
});
