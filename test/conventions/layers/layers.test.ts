import assert from 'node:assert/strict';
import { assertNoFindings, type Finding } from '../findings.ts';
import {
  checkCycles,
  checkFolderRows,
  checkForbiddenImports,
  checkImportRows,
  checkImportTargets,
  checkNodeModules,
  checkPackageImporters,
  checkReachablePackages,
  checkForbiddenWords,
} from './layer-checks.ts';
import { parseSourceFile, type SourceFile, readSourceFiles } from '../source-tree.ts';

const files = readSourceFiles();

describe('the layers of src', () => {
  it('have a row for each folder', () => assertNoFindings(checkFolderRows(files)));
  it('import only from lower rows and from their own folder', () => assertNoFindings(checkImportRows(files)));
  it('import existing files by literal names', () => assertNoFindings(checkImportTargets(files)));
  it('import nothing that a specific rule forbids', () => assertNoFindings(checkForbiddenImports(files)));
  it('use only the Node modules that their folder allows', () => assertNoFindings(checkNodeModules(files)));
  it('import each package from its one importer', () => assertNoFindings(checkPackageImporters(files)));
  it('load no package on the way to a token', () => assertNoFindings(checkReachablePackages(files)));
  it('have no import cycle', () => assertNoFindings(checkCycles(files)));
  it('use time, randomness and process.exit in one file each, and have no default exports', () =>
    assertNoFindings(checkForbiddenWords(files)));
});

describe('the layer checks', () => {
  it('find every form of import', () => {
    const { imports } = parseSourceFile(
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
      imports.map(({ specifier, isTypeOnly, isDynamic }) =>
        [specifier, isTypeOnly && 'type', isDynamic && 'dynamic'].filter((part) => part !== false).join(' '),
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
  const assertFinds = (
    check: (sources: readonly SourceFile[]) => readonly Finding[],
    sourceTexts: Readonly<Record<string, string>>,
    expected: RegExp,
  ): void => {
    const findings = check(Object.entries(sourceTexts).map(([path, text]) => parseSourceFile(path, text)));
    assert.equal(findings.length, 1, `one of: ${findings.join('\n')}`);
    assert.match(findings[0] ?? '', expected);
  };

  it('find a folder without a row', () =>
    assertFinds(checkFolderRows, { 'src/util/a.ts': '' }, /^src\/util\/a\.ts: .*no row/));

  it('find an import from a higher row, from the same row, and from outside src', () => {
    assertFinds(
      checkImportRows,
      { 'src/token/a.ts': "import type { D } from '../daemon/d.ts';" },
      /row 1 .*row 3/,
    );
    assertFinds(
      checkImportRows,
      { 'src/config/a.ts': "import { s } from '../sources/s.ts';" },
      /row 2 .*row 2/,
    );
    assertFinds(checkImportRows, { 'src/cli/a.ts': "import { t } from '../../test/t.ts';" }, /outside/);
  });

  it('find an import of a missing file or of a computed name', () => {
    assertFinds(checkImportTargets, { 'src/cli/a.ts': "import { b } from './b.js';" }, /not there/);
    assertFinds(checkImportTargets, { 'src/cli/a.ts': 'await import(name);' }, /computed name/);
  });

  it('find an import that a specific rule forbids', () => {
    assertFinds(
      checkForbiddenImports,
      { 'src/daemon/a.ts': "import { c } from '../adapters/c.ts';" },
      /come in as parameters/,
    );
    assert.deepEqual(
      checkForbiddenImports([
        parseSourceFile('src/daemon/a.ts', "import type { C } from '../adapters/c.ts';"),
      ]),
      [],
    );
  });

  it('find a Node module that the folder does not allow', () => {
    const withoutExceptions = (sources: readonly SourceFile[]): readonly Finding[] =>
      checkNodeModules(sources, []);
    assertFinds(
      withoutExceptions,
      { 'src/platform/a.ts': "import { homedir } from 'node:os';" },
      /may import node:path/,
    );
    assertFinds(
      withoutExceptions,
      { 'src/token/a.ts': "import { join } from 'node:path';" },
      /may import nothing/,
    );
    assertFinds(
      withoutExceptions,
      { 'src/client/a.ts': "import { tmpdir } from 'node:os';" },
      /node:net, node:fs/,
    );
    assertFinds(withoutExceptions, { 'src/daemon/a.ts': "import fs from 'fs';" }, /without "node:"/);
    assertFinds(
      withoutExceptions,
      { 'src/daemon/a.ts': "import { setTimeout } from 'node:timers/promises';" },
      /`Clock`/,
    );
  });

  it('allow one file more Node modules, as long as it uses them', () => {
    const exceptions = [{ file: 'src/platform/a.ts', only: ['node:os'], reason: 'it asks who we are' }];
    const importer = parseSourceFile('src/platform/a.ts', "process.getBuiltinModule('node:os');");
    assert.equal(checkNodeModules([importer], []).length, 1);
    assert.deepEqual(checkNodeModules([importer], exceptions), []);
    assert.match(checkNodeModules([], exceptions).join(), /^src\/platform\/a\.ts: .*take the exception back/);
  });

  it('find a package with a wrong importer, with two importers, or without a row', () => {
    assertFinds(
      checkPackageImporters,
      { 'src/daemon/a.ts': "import winston from 'winston';" },
      /src\\\/adapters/,
    );
    assertFinds(
      checkPackageImporters,
      { 'src/stores/keychain/keytar-store.ts': "await import('keytar');" },
      /keytar-library/,
    );
    assertFinds(
      checkPackageImporters,
      { 'src/cli/a.ts': "import { x } from 'left-pad/x';" },
      /left-pad, which has no row/,
    );
    const cronerImport = "import { Cron } from 'croner';";
    assertFinds(
      checkPackageImporters,
      { 'src/adapters/a.ts': cronerImport, 'src/adapters/b.ts': cronerImport },
      /2 files import croner/,
    );
  });

  it('find a package that the way to a token loads indirectly', () =>
    assertFinds(
      checkReachablePackages,
      {
        'src/bin/iam-token.ts': "import { main } from '../cli/main.ts';\nimport type { W } from 'winston';",
        'src/cli/main.ts': "import { b } from './b.ts';\nconst yaml = await import('yaml');",
        'src/cli/b.ts': "import { c } from 'croner';",
      },
      /^src\/bin\/iam-token\.ts > src\/cli\/main\.ts > src\/cli\/b\.ts > croner: /,
    ));

  it('find an import cycle, also of types', () =>
    assertFinds(
      checkCycles,
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
    it(`find ${text} in ${path}`, () => assertFinds(checkForbiddenWords, { [path]: text }, /: has /));
  }

  it('ignore similar text', () =>
    assertNoFindings(
      checkForbiddenWords([
        parseSourceFile('src/adapters/system-clock.ts', 'Date.now(); setTimeout(f, 1); Math.random();'),
        parseSourceFile('src/bin/a.ts', 'process.exitCode = 1;'),
        parseSourceFile('src/client/a.ts', 'socket.setTimeout(1); new Date(atMs); // Date.now()'),
        parseSourceFile('src/token/a.ts', "/** `setTimeout` of the process. */ const area = 'sub-process.';"),
      ]),
    ));
});
