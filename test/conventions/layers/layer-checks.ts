import { isBuiltin } from 'node:module';
import type { Finding } from '../findings.ts';
import {
  forbiddenImports,
  forbiddenWords,
  layerReason,
  layers,
  type NodeException,
  nodeExceptions,
  packages,
  packageFreeEntries,
} from './layer-rules.ts';
import type { Import, SourceFile } from '../source-tree.ts';

type Check = (files: readonly SourceFile[]) => readonly Finding[];

const layerOf = (path: string) => layers.find(({ folder }) => path.startsWith(`${folder}/`));

function checkImports(
  files: readonly SourceFile[],
  checkImport: (file: SourceFile, importEntry: Import) => Finding | null,
): readonly Finding[] {
  return files
    .flatMap((file) => file.imports.map((importEntry) => checkImport(file, importEntry)))
    .filter(isFinding);
}

function isFinding(finding: Finding | null): finding is Finding {
  return finding !== null;
}

export const checkFolderRows: Check = (files) =>
  files
    .filter(({ path }) => layerOf(path) === undefined)
    .map(({ path }) => `${path}: its folder has no row in the table of layers; add one, with a reason`);

export const checkImportRows: Check = (files) =>
  checkImports(files, ({ path }, { file }) => {
    if (file === null) return null;
    if (file === 'package.json' && path.startsWith('src/bin/')) return null;
    const from = layerOf(path);
    const to = layerOf(file);
    if (to === undefined) return `${path}: imports ${file}, which is outside the layers: ${layerReason}`;
    if (from === undefined || from === to || to.row < from.row) return null;
    if (from.mayImport?.includes(to.folder) === true) return null;
    return `${path}: row ${from.row} imports ${file} of row ${to.row}; only lower rows and its own folder are allowed: ${layerReason}`;
  });

export const checkImportTargets: Check = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  return checkImports(files, ({ path }, { specifier, file }) => {
    if (specifier === null) {
      return `${path}: imports by a computed name: it hides what the file needs from this test and from the bundler`;
    }
    return file === null || !file.startsWith('src/') || paths.has(file)
      ? null
      : `${path}: imports ${file}, which is not there (names end in .ts)`;
  });
};

export const checkForbiddenImports: Check = (files) =>
  checkImports(files, ({ path }, { file, isTypeOnly }) => {
    const rule = forbiddenImports.find(
      ({ importers, imported, allowsTypeImports }) =>
        file !== null && importers.test(path) && imported.test(file) && !(allowsTypeImports && isTypeOnly),
    );
    return rule === undefined ? null : `${path}: imports ${file}: ${rule.reason}`;
  });

export function checkNodeModules(
  files: readonly SourceFile[],
  exceptions: readonly NodeException[] = nodeExceptions,
): readonly Finding[] {
  const checkImport = ({ path }: SourceFile, { specifier }: Import): Finding | null => {
    if (specifier === null || !isBuiltin(specifier)) return null;
    if (!specifier.startsWith('node:')) {
      return `${path}: imports ${specifier} without "node:": a package could have that name`;
    }
    if (/^node:(timers|perf_hooks)/.test(specifier) && path !== 'src/adapters/system-clock.ts') {
      return `${path}: imports ${specifier}: time comes in by \`Clock\`, so that a test can hold it`;
    }
    const allowance = exceptions.find(({ file }) => file === path) ?? layerOf(path)?.node;
    if (allowance === undefined || allowance.only.includes(specifier)) return null;
    return `${path}: imports ${specifier}, and may import ${allowance.only.join(', ') || 'nothing'} of Node: ${allowance.reason}`;
  };
  const staleExceptions = exceptions.flatMap(({ file, only }) => {
    const imports = files.find(({ path }) => path === file)?.imports ?? [];
    return only
      .filter((name) => !imports.some(({ specifier }) => specifier === name))
      .map((name) => `${file}: may import ${name} as an exception, and does not: take the exception back`);
  });
  return [...checkImports(files, checkImport), ...staleExceptions];
}

/** The package that an import loads; `null` where it loads none. */
function packageOf({ specifier, file }: Import): string | null {
  if (specifier === null || file !== null || isBuiltin(specifier)) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

export const checkPackageImporters: Check = (files) => {
  const misplaced = checkImports(files, ({ path }, importEntry) => {
    const name = packageOf(importEntry);
    if (name === null) return null;
    const rule = packages.find((row) => row.name === name);
    if (rule === undefined) {
      return `${path}: imports ${name}, which has no row in the table of packages; add one, with a reason`;
    }
    return rule.importers.test(path)
      ? null
      : `${path}: imports ${name}, allowed in ${rule.importers.source}: ${rule.reason}`;
  });
  const excessImporters = packages.flatMap(({ name, maxImporters, reason }) => {
    const importers = files.filter(({ imports }) =>
      imports.some((importEntry) => packageOf(importEntry) === name),
    );
    const paths = importers.map(({ path }) => path).join(', ');
    return importers.length > maxImporters
      ? [`${paths}: ${importers.length} files import ${name}, ${maxImporters} may: ${reason}`]
      : [];
  });
  return [...misplaced, ...excessImporters];
};

export const checkReachablePackages: Check = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return packageFreeEntries.flatMap(({ from, reason }) => {
    const findings: Finding[] = [];
    const importChains = new Map([[from, from]]);
    for (const [path, importChain] of importChains) {
      for (const importEntry of byPath.get(path)?.imports ?? []) {
        if (importEntry.isTypeOnly || importEntry.isDynamic) continue;
        const name = packageOf(importEntry);
        const isBundled = packages.some((row) => row.name === name && row.isBundled === true);
        if (name !== null && !isBundled) {
          findings.push(`${importChain} > ${name}: loads a package: ${reason}`);
        }
        if (importEntry.file !== null && !importChains.has(importEntry.file)) {
          importChains.set(importEntry.file, `${importChain} > ${importEntry.file}`);
        }
      }
    }
    return findings;
  });
};

/** Types count: two files that need each other's are one thing, or lack a third. */
export const checkCycles: Check = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const visitedPaths = new Set<string>();
  const findings: Finding[] = [];
  const visit = (path: string, importChain: readonly string[]): void => {
    const start = importChain.indexOf(path);
    if (start !== -1) {
      findings.push(
        `${[...importChain.slice(start), path].join(' > ')}: a cycle: none of these can be read or tested alone`,
      );
      return;
    }
    if (visitedPaths.has(path)) return;
    for (const { file } of byPath.get(path)?.imports ?? [])
      if (file !== null) visit(file, [...importChain, path]);
    visitedPaths.add(path);
  };
  for (const { path } of files) visit(path, []);
  return findings;
};

export const checkForbiddenWords: Check = (files) =>
  files.flatMap(({ path, code }) =>
    forbiddenWords
      .filter(({ word, allowedIn }) => !allowedIn.test(path) && word.test(code))
      .map(({ name, reason }) => `${path}: has ${name}: ${reason}`),
  );
